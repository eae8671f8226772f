// BlurPool2d and SqueezeExcitation: the parts that residual networks of later years added.
#include "shunt/nn/blur_pool.hpp"

#include "shunt/nn/squeeze_excitation.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;

TEST_CASE("BlurPool2d: the binomial filter at every second place, edges reflected", "[nn][blur_pool]") {
  const auto [h, w, stride] = GENERATE(table<int, int, int>({{6, 8, 2}, {5, 7, 2}, {2, 2, 2}, {9, 4, 3}, {4, 4, 1}}));
  const auto x = randn<double>({2, 3, h, w});
  const auto y = nn::BlurPool2d<double>(stride)(x);
  REQUIRE(y.shape() == Shape{2, 3, (h + stride - 1) / stride, (w + stride - 1) / stride});
  const auto reflect = [](std::int64_t i, std::int64_t n) { return i < 0 ? -i : i >= n ? 2 * n - 2 - i : i; };
  const double weight[] = {0.25, 0.5, 0.25};
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    const std::int64_t ow = y.size(3), oh = y.size(2), plane = i / (oh * ow);
    const std::int64_t row = i / ow % oh * stride, column = i % ow * stride;
    double sum = 0;
    for (std::int64_t a = 0; a < 3; ++a)
      for (std::int64_t b = 0; b < 3; ++b)
        sum +=
            weight[a] * weight[b] * x.at({plane / 3, plane % 3, reflect(row + a - 1, h), reflect(column + b - 1, w)});
    CHECK(y.data()[i] == Approx(sum).margin(1e-14));
  }
}

TEST_CASE("BlurPool2d: gradient, state and misuse", "[nn][blur_pool]") {
  nn::BlurPool2d<double> blur;
  const auto x = randn<double>({1, 2, 5, 4}).requires_grad();
  gradcheck([&](const std::vector<Tensor<double>>& in) { return blur(in[0]); }, {x});
  CHECK(blur.state_dict().size() == 0);
  CHECK_THROWS_AS(blur(randn<double>({2, 5, 4})), ShapeError);
  CHECK_THROWS_AS(blur(randn<double>({1, 2, 1, 4})), ShapeError);
  CHECK_THROWS_AS(nn::BlurPool2d<double>(0)(x), ValueError);
}

TEST_CASE("SqueezeExcitation: weighs channels by the image's means", "[nn][squeeze_excitation]") {
  nn::SqueezeExcitation<double> se({.channels = 6, .squeeze = 2});
  const auto x = randn<double>({3, 6, 4, 5});
  const auto means = mean(x, {2, 3});
  const auto w1 = se.fc1.weight.reshape({2, 6}), w2 = se.fc2.weight.reshape({6, 2});
  const auto weights = sigmoid(linear(relu(linear(means, w1, se.fc1.bias)), w2, se.fc2.bias));
  CHECK(allclose(se(x), x * weights.reshape({3, 6, 1, 1}), 1e-13, 1e-13));
  gradcheck([&](const std::vector<Tensor<double>>& in) { return se(in[0]); }, {x.clone().requires_grad()});
  std::vector<std::string> names;
  for (const auto& [name, p] : se.named_parameters()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"});
}

TEST_CASE("SqueezeExcitation: other activations, and misuse", "[nn][squeeze_excitation]") {
  nn::SqueezeExcitation se({.channels = 4, .squeeze = 1, .gate = nn::Tanh()});
  nn::init::zeros_(se.fc2.weight);
  nn::init::constant_(se.fc2.bias, 100);
  const auto x = randn({2, 4, 3, 3});
  CHECK(se(x).to_vector() == x.to_vector());
  CHECK_THROWS_AS(nn::SqueezeExcitation<float>({.channels = 4, .squeeze = 0}), ValueError);
  CHECK_THROWS_WITH(se(randn({2, 3, 3, 3})), Catch::StartsWith("SqueezeExcitation.fc1 (Conv2d): conv2d: "));
}
