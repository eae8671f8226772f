// The gradient of a convolution with respect to its weights, for one instruction set. Its transpose is computed: taps
// are the rows, read from the unfolded strip as they lie, and only dy, which is smaller, is packed.

template <class T>
struct WeightGradient {
  const detail::Correlation& g;
  detail::Strip strip;
  std::int64_t share, channels;  // of one task: strips, numbered through all images, and channels
  const T *x, *dy;
  T* sums;  // per share of the strips and group: (channel, r, q) x filters
  const std::int64_t* at;

  std::int64_t strips() const { return (g.y.results + strip.rows - 1) / strip.rows; }  // of an image
  std::int64_t shares() const { return (g.images * strips() + share - 1) / share; }
  std::int64_t channel_tasks() const { return (g.channels + channels - 1) / channels; }

  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t block = task % channel_tasks(), rest = task / channel_tasks();
      const std::int64_t group = rest % g.groups, first = rest / g.groups * share;
      const std::int64_t c0 = block * channels, c1 = c0 + channels < g.channels ? c0 + channels : g.channels;
      T* out = sums + (rest * g.channels + c0) * g.y.taps * g.x.taps * g.filters;
      for (std::int64_t i = first; i < first + share && i < g.images * strips(); ++i)
        add(out, i / strips() * g.groups + group, c0, c1 - c0, i % strips() * strip.rows, i > first);
    }
  }

  void add(T* out, std::int64_t image, std::int64_t c0, std::int64_t count, std::int64_t u0, bool accumulate) const {
    constexpr int W = Simd<T>::width, R = tile_cols<T>;
    const std::int64_t rows = strip.rows < g.y.results - u0 ? strip.rows : g.y.results - u0;
    const std::int64_t columns = rows * g.x.results, patch = count * g.y.taps * g.x.taps;
    T* const unfolded = scratch<T>(Scratch::image, strip.size(g, count) + W);
    fill_strip(g, strip, count, unfolded, x + image * g.source_image() + c0 * g.y.source * g.x.source, u0, rows);
    const T* filter = dy + image * g.filters * g.result_plane() + u0 * g.x.results;
    if (g.filters <= 2) return add_dots(out, unfolded, filter, columns, patch, accumulate);
    T* const panel = scratch<T>(Scratch::panel_b, columns * R + W);
    for (std::int64_t f = 0; f < g.filters; f += R, filter += R * g.result_plane()) {
      const int cols = static_cast<int>(g.filters - f < R ? g.filters - f : R);
      const int width = cols > W ? R : W;
      pack<T, T>(panel, width, filter, g.result_plane(), 1, cols, columns);
      Tile<T> t{unfolded, 0, 1, panel, width, columns, nullptr, g.filters, 0, cols, {}};
      t.end.accumulate = accumulate;
      for (std::int64_t p = 0; p < patch; p += t.rows) {
        t.rows = next_rows(patch - p);
        t.a_at = at + p;
        t.c = out + p * g.filters + f;
        run_tile(t);
      }
    }
  }

  // One or two filters, as small groups have, would leave most lanes of a tile empty.
  void add_dots(T* out, const T* unfolded, const T* filter, std::int64_t columns, std::int64_t patch,
                bool accumulate) const {
    constexpr int L = 16 / sizeof(T);
    for (std::int64_t f = 0; f < g.filters; ++f, filter += g.result_plane()) {
      for (std::int64_t p = 0; p < patch; p += L) {
        const T* line[L];
        T dots[L];
        for (int r = 0; r < L; ++r) line[r] = unfolded + at[p + r < patch ? p + r : patch - 1];
        dot_tile<T, 1>(columns, filter, 0, line, dots);
        for (int r = 0; r < L && p + r < patch; ++r) {
          T& to = out[(p + r) * g.filters + f];
          to = accumulate ? to + dots[r] : dots[r];
        }
      }
    }
  }
};

// Adds the shares' sums in their order and transposes them into dw.
template <class T>
struct SumWeights {
  const WeightGradient<T>& x;
  T* dw;
  bool accumulate;
  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    const detail::Correlation& g = x.g;
    constexpr int W = Simd<T>::width;
    const std::int64_t patch = g.patch();
    T* const turned = scratch<T>(Scratch::panel_b, g.filters * W + W);
    for (std::int64_t block = begin; block < end; ++block) {
      const std::int64_t group = block / ((patch + W - 1) / W), p = block % ((patch + W - 1) / W) * W;
      const int lanes = static_cast<int>(patch - p < W ? patch - p : W);
      for (std::int64_t i = 0; i < x.shares(); ++i) {
        const T* part = x.sums + ((i * g.groups + group) * patch + p) * g.filters;
        pack<T, T>(turned, W, part, g.filters, 1, lanes, g.filters);
        for (std::int64_t f = 0; f < g.filters; ++f) {
          T* to = dw + (group * g.filters + f) * patch + p;
          typename Simd<T>::V v, other;
          load(v, turned + f * W);
          if (i > 0 || accumulate) {
            load_lanes(other, to, lanes);
            v += other;
          }
          store_lanes(v, to, lanes);
        }
      }
    }
  }
};

#include "shunt/kernels/winograd_weights.inl"

// Tasks are blocks of channels and, where these are few, shares of the strips: as many for any number of threads.
template <class T>
void conv_backward_weights(const ConvShape& s, const T* x, const T* dy, T* dw, bool accumulate) {
  const detail::Correlation g = detail::forward_correlation(s);
  const std::int64_t patch = g.patch(), taps = g.y.taps * g.x.taps;
  if (g.groups * g.filters * patch == 0) return;
  // Of floats. The portable copy would cost every program more compilation than it gains.
  if constexpr (sizeof(T) == 4 && SHUNT_ISA_BYTES > 16) {
    if (detail::WinogradTiles::pay_weights(g, Simd<T>::width) && winograd_weights(g, x, dy, dw, accumulate)) return;
  }
  std::int64_t blocks = patch / 256 + 1;
  if (blocks > g.channels) blocks = g.channels;
  const std::int64_t channels = (g.channels + blocks - 1) / blocks;
  const std::int64_t values = strip_bytes / static_cast<std::int64_t>(sizeof(T));
  const detail::Strip strip = detail::Strip::fitting(g, channels, values);
  std::int64_t* const at = scratch<std::int64_t>(Scratch::positions, patch);
  fill_positions(g, strip, at);
  WeightGradient<T> w{g, strip, 1, channels, x, dy, nullptr, at};
  const std::int64_t few = blocks * g.groups < 8 ? 8 / (blocks * g.groups) : 1, strips = g.images * w.strips();
  if (strips > few) w.share = (strips + few - 1) / few;
  const std::int64_t tasks = g.x.results == 0 ? 0 : w.shares() * g.groups * w.channel_tasks();
  w.sums = scratch<T>(Scratch::sums, w.shares() * g.groups * patch * g.filters + Simd<T>::width);
  if (tasks == 0) {
    if (!accumulate) {
      for (std::int64_t i = 0; i < g.groups * g.filters * patch; ++i) dw[i] = T(0);
    }
    return;
  }
  const std::int64_t each = w.share * g.filters * channels * taps * strip.rows * g.x.results;
  parallel_for(tasks, (1 << 20) / (each + 1) + 1, w);
  const std::int64_t lines = g.groups * ((patch + Simd<T>::width - 1) / Simd<T>::width);
  parallel_for(lines, (1 << 16) / (g.filters * Simd<T>::width) + 1, SumWeights<T>{w, dw, accumulate});
}
