// Winograd's convolution F(4 x 4, 3 x 3) for one instruction set: a tile of 16 results is 36 products per channel and
// filter, in place of 144, as 36 matrix products.
//
// With AVX-512 on a Zen 5 core products take two fifths of the time at 16 channels of 32 x 32 and two thirds at 64 or
// more, the transforms the rest; 16 channels take half the time of the direct path, 32 to 256 channels a third.
//
// Errors over normal data and 8 to 512 channels, against double: at most 2.1e-6 of the result's norm and 5.0e-6 of its
// largest value (weights: 1.6e-6 and 2.0e-6). They are those of a tile, so a result that sees only padding may be off
// by roundings of its neighbours.
//
// A value that is not finite, or beyond 2^108, would spread in its tile. Such values are looked for on the way; what
// sees a block of tiles or a panel of filters that has one is computed directly.
#include "shunt/kernels/winograd_products.inl"
#include "shunt/kernels/winograd_transform.inl"

template <class T>
struct Winograd {
  const detail::WinogradTiles& p;
  std::int64_t block;  // tiles of one task
  const T *source, *weights, *bias;
  T* result;
  bool accumulate;
  T* factors;                              // of the filters, [panel][factor][channel][filter]
  unsigned char *odd_panels, *odd_blocks;  // which hold values that are not finite

  static constexpr int W = Simd<T>::width, columns = 2 * W;
  static constexpr std::int64_t products_step = tile_rows * columns;
  std::int64_t blocks() const { return (p.count() + block - 1) / block; }
  std::int64_t panels() const { return (p.filters + tile_rows - 1) / tile_rows; }
  static std::int64_t filter_step(std::int64_t channels) { return detail::winograd_step(channels * tile_rows); }
  std::int64_t source_step() const { return detail::winograd_step(p.channels * columns); }
  std::int64_t pair_size() const { return 36 * source_step(); }

  // Each block of tiles on its own, with the factors of all filters ready.
  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    for (std::int64_t b = begin; b < end; ++b) {
      const std::int64_t t0 = b * block, t1 = t0 + block < p.count() ? t0 + block : p.count();
      const std::int64_t vectors = (t1 - t0 + W - 1) / W;
      auto* tile = scratch<detail::WinogradTile>(Scratch::positions, vectors * W);
      p.place(t0, t1, W / 4, W, tile);
      T* const values = scratch<T>(Scratch::tiles, (vectors + 1) / 2 * pair_size());
      odd_blocks[b] = !gather(t0, t1, 0, p.channels, tile, vectors, values);
      if (!odd_blocks[b]) multiply(tile, vectors, values);
    }
  }

  // The factors of some channels, [pair of vectors][factor][channel][tile]; whether all of it is finite.
  bool gather(std::int64_t t0, std::int64_t t1, std::int64_t c0, std::int64_t c1, const detail::WinogradTile* tile,
              std::int64_t vectors, T* values) const {
    const std::int64_t size = p.lines(t0, t1) * p.pitch;
    const std::int64_t watched = (size + 4 * W - 1) / (4 * W) * (4 * W);
    T* const padded = scratch<T>(Scratch::image, watched + W);
    fill_zero(padded, watched + W);
    typename Simd<T>::V seen = {};
    const std::int64_t before = p.begin_x < 0 ? -p.begin_x : 0, x0 = p.begin_x > 0 ? p.begin_x : 0;
    const std::int64_t room = 4 * p.across + 2 - before, left = p.width - x0, count = left < room ? left : room;
    const std::int64_t i0 = t0 / p.per_image();
    for (std::int64_t c = c0; c < c1; ++c) {
      T* row = padded + before;
      for (std::int64_t i = i0; i * p.per_image() < t1; ++i) {
        const detail::WinogradTiles::Band band = p.band(i, t0, t1);
        const T* plane = source + (i * p.channels + c) * p.height * p.width + x0;
        const std::int64_t y0 = 4 * band.first + p.begin_y, lines = band.lines();
        const std::int64_t above = y0 < 0 ? -y0 : 0, below = p.height - y0 < lines ? p.height - y0 : lines;
        copy_rows(row + above * p.pitch, p.pitch, plane + (y0 + above) * p.width, p.width, count, below - above);
        row += lines * p.pitch;
      }
      watch_all(seen, padded, watched);
      for (std::int64_t v = 0; v < vectors; ++v) {
        transform_source(padded, p.pitch, tile + v * W, values + v / 2 * pair_size() + c * columns + v % 2 * W,
                         source_step());
      }
    }
    return fine<T>(seen);
  }

  // The factors of filters [f, f + rows) and channels [c0, c1); whether all of them are finite.
  bool transform_weights(std::int64_t f, int rows, std::int64_t c0, std::int64_t c1, T* dst, std::int64_t step) const {
    constexpr std::int64_t most = 32;
    T* const packed = scratch<T>(Scratch::panel_b, most * 9 * tile_rows + 64);
    bool finite = true;
    for (std::int64_t c = c0; c < c1; c += most) {
      const std::int64_t count = c1 - c < most ? c1 - c : most;
      const T* from = weights + f * p.w_filter + c * p.w_channel;
      fill_zero(packed + count * 9 * tile_rows, W);  // which the last vector sees
      if (p.w_channel == 9) {
        pack<T, T>(packed, tile_rows, from, p.w_filter, 1, rows, 9 * count);
      } else {
        for (std::int64_t n = 0; n < count; ++n, from += p.w_channel)
          pack<T, T>(packed + n * 9 * tile_rows, tile_rows, from, p.w_filter, 1, rows, 9);
      }
      T* const to = dst + (c - c0) * tile_rows;
      finite = transform_filters<tile_rows, tile_rows>(packed, count, p.flipped, to, step) && finite;
    }
    return finite;
  }

  void multiply_pair(const T* panel, std::int64_t step, std::int64_t c0, std::int64_t c1, int rows, int cols,
                     const T* pair, T* products) const {
    multiply_factors<T>({panel, step, tile_rows, pair + c0 * columns, source_step(), columns, c1 - c0, products,
                         products_step, columns, c0 > 0},
                        rows, cols);
  }

  void finish_pair(const T* products, std::int64_t f, int rows, const detail::WinogradTile* tile, int cols) const {
    for (int v = 0; v < cols; v += W) {
      for (int i = 0; i < rows; ++i) {
        transform_products(products + i * columns + v, products_step, tile + v, bias != nullptr ? bias[f + i] : T(0),
                           result + (f + i) * p.rows * p.cols, p.cols, accumulate);
      }
    }
  }

  // All filters of a block: the products of one panel and one pair of vectors stay in the cache.
  void multiply(const detail::WinogradTile* tile, std::int64_t vectors, const T* values) const {
    T* const products = scratch<T>(Scratch::sums, 36 * products_step);
    const std::int64_t step = filter_step(p.channels);
    const T* panel = factors;
    int rows;
    for (std::int64_t f = 0, i = 0; f < p.filters; f += rows, ++i, panel += 36 * step) {
      rows = next_rows(p.filters - f);
      for (std::int64_t v = 0; v < vectors && !odd_panels[i]; v += 2) {
        const int cols = v + 1 < vectors ? columns : W;
        multiply_pair(panel, step, 0, p.channels, rows, cols, values + v / 2 * pair_size(), products);
        finish_pair(products, f, rows, tile + v * W, cols);
      }
    }
  }
};

// The factors of some panels of filters, where many blocks of tiles will read them.
template <class T>
struct WinogradFilters {
  const Winograd<T>& x;
  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    const std::int64_t step = x.filter_step(x.p.channels);
    std::int64_t f = 0;
    for (std::int64_t i = 0; i < end; ++i) {
      const int rows = next_rows(x.p.filters - f);
      if (i >= begin) x.odd_panels[i] = !x.transform_weights(f, rows, 0, x.p.channels, x.factors + i * 36 * step, step);
      f += rows;
    }
  }
};

// Few tiles under many channels: all tiles are one block, whose channels and then whose filters are tasks. The factors
// of the filters are made where they are used, some channels at a time, and never leave the second-level cache.
template <class T>
struct WinogradChannels {
  const Winograd<T>& x;
  const detail::WinogradTile* tile;
  std::int64_t vectors;
  T* values;
  std::atomic<bool>& odd;
  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    if (!x.gather(0, x.p.count(), begin, end, tile, vectors, values)) odd = true;
  }
};
template <class T>
struct WinogradPanels {
  const WinogradChannels<T>& from;
  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    constexpr std::int64_t most = (1 << 16) / (36 * tile_rows), W = Simd<T>::width;
    const Winograd<T>& x = from.x;
    const std::int64_t chunks = (x.p.channels + most - 1) / most, chunk = (x.p.channels + chunks - 1) / chunks;
    const std::int64_t step = x.filter_step(chunk);
    T* const factors = scratch<T>(Scratch::panel_a, 36 * step);
    T* const products = scratch<T>(Scratch::sums, (from.vectors + 1) / 2 * 36 * x.products_step);
    std::int64_t f = 0;
    for (std::int64_t i = 0; i < end; ++i) {
      const int rows = next_rows(x.p.filters - f);
      if (i >= begin) {
        x.odd_panels[i] = 0;
        for (std::int64_t c = 0; c < x.p.channels; c += chunk) {
          const std::int64_t end_c = c + chunk < x.p.channels ? c + chunk : x.p.channels;
          if (!x.transform_weights(f, rows, c, end_c, factors, step)) x.odd_panels[i] = 1;
          for (std::int64_t v = 0; v < from.vectors; v += 2) {
            const int cols = static_cast<int>(v + 1 < from.vectors ? 2 * W : W);
            T* const part = products + v / 2 * 36 * x.products_step;
            x.multiply_pair(factors, step, c, end_c, rows, cols, from.values + v / 2 * x.pair_size(), part);
            if (end_c == x.p.channels && !x.odd_panels[i]) x.finish_pair(part, f, rows, from.tile + v * W, cols);
          }
        }
      }
      f += rows;
    }
  }
};

// Results that see a block or a panel with values that are not finite are computed directly, image by image, so that
// these go where they belong.
template <class T>
void redo_odd(const Winograd<T>& x, const detail::Correlation& g) {
  const detail::WinogradTiles& p = x.p;
  const std::int64_t plane = p.rows * p.cols;
  bool any_panel = false, any_block = false;
  for (std::int64_t i = 0; i < x.panels(); ++i) any_panel = any_panel || x.odd_panels[i];
  for (std::int64_t i = 0; i < x.blocks(); ++i) any_block = any_block || x.odd_blocks[i];
  if (!any_panel && !any_block) return;
  detail::Correlation one = g;
  one.images = 1;
  std::int64_t done = -1;
  T* direct = nullptr;
  for (std::int64_t t = 0; t < p.count(); ++t) {
    const bool odd = x.odd_blocks[t / x.block];
    if (!odd && !any_panel) continue;
    const std::int64_t image = t / p.per_image(), tile = t % p.per_image();
    if (image != done) {
      direct = scratch<T>(Scratch::products, p.filters * plane);
      correlate<T>(one, x.source + image * g.source_image(), x.weights, x.bias, direct, false);
      done = image;
    }
    const std::int64_t y0 = tile / p.across * 4, x0 = tile % p.across * 4;
    int rows;
    for (std::int64_t f0 = 0, i = 0; f0 < p.filters; f0 += rows, ++i) {
      rows = next_rows(p.filters - f0);
      for (std::int64_t f = f0; f < f0 + rows && (odd || x.odd_panels[i]); ++f) {
        for (std::int64_t v = y0; v < y0 + 4 && v < p.rows; ++v) {
          for (std::int64_t u = x0; u < x0 + 4 && u < p.cols; ++u) {
            T& to = x.result[(image * p.filters + f) * plane + v * p.cols + u];
            const T sum = direct[f * plane + v * p.cols + u];
            to = x.accumulate ? to + sum : sum;
          }
        }
      }
    }
  }
}

// Large blocks of tiles would leave the second-level cache, small ones would read the filters' factors too often.
template <class T>
void winograd(const detail::Correlation& g, const T* source, const T* weights, const T* bias, T* result,
              bool accumulate) {
  constexpr int W = Simd<T>::width;
  const detail::WinogradTiles p(g);
  const std::int64_t fit = (1 << 17) / (72 * p.channels * W), pairs = (p.count() + 2 * W - 1) / (2 * W);
  const bool few = pairs <= 4 && 36 * p.channels * p.filters > (1 << 18);
  Winograd<T> x{
      p,      (few ? pairs : fit < 1 ? 1 : fit) * 2 * W, source, weights, bias, result, accumulate, nullptr, nullptr,
      nullptr};
  x.odd_panels = scratch<unsigned char>(Scratch::marks, x.panels() + x.blocks());
  x.odd_blocks = x.odd_panels + x.panels();
  if (few) {
    const std::int64_t vectors = (p.count() + W - 1) / W;
    auto* tile = scratch<detail::WinogradTile>(Scratch::positions, vectors * W);
    p.place(0, p.count(), W / 4, W, tile);
    std::atomic<bool> odd{false};
    const WinogradChannels<T> channels{x, tile, vectors, scratch<T>(Scratch::tiles, pairs * x.pair_size()), odd};
    parallel_for(p.channels, (1 << 15) / (36 * W * vectors) + 1, channels);
    x.odd_blocks[0] = odd;
    for (std::int64_t i = 0; i < x.panels(); ++i) x.odd_panels[i] = 0;
    if (!odd) parallel_for(x.panels(), 1, WinogradPanels<T>{channels});
  } else {
    x.factors = scratch<T>(Scratch::weights, x.panels() * 36 * x.filter_step(p.channels));
    parallel_for(x.panels(), (1 << 16) / (p.channels * 36 * tile_rows) + 1, WinogradFilters<T>{x});
    parallel_for(x.blocks(), 1, x);
  }
  redo_odd(x, g);
}
