// Squeeze and excitation: each channel is weighed by what the whole image holds.
#pragma once

#include "shunt/nn/activation.hpp"
#include "shunt/nn/conv.hpp"
#include "shunt/ops/pool.hpp"

namespace shunt::nn {

template <Real T = float>
struct SqueezeExcitationOptions {
  std::int64_t channels;
  std::int64_t squeeze;  ///< Width between the two maps; the paper's is channels / 16.
  AnyLayer<T> activation = ReLU<T>();
  AnyLayer<T> gate = Sigmoid<T>();
};

/// y = x * gate(fc2(activation(fc1(mean of each channel)))): (n, channels, h, w) -> the same (Hu et al. 2018, eq. 2 to
/// 4). fc1 and fc2 are 1x1 convolutions, as in torchvision.
template <Real T = float>
class SqueezeExcitation : public Layer<T> {
 public:
  Conv2d<T> fc1, fc2;
  AnyLayer<T> activation, gate;

  explicit SqueezeExcitation(SqueezeExcitationOptions<T> o, Generator& g = generator())
      : fc1({.in = o.channels, .out = o.squeeze, .kernel = 1}, g),
        fc2({.in = o.squeeze, .out = o.channels, .kernel = 1}, g),
        activation(std::move(o.activation)),
        gate(std::move(o.gate)) {}

  Tensor<T> forward(const Tensor<T>& x) override {
    const auto squeezed = activation.over(fc1(adaptive_avg_pool2d(x, 1)));  // (n, squeeze, 1, 1)
    return x * gate(fc2(squeezed));
  }
  void members(Members<T>& m) override {
    m("fc1", fc1)("fc2", fc2)("activation", activation)("scale_activation", gate);
  }
};

SqueezeExcitation(SqueezeExcitationOptions<float>)->SqueezeExcitation<float>;

}  // namespace shunt::nn
