#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

#include "shunt/core/scalar.hpp"
#include "shunt/core/threads.hpp"
#include "shunt/kernels/gemm_scratch.hpp"
#include "shunt/kernels/isa.hpp"

namespace shunt::kernels {

/// A matrix as it lies in memory, element (i, j) at data[i * row + j * col]: transposed and strided ones included.
template <class T>
struct Operand {
  const T* data;
  std::int64_t row, col;
};

/// What is added to the product before it is stored: C itself (accumulate), one bias per column and per row, and a
/// matrix `base` with contiguous rows, in this order. `base` may be C.
template <class T>
struct Epilogue {
  const T* bias = nullptr;
  const T* row_bias = nullptr;
  const T* base = nullptr;
  std::int64_t base_row = 0;
  bool accumulate = false;
};

}  // namespace shunt::kernels

#define SHUNT_KERNEL_BODY "shunt/kernels/gemm.inl"
#include "shunt/kernels/foreach_isa.hpp"

namespace shunt::kernels {

template <class T>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, T* c, std::int64_t ldc,
          const Epilogue<T>& e = {});

namespace detail {

template <class T>
void finish_generic(std::int64_t m, std::int64_t n, T* c, std::int64_t ldc, const Epilogue<T>& e, const auto& product) {
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      auto v = product(i, j);
      using Sum = decltype(v);
      if (e.accumulate) v = static_cast<Sum>(v + static_cast<Sum>(c[i * ldc + j]));
      if (e.bias != nullptr) v = static_cast<Sum>(v + static_cast<Sum>(e.bias[j]));
      if (e.row_bias != nullptr) v = static_cast<Sum>(v + static_cast<Sum>(e.row_bias[i]));
      if (e.base != nullptr) v = static_cast<Sum>(v + static_cast<Sum>(e.base[i * e.base_row + j]));
      c[i * ldc + j] = static_cast<T>(v);
    }
  }
}

// Any scalar, in its accumulator's type: Eigen's inner products, a coefficient at a time.
template <class T>
void gemm_generic(std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, T* c, std::int64_t ldc,
                  const Epilogue<T>& e) {
  parallel_for(m, (std::int64_t{1} << 16) / (n * k + 1) + 1, [&](std::int64_t begin, std::int64_t end) {
    Epilogue<T> part = e;
    if (e.row_bias != nullptr) part.row_bias += begin;
    if (e.base != nullptr) part.base += begin * e.base_row;
    finish_generic(end - begin, n, c + begin * ldc, ldc, part, [&](std::int64_t i, std::int64_t j) {
      accumulate_t<T> sum(0);
      using Sum = accumulate_t<T>;
      const T* x = a.data + (begin + i) * a.row;
      const T* y = b.data + j * b.col;
      for (std::int64_t p = 0; p < k; ++p) {
        sum = static_cast<Sum>(sum + static_cast<Sum>(x[p * a.col]) * static_cast<Sum>(y[p * b.row]));
      }
      return sum;
    });
  });
}

}  // namespace detail

/// C = A B, then the epilogue. a (m, k), b (k, n), c (m, n) with rows ldc apart; k = 0 gives the epilogue alone. C must
/// not overlap A or B. The same bits for every number of threads. float and double have register kernels.
template <class T>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, T* c, std::int64_t ldc,
          const Epilogue<T>& e) {
  if (m <= 0 || n <= 0) return;
  if (k <= 0) a = b = {c, 0, 0}, k = 0;
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    Epilogue<T> end = e;
    if (e.base == c && e.base_row == ldc && !e.accumulate) end.base = nullptr, end.accumulate = true;
    by_isa(portable::gemm<T>, avx2::gemm<T>, avx512::gemm<T>)(m, n, k, a, b, c, ldc, end);
  } else {
    detail::gemm_generic(m, n, k, a, b, c, ldc, e);
  }
}

/// `batch` products of one shape, operands and results a stride apart; a stride of 0 uses one operand for all.
template <class T>
void gemm_batched(std::int64_t batch, std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a,
                  std::int64_t a_batch_stride, Operand<T> b, std::int64_t b_batch_stride, T* c, std::int64_t ldc,
                  std::int64_t c_batch_stride, bool accumulate = false) {
  const std::int64_t grain = (std::int64_t{1} << 20) / (m * n * k + 1) + 1;
  const auto products = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      gemm<T>(m, n, k, {a.data + i * a_batch_stride, a.row, a.col}, {b.data + i * b_batch_stride, b.row, b.col},
              c + i * c_batch_stride, ldc, {.accumulate = accumulate});
    }
  };
  if (grain == 1 && batch < num_threads()) return products(0, batch);  // large ones are cut themselves
  parallel_for(batch, grain, products);
}

}  // namespace shunt::kernels
