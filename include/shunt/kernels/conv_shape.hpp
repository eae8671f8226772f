// What a convolution and its gradients have in common: sums over the taps of a window that slides over an image.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace shunt::kernels {

/// Sizes of a 2-d convolution: x (n, c, h, w), w (k, c / groups, kh, kw), y (n, k, oh, ow); stride, padding, dilation.
/// A 1-d one has h = kh = oh = 1.
struct ConvShape {
  std::int64_t n, c, h, w, k, kh, kw, sh, sw, ph, pw, dh, dw, groups, oh, ow;
};

namespace detail {

// One dimension: result i sums the taps t at source position i * step + begin + t * dilation; result i itself lies at
// position origin + i * spread of its image. Tap t has its weight at weight + t * weight_stride.
struct Taps {
  std::int64_t source, results, taps, step, begin, dilation, origin, spread, image, weight, weight_stride;
};

// Per image and group: result(f, u, v) = sum of weight(f, c, r, q) source(c, ..) over channels c and taps (r, q).
struct Correlation {
  std::int64_t images, groups, channels, filters;
  std::int64_t w_group, w_filter, w_channel;
  Taps y, x;

  std::int64_t taps() const { return y.taps * x.taps; }
  std::int64_t patch() const { return channels * taps(); }
  std::int64_t source_image() const { return channels * y.source * x.source; }
  std::int64_t result_plane() const { return y.image * x.image; }
  bool dense() const { return y.spread == 1 && x.spread == 1; }
  bool pointwise() const {
    return taps() == 1 && y.step == 1 && x.step == 1 && y.begin == 0 && x.begin == 0 && x.results == x.source &&
           y.results <= y.source;
  }
};

inline Correlation forward_correlation(const ConvShape& s) {
  const std::int64_t c = s.c / s.groups, k = s.k / s.groups;
  return {s.n,
          s.groups,
          c,
          k,
          k * c * s.kh * s.kw,
          c * s.kh * s.kw,
          s.kh * s.kw,
          {s.h, s.oh, s.kh, s.sh, -s.ph, s.dh, 0, 1, s.oh, 0, s.kw},
          {s.w, s.ow, s.kw, s.sw, -s.pw, s.dw, 0, 1, s.ow, 0, 1}};
}

// Input positions i with i = phase (mod stride) see every (stride / gcd)-th tap, at unit steps through the outputs.
inline Taps backward_taps(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride, std::int64_t pad,
                          std::int64_t dilation, std::int64_t phase, std::int64_t weight_stride) {
  const std::int64_t every = stride / std::gcd(stride, dilation);
  std::int64_t first = 0;
  while (first < std::min(every, kernel) && (phase + pad - first * dilation) % stride != 0) ++first;
  const std::int64_t taps = first < std::min(every, kernel) ? (kernel - 1 - first) / every + 1 : 0;
  return {out,
          in > phase ? (in - phase - 1) / stride + 1 : 0,
          taps,
          1,
          taps > 0 ? (phase + pad - first * dilation) / stride : 0,
          -(every * dilation / stride),
          phase,
          stride,
          in,
          first * weight_stride,
          every * weight_stride};
}

inline Correlation backward_correlation(const ConvShape& s, std::int64_t phase_y, std::int64_t phase_x) {
  const std::int64_t c = s.c / s.groups, k = s.k / s.groups;
  return {s.n,
          s.groups,
          k,
          c,
          k * c * s.kh * s.kw,
          s.kh * s.kw,
          c * s.kh * s.kw,
          backward_taps(s.h, s.oh, s.kh, s.sh, s.ph, s.dh, phase_y, s.kw),
          backward_taps(s.w, s.ow, s.kw, s.sw, s.pw, s.dw, phase_x, 1)};
}

// A strip is some result rows of one image, unfolded along x only: for every channel and horizontal tap a dense plane
// of `height` rows, in which a vertical tap is an offset. Where the window steps over rows there is a plane per tap.
struct Strip {
  bool shared;  // vertical taps share the rows of one plane
  std::int64_t rows, height, low;

  Strip(const Correlation& g, std::int64_t result_rows)
      : shared(g.y.step == 1 && std::abs(g.y.dilation) < std::max<std::int64_t>(result_rows, 2)),
        rows(result_rows),
        height(shared ? rows + std::max<std::int64_t>(0, g.y.taps - 1) * std::abs(g.y.dilation) : rows * g.y.taps),
        low(g.y.begin + std::min<std::int64_t>(0, (g.y.taps - 1) * g.y.dilation)) {}

  std::int64_t plane(const Correlation& g) const { return height * g.x.results; }
  std::int64_t size(const Correlation& g, std::int64_t channels) const { return channels * g.x.taps * plane(g); }
  std::int64_t tap(const Correlation& g, std::int64_t r) const {
    return (shared ? g.y.begin + r * g.y.dilation - low : r * rows) * g.x.results;
  }

  // As many rows as make at most `values` values, at least one, and cut the image evenly.
  static Strip fitting(const Correlation& g, std::int64_t channels, std::int64_t values) {
    const std::int64_t row = std::max<std::int64_t>(1, channels * g.x.taps * g.x.results);
    const std::int64_t halo = g.y.step == 1 ? std::max<std::int64_t>(0, g.y.taps - 1) * std::abs(g.y.dilation) : 0;
    const std::int64_t each = g.y.step == 1 ? 1 : std::max<std::int64_t>(1, g.y.taps);
    const std::int64_t most = std::max<std::int64_t>({1, 2 * halo, (values / row - halo) / each});
    const std::int64_t strips = std::max<std::int64_t>(1, (g.y.results + most - 1) / most);
    return Strip(g, std::max<std::int64_t>(1, (g.y.results + strips - 1) / strips));
  }
};

}  // namespace detail
}  // namespace shunt::kernels
