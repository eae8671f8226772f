#include "shunt/nn/conv.hpp"

#include <sstream>

#include "shunt/nn/residual.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;

namespace {

template <class M>
std::string printed(const M& module) {
  std::ostringstream os;
  os << module;
  return os.str();
}
double largest(const Tensor<float>& x) { return static_cast<double>(amax(abs(x)).item()); }

}  // namespace

TEST_CASE("Conv2d: is conv2d of its members", "[nn][conv]") {
  nn::Conv2d layer(
      {.in = 4, .out = 6, .kernel = {3, 2}, .stride = {2, 1}, .padding = 1, .dilation = {1, 2}, .groups = 2});
  const auto x = randn({2, 4, 7, 8});
  const auto y = conv2d(x, layer.weight, layer.bias, {{2, 1}, 1, {1, 2}, 2});
  CHECK(layer(x).shape() == Shape{2, 6, 4, 8});
  CHECK(layer(x).to_vector() == y.to_vector());
  CHECK(layer.weight.shape() == Shape{6, 2, 3, 2});
  CHECK(layer.named_parameters().size() == 2);
}

TEST_CASE("Conv2d: adds onto the skip of a residual block", "[nn][conv]") {
  nn::Conv2d<double> conv({.in = 3, .out = 3, .kernel = 3, .padding = 1});
  nn::ResidualBlock block(conv);
  const auto x = randn<double>({2, 3, 5, 5});
  CHECK(amax(abs(block(x) - (conv(x) + x))).item() < 1e-14);
  nn::ResidualBlock wider(nn::Conv2d({.in = 3, .out = 4, .kernel = 1}));
  CHECK_THROWS_AS(wider(randn({2, 3, 5, 5})), ShapeError);
}

TEST_CASE("Conv1d and ConvTranspose2d: are their operations", "[nn][conv]") {
  nn::Conv1d one({.in = 4, .out = 2, .kernel = 3, .stride = 2, .padding = 2, .dilation = 2, .groups = 2});
  const auto x = randn({2, 4, 9});
  CHECK(one(x).to_vector() == conv1d(x, one.weight, one.bias, {2, 2, 2, 2}).to_vector());

  nn::ConvTranspose2d up({.in = 4, .out = 6, .kernel = 3, .stride = 2, .padding = 1, .output_padding = 1, .groups = 2});
  const auto z = randn({1, 4, 5, 3});
  CHECK(up.weight.shape() == Shape{4, 3, 3, 3});
  CHECK(up(z).shape() == Shape{1, 6, 10, 6});
  CHECK(up(z).to_vector() ==
        conv_transpose2d(z, up.weight, up.bias, {.stride = 2, .padding = 1, .output_padding = 1, .groups = 2})
            .to_vector());
}

TEST_CASE("convolution layers: start uniform in +-1/sqrt(fan_in)", "[nn][conv]") {
  manual_seed(1);
  const auto check = [](const auto& layer, double fan_in) {
    const double bound = 1 / std::sqrt(fan_in);
    CHECK(largest(layer.weight) <= bound);
    CHECK(largest(layer.weight) > 0.95 * bound);  // 4000 draws or so come close
    CHECK(largest(layer.bias) <= bound);
    CHECK(largest(layer.bias) > 0.8 * bound);
    CHECK(std::abs(static_cast<double>(mean(layer.weight).item())) < 0.05 * bound);
  };
  check(nn::Conv2d({.in = 16, .out = 64, .kernel = 3, .groups = 2}), 8 * 9);
  check(nn::Conv1d({.in = 16, .out = 64, .kernel = 5}), 16 * 5);
  check(nn::ConvTranspose2d({.in = 16, .out = 32, .kernel = 3}), 32 * 9);  // PyTorch counts dimension 1 here too
}

TEST_CASE("convolution layers: one seed, one layer; a copy is independent", "[nn][conv]") {
  Generator g(7), same(7);
  nn::Conv2d a({.in = 2, .out = 3, .kernel = 3}, g);
  const nn::Conv2d b({.in = 2, .out = 3, .kernel = 3}, same);
  CHECK(a.weight.to_vector() == b.weight.to_vector());
  nn::Conv2d copy = a;
  nn::init::zeros_(copy.weight);
  CHECK(a.weight.to_vector() == b.weight.to_vector());
}

TEST_CASE("convolution layers: print what differs from the defaults", "[nn][conv]") {
  CHECK(printed(nn::Conv2d({.in = 3, .out = 64, .kernel = 7, .stride = 2, .padding = {3, 1}, .bias = false})) ==
        "Conv2d(3, 64, kernel = 7, stride = 2, padding = {3, 1}, no bias)");
  CHECK(printed(nn::Conv1d({.in = 4, .out = 8, .kernel = 3, .dilation = 2, .groups = 4})) ==
        "Conv1d(4, 8, kernel = 3, dilation = 2, groups = 4)");
  CHECK(printed(nn::ConvTranspose2d({.in = 4, .out = 8, .kernel = 2, .stride = 2, .output_padding = 1})) ==
        "ConvTranspose2d(4, 8, kernel = 2, stride = 2, output_padding = 1)");
}

TEST_CASE("convolution layers: channels must be multiples of the groups", "[nn][conv]") {
  CHECK_THROWS_AS(nn::Conv2d({.in = 3, .out = 4, .kernel = 3, .groups = 2}), ValueError);
  CHECK_THROWS_AS(nn::Conv2d({.in = 0, .out = 4, .kernel = 3}), ValueError);
  CHECK_THROWS_AS(nn::Conv1d({.in = 4, .out = 4, .kernel = 3, .groups = 0}), ValueError);
  nn::Conv2d layer({.in = 3, .out = 4, .kernel = 3});
  CHECK_THROWS_WITH(layer(ones({1, 2, 5, 5})), Catch::Contains("Conv2d: conv2d: weight (4, 3, 3, 3)"));
}
