// Activations: elementwise functions with a kink or a gate.
#pragma once

#include "shunt/core/choice.hpp"
#include "shunt/ops/pointwise.hpp"

namespace shunt {
namespace detail {

struct Relu {
  template <class T>
  T operator()(T x) const {
    return x < T(0) ? T(0) : x;  // a NaN passes
  }
};
struct ReluGrad {
  template <class T>
  T operator()(T g, T y) const {
    return y > T(0) ? g : T(0);
  }
};

inline constexpr double inv_sqrt2 = 0.70710678118654752440, inv_sqrt2pi = 0.39894228040143267794;
inline constexpr double gelu_a = 0.79788456080286535588, gelu_b = 0.044715;  // sqrt(2 / pi)

struct Gelu {
  template <class T>
  T operator()(T x) const {
    return T(0.5) * x * (T(1) + kernels::math::erf(x * T(inv_sqrt2)));
  }
};
struct GeluGrad {
  template <class T>
  T operator()(T g, T x) const {
    const T cdf = T(0.5) * (T(1) + kernels::math::erf(x * T(inv_sqrt2)));
    return g * (cdf + x * kernels::math::exp(T(-0.5) * x * x) * T(inv_sqrt2pi));
  }
};
struct GeluTanh {
  template <class T>
  T operator()(T x) const {
    return T(0.5) * x * (T(1) + kernels::math::tanh(T(gelu_a) * (x + T(gelu_b) * x * x * x)));
  }
};
struct GeluTanhGrad {
  template <class T>
  T operator()(T g, T x) const {
    const T t = kernels::math::tanh(T(gelu_a) * (x + T(gelu_b) * x * x * x));
    const T inner = T(gelu_a) * (T(1) + T(3 * gelu_b) * x * x);
    return g * T(0.5) * (T(1) + t + x * (T(1) - t * t) * inner);
  }
};

}  // namespace detail

/// max(x, 0); its gradient at 0 is 0.
template <Scalar T>
Tensor<T> relu(const Tensor<T>& x) {
  return detail::unary_of_result("relu", detail::Relu{}, detail::ReluGrad{}, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::relu() const {
  return shunt::relu(*this);
}

struct GeluOptions {
  Choice<"none", "tanh"> approximate = "none";
};
/// x Phi(x) (Hendrycks and Gimpel 2016), or its tanh approximation.
template <Real T>
Tensor<T> gelu(const Tensor<T>& x, GeluOptions options = {}) {
  if (options.approximate == "tanh") return detail::unary_of_input("gelu", detail::GeluTanh{}, detail::GeluTanhGrad{}, x);
  return detail::unary_of_input("gelu", detail::Gelu{}, detail::GeluGrad{}, x);
}

}  // namespace shunt
