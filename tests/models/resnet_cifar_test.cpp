#include "shunt/models/resnet_cifar.hpp"

#include "shunt/tensor.hpp"
#include "support/catch.hpp"
#include "support/modules.hpp"
#include "support/parity.hpp"

using namespace shunt;
using Options = models::ResNetCifarOptions;
using modules::count, modules::parameter_count;

TEST_CASE("resnet_cifar: parameters as the papers count them", "[models][resnet_cifar]") {
  // He et al. 2015, table 6: 0.27, 0.46, 0.66, 0.85, 1.7 million; exactly, by hand from section 4.2 with shortcut A.
  const auto [depth, parameters] =
      GENERATE(table<int, int>({{20, 269722}, {32, 464154}, {44, 658586}, {56, 853018}, {110, 1727962}}));
  CHECK(parameter_count(models::resnet_cifar(depth)) == parameters);
  CHECK(parameter_count(models::resnet_cifar(depth, {.plain = true})) == parameters);
  // B adds two projections with their norms, 16 to 32 and 32 to 64 channels.
  CHECK(parameter_count(models::resnet_cifar(depth, {.shortcut = "B"})) == parameters + 512 + 64 + 2048 + 128);
}

TEST_CASE("resnet_cifar: bottlenecks of version 2 by the sum of their layers", "[models][resnet_cifar]") {
  // He et al. 2016, table 4: 1.7 million for 164 layers.
  const std::int64_t n = (164 - 2) / 9;
  std::int64_t sum = 3 * 16 * 9 + 2 * 256 + 256 * 10 + 10;
  for (const std::int64_t out : {64, 128, 256}) {
    const std::int64_t first = out == 64 ? 16 : out / 2, middle = out / 4;
    const auto block = [&](std::int64_t in) {
      return 2 * in + in * middle + 2 * middle + 9 * middle * middle + 2 * middle + middle * out;
    };
    sum += block(first) + first * out + (n - 1) * block(out);
  }
  CHECK(parameter_count(models::resnet_cifar(164, {.version = 2})) == sum);
  CHECK(sum / 100000 == 17);
}

TEST_CASE("resnet_cifar: has as many layers as it says, every skip a ResidualBlock", "[models][resnet_cifar]") {
  const auto [depth, version] = GENERATE(table<int, int>({{8, 1}, {20, 1}, {11, 2}, {29, 2}}));
  auto net = models::resnet_cifar(depth, {.version = version, .shortcut = "A"});
  CHECK(count<nn::Conv2d<float>>(net) + count<nn::Linear<float>>(net) == depth);
  CHECK(count<nn::ResidualBlock<float>>(net) == (depth - 2) / (version == 1 ? 2 : 3));
  auto plain = models::resnet_cifar(depth, {.plain = true, .version = version});
  CHECK(count<nn::Conv2d<float>>(plain) + count<nn::Linear<float>>(plain) == depth);
  CHECK(count<nn::ResidualBlock<float>>(plain) == 0);
}

TEST_CASE("resnet_cifar: shapes, options and gradients", "[models][resnet_cifar]") {
  const auto o = GENERATE(values<Options>({
      {.in_channels = 1, .classes = 7, .width = 4},
      {.in_channels = 1, .classes = 7, .width = 4, .shortcut = "B"},
      {.plain = true, .in_channels = 1, .classes = 7, .width = 4},
      {.version = 2, .in_channels = 1, .classes = 7, .width = 4},
      {.version = 2, .in_channels = 1, .classes = 7, .width = 4, .shortcut = "A"},
      {.plain = true, .version = 2, .in_channels = 1, .classes = 7, .width = 4},
  }));
  manual_seed(5);
  auto net = models::resnet_cifar(o.version == 1 ? 14 : 20, o);
  const auto y = net(randn({2, 1, 12, 16}));
  CHECK(y.shape() == Shape{2, 7});
  (y * randn({2, 7})).sum().backward();
  for (const auto& [name, p] : net.named_parameters()) {
    CAPTURE(name);
    REQUIRE(p.has_grad());
    CHECK(std::isfinite(p.grad().sum().item()));
  }
  CHECK(norm(net.stem.parameters()[0].grad()).item() > 0);
  net.eval();
  CHECK(net(randn({0, 1, 8, 8})).shape() == Shape{0, 7});
}

TEST_CASE("resnet_cifar: the gradient of a whole network agrees with differences", "[models][resnet_cifar]") {
  const int version = GENERATE(1, 2);
  manual_seed(11);
  auto net = models::resnet_cifar<double>(version == 1 ? 8 : 11, {.version = version, .classes = 3, .width = 4});
  net.eval();  // running statistics of 0 and 1: the norms keep what comes
  const auto x = randn<double>({1, 3, 6, 6}).requires_grad();
  gradcheck([&](const std::vector<Tensor<double>>& in) { return net(in[0]); }, {x});
  SUCCEED();
}

TEST_CASE("resnet_cifar: with zero_init every block begins as its shortcut", "[models][resnet_cifar]") {
  auto net = models::resnet_cifar(20, {.zero_init = true});
  const auto x = net.stem(randn({2, 3, 8, 8}));  // behind its ReLU, so that the blocks' ReLUs change nothing
  CHECK(net.layer1(x).to_vector() == x.to_vector());
  const auto half = net.layer2(x);  // shortcut A: every second pixel, zeros in the new channels
  CHECK(half.shape() == Shape{2, 32, 4, 4});
  CHECK(half.at({1, 5, 3, 2}) == x.at({1, 5, 6, 4}));
  CHECK(amax(half.slice(1, 16, 32)).item() == 0);
}

TEST_CASE("resnet_cifar: stochastic depth drops branches in training only, the last ones most",
          "[models][resnet_cifar]") {
  auto net = models::resnet_cifar(8, {.width = 4, .drop_path = 1});
  auto whole = models::resnet_cifar(8, {.width = 4});
  whole.load_state_dict(net.state_dict());
  const auto x = rand({2, 4, 8, 8}), y = rand({2, 8, 4, 4});
  CHECK(net.layer1(x).to_vector() == whole.layer1(x).to_vector());  // the first is never dropped
  const auto shortcut = net.layer3(y);                              // the last always is
  CHECK(shortcut.at({1, 3, 1, 0}) == y.at({1, 3, 2, 0}));
  CHECK(amax(abs(shortcut.slice(1, 8, 16))).item() == 0);
  whole.load_state_dict(net.state_dict());
  net.eval();
  whole.eval();
  CHECK(net.layer3(y).to_vector() == whole.layer3(y).to_vector());
}

TEST_CASE("resnet_cifar: a state dict moves it to another precision", "[models][resnet_cifar]") {
  auto net = models::resnet_cifar(8, {.width = 4});
  auto twin = models::resnet_cifar<double>(8, {.width = 4});
  twin.load_state_dict(net.state_dict());
  net.eval();
  twin.eval();
  const auto x = randn({2, 3, 8, 8});
  CHECK(amax(abs(net(x).to<double>() - twin(x.to<double>()))).item() < 1e-4);
  CHECK(net.state_dict().contains("layer2.0.conv1.weight"));
  CHECK(net.state_dict().contains("bn1.running_mean"));
}

TEST_CASE("resnet_cifar: learns a handful of images by heart", "[models][resnet_cifar]") {
  manual_seed(2);
  auto net = models::resnet_cifar(8, {.classes = 4, .width = 4});
  const auto x = randn({8, 3, 8, 8});
  const auto wanted = randn({8, 4});
  double first = 0, last = 0;
  for (int step = 0; step < 40; ++step) {
    net.zero_grad();
    const auto loss = ((net(x) - wanted).pow(2)).mean();
    loss.backward();
    const NoGrad unrecorded;
    for (const auto& p : net.parameters()) p.sub_(p.grad() * 0.05);
    (step == 0 ? first : last) = static_cast<double>(loss.item());
  }
  CHECK(last < 0.2 * first);
}

TEST_CASE("resnet_cifar: other depths are refused", "[models][resnet_cifar]") {
  CHECK_THROWS_WITH(models::resnet_cifar(21), "resnet_cifar: depth must be 6n + 2 in version 1, got 21");
  CHECK_THROWS_AS(models::resnet_cifar(2), ValueError);
  CHECK_THROWS_WITH(models::resnet_cifar(21, {.version = 2}),
                    "resnet_cifar: depth must be 9n + 2 in version 2, got 21");
  CHECK_THROWS_AS(models::resnet_cifar(20, {.version = 3}), ValueError);
}

TEST_CASE("resnet_cifar: the answers of the papers' networks in PyTorch", "[models][resnet_cifar]") {
  const auto [name, depth, o] = GENERATE(table<const char*, int, Options>({
      {"resnet20_A", 20, {.shortcut = "A"}},
      {"resnet20_B", 20, {.shortcut = "B"}},
      {"resnet20_C", 20, {.shortcut = "C"}},
      {"resnet20_plain", 20, {.plain = true}},
      {"resnet20_blur", 20, {.blur_pool = true}},
      {"resnet20_blur_B", 20, {.shortcut = "B", .blur_pool = true}},
      {"resnet20_se", 20, {.squeeze_excitation = 8}},
      {"preact29", 29, {.version = 2}},
      {"preact29_A", 29, {.version = 2, .shortcut = "A"}},
      {"preact29_C", 29, {.version = 2, .shortcut = "C"}},
      {"preact29_plain", 29, {.plain = true, .version = 2}},
      {"preact29_blur_se", 29, {.version = 2, .blur_pool = true, .squeeze_excitation = 16}},
      {"wrn16_2", 16, {.version = 2, .widen = 2}},
  }));
  CAPTURE(name);
  const auto record = parity::load("cifar").at(name);
  const auto make = [depth = depth, o = o]<class T>() { return models::resnet_cifar<T>(depth, o); };
  parity::check(record, make, []<class Net>(Net& net) {
    return net(parity::series<typename Net::value_type>("input4", {4, 3, 16, 16}));
  });
  auto net = models::resnet_cifar(depth, o);
  CHECK(parameter_count(net) == record.parameters);
  CHECK(count<nn::ResidualBlock<float>>(net) == (o.plain ? 0 : o.widen > 0 ? 6 : 9));
}

TEST_CASE("wide_resnet_cifar: WRN-d-k by the sum of its layers", "[models][resnet_cifar]") {
  // Zagoruyko and Komodakis 2016, table 4: 8.9 million for WRN-40-4, 36.5 for WRN-28-10.
  const auto [depth, k, millions] = GENERATE(table<int, int, double>({{40, 4, 8.9}, {28, 10, 36.5}}));
  const std::int64_t n = (depth - 4) / 6;
  std::int64_t sum = 3 * 16 * 9 + 2 * 64 * k + 64 * k * 10 + 10;
  for (std::int64_t in = 16, out = 16 * k; out <= 64 * k; in = out, out *= 2) {
    const auto block = [&](std::int64_t c) { return 2 * c + 9 * c * out + 2 * out + 9 * out * out; };
    sum += block(in) + in * out + (n - 1) * block(out);
  }
  const nn::NoInit unset;
  auto net = models::wide_resnet_cifar(depth, k);
  CHECK(parameter_count(net) == sum);
  CHECK(std::round(static_cast<double>(sum) / 1e5) == std::round(10 * millions));
  CHECK(count<nn::ResidualBlock<float>>(net) == 3 * n);
  CHECK(count<nn::Conv2d<float>>(net) == depth);  // the three projections, but not the last layer
}

TEST_CASE("resnet_cifar: what down-samples, squeezes and projects is counted", "[models][resnet_cifar]") {
  auto net = models::resnet_cifar(20, {.shortcut = "C", .blur_pool = true, .squeeze_excitation = 16});
  CHECK(count<nn::BlurPool2d<float>>(net) == 2 * 2);  // both ways at both changes of resolution
  CHECK(count<nn::SqueezeExcitation<float>>(net) == 9);
  CHECK(count<nn::Conv2d<float>>(net) == 19 + 9 + 2 * 9);
  auto wide = models::wide_resnet_cifar(10, 3, {.blur_pool = true});
  CHECK(count<nn::BlurPool2d<float>>(wide) == 2 * 2);
  CHECK(wide(randn({2, 3, 9, 14})).shape() == Shape{2, 10});
}

TEST_CASE("resnet_cifar: options that contradict each other are refused", "[models][resnet_cifar]") {
  CHECK_THROWS_WITH(models::resnet_cifar(16, {.widen = 2}),
                    "resnet_cifar: widen = 2 must be positive, and is for version 2");
  CHECK_THROWS_AS(models::wide_resnet_cifar(16, -1), ValueError);
  CHECK_THROWS_WITH(models::wide_resnet_cifar(20, 2), "wide_resnet_cifar: depth must be 6n + 4, got 20");
  CHECK_THROWS_AS(models::resnet_cifar(20, {.squeeze_excitation = -1}), ValueError);
  CHECK_THROWS_AS(models::resnet_cifar(20, {.width = 0}), ValueError);
  auto net = models::resnet_cifar(8, {.width = 4});
  CHECK_THROWS_WITH(net(randn({2, 1, 8, 8})), Catch::StartsWith("ResNetCifar.conv1 (Conv2d): conv2d: "));
}
