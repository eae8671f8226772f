// Modules with PyTorch's own parameters, by PyTorch's names: outputs, gradients and buffers.
#include "support/reference.hpp"
#include "shunt/nn/conv.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/nn/norm.hpp"
#include "shunt/nn/transformer.hpp"
#include "support/catch.hpp"

#include <sstream>

using namespace shunt;
using reference::Case;
using reference::D;

namespace {

/// The names of a case's parameters, as ours has them: PyTorch's attention stands inside a wrapper.
std::vector<std::string> names_of(const Case& c) {
  std::vector<std::string> names;
  std::istringstream in(c.word("parameters"));
  for (std::string name; std::getline(in, name, ',');)
    names.push_back(name.substr(name.rfind("attn.", 0) == 0 ? 5 : 0));
  return names;
}

using Forward = std::function<D(const std::vector<D>& inputs)>;

void check(const Case& c, nn::Module<double>& m, const Forward& forward) {
  const auto names = names_of(c);
  const std::size_t inputs = c.x.size() - names.size();
  std::size_t found = 0;
  for (const auto& [name, p] : m.named_parameters()) {
    const auto at = std::find(names.begin(), names.end(), name);
    INFO("parameter " << name);
    REQUIRE(at != names.end());
    const NoGrad unrecorded;
    p.copy_(c.x[inputs + static_cast<std::size_t>(at - names.begin())]);
    ++found;
  }
  REQUIRE(found == names.size());

  std::vector<D> x;
  for (std::size_t i = 0; i < inputs; ++i) x.push_back(c.x[i].clone().requires_grad());
  const D y = forward(x);
  reference::compare(y, c.outputs[0], 1e-12);
  y.backward(c.g);
  for (std::size_t i = 0; i < inputs; ++i) {
    INFO("gradient of input " << i);
    reference::compare(x[i].grad(), c.grads[i], 1e-12);
  }
  for (const auto& [name, p] : m.named_parameters()) {
    INFO("gradient of " << name);
    const auto at = std::find(names.begin(), names.end(), name) - names.begin();
    reference::compare(p.grad(), c.grads[inputs + static_cast<std::size_t>(at)], 1e-12);
  }
}

nn::TransformerBlockOptions block_options(const Case& c) {
  return {.width = c.integer("width"),
          .heads = c.integer("heads"),
          .hidden = c.integer("hidden"),
          .dropout = 0,
          .activation = decltype(nn::TransformerBlockOptions::activation)::parse(c.word("activation")),
          .norm_first = c.flag("norm_first")};
}

void run(const Case& c) {
  const auto layer = [&](auto m) { check(c, m, [&](const std::vector<D>& x) { return m(x[0]); }); };
  if (c.op == "Linear") return layer(nn::Linear<double>(c.integer("width"), c.integer("out")));
  if (c.op == "LayerNorm") return layer(nn::LayerNorm<double>(c.integer("width")));
  if (c.op == "GroupNorm") return layer(nn::GroupNorm<double>(c.integer("groups"), c.integer("channels")));
  if (c.op == "Conv2d")
    return layer(nn::Conv2d<double>({.in = c.integer("channels"),
                                     .out = c.integer("out"),
                                     .kernel = c.integer("kernel"),
                                     .stride = c.integer("stride"),
                                     .padding = c.integer("padding"),
                                     .groups = c.integer("groups")}));
  if (c.op == "TransformerEncoderBlock") return layer(nn::TransformerEncoderBlock<double>(block_options(c)));
  if (c.op == "TransformerDecoderBlock") {
    nn::TransformerDecoderBlock<double> m(block_options(c));
    return check(c, m, [&](const std::vector<D>& x) { return m(x[0], x[1]); });
  }
  if (c.op == "MultiheadAttention") {
    nn::MultiheadAttention<double> m({.width = c.integer("width"), .heads = c.integer("heads")});
    return check(c, m, [&](const std::vector<D>& x) {
      return x.size() == 1 ? m(x[0], {.is_causal = c.flag("causal")}) : m(x[0], x[1], x[1]);
    });
  }
  REQUIRE(c.op == "BatchNorm2d");
  nn::BatchNorm2d<double> m(c.integer("channels"));
  m.train(c.flag("training"));
  check(c, m, [&](const std::vector<D>& x) { return m(x[0]); });
  reference::compare(m.running_mean, c.outputs[1], 1e-14);
  reference::compare(m.running_var, c.outputs[2], 1e-14);
}

}  // namespace

TEST_CASE("modules: outputs, gradients and buffers are PyTorch's", "[nn][reference]") {
  for (const auto& c : reference::load("modules")) {
    CAPTURE(c.text);
    run(c);
  }
}
