// U-Nets against plain PyTorch statements of them; sizes, skips, and what training does.
#include "shunt/models/unet.hpp"

#include "shunt/models/resnet_unet.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"
#include "support/modules.hpp"
#include "support/parity.hpp"

using namespace shunt;

TEST_CASE("UNet: answers, gradients and training steps are PyTorch's", "[models][unet]") {
  const std::string kind = GENERATE("plain", "residual"), up = GENERATE("transpose", "bilinear");
  CAPTURE(kind, up);
  const auto record = parity::load("unets").at("unet_" + kind + "_" + up);
  const auto make = [&]<class T>() {
    models::UNetOptions o{.in_channels = 2, .classes = 3, .width = 4, .levels = 3, .residual = kind == "residual"};
    o.up = decltype(o.up)::parse(up);
    return models::UNet<T>(o);
  };
  parity::check(record, make, []<class Net>(Net& net) {
    return net(parity::series<typename Net::value_type>("input", {2, 2, 20, 27}));  // neither side divisible by 8
  });
  auto net = make.template operator()<float>();
  CHECK(modules::parameter_count(net) == record.parameters);
  // One unit a level down, one at the bottom, one a level up.
  CHECK(modules::count<nn::ResidualBlock<float>>(net) == (kind == "residual" ? 7 : 0));
}

TEST_CASE("UNet: any size of at least 2^levels comes back", "[models][unet]") {
  const auto [h, w] = GENERATE(table<int, int>({{8, 8}, {9, 15}, {31, 12}, {16, 23}}));
  const std::string up = GENERATE("transpose", "bilinear");
  models::UNetOptions o{.classes = 3, .width = 4, .levels = 3};
  o.up = decltype(o.up)::parse(up);
  models::UNet net(o);
  const auto y = net(randn({2, 1, h, w}));
  CHECK(y.shape() == Shape{2, 3, h, w});
  (y * y).sum().backward();
  for (const auto& p : net.parameters()) CHECK(p.has_grad());
}

TEST_CASE("UNet: a map that is a row or a column short gets zeros there", "[models][unet]") {
  models::UNet<double> net({.width = 2, .levels = 1});
  net.eval();
  auto& step = net.up[0];
  const auto x = randn<double>({1, 4, 3, 3}), skip = randn<double>({1, 2, 7, 6});
  const auto joined = cat({skip, pad(step.up(x), {0, 0, 0, 1})}, 1);
  CHECK(step(x, skip).to_vector() == step.unit(joined).to_vector());
}

TEST_CASE("ResNetUNet: answers, gradients and training steps are PyTorch's", "[models][unet]") {
  const auto records = parity::load("unets");
  const auto run = []<class Net>(Net& net) {  // the way up has rows and columns too many
    return net(parity::series<typename Net::value_type>("input", {2, 3, 75, 102}));
  };
  parity::check(
      records.at("resnet18_unet"), []<class T>() { return models::ResNetUNet(models::resnet18<T>(), {.classes = 3}); },
      run);
  const auto bottlenecks = []<class T>() {
    return models::ResNetUNet(models::ResNet<T>({.blocks = {1, 1, 1, 1}}), {.residual = true, .up = "bilinear"});
  };
  parity::check(records.at("resnet14_unet"), bottlenecks, run);
  models::ResNetUNet net(models::resnet50(), {.residual = true, .up = "bilinear"});
  CHECK(modules::count<nn::ResidualBlock<float>>(net) == 16 + 5);
}

TEST_CASE("ResNetUNet: takes over a published encoder", "[models][unet]") {
  const auto encoder = models::resnet18();
  models::ResNetUNet net(models::resnet18()), other(encoder);
  net.load_state_dict(encoder.state_dict(), false);
  for (const auto& [name, t] : encoder.state_dict()) {
    if (name.starts_with("fc.")) continue;
    CAPTURE(name);
    CHECK(equal(net.state_dict().at(name).to<float>(), t.to<float>()));
    CHECK(equal(other.state_dict().at(name).to<float>(), t.to<float>()));
  }
  CHECK_FALSE(net.state_dict().contains("fc.weight"));
}

TEST_CASE("UNet: what makes no sense is refused", "[models][unet]") {
  CHECK_THROWS_WITH(models::UNet({.levels = 0}), "UNet: levels must be between 1 and 16, got 0");
  CHECK_THROWS_AS(models::UNet({.levels = 99}), ValueError);
  CHECK_THROWS_AS(models::UNet({.width = 0}), ValueError);
  models::UNet net({.width = 2});
  CHECK_THROWS_WITH(net(randn({1, 1, 16, 15})),
                    "UNet: expected (n, channels, h, w) with sides of at least 16, got (1, 1, 16, 15)");
  CHECK_THROWS_AS(net(randn({1, 16, 16})), ShapeError);
  CHECK_THROWS_AS(net(randn({1, 2, 16, 16})), ShapeError);
}

TEST_CASE("UNet: learns to tell a disc from its ground", "[models][unet]") {
  const bool residual = GENERATE(false, true);
  manual_seed(3);
  models::UNet net({.width = 4, .levels = 2, .residual = residual});
  const auto disc = Tensor<std::int64_t>::empty({1, 24, 24});
  for (std::int64_t i = 0; i < 24; ++i)
    for (std::int64_t j = 0; j < 24; ++j) disc.at({0, i, j}) = (i - 10) * (i - 10) + (j - 13) * (j - 13) < 40;
  const auto x = disc.to<float>().unsqueeze(1) + randn({1, 1, 24, 24}) * 0.7;
  shunt::optim::SGD sgd(net.parameters(), {.lr = 0.1, .momentum = 0.9});
  double first = 0, last = 0;
  for (int step = 0; step < 40; ++step) {
    net.zero_grad();
    const auto loss = cross_entropy(net(x), disc);
    loss.backward();
    sgd.step();
    (step == 0 ? first : last) = loss.item();
  }
  CHECK(last < 0.2 * first);
}
