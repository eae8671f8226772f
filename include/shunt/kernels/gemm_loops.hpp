// What a matrix product is made of for each instruction set: the register tile and the packing of panels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "shunt/core/scalar.hpp"
#include "shunt/core/threads.hpp"
#include "shunt/kernels/fetch.hpp"
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
/// matrix `base` with contiguous rows, in this order. `base` may be C itself, with its rows.
template <class T>
struct Epilogue {
  const T* bias = nullptr;
  const T* row_bias = nullptr;
  const T* base = nullptr;
  std::int64_t base_row = 0;
  bool accumulate = false;

  /// The part that belongs to the results from (i, j) on.
  Epilogue at(std::int64_t i, std::int64_t j) const {
    Epilogue part = *this;
    if (bias != nullptr) part.bias += j;
    if (row_bias != nullptr) part.row_bias += i;
    if (base != nullptr) part.base += i * base_row + j;
    return part;
  }
};

/// c (rows x cols) = a (rows x k) b (k x cols), then the epilogue, whose pointers stand at this tile's corner.
/// a is read where it lies; b holds k rows of one or two whole vectors, ldb apart.
template <class T>
struct Tile {
  const T* a;
  std::int64_t row, col;
  const T* b;
  std::int64_t ldb, k;
  T* c;
  std::int64_t ldc;
  int rows, cols;
  Epilogue<T> end;
  const std::int64_t* a_at = nullptr;  ///< Positions of the rows of a, instead of multiples of `row`.
  const std::int64_t* b_at = nullptr;  ///< Positions of the rows of b, instead of multiples of `ldb`.
  bool far = false;                    ///< Whether b comes from beyond the second-level cache.
  Upcoming* upcoming = nullptr;        ///< What multiply_panel() asks for meanwhile.
  const std::byte* asked = nullptr;    ///< What this tile asks for, a line with every value of k.
};

/// One instruction set's part of a product whose operands are of type S: the driver, which cuts the work, is compiled
/// once for all of them.
template <class S, class T>
struct GemmLoops {
  int width, rows;                                       ///< Lanes of a vector; rows of a full tile.
  void (*multiply_tile)(const Tile<T>& tile);            ///< At most a full tile.
  void (*multiply_panel)(std::int64_t m, Tile<T> tile);  ///< m rows, whatever tile.rows says.
  /// `count` lines side by side, `width` apart; `across` is the stride from line to line, `along` the stride along k.
  void (*pack)(T* dst, int width, const S* src, std::int64_t across, std::int64_t along, int count, std::int64_t k);

  int cols() const { return 2 * width; }  ///< Columns of a full tile.
};

}  // namespace shunt::kernels

#define SHUNT_KERNEL_BODY "shunt/kernels/gemm.inl"
#include "shunt/kernels/foreach_isa.hpp"

namespace shunt::kernels {

template <class S, class T>
const GemmLoops<S, T>& gemm_loops() {
#if defined(__x86_64__) && defined(__GNUC__) && !(defined(SHUNT_SIMD) && SHUNT_SIMD == 0)
  if constexpr (std::is_same_v<S, bfloat16>)
    if (isa() == Isa::avx512 && has_bfloat16_products()) return avx512::gemm_pair_loops<S, T>;
#endif
  return *by_isa(&portable::gemm_loops<S, T>, &avx2::gemm_loops<S, T>, &avx512::gemm_loops<S, T>);
}

}  // namespace shunt::kernels
