// Dropout as layers: they act in training alone.
#pragma once

#include "shunt/nn/layer.hpp"
#include "shunt/ops/dropout.hpp"

namespace shunt::nn {

/// Sets each element to 0 with probability p, and scales the others by 1 / (1 - p).
template <Real T = float>
class Dropout : public Layer<T> {
 public:
  explicit Dropout(double p = 0.5) : p_(p) { shunt::detail::check_probability("dropout", p); }
  Tensor<T> forward(const Tensor<T>& x) override { return dropout(x, p_, this->is_training()); }
  std::string options() const override { return shunt::detail::text(p_); }

 private:
  double p_;
};

/// The same for whole samples of the first dimension.
template <Real T = float>
class DropPath : public Layer<T> {
 public:
  explicit DropPath(double p = 0) : p_(p) { shunt::detail::check_probability("drop_path", p); }
  Tensor<T> forward(const Tensor<T>& x) override { return drop_path(x, p_, this->is_training()); }
  std::string options() const override { return shunt::detail::text(p_); }

 private:
  double p_;
};

}  // namespace shunt::nn
