// Five steps as PyTorch takes them, number for number.
#include "support/reference.hpp"
#include "shunt/optim/adam.hpp"
#include "shunt/optim/rmsprop.hpp"
#include "shunt/optim/sgd.hpp"
#include "support/catch.hpp"

using namespace shunt;

namespace {

template <class O>
std::vector<reference::D> steps(O& opt, const reference::D& p, const reference::Case& c) {
  std::vector<reference::D> after;
  for (std::size_t i = 1; i < c.x.size(); ++i) {
    opt.zero_grad();
    p.backward(c.x[i]);
    opt.step();
    after.push_back(detail::copy_of(p));
  }
  return after;
}
/// The first input is the parameter, the others are its gradients; `make` gives an optimizer for it.
template <class Make>
auto replay(Make make) {
  return [make](const reference::Case& c) -> reference::Outputs {
    const auto p = detail::copy_of(c.x[0]).requires_grad();
    auto opt = make(std::vector{p}, c);
    return steps(opt, p, c);
  };
}

}  // namespace

TEST_CASE("optimizers: PyTorch's steps", "[optim][reference]") {
  using Params = std::vector<reference::D>;
  using reference::Case;
  reference::run("optimizers",
                 {{"SGD", replay([](const Params& p, const Case& c) {
                     return optim::SGD(p, {.lr = c.number("lr"),
                                           .momentum = c.number("momentum", 0),
                                           .weight_decay = c.number("weight_decay", 0),
                                           .nesterov = c.flag("nesterov")});
                   })},
                  {"Adam", replay([](const Params& p, const Case& c) {
                     return optim::Adam(p, {.lr = c.number("lr"), .weight_decay = c.number("weight_decay", 0)});
                   })},
                  {"AdamW", replay([](const Params& p, const Case& c) {
                     return optim::AdamW(p, {.lr = c.number("lr"), .weight_decay = c.number("weight_decay", 0.01)});
                   })},
                  {"RMSprop", replay([](const Params& p, const Case& c) {
                     return optim::RMSprop(p, {.lr = c.number("lr"),
                                               .weight_decay = c.number("weight_decay", 0),
                                               .momentum = c.number("momentum", 0)});
                   })}});
}
