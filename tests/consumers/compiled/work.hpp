// What every unit of the program does for itself: functions of its own, with the same source.
#pragma once

#include <shunt/shunt.hpp>

#include <vector>

namespace nn = shunt::nn;
using shunt::Tensor;

/// A user's layer, one type in all units.
struct Gate : nn::Layer<float> {
  nn::Parameter<float> weight{shunt::ones({16})};
  Tensor<float> forward(const Tensor<float>& x) override { return x * shunt::sigmoid(x * weight); }
  void members(nn::Members<float>& m) override { m("weight", weight); }
};

inline nn::Sequential<float> network() {
  return nn::Sequential(
      nn::Conv2d({.in = 1, .out = 4, .kernel = 3, .padding = 1}), nn::BatchNorm2d(4), nn::ReLU(), nn::Flatten(),
      nn::Linear(4 * 6 * 6, 16),
      nn::ResidualBlock(nn::Sequential(nn::LayerNorm(16), nn::Linear(16, 32), nn::GELU(), nn::Linear(32, 16), Gate())),
      nn::Linear(16, 3));
}

/// The losses and the last weights of a short training.
static std::vector<float> train() {
  shunt::manual_seed(7);
  auto net = network();
  shunt::optim::AdamW opt(net.parameters(), {.lr = 1e-2});
  const auto x = shunt::randn({12, 1, 6, 6});
  const auto target = shunt::randint(0, 3, {12});
  std::vector<float> seen;
  for (int step = 0; step < 5; ++step) {
    opt.zero_grad();
    const auto loss = shunt::cross_entropy(net(x), target) + 1e-3f * net.parameters().back().norm();
    loss.backward();
    shunt::optim::clip_grad_norm_(net.parameters(), 1.0);
    opt.step();
    seen.push_back(loss.item());
  }
  for (const auto& p : net.parameters())
    for (const float v : p.to_vector()) seen.push_back(v);
  return seen;
}
