// Packing: a panel of R neighbouring columns of B (or rows of A) becomes R values after another for every p of k.
// Compiled once per instruction set. Panels overhang: their memory needs room for a vector more.
#include "shunt/kernels/gemm_tile.inl"

#if SHUNT_ISA_BYTES == 64
#define SHUNT_LOW32 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define SHUNT_HIGH32 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define SHUNT_EVEN32 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
#define SHUNT_EVEN64 0, 2, 4, 6, 8, 10, 12, 14
#define SHUNT_LOW64 0, 8, 2, 10, 4, 12, 6, 14
#define SHUNT_HIGH64 1, 9, 3, 11, 5, 13, 7, 15
#elif SHUNT_ISA_BYTES == 32
#define SHUNT_LOW32 0, 8, 1, 9, 4, 12, 5, 13
#define SHUNT_HIGH32 2, 10, 3, 11, 6, 14, 7, 15
#define SHUNT_EVEN32 0, 2, 4, 6, 8, 10, 12, 14
#define SHUNT_EVEN64 0, 2, 4, 6
#define SHUNT_LOW64 0, 4, 2, 6
#define SHUNT_HIGH64 1, 5, 3, 7
#else
#define SHUNT_LOW32 0, 4, 1, 5
#define SHUNT_HIGH32 2, 6, 3, 7
#define SHUNT_EVEN32 0, 2, 4, 6
#define SHUNT_EVEN64 0, 2
#define SHUNT_LOW64 0, 2
#define SHUNT_HIGH64 1, 3
#endif

// Transposes every 128-bit lane, by instructions that interleave its low or high halves: out[q * step] holds the q-th
// values of in[0], in[1], ...
inline void transpose_lanes(const Simd<double>::V* in, Simd<double>::V* out, int step) {
  out[0] = __builtin_shufflevector(in[0], in[1], SHUNT_LOW64);
  out[step] = __builtin_shufflevector(in[0], in[1], SHUNT_HIGH64);
}
inline void transpose_lanes(const Simd<float>::V* in, Simd<float>::V* out, int step) {
  typedef Simd<double>::V D;
  typedef Simd<float>::V F;
  const D a = reinterpret_cast<D>(__builtin_shufflevector(in[0], in[1], SHUNT_LOW32));
  const D b = reinterpret_cast<D>(__builtin_shufflevector(in[2], in[3], SHUNT_LOW32));
  const D c = reinterpret_cast<D>(__builtin_shufflevector(in[0], in[1], SHUNT_HIGH32));
  const D d = reinterpret_cast<D>(__builtin_shufflevector(in[2], in[3], SHUNT_HIGH32));
  out[0] = reinterpret_cast<F>(__builtin_shufflevector(a, b, SHUNT_LOW64));
  out[step] = reinterpret_cast<F>(__builtin_shufflevector(a, b, SHUNT_HIGH64));
  out[2 * step] = reinterpret_cast<F>(__builtin_shufflevector(c, d, SHUNT_LOW64));
  out[3 * step] = reinterpret_cast<F>(__builtin_shufflevector(c, d, SHUNT_HIGH64));
}

// Every second value of two vectors.
inline void even_lanes(Simd<float>::V& v, const Simd<float>::V& low, const Simd<float>::V& high) {
  v = __builtin_shufflevector(low, high, SHUNT_EVEN32);
}
inline void even_lanes(Simd<double>::V& v, const Simd<double>::V& low, const Simd<double>::V& high) {
  v = __builtin_shufflevector(low, high, SHUNT_EVEN64);
}
#undef SHUNT_EVEN32
#undef SHUNT_EVEN64
#undef SHUNT_LOW32
#undef SHUNT_HIGH32
#undef SHUNT_LOW64
#undef SHUNT_HIGH64

// One vector from 128-bit pieces, every `piece` lines a piece, at p.
#if SHUNT_ISA_BYTES == 64
template <class T>
inline void load_pieces(typename Simd<T>::V& v, const T* const* line, int piece, std::int64_t p) {
  typedef double Piece __attribute__((vector_size(16), aligned(4), may_alias));
  const Piece a = *reinterpret_cast<const Piece*>(line[0] + p), b = *reinterpret_cast<const Piece*>(line[piece] + p);
  const Piece c = *reinterpret_cast<const Piece*>(line[2 * piece] + p);
  const Piece d = *reinterpret_cast<const Piece*>(line[3 * piece] + p);
  const auto low = __builtin_shufflevector(a, b, 0, 1, 2, 3), high = __builtin_shufflevector(c, d, 0, 1, 2, 3);
  v = reinterpret_cast<typename Simd<T>::V>(__builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7));
}
#elif SHUNT_ISA_BYTES == 32
template <class T>
inline void load_pieces(typename Simd<T>::V& v, const T* const* line, int piece, std::int64_t p) {
  typedef double Piece __attribute__((vector_size(16), aligned(4), may_alias));
  const Piece low = *reinterpret_cast<const Piece*>(line[0] + p),
              high = *reinterpret_cast<const Piece*>(line[piece] + p);
  v = reinterpret_cast<typename Simd<T>::V>(__builtin_shufflevector(low, high, 0, 1, 2, 3));
}
#else
template <class T>
inline void load_pieces(typename Simd<T>::V& v, const T* const* line, int, std::int64_t p) {
  load(v, line[0] + p);
}
#endif

// W lines that are contiguous along k, from p on: 128-bit pieces of W / L lines make one vector, which is transposed in
// its lanes.
template <class T>
inline void turn_lines(typename Simd<T>::V* out, const T* const* line, std::int64_t p) {
  constexpr int L = 16 / sizeof(T);
  typename Simd<T>::V in[L];
#pragma GCC unroll 4
  for (int r = 0; r < L; ++r) load_pieces(in[r], line + r, L, p);
  transpose_lanes(in, out, 1);
}

template <class T>
[[gnu::noinline]] void pack_transposed(T* dst, int width, const T* src, std::int64_t stride, int count,
                                       std::int64_t k) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width, L = 16 / sizeof(T);
  const bool wide = width > W;
  const T* line[2 * W];
  for (int r = 0; r < 2 * W; ++r) line[r] = src + (r < count ? r : count - 1) * stride;
  std::int64_t p = 0;
  for (; p + L <= k; p += L, dst += L * width) {
    V low[L], high[L] = {};
    turn_lines(low, line, p);
    if (wide) turn_lines(high, line + W, p);
#pragma GCC unroll 4
    for (int q = 0; q < L; ++q) {
      store(low[q], dst + q * width);
      if (wide) store(high[q], dst + q * width + W);
    }
  }
  for (; p < k; ++p, dst += width) {
    for (int r = 0; r < width; ++r) dst[r] = line[r][p];
  }
}

// `count` lines that are contiguous along k, packed by way of `block` steps at a time: copy(line, from, steps, to) sets
// out those from step `from` on.
template <class T, class Copy>
inline void pack_copied(T* dst, int width, int count, std::int64_t steps, const Copy& copy) {
  constexpr int block = 64;
  T lines[2 * Simd<T>::width * block];
  for (std::int64_t p = 0; p < steps; p += block) {
    const std::int64_t now = steps - p < block ? steps - p : block;
    for (int r = 0; r < count; ++r) copy(r, p, now, lines + r * block);
    pack_transposed<T>(dst + p * width, width, lines, block, count, now);
  }
}
// Values as floats.
template <class S, class T>
struct CopyWidened {
  const S* src;
  std::int64_t across;
  void operator()(int line, std::int64_t from, std::int64_t steps, T* to) const {
    const S* const x = src + line * across + from;
    std::int64_t i = 0;
    for (; i + Simd<T>::width <= steps; i += Simd<T>::width) {
      typename Simd<T>::V v;
      load_as<T>(v, x + i);
      store(v, to + i);
    }
    for (; i < steps; ++i) to[i] = static_cast<T>(x[i]);
  }
};

// Packs `count` lines as panels of `width` >= count, at most two vectors; what stands in the other values is
// unspecified. `across` is the stride from line to line, `along` the stride along k.
template <class S, class T>
[[gnu::noinline]] void pack(T* dst, int width, const S* src, std::int64_t across, std::int64_t along, int count,
                            std::int64_t k) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  if (along == 1 && k >= 4) {
    if constexpr (std::is_same_v<S, T>)
      return pack_transposed<T>(dst, width, src, across, count, k);
    else
      return pack_copied(dst, width, count, k, CopyWidened<S, T>{src, across});
  }
  if (across == 1) {
    for (std::int64_t p = 0; p < k; ++p, src += along, dst += width) {
      for (int r = 0; r < width; r += W) {
        V v = {};
        if (count - r >= W)
          load_as<T>(v, src + r);
        else if constexpr (std::is_same_v<S, T>)
          load_part(v, src + r, count > r ? count - r : 0);
        else
          for (int q = 0; q < W; ++q) v[q] = r + q < count ? static_cast<T>(src[r + q]) : T(0);
        store(v, dst + r);
      }
    }
    return;
  }
  for (std::int64_t p = 0; p < k; ++p, src += along, dst += width) {
    for (int r = 0; r < count; ++r) dst[r] = static_cast<T>(src[r * across]);
    for (int r = count; r < width; ++r) dst[r] = T(0);
  }
}

#if SHUNT_ISA_BYTES == 64
// Two neighbours along k as the halves of a float; the last of an odd number has a zero beside it.
template <class S, class T>
struct CopyPairs {
  const S* src;
  std::int64_t across, k;
  void operator()(int line, std::int64_t from, std::int64_t steps, T* to) const {
    const std::int64_t left = k - 2 * from, values = left < 2 * steps ? left : 2 * steps;
    if (values < 2 * steps) to[steps - 1] = T(0);
    __builtin_memcpy(to, src + line * across + 2 * from, static_cast<std::size_t>(values) * sizeof(S));
  }
};
// pack() for products by pairs: (k + 1) / 2 steps.
template <class S, class T>
[[gnu::noinline]] void pack_pairs(T* dst, int width, const S* src, std::int64_t across, std::int64_t along, int count,
                                  std::int64_t k) {
  typedef std::uint16_t Half __attribute__((vector_size(SHUNT_ISA_BYTES / 2), aligned(2), may_alias));
  typedef std::uint32_t Whole __attribute__((vector_size(SHUNT_ISA_BYTES)));
  constexpr int W = Simd<T>::width;
  if (along == 1) return pack_copied(dst, width, count, (k + 1) / 2, CopyPairs<S, T>{src, across, k});
  for (std::int64_t p = 0; p < k; p += 2, src += 2 * along, dst += width) {
    const bool pair = p + 1 < k;
    for (int r = 0; r < width; r += W) {
      if (across == 1 && count - r >= W) {
        Whole words = __builtin_convertvector(*reinterpret_cast<const Half*>(src + r), Whole);
        if (pair) words |= __builtin_convertvector(*reinterpret_cast<const Half*>(src + r + along), Whole) << 16;
        store(reinterpret_cast<typename Simd<T>::V>(words), dst + r);
        continue;
      }
      for (int q = r; q < r + W; ++q) {
        const S* const value = src + q * across;
        std::uint32_t word = q < count ? std::bit_cast<std::uint16_t>(*value) : 0U;
        if (q < count && pair) word |= std::uint32_t{std::bit_cast<std::uint16_t>(value[along])} << 16;
        __builtin_memcpy(dst + q, &word, sizeof word);
      }
    }
  }
}
#endif
