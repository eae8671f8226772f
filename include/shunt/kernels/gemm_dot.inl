// Products with at most two rows or columns, both operands contiguous along k: inner products, nothing packed. Bound
// by the bandwidth of the larger operand.
#include "shunt/kernels/gemm_pack.inl"

// L = 128 bits' worth of lines against one vector: sums of products, which end up in the lanes of one 128-bit piece.
template <class T>
[[gnu::noinline]] void dot_lines(std::int64_t k, const T* x, const T* const* line, T* sums) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width, L = 16 / sizeof(T);
  V acc[2][L] = {};
  std::int64_t p = 0;
  for (; p + 2 * W <= k; p += 2 * W) {
    V x0, x1, y;
    load(x0, x + p);
    load(x1, x + p + W);
#pragma GCC unroll 4
    for (int r = 0; r < L; ++r) {
      load(y, line[r] + p);
      acc[0][r] += x0 * y;
      load(y, line[r] + p + W);
      acc[1][r] += x1 * y;
    }
  }
  for (; p < k; p += W) {
    const int lanes = static_cast<int>(k - p < W ? k - p : W);
    V x0, y;
    load_part(x0, x + p, lanes);
#pragma GCC unroll 4
    for (int r = 0; r < L; ++r) {
      load_part(y, line[r] + p, lanes);
      acc[0][r] += x0 * y;
    }
  }
  V turned[L];
#pragma GCC unroll 4
  for (int r = 0; r < L; ++r) acc[0][r] += acc[1][r];
  transpose_lanes(acc[0], turned, 1);
#pragma GCC unroll 4
  for (int r = 1; r < L; ++r) turned[0] += turned[r];
  T lanes[W];
  store(turned[0], lanes);
  for (int r = 0; r < L; ++r) {
    sums[r] = lanes[r];
    for (int s = L; s < W; s += L) sums[r] += lanes[s + r];
  }
}

// c(line, x) for few vectors x and many lines, with the epilogue's parts seen along lines and along x.
template <class T>
struct Dots {
  std::int64_t k;
  const T* lines;
  std::int64_t line_stride;
  const T* x;
  std::int64_t x_stride, x_count;
  T* c;
  std::int64_t c_line, c_x;
  const T *line_bias, *x_bias, *base;
  std::int64_t base_line, base_x;
  bool accumulate;

  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    constexpr int L = 16 / sizeof(T);
    for (std::int64_t i = begin; i < end; i += L) {
      const T* line[L];
      T sums[L];
      for (int r = 0; r < L; ++r) line[r] = lines + (i + r < end ? i + r : end - 1) * line_stride;
      for (std::int64_t j = 0; j < x_count; ++j) {
        dot_lines(k, x + j * x_stride, line, sums);
        for (int r = 0; r < L && i + r < end; ++r) {
          T& to = c[(i + r) * c_line + j * c_x];
          T v = accumulate ? sums[r] + to : sums[r];
          if (line_bias != nullptr) v += line_bias[i + r];
          if (x_bias != nullptr) v += x_bias[j];
          if (base != nullptr) v += base[(i + r) * base_line + j * base_x];
          to = v;
        }
      }
    }
  }
};

// Whether the product was of this kind, and is done.
template <class T>
bool gemm_dot(std::int64_t m, std::int64_t n, std::int64_t k, Operand<T> a, Operand<T> b, T* c, std::int64_t ldc,
              const Epilogue<T>& e) {
  constexpr std::int64_t few = 2;
  if (k < Simd<T>::width || (m > few && n > few)) return false;
  if (n == 1 && b.row != 1 && a.col == 1) {
    T* const column = scratch<T>(Scratch::panel_b, k);
    for (std::int64_t p = 0; p < k; ++p) column[p] = b.data[p * b.row];
    b = {column, 1, k};
  }
  if (a.col != 1 || b.row != 1) return false;
  const std::int64_t grain = ((std::int64_t{1} << 16) / (k + 1) + 1) * 4;
  if (n <= few && n <= m) {
    parallel_for(m, grain,
                 Dots<T>{k, a.data, a.row, b.data, b.col, n, c, ldc, 1, e.row_bias, e.bias, e.base, e.base_row, 1,
                         e.accumulate});
  } else {
    parallel_for(n, grain,
                 Dots<T>{k, b.data, b.col, a.data, a.row, m, c, 1, ldc, e.bias, e.row_bias, e.base, 1, e.base_row,
                         e.accumulate});
  }
  return true;
}
