#include "shunt/nn/inference.hpp"

#include "shunt/models/mobilenet_v2.hpp"
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
                      models::resnet_cifar(8, {.width = 8, .drop_path = 0.5}), models::mobilenet_v2(), stem());
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

TEST_CASE("optimize_for_inference: groups stay apart, however many are multiplied at once", "[nn][inference]") {
  manual_seed(5);
  const NoGrad unrecorded;
  const auto [in, out, groups] = GENERATE(table<std::int64_t, std::int64_t, std::int64_t>(
      {{64, 64, 16}, {64, 64, 2}, {48, 96, 6}, {8, 24, 4}, {6, 3, 3}, {64, 64, 32}, {24, 24, 24}}));
  CAPTURE(in, out, groups);
  nn::Sequential<float> net;
  net.add(nn::Conv2d<float>({.in = in, .out = out, .kernel = 3, .padding = 1, .groups = groups}))
      .add(nn::BatchNorm2d<float>(out))
      .add(nn::ReLU<float>());
  train_a_little(net, {2, in, 9, 8});
  auto fast = net;
  nn::optimize_for_inference(fast, {in, 9, 8});
  REQUIRE(fast.size() == 1);
  auto x = randn({2, 9, 8, in}).permute({0, 3, 1, 2});  // pixel by pixel
  CHECK(difference(fast(x), net(x)) < 1e-5);
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    x[1][1][3][4].fill_(value);
    const auto got = fast(x), want = net(x);
    CHECK(equal(isnan(got), isnan(want)));
    CHECK(equal(isfinite(got), isfinite(want)));
  }
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

TEST_CASE("optimize_for_inference: linear layers", "[nn][inference]") {
  manual_seed(5);
  const NoGrad unrecorded;
  nn::Sequential net(nn::Linear(70, 131), nn::GELU(), nn::ResidualBlock(nn::Linear(131, 131, {.bias = false})),
                     nn::Linear(131, 1));
  net.eval();
  const auto inputs = {randn({1, 70}),
                       randn({4, 70}),
                       randn({3, 11, 70}),
                       randn({200, 70}),
                       randn({0, 70}),
                       randn({70, 30}).t(),
                       randn({9, 140}).narrow(1, 35, 70)};
  std::vector<Tensor<float>> before;
  for (const auto& x : inputs) before.push_back(net(x));
  nn::optimize_for_inference(net);
  auto want = before.begin();
  for (const auto& x : inputs) {
    const auto y = net(x);
    if (x.numel() > 0) CHECK(difference(y, *want) < 1e-5);
    CHECK(y.shape() == (want++)->shape());
  }
  const auto x = randn({50, 70});
  const auto y = net(x);
  for (int threads : {1, 2, 3, 8}) {
    set_num_threads(threads);
    CHECK(equal(net(x), y));
  }
  set_num_threads(2);
}

TEST_CASE("optimize_for_inference: weights that change, and that are seen in parts", "[nn][inference]") {
  const NoGrad unrecorded;
  nn::Linear layer(40, 48);
  layer.eval();
  nn::optimize_for_inference(layer);
  const auto x = randn({20, 40});
  const auto y = layer(x);
  const auto part = linear(x, layer.weight.narrow(0, 8, 16), layer.bias.narrow(0, 8, 16));
  CHECK(difference(part, y.narrow(1, 8, 16)) < 1e-5);
  CHECK(difference(linear(x.narrow(1, 0, 20), layer.weight.narrow(1, 0, 20)) +
                       linear(x.narrow(1, 20, 20), layer.weight.narrow(1, 20, 20), layer.bias),
                   y) < 1e-5);
  layer.weight.mul_(2);
  CHECK(difference(layer(x) - layer.bias, 2 * (y - layer.bias)) < 1e-5);
}

TEST_CASE("optimize_for_inference: linear layers still learn", "[nn][inference]") {
  manual_seed(6);
  nn::Linear layer(16, 24);
  layer.eval();
  const auto x = randn({10, 16}).requires_grad();
  const auto gradients = [&] {
    const auto y = layer(x);
    return grad((y * y).sum(), {x, layer.weight});
  };
  const auto want = gradients();
  nn::optimize_for_inference(layer);
  const auto got = gradients();
  for (std::size_t i = 0; i < want.size(); ++i) CHECK(difference(got[i], want[i]) < 1e-5);
  layer.train();
  CHECK_THROWS_AS(nn::optimize_for_inference(layer), ValueError);
}
