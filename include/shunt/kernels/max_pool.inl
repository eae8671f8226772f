// One instruction set's copy of the pass over a plane; see max_pool.hpp. Loops of a constant length become vectors.

// The larger value wins, and a NaN; the first of equals stays.
template <class T>
inline bool wins(const T& v, const T& best) {
  const bool larger = v > best, nan = v != v;
  return larger | nan;  // no branch
}

// A tap for a block of results.
template <class T>
inline void keep_larger(T* __restrict best, const T* __restrict v) {
  for (int j = 0; j < block_length; ++j) best[j] = wins(v[j], best[j]) ? v[j] : best[j];
}
template <class T>
inline void keep_larger(T* __restrict best, std::int32_t* __restrict at, const T* __restrict v, std::int32_t here,
                        std::int32_t step) {
  for (int j = 0; j < block_length; ++j) {
    const bool larger = wins(v[j], best[j]);
    best[j] = larger ? v[j] : best[j];
    at[j] = larger ? here + j * step : at[j];
  }
}

// x[0], x[2], .. and x[1], x[3], .. to two places.
template <class T>
inline void split_pairs(T* __restrict even, T* __restrict odd, const T* __restrict x, std::int64_t n) {
  std::int64_t i = 0;
  for (; i + 2 * block_length <= n;
       i += 2 * block_length, even += block_length, odd += block_length, x += 2 * block_length) {
    for (int j = 0; j < block_length; ++j) {
      even[j] = x[2 * j];
      odd[j] = x[2 * j + 1];
    }
  }
  for (; i + 1 < n; i += 2, x += 2) {
    *even++ = x[0];
    *odd++ = x[1];
  }
  if (i < n) *even = *x;
}

template <class T>
void max_pool_plane(const detail::PoolLines<T>& lines, const T* x, T* y, std::int32_t* index) {
  const PoolShape& s = lines.s;
  for (std::int64_t row = 0; row < s.h; ++row, x += s.w) {
    if (s.sw == 2)
      split_pairs(lines.place(row, 0), lines.place(row, 1), x, s.w);
    else
      for (std::int64_t i = 0; i < s.w && i < s.sw; ++i) {
        T* to = lines.place(row, i);
        for (std::int64_t j = i; j < s.w; j += s.sw) *to++ = x[j];
      }
  }
  T best[block_length];
  std::int32_t at[block_length];
  for (std::int64_t oy = 0; oy < s.oh; ++oy, y += s.ow) {
    for (std::int64_t ox = 0; ox < s.ow; ox += block_length) {
      for (int j = 0; j < block_length; ++j) {
        best[j] = lines.least;
        at[j] = -1;
      }
      for (std::int64_t r = 0; r < s.kh; ++r) {
        const std::int64_t iy = oy * s.sh - s.ph + r * s.dh;
        if (iy < 0 || iy >= s.h) continue;
        for (std::int64_t q = 0; q < s.kw; ++q) {
          const T* v = lines.tap(iy, q) + ox;
          if (index == nullptr)
            keep_larger(best, v);
          else
            keep_larger(best, at, v, static_cast<std::int32_t>(iy * s.w + ox * s.sw - s.pw + q * s.dw),
                        static_cast<std::int32_t>(s.sw));
        }
      }
      const std::int64_t count = s.ow - ox < block_length ? s.ow - ox : block_length;
      for (std::int64_t j = 0; j < count; ++j) y[ox + j] = best[j];
      if (index == nullptr) continue;
      for (std::int64_t j = 0; j < count; ++j) index[ox + j] = at[j] >= 0 ? at[j] : detail::first_inside(s, oy, ox + j);
    }
    if (index != nullptr) index += s.ow;
  }
}
