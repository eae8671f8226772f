// Linear: the affine map y = x W^T + b.
#pragma once

#include "shunt/nn/init.hpp"
#include "shunt/nn/layer.hpp"
#include "shunt/ops/matmul.hpp"

namespace shunt::nn {

struct LinearOptions {
  bool bias = true;
};

/// (..., in) -> (..., out). weight (out, in) and bias (out,) start uniform in +-1/sqrt(in), as PyTorch's do.
template <Real T = float>
struct Linear : Layer<T> {
  Parameter<T> weight, bias;

  [[gnu::cold]] Linear(std::int64_t in, std::int64_t out, LinearOptions options = {}, Generator& g = generator())
      : weight(Tensor<T>::empty({out, in})) {
    init::kaiming_uniform_(weight, {.a = std::sqrt(5.0)}, g);
    if (!options.bias) return;
    const double bound = in > 0 ? 1 / std::sqrt(static_cast<double>(in)) : 0;
    bias = Parameter<T>(Tensor<T>::empty({out}));
    init::uniform_(bias, -bound, bound, g);
  }

  Tensor<T> forward(const Tensor<T>& x) override { return linear(x, weight, bias); }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) override {
    return linear_onto(base, x, weight, bias);
  }
  void members(Members<T>& m) override { m("weight", weight)("bias", bias); }
  [[gnu::cold]] std::string options() const override {
    return shunt::detail::text(weight.size(1), ", ", weight.size(0), bias.defined() ? "" : ", no bias");
  }
};

}  // namespace shunt::nn
