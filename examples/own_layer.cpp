// A layer of one's own: plain members, one forward, one line that lists the members. Gated residual towers learn
// whether two halves of a sequence of bits are equal.
//   example_own_layer [--short]
#include <shunt/shunt.hpp>

#include <iostream>

#include "arguments.hpp"

namespace nn = shunt::nn;
using shunt::Tensor;

/// y = x + gate * tanh(W x): the gate starts at 0, so the layer begins as the identity.
struct GatedTower : nn::Layer<float> {
  nn::Linear<float> inner;
  nn::Parameter<float> gate;

  explicit GatedTower(std::int64_t width) : inner(width, width), gate(shunt::zeros({width})) {}

  Tensor<float> forward(const Tensor<float>& x) override { return x + gate * tanh(inner(x)); }
  void members(nn::Members<float>& m) override { m("inner", inner)("gate", gate); }
};

int main(int argc, char** argv) {
  int steps = 1500;
  arguments::Parser().flag("--short", [&] { steps = 20; }).parse(argc, argv);
  shunt::manual_seed(1);
  auto net = nn::Sequential(nn::Linear(8, 64));
  for (int i = 0; i < 6; ++i) net.add(GatedTower(64));
  net.add(nn::ReLU()).add(nn::Linear(64, 2));
  std::cout << net << "\n\n";

  auto optimizer = shunt::optim::AdamW(net.parameters(), {.lr = 3e-3, .weight_decay = 0.01});
  for (int step = 0; step <= steps; ++step) {
    auto half = shunt::randint(0, 2, {256, 4}).to<float>(), other = shunt::randint(0, 2, {256, 4}).to<float>();
    auto same = shunt::rand({256, 1}) < 0.5;
    other = where(same, half, other);
    const auto label = (half == other).all(1).to<std::int64_t>();
    optimizer.zero_grad();
    const auto logits = net(shunt::cat({half, other}, 1));
    const auto loss = shunt::cross_entropy(logits, label);
    loss.backward();
    optimizer.step();
    if (step % (steps / 5) == 0)
      std::cout << "step " << step << "  loss " << loss.item() << "  accuracy "
                << (logits.argmax(1) == label).to<float>().mean().item() << '\n';
  }
}
