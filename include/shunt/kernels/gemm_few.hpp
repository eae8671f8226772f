// Products with few rows or few columns: few vectors against a matrix, bound by reading the matrix once.
#pragma once

#include <algorithm>

#include "shunt/kernels/gemm_loops.hpp"

namespace shunt::kernels::detail {

/// The most vectors that inner products are taken with.
inline constexpr std::int64_t most_dots = 16;

/// c(line, x) is the product of a line of the matrix and a vector x. The epilogue's parts are seen along lines and
/// along vectors. The matrix may be of another type, which is widened as it is read.
template <class S, class T>
struct FewVectors {
  std::int64_t k;
  const S* matrix;
  std::int64_t line, along;  ///< Strides from line to line and along k; one of them is 1.
  const T* x;
  std::int64_t x_stride, x_along, x_count;
  T* c;
  std::int64_t c_line, c_x;
  const T *line_bias, *x_bias, *base;
  std::int64_t base_line, base_x;
  bool accumulate;

  /// Lines begin..end, a task's own.
  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    along == 1 ? dots(begin, end) : sweep(begin, end);
  }
  void run(std::int64_t lines) const {
    const std::int64_t grain = ((std::int64_t{1} << 16) / (k + 1) + 1) * 4;
    parallel_for(lines, along == 1 ? grain : (grain + 63) / 64 * 64, *this);
  }

 private:
  /// Lines that lie along k.
  void dots(std::int64_t begin, std::int64_t end) const {
    const auto dot = by_isa(portable::dot_lines<S, T>, avx2::dot_lines<S, T>, avx512::dot_lines<S, T>);
    constexpr int L = 16 / sizeof(T);
    for (std::int64_t i = begin; i < end; i += L) {
      const S* lines[L];
      T sums[most_dots * L];
      for (int r = 0; r < L; ++r) lines[r] = matrix + (i + r < end ? i + r : end - 1) * line;
      dot(k, x, x_stride, x_count, lines, sums);
      for (std::int64_t j = 0; j < x_count; ++j) {
        for (int r = 0; r < L && i + r < end; ++r) put(i + r, j, sums[j * L + r]);
      }
    }
  }
  /// Lines side by side: values of many of them are contiguous, and read as they lie.
  void sweep(std::int64_t begin, std::int64_t end) const {
    const auto rows = by_isa(portable::weigh_rows<S, T>, avx2::weigh_rows<S, T>, avx512::weigh_rows<S, T>);
    if (c_line == 1 && !accumulate && line_bias == nullptr && x_bias == nullptr && base == nullptr)
      return rows(end - begin, k, matrix + begin, along, x, x_stride, x_along, x_count, c + begin, c_x);
    constexpr std::int64_t most = 4096 / sizeof(T);
    T* const sums = scratch<T>(Scratch::panel_a, x_count * most);
    for (std::int64_t i = begin, count; i < end; i += count) {
      count = std::min(end - i, most);
      rows(count, k, matrix + i, along, x, x_stride, x_along, x_count, sums, most);
      for (std::int64_t j = 0; j < x_count; ++j) {
        for (std::int64_t r = 0; r < count; ++r) put(i + r, j, sums[j * most + r]);
      }
    }
  }
  void put(std::int64_t i, std::int64_t j, T sum) const {
    T& to = c[i * c_line + j * c_x];
    if (accumulate) sum += to;
    if (line_bias != nullptr) sum += line_bias[i];
    if (x_bias != nullptr) sum += x_bias[j];
    if (base != nullptr) sum += base[i * base_line + j * base_x];
    to = sum;
  }
};

/// Whether the product has few rows or columns, and is done.
template <class S, class T>
bool gemm_few(int width, std::int64_t m, std::int64_t n, std::int64_t k, Operand<S> a, Operand<S> b, T* c,
              std::int64_t ldc, const Epilogue<T>& e) {
  constexpr bool same = std::is_same_v<S, T>;
  if (k < std::max(width, 8) || std::min(m, n) > most_dots) return false;
  const bool columns = n <= m;
  const Operand<S> turned{b.data, b.col, b.row}, matrix = columns ? a : turned, x = columns ? turned : a;
  const std::int64_t lines = std::max(m, n), count = std::min(m, n);
  // A matrix that comes from afar is read once; a tile would be as fast otherwise.
  const bool far = k * lines > 1 << 16;
  if (matrix.col == 1) {
    // Every sum of lanes costs as much as some hundred products.
    if (count > (k >= 512 ? most_dots : std::max<std::int64_t>(2, k / 64)) || (x.col != 1 && count > 1 && same))
      return false;
  } else if (matrix.row != 1 || count > (!same ? 4 : far ? 3 : 2)) {
    return false;
  }
  const bool apart = !same || (matrix.col == 1 && x.col != 1);  // vectors that are to be set out first
  FewVectors<S, T> f =
      columns ? FewVectors<S, T>{k,   matrix.data, matrix.row, matrix.col, nullptr, x.row,      x.col, n,           c,
                                 ldc, 1,           e.row_bias, e.bias,     e.base,  e.base_row, 1,     e.accumulate}
              : FewVectors<S, T>{k, matrix.data, matrix.row, matrix.col, nullptr, x.row, x.col,      m,           c,
                                 1, ldc,         e.bias,     e.row_bias, e.base,  1,     e.base_row, e.accumulate};
  if (apart) {
    T* const own = scratch<T>(Scratch::panel_b, count * k);
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t p = 0; p < k; ++p) own[i * k + p] = static_cast<T>(x.data[i * x.row + p * x.col]);
    }
    f.x = own, f.x_stride = k, f.x_along = 1;
  } else if constexpr (same) {
    f.x = x.data;
  }
  f.run(lines);
  return true;
}

}  // namespace shunt::kernels::detail
