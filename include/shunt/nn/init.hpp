// Initialisers: fill a tensor in place, outside any history.
#pragma once

#include "shunt/core/choice.hpp"
#include "shunt/ops/creation.hpp"
#include "shunt/ops/inplace.hpp"

namespace shunt::nn::init {

template <Scalar T>
void constant_(const Tensor<T>& x, double value) {
  const NoGrad unrecorded;
  x.fill_(value);
}
template <Scalar T>
void zeros_(const Tensor<T>& x) {
  constant_(x, 0);
}
template <Scalar T>
void ones_(const Tensor<T>& x) {
  constant_(x, 1);
}
/// Uniform in [low, high).
template <Real T>
void uniform_(const Tensor<T>& x, double low = 0, double high = 1, Generator& g = generator()) {
  const NoGrad unrecorded;
  x.copy_(rand<T>(x.shape(), g) * (high - low) + low);
}
template <Real T>
void normal_(const Tensor<T>& x, double mean = 0, double std = 1, Generator& g = generator()) {
  const NoGrad unrecorded;
  x.copy_(randn<T>(x.shape(), g) * std + mean);
}

/// Inputs and outputs that one unit sees: (out, in, ...window).
struct Fan {
  double in, out;
};
inline Fan fan_of(const Shape& shape) {
  if (shape.rank() < 2)
    shunt::detail::raise<ShapeError>("init: fan needs at least two dimensions, got ", shape);
  double window = 1;
  for (int d = 2; d < shape.rank(); ++d) window *= static_cast<double>(shape[d]);
  return {static_cast<double>(shape[1]) * window, static_cast<double>(shape[0]) * window};
}

struct KaimingOptions {
  double a = 0;  ///< Negative slope of the leaky ReLU that follows; only for that one.
  Choice<"fan_in", "fan_out"> mode = "fan_in";
  Choice<"leaky_relu", "relu", "linear", "tanh"> nonlinearity = "leaky_relu";
};
namespace detail {
inline double kaiming_std(const Shape& shape, const KaimingOptions& o) {
  const Fan fan = fan_of(shape);
  const double gain = o.nonlinearity == "leaky_relu" ? std::sqrt(2 / (1 + o.a * o.a))
                      : o.nonlinearity == "relu"     ? std::sqrt(2.0)
                      : o.nonlinearity == "tanh"     ? 5.0 / 3
                                                     : 1.0;
  const double n = o.mode == "fan_in" ? fan.in : fan.out;
  return n > 0 ? gain / std::sqrt(n) : 0;
}
}  // namespace detail
/// Keeps the variance of activations (fan_in) or gradients (fan_out) through ReLUs (He et al. 2015, eq. 10).
template <Real T>
void kaiming_normal_(const Tensor<T>& x, KaimingOptions options = {}, Generator& g = generator()) {
  normal_(x, 0, detail::kaiming_std(x.shape(), options), g);
}
template <Real T>
void kaiming_uniform_(const Tensor<T>& x, KaimingOptions options = {}, Generator& g = generator()) {
  const double bound = std::sqrt(3.0) * detail::kaiming_std(x.shape(), options);
  uniform_(x, -bound, bound, g);
}

}  // namespace shunt::nn::init
