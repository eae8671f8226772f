// The products of Winograd's convolution, for one instruction set.

// The 36 products of a panel of filters and one or two vectors of tiles: register tiles whose operands and results are
// contiguous, so that all addresses of a step are one register and a constant. All M rows of a panel are computed.
template <class T>
struct FactorTiles {
  const T* a;
  std::int64_t a_step, lda;
  const T* b;
  std::int64_t b_step, ldb, k;
  T* c;
  std::int64_t c_step, ldc;
  bool accumulate;
};
template <class T, int M, int N>
[[gnu::noinline]] void factor_tiles(const FactorTiles<T>& t) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  const std::int64_t k = t.k, lda = t.lda, ldb = t.ldb, ldc = t.ldc;
  for (int i = 0; i < 36; ++i) {
    const T *a = t.a + i * t.a_step, *b = t.b + i * t.b_step;
    T* const c = t.c + i * t.c_step;
    V acc[M][N] = {};
    if (t.accumulate) {
#pragma GCC unroll 16
      for (int m = 0; m < M; ++m) {
#pragma GCC unroll 2
        for (int n = 0; n < N; ++n) load(acc[m][n], c + m * ldc + n * W);
      }
    }
    for (std::int64_t p = 0; p < k; ++p, a += lda, b += ldb) {
      V bv[N];
#pragma GCC unroll 2
      for (int n = 0; n < N; ++n) load(bv[n], b + n * W);
#pragma GCC unroll 16
      for (int m = 0; m < M; ++m) {
#pragma GCC unroll 2
        for (int n = 0; n < N; ++n) acc[m][n] += a[m] * bv[n];
      }
    }
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
#pragma GCC unroll 2
      for (int n = 0; n < N; ++n) store(acc[m][n], c + m * ldc + n * W);
    }
  }
}
template <class T>
inline void multiply_factors(const FactorTiles<T>& t, int rows, int cols) {
  using Function = void (*)(const FactorTiles<T>&);
#if SHUNT_ISA_BYTES == 64
  static constexpr Function wide[] = {factor_tiles<T, 4, 2>, factor_tiles<T, 4, 2>,  factor_tiles<T, 8, 2>,
                                      factor_tiles<T, 8, 2>, factor_tiles<T, 10, 2>, factor_tiles<T, 12, 2>,
                                      factor_tiles<T, 14, 2>};
  static constexpr Function narrow[] = {factor_tiles<T, 8, 1>, factor_tiles<T, 8, 1>,  factor_tiles<T, 8, 1>,
                                        factor_tiles<T, 8, 1>, factor_tiles<T, 14, 1>, factor_tiles<T, 14, 1>,
                                        factor_tiles<T, 14, 1>};
#elif SHUNT_ISA_BYTES == 32
  static constexpr Function wide[] = {factor_tiles<T, 2, 2>, factor_tiles<T, 4, 2>, factor_tiles<T, 6, 2>};
  static constexpr Function narrow[] = {factor_tiles<T, 6, 1>, factor_tiles<T, 6, 1>, factor_tiles<T, 6, 1>};
#else
  static constexpr Function wide[] = {factor_tiles<T, 4, 2>, factor_tiles<T, 4, 2>};
  static constexpr Function narrow[] = {factor_tiles<T, 4, 1>, factor_tiles<T, 4, 1>};
#endif
  const int pairs = (rows - 1) / 2;
  (cols > Simd<T>::width ? wide[pairs] : narrow[pairs])(t);
}
