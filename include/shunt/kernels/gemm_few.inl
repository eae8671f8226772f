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
template <class T, int X, class S>
[[gnu::noinline]] void dot_tile(std::int64_t k, const T* x, std::int64_t stride, const S* const* line, T* sums) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width, L = 16 / sizeof(T);
  V acc[X][L] = {};
  std::int64_t p = 0;
  for (; p + W <= k; p += W) {
    V y[L], v;
#pragma GCC unroll 4
    for (int r = 0; r < L; ++r) load_as<T>(y[r], line[r] + p);
#pragma GCC unroll 4
    for (int i = 0; i < X; ++i) {
      load(v, x + i * stride + p);
#pragma GCC unroll 4
      for (int r = 0; r < L; ++r) acc[i][r] += v * y[r];
    }
  }
  for (int i = 0; i < X; ++i, x += stride, sums += L) {
    sum_lanes(acc[i], sums);
    for (int r = 0; r < L; ++r) {
      for (std::int64_t q = p; q < k; ++q) sums[r] += x[q] * static_cast<T>(line[r][q]);
    }
  }
}
// Vectors for which a tile's accumulators fit the register file.
inline constexpr int dot_vectors = SHUNT_ISA_BYTES == 64 ? 4 : 2;

// All x_count vectors: sums[x * L + line].
template <class S, class T>
[[gnu::noinline]] void dot_lines(std::int64_t k, const T* x, std::int64_t stride, std::int64_t count,
                                 const S* const* line, T* sums) {
  constexpr int L = 16 / sizeof(T), X = dot_vectors;
  std::int64_t i = 0;
  for (; i + X <= count; i += X) dot_tile<T, X>(k, x + i * stride, stride, line, sums + i * L);
  for (; i < count; ++i) dot_tile<T, 1>(k, x + i * stride, stride, line, sums + i * L);
}

// sums[j] (+)= the sum over eight rows of x[q] row[q][j].
template <class S, class T>
inline void add_rows(std::int64_t n, const S* rows, std::int64_t stride, const T* x, std::int64_t along, T* sums,
                     bool first) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width, Q = 8;
  V weight[Q];
#pragma GCC unroll 8
  for (int q = 0; q < Q; ++q) weight[q] = V{} + x[q * along];
  std::int64_t j = 0;
  for (; j + W <= n; j += W) {
    V even = {}, odd = {}, row;
    if (!first) load(even, sums + j);
#pragma GCC unroll 8
    for (int q = 0; q < Q; ++q) {
      load_as<T>(row, rows + q * stride + j);
      (q % 2 == 0 ? even : odd) += weight[q] * row;
    }
    even += odd;
    store(even, sums + j);
  }
  for (; j < n; ++j) {
    T sum = first ? T(0) : sums[j];
    for (int q = 0; q < Q; ++q) sum += x[q * along] * static_cast<T>(rows[q * stride + j]);
    sums[j] = sum;
  }
}
// sums[i][j] = the sum over k rows of x[i][p] row[p][j]: rows that lie apart are read side by side, eight at a time,
// from end to end, which is what the prefetchers expect.
template <class S, class T>
[[gnu::noinline]] void weigh_rows(std::int64_t n, std::int64_t k, const S* rows, std::int64_t stride, const T* x,
                                  std::int64_t x_stride, std::int64_t along, std::int64_t count, T* sums,
                                  std::int64_t sums_stride) {
  std::int64_t p = 0;
  for (; p + 8 <= k; p += 8) {
    for (std::int64_t i = 0; i < count; ++i)
      add_rows(n, rows + p * stride, stride, x + i * x_stride + p * along, along, sums + i * sums_stride, p == 0);
  }
  for (; p < k; ++p) {
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t j = 0; j < n; ++j)
        sums[i * sums_stride + j] += x[i * x_stride + p * along] * static_cast<T>(rows[p * stride + j]);
    }
  }
}
