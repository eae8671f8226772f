// Fixup and highway networks: deep ones that train without normalisation.
#include "shunt/models/fixup.hpp"

#include "shunt/models/highway.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"
#include "support/modules.hpp"
#include "support/parity.hpp"

using namespace shunt;
using modules::count;

TEST_CASE("FixupResNet: the answers of the paper's network in PyTorch", "[models][fixup]") {
  const auto record = parity::load("cifar").at("fixup20");
  parity::check(
      record, []<class T>() { return models::FixupResNet<T>(20); },
      []<class Net>(Net& net) {
        return net(parity::series<typename Net::value_type>("input4", {2, 3, 16, 16}));
      });
  models::FixupResNet net(20);
  CHECK(modules::parameter_count(net) == record.parameters);
  CHECK(count<nn::ResidualBlock<float>>(net) == 9);
  CHECK(count<nn::BatchNorm2d<float>>(net) == 0);
}

TEST_CASE("FixupResNet: starts as the paper says", "[models][fixup]") {
  manual_seed(4);
  models::FixupResNet net(110);
  const double branches = (110 - 2) / 2;
  int first = 0;
  for (const auto& [name, p] : net.named_parameters()) {
    CAPTURE(name);
    if (name.ends_with("conv2.weight") || name.rfind("fc.", 0) == 0 || name.find("bias") != std::string::npos) {
      CHECK(amax(abs(p)).item() == 0);
    } else if (name.ends_with("scale")) {
      CHECK(p.to_vector() == std::vector<float>{1});
    } else {
      // He et al.'s deviation, in a branch times L^(-1/2); 432 and more draws.
      const double usual = std::sqrt(2.0 / (9.0 * static_cast<double>(p.size(0))));
      const double wanted = name == "conv1.weight" ? usual : usual / std::sqrt(branches);
      CHECK(norm(p).item() / std::sqrt(static_cast<double>(p.numel())) == Approx(wanted).epsilon(0.15));
      ++first;
    }
  }
  CHECK(first == 1 + branches);
}

TEST_CASE("FixupResNet: every block begins as its shortcut", "[models][fixup]") {
  models::FixupResNet net(20, {.in_channels = 1, .classes = 7, .width = 4});
  const auto x = rand({2, 4, 8, 8});
  CHECK(net.layer1(x).to_vector() == x.to_vector());
  const auto half = net.layer2(x);  // every second pixel, zeros in the new channels
  CHECK(half.shape() == Shape{2, 8, 4, 4});
  CHECK(half.at({1, 3, 3, 2}) == x.at({1, 3, 6, 4}));
  CHECK(amax(half.slice(1, 4, 8)).item() == 0);
  CHECK(net(randn({2, 1, 12, 16})).to_vector() == std::vector<float>(14, 0));
}

TEST_CASE("FixupResNet: learns a handful of images by heart, without a norm", "[models][fixup]") {
  manual_seed(3);
  models::FixupResNet net(32, {.classes = 4, .width = 8});
  const auto x = randn({8, 3, 8, 8}), wanted = randn({8, 4});
  optim::SGD sgd(net.parameters(), {.lr = 0.05, .momentum = 0.9});
  double first = 0, last = 0;
  for (int step = 0; step < 60; ++step) {
    net.zero_grad();
    const auto loss = mse_loss(net(x), wanted);
    loss.backward();
    sgd.step();
    (step == 0 ? first : last) = loss.item();
  }
  CHECK(last < 0.2 * first);
}

TEST_CASE("FixupResNet: other depths are refused", "[models][fixup]") {
  CHECK_THROWS_WITH(models::FixupResNet<float>(21), "FixupResNet: depth must be 6n + 2, got 21");
  CHECK_THROWS_AS(models::FixupResNet<float>(2), ValueError);
}

TEST_CASE("Highway: the answers of the paper's network in PyTorch", "[models][highway]") {
  const auto record = parity::load("cifar").at("highway10");
  const models::HighwayOptions o{.in = 20, .width = 16, .depth = 10, .classes = 5};
  parity::check(
      record, [&]<class T>() { return models::Highway<T>(o); },
      []<class Net>(Net& net) {
        return net(parity::series<typename Net::value_type>("input4", {32, 20}));
      });
  models::Highway net(o);
  CHECK(modules::parameter_count(net) == record.parameters);
  CHECK(count<models::HighwayLayer<float>>(net) == 9);
  CHECK(count<nn::ResidualBlock<float>>(net) == 0);
}

TEST_CASE("Highway: the gate's bias says how much is carried on", "[models][highway]") {
  manual_seed(1);
  const auto x = randn<double>({5, 8});
  models::HighwayLayer<double> carries(8, -40), transforms(8, 40);
  CHECK(allclose(carries(x), x, 0, 1e-15));
  CHECK(allclose(transforms(x), relu(transforms.transform(x)), 0, 1e-15));
  models::Highway<double> net({.in = 8});
  for (const auto& [name, p] : net.named_parameters())
    if (name.ends_with("gate.bias")) CHECK(p.to_vector() == std::vector<double>(50, -1));
  gradcheck([&](const std::vector<Tensor<double>>& in) { return net(in[0]); }, {x.clone().requires_grad()});
}

TEST_CASE("Highway: without a layer it is refused", "[models][highway]") {
  CHECK_THROWS_WITH(models::Highway<float>({.in = 3, .depth = 0}), "Highway: depth must be positive, got 0");
  CHECK(models::Highway<float>({.in = 3, .depth = 1})(randn({2, 3})).shape() == Shape{2, 10});
}
