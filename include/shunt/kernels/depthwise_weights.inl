// The gradient of a depthwise convolution with respect to its weights, for one instruction set: for every tap a vector
// of sums along the columns of the planes.

template <class T>
struct DotPlanes {
  const detail::Depthwise& g;
  const T* x;                // all of the source
  std::int64_t plane, size;  // where the plane begins in it, how much there is
  const T* dy;               // the plane of one filter
  T* sums;                   // a vector for every tap
  std::int64_t begin, end;   // which rows of dy
};

// R rows of dy against the rows of the taps, which share the rows of x; `row` and `at` are where the first tap stands.
template <class T, int K, int S, int R>
[[gnu::always_inline]] inline void add_products(typename Simd<T>::V* acc, const DotPlanes<T>& b,
                                                const Window<T, K, S>& window, const T* dy, std::int64_t count,
                                                std::int64_t row, std::int64_t at) {
  constexpr int W = Simd<T>::width;
  const detail::Depthwise& g = b.g;
  typename Simd<T>::V d[R];
#pragma GCC unroll 8
  for (int o = 0; o < R; ++o, dy += g.ow) {
    if (count >= W)
      load(d[o], dy);
    else
      load_part(d[o], dy, static_cast<int>(count));
  }
#pragma GCC unroll 16
  for (int i = 0; i < (R - 1) * S + K; ++i, ++row, at += g.w) {
    if (row < 0 || row >= g.h) continue;
    typename Simd<T>::V v[K];
    window.read(v, b.x, at, b.size);
#pragma GCC unroll 8
    for (int q = 0; q < K; ++q) {
#pragma GCC unroll 8
      for (int o = 0; o < R; ++o) {
        if (i - o * S >= 0 && i - o * S < K) acc[(i - o * S) * K + q] += d[o] * v[q];
      }
    }
  }
}

template <class T, int K, int S>
[[gnu::noinline]] void dot_planes(const DotPlanes<T>& b) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width, R = 4;
  const detail::Depthwise& g = b.g;
  V acc[K * K];
#pragma GCC unroll 32
  for (int t = 0; t < K * K; ++t) load(acc[t], b.sums + t * W);
  for (std::int64_t j = 0; j < g.ow; j += W) {
    const std::int64_t x0 = j * S - g.pw, count = g.ow - j;
    Window<T, K, S> window;
    window.choose(x0, g.w, count);
    const T* dy = b.dy + b.begin * g.ow + j;
    std::int64_t u = b.begin, row = u * S - g.ph, at = b.plane + row * g.w + x0;
    for (; u + R <= b.end; u += R, dy += R * g.ow, row += R * S, at += R * S * g.w) {
      add_products<T, K, S, R>(acc, b, window, dy, count, row, at);
    }
    for (; u < b.end; ++u, dy += g.ow, row += S, at += S * g.w) {
      add_products<T, K, S, 1>(acc, b, window, dy, count, row, at);
    }
  }
#pragma GCC unroll 32
  for (int t = 0; t < K * K; ++t) store(acc[t], b.sums + t * W);
}

// The sums of as many lines as a vector has lanes: neighbours are added until a vector is left.
template <class T>
inline void sum_lines(typename Simd<T>::V& total, const T* lines) {
  using V = typename Simd<T>::V;
  constexpr int W = Simd<T>::width;
  V v[W];
#pragma GCC unroll 16
  for (int i = 0; i < W; ++i) load(v[i], lines + i * W);
#pragma GCC unroll 4
  for (int n = W / 2; n > 0; n /= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < n; ++i) {
      V even, odd;
      even_lanes(even, v[2 * i], v[2 * i + 1]);
      odd_lanes(odd, v[2 * i], v[2 * i + 1]);
      v[i] = even + odd;
    }
  }
  total = v[0];
}

// Tasks are some filters and some images.
template <class T>
struct DepthwiseWeights {
  const detail::Depthwise& g;
  std::int64_t filters, images;  // of a task
  const T *x, *dy;
  T* parts;  // dw of the tasks' images, one after the other

  std::int64_t all_filters() const { return g.channels * g.results; }
  std::int64_t blocks() const { return (all_filters() + filters - 1) / filters; }
  std::int64_t image_tasks() const { return (g.images + images - 1) / images; }
  std::int64_t size() const { return all_filters() * g.taps(); }

  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    const auto run = g.step == 1 ? dot_planes<T, 3, 1> : dot_planes<T, 3, 2>;
    constexpr int W = Simd<T>::width;
    const std::int64_t band = band_rows<T>(g);
    T* const sums = scratch<T>(Scratch::panel_a, (filters * g.taps() + W) * W);
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t image0 = task / blocks() * images, f0 = task % blocks() * filters;
      const std::int64_t image1 = image0 + images < g.images ? image0 + images : g.images;
      const std::int64_t f1 = f0 + filters < all_filters() ? f0 + filters : all_filters();
      const std::int64_t lines = (f1 - f0) * g.taps();
      const typename Simd<T>::V zero = {};
      for (std::int64_t i = 0; i < lines + W; ++i) store(zero, sums + i * W);
      for (std::int64_t image = image0; image < image1; ++image) {
        for (std::int64_t f = f0; f < f1; ++f) {
          const std::int64_t plane = image * g.channels + f / g.results;
          DotPlanes<T> b{g,
                         x,
                         plane * g.h * g.w,
                         g.images * g.channels * g.h * g.w,
                         dy + (image * all_filters() + f) * g.oh * g.ow,
                         sums + (f - f0) * g.taps() * W,
                         0,
                         0};
          for (std::int64_t u = 0; u < g.oh; u += band) {
            b.begin = u, b.end = u + band < g.oh ? u + band : g.oh;
            if (g.oh > band) {
              fetch_band(g, x + b.plane, u * g.step, band * g.step + 2);
              fetch(b.dy + u * g.ow, (b.end - u) * g.ow);
            }
            run(b);
          }
        }
      }
      T* const to = parts + task / blocks() * size() + f0 * g.taps();
      for (std::int64_t i = 0; i < lines; i += W) {
        typename Simd<T>::V total;
        sum_lines(total, sums + i * W);
        put(total, to + i, lines - i, false);
      }
    }
  }
};

// Adds the tasks' sums in the order of their images.
template <class T>
struct JoinWeights {
  const DepthwiseWeights<T>& x;
  T* dw;
  bool accumulate;
  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    constexpr int W = Simd<T>::width;
    for (std::int64_t i = begin * W; i < end * W && i < x.size(); i += W) {
      const int lanes = static_cast<int>(x.size() - i < W ? x.size() - i : W);
      typename Simd<T>::V sum = {}, v;
      for (std::int64_t p = 0; p < x.image_tasks(); ++p) {
        load_part(v, x.parts + p * x.size() + i, lanes);
        sum += v;
      }
      put(sum, dw + i, lanes, accumulate);
    }
  }
};

// Tasks are as many for any number of threads, and no lane's sum is much longer than a thousand products.
template <class T>
void depthwise_weights(const detail::Depthwise& g, const T* x, const T* dy, T* dw, bool accumulate) {
  const std::int64_t filters = g.channels * g.results, work = (g.taps() + 8) * g.oh * g.ow;
  DepthwiseWeights<T> w{g, 1, 1, x, dy, nullptr};
  const std::int64_t most = 1024 / (g.oh * (g.ow / Simd<T>::width + 1)) + 1;  // images
  const std::int64_t parts = (7 + filters) / filters, few = (g.images + parts - 1) / parts;
  w.images = most < few ? most : few;
  const std::int64_t fit = (1 << 18) / (work * w.images) + 1, evenly = (filters + 7) / 8;
  w.filters = fit < evenly ? fit : evenly;
  if (w.filters > 64) w.filters = 64;
  w.parts = scratch<T>(Scratch::sums, w.image_tasks() * w.size());
  const std::int64_t each = work * w.images * w.filters;
  parallel_for(w.image_tasks() * w.blocks(), (1 << 19) / (each + 1) + 1, w);
  const std::int64_t lines = (w.size() + Simd<T>::width - 1) / Simd<T>::width;
  parallel_for(lines, (1 << 14) / w.image_tasks() + 1, JoinWeights<T>{w, dw, accumulate});
}
