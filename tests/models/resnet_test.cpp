// ResNets and VGG for photographs, against torchvision: names, counts, answers, gradients.
#include "shunt/models/resnet.hpp"

#include "shunt/models/vgg.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"
#include "support/modules.hpp"
#include "support/parity.hpp"

using namespace shunt;
using modules::count, modules::parameter_count;

namespace {

/// A published network: its layers with weights, its parameters as torchvision counts them, the input of its record,
/// and its makers.
template <class Wide, class Narrow, class Options>
struct Published {
  const char* name;
  int depth;
  std::int64_t parameters;
  const char* input;
  Wide (*in_double)(const Options&);
  Narrow (*in_float)(const Options&);
  Options options = {};

  template <class T>
  auto operator()() const {
    if constexpr (std::is_same_v<T, double>)
      return in_double(options);
    else
      return in_float(options);
  }

  void check(const Shape& image) const {
    const auto run = [&]<class N>(N& net) { return net(parity::series<typename N::value_type>(input, image)); };
    parity::check(parity::load("resnets").at(name), *this, run);
  }
};

using PublishedResNet = Published<models::ResNet<double>, models::ResNet<float>, models::ResNetOptions>;
using PublishedVGG = Published<models::VGG<double>, models::VGG<float>, models::VGGOptions>;

int layers_with_weights(nn::Module<float>& net) {
  return count<nn::Conv2d<float>>(net) + count<nn::Linear<float>>(net);
}

}  // namespace

TEST_CASE("ResNet: torchvision's names, counts and answers, every skip a ResidualBlock", "[models][resnet]") {
  using namespace models;
  const auto model = GENERATE(values<PublishedResNet>({
      {"resnet18", 18, 11689512, "input", resnet18, resnet18},
      {"resnet34", 34, 21797672, "input", resnet34, resnet34},
      {"resnet50", 50, 25557032, "input", resnet50, resnet50},
      {"resnet101", 101, 44549160, "input2", resnet101, resnet101},
      {"resnet152", 152, 60192808, "input2", resnet152, resnet152},
      {"wide_resnet50_2", 50, 68883240, "input6", wide_resnet50_2, wide_resnet50_2},
      {"wide_resnet101_2", 101, 126886696, "input6", wide_resnet101_2, wide_resnet101_2},
      {"resnext50_32x4d", 50, 25028904, "input8", resnext50_32x4d, resnext50_32x4d},
      {"resnext101_32x8d", 101, 88791336, "input", resnext101_32x8d, resnext101_32x8d},
  }));
  CAPTURE(model.name);
  model.check({4, 3, 64, 64});
  auto net = parity::make_unset<float>(model);
  const bool bottlenecks = model.depth >= 50;
  CHECK(parameter_count(net) == model.parameters);
  CHECK(layers_with_weights(net) == model.depth + (bottlenecks ? 4 : 3));  // projections do not count
  CHECK(count<nn::ResidualBlock<float>>(net) == (model.depth - 2) / (bottlenecks ? 3 : 2));
}

TEST_CASE("VGG: torchvision's names, counts and answers, and no skip", "[models][vgg]") {
  using namespace models;
  const auto model = GENERATE(values<PublishedVGG>({
      {"vgg11", 11, 132863336, "input1", vgg11, vgg11, {.dropout = 0}},
      {"vgg13", 13, 133047848, "input1", vgg13, vgg13, {.dropout = 0}},
      {"vgg16", 16, 138357544, "input1", vgg16, vgg16, {.dropout = 0}},
      {"vgg19", 19, 143667240, "input1", vgg19, vgg19, {.dropout = 0}},
      {"vgg11_bn", 11, 132868840, "input1", vgg11_bn, vgg11_bn, {.dropout = 0}},
      {"vgg13_bn", 13, 133053736, "input1", vgg13_bn, vgg13_bn, {.dropout = 0}},
      {"vgg16_bn", 16, 138365992, "input1", vgg16_bn, vgg16_bn, {.dropout = 0}},
      {"vgg19_bn", 19, 143678248, "input6", vgg19_bn, vgg19_bn, {.dropout = 0}},
  }));
  CAPTURE(model.name);
  model.check({4, 3, 32, 32});
  auto net = parity::make_unset<float>(model);
  CHECK(parameter_count(net) == model.parameters);
  CHECK(layers_with_weights(net) == model.depth);
  CHECK(count<nn::ResidualBlock<float>>(net) == 0);
}

TEST_CASE("ResNet: with zero_init every block begins as its shortcut", "[models][resnet]") {
  const bool bottleneck = GENERATE(false, true);
  models::ResNet<float> net({.blocks = {2, 1, 1, 1}, .bottleneck = bottleneck}, {.classes = 3, .zero_init = true});
  const auto x =
      rand({2, bottleneck ? 256 : 64, 6, 6});  // not below 0, so that the ReLU behind the sum changes nothing
  CHECK(net.layer1[1](x).to_vector() == x.to_vector());
  net.eval();
  CHECK(net(randn({0, 3, 32, 32})).shape() == Shape{0, 3});
}

TEST_CASE("ResNet: stochastic depth drops branches in training only, the last ones most", "[models][resnet]") {
  const models::ResNetDesign design{.blocks = {1, 1, 1, 2}, .bottleneck = false};
  models::ResNet<float> net(design, {.drop_path = 1}), whole(design);
  whole.load_state_dict(net.state_dict(), false);
  const auto x = rand({2, 64, 6, 6}), y = rand({2, 512, 3, 3});
  CHECK(net.layer1(x).to_vector() == whole.layer1(x).to_vector());  // the first is never dropped
  CHECK(net.layer4[1](y).to_vector() == y.to_vector());             // the last always is
  net.eval();
  CHECK(net.layer4[1](y).to_vector() != y.to_vector());
}

TEST_CASE("ResNet and VGG: images of other sizes and channels", "[models][resnet][vgg]") {
  manual_seed(6);
  models::ResNet<float> net({.blocks = {1, 1, 1, 1}, .groups = 32, .width_per_group = 4},
                            {.classes = 5, .in_channels = 1});
  const auto y = net(randn({2, 1, 48, 40}));
  REQUIRE(y.shape() == Shape{2, 5});
  (y * randn({2, 5})).sum().backward();
  for (const auto& [name, p] : net.named_parameters()) {
    CAPTURE(name);
    REQUIRE(p.has_grad());
    CHECK(norm(p.grad()).item() > 0);
  }
  const nn::NoInit unset;
  CHECK(models::vgg11_bn({.classes = 5, .in_channels = 1})(randn({2, 1, 48, 40})).shape() == Shape{2, 5});
}

TEST_CASE("ResNet and VGG: what makes no network is refused", "[models][resnet][vgg]") {
  using models::ResNet, models::VGG;
  CHECK_THROWS_WITH(ResNet<float>({.blocks = {2, 0, 2, 2}}), "ResNet: each stage needs a block, got 0");
  CHECK_THROWS_AS(ResNet<float>({.blocks = {1, 1, 1, 1}, .groups = 0}), ValueError);
  CHECK_THROWS_AS(ResNet<float>({.blocks = {1, 1, 1, 1}, .groups = 3, .width_per_group = -4}), ValueError);
  CHECK_THROWS_WITH(ResNet<float>({.blocks = {1, 1, 1, 1}, .bottleneck = false, .groups = 2}),
                    "ResNet: groups and width_per_group are for bottlenecks");
  CHECK_THROWS_AS(ResNet<float>({.blocks = {1, 1, 1, 1}, .bottleneck = false}, {.in_channels = 0}), ValueError);
  CHECK_THROWS_AS(ResNet<float>({.blocks = {1, 1, 1, 1}, .bottleneck = false}, {.drop_path = 2}), ValueError);
  CHECK_THROWS_WITH(VGG<float>({.convolutions = {1, 1, 0, 1, 1}}), "VGG: each stage needs a convolution, got 0");
  CHECK_THROWS_AS(VGG<float>({.convolutions = {1, 1, 1, 1, 1}}, {.in_channels = -1}), ValueError);

  const nn::NoInit unset;
  ResNet<float> net({.blocks = {1, 1, 1, 1}, .bottleneck = false});
  CHECK_THROWS_WITH(net(randn({1, 1, 32, 32})), Catch::StartsWith("ResNet.conv1 (Conv2d): conv2d: "));
  CHECK_THROWS_AS(net(randn({3, 32})), ShapeError);
  auto vgg = models::vgg11({.classes = 2});
  CHECK_THROWS_WITH(vgg(randn({1, 3, 16, 31})), Catch::StartsWith("VGG.features.20 (MaxPool2d): max_pool2d: "));
  CHECK_THROWS_AS(models::vgg11({.dropout = 1.5}), ValueError);
}
