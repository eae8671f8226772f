// Inner products for one instruction set. Bound by the bandwidth of the larger operand.
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
