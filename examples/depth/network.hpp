// The two networks that are compared: the same branches, the same first weights, with the skip and without it.
#pragma once

#include <shunt/shunt.hpp>

namespace nn = shunt::nn;
using shunt::Tensor;

/// A fully connected network for 8x8 digits: a stem, (layers - 2) / 2 blocks of two layers, and a head. A block is
/// y = relu(F(x) + x) if `residual`, y = relu(F(x)) if not. Beyond 500 layers, where 250 branches of this size add up
/// to too much, F is multiplied by a learned number that starts at 0 (ReZero).
struct DigitNet : nn::Layer<float> {
  nn::Sequential<float> stem, head;
  std::vector<nn::AnyLayer<float>> blocks;

  DigitNet(int layers, bool residual, int width = 64)
      : stem(nn::Linear(64, width), nn::ReLU()), head(nn::Sequential<float>().add(nn::Linear(width, 10))) {
    for (int i = 0; i < (layers - 2) / 2; ++i) {
      auto f = nn::Sequential(nn::Linear(width, width), nn::ReLU(), nn::Linear(width, width));
      if (residual && layers > 500)
        blocks.push_back(nn::ResidualBlock({.branch = std::move(f), .scale = nn::ReZero{}, .after = nn::ReLU()}));
      else if (residual)
        blocks.push_back(nn::ResidualBlock({.branch = std::move(f), .after = nn::ReLU()}));
      else
        blocks.push_back(std::move(f.add(nn::ReLU())));
    }
  }

  Tensor<float> forward(const Tensor<float>& x) override { return without(x, -1); }
  /// The network with block `removed` left out (Veit et al. 2016).
  Tensor<float> without(const Tensor<float>& x, int removed) {
    auto y = stem(x);
    for (int i = 0; auto& block : blocks)
      if (i++ != removed) y = block(y);
    return head(y);
  }
  void members(nn::Members<float>& m) override { m("stem", stem)("blocks", blocks)("head", head); }
};
