// The gradient of a convolution with respect to its weights by Winograd's factors, for one instruction set: the factors
// of the source's and of the gradient's tiles are multiplied and summed over all tiles, and only the sums, 36 for each
// filter and channel, become 3 x 3 weights. Here vectors run across channels, so that the sum over tiles needs no
// packing.

// 4 values of the gradient -> the 6 factors: the transpose of result_pass.
template <class T>
[[gnu::always_inline]] inline void gradient_pass(const typename Simd<T>::V* y, typename Simd<T>::V* out) {
  using V = typename Simd<T>::V;
  out[0] = y[0];
  const V even = y[0] + T(0.5) * y[2], odd = (y[1] + T(0.5) * y[3]) * T(0.5F * root2);
  out[1] = even + odd;
  out[2] = even - odd;
  const V far_even = y[0] + T(2) * y[2], far_odd = (y[1] + T(2) * y[3]) * T(root2);
  out[3] = far_even + far_odd;
  out[4] = far_even - far_odd;
  out[5] = y[3];
}
// 6 sums -> 3 weights: the transpose of filter_pass.
template <class T>
[[gnu::always_inline]] inline void weight_pass(const typename Simd<T>::V* m, typename Simd<T>::V* out) {
  using V = typename Simd<T>::V;
  const V even = (m[1] + m[2]) * T(1.0 / 3), far_even = m[3] + m[4];
  out[0] = (m[0] + far_even * T(1.0 / 6)) - T(2) * even;
  out[1] = (m[2] - m[1]) * T(root2 / 3) + (m[3] - m[4]) * T(root2 / 6);
  out[2] = (m[5] + far_even * T(1.0 / 3)) - even;
}

// Pixels of W planes, side by side: out[pixel][plane].
template <class T>
inline void turn_row(T* out, const T* const* line, std::int64_t at, std::int64_t count, typename Simd<T>::V& seen) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  V turned[4];
  for (std::int64_t x = 0; x < count && count >= 4; x += 4) {
    if (x > count - 4) x = count - 4;
    turn_lines(turned, line, at + x);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) store(turned[i], out + (x + i) * W);
    watch<T>(seen, (turned[0] + turned[1]) + (turned[2] + turned[3]));
  }
  for (std::int64_t x = 0; x < count && count < 4; ++x) {
    for (int i = 0; i < W; ++i) out[x * W + i] = line[i][at + x];
    load(turned[0], out + x * W);
    watch<T>(seen, turned[0]);
  }
}

// The factors of one row of source tiles in W channels; rows hold 6 rows of padded pixels.
template <class T>
[[gnu::noinline]] void turn_source(const T* rows, std::int64_t pitch, std::int64_t tiles, T* dst, std::int64_t tile,
                                   std::int64_t step) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  for (; tiles > 0; --tiles, rows += 4 * W, dst += tile) {
    V part[6][6];
#pragma GCC unroll 6
    for (int c = 0; c < 6; ++c) {
      V d[6], out[6];
#pragma GCC unroll 6
      for (int r = 0; r < 6; ++r) load(d[r], rows + r * pitch + c * W);
      source_pass<T>(d, out);
#pragma GCC unroll 6
      for (int r = 0; r < 6; ++r) part[r][c] = out[r];
    }
#pragma GCC unroll 6
    for (int r = 0; r < 6; ++r) {
      V out[6];
      source_pass<T>(part[r], out);
#pragma GCC unroll 6
      for (int c = 0; c < 6; ++c) store(out[c], dst + (6 * r + c) * step);
    }
  }
}
// The factors of one row of gradient tiles in W filters; rows hold 4 rows of pixels.
template <class T>
[[gnu::noinline]] void turn_gradient(const T* rows, std::int64_t pitch, std::int64_t tiles, T* dst, std::int64_t tile,
                                     std::int64_t step) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  for (; tiles > 0; --tiles, rows += 4 * W, dst += tile) {
    V part[6][4];
#pragma GCC unroll 4
    for (int c = 0; c < 4; ++c) {
      V d[4], out[6];
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) load(d[r], rows + r * pitch + c * W);
      gradient_pass<T>(d, out);
#pragma GCC unroll 6
      for (int r = 0; r < 6; ++r) part[r][c] = out[r];
    }
#pragma GCC unroll 6
    for (int r = 0; r < 6; ++r) {
      V out[6];
      gradient_pass<T>(part[r], out);
#pragma GCC unroll 6
      for (int c = 0; c < 6; ++c) store(out[c], dst + (6 * r + c) * step);
    }
  }
}

template <class T>
struct WinogradGradient {
  const detail::WinogradTiles& p;
  std::int64_t block, part;  // rows of tiles that are multiplied at a time, and those of one task
  const T *x, *dy;
  T* sums;             // [part][factor][panel][filter][channel]
  unsigned char* odd;  // which parts hold values that are not finite

  static constexpr int W = Simd<T>::width;
  static std::int64_t rounded(std::int64_t n) { return (n + W - 1) / W * W; }
  std::int64_t panels() const { return (p.filters + tile_rows - 1) / tile_rows; }
  std::int64_t parts() const { return (p.images * p.down + part - 1) / part; }
  std::int64_t panel_size() const { return tile_rows * rounded(p.channels); }
  std::int64_t sums_step() const { return detail::winograd_step(panels() * panel_size()); }
  std::int64_t step(std::int64_t lanes) const { return detail::winograd_step(block * p.across * lanes); }

  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    const std::int64_t c = rounded(p.channels), f = rounded(p.filters);
    T* const sources = scratch<T>(Scratch::tiles, 36 * step(c));
    T* const gradients = scratch<T>(Scratch::image, 36 * step(f) + 64);
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t l0 = i * part, l1 = l0 + part < p.images * p.down ? l0 + part : p.images * p.down;
      typename Simd<T>::V seen = {};
      for (std::int64_t l = l0; l < l1; l += block) {
        const std::int64_t lines = l1 - l < block ? l1 - l : block;
        gather(sources, c, l, lines, p.channels, x, p.height, p.width, p.begin_y, p.begin_x, 6, seen);
        gather(gradients, f, l, lines, p.filters, dy, p.rows, p.cols, 0, 0, 4, seen);
        multiply(sources, gradients, lines * p.across, sums + i * 36 * sums_step(), l > l0);
      }
      odd[i] = !fine<T>(seen);
    }
  }

  // The factors of some rows of tiles, [factor][tile][channel], whose windows of `height` rows begin at (y0, x0).
  void gather(T* dst, std::int64_t lanes, std::int64_t line, std::int64_t lines, std::int64_t channels, const T* src,
              std::int64_t rows, std::int64_t cols, std::int64_t y0, std::int64_t x0, int height,
              typename Simd<T>::V& seen) const {
    const std::int64_t pitch = (4 * p.across + 4) * W, before = x0 < 0 ? -x0 : 0, from = x0 > 0 ? x0 : 0;
    const std::int64_t room = 4 * p.across + height - 4 - before, left = cols - from;
    const std::int64_t count = left < room ? left : room;
    T* const window = scratch<T>(Scratch::panel_b, 6 * pitch);
    fill_zero(window, 6 * pitch);
    for (; lines > 0; --lines, ++line, dst += p.across * lanes) {
      for (std::int64_t c = 0; c < channels; c += W) {
        const T* plane[W];
        for (int i = 0; i < W; ++i) {
          const std::int64_t at = c + i < channels ? c + i : channels - 1;
          plane[i] = src + (line / p.down * channels + at) * rows * cols;
        }
        for (int r = 0; r < height; ++r) {
          const std::int64_t y = line % p.down * 4 + y0 + r;
          if (y < 0 || y >= rows) {
            fill_zero(window + r * pitch, pitch);
          } else {
            turn_row(window + r * pitch + before * W, plane, y * cols + from, count, seen);
          }
        }
        height == 6 ? turn_source(window, pitch, p.across, dst + c, lanes, step(lanes))
                    : turn_gradient(window, pitch, p.across, dst + c, lanes, step(lanes));
      }
    }
  }

  void multiply(const T* sources, const T* gradients, std::int64_t tiles, T* to, bool accumulate) const {
    const std::int64_t c = rounded(p.channels), f = rounded(p.filters);
    for (std::int64_t j = 0; j < c; j += 2 * W) {
      const int cols = c - j < 2 * W ? W : 2 * W;
      T* panel = to + j;
      int rows;
      for (std::int64_t i = 0; i < p.filters; i += rows, panel += panel_size()) {
        rows = next_rows(p.filters - i);
        multiply_factors<T>(
            {gradients + i, step(f), f, sources + j, step(c), c, tiles, panel, sums_step(), c, accumulate}, rows, cols);
      }
    }
  }
};

// Adds the parts' sums in their order and transforms them into dw.
template <class T>
struct WinogradSums {
  const WinogradGradient<T>& x;
  T* dw;
  bool accumulate;
  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    const std::int64_t channels = x.p.channels, lanes = x.rounded(channels);
    std::int64_t f = 0;
    for (std::int64_t i = 0; i < end; ++i) {
      const int rows = next_rows(x.p.filters - f);
      for (int r = 0; r < rows && i >= begin; ++r) {
        for (std::int64_t c = 0; c < channels; c += x.W) {
          add(x.sums + i * x.panel_size() + r * lanes + c, dw + ((f + r) * channels + c) * 9,
              channels - c < x.W ? channels - c : x.W);
        }
      }
      f += rows;
    }
  }
  void add(const T* sums, T* to, std::int64_t count) const {
    using V = typename Simd<T>::V;
    constexpr int W = Simd<T>::width;
    V part[3][6];
    for (int c = 0; c < 6; ++c) {
      V m[6], out[3];
      for (int r = 0; r < 6; ++r) {
        const T* from = sums + (6 * r + c) * x.sums_step();
        load(m[r], from);
        for (std::int64_t i = 1; i < x.parts(); ++i) {
          V more;
          load(more, from + i * 36 * x.sums_step());
          m[r] += more;
        }
      }
      weight_pass<T>(m, out);
      for (int r = 0; r < 3; ++r) part[r][c] = out[r];
    }
    T taps[9][W];
    for (int r = 0; r < 3; ++r) {
      V out[3];
      weight_pass<T>(part[r], out);
      for (int c = 0; c < 3; ++c) store(out[c], taps[3 * r + c]);
    }
    for (std::int64_t i = 0; i < count; ++i, to += 9) {
      for (int t = 0; t < 9; ++t) to[t] = accumulate ? to[t] + taps[t][i] : taps[t][i];
    }
  }
};

// False, and nothing is stored, if a value is not finite.
template <class T>
bool winograd_weights(const detail::Correlation& g, const T* x, const T* dy, T* dw, bool accumulate) {
  const detail::WinogradTiles p(g);
  const std::int64_t part = p.lines_of_part(), fit = 64 / p.across;
  WinogradGradient<T> w{p, fit < 1 ? 1 : fit < part ? fit : part, part, x, dy, nullptr, nullptr};
  w.sums = scratch<T>(Scratch::sums, w.parts() * 36 * w.sums_step());
  w.odd = scratch<unsigned char>(Scratch::marks, w.parts());
  parallel_for(w.parts(), 1, w);
  for (std::int64_t i = 0; i < w.parts(); ++i) {
    if (w.odd[i]) return false;
  }
  parallel_for(w.panels(), (1 << 14) / (w.panel_size() * w.parts()) + 1, WinogradSums<T>{w, dw, accumulate});
  return true;
}
