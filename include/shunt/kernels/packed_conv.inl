// Convolution over pixels for one instruction set. Lanes are filters, so every vector is full whatever the size of the
// image, and the sums of up to tile_rows pixels and two vectors of filters stay in registers. What those pixels read is
// copied once, for all filters: rows of 64 values, so that all addresses of a step are one register and a constant.
#include "shunt/kernels/packed_winograd.inl"

// How many values of k a chunk of the panel takes: whole rows of a filter, or whole pixels, if 64 have room for them.
inline std::int64_t chunk_depth(const ConvShape& g) {
  const std::int64_t row = g.kw * g.c;
  return row <= panel_depth ? panel_depth / row * row : g.c <= panel_depth ? panel_depth / g.c * g.c : panel_depth;
}

// Writes one row of a panel, value after value of k, with vectors that may overhang what is written next.
template <class T>
struct PanelRow {
  using V = typename Simd<T>::V;
  static constexpr int W = Simd<T>::width;
  T* to;  // the chunk's row
  std::int64_t depth;
  const T* readable;  // where the image's memory ends
  std::int64_t at = 0;

  // `count` values, or zeros if `from` is null.
  [[gnu::always_inline]] void put(const T* from, std::int64_t count) {
    if (count <= 2 * W && count <= depth - at && from != nullptr && from + 2 * W <= readable) {  // few channels
      V low, high;
      load(low, from);
      load(high, from + W);
      store(low, to + at);
      if (count > W) store(high, to + at + W);
      at += count;
      return;
    }
    while (count > 0) {
      if (at == depth) to += panel_chunk, at = 0;
      const std::int64_t part = count < depth - at ? count : depth - at;
      T* const here = to + at;
      V v = {};
      std::int64_t i = 0;
      for (; i + W <= part; i += W) {
        if (from != nullptr) load(v, from + i);
        store(v, here + i);
      }
      if (i < part) {
        if (from != nullptr && from + i + W <= readable)
          load(v, from + i);
        else if (from != nullptr)
          load_part(v, from + i, static_cast<int>(part - i));
        store(v, here + i);
      }
      at += part, count -= part;
      if (from != nullptr) from += part;
    }
  }
};

// Everything that results [first, first + rows) read, in the order (row of the filter, column, channel).
template <class T>
[[gnu::noinline]] void gather_pixels(const PackedConv<T>& call, std::int64_t first, int rows, T* panel) {
  const ConvShape& g = call.shape;
  const T* const readable = call.x + (g.n * g.h * g.w - 1) * call.x_pixel + g.c;
  const std::int64_t depth = chunk_depth(g);
  for (int i = 0; i < rows; ++i) {
    const std::int64_t pixel = first + i, image = pixel / (g.oh * g.ow), at = pixel % (g.oh * g.ow);
    const std::int64_t y0 = at / g.ow * g.sh - g.ph, x0 = at % g.ow * g.sw - g.pw;
    const T* const from = call.x + image * g.h * g.w * call.x_pixel;
    const bool run = x0 >= 0 && x0 + g.kw <= g.w && g.dw == 1 && call.x_pixel == g.c;
    PanelRow<T> row{panel + i * panel_depth, depth, readable};
    for (std::int64_t r = 0; r < g.kh; ++r) {
      const std::int64_t y = y0 + r * g.dh;
      if (y < 0 || y >= g.h) {
        row.put(nullptr, g.kw * g.c);
      } else if (run) {
        row.put(from + (y * g.w + x0) * g.c, g.kw * g.c);
      } else {
        for (std::int64_t q = 0; q < g.kw; ++q) {
          const std::int64_t x = x0 + q * g.dw;
          row.put(x < 0 || x >= g.w ? nullptr : from + (y * g.w + x) * call.x_pixel, g.c);
        }
      }
    }
  }
}

// Sums of `rows` pixels and the filters from f on, to the image.
template <class T>
[[gnu::noinline]] void finish_pixels(const PackedConv<T>& call, const T* sums, std::int64_t first, int rows,
                                     std::int64_t f) {
  constexpr int W = Simd<T>::width;
  for (int j = 0; j < 2; ++j, f += W) {
    const std::int64_t left = call.shape.k - f;
    if (left <= 0) return;
    const PixelEnd<T> end(call, f, static_cast<int>(left < W ? left : W));
    for (int i = 0; i < rows; ++i) {
      typename Simd<T>::V v;
      load(v, sums + (2 * i + j) * W);
      end.put(v, first + i);
    }
  }
}

// Values of k whose weights for two vectors of filters fill most of a first-level cache.
inline constexpr std::int64_t panel_block = 256;

// Tasks are some pixels and some panels of filters, numbered panels first, so that a thread gathers what its pixels
// read once for all tasks that share it. Pixels are cut into tiles, of which all but the last are full.
template <class T>
struct PackedTasks {
  const PackedConv<T>& call;
  std::int64_t pixels, k, depth, size;  // of the image; values of a filter, of those in a chunk, of a tile's panel
  std::int64_t panels, parts, across;   // of the filters; tasks that share those, or a part of the pixels
  Keeping keeping;

  explicit PackedTasks(const PackedConv<T>& c)
      : call(c),
        pixels(c.shape.n * c.shape.oh * c.shape.ow),
        k(filter_size(c.shape)),
        depth(chunk_depth(c.shape)),
        size(panel_size(k, depth)),
        panels((c.shape.k - 1) / (2 * Simd<T>::width) + 1),
        parts(1),
        across(1) {}
  static std::int64_t tiles_of(std::int64_t count) { return (count + tile_rows - 1) / tile_rows; }

  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    T* const gathered = scratch<T>(Scratch::tiles, tiles_of((pixels - 1) / parts + 1) * size);
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t part = task / across, i = task % across;
      const std::int64_t first = pixels * part / parts, count = pixels * (part + 1) / parts - first;
      const bool there = keeping.keeps(part);
      for (std::int64_t t = 0; t < tiles_of(count) && !there; ++t)
        gather_pixels(call, first + begin_of(t, count), rows_of(t, count), gathered + t * size);
      multiply(gathered, first, count, panels * i / across, panels * (i + 1) / across);
    }
  }
  static std::int64_t begin_of(std::int64_t tile, std::int64_t count) {
    const std::int64_t last = tiles_of(count) - 1, rest = count - last * tile_rows;
    if (tile > last) return count;
    return tile == last && last > 0 && 7 * rest <= tile_rows ? tile * tile_rows - (tile_rows - rest) / 2
                                                             : tile * tile_rows;
  }
  static int rows_of(std::int64_t tile, std::int64_t count) {
    return static_cast<int>(begin_of(tile + 1, count) - begin_of(tile, count));
  }
  void multiply(const T* gathered, std::int64_t first, std::int64_t count, std::int64_t j0, std::int64_t j1) const {
    constexpr std::int64_t W = Simd<T>::width, sums_size = tile_rows * 2 * W;
    const std::int64_t tiles = tiles_of(count), block = (panel_block + depth - 1) / depth * depth;
    T* const sums = scratch<T>(Scratch::sums, tiles * sums_size);
    for (std::int64_t j = j0; j < j1; ++j) {
      const int cols = call.shape.k - j * 2 * W > W ? 2 * W : W;
      // Weights that a first-level cache holds meet all pixels before others take their place.
      for (std::int64_t p = 0, step; p < k; p += step) {
        step = k - p < block ? k - p : block;
        const T* const weights = call.weights + (j * k + p) * 2 * W;
        const bool ends = p + step == k;
        for (std::int64_t t = 0; t < tiles; ++t) {
          const auto ahead =
              ends && j + 1 == j1 ? Ahead<T>() : Ahead<T>::part(weights + step * 2 * W, step * 2 * W, t, tiles, step);
          multiply_panel_rows(gathered + t * size + p / depth * panel_chunk, weights, step, depth, sums + t * sums_size,
                              rows_of(t, count), cols, p > 0, ahead);
          if (ends) finish_pixels(call, sums + t * sums_size, first + begin_of(t, count), rows_of(t, count), j * 2 * W);
        }
      }
    }
  }
};

#include "shunt/kernels/packed_depthwise.inl"

template <class T>
bool packed_conv(const PackedConv<T>& call) {
  if (call.shape.groups > 1) return packed_depthwise(call);
  if (call.winograd == 4) return packed_winograd<T, 4>(call);
  if (call.winograd == 2) return packed_winograd<T, 2>(call);
  PackedTasks<T> x(call);
  // What a task's pixels read fits half of a second-level cache, unless weights would then be read for few rows only.
  constexpr std::int64_t half = 3 << 15, most = 1 << 18, rows = 10;
  std::int64_t fit = most / x.size < rows ? most / x.size : rows;
  fit = fit < half / x.size ? half / x.size : fit < 1 ? 1 : fit;
  const std::int64_t tiles = x.tiles_of(x.pixels), threads = num_threads();
  x.parts = (tiles + fit - 1) / fit;
  // Each of several threads has pixels of its own, which stay in its cache from one layer to the next, and some tasks,
  // so that all end together.
  if (threads > 1) {
    x.parts = (x.parts + threads - 1) / threads * threads;
    x.parts = x.parts < tiles ? x.parts : tiles;
    while (x.parts * x.across < 8 * threads && x.panels / (x.across + 1) >= 2) ++x.across;
    while (x.parts * x.across < 4 * threads && 4 * x.parts <= tiles) x.parts *= 2;
  }
  const std::int64_t count = x.parts * x.across;
  parallel_for(count, (std::int64_t{1} << 18) / (x.pixels * x.k * call.shape.k / count + 1) + 1, x);
  return true;
}

// [panel of filters][row of the filter][column][channel][filter], or the factors of Winograd's form in place of the
// filter's rows and columns; false if these are not finite. Lanes beyond the last filter hold anything.
template <class T>
bool pack_weights(const ConvShape& g, int winograd, const T* w, T* packed) {
  constexpr int W = Simd<T>::width, cols = 2 * W;
  constexpr std::int64_t most = 32;
  const std::int64_t taps = g.kh * g.kw, size = filter_size(g), depth = size / taps, step = depth * cols;
  bool finite = true;
  for (std::int64_t f = 0; f < g.k;
       f += cols, packed += (winograd > 0 ? (winograd + 2) * (winograd + 2) : taps) * step) {
    const int count = static_cast<int>(g.k - f < cols ? g.k - f : cols);
    const T* const from = w + f * size;
    for (std::int64_t i = 0; i < taps && winograd == 0; ++i)
      pack<T, T>(packed + i * step, cols, from + i, size, taps, count, depth);
    for (int v = 0; v < count && winograd > 0; v += W) {
      const int filters = count - v < W ? count - v : W;
      for (std::int64_t c = 0; c < g.c; c += most) {
        const std::int64_t channels = g.c - c < most ? g.c - c : most;
        T* const part = scratch<T>(Scratch::panel_b, most * 9 * W);
        pack<T, T>(part, W, from + v * size + c * 9, size, 1, filters, channels * 9);
        const auto transform = winograd == 2 ? transform_filters<W, cols, 2, T> : transform_filters<W, cols, 4, T>;
        finite = transform(part, channels, false, packed + c * cols + v, step) && finite;
      }
    }
  }
  return finite;
}

// The largest value of each window; a vector of channels at a time.
template <class T>
struct PackedPoolRows {
  const PackedPool<T>& p;
  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    using V = typename Simd<T>::V;
    constexpr int W = Simd<T>::width;
    const PoolShape& s = p.shape;
    for (std::int64_t row = begin; row < end; ++row) {
      const T* const image = p.x + row / s.oh * s.h * s.w * p.x_pixel;
      const std::int64_t y0 = row % s.oh * s.sh - s.ph;
      for (std::int64_t u = 0; u < s.ow; ++u) {
        const std::int64_t x0 = u * s.sw - s.pw;
        T* const to = p.y + (row * s.ow + u) * p.channels;
        for (std::int64_t c = 0; c < p.channels; c += W) {
          const int lanes = static_cast<int>(p.channels - c < W ? p.channels - c : W);
          V best = V{} - static_cast<T>(__builtin_inff());
          for (std::int64_t r = 0; r < s.kh; ++r) {
            const std::int64_t y = y0 + r * s.dh;
            for (std::int64_t q = 0; q < s.kw && y >= 0 && y < s.h; ++q) {
              const std::int64_t x = x0 + q * s.dw;
              if (x < 0 || x >= s.w) continue;
              V v;
              load_lanes(v, image + (y * s.w + x) * p.x_pixel + c, lanes);
              best = v > best ? v : best;
              best = v == v ? best : v;
            }
          }
          store_lanes(best, to + c, lanes);
        }
      }
    }
  }
};
template <class T>
void packed_max_pool(const PackedPool<T>& p) {
  const PoolShape& s = p.shape;
  parallel_for(s.planes / (p.channels > 0 ? p.channels : 1) * s.oh,
               (1 << 15) / (s.ow * p.channels * s.kh * s.kw + 1) + 1, PackedPoolRows<T>{p});
}
