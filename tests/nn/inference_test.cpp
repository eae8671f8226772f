#include "shunt/nn/inference.hpp"

#include "shunt/models/resnet_cifar.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"
#include "support/modules.hpp"

using namespace shunt;
using modules::count;

namespace {

/// Running statistics and norms as training leaves them, not as they start.
template <class Net>
void train_a_little(Net& net, const Shape& batch) {
  const NoGrad unrecorded;
  for (const auto& [name, p] : net.named_parameters())
    if (p.rank() == 1) p.copy_(p + 0.3 * randn(p.shape()));
  net.train();
  for (int i = 0; i < 3; ++i) net(randn(batch));
  net.eval();
}

double difference(const Tensor<float>& got, const Tensor<float>& want) {
  REQUIRE(got.shape() == want.shape());
  return static_cast<double>((got - want).abs().max().item() / want.abs().max().item());
}

nn::Sequential<float> stem() {
  nn::Sequential<float> s;
  s.add(nn::Conv2d<float>({.in = 3, .out = 24, .kernel = 7, .stride = 2, .padding = 3, .bias = false}))
      .add(nn::BatchNorm2d<float>(24))
      .add(nn::ReLU<float>())
      .add(nn::MaxPool2d<float>(3, {.stride = 2, .padding = 1}));
  return s;
}

}  // namespace

TEST_CASE("optimize_for_inference: gives what the network gives", "[nn][inference]") {
  manual_seed(3);
  const NoGrad unrecorded;
  auto net = GENERATE(as<nn::AnyLayer<float>>{}, models::resnet_cifar(14, {.width = 20}),
                      models::resnet_cifar(11, {.version = 2}), models::resnet_cifar(8, {.plain = true}),
                      models::resnet_cifar(8, {.width = 8, .drop_path = 0.5}), stem());
  train_a_little(*net, {4, 3, 32, 32});
  auto fast = net;
  nn::optimize_for_inference(*fast, {3, 32, 32});
  CHECK(count<nn::PackedConv2d<float>>(*fast) > 0);
  CHECK(count<nn::Conv2d<float>>(*fast) == 0);
  for (const Shape& shape : {Shape{1, 3, 32, 32}, Shape{3, 3, 32, 32}, Shape{2, 3, 20, 36}}) {
    const auto x = randn(shape);
    CHECK(difference((*fast)(x), (*net)(x)) < 1e-5);
  }
}

TEST_CASE("optimize_for_inference: norms and ReLUs are gone, also behind skips", "[nn][inference]") {
  auto net = models::resnet_cifar(14);
  net.eval();
  const auto parameters = net.parameters().size();
  auto fast = net;
  nn::optimize_for_inference(fast, {3, 32, 32});
  CHECK(count<nn::BatchNorm2d<float>>(fast) == 0);
  CHECK(count<nn::ReLU<float>>(fast) == 0);
  CHECK(count<nn::ResidualBlock<float>>(fast) == 6);
  CHECK(net.parameters().size() == parameters);
  CHECK(count<nn::BatchNorm2d<float>>(net) == 13);
}

TEST_CASE("optimize_for_inference: convolutions in groups, with a bias, under ReLU6; what it does not know stays",
          "[nn][inference]") {
  manual_seed(4);
  const NoGrad unrecorded;
  nn::Sequential<float> net;
  net.add(nn::Conv2d<float>({.in = 4, .out = 8, .kernel = 3, .padding = 1, .groups = 4}))
      .add(nn::BatchNorm2d<float>(8, {.affine = false}))
      .add(nn::ReLU6<float>())
      .add(nn::Conv2d<float>({.in = 8, .out = 18, .kernel = {1, 3}, .dilation = 2}))
      .add(nn::ReLU6<float>())
      .add(nn::Dropout<float>(0.5))
      .add(nn::GELU<float>())
      .add(nn::Conv2d<float>({.in = 18, .out = 3, .kernel = 2}))
      .add(nn::GELU<float>());
  train_a_little(net, {2, 4, 11, 12});
  auto fast = net;
  nn::optimize_for_inference(fast, {4, 11, 12});
  CHECK(fast.size() == 5);
  const auto x = 4 * randn({2, 4, 11, 12});
  CHECK(difference(fast(x), net(x)) < 1e-5);
}

TEST_CASE("optimize_for_inference: a scaled branch keeps its ReLU", "[nn][inference]") {
  manual_seed(5);
  const NoGrad unrecorded;
  const auto conv = [] { return nn::Conv2d<float>({.in = 6, .out = 6, .kernel = 3, .padding = 1}); };
  const nn::Sequential<float> branch(conv(), nn::BatchNorm2d<float>(6));
  nn::Sequential<float> net;
  net.add(nn::ResidualBlock<float>({.branch = branch, .scale = 0.3, .after = nn::ReLU<float>()}))
      .add(nn::ResidualBlock<float>({.branch = branch, .scale = nn::LayerScale{{6, 1, 1}}, .after = nn::ReLU<float>()}))
      .add(nn::ResidualBlock<float>({.branch = conv(), .after = nn::ReLU<float>()}));
  net.eval();
  auto fast = net;
  nn::optimize_for_inference(fast, {6, 9, 9});
  CHECK(count<nn::ReLU<float>>(fast) == 2);
  const auto x = randn({2, 6, 9, 9});
  CHECK(difference(fast(x), net(x)) < 1e-5);
}

TEST_CASE("optimize_for_inference: NaN and infinity come out where they did", "[nn][inference]") {
  manual_seed(6);
  const NoGrad unrecorded;
  nn::Sequential<float> net(nn::Conv2d<float>({.in = 16, .out = 16, .kernel = 3, .padding = 1}), nn::ReLU<float>());
  net.eval();
  auto fast = net;
  nn::optimize_for_inference(fast, {16, 16, 16});
  auto x = randn({1, 16, 16, 16});
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    x.slice(3, 7, 8).slice(2, 3, 4).fill_(value);
    CHECK(equal(isnan(fast(x)), isnan(net(x))));
    CHECK(equal(isfinite(fast(x)), isfinite(net(x))));
  }
}

TEST_CASE("optimize_for_inference: in double, to rounding", "[nn][inference]") {
  manual_seed(7);
  auto net = models::resnet_cifar<double>(8);
  net.eval();
  auto fast = net;
  nn::optimize_for_inference(fast, {3, 16, 16});
  const NoGrad unrecorded;
  const auto x = randn<double>({2, 3, 16, 16});
  CHECK(allclose(fast(x), net(x), 1e-12, 1e-12));
}

TEST_CASE("optimize_for_inference: misuse", "[nn][inference]") {
  auto net = models::resnet_cifar(8);
  CHECK_THROWS_AS(nn::optimize_for_inference(net, {3, 32, 32}), ValueError);
  net.eval();
  CHECK_THROWS_AS(nn::optimize_for_inference(net, {4, 32, 32}), ShapeError);

  auto fast = models::resnet_cifar(8);
  fast.eval();
  nn::optimize_for_inference(fast, {3, 32, 32});
  CHECK_THROWS_AS(fast(randn({1, 3, 32, 32}).requires_grad()), GraphError);
  CHECK_THROWS_AS(fast(randn({1, 5, 32, 32})), ShapeError);
}
