// Depthwise convolution for one instruction set.

#if SHUNT_ISA_BYTES == 64
#define SHUNT_ODD32 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
#define SHUNT_ODD64 1, 3, 5, 7, 9, 11, 13, 15
#define SHUNT_ZIP_LOW32 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define SHUNT_ZIP_HIGH32 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#define SHUNT_ZIP_LOW64 0, 8, 1, 9, 2, 10, 3, 11
#define SHUNT_ZIP_HIGH64 4, 12, 5, 13, 6, 14, 7, 15
#elif SHUNT_ISA_BYTES == 32
#define SHUNT_ODD32 1, 3, 5, 7, 9, 11, 13, 15
#define SHUNT_ODD64 1, 3, 5, 7
#define SHUNT_ZIP_LOW32 0, 8, 1, 9, 2, 10, 3, 11
#define SHUNT_ZIP_HIGH32 4, 12, 5, 13, 6, 14, 7, 15
#define SHUNT_ZIP_LOW64 0, 4, 1, 5
#define SHUNT_ZIP_HIGH64 2, 6, 3, 7
#else
#define SHUNT_ODD32 1, 3, 5, 7
#define SHUNT_ODD64 1, 3
#define SHUNT_ZIP_LOW32 0, 4, 1, 5
#define SHUNT_ZIP_HIGH32 2, 6, 3, 7
#define SHUNT_ZIP_LOW64 0, 2
#define SHUNT_ZIP_HIGH64 1, 3
#endif
// Every second value of two vectors, from the second one on.
inline void odd_lanes(Simd<float>::V& v, const Simd<float>::V& low, const Simd<float>::V& high) {
  v = __builtin_shufflevector(low, high, SHUNT_ODD32);
}
inline void odd_lanes(Simd<double>::V& v, const Simd<double>::V& low, const Simd<double>::V& high) {
  v = __builtin_shufflevector(low, high, SHUNT_ODD64);
}
// even[0], odd[0], even[1], odd[1], ..
inline void zip_lanes(Simd<float>::V* v, const Simd<float>::V& even, const Simd<float>::V& odd) {
  v[0] = __builtin_shufflevector(even, odd, SHUNT_ZIP_LOW32);
  v[1] = __builtin_shufflevector(even, odd, SHUNT_ZIP_HIGH32);
}
inline void zip_lanes(Simd<double>::V* v, const Simd<double>::V& even, const Simd<double>::V& odd) {
  v[0] = __builtin_shufflevector(even, odd, SHUNT_ZIP_LOW64);
  v[1] = __builtin_shufflevector(even, odd, SHUNT_ZIP_HIGH64);
}
#undef SHUNT_ODD32
#undef SHUNT_ODD64
#undef SHUNT_ZIP_LOW32
#undef SHUNT_ZIP_HIGH32
#undef SHUNT_ZIP_LOW64
#undef SHUNT_ZIP_HIGH64

// Keeps g++ from loading or shuffling the same values again for every product that uses them.
template <class T>
inline void keep(typename Simd<T>::V& v) {
#if SHUNT_ISA_BYTES == 64
  __asm__("" : "+v"(v));
#elif SHUNT_ISA_BYTES == 32
  __asm__("" : "+x"(v));
#else
  static_cast<void>(v);
#endif
}

// Some neighbouring lanes of a vector. What load_lanes does not load is zero, and not touched: `at` may lie before or
// beyond the `size` values at p.
#if SHUNT_ISA_BYTES == 64
template <class T>
using Lanes = unsigned;
template <class T>
inline void choose_lanes(Lanes<T>& m, std::int64_t lo, std::int64_t hi) {
  constexpr std::int64_t W = Simd<T>::width;
  lo = lo < 0 ? 0 : lo < W ? lo : W;
  hi = hi < lo ? lo : hi < W ? hi : W;
  m = (1U << hi) - (1U << lo);
}
inline void load_lanes(Simd<float>::V& v, const float* p, std::int64_t at, std::int64_t, Lanes<float> m) {
  v = __builtin_ia32_loadups512_mask(p + at, Simd<float>::V{}, static_cast<unsigned short>(m));
}
inline void load_lanes(Simd<double>::V& v, const double* p, std::int64_t at, std::int64_t, Lanes<double> m) {
  v = __builtin_ia32_loadupd512_mask(p + at, Simd<double>::V{}, static_cast<unsigned char>(m));
}
#else
template <class T>
struct LaneIndex;
template <>
struct LaneIndex<float> {
  typedef int V __attribute__((vector_size(SHUNT_ISA_BYTES)));
};
template <>
struct LaneIndex<double> {
  typedef long long V __attribute__((vector_size(SHUNT_ISA_BYTES)));
};
template <class T>
using Lanes = typename LaneIndex<T>::V;
template <class T>
inline void choose_lanes(Lanes<T>& m, std::int64_t lo, std::int64_t hi) {
  const int first = lo < 0 ? 0 : lo < 64 ? static_cast<int>(lo) : 64;
  const int last = hi < 0 ? 0 : hi < 64 ? static_cast<int>(hi) : 64;
  Lanes<T> index = {};
#pragma GCC unroll 8
  for (int i = 0; i < Simd<T>::width; ++i) index[i] = i;
  m = (index >= first) & (index < last);
}
#if SHUNT_ISA_BYTES == 32
inline void load_lanes(Simd<float>::V& v, const float* p, std::int64_t at, std::int64_t, const Lanes<float>& m) {
  v = __builtin_ia32_maskloadps256(reinterpret_cast<const Simd<float>::V*>(p + at), m);
}
inline void load_lanes(Simd<double>::V& v, const double* p, std::int64_t at, std::int64_t, const Lanes<double>& m) {
  v = __builtin_ia32_maskloadpd256(reinterpret_cast<const Simd<double>::V*>(p + at), m);
}
#else
template <class T>
inline void load_lanes(typename Simd<T>::V& v, const T* p, std::int64_t at, std::int64_t size, const Lanes<T>& m) {
  if (at >= 0 && at + Simd<T>::width <= size) {
    load(v, p + at);
    v = reinterpret_cast<typename Simd<T>::V>(reinterpret_cast<Lanes<T>>(v) & m);
    return;
  }
  v = typename Simd<T>::V{};
  for (int i = 0; i < Simd<T>::width; ++i) {
    if (m[i] != 0) v[i] = p[at + i];
  }
}
#endif
#endif

// Which columns of a source row the taps of a row of K see, at one vector of the result; strides of two read pairs of
// vectors and take the even lanes for one tap, the odd ones for the next.
template <class T, int K, int S>
struct Window {
  static constexpr int loads = S == 1 ? K : (K + 1) / 2 * 2;
  Lanes<T> lanes[loads];

  // Lanes whose results exist: `count` of them.
  [[gnu::always_inline]] void choose(std::int64_t x0, std::int64_t width, std::int64_t count) {
    constexpr std::int64_t W = Simd<T>::width;
#pragma GCC unroll 8
    for (int i = 0; i < loads; ++i) {
      const std::int64_t at = x0 + (S == 1 ? i : i / 2 * 2 + i % 2 * W);
      const std::int64_t most = S == 1 ? count : 2 * count - i % 2 * W;
      choose_lanes<T>(lanes[i], -at, width - at < most ? width - at : most);
    }
  }
  [[gnu::always_inline]] void read(typename Simd<T>::V* v, const T* p, std::int64_t at, std::int64_t size) const {
    constexpr std::int64_t W = Simd<T>::width;
    if constexpr (S == 1) {
#pragma GCC unroll 8
      for (int q = 0; q < K; ++q) {
        load_lanes(v[q], p, at + q, size, lanes[q]);
        keep<T>(v[q]);
      }
    } else {
#pragma GCC unroll 8
      for (int q = 0; q < K; q += 2) {
        typename Simd<T>::V low, high;
        load_lanes(low, p, at + q, size, lanes[q]);
        load_lanes(high, p, at + q + W, size, lanes[q + 1]);
        even_lanes(v[q], low, high);
        keep<T>(v[q]);
        if (q + 1 == K) break;
        odd_lanes(v[q + 1], low, high);
        keep<T>(v[q + 1]);
      }
    }
  }
};

template <class T>
struct SlidePlane {
  const detail::Depthwise& g;
  const T* x;                // all of the source
  std::int64_t plane, size;  // where the plane begins in it, how much there is
  const T *w, *bias;         // of the plane's filter
  T* y;                      // the result's plane
  bool accumulate;
  std::int64_t begin, end;  // which rows of it
};

template <class T>
inline void put(typename Simd<T>::V& v, T* y, std::int64_t count, bool accumulate) {
  constexpr int W = Simd<T>::width;
  typename Simd<T>::V old;
  if (count >= W) {
    if (accumulate) load(old, y), v += old;
    store(v, y);
  } else if (count > 0) {
    if (accumulate) load_part(old, y, static_cast<int>(count)), v += old;
    store_part(v, y, static_cast<int>(count));
  }
}

// Where a vector would overhang the end of a row, one that ends there is computed instead, some lanes twice.
template <class T>
inline std::int64_t fitting_column(std::int64_t j, std::int64_t columns, bool accumulate) {
  constexpr int W = Simd<T>::width;
  return j + W > columns && columns >= W && !accumulate ? columns - W : j;
}

// Square kernels, R rows of the result at a time, which share the rows that they read.
template <class T, int K, int S, int R>
[[gnu::noinline]] void slide(const SlidePlane<T>& b) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  const detail::Depthwise& g = b.g;
  const std::int64_t h = g.h, width = g.w, columns = g.ow, end = b.end, size = b.size;
  const T* const x = b.x;
  const bool accumulate = b.accumulate;
  V w[K * K];
#pragma GCC unroll 32
  for (int t = 0; t < K * K; ++t) w[t] = b.w[g.flipped ? K * K - 1 - t : t] - V{};
  const T bias = b.bias != nullptr ? *b.bias : T(0);
  for (std::int64_t column = 0; column < columns; column += W) {
    const std::int64_t j = fitting_column<T>(column, columns, accumulate), x0 = j * S - g.pw;
    Window<T, K, S> window;
    window.choose(x0, width, W);
    T* y = b.y + b.begin * columns + j;
    for (std::int64_t u = b.begin; u < end; u += R) {
      V acc[R];
#pragma GCC unroll 8
      for (int o = 0; o < R; ++o) acc[o] = bias - V{};
      std::int64_t row = u * S - g.ph, at = b.plane + row * width + x0;
#pragma GCC unroll 16
      for (int i = 0; i < (R - 1) * S + K; ++i, ++row, at += width) {
        if (row < 0 || row >= h) continue;
        V v[K];
        window.read(v, x, at, size);
#pragma GCC unroll 8
        for (int q = 0; q < K; ++q) {
#pragma GCC unroll 8
          for (int o = 0; o < R; ++o) {
            if (i - o * S >= 0 && i - o * S < K) acc[o] += w[(i - o * S) * K + q] * v[q];
          }
        }
      }
#pragma GCC unroll 8
      for (int o = 0; o < R; ++o) {
        if (u + o >= end) break;
        put(acc[o], y, columns - j, accumulate);
        y += columns;
      }
    }
  }
}

// The gradient of stride 2 with respect to its source: the taps of each parity of row and column meet in one of four
// sums. Position 2 i + b of the result sees the taps t of the parity of b + pad, at i + ahead(t).
inline std::int64_t taps_ahead(std::int64_t pad, std::int64_t tap) { return (pad + 1 - tap % 2) / 2 - tap / 2; }

template <class T, int K>
[[gnu::noinline]] void slide_spread(const SlidePlane<T>& b) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  const detail::Depthwise& g = b.g;
  const std::int64_t columns = (g.ow + 1) / 2, h = g.h, width = g.w, end = b.end, size = b.size, last = g.ow;
  const T *const x = b.x, *const w = b.w;
  const bool accumulate = b.accumulate;
  T* const result = b.y;
  for (std::int64_t column = 0; column < columns; column += W) {
    const std::int64_t j = fitting_column<T>(column, columns, accumulate);
    Lanes<T> lanes[K];
#pragma GCC unroll 8
    for (int q = 0; q < K; ++q) {
      const std::int64_t at = j + taps_ahead(g.pw, q);
      choose_lanes<T>(lanes[q], -at, width - at);
    }
    for (std::int64_t u = b.begin / 2; 2 * u < end; ++u) {
      V sum[2][2] = {};
#pragma GCC unroll 8
      for (int r = 0; r < K; ++r) {
        const std::int64_t row = u + taps_ahead(g.ph, r), at = b.plane + row * width + j;
        if (row < 0 || row >= h) continue;
#pragma GCC unroll 8
        for (int q = 0; q < K; ++q) {
          V v;
          load_lanes(v, x, at + taps_ahead(g.pw, q), size, lanes[q]);
          sum[r % 2][q % 2] += w[r * K + q] * v;
        }
      }
#pragma GCC unroll 2
      for (int e = 0; e < 2; ++e) {
        const std::int64_t row = 2 * u + (e ^ (g.ph & 1));
        if (row >= end) continue;
        V pair[2];
        if (g.pw % 2 == 0)
          zip_lanes(pair, sum[e][0], sum[e][1]);
        else
          zip_lanes(pair, sum[e][1], sum[e][0]);
        T* const y = result + row * last + 2 * j;
        put(pair[0], y, last - 2 * j, accumulate);
        put(pair[1], y + W, last - 2 * j - W, accumulate);
      }
    }
  }
}

// Rows of the result whose source is read from end to end before they are computed, as the prefetchers like it and the
// kernels, which go down a column of vectors, do not. An even number.
template <class T>
inline std::int64_t band_rows(const detail::Depthwise& g) {
  const std::int64_t bytes = (g.w * g.step + g.ow) * static_cast<std::int64_t>(sizeof(T));
  return 12288 / bytes < 28 ? 28 : 12288 / bytes / 28 * 28;
}
template <class T>
inline void fetch_band(const detail::Depthwise& g, const T* plane, std::int64_t row, std::int64_t rows) {
  if (row < 0) row = 0;
  if (row + rows > g.h) rows = g.h - row;
  fetch(plane + row * g.w, rows * g.w);
}

// Tasks are the planes of the result.
template <class T>
struct DepthwisePass {
  const detail::Depthwise& g;
  const T *source, *weights, *bias;
  T* result;
  bool accumulate;

  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    // Heights of 7 to 112 and 224, as networks have them, without a row too many.
    constexpr int rows = SHUNT_ISA_BYTES == 64 ? 7 : 4;
    const auto run = g.spread        ? slide_spread<T, 3>
                     : g.step == 2   ? slide<T, 3, 2, 4>
                     : g.oh % 7 == 0 ? slide<T, 3, 1, rows>
                                     : slide<T, 3, 1, 4>;
    const std::int64_t area = g.h * g.w, filters = g.channels * g.results * g.sources, band = band_rows<T>(g);
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::int64_t m = 0; m < g.sources; ++m) {
        const std::int64_t from = i / g.results * g.sources + m, filter = (i * g.sources + m) % filters;
        SlidePlane<T> b{g,
                        source,
                        from * area,
                        g.images * g.channels * g.sources * area,
                        weights + filter * g.taps(),
                        bias != nullptr ? bias + filter : nullptr,
                        result + i * g.oh * g.ow,
                        accumulate || m > 0,
                        0,
                        0};
        for (std::int64_t u = 0; u < g.oh; u += band) {
          b.begin = u, b.end = u + band < g.oh ? u + band : g.oh;
          if (g.oh > band) {
            const std::int64_t row = g.spread ? u / 2 : u * g.step, count = g.spread ? band / 2 : band * g.step;
            fetch_band(g, source + b.plane, row, count + 2);
          }
          run(b);
        }
      }
    }
  }
};

template <class T>
void depthwise_pass(const detail::Depthwise& g, const T* source, const T* weights, const T* bias, T* result,
                    bool accumulate) {
  const std::int64_t work = g.sources * (g.taps() + 8) * g.oh * g.ow;
  parallel_for(g.images * g.channels * g.results, (1 << 19) / (work + 1) + 1,
               DepthwisePass<T>{g, source, weights, bias, result, accumulate});
}

#include "shunt/kernels/depthwise_weights.inl"
