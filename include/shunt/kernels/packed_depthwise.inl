// Convolution of each channel by itself, over pixels, for one instruction set. Lanes are channels, so the filter's
// edges fall on whole pixels and nothing is copied.

// Tasks are rows of results.
template <class T>
struct PackedDepthwise {
  using V = typename Simd<T>::V;
  static constexpr int W = Simd<T>::width, side_by_side = 4;
  const PackedConv<T>& call;

  [[gnu::noinline]] void operator()(std::int64_t begin, std::int64_t end) const {
    const ConvShape& g = call.shape;
    for (std::int64_t row = begin; row < end; ++row) {
      const T* const image = call.x + row / g.oh * g.h * g.w * call.x_pixel;
      const std::int64_t y0 = row % g.oh * g.sh - g.ph;
      for (std::int64_t u = 0, step; u < g.ow; u += step) {
        const std::int64_t x0 = u * g.sw - g.pw, last = x0 + (side_by_side - 1) * g.sw + (g.kw - 1) * g.dw;
        const bool several = x0 >= 0 && last < g.w && u + side_by_side <= g.ow;
        step = several ? side_by_side : 1;
        for (std::int64_t c = 0; c < g.k; c += W) {
          const PixelEnd<T> out(call, c, static_cast<int>(g.k - c < W ? g.k - c : W));
          V sums[side_by_side];
          several ? add<side_by_side>(sums, image, y0, x0, c, out.lanes) : add<1>(sums, image, y0, x0, c, out.lanes);
          for (int i = 0; i < step; ++i) out.put(sums[i], row * g.ow + u + i);
        }
      }
    }
  }

  // The sums of N results whose windows begin at (y0, x0) and follow each other; more than one within the image's
  // width.
  template <int N>
  [[gnu::always_inline]] void add(V* sums, const T* image, std::int64_t y0, std::int64_t x0, std::int64_t c,
                                  int lanes) const {
    const ConvShape& g = call.shape;
    const T* const weights = call.weights + c / (2 * W) * g.kh * g.kw * 2 * W + c % (2 * W);  // of the panel
    V sum[N] = {};
    for (std::int64_t r = 0; r < g.kh; ++r) {
      const std::int64_t y = y0 + r * g.dh;
      if (y < 0 || y >= g.h) continue;
      for (std::int64_t q = 0; q < g.kw; ++q) {
        const std::int64_t x = x0 + q * g.dw;
        if (N == 1 && (x < 0 || x >= g.w)) continue;
        V weight;
        load(weight, weights + (r * g.kw + q) * 2 * W);
        const T* const from = image + (y * g.w + x) * call.x_pixel + c;
#pragma GCC unroll 4
        for (int i = 0; i < N; ++i) {
          V value;
          load_lanes(value, from + i * g.sw * call.x_pixel, lanes);
          sum[i] += value * weight;
        }
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) sums[i] = sum[i];
  }
};
template <class T>
bool packed_depthwise(const PackedConv<T>& call) {
  const ConvShape& g = call.shape;
  parallel_for(g.n * g.oh, (1 << 16) / (g.ow * g.k * g.kh * g.kw + 1) + 1, PackedDepthwise<T>{call});
  return true;
}
