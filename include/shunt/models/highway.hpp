// Highway networks: each layer learns how much of its input it carries on (Srivastava et al. 2015, "Highway Networks").
#pragma once

#include "shunt/nn/activation.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/nn/sequential.hpp"

namespace shunt::models {

struct HighwayOptions {
  std::int64_t in, width = 50;
  std::int64_t depth = 10;  ///< Hidden layers: a plain one, which changes the width, and depth - 1 highway layers.
  std::int64_t classes = 10;
  double gate_bias = -1;  ///< Negative: at the start a layer mostly carries its input on (section 2.2).
};

/// y = T(x) H(x) + (1 - T(x)) x, where H(x) = relu(W_H x + b_H) and T(x) = sigmoid(W_T x + b_T) (eq. 3):
/// (..., width) -> the same. It is no ResidualBlock, since its skip is weighed, too.
template <Real T = float>
class HighwayLayer : public nn::Layer<T> {
 public:
  nn::Linear<T> transform, gate;

  HighwayLayer(std::int64_t width, double gate_bias) : transform(width, width), gate(width, width) {
    nn::init::kaiming_normal_(transform.weight, {.nonlinearity = "relu"});
    nn::init::constant_(gate.bias, gate_bias);
  }

  Tensor<T> forward(const Tensor<T>& x) override {
    const auto h = relu(transform(x)), t = sigmoid(gate(x));
    return t * h + (1 - t) * x;
  }
  void members(nn::Members<T>& m) override { m("transform", transform)("gate", gate); }
};

/// x (n, in) -> logits (n, classes).
template <Real T = float>
class Highway : public nn::Layer<T> {
 public:
  nn::Linear<T> first;
  nn::Sequential<T> layers;
  nn::Linear<T> last;

  explicit Highway(const HighwayOptions& o) : first(o.in, o.width), last(o.width, o.classes) {
    if (o.depth < 1) shunt::detail::raise<ValueError>("Highway: depth must be positive, got ", o.depth);
    layers = nn::repeat(o.depth - 1, [&] { return HighwayLayer<T>(o.width, o.gate_bias); });
  }

  Tensor<T> forward(const Tensor<T>& x) override { return last(layers(relu(first(x)))); }
  void members(nn::Members<T>& m) override { m("first", first)("layers", layers)("last", last); }
};

}  // namespace shunt::models
