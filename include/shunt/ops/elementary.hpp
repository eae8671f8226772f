// Elementary functions, elementwise. The gradient is told by the input or by the result, whichever is cheaper to keep.
#pragma once

#include "shunt/ops/arithmetic.hpp"

namespace shunt {
namespace detail {

struct Exp {
  template <class T>
  T operator()(T x) const {
    return kernels::math::exp(x);
  }
};
struct Log {
  template <class T>
  T operator()(T x) const {
    return kernels::math::log(x);
  }
};
struct Sqrt {
  template <class T>
  T operator()(T x) const {
    return kernels::math::sqrt(x);
  }
  template <class T>
  T of_root(T root) const {
    return root;
  }
};
struct SqrtGrad {
  template <class T>
  T operator()(T g, T y) const {
    return g / (T(2) * y);
  }
};
struct Rsqrt {
  template <class T>
  T operator()(T x) const {
    return of_root(kernels::math::sqrt(x));
  }
  template <class T>
  T of_root(T root) const {
    return T(1) / root;
  }
};
struct RsqrtGrad {
  template <class T>
  T operator()(T g, T y) const {
    return T(-0.5) * g * (y * y * y);
  }
};
struct Sin {
  template <class T, class M = kernels::math::Everywhere>
  T operator()(T x, const M& m = {}) const {
    return m.sin(x);
  }
};
struct SinGrad {
  template <class T, class M = kernels::math::Everywhere>
  T operator()(T g, T x, const M& m = {}) const {
    return g * m.cos(x);
  }
};
struct Cos {
  template <class T, class M = kernels::math::Everywhere>
  T operator()(T x, const M& m = {}) const {
    return m.cos(x);
  }
};
struct CosGrad {
  template <class T, class M = kernels::math::Everywhere>
  T operator()(T g, T x, const M& m = {}) const {
    return -g * m.sin(x);
  }
};
struct Tanh {
  template <class T>
  T operator()(T x) const {
    return kernels::math::tanh(x);
  }
};
struct TanhGrad {
  template <class T>
  T operator()(T g, T y) const {
    return g * (T(1) - y * y);
  }
};
struct Sigmoid {
  template <class T>
  T operator()(T x) const {
    return kernels::math::sigmoid(x);
  }
};
struct SigmoidGrad {
  template <class T>
  T operator()(T g, T y) const {
    return g * y * (T(1) - y);
  }
};
struct Erf {
  template <class T>
  T operator()(T x) const {
    return kernels::math::erf(x);
  }
};
struct ErfGrad {
  template <class T>
  T operator()(T g, T x) const {
    return g * T(1.12837916709551257390) * kernels::math::exp(-x * x);  // 2 / sqrt(pi)
  }
};
struct Abs {
  template <class T>
  T operator()(T x) const {
    return x == T(0) ? T(0) : x < T(0) ? static_cast<T>(-x) : x;
  }
};
/// g sign(x), 0 at 0.
struct AbsGrad {
  template <class T>
  T operator()(T g, T x) const {
    return x > T(0) ? g : x < T(0) ? static_cast<T>(-g) : T(0);
  }
};

}  // namespace detail

template <Real T>
Tensor<T> exp(const Tensor<T>& x) {
  return detail::unary_of_result("exp", detail::Exp{}, kernels::Mul{}, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::exp() const {
  return shunt::exp(*this);
}
/// Natural logarithm.
template <Real T>
Tensor<T> log(const Tensor<T>& x) {
  return detail::unary_of_input("log", detail::Log{}, kernels::Div{}, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::log() const {
  return shunt::log(*this);
}
/// Square root; its gradient at 0 is infinite.
template <Real T>
Tensor<T> sqrt(const Tensor<T>& x) {
  return detail::unary_of_result("sqrt", detail::Sqrt{}, detail::SqrtGrad{}, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::sqrt() const {
  return shunt::sqrt(*this);
}
/// 1 / sqrt(x).
template <Real T>
Tensor<T> rsqrt(const Tensor<T>& x) {
  return detail::unary_of_result("rsqrt", detail::Rsqrt{}, detail::RsqrtGrad{}, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::rsqrt() const {
  return shunt::rsqrt(*this);
}
template <Real T>
Tensor<T> sin(const Tensor<T>& x) {
  return detail::unary_of_input("sin", detail::Sin{}, detail::SinGrad{}, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::sin() const {
  return shunt::sin(*this);
}
template <Real T>
Tensor<T> cos(const Tensor<T>& x) {
  return detail::unary_of_input("cos", detail::Cos{}, detail::CosGrad{}, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::cos() const {
  return shunt::cos(*this);
}
template <Real T>
Tensor<T> tanh(const Tensor<T>& x) {
  return detail::unary_of_result("tanh", detail::Tanh{}, detail::TanhGrad{}, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::tanh() const {
  return shunt::tanh(*this);
}
/// 1 / (1 + exp(-x)).
template <Real T>
Tensor<T> sigmoid(const Tensor<T>& x) {
  return detail::unary_of_result("sigmoid", detail::Sigmoid{}, detail::SigmoidGrad{}, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::sigmoid() const {
  return shunt::sigmoid(*this);
}
/// The error function.
template <Real T>
Tensor<T> erf(const Tensor<T>& x) {
  return detail::unary_of_input("erf", detail::Erf{}, detail::ErfGrad{}, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::erf() const {
  return shunt::erf(*this);
}
/// Absolute value; its gradient at 0 is 0.
template <Scalar T>
Tensor<T> abs(const Tensor<T>& x) {
  return detail::unary_of_input("abs", detail::Abs{}, detail::AbsGrad{}, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::abs() const {
  return shunt::abs(*this);
}

}  // namespace shunt
