// Few vectors against a matrix, for one instruction set. Bound by the bandwidth of the matrix.
#include "shunt/kernels/gemm_pack.inl"

// L sums of the lanes of one vector each.
template <class T>
inline void sum_lanes(const typename Simd<T>::V* acc, T* sums) {
  constexpr int W = Simd<T>::width, L = 16 / sizeof(T);
  typename Simd<T>::V turned[L];
  transpose_lanes(acc, turned, 1);
#pragma GCC unroll 4
  for (int r = 1; r < L; ++r) turned[0] += turned[r];
  T lanes[W];
  store(turned[0], lanes);
  for (int r = 0; r < L; ++r) {
    sums[r] = lanes[r];
    for (int s = L; s < W; s += L) sums[r] += lanes[s + r];
  }
}

// Inner products of L = 128 bits' worth of lines with X vectors, `stride` apart: sums[x * L + line].
template <class T, int X>
[[gnu::noinline]] void dot_tile(std::int64_t k, const T* x, std::int64_t stride, const T* const* line, T* sums) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width, L = 16 / sizeof(T);
  V acc[X][L] = {}, more[X][L] = {};
  std::int64_t p = 0;
  for (; p + 2 * W <= k && X == 1; p += 2 * W) {  // a single vector's sums would wait for themselves
    V x0, x1, y;
    load(x0, x + p);
    load(x1, x + p + W);
#pragma GCC unroll 4
    for (int r = 0; r < L; ++r) {
      load(y, line[r] + p);
      acc[0][r] += x0 * y;
      load(y, line[r] + p + W);
      more[0][r] += x1 * y;
    }
  }
  for (; p < k; p += W) {
    const int lanes = static_cast<int>(k - p < W ? k - p : W);
    V y[L], v;
#pragma GCC unroll 4
    for (int r = 0; r < L; ++r) lanes == W ? load(y[r], line[r] + p) : load_part(y[r], line[r] + p, lanes);
#pragma GCC unroll 4
    for (int i = 0; i < X; ++i) {
      lanes == W ? load(v, x + i * stride + p) : load_part(v, x + i * stride + p, lanes);
#pragma GCC unroll 4
      for (int r = 0; r < L; ++r) acc[i][r] += v * y[r];
    }
  }
  for (int r = 0; r < L && X == 1; ++r) acc[0][r] += more[0][r];
#pragma GCC unroll 4
  for (int i = 0; i < X; ++i) sum_lanes(acc[i], sums + i * L);
}
// Vectors for which a tile's accumulators fit the register file.
inline constexpr int dot_vectors = SHUNT_ISA_BYTES == 64 ? 4 : 2;

// All x_count vectors: sums[x * L + line].
template <class T>
[[gnu::noinline]] void dot_lines(std::int64_t k, const T* x, std::int64_t stride, std::int64_t count,
                                 const T* const* line, T* sums) {
  constexpr int L = 16 / sizeof(T), X = dot_vectors;
  std::int64_t i = 0;
  for (; i + X <= count; i += X) dot_tile<T, X>(k, x + i * stride, stride, line, sums + i * L);
  for (; i < count; ++i) dot_tile<T, 1>(k, x + i * stride, stride, line, sums + i * L);
}

// sums[j] = or += the sum over Q rows of x[q] row[q][j], for lanes 0..lanes of one vector; W of them are a whole one.
template <class T, int Q>
inline void add_vectors(int lanes, const T* rows, std::int64_t stride, const typename Simd<T>::V* weight, T* sums,
                        bool first) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  V even = {}, odd = {}, row;
  if (!first) lanes == W ? load(even, sums) : load_part(even, sums, lanes);
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q) {
    lanes == W ? load(row, rows + q * stride) : load_part(row, rows + q * stride, lanes);
    (q % 2 == 0 ? even : odd) += weight[q] * row;
  }
  even += odd;
  lanes == W ? store(even, sums) : store_part(even, sums, lanes);
}
template <class T, int Q>
inline void add_rows(std::int64_t n, const T* rows, std::int64_t stride, const T* x, std::int64_t along, T* sums,
                     bool first) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  V weight[Q];
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q) weight[q] = V{} + x[q * along];
  std::int64_t j = 0;
  for (; j + W <= n; j += W) add_vectors<T, Q>(W, rows + j, stride, weight, sums + j, first);
  if (j < n) add_vectors<T, Q>(static_cast<int>(n - j), rows + j, stride, weight, sums + j, first);
}
// sums[i][j] = the sum over k rows of x[i][p] row[p][j]: rows that lie apart are read side by side, eight at a time,
// from end to end, which is what the prefetchers expect.
template <class T>
[[gnu::noinline]] void weigh_rows(std::int64_t n, std::int64_t k, const T* rows, std::int64_t stride, const T* x,
                                  std::int64_t x_stride, std::int64_t along, std::int64_t count, T* sums,
                                  std::int64_t sums_stride) {
  std::int64_t p = 0;
  for (; p + 8 <= k; p += 8) {
    for (std::int64_t i = 0; i < count; ++i) {
      add_rows<T, 8>(n, rows + p * stride, stride, x + i * x_stride + p * along, along, sums + i * sums_stride, p == 0);
    }
  }
  for (; p < k; ++p) {
    for (std::int64_t i = 0; i < count; ++i) {
      add_rows<T, 1>(n, rows + p * stride, stride, x + i * x_stride + p * along, along, sums + i * sums_stride, p == 0);
    }
  }
}
