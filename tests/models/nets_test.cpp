// DenseNet, MobileNetV2 and ConvNeXt: the published sizes, torchvision's names, and its answers.
#include "shunt/models/convnext.hpp"
#include "shunt/models/densenet.hpp"
#include "shunt/models/mobilenet_v2.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"
#include "support/modules.hpp"
#include "support/parity.hpp"

using namespace shunt;

namespace {

constexpr auto answer = []<class Net>(Net& net) {
  return net(parity::series<typename Net::value_type>("input", {2, 3, 64, 64}));
};

/// The first and the last parameter are torchvision's first and last.
void check_order(const nn::Module<float>& net, const parity::Record& record) {
  CHECK(modules::parameter_count(net) == record.parameters);
  CHECK(net.named_parameters().front().first == record.first.name);
  CHECK(net.named_parameters().back().first == record.last.name);
}
}  // namespace

TEST_CASE("densenet121: torchvision's, and no skip that adds", "[models][densenet]") {
  const auto record = parity::load("unets").at("densenet121");
  parity::check(
      record, []<class T>() { return models::densenet121<T>(); }, answer);
  auto net = models::densenet121();
  check_order(net, record);
  CHECK(modules::parameter_count(net) == 7978856);
  CHECK(modules::count<nn::ResidualBlock<float>>(net) == 0);
  CHECK(modules::count<nn::Conv2d<float>>(net) == 120);  // with the last layer the 121 of the name
}

TEST_CASE("mobilenet_v2: torchvision's, with a skip wherever a block keeps its shape", "[models][mobilenet_v2]") {
  const auto record = parity::load("unets").at("mobilenet_v2");
  const auto run = []<class Net>(Net& net) {
    return net(parity::series<typename Net::value_type>("input", {2, 3, 128, 128}));
  };
  models::MobileNetV2<double> exact({.dropout = 0});
  parity::check_names(exact.state_dict(), record);
  parity::check_answers<double>(exact, run, record);
  // Float does not determine the first layer's gradient: PyTorch's own is wrong by 1 %, and calm weights make it worse,
  // since a norm that no activation follows hands on values far from 0. The losses of some steps answer for it.
  auto of_last = record;
  of_last.first = record.last;
  models::MobileNetV2<float> rounded({.dropout = 0});
  parity::check_answers<float>(rounded, run, of_last);
  parity::check_steps(rounded, run, record);
  auto net = models::mobilenet_v2();
  check_order(net, record);
  CHECK(modules::parameter_count(net) == 3504872);
  CHECK(modules::count<nn::ResidualBlock<float>>(net) == 1 + 2 + 3 + 2 + 2);  // table 2: n - 1 of each stage
}

TEST_CASE("convnext_tiny: torchvision's, a skip around every block", "[models][convnext]") {
  const auto record = parity::load("unets").at("convnext_tiny");
  parity::check(
      record, []<class T>() { return models::convnext_tiny<T>({.drop_path = 0.0}); }, answer);
  auto net = models::convnext_tiny();
  check_order(net, record);
  CHECK(modules::parameter_count(net) == 28589128);
  CHECK(modules::count<nn::ResidualBlock<float>>(net) == 3 + 3 + 9 + 3);
}

TEST_CASE("DenseNet: a layer passes on what it read, before its own maps", "[models][densenet]") {
  models::DenseNet net({2}, 4, {.classes = 5, .in_channels = 1});
  auto& block = dynamic_cast<nn::Sequential<float>&>(net.features[4]);
  const auto x = randn({2, 8, 3, 3}), y = block(x);
  CHECK(y.shape() == Shape{2, 16, 3, 3});
  CHECK(y.narrow(1, 0, 8).contiguous().to_vector() == x.to_vector());
  CHECK(net(randn({2, 1, 32, 48})).shape() == Shape{2, 5});
}

TEST_CASE("MobileNetV2: widths are multiples of 8, at most a tenth less than asked for", "[models][mobilenet_v2]") {
  const auto [width, stem, last] =
      GENERATE(table<double, int, int>({{0.35, 16, 1280}, {0.1, 8, 1280}, {1.4, 48, 1792}}));
  const auto net = models::mobilenet_v2({.classes = 3, .in_channels = 1, .width = width});
  CHECK(net.named_parameters().front().second.shape() == Shape{stem, 1, 3, 3});
  CHECK(net.state_dict().at("classifier.1.weight").shape() == Shape{3, last});
}

TEST_CASE("ReLU6: keeps what lies between 0 and 6", "[models][mobilenet_v2]") {
  const auto x = tensor<double>({-2., 0., 0.5, 5.5, 6., 7.}).requires_grad();
  const auto y = nn::ReLU6<double>()(x);
  CHECK(y.to_vector() == std::vector<double>{0, 0, 0.5, 5.5, 6, 6});
  y.sum().backward();
  CHECK(x.grad().to_vector() == std::vector<double>{0, 0, 1, 1, 0, 0});
}

TEST_CASE("ConvNeXt: blocks begin near the identity and are dropped more often towards the end", "[models][convnext]") {
  models::ConvNeXt net({.blocks = {1, 1, 1, 1}, .width = 8, .drop_path = 1}, {.classes = 3, .in_channels = 1});
  const auto block = [&](std::size_t i) -> nn::Layer<float>& {
    return dynamic_cast<nn::Sequential<float>&>(net.features[i])[0];
  };
  const auto x = randn({2, 8, 8, 8}), y = randn({2, 64, 2, 2});
  const auto change = amax(abs(block(1)(x) - x)).item();
  CHECK(change > 0);
  CHECK(change < 1e-3);
  CHECK(block(7)(y).to_vector() == y.to_vector());  // drop_path 1 at the last block
  net.eval();
  CHECK(block(7)(y).to_vector() != y.to_vector());
  CHECK(net(randn({2, 1, 32, 40})).shape() == Shape{2, 3});
}

TEST_CASE("DenseNet, MobileNetV2, ConvNeXt: what makes no network is refused", "[models]") {
  CHECK_THROWS_AS(models::DenseNet({6}, 0), ValueError);
  CHECK_THROWS_WITH(models::mobilenet_v2({.width = 0}), "MobileNetV2: width must lie in (0, 16], got 0.0");
  CHECK_THROWS_AS(models::mobilenet_v2({.width = std::nan("")}), ValueError);
  CHECK_THROWS_AS(models::mobilenet_v2({.dropout = 2}), ValueError);
  CHECK_THROWS_WITH(models::ConvNeXt({.blocks = {1, 0, 1, 1}, .width = 8, .drop_path = 0}),
                    "ConvNeXt: each stage needs a block, got 0");
  CHECK_THROWS_AS(models::convnext_tiny({.drop_path = -1.0}), ValueError);
}
