#include "shunt/nn/pool.hpp"

#include <sstream>

#include "shunt/nn/sequential.hpp"
#include "shunt/nn/upsample.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;

TEST_CASE("pooling layers: are their operations, written either way", "[nn][pool]") {
  const auto x = randn({2, 3, 9, 8});
  const auto y = max_pool2d(x, 3, {.stride = 2, .padding = 1}).to_vector();
  CHECK(nn::MaxPool2d(3, {.stride = 2, .padding = 1})(x).to_vector() == y);
  CHECK(nn::MaxPool2d({.kernel = 3, .stride = 2, .padding = 1})(x).to_vector() == y);
  CHECK(nn::MaxPool2d(2)(x).shape() == Shape{2, 3, 4, 4});
  CHECK(nn::MaxPool2d({.kernel = 2, .ceil_mode = true})(x).shape() == Shape{2, 3, 5, 4});

  const auto mean = avg_pool2d(x, 3, {.padding = 1, .count_include_pad = false}).to_vector();
  CHECK(nn::AvgPool2d({.kernel = 3, .padding = 1, .count_include_pad = false})(x).to_vector() == mean);
  CHECK(nn::AvgPool2d(3, {.padding = 1, .count_include_pad = false})(x).to_vector() == mean);
  CHECK(nn::AdaptiveAvgPool2d({3, 2})(x).to_vector() == adaptive_avg_pool2d(x, {3, 2}).to_vector());
}

TEST_CASE("resizing layers: are their operations", "[nn][pool]") {
  const auto x = randn({2, 4, 3, 5});
  CHECK(nn::Upsample({.scale_factor = 2, .mode = "bilinear"})(x).to_vector() ==
        interpolate(x, {.scale_factor = 2, .mode = "bilinear"}).to_vector());
  CHECK(nn::PixelShuffle(2)(x).to_vector() == pixel_shuffle(x, 2).to_vector());
  CHECK(nn::Flatten()(x).shape() == Shape{2, 60});
  CHECK(nn::Flatten(0, 1)(x).shape() == Shape{8, 3, 5});
}

TEST_CASE("pooling and resizing layers: print what differs from the defaults", "[nn][pool]") {
  std::ostringstream os;
  os << nn::Sequential(nn::MaxPool2d(3, {.stride = 2, .padding = 1}), nn::AvgPool2d({2, 1}), nn::AdaptiveAvgPool2d(1),
                       nn::Upsample({.scale_factor = {1.5, 2}}), nn::PixelShuffle(3));
  CHECK(os.str() ==
        "Sequential() {\n  0: MaxPool2d(3, stride = 2, padding = 1)\n  1: AvgPool2d({2, 1})\n"
        "  2: AdaptiveAvgPool2d(1)\n  3: Upsample(scale_factor = {1.5, 2.0}, nearest)\n  4: PixelShuffle(3)\n}");
}
