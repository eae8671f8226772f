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

// Packs `count` lines as panels of `width` >= count, at most two vectors; what stands in the other values is
// unspecified. `across` is the stride from line to line, `along` the stride along k.
template <class S, class T>
[[gnu::noinline]] void pack(T* dst, int width, const S* src, std::int64_t across, std::int64_t along, int count,
                            std::int64_t k) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  if constexpr (sizeof(S) == sizeof(T)) {
    if (along == 1 && k >= 4) return pack_transposed<T>(dst, width, src, across, count, k);
    if (across == 1) {
      for (std::int64_t p = 0; p < k; ++p, src += along, dst += width) {
        for (int r = 0; r < width; r += W) {
          V v;
          count - r >= W ? load(v, src + r) : load_part(v, src + r, count > r ? count - r : 0);
          store(v, dst + r);
        }
      }
      return;
    }
  }
  for (std::int64_t p = 0; p < k; ++p, src += along, dst += width) {
    for (int r = 0; r < count; ++r) dst[r] = static_cast<T>(src[r * across]);
    for (int r = count; r < width; ++r) dst[r] = T(0);
  }
}
