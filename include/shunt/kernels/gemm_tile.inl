// The innermost part of the matrix product: vectors, packing and the register tile. Compiled once per instruction set.

template <class T>
struct Simd {
  typedef T V __attribute__((vector_size(SHUNT_ISA_BYTES)));
  typedef T Unaligned __attribute__((vector_size(SHUNT_ISA_BYTES), aligned(alignof(T)), may_alias));
  static constexpr int width = SHUNT_ISA_BYTES / sizeof(T);
};

// Rows of a full tile: all registers but two for B and one for A. Columns of a full tile: two vectors.
inline constexpr int tile_rows = SHUNT_ISA_BYTES == 64 ? 14 : SHUNT_ISA_BYTES == 32 ? 6 : 4;
template <class T>
inline constexpr int tile_cols = 2 * Simd<T>::width;

template <class T>
inline void load(typename Simd<T>::V& v, const T* p) {
  v = *reinterpret_cast<const typename Simd<T>::Unaligned*>(p);
}
template <class T>
inline void store(const typename Simd<T>::V& v, T* p) {
  *reinterpret_cast<typename Simd<T>::Unaligned*>(p) = v;
}

// From values of another type: bfloat16 is the upper half of a float.
template <class T, class S>
inline void load_as(typename Simd<T>::V& v, const S* p) {
  if constexpr (std::is_same_v<S, T>) {
    load(v, p);
  } else {
    typedef std::uint16_t Half __attribute__((vector_size(SHUNT_ISA_BYTES / 2), aligned(2), may_alias));
    typedef std::uint32_t Whole __attribute__((vector_size(SHUNT_ISA_BYTES)));
    v = reinterpret_cast<typename Simd<T>::V>(__builtin_convertvector(*reinterpret_cast<const Half*>(p), Whole) << 16);
  }
}

// The first `count` lanes, 0 <= count <= width; memory beyond them is not touched, other lanes become zero.
#if SHUNT_ISA_BYTES == 64
inline void load_part(Simd<float>::V& v, const float* p, int count) {
  v = __builtin_ia32_loadups512_mask(p, Simd<float>::V{}, static_cast<unsigned short>((1U << count) - 1U));
}
inline void load_part(Simd<double>::V& v, const double* p, int count) {
  v = __builtin_ia32_loadupd512_mask(p, Simd<double>::V{}, static_cast<unsigned char>((1U << count) - 1U));
}
inline void store_part(const Simd<float>::V& v, float* p, int count) {
  __builtin_ia32_storeups512_mask(p, v, static_cast<unsigned short>((1U << count) - 1U));
}
inline void store_part(const Simd<double>::V& v, double* p, int count) {
  __builtin_ia32_storeupd512_mask(p, v, static_cast<unsigned char>((1U << count) - 1U));
}
#elif SHUNT_ISA_BYTES == 32
typedef int Lanes8 __attribute__((vector_size(32)));
typedef long long Lanes4 __attribute__((vector_size(32)));
inline void load_part(Simd<float>::V& v, const float* p, int count) {
  v = __builtin_ia32_maskloadps256(reinterpret_cast<const Simd<float>::V*>(p), Lanes8{0, 1, 2, 3, 4, 5, 6, 7} < count);
}
inline void load_part(Simd<double>::V& v, const double* p, int count) {
  v = __builtin_ia32_maskloadpd256(reinterpret_cast<const Simd<double>::V*>(p), Lanes4{0, 1, 2, 3} < count);
}
inline void store_part(const Simd<float>::V& v, float* p, int count) {
  __builtin_ia32_maskstoreps256(reinterpret_cast<Simd<float>::V*>(p), Lanes8{0, 1, 2, 3, 4, 5, 6, 7} < count, v);
}
inline void store_part(const Simd<double>::V& v, double* p, int count) {
  __builtin_ia32_maskstorepd256(reinterpret_cast<Simd<double>::V*>(p), Lanes4{0, 1, 2, 3} < count, v);
}
#else
template <class T>
inline void load_part(typename Simd<T>::V& v, const T* p, int count) {
  v = typename Simd<T>::V{};
  for (int i = 0; i < count; ++i) v[i] = p[i];
}
template <class T>
inline void store_part(const typename Simd<T>::V& v, T* p, int count) {
  for (int i = 0; i < count; ++i) p[i] = v[i];
}
#endif

// The first `lanes` lanes, which mostly are all.
template <class T>
inline void load_lanes(typename Simd<T>::V& v, const T* p, int lanes) {
  lanes == Simd<T>::width ? load(v, p) : load_part(v, p, lanes);
}
template <class T>
inline void store_lanes(const typename Simd<T>::V& v, T* p, int lanes) {
  lanes == Simd<T>::width ? store(v, p) : store_part(v, p, lanes);
}

// The epilogue of a tile that lies in the first-level cache: in this order, C, the biases, the base.
template <class T>
[[gnu::noinline]] void finish(const Tile<T>& t, const typename Simd<T>::V* sum, int vectors) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  const Epilogue<T>& e = t.end;
  for (int j = 0; j < vectors; ++j) {
    const int lanes = t.cols - j * W < W ? t.cols - j * W : W;
    if (lanes <= 0) break;
    V bias = {};
    if (e.bias != nullptr) load_part(bias, e.bias + j * W, lanes);
    for (int i = 0; i < t.rows; ++i) {
      V v = sum[i * vectors + j], other;
      T* c = t.c + i * t.ldc + j * W;
      if (e.accumulate) {
        load_lanes(other, c, lanes);
        v += other;
      }
      v += bias;
      if (e.row_bias != nullptr) v += e.row_bias[i];
      if (e.base != nullptr) {
        const T* base = e.base + i * e.base_row + j * W;
        load_lanes(other, base, lanes);
        v += other;
      }
      store_lanes(v, c, lanes);
    }
  }
}

// How a tile's operands are multiplied: lane by lane, or as floats that each are a pair of bfloat16s, neighbours in k.
struct ByLanes {
  static std::int64_t steps(std::int64_t k) { return k; }
  template <class T>
  [[gnu::always_inline]] static inline void add(typename Simd<T>::V& acc, const T* a, const typename Simd<T>::V& b) {
    acc += *a * b;
  }
};
#if SHUNT_ISA_BYTES == 64
// By AVX-512's dot product of pairs, as text: the compilers disagree about the types of its function.
struct ByPairs {
  static std::int64_t steps(std::int64_t k) { return (k + 1) / 2; }
  template <class T>
  [[gnu::always_inline]] static inline void add(typename Simd<T>::V& acc, const T* a, const typename Simd<T>::V& b) {
    asm("vdpbf16ps %2%{1to16%}, %1, %0" : "+v"(acc) : "v"(b), "m"(*a));
  }
};
#endif

// A panel of B comes from the second-level cache; only the highest tiles have time to ask for it early.
template <int M>
inline constexpr int rows_ahead = SHUNT_ISA_BYTES == 64 && M > 8 ? 8 : 0;

// Sums over k of products of M rows with N vectors of columns. Rows beyond t.rows repeat the last one.
template <class T, int M, int N, class Product>
[[gnu::always_inline]] inline void multiply_rows(const Tile<T>& t, typename Simd<T>::V (&acc)[M][N]) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width, ahead = rows_ahead<M>;
  const T* a[M];
  for (int i = 0; i < M; ++i) {
    const int r = i < t.rows ? i : t.rows - 1;
    a[i] = t.a + (t.a_at != nullptr ? t.a_at[r] : r * t.row);
  }
  const T* b = t.b;
  const std::int64_t k = Product::steps(t.k), col = t.col, ldb = t.ldb;
  const std::int64_t* const b_at = t.b_at;
  for (std::int64_t p = 0, q = 0; p < k; ++p, q += col, b += ldb) {
    if (b_at != nullptr) b = t.b + b_at[p];
    if constexpr (ahead > 0) {
#pragma GCC unroll 16
      for (int j = 0; j < N; ++j) __builtin_prefetch(b + ahead * ldb + j * W);
    }
    V bv[N];
#pragma GCC unroll 16
    for (int j = 0; j < N; ++j) load(bv[j], b + j * W);
#pragma GCC unroll 16
    for (int i = 0; i < M; ++i) {
#pragma GCC unroll 16
      for (int j = 0; j < N; ++j) Product::template add<T>(acc[i][j], a[i] + q, bv[j]);
    }
  }
}
// Tiles of 10 and 12 rows, which 32 are cut into, the batches whose products wait for memory most: they have time to
// ask for what is upcoming.
constexpr bool asks_ahead(int rows) { return SHUNT_ISA_BYTES == 64 && rows > 8 && rows <= 12; }

// The same where rows of both operands are evenly apart and at most the last one is beyond t.rows: a pointer to every
// second row of A, so that all find a register. (14 rows do so only with others in memory, and are slower like this.)
template <class T, int M, int N, class Product>
[[gnu::always_inline]] inline void multiply_pairs(const Tile<T>& t, typename Simd<T>::V (&acc)[M][N]) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width, ahead = rows_ahead<M>, period = 8;
  const T* a[M / 2];
  for (int i = 0; i < M / 2; ++i) a[i] = t.a + 2 * i * t.row;
  const T* const last = t.rows == M ? a[M / 2 - 1] + t.row : a[M / 2 - 1];
  const T* b = t.b;
  const std::byte* asked = t.asked;
  const std::int64_t k = Product::steps(t.k), col = t.col, ldb = t.ldb;
  for (std::int64_t p = 0, q = 0, odd = t.row; p < k;) {
    const std::int64_t stop = k - p < period ? k : p + period;
    if (asked != nullptr) {
#pragma GCC unroll 8
      for (int i = 0; i < period; ++i) __builtin_prefetch(asked + i * Upcoming::line, 0, 2);
      asked += period * Upcoming::line;
    }
    for (; p < stop; ++p, q += col, odd += col, b += ldb) {
      if constexpr (ahead > 0) {
#pragma GCC unroll 16
        for (int j = 0; j < N; ++j) __builtin_prefetch(b + ahead * ldb + j * W);
      }
      V bv[N];
#pragma GCC unroll 16
      for (int j = 0; j < N; ++j) load(bv[j], b + j * W);
#pragma GCC unroll 16
      for (int i = 0; i < M; ++i) {
        const T* const at = i == M - 1 ? last + q : a[i / 2] + (i % 2 == 0 ? q : odd);
#pragma GCC unroll 16
        for (int j = 0; j < N; ++j) Product::template add<T>(acc[i][j], at, bv[j]);
      }
    }
  }
}

// M x N accumulators stay in registers for the whole of k. Rows beyond t.rows are not stored.
template <class T, int M, int N, class Product>
[[gnu::noinline]] void tile(const Tile<T>& t) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  V acc[M][N] = {};
  if (t.k >= 64) {
    for (int i = 0; i < t.rows; ++i) {
      for (int j = 0; j < N; ++j) __builtin_prefetch(t.c + i * t.ldc + j * W, 1);
    }
  }
  bool done = false;
  if constexpr (asks_ahead(M)) {
    done = t.a_at == nullptr && t.b_at == nullptr && t.rows >= M - 1;
    if (done) multiply_pairs<T, M, N, Product>(t, acc);
  }
  if (!done) multiply_rows<T, M, N, Product>(t, acc);
  const Epilogue<T>& e = t.end;
  if (t.cols == N * W && e.bias == nullptr && e.row_bias == nullptr && e.base == nullptr) {
    T* c = t.c;
#pragma GCC unroll 16
    for (int i = 0; i < M; ++i, c += t.ldc) {
      if (i == t.rows) break;
#pragma GCC unroll 16
      for (int j = 0; j < N; ++j) {
        V old = {};
        if (e.accumulate) load(old, c + j * W), acc[i][j] += old;
        store(acc[i][j], c + j * W);
      }
    }
    return;
  }
  V sum[M][N];
#pragma GCC unroll 16
  for (int i = 0; i < M; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < N; ++j) sum[i][j] = acc[i][j];
  }
  finish(t, &sum[0][0], N);
}

template <class T>
using TileFunction = void (*)(const Tile<T>&);

// The least tile that holds t.rows; heights in between are left out, as each costs every program its compilation.
template <class T, class Product = ByLanes>
inline void run_tile(const Tile<T>& t) {
#if SHUNT_ISA_BYTES == 64
  static constexpr TileFunction<T> wide[] = {tile<T, 2, 2, Product>, tile<T, 4, 2, Product>,  tile<T, 8, 2, Product>,
                                             tile<T, 8, 2, Product>, tile<T, 10, 2, Product>, tile<T, 12, 2, Product>,
                                             tile<T, 14, 2, Product>};
  static constexpr TileFunction<T> narrow[] = {tile<T, 4, 1, Product>, tile<T, 4, 1, Product>,  tile<T, 8, 1, Product>,
                                               tile<T, 8, 1, Product>, tile<T, 14, 1, Product>, tile<T, 14, 1, Product>,
                                               tile<T, 14, 1, Product>};
#elif SHUNT_ISA_BYTES == 32
  static constexpr TileFunction<T> wide[] = {tile<T, 2, 2, Product>, tile<T, 4, 2, Product>, tile<T, 6, 2, Product>};
  static constexpr TileFunction<T> narrow[] = {tile<T, 6, 1, Product>, tile<T, 6, 1, Product>, tile<T, 6, 1, Product>};
#else
  static constexpr TileFunction<T> wide[] = {tile<T, 4, 2, Product>, tile<T, 4, 2, Product>};
  static constexpr TileFunction<T> narrow[] = {tile<T, 4, 1, Product>, tile<T, 4, 1, Product>};
#endif
  int pairs = (t.rows - 1) / 2;
#if SHUNT_ISA_BYTES == 64
  if (t.far && t.rows > 4 && t.rows <= 8) pairs = 4;  // the least that asks for rows of B early
#endif
  (t.cols > Simd<T>::width ? wide[pairs] : narrow[pairs])(t);
}

// The height of the next tile where `left` rows are left: nearly equal, even ones, since 32 = 12 + 10 + 10 keeps the
// multipliers busier than 14 + 14 + 4.
inline int next_rows(std::int64_t left) {
  const std::int64_t tiles = (left + tile_rows - 1) / tile_rows, rows = (left + tiles - 1) / tiles;
  return static_cast<int>(rows + rows % 2 < left ? rows + rows % 2 : left);
}
