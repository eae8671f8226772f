// Activations: elementwise functions with a kink or a gate.
#pragma once

#include "shunt/core/choice.hpp"
#include "shunt/ops/arithmetic.hpp"

namespace shunt {
namespace detail {

struct Relu {
  template <class T>
  T operator()(T x) const {
    return x <= T(0) ? T(0) : x;  // a NaN passes
  }
};
struct ReluGrad {
  template <class T>
  T operator()(T g, T y) const {
    return y <= T(0) ? T(0) : g;
  }
};

template <class T>
struct LeakyRelu {
  T slope;
  T operator()(T x) const { return kernels::math::select(x > T(0), x, T(x * slope)); }
};
template <class T>
struct LeakyReluGrad {
  T slope;
  T operator()(T g, T x) const { return kernels::math::select(x > T(0), g, T(g * slope)); }
};
template <class T>
struct Elu {
  T alpha;
  T operator()(T x) const { return kernels::math::select(x > T(0), x, T(alpha * kernels::math::expm1(x))); }
};
template <class T>
struct EluGrad {
  T alpha;
  T operator()(T g, T x) const { return kernels::math::select(x > T(0), g, T(g * alpha * kernels::math::exp(x))); }
};
struct Silu {
  template <class T>
  T operator()(T x) const {
    return x * kernels::math::sigmoid(x);
  }
};
struct SiluGrad {
  template <class T>
  T operator()(T g, T x) const {
    const T s = kernels::math::sigmoid(x);
    return g * (s * (T(1) + x * (T(1) - s)));
  }
};
template <class T>
struct ScaledSoftplus {
  T beta, inverse, threshold;  // inverse = 1 / beta
  T operator()(T x) const {
    const T z = x * beta, y = kernels::math::softplus(z) * inverse;
    return kernels::math::select(z > threshold, x, y);
  }
};
template <class T>
struct ScaledSoftplusGrad {
  T beta, threshold;
  T operator()(T g, T x) const {
    const T z = x * beta, dx = g * kernels::math::sigmoid(z);
    return kernels::math::select(z > threshold, g, dx);
  }
};

inline constexpr double inv_sqrt2pi = 0.39894228040143267794;
inline constexpr double gelu_a = 2 * 0.79788456080286535588, gelu_b = 0.044715;  // sqrt(2 / pi)

struct Gelu {
  template <class T>
  T operator()(T x) const {
    return x * kernels::math::normal_cdf(x);
  }
};
struct GeluGrad {
  template <class T>
  T operator()(T g, T x) const {
    return g * (kernels::math::normal_cdf(x) + x * kernels::math::exp(T(-0.5) * x * x) * T(inv_sqrt2pi));
  }
};
/// (1 + tanh(z)) / 2 = sigmoid(2 z).
struct GeluTanh {
  template <class T>
  T operator()(T x) const {
    return x * kernels::math::sigmoid(T(gelu_a) * (x + T(gelu_b) * x * x * x));
  }
};
struct GeluTanhGrad {
  template <class T>
  T operator()(T g, T x) const {
    const T s = kernels::math::sigmoid(T(gelu_a) * (x + T(gelu_b) * x * x * x));
    const T inner = T(gelu_a) * (T(1) + T(3 * gelu_b) * x * x);
    return g * (s + x * s * (T(1) - s) * inner);
  }
};

}  // namespace detail

/// max(x, 0); its gradient at 0 is 0. A buffer that the caller gives away (std::move) and nobody else holds becomes the
/// result's.
template <Scalar T>
Tensor<T> relu(Tensor<T>&& x) {
  return detail::unary_of_result("relu", detail::Relu{}, detail::ReluGrad{}, std::move(x));
}
template <Scalar T>
Tensor<T> relu(const Tensor<T>& x) {
  return relu(Tensor<T>(x));
}
template <Scalar T>
Tensor<T> Tensor<T>::relu() const {
  return shunt::relu(*this);
}

/// x where it is positive, slope x elsewhere.
template <Real T>
Tensor<T> leaky_relu(const Tensor<T>& x, double slope = 0.01) {
  const auto s = detail::operand<T>(slope);
  return detail::unary_of_input("leaky_relu", detail::LeakyRelu<detail::Operand<T>>{s},
                                detail::LeakyReluGrad<detail::Operand<T>>{s}, x);
}
/// x where it is positive, alpha (exp(x) - 1) elsewhere (Clevert et al. 2015).
template <Real T>
Tensor<T> elu(const Tensor<T>& x, double alpha = 1) {
  const auto a = detail::operand<T>(alpha);
  return detail::unary_of_input("elu", detail::Elu<detail::Operand<T>>{a}, detail::EluGrad<detail::Operand<T>>{a}, x);
}
/// x sigmoid(x).
template <Real T>
Tensor<T> silu(const Tensor<T>& x) {
  return detail::unary_of_input("silu", detail::Silu{}, detail::SiluGrad{}, x);
}

struct SoftplusOptions {
  double beta = 1;
  double threshold = 20;  ///< x itself where beta x is above it.
};
/// log(1 + exp(beta x)) / beta.
template <Real T>
Tensor<T> softplus(const Tensor<T>& x, SoftplusOptions options = {}) {
  const auto b = detail::operand<T>(options.beta), inverse = detail::operand<T>(1 / options.beta),
             t = detail::operand<T>(options.threshold);
  return detail::unary_of_input("softplus", detail::ScaledSoftplus<detail::Operand<T>>{b, inverse, t},
                                detail::ScaledSoftplusGrad<detail::Operand<T>>{b, t}, x);
}

namespace detail {

template <Real T>
Tensor<T> gelu_erf(const Tensor<T>& x) {
  return unary_of_input("gelu", Gelu{}, GeluGrad{}, x);
}
template <Real T>
Tensor<T> gelu_tanh(const Tensor<T>& x) {
  return unary_of_input("gelu", GeluTanh{}, GeluTanhGrad{}, x);
}

}  // namespace detail

struct GeluOptions {
  Choice<"none", "tanh"> approximate = "none";
};
/// x Phi(x) (Hendrycks and Gimpel 2016), or its tanh approximation.
template <Real T>
Tensor<T> gelu(const Tensor<T>& x, GeluOptions options = {}) {
  return options.approximate == "tanh" ? detail::gelu_tanh(x) : detail::gelu_erf(x);
}

}  // namespace shunt
