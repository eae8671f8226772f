// Where the tiles of Winograd's convolution lie: 4 x 4 results each, from 6 x 6 values of the source.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "shunt/kernels/conv_shape.hpp"

namespace shunt::kernels::detail {

// How far apart factors of `count` floats lie: an odd number of cache lines, so that they do not meet in one set.
inline std::int64_t winograd_step(std::int64_t count) { return ((count + 17) / 16 | 1) * 16; }

// One tile: its first value in the padded rows of a block, its first result in filter 0, and how many results it has.
// The first tile of a group that lies in one row also knows that group's columns; elsewhere `run` is 0.
struct WinogradTile {
  std::int64_t from, to;
  int rows, cols, run;
};

// Tiles are numbered through all images. A block of them is a task: what it reads is copied, one channel at a time,
// into rows with the padding around them, image by image.
struct WinogradTiles {
  std::int64_t images, channels, filters, w_filter, w_channel;
  std::int64_t height, width, begin_y, begin_x, rows, cols;  // of the source, where windows begin, of the result
  std::int64_t down, across, pitch;
  bool flipped;

  explicit WinogradTiles(const Correlation& g)
      : images(g.images),
        channels(g.channels),
        filters(g.filters),
        w_filter(g.w_filter),
        w_channel(g.w_channel),
        height(g.y.source),
        width(g.x.source),
        begin_y(g.y.dilation > 0 ? g.y.begin : g.y.begin - 2),
        begin_x(g.x.dilation > 0 ? g.x.begin : g.x.begin - 2),
        rows(g.y.results),
        cols(g.x.results),
        down((rows + 3) / 4),
        across((cols + 3) / 4),
        pitch((4 * across + 4 + 15) / 16 * 16),
        flipped(g.y.dilation < 0) {}

  static bool possible(const Correlation& g) {
    return g.groups == 1 && g.y.taps == 3 && g.x.taps == 3 && g.y.step == 1 && g.x.step == 1 && g.dense() &&
           std::abs(g.y.dilation) == 1 && g.x.dilation == g.y.dilation && g.y.results == g.y.image &&
           g.x.results == g.x.image;
  }

  // What the direct path's multiplications cost with vectors of so many lanes.
  static double dearness(int lanes) { return lanes == 16 ? 1.0 : lanes == 8 ? 1.3 : 1.6; }

  // Whether fewer multiplications are worth the transforms, by a count of multiplications that fits what was measured
  // for 1 to 64 channels and filters and 1 and 32 images of 4 x 4 to 28 x 28: a channel of a tile costs 36 for each
  // filter and 450 for its transform, a filter of a tile 300, a weight 370; directly, a pixel of a channel costs 9 for
  // each filter and for 4 more. With AVX-512 large images pay from 4 channels and filters on, images of 7 x 7 from 16
  // tiles on. A gain below a tenth, or of one to three channels and filters, is left to the more exact path.
  static bool pay(const Correlation& g, int lanes) {
    if (!possible(g) || g.channels * g.filters < 16) return false;
    const WinogradTiles t(g);
    const double places = static_cast<double>((t.count() + lanes - 1) / lanes * lanes);
    const auto c = static_cast<double>(g.channels), f = static_cast<double>(g.filters);
    const double direct = 9 * c * (f + 4) * static_cast<double>(g.images * t.rows * t.cols);
    return direct * dearness(lanes) > 1.1 * (places * (36 * c * f + 450 * c + 300 * f) + 370 * c * f);
  }

  // The same for the gradient with respect to the weights, in whole vectors of channels and filters: a tile of a
  // channel costs 400 for its transform, of a filter 270, a weight 300 and, for each part, 36 sums at 8, or 25 beyond
  // the second cache. Directly an image costs as much as 40 pixels more than it has, for up to 32 filters. The gain
  // is 2.4 to 3.1 at ResNet's shapes of up to 128 channels; 256 channels and filters have too many sums, one or two
  // filters go by dot products.
  static bool pay_weights(const Correlation& g, int lanes) {
    if (!possible(g) || g.channels * g.filters < 16 || g.channels * g.filters > (1 << 15) || g.filters <= 2)
      return false;
    const WinogradTiles t(g);
    if (t.count() == 0) return false;
    const auto c = static_cast<double>((g.channels + lanes - 1) / lanes * lanes);
    const auto f = static_cast<double>((g.filters + lanes - 1) / lanes * lanes);
    const auto tiles = static_cast<double>(t.count()), pixels = static_cast<double>(t.rows * t.cols);
    const double sums = 36 * static_cast<double>((t.images * t.down - 1) / t.lines_of_part() + 1);
    const double weight = 300 + sums * (sums * c * f > (1 << 18) ? 25 : 8);
    const double direct =
        9 * static_cast<double>(g.images * g.channels) * (f * pixels + 40 * std::min(f, 32.0)) * dearness(lanes);
    return direct > 1.1 * (tiles * (36 * c * f + 400 * c + 270 * f) + weight * c * f);
  }
  // Rows of tiles that are summed by one task: at most 8 tasks, with 32 tiles or more.
  std::int64_t lines_of_part() const { return std::max((images * down + 7) / 8, (31 + across) / across); }

  std::int64_t per_image() const { return down * across; }
  std::int64_t count() const { return images * per_image(); }

  // Rows of tiles [first, last] that a block touches in an image.
  struct Band {
    std::int64_t first, last;
    std::int64_t lines() const { return 4 * (last - first) + 6; }
  };
  Band band(std::int64_t image, std::int64_t t0, std::int64_t t1) const {
    const std::int64_t a = t0 - image * per_image(), b = t1 - image * per_image();
    return {std::max<std::int64_t>(a, 0) / across, (std::min(b, per_image()) - 1) / across};
  }
  std::int64_t lines(std::int64_t t0, std::int64_t t1) const {
    std::int64_t sum = 0;
    for (std::int64_t i = t0 / per_image(); i * per_image() < t1; ++i) sum += band(i, t0, t1).lines();
    return sum;
  }

  // Places the tiles [t0, t1), in groups of `group`, up to a multiple of `lanes`: the last one is repeated, unstored.
  void place(std::int64_t t0, std::int64_t t1, int group, int lanes, WinogradTile* tile) const {
    std::int64_t line = 0, count = 0;
    for (std::int64_t i = t0 / per_image(); i * per_image() < t1; ++i) {
      const Band b = band(i, t0, t1);
      const std::int64_t end = std::min(t1, (i + 1) * per_image());
      for (std::int64_t t = std::max(t0, i * per_image()); t < end; ++t, ++count) {
        const std::int64_t y = (t - i * per_image()) / across, x = (t - i * per_image()) % across;
        tile[count] = {(line + 4 * (y - b.first)) * pitch + 4 * x, (i * filters * rows + 4 * y) * cols + 4 * x,
                       static_cast<int>(std::min<std::int64_t>(4, rows - 4 * y)),
                       static_cast<int>(std::min<std::int64_t>(4, cols - 4 * x)), 0};
        if (count % group == 0 && x + group <= across && t + group <= end)
          tile[count].run = static_cast<int>(std::min<std::int64_t>(4 * group, cols - 4 * x));
      }
      line += b.lines();
    }
    for (; count % lanes != 0; ++count) {
      tile[count] = tile[count - 1];
      tile[count].rows = tile[count].cols = tile[count].run = 0;
    }
  }
};

}  // namespace shunt::kernels::detail
