#include "shunt/models/vit.hpp"

#include "shunt/tensor.hpp"
#include "support/catch.hpp"
#include "support/modules.hpp"
#include "support/parity.hpp"

using namespace shunt;
using models::ViT;

namespace {

const models::ViTOptions tiny_vit{
    .image = 24, .patch = 8, .layers = 3, .heads = 4, .width = 64, .hidden = 160, .classes = 10};

}  // namespace

TEST_CASE("ViT agrees with torchvision: names, values, gradients, ten steps", "[models][vit]") {
  parity::check(
      parity::load("sequences").at("vit"), []<Real T>() { return ViT<T>(tiny_vit); },
      [](auto& net) {
        using T = typename std::remove_cvref_t<decltype(net)>::value_type;
        return net(parity::series<T>("image", {2, 3, 24, 24}));
      });
}

TEST_CASE("ViT: the published sizes have torchvision's names and numbers", "[models][vit]") {
  const auto records = parity::load("sequences");
  const auto vit_b_16 = models::vit_b_16();
  parity::check_names(vit_b_16.state_dict(), records.at("vit_b_16"));
  CHECK(modules::parameter_count(vit_b_16) == 86567656);
  CHECK(records.at("vit_b_16").parameters == 86567656);
}

TEST_CASE("ViT: the other published sizes by the sum of their layers", "[models][vit]") {
  const auto size = [](std::int64_t image, std::int64_t patch, std::int64_t layers, std::int64_t w, std::int64_t hidden,
                       std::int64_t classes) {
    const std::int64_t patches = (image / patch) * (image / patch),
                       block = 4 * (w * w + w) + 2 * w * hidden + hidden + w;
    return (3 * patch * patch + 1) * w + (patches + 2) * w + layers * (block + 4 * w) + 2 * w + (w + 1) * classes;
  };
  const auto records = parity::load("sequences");
  CHECK(size(224, 32, 12, 768, 3072, 1000) == records.at("vit_b_32").parameters);
  CHECK(size(224, 16, 24, 1024, 4096, 1000) == records.at("vit_l_16").parameters);
  CHECK(size(24, 8, 3, 64, 160, 10) == modules::parameter_count(ViT(tiny_vit)));
}

TEST_CASE("ViT: every skip is a ResidualBlock, two a layer", "[models][vit]") {
  ViT net(tiny_vit);
  CHECK(modules::count<nn::ResidualBlock<float>>(net) == 2 * 3);
  CHECK(net(randn({2, 3, 24, 24})).shape() == Shape{2, 10});
  CHECK(net(randn({0, 3, 24, 24})).shape() == Shape{0, 10});
  CHECK(ViT({.image = 16, .patch = 4, .layers = 1, .heads = 2, .width = 8, .classes = 3, .in_channels = 1})(
            randn({2, 1, 16, 16}))
            .shape() == Shape{2, 3});
}

TEST_CASE("ViT takes the older names of its feed-forward networks, also within a Sequential", "[models][vit]") {
  manual_seed(1);
  ViT net(tiny_vit), other(tiny_vit);
  parity::fill<float>(net);
  StateDict dict;
  for (const auto& [own, tensor] : net.state_dict()) {
    std::string name = own;
    for (const auto& [newer, older] : {std::pair{".mlp.0.", ".mlp.linear_1."}, {".mlp.3.", ".mlp.linear_2."}})
      if (const auto at = name.find(newer); at != std::string::npos) name.replace(at, 7, older);
    dict.set(name, tensor);
  }
  CHECK(dict.contains("encoder.layers.encoder_layer_2.mlp.linear_2.bias"));
  CHECK_FALSE(dict.contains("encoder.layers.encoder_layer_2.mlp.3.bias"));
  const auto x = randn({2, 3, 24, 24});
  other.load_state_dict(dict);
  CHECK(equal(other(x), net(x)));

  nn::Sequential inside{ViT(tiny_vit), nn::ReLU()};
  StateDict behind;
  behind.insert("0.", dict);
  inside.load_state_dict(behind);
  CHECK(equal(inside(x), relu(net(x))));
}

TEST_CASE("ViT drops in training only", "[models][vit]") {
  auto options = tiny_vit;
  options.dropout = 0.2;
  ViT net(options);
  nn::init::normal_(net.head.weight);
  const auto x = randn({2, 3, 24, 24});
  CHECK_FALSE(equal(net(x), net(x)));
  net.eval();
  CHECK(equal(net(x), net(x)));
}

TEST_CASE("ViT says what it cannot do", "[models][vit]") {
  ViT net(tiny_vit);
  CHECK_THROWS_WITH(net(randn({2, 3, 24, 32})), "ViT: expected (n, 3, 24, 24), got (2, 3, 24, 32)");
  CHECK_THROWS_AS(net(randn({3, 24, 24})), ShapeError);
  CHECK_THROWS_AS(net(randn({2, 1, 24, 24})), ShapeError);
  CHECK_THROWS_WITH(ViT({.image = 20, .patch = 8}), "ViT: patches of 8 do not fill an image of 20");
  CHECK_THROWS_AS(ViT({.image = 16, .patch = 0}), ValueError);
  CHECK_THROWS_AS(ViT({.image = 16, .patch = 8, .layers = 1, .heads = 3, .width = 8}), ValueError);
}
