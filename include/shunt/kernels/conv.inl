// Convolution for one instruction set, as products of register tiles whose operands are read from unfolded strips.

template <class T>
inline void fill_zero(T* dst, std::int64_t count) {
  const typename Simd<T>::V zero = {};
  for (std::int64_t v = 0; v < count; v += Simd<T>::width) store(zero, dst + v);
}

// Copies src, src + step, ...; like all of these, in vectors that overhang the end, so rows are written in order.
template <class T>
inline void copy_row(T* dst, const T* src, std::int64_t count, std::int64_t step) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  if (step == 1) {
    for (; count >= W; count -= W, src += W, dst += W) {
      V x;
      load(x, src);
      store(x, dst);
    }
    if (count > 0) {
      V x;
      load_part(x, src, static_cast<int>(count));
      store(x, dst);
    }
  } else if (step == 2) {
    for (; count > 0; count -= W, src += 2 * W, dst += W) {
      const int wanted = static_cast<int>(count < W ? 2 * count - 1 : 2 * W - 1);
      V low, high, even;
      load_part(low, src, wanted < W ? wanted : W);
      load_part(high, src + W, wanted < W ? 0 : wanted - W);
      even_lanes(even, low, high);
      store(even, dst);
    }
  } else {
    for (std::int64_t v = 0; v < count; ++v) dst[v] = src[v * step];
  }
}

// One plane whose rows are as long as the source's: the source shifted as a whole, then zeros over what went round.
template <class T>
inline void fill_shifted(T* dst, const T* src, std::int64_t height, std::int64_t width, std::int64_t x0,
                         std::int64_t y0, std::int64_t lines) {
  const std::int64_t above = y0 < 0 ? (-y0 < lines ? -y0 : lines) : 0;
  const std::int64_t left = height - y0 < lines ? height - y0 : lines, end = left > above ? left : above;
  fill_zero(dst, above * width + (x0 < 0 ? -x0 : 0));
  const std::int64_t from = (y0 + above) * width + x0, last = height * width - from, skip = from < 0 ? -from : 0;
  const std::int64_t count = (end - above) * width < last ? (end - above) * width : last;
  T* const rows = dst + above * width;
  if (count > skip) copy_row(rows + skip, src + from + skip, count - skip, 1);
  for (std::int64_t i = 0; i < end - above; ++i) {
    for (std::int64_t v = 0; v < -x0 && v < width; ++v) rows[i * width + v] = T(0);
    for (std::int64_t v = width - x0 > 0 ? width - x0 : 0; v < width; ++v) rows[i * width + v] = T(0);
  }
  fill_zero(dst + end * width, (lines - end) * width);
}

// Unfolds `rows` result rows from u0 of one image: channels planes of the source from `src` on.
template <class T>
[[gnu::noinline]] void fill_strip(const detail::Correlation& g, const detail::Strip& strip, std::int64_t channels,
                                  T* dst, const T* src, std::int64_t u0, std::int64_t rows) {
  const std::int64_t count = g.x.results, plane = strip.plane(g);
  const std::int64_t lines = strip.shared ? rows + strip.height - strip.rows : rows;
  const bool shifted = strip.shared && g.x.step == 1 && count == g.x.source;
  for (std::int64_t c = 0; c < channels; ++c, src += g.y.source * g.x.source) {
    for (std::int64_t q = 0; q < g.x.taps; ++q, dst += plane) {
      const std::int64_t x0 = g.x.begin + q * g.x.dilation, room = g.x.source - x0;
      if (shifted) {
        fill_shifted(dst, src, g.y.source, g.x.source, x0, u0 + strip.low, lines);
        continue;
      }
      std::int64_t lo = x0 < 0 ? (-x0 + g.x.step - 1) / g.x.step : 0;
      std::int64_t hi = room > 0 ? (room - 1) / g.x.step + 1 : 0;
      if (lo > count) lo = count;
      if (hi > count) hi = count;
      if (hi < lo) hi = lo;
      T* row = dst;
      for (std::int64_t r = 0; r < (strip.shared ? 1 : g.y.taps); ++r, row = dst + r * strip.rows * count) {
        std::int64_t y = strip.shared ? u0 + strip.low : u0 * g.y.step + g.y.begin + r * g.y.dilation;
        for (std::int64_t i = 0; i < lines; ++i, y += g.y.step, row += count) {
          if (y < 0 || y >= g.y.source) {
            fill_zero(row, count);
            continue;
          }
          fill_zero(row, lo);
          copy_row(row + lo, src + y * g.x.source + x0 + lo * g.x.step, hi - lo, g.x.step);
          fill_zero(row + hi, count - hi);
        }
      }
    }
  }
}

// Where the source of (channel, r, q) begins in a strip, in the order of the weights.
inline void fill_positions(const detail::Correlation& g, const detail::Strip& strip, std::int64_t* at) {
  const std::int64_t plane = strip.plane(g);
  for (std::int64_t c = 0; c < g.channels; ++c) {
    for (std::int64_t r = 0; r < g.y.taps; ++r) {
      for (std::int64_t q = 0; q < g.x.taps; ++q) *at++ = (c * g.x.taps + q) * plane + strip.tap(g, r);
    }
  }
}

// One tile's filters, [c][r][q][filter], tile_rows apart.
template <class T>
[[gnu::noinline]] void pack_filters(const detail::Correlation& g, T* dst, const T* w, int filters) {
  const bool contiguous = g.y.weight_stride == g.x.taps && g.x.weight_stride == 1;
  if (contiguous && g.w_channel == g.taps()) return pack<T, T>(dst, tile_rows, w, g.w_filter, 1, filters, g.patch());
  w += g.y.weight + g.x.weight;
  if (g.taps() == 1) return pack<T, T>(dst, tile_rows, w, g.w_filter, g.w_channel, filters, g.channels);
  if (contiguous) {
    for (std::int64_t c = 0; c < g.channels; ++c) {
      pack<T, T>(dst + c * g.taps() * tile_rows, tile_rows, w + c * g.w_channel, g.w_filter, 1, filters, g.taps());
    }
    return;
  }
  for (std::int64_t c = 0; c < g.channels; ++c) {
    for (std::int64_t r = 0; r < g.y.taps; ++r) {
      for (std::int64_t q = 0; q < g.x.taps; ++q, dst += tile_rows) {
        const T* tap = w + c * g.w_channel + r * g.y.weight_stride + q * g.x.weight_stride;
        for (int f = 0; f < filters; ++f) dst[f] = tap[f * g.w_filter];
      }
    }
  }
}

// A strip is kept to half of the second-level cache.
inline constexpr std::int64_t strip_bytes = 1 << 18;

template <class T>
struct Correlate {
  const detail::Correlation& g;
  detail::Strip strip;
  std::int64_t images, filters;  // of one task
  std::int64_t channels;         // summed at a time
  const T *source, *weights, *bias;
  T* result;
  bool accumulate;
  T* packed;
  std::int64_t* at;

  std::int64_t strips() const { return (g.y.results + strip.rows - 1) / strip.rows; }
  std::int64_t image_tasks() const { return (g.images + images - 1) / images; }
  std::int64_t filter_tasks() const { return (g.filters + filters - 1) / filters; }
  std::int64_t panel_size() const { return g.patch() * tile_rows + 64; }
  std::int64_t panels() const { return (filters + tile_rows - 1) / tile_rows; }

  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    for (std::int64_t task = begin; task < end; ++task) {
      std::int64_t i = task;
      const std::int64_t block = i % filter_tasks();
      i /= filter_tasks();
      const std::int64_t u0 = i % strips() * strip.rows;
      i /= strips();
      const std::int64_t group = i % g.groups, image = i / g.groups * images;
      run(image, image + images < g.images ? image + images : g.images, group, u0,
          u0 + strip.rows < g.y.results ? strip.rows : g.y.results - u0, block);
    }
  }

  void run(std::int64_t image0, std::int64_t image1, std::int64_t group, std::int64_t u0, std::int64_t rows,
           std::int64_t block) const {
    const std::int64_t f0 = block * filters, f1 = f0 + filters < g.filters ? f0 + filters : g.filters;
    const T* panel = packed + (group * filter_tasks() + block) * panels() * panel_size();
    // A pointwise convolution reads the image itself, unless its last vectors would read past the end of all images.
    const std::int64_t columns = rows * g.x.results, plane = g.y.source * g.x.source;
    const std::int64_t beyond = (g.images * g.groups - (image1 - 1) * g.groups - group - 1) * g.source_image() + plane -
                                u0 * g.x.source - columns;
    const bool in_place = g.pointwise() && (columns % Simd<T>::width == 0 || beyond >= Simd<T>::width);
    const std::int64_t size = in_place ? g.source_image() * g.groups : strip.size(g, channels);
    T* const unfolded = in_place ? nullptr : scratch<T>(Scratch::image, size * (image1 - image0) + 3 * Simd<T>::width);
    for (std::int64_t c = 0; c < g.channels || c == 0; c += channels) {
      const std::int64_t count = c + channels < g.channels ? channels : g.channels - c;
      const std::int64_t begin = (image0 * g.groups + group) * g.source_image() + c * plane;
      for (std::int64_t image = image0; image < image1 && !in_place; ++image) {
        fill_strip(g, strip, count, unfolded + (image - image0) * size,
                   source + begin + (image - image0) * g.groups * g.source_image(), u0, rows);
      }
      Tile<T> t{panel + c * g.taps() * tile_rows, 1, tile_rows, nullptr, 0, count * g.taps(), nullptr, 0, 0, 0, {}};
      t.b_at = in_place ? at + g.patch() : at;
      t.end.accumulate = c > 0 || (g.dense() && accumulate);
      const bool ends = c + count == g.channels;
      for (std::int64_t f = f0; f < f1; f += t.rows, t.a += panel_size()) {
        t.rows = next_rows(f1 - f);
        t.end.row_bias = bias != nullptr && ends ? bias + group * g.filters + f : nullptr;
        for (std::int64_t image = image0; image < image1; ++image) {
          const T* strip_of = in_place ? source + begin + u0 * g.x.source : unfolded;
          multiply(t, strip_of + (image - image0) * size, image * g.groups + group, f, u0, rows);
        }
      }
      if (count == 0) break;
    }
  }

  // The tiles of some filters along one strip.
  void multiply(Tile<T> t, const T* from, std::int64_t image, std::int64_t f, std::int64_t u0,
                std::int64_t rows) const {
    constexpr int R = tile_cols<T>;
    const std::int64_t columns = rows * g.x.results;
    T* const out = result + (image * g.filters + f) * g.result_plane();
    T* const spread = g.dense() ? nullptr : scratch<T>(Scratch::sums, tile_rows * columns);
    t.ldc = g.dense() ? g.result_plane() : columns;
    for (std::int64_t j = 0; j < columns; j += R) {
      t.b = from + j;
      t.c = g.dense() ? out + u0 * g.x.image + j : spread + j;
      t.cols = static_cast<int>(columns - j < R ? columns - j : R);
      run_tile(t);
    }
    if (!g.dense()) scatter(out, spread, t.rows, u0, rows);
  }

  void scatter(T* out, const T* sums, int count, std::int64_t u0, std::int64_t rows) const {
    for (int f = 0; f < count; ++f, out += g.result_plane()) {
      for (std::int64_t u = u0; u < u0 + rows; ++u) {
        T* row = out + (g.y.origin + u * g.y.spread) * g.x.image + g.x.origin;
        for (std::int64_t v = 0; v < g.x.results; ++v, row += g.x.spread) *row = (accumulate ? *row : T(0)) + *sums++;
      }
    }
  }
};

template <class T>
struct PackFilters {
  const Correlate<T>& x;
  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t group = i / x.filter_tasks(), block = i % x.filter_tasks();
      const std::int64_t f1 = (block + 1) * x.filters < x.g.filters ? (block + 1) * x.filters : x.g.filters;
      T* panel = x.packed + i * x.panels() * x.panel_size();
      for (std::int64_t f = block * x.filters, count; f < f1; f += count, panel += x.panel_size()) {
        count = next_rows(f1 - f);
        pack_filters(x.g, panel, x.weights + group * x.g.w_group + f * x.g.w_filter, static_cast<int>(count));
      }
    }
  }
};

// The result's images, groups, strips and, where these are few, blocks of filters are independent tasks. Long sums are
// cut by channels, as in a matrix product, so that strips of several images share each block of the weights.
template <class T>
void correlate(const detail::Correlation& g, const T* source, const T* weights, const T* bias, T* result,
               bool accumulate) {
  if (g.images * g.groups * g.filters * g.y.results * g.x.results == 0) return;
  const std::int64_t values = strip_bytes / static_cast<std::int64_t>(sizeof(T));
  std::int64_t channels = g.channels;
  if (g.dense() && g.patch() > 1024) {
    const std::int64_t blocks = g.patch() / 768 < g.channels ? g.patch() / 768 : g.channels;
    channels = (g.channels + blocks - 1) / blocks;
  }
  const detail::Strip strip = detail::Strip::fitting(g, channels, values);
  Correlate<T> x{g, strip, 1, g.filters, channels, source, weights, bias, result, accumulate, nullptr, nullptr};
  const bool heavy = g.patch() * g.filters > values;  // weights do not stay in the cache from image to image
  if (x.strips() == 1) {
    const std::int64_t fit = values / (strip.size(g, channels) + 1), spare = heavy ? g.images : g.images / 8;
    x.images = fit < spare ? fit : spare;
    if (x.images < 1) x.images = 1;
  }
  const std::int64_t tasks = x.image_tasks() * g.groups * x.strips(), panels = (g.filters + tile_rows - 1) / tile_rows;
  const std::int64_t work = g.filters * g.patch() * (strip.rows * g.x.results * x.images);  // of one task
  if (tasks < 8 && work > (1 << 21)) {
    const std::int64_t blocks = work >> 20 < 8 / tasks ? work >> 20 : 8 / tasks;
    x.filters = (panels + blocks - 1) / blocks * tile_rows;
  }
  x.packed = scratch<T>(Scratch::weights, g.groups * x.filter_tasks() * x.panels() * x.panel_size());
  x.at = scratch<std::int64_t>(Scratch::positions, 2 * g.patch());
  fill_positions(g, strip, x.at);
  for (std::int64_t c = 0; c < g.channels && g.pointwise(); ++c) x.at[g.patch() + c] = c * g.y.source * g.x.source;
  parallel_for(g.groups * x.filter_tasks(), (1 << 18) / (x.panels() * x.panel_size()) + 1, PackFilters<T>{x});
  const std::int64_t each = g.patch() * x.filters * strip.rows * g.x.results * x.images;
  parallel_for(tasks * x.filter_tasks(), (1 << 20) / (each + 1) + 1, x);
}

#include "shunt/kernels/winograd.inl"

template <class T>
inline void correlate_fast(const detail::Correlation& g, const T* source, const T* weights, const T* bias, T* result,
                           bool accumulate) {
  // Of floats. The portable copy would cost every program more compilation than it gains.
  if constexpr (sizeof(T) == 4 && SHUNT_ISA_BYTES > 16) {
    if (detail::WinogradTiles::pay(g, Simd<T>::width)) return winograd(g, source, weights, bias, result, accumulate);
  }
  correlate(g, source, weights, bias, result, accumulate);
}

template <class T>
void conv_forward(const ConvShape& s, const T* x, const T* w, const T* bias, T* y, bool accumulate) {
  correlate_fast(detail::forward_correlation(s), x, w, bias, y, accumulate);
}

template <class T>
void conv_backward_data(const ConvShape& s, const T* dy, const T* w, T* dx, bool accumulate) {
  // Phases of dx that no tap reaches, three in four under a 1 x 1 kernel with stride 2, are zeroed in one go.
  bool reached = true;
  for (std::int64_t i = 0; i < s.sh * s.sw; ++i) {
    reached = reached && detail::backward_correlation(s, i / s.sw, i % s.sw).taps() > 0;
  }
  const std::int64_t count = s.n * s.c * s.h * s.w;
  if (!reached && !accumulate && count > 0) __builtin_memset(dx, 0, static_cast<std::size_t>(count) * sizeof(T));
  for (std::int64_t a = 0; a < s.sh && a < s.h; ++a) {
    for (std::int64_t b = 0; b < s.sw && b < s.w; ++b) {
      const detail::Correlation g = detail::backward_correlation(s, a, b);
      if (g.taps() > 0) correlate_fast<T>(g, dy, w, nullptr, dx, accumulate);
    }
  }
}

#include "shunt/kernels/conv_weights.inl"
