// Products of matrices of any scalar.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "shunt/kernels/gemm_driver.hpp"

namespace shunt::kernels {

template <class T>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, T* c, std::int64_t ldc,
          const Epilogue<T>& e = {}, const Upcoming& upcoming = {});

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

// Calls product(first row, rows, epilogue of these rows) for blocks whose results fill at most about 4 MB.
template <class T>
void for_row_blocks(std::int64_t m, std::int64_t n, const Epilogue<T>& e, const auto& product) {
  const std::int64_t most = std::max<std::int64_t>(64, (std::int64_t{1} << 20) / n);
  for (std::int64_t i = 0; i < m; i += most) { product(i, std::min(most, m - i), e.at(i, 0)); }
}

// Summed in float, rounded once.
template <class T>
void gemm_in_float(std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, T* c, std::int64_t ldc,
                   const Epilogue<T>& e) {
  for_row_blocks(m, n, e, [&](std::int64_t i, std::int64_t rows, const Epilogue<T>& part) {
    float* const sums = scratch<float>(Scratch::products, rows * n);
    gemm_converted<T, float>(rows, n, k, {a.data + i * a.row, a.row, a.col}, b, sums);
    finish_generic(rows, n, c + i * ldc, ldc, part, [&](std::int64_t r, std::int64_t j) { return sums[r * n + j]; });
  });
}

// (A + A' eps) (B + B' eps) = A B + (A B' + A' B) eps: three products of the inner scalar, which may be dual again.
template <class U>
void gemm_dual(std::int64_t m, std::int64_t n, std::int64_t k, Operand<dual<U>> a, Operand<dual<U>> b, dual<U>* c,
               std::int64_t ldc, const Epilogue<dual<U>>& e) {
  static_assert(sizeof(dual<U>) == 2 * sizeof(U));
  for_row_blocks(m, n, e, [&](std::int64_t i, std::int64_t rows, const Epilogue<dual<U>>& part) {
    const dual<U>* const from = a.data + i * a.row;
    const Operand<U> av{&from->value, 2 * a.row, 2 * a.col}, ae{&from->eps, 2 * a.row, 2 * a.col};
    const Operand<U> bv{&b.data->value, 2 * b.row, 2 * b.col}, be{&b.data->eps, 2 * b.row, 2 * b.col};
    const std::unique_ptr<U[]> sums(new U[static_cast<std::size_t>(2 * rows * n)]);
    U *const value = sums.get(), *const eps = value + rows * n;
    gemm<U>(rows, n, k, av, bv, value, n);
    gemm<U>(rows, n, k, av, be, eps, n);
    gemm<U>(rows, n, k, ae, bv, eps, n, {.accumulate = true});
    finish_generic(rows, n, c + i * ldc, ldc, part, [&](std::int64_t r, std::int64_t j) {
      return dual<U>{value[r * n + j], eps[r * n + j]};
    });
  });
}

// Any other scalar, in its accumulator's type.
template <class T>
void gemm_generic(std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, T* c, std::int64_t ldc,
                  const Epilogue<T>& e) {
  parallel_for(m, (std::int64_t{1} << 16) / (n * k + 1) + 1, [&](std::int64_t begin, std::int64_t end) {
    finish_generic(end - begin, n, c + begin * ldc, ldc, e.at(begin, 0), [&](std::int64_t i, std::int64_t j) {
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
/// not overlap A or B. The same bits for every number of threads. float and double have register kernels, which bring
/// near what is upcoming if they are small.
template <class T>
void gemm(std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, T* c, std::int64_t ldc,
          const Epilogue<T>& e, [[maybe_unused]] const Upcoming& upcoming) {
  if (m <= 0 || n <= 0) return;
  if (k <= 0) a = b = {c, 0, 0}, k = 0;
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
    Epilogue<T> end = e;
    if (e.base == c && e.base_row == ldc && !e.accumulate) end.base = nullptr, end.accumulate = true;
    detail::gemm_tiled(m, n, k, a, b, c, ldc, end, upcoming);
  } else if constexpr (std::is_same_v<T, bfloat16>) {
    detail::gemm_in_float(m, n, k, a, b, c, ldc, e);
  } else if constexpr (is_dual<T>) {
    detail::gemm_dual(m, n, k, a, b, c, ldc, e);
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
