#include "shunt/nn/containers.hpp"

#include "shunt/nn/activation.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;

namespace {

// Its owner decides how a list and a dict are run.
struct Tower : nn::Layer<float> {
  nn::ModuleList<float> blocks{nn::Linear(3, 3), nn::ReLU(), nn::Linear(3, 3)};
  nn::ModuleDict<float> heads{{{"small", nn::Linear(3, 2)}, {"large", nn::Linear(3, 5)}}};
  std::string head = "small";

  Tensor<float> forward(const Tensor<float>& x) override {
    auto y = x;
    for (auto& block : blocks) y = y + block(y);
    return heads[head](y);
  }
  void members(nn::Members<float>& m) override { m("blocks", blocks)("heads", heads); }
};

}  // namespace

TEST_CASE("containers: run as their owner says, named by position or by name", "[nn][containers]") {
  Tower tower;
  std::vector<std::string> names;
  for (const auto& [name, p] : tower.named_parameters()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"blocks.0.weight", "blocks.0.bias", "blocks.2.weight", "blocks.2.bias",
                                          "heads.small.weight", "heads.small.bias", "heads.large.weight",
                                          "heads.large.bias"});
  const auto x = randn({4, 3});
  CHECK(tower(x).shape() == Shape{4, 2});
  tower.head = "large";
  CHECK(tower(x).shape() == Shape{4, 5});

  Tower twin;
  twin.head = "large";
  twin.load_state_dict(tower.state_dict());
  CHECK(twin(x).to_vector() == tower(x).to_vector());
  tower.eval();
  for (auto& block : tower.blocks) CHECK_FALSE(block->is_training());
  for (auto& [name, layer] : tower.heads) CHECK_FALSE(layer->is_training());
}

TEST_CASE("containers: a copy is independent", "[nn][containers]") {
  nn::ModuleList list(nn::Linear(2, 2));
  nn::ModuleList copy = list;
  const auto before = list.parameters()[0].to_vector();
  for (const auto& p : copy.parameters()) {
    const NoGrad unrecorded;
    p.fill_(0);
  }
  CHECK(list.parameters()[0].to_vector() == before);
  copy.add(nn::ReLU());
  CHECK(list.size() == 1);
  CHECK(copy.size() == 2);
}

TEST_CASE("containers: errors name what is not there", "[nn][containers]") {
  nn::ModuleList list{nn::ReLU(), nn::ReLU()};
  CHECK_THROWS_WITH(list[2], "ModuleList: no layer 2 of 2");
  nn::ModuleDict<float> dict;
  dict.add("a", nn::ReLU());
  CHECK(dict.contains("a"));
  CHECK_FALSE(dict.contains("b"));
  CHECK_THROWS_WITH(dict["b"], "ModuleDict: no layer 'b'");
  CHECK_THROWS_AS(dict.add("a", nn::ReLU()), ValueError);
}
