// The parts that convolutions over pixels share, and Winograd's F(M x M, 3 x 3) over pixels, for one instruction set.
// With channels in the lanes, the transforms need no shuffle: they take a third of the products' time at 64 channels.

// A panel holds what up to tile_rows pixels (or tiles) read, [some of k][row][these of k], with room for a vector that
// overhangs the last row.
inline constexpr std::int64_t panel_depth = 64, panel_chunk = tile_rows * panel_depth + 16;
inline std::int64_t panel_size(std::int64_t k, std::int64_t depth = panel_depth) {
  return (k + depth - 1) / depth * panel_chunk;
}

// Weights that come next, brought into the second-level cache meanwhile, `lines` of a cache with every few values of k:
// weights are read once and from afar, at a tenth of the rate at which they could be multiplied.
template <class T>
struct Ahead {
  const T* weights = nullptr;
  int lines = 0;

  static constexpr std::int64_t line = 64 / sizeof(T), period = 8;
  /// Of the `size` values at `next`, the part of one of `tiles` that are multiplied before.
  static Ahead part(const T* next, std::int64_t size, std::int64_t tile, std::int64_t tiles, std::int64_t k) {
    const std::int64_t steps = (k + period - 1) / period, lines = (size / line + tiles * steps - 1) / (tiles * steps);
    return {next + tile * steps * lines * line, static_cast<int>(lines)};
  }
  [[gnu::always_inline]] void step() {
    for (int i = 0; i < lines; ++i, weights += line) __builtin_prefetch(weights, 0, 2);
  }
};

// sums (M x N vectors, rows two vectors apart) = the M rows of a panel times the weights of two vectors of filters, or
// with `more` that added to them.
template <class T, int M, int N>
[[gnu::noinline]] void panel_rows(const T* panel, const T* weights, std::int64_t k, std::int64_t depth, T* sums,
                                  bool more, Ahead<T> ahead) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  V acc[M][N] = {};
  if (more) {
#pragma GCC unroll 16
    for (int i = 0; i < M; ++i) {
#pragma GCC unroll 2
      for (int j = 0; j < N; ++j) load(acc[i][j], sums + (2 * i + j) * W);
    }
  }
  for (; k > 0; k -= depth, panel += panel_chunk) {
    const T* a = panel;
    for (const T* const end = a + (k < depth ? k : depth); a != end;) {
      ahead.step();
      for (const T* const stop = end - a < ahead.period ? end : a + ahead.period; a != stop; ++a, weights += 2 * W) {
        V b[N];
#pragma GCC unroll 2
        for (int j = 0; j < N; ++j) load(b[j], weights + j * W);
#pragma GCC unroll 16
        for (int i = 0; i < M; ++i) {
#pragma GCC unroll 2
          for (int j = 0; j < N; ++j) acc[i][j] += a[i * panel_depth] * b[j];
        }
      }
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < M; ++i) {
#pragma GCC unroll 2
    for (int j = 0; j < N; ++j) store(acc[i][j], sums + (2 * i + j) * W);
  }
}
// Rows beyond `rows` may be computed; the panel and the sums have room for them.
template <class T>
inline void multiply_panel_rows(const T* panel, const T* weights, std::int64_t k, std::int64_t depth, T* sums, int rows,
                                int cols, bool more, const Ahead<T>& ahead) {
  using Function = void (*)(const T*, const T*, std::int64_t, std::int64_t, T*, bool, Ahead<T>);
#if SHUNT_ISA_BYTES == 64
  static constexpr Function wide[] = {panel_rows<T, 4, 2>, panel_rows<T, 4, 2>,  panel_rows<T, 8, 2>,
                                      panel_rows<T, 8, 2>, panel_rows<T, 10, 2>, panel_rows<T, 12, 2>,
                                      panel_rows<T, 14, 2>};
  static constexpr Function narrow[] = {panel_rows<T, 8, 1>, panel_rows<T, 8, 1>,  panel_rows<T, 8, 1>,
                                        panel_rows<T, 8, 1>, panel_rows<T, 14, 1>, panel_rows<T, 14, 1>,
                                        panel_rows<T, 14, 1>};
#elif SHUNT_ISA_BYTES == 32
  static constexpr Function wide[] = {panel_rows<T, 2, 2>, panel_rows<T, 4, 2>, panel_rows<T, 6, 2>};
  static constexpr Function narrow[] = {panel_rows<T, 6, 1>, panel_rows<T, 6, 1>, panel_rows<T, 6, 1>};
#else
  static constexpr Function wide[] = {panel_rows<T, 4, 2>, panel_rows<T, 4, 2>};
  static constexpr Function narrow[] = {panel_rows<T, 4, 1>, panel_rows<T, 4, 1>};
#endif
  const Function* const of_rows = cols > Simd<T>::width ? wide : narrow;
  of_rows[(rows - 1) / 2](panel, weights, k, depth, sums, more, ahead);
}

// The end of one vector of filters: bias, what a skip brings, the bounds, the image.
template <class T>
struct PixelEnd {
  using V = typename Simd<T>::V;
  const T* base;
  T* y;
  std::int64_t base_pixel, y_pixel;
  V bias, low, high;
  int lanes;
  bool clamps;

  PixelEnd(const PackedConv<T>& call, std::int64_t f, int count)
      : base(call.base == nullptr ? nullptr : call.base + f),
        y(call.y + f),
        base_pixel(call.base_pixel),
        y_pixel(call.y_pixel),
        bias{},
        low(V{} + call.low),
        high(V{} + call.high),
        lanes(count),
        clamps(call.clamps) {
    if (call.bias != nullptr) load_lanes(bias, call.bias + f, lanes);
  }
  [[gnu::always_inline]] void put(const V& sum, std::int64_t pixel) const {
    V v = sum + bias;
    if (base != nullptr) {
      V other;
      load_lanes(other, base + pixel * base_pixel, lanes);
      v += other;
    }
    if (clamps) {
      v = v < low ? low : v;
      v = v > high ? high : v;
    }
    store_lanes(v, y + pixel * y_pixel, lanes);
  }
};

template <class T, int M>
struct PackedWinograd {
  const PackedConv<T>& call;
  std::int64_t down, across;  // tiles of an image
  std::int64_t first, count;  // tiles of this block
  T *values, *zeros;          // [rows of tiles][factor][panel]
  std::atomic<bool>& odd;

  static constexpr int W = Simd<T>::width, side = M + 2, factors = side * side;
  std::int64_t groups() const { return (count + tile_rows - 1) / tile_rows; }
  std::int64_t begin_of(std::int64_t group) const { return count * group / groups(); }

  // Where the pixels that the tile reads lie.
  void locate(std::int64_t tile, const T** from) const {
    const std::int64_t image = tile / (down * across), at = tile % (down * across);
    const std::int64_t y0 = at / across * M - call.shape.ph, x0 = at % across * M - call.shape.pw;
    for (int i = 0; i < factors; ++i) {
      const std::int64_t y = y0 + i / side, x = x0 + i % side;
      const bool inside = y >= 0 && y < call.shape.h && x >= 0 && x < call.shape.w;
      from[i] = inside ? call.x + ((image * call.shape.h + y) * call.shape.w + x) * call.x_pixel : zeros;
    }
  }
  // The factors of tiles [begin, end) of this block.
  [[gnu::noinline]] void transform(std::int64_t begin, std::int64_t end) const {
    using V = typename Simd<T>::V;
    const std::int64_t channels = call.shape.c, size = panel_size(channels);
    V seen = {};
    std::int64_t group = 0;
    for (std::int64_t t = begin; t < end; ++t) {
      while (begin_of(group + 1) <= t) ++group;
      T* const row = values + group * factors * size + (t - begin_of(group)) * panel_depth;
      const T* from[factors];
      locate(first + t, from);
      for (std::int64_t c = 0; c < channels; c += W) {
        const int lanes = static_cast<int>(channels - c < W ? channels - c : W);
        T* const to = row + c / panel_depth * panel_chunk + c % panel_depth;
        V part[side][side];
        for (int r = 0; r < side; ++r) {
          V d[side];
#pragma GCC unroll 6
          for (int i = 0; i < side; ++i) {
            load_lanes(d[i], from[side * r + i] + c, lanes);
            watch<T>(seen, d[i]);
          }
          source_pass<T, M>(d, part[r]);
        }
        for (int i = 0; i < side; ++i) {
          V d[side], out[side];
#pragma GCC unroll 6
          for (int r = 0; r < side; ++r) d[r] = part[r][i];
          source_pass<T, M>(d, out);
#pragma GCC unroll 6
          for (int r = 0; r < side; ++r) store_lanes(out[r], to + (side * r + i) * size, lanes);
        }
      }
    }
    if (!fine<T>(seen)) odd = true;
  }

  // One tile's results of one vector of filters.
  [[gnu::noinline]] void finish(const T* products, std::int64_t step, std::int64_t tile, const PixelEnd<T>& end) const {
    using V = typename Simd<T>::V;
    const std::int64_t image = tile / (down * across), at = tile % (down * across);
    const std::int64_t y0 = at / across * M, x0 = at % across * M;
    V part[side][M];
    for (int r = 0; r < side; ++r) {
      V m[side];
#pragma GCC unroll 6
      for (int i = 0; i < side; ++i) load(m[i], products + (side * r + i) * step);
      result_pass<T, M>(m, part[r]);
    }
    for (std::int64_t i = 0; i < M && x0 + i < call.shape.ow; ++i) {
      V m[side], out[M];
#pragma GCC unroll 6
      for (int r = 0; r < side; ++r) m[r] = part[r][i];
      result_pass<T, M>(m, out);
      for (std::int64_t r = 0; r < M && y0 + r < call.shape.oh; ++r)
        end.put(out[r], (image * call.shape.oh + y0 + r) * call.shape.ow + x0 + i);
    }
  }
  // All tiles of this block and some panels of filters.
  [[gnu::noinline]] void multiply(std::int64_t begin, std::int64_t end) const {
    const std::int64_t channels = call.shape.c, size = panel_size(channels), step = tile_rows * 2 * W;
    T* const products = scratch<T>(Scratch::sums, factors * groups() * step);
    for (std::int64_t j = begin; j < end; ++j) {
      const std::int64_t f = j * 2 * W;
      const int cols = call.shape.k - f > W ? 2 * W : W;
      const T* weights = call.weights + f * factors * channels;
      for (int i = 0; i < factors; ++i, weights += 2 * W * channels) {
        for (std::int64_t g = 0; g < groups(); ++g) {
          multiply_panel_rows(values + (g * factors + i) * size, weights, channels, panel_depth,
                              products + (g * factors + i) * step, static_cast<int>(begin_of(g + 1) - begin_of(g)),
                              cols, false,
                              Ahead<T>::part(weights + 2 * W * channels, 2 * W * channels, g, groups(), channels));
        }
      }
      for (int v = 0; v < cols; v += W) {
        const std::int64_t left = call.shape.k - f - v;
        const PixelEnd<T> last(call, f + v, static_cast<int>(left < W ? left : W));
        for (std::int64_t g = 0; g < groups(); ++g) {
          for (std::int64_t t = begin_of(g); t < begin_of(g + 1); ++t)
            finish(products + g * factors * step + (t - begin_of(g)) * 2 * W + v, step, first + t, last);
        }
      }
    }
  }
};

template <class T, int M>
struct PackedWinogradTransform {
  const PackedWinograd<T, M>& x;
  void operator()(std::int64_t begin, std::int64_t end) const { x.transform(begin, end); }
};
template <class T, int M>
struct PackedWinogradMultiply {
  const PackedWinograd<T, M>& x;
  void operator()(std::int64_t begin, std::int64_t end) const { x.multiply(begin, end); }
};

// How the tiles are cut into blocks. Few weights are read anew by every block, which one thread computes by itself, so
// that factors never leave its cache; blocks of many weights are larger, and all threads share each.
template <class T, int M>
struct PackedWinogradBlocks {
  const PackedConv<T>& call;
  std::int64_t down, across, tiles, blocks, size;
  T* zeros;
  std::atomic<bool>& odd;

  static constexpr int W = Simd<T>::width, factors = (M + 2) * (M + 2);
  bool shared() const { return factors * call.shape.c * call.shape.k > (1 << 20); }
  std::int64_t panels() const { return (call.shape.k + 2 * W - 1) / (2 * W); }
  T* values() const {
    return scratch<T>(Scratch::tiles, ((tiles + blocks - 1) / blocks + tile_rows) / tile_rows * factors * size);
  }
  PackedWinograd<T, M> block(std::int64_t b, T* values) const {
    const std::int64_t first = tiles * b / blocks;
    return {call, down, across, first, tiles * (b + 1) / blocks - first, values, zeros, odd};
  }
  void operator()(std::int64_t begin, std::int64_t end) const {
    T* const own = values();
    for (std::int64_t b = begin; b < end && !odd; ++b) {
      const PackedWinograd<T, M> x = block(b, own);
      x.transform(0, x.count);
      if (!odd) x.multiply(0, panels());
    }
  }
};

template <class T, int M>
bool packed_winograd(const PackedConv<T>& call) {
  const ConvShape& s = call.shape;
  const std::int64_t down = (s.oh + M - 1) / M, across = (s.ow + M - 1) / M, size = panel_size(s.c);
  std::atomic<bool> odd{false};
  T* const zeros = scratch<T>(Scratch::image, s.c + Simd<T>::width);
  fill_zero(zeros, s.c);
  PackedWinogradBlocks<T, M> x{call, down, across, s.n * down * across, 1, size, zeros, odd};
  // Factors fit a second-level cache.
  const std::int64_t fit = (std::int64_t{1} << (x.factors * s.c * s.k > (1 << 18) ? 18 : 17)) / (x.factors * size);
  x.blocks = (x.tiles - 1) / ((fit < 1 ? 1 : fit) * tile_rows) + 1;
  if (!x.shared()) {
    const std::int64_t threads = num_threads();
    x.blocks = (x.blocks + threads - 1) / threads * threads;
    parallel_for(x.blocks, 1, x);
    return !odd;
  }
  T* const values = x.values();
  for (std::int64_t b = 0; b < x.blocks; ++b) {
    const PackedWinograd<T, M> block = x.block(b, values);
    parallel_for(block.count, (1 << 16) / (200 * s.c) + 1, PackedWinogradTransform<T, M>{block});
    if (odd) return false;
    parallel_for(x.panels(), (1 << 18) / (x.factors * block.count * s.c * 2 * x.W + 1) + 1,
                 PackedWinogradMultiply<T, M>{block});
  }
  return true;
}
