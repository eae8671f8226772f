// Five steps of each optimizer on given gradients, as PyTorch makes them.
#include "support/reference.hpp"
#include "shunt/ops/reduce.hpp"
#include "shunt/optim/adam.hpp"
#include "shunt/optim/rmsprop.hpp"
#include "shunt/optim/sgd.hpp"
#include "support/catch.hpp"

using namespace shunt;
using reference::Case;
using reference::D;

namespace {

template <class Options>
Options common(const Case& c, Options o) {
  o.lr = c.number("lr");
  o.weight_decay = c.number("weight_decay", o.weight_decay);
  return o;
}

std::unique_ptr<optim::AnyOptimizer> make(const Case& c, const D& p) {
  const std::vector<D> params{p};
  if (c.op == "SGD") {
    auto o = common(c, optim::SGDOptions{});
    o.momentum = c.number("momentum", 0);
    o.dampening = c.number("dampening", 0);
    o.nesterov = c.flag("nesterov");
    return std::make_unique<optim::SGD<double>>(params, o);
  }
  if (c.op == "Adam") {
    auto o = common(c, optim::AdamOptions{});
    o.amsgrad = c.flag("amsgrad");
    return std::make_unique<optim::Adam<double>>(params, o);
  }
  if (c.op == "AdamW") return std::make_unique<optim::AdamW<double>>(params, common(c, optim::AdamWOptions{}));
  REQUIRE(c.op == "RMSprop");
  auto o = common(c, optim::RMSpropOptions{});
  o.momentum = c.number("momentum", 0);
  o.centered = c.flag("centered");
  return std::make_unique<optim::RMSprop<double>>(params, o);
}

}  // namespace

TEST_CASE("optimizers: every step is PyTorch's", "[optim][reference]") {
  for (const auto& c : reference::load("optimizers")) {
    CAPTURE(c.text);
    const auto p = c.x[0].clone().requires_grad();
    const auto optimizer = make(c, p);
    REQUIRE(c.x.size() == 6);
    for (std::size_t i = 1; i < c.x.size(); ++i) {
      INFO("step " << i);
      optimizer->zero_grad();
      (p * c.x[i]).sum().backward();
      optimizer->step();
      reference::compare(p.detach(), c.outputs[i - 1], 1e-13);
    }
  }
}
