// Activations as layers.
#pragma once

#include "shunt/nn/layer.hpp"
#include "shunt/ops/activation.hpp"

namespace shunt::nn {

template <Real T = float>
struct ReLU : Layer<T> {
  Tensor<T> forward(const Tensor<T>& x) override { return relu(x); }
};
template <Real T = float>
struct Tanh : Layer<T> {
  Tensor<T> forward(const Tensor<T>& x) override { return tanh(x); }
};
template <Real T = float>
struct GELU : Layer<T> {
  GeluOptions how;
  GELU(GeluOptions options = {}) : how(options) {}
  Tensor<T> forward(const Tensor<T>& x) override { return gelu(x, how); }
};
/// x itself.
template <Real T = float>
struct Identity : Layer<T> {
  Tensor<T> forward(const Tensor<T>& x) override { return x; }
};

}  // namespace shunt::nn
