// The three transforms of Winograd's F(4 x 4, 3 x 3), for one instruction set: one dimension on vectors, then both.
// The points are 0, +-sqrt(1/2), +-sqrt(2) and infinity, whose powers lie nearer to 1 than those of 0, +-1, +-2.
//
// A vector holds as many tiles as it has lanes. They come as 4 groups of tiles that are neighbours: a group's row of
// pixels is one vector, so the dimension across rows needs no shuffle, and 4 x 4 transposes in 128-bit lanes turn four
// groups' pixels into four columns of all tiles, or back.

inline constexpr float root2 = 1.41421356237309504880F;

// Adds zero, or NaN if x is not finite or beyond 2^108, where the transforms' sums might overflow.
template <class T>
[[gnu::always_inline]] inline void watch(typename Simd<T>::V& seen, const typename Simd<T>::V& x) {
  seen += (x * T(1 << 20)) * T(0);
}
template <class T>
inline bool fine(const typename Simd<T>::V& seen) {
  T lanes[Simd<T>::width];
  store(seen, lanes);
  T sum = 0;
  for (int i = 0; i < Simd<T>::width; ++i) sum += lanes[i];
  return sum == T(0);
}

// Rows of `count` values, and nothing beside them.
template <class T>
[[gnu::noinline]] void copy_rows(T* dst, std::int64_t pitch, const T* src, std::int64_t stride, std::int64_t count,
                                 std::int64_t rows) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  const std::int64_t whole = count / W * W;
  const int rest = static_cast<int>(count - whole);
  for (; rows > 0; --rows, dst += pitch, src += stride) {
    V x;
    for (std::int64_t v = 0; v < whole; v += W) {
      load(x, src + v);
      store(x, dst + v);
    }
    if (rest > 0) {
      load_part(x, src + whole, rest);
      store_part(x, dst + whole, rest);
    }
  }
}

// Watches `count` values, a multiple of four vectors.
template <class T>
[[gnu::noinline]] void watch_all(typename Simd<T>::V& seen, const T* x, std::int64_t count) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  V part[4] = {seen}, v;
  for (; count > 0; count -= 4 * W, x += 4 * W) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      load(v, x + i * W);
      watch<T>(part[i], v);
    }
  }
  seen = (part[0] + part[1]) + (part[2] + part[3]);
}

// The passes serve F(M x M, 3 x 3) for tiles of M = 4 results, and of M = 2, whose points are 0, +-1 and infinity.

// M + 2 values of the source -> as many factors.
template <class T, int M = 4>
[[gnu::always_inline]] inline void source_pass(const typename Simd<T>::V* d, typename Simd<T>::V* out) {
  using V = typename Simd<T>::V;
  if constexpr (M == 2) {
    out[0] = d[0] - d[2];
    out[1] = d[1] + d[2];
    out[2] = d[2] - d[1];
    out[3] = d[3] - d[1];
  } else {
    out[0] = (d[0] + d[4]) - T(2.5) * d[2];
    const V even = d[4] - T(2) * d[2], odd = (d[3] - T(2) * d[1]) * T(0.5F * root2);
    out[1] = even + odd;
    out[2] = even - odd;
    const V far_even = d[4] - T(0.5) * d[2], far_odd = (d[3] - T(0.5) * d[1]) * T(root2);
    out[3] = far_even + far_odd;
    out[4] = far_even - far_odd;
    out[5] = (d[1] + d[5]) - T(2.5) * d[3];
  }
}

// 3 weights -> M + 2 factors.
template <class T, int M = 4>
[[gnu::always_inline]] inline void filter_pass(const typename Simd<T>::V* g, typename Simd<T>::V* out) {
  using V = typename Simd<T>::V;
  out[0] = g[0];
  if constexpr (M == 2) {
    const V even = T(0.5) * (g[0] + g[2]), odd = T(0.5) * g[1];
    out[1] = even + odd;
    out[2] = even - odd;
    out[3] = g[2];
  } else {
    const V even = g[0] * T(-2.0 / 3) - g[2] * T(1.0 / 3), odd = g[1] * T(-root2 / 3);
    out[1] = even + odd;
    out[2] = even - odd;
    const V far_even = g[0] * T(1.0 / 6) + g[2] * T(1.0 / 3), far_odd = g[1] * T(root2 / 6);
    out[3] = far_even + far_odd;
    out[4] = far_even - far_odd;
    out[5] = g[2];
  }
}

// M + 2 products -> M results.
template <class T, int M = 4>
[[gnu::always_inline]] inline void result_pass(const typename Simd<T>::V* m, typename Simd<T>::V* out) {
  using V = typename Simd<T>::V;
  if constexpr (M == 2) {
    out[0] = m[0] + (m[1] + m[2]);
    out[1] = (m[1] - m[2]) + m[3];
  } else {
    const V even = m[1] + m[2], odd = m[1] - m[2], far_even = m[3] + m[4], far_odd = m[3] - m[4];
    out[0] = m[0] + (even + far_even);
    out[1] = (odd + T(2) * far_odd) * T(0.5F * root2);
    out[2] = T(0.5) * even + T(2) * far_even;
    out[3] = (m[5] + T(0.25F * root2) * odd) + T(2 * root2) * far_odd;
  }
}

// Six rows of a group's pixels; tiles that are no neighbours come as pieces of four pixels.
template <class T>
[[gnu::always_inline]] inline void load_group(typename Simd<T>::V* rows, const T* padded, std::int64_t pitch,
                                              const detail::WinogradTile* tile) {
  constexpr int group = Simd<T>::width / 4;
  if (tile->run > 0) {
    const T* from = padded + tile->from;
#pragma GCC unroll 6
    for (int r = 0; r < 6; ++r) load(rows[r], from + r * pitch);
    return;
  }
  const T* piece[group];
  for (int i = 0; i < group; ++i) piece[i] = padded + tile[i].from;
#pragma GCC unroll 6
  for (int r = 0; r < 6; ++r) load_pieces(rows[r], piece, 1, r * pitch);
}

// One channel of one vector of tiles: its 36 factors, `step` apart.
template <class T>
[[gnu::noinline]] void transform_source(const T* padded, std::int64_t pitch, const detail::WinogradTile* tile, T* dst,
                                        std::int64_t step) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  V part[6][2][4];  // row, columns 0 to 3 or 4 to 7, group
  for (int i = 0; i < 4; ++i) {
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      V rows[6], turned[6];
      load_group(rows, padded + 4 * half, pitch, tile + i * (W / 4));
      source_pass<T>(rows, turned);
#pragma GCC unroll 6
      for (int r = 0; r < 6; ++r) part[r][half][i] = turned[r];
    }
  }
  for (int r = 0; r < 6; ++r) {
    V cols[8], out[6];
    transpose_lanes(part[r][0], cols, 1);
    transpose_lanes(part[r][1], cols + 4, 1);
    source_pass<T>(cols, out);
#pragma GCC unroll 6
    for (int c = 0; c < 6; ++c) store(out[c], dst + (6 * r + c) * step);
  }
}

// `count` channels of one panel of filters, packed as [channel][tap][From filters]: their (M + 2)^2 factors, `step`
// apart, as [channel][To filters]; whether all of them are finite.
template <int From, int To, int M = 4, class T>
[[gnu::noinline]] bool transform_filters(const T* packed, std::int64_t count, bool flipped, T* dst, std::int64_t step) {
  using V = typename Simd<T>::V;
  constexpr int side = M + 2;
  V seen = {};
  for (std::int64_t n = 0; n < count; ++n, packed += 9 * From, dst += To) {
    V part[side][3];
#pragma GCC unroll 3
    for (int c = 0; c < 3; ++c) {
      V taps[3], turned[side];
#pragma GCC unroll 3
      for (int r = 0; r < 3; ++r) {
        load(taps[r], packed + (flipped ? 8 - 3 * r - c : 3 * r + c) * From);
        watch<T>(seen, taps[r]);
      }
      filter_pass<T, M>(taps, turned);
#pragma GCC unroll 6
      for (int r = 0; r < side; ++r) part[r][c] = turned[r];
    }
#pragma GCC unroll 6
    for (int r = 0; r < side; ++r) {
      V out[side];
      filter_pass<T, M>(part[r], out);
#pragma GCC unroll 6
      for (int c = 0; c < side; ++c) store(out[c], dst + (side * r + c) * step);
    }
  }
  return fine<T>(seen);
}

// Four rows of results of a group, as far as its tiles have them.
template <class T>
[[gnu::always_inline]] inline void store_group(const typename Simd<T>::V* rows, const detail::WinogradTile* tile, T* y,
                                               std::int64_t stride, bool accumulate) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  if (tile->run > 0) {
    T* to = y + tile->to;
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r, to += stride) {
      if (r == tile->rows) break;
      V v = rows[r], old;
      if (accumulate) {
        load_lanes(old, to, tile->run);
        v += old;
      }
      store_lanes(v, to, tile->run);
    }
    return;
  }
  typedef T Piece __attribute__((vector_size(4 * sizeof(T)), aligned(alignof(T)), may_alias));
  T lines[4][W];
#pragma GCC unroll 4
  for (int r = 0; r < 4; ++r) store(rows[r], lines[r]);
  for (int i = 0; i < W / 4; ++i, ++tile) {
    T* to = y + tile->to;
    for (int r = 0; r < tile->rows; ++r, to += stride) {
      const T* from = lines[r] + 4 * i;
      if (tile->cols == 4) {
        Piece v = *reinterpret_cast<const Piece*>(from);
        if (accumulate) v += *reinterpret_cast<const Piece*>(to);
        *reinterpret_cast<Piece*>(to) = v;
        continue;
      }
      for (int c = 0; c < tile->cols; ++c) to[c] = accumulate ? to[c] + from[c] : from[c];
    }
  }
}

// One filter of one vector of tiles: its 16 results from 36 products, `step` apart.
template <class T>
[[gnu::noinline]] void transform_products(const T* m, std::int64_t step, const detail::WinogradTile* tile, T bias, T* y,
                                          std::int64_t stride, bool accumulate) {
  using V = typename Simd<T>::V;
  V part[4][6];  // group, row
#pragma GCC unroll 6
  for (int r = 0; r < 6; ++r) {
    V products[6], cols[4], turned[4];
#pragma GCC unroll 6
    for (int c = 0; c < 6; ++c) load(products[c], m + (6 * r + c) * step);
    result_pass<T>(products, cols);
    transpose_lanes(cols, turned, 1);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) part[i][r] = turned[i];
  }
  for (int i = 0; i < 4; ++i) {
    V out[4];
    result_pass<T>(part[i], out);
#pragma GCC unroll 4
    for (int r = 0; r < 4; ++r) out[r] += bias;
    store_group(out, tile + i * (Simd<T>::width / 4), y, stride, accumulate);
  }
}
