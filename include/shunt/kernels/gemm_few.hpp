// Products with few rows or few columns: few vectors against a matrix, bound by reading the matrix once.
#pragma once

#include <algorithm>

#include "shunt/kernels/gemm_loops.hpp"

namespace shunt::kernels::detail {

/// The most vectors that inner products are taken with.
inline constexpr std::int64_t most_dots = 16;

/// c(line, x) is the product of a line of the matrix and a vector x. The epilogue's parts are seen along lines and
/// along vectors.
template <class T>
struct FewVectors {
  std::int64_t k;
  const T* matrix;
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
    const auto dot = by_isa(portable::dot_lines<T>, avx2::dot_lines<T>, avx512::dot_lines<T>);
    constexpr int L = 16 / sizeof(T);
    for (std::int64_t i = begin; i < end; i += L) {
      const T* lines[L];
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
    const auto rows = by_isa(portable::weigh_rows<T>, avx2::weigh_rows<T>, avx512::weigh_rows<T>);
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
template <class T>
bool gemm_few(int width, std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, T* c,
              std::int64_t ldc, const Epilogue<T>& e) {
  if (k < std::max(width, 8) || std::min(m, n) > most_dots) return false;
  const bool columns = n <= m;
  FewVectors<T> f = columns ? FewVectors<T>{k,   a.data, a.row,      a.col,  b.data, b.col,      b.row, n,           c,
                                            ldc, 1,      e.row_bias, e.bias, e.base, e.base_row, 1,     e.accumulate}
                            : FewVectors<T>{k, b.data, b.col,  b.row,      a.data, a.row, a.col,      m,           c,
                                            1, ldc,    e.bias, e.row_bias, e.base, 1,     e.base_row, e.accumulate};
  const std::int64_t lines = std::max(m, n);
  const bool far =
      k * lines > 1 << 16;  // a matrix that comes from afar is read once; a tile would be as fast otherwise
  if (f.along == 1) {
    // Every sum of lanes costs as much as some hundred products.
    if (f.x_count > (k >= 512 ? most_dots : 2) || (f.x_along != 1 && f.x_count > 1)) return false;
    if (f.x_along != 1) {
      T* const column = scratch<T>(Scratch::panel_b, k);
      for (std::int64_t p = 0; p < k; ++p) column[p] = f.x[p * f.x_along];
      f.x = column;
    }
  } else if (f.line != 1 || f.x_count > (far ? 3 : 2)) {
    return false;
  }
  f.run(lines);
  return true;
}

}  // namespace shunt::kernels::detail
