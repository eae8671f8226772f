// Elementary functions of one scalar, written without branches where the compilers shall make vectors of them, and the
// arithmetic function objects that the elementwise loops take.
#pragma once

#include <cmath>

#include "shunt/core/scalar.hpp"

namespace shunt::kernels {
namespace math {

template <class T>
T exp(T x) {
  using std::exp;
  return exp(x);
}
template <class T>
T log(T x) {
  using std::log;
  return log(x);
}
template <class T>
T log1p(T x) {
  using std::log1p;
  return log1p(x);
}
template <class T>
T tanh(T x) {
  using std::tanh;
  return tanh(x);
}
template <class T>
T erf(T x) {
  using std::erf;
  return erf(x);
}
template <class T>
T sin(T x) {
  using std::sin;
  return sin(x);
}
template <class T>
T cos(T x) {
  using std::cos;
  return cos(x);
}
template <class T>
T sqrt(T x) {
  using std::sqrt;
  return sqrt(x);
}
template <class T>
T expm1(T x) {
  using std::expm1;
  return expm1(x);
}
template <class T>
T pow(T x, T y) {
  using std::pow;
  return pow(x, y);
}
template <class T>
T sigmoid(T x) {
  if constexpr (is_dual<T>) {  // by its own derivative: that of exp(-x) is infinite far out
    const auto y = math::sigmoid(x.value);
    return {y, y * (1 - y) * x.eps};
  } else {
    return T(1) / (T(1) + math::exp(-x));
  }
}

}  // namespace math

struct Sub {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a - b);
  }
};
struct Mul {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(a * b);
  }
};
struct Div {
  template <class T>
  T operator()(T a, T b) const {
    // The smallest integer over -1 traps on x86; negation wraps.
    if constexpr (std::signed_integral<T>)
      return b == T(-1) ? static_cast<T>(0 - static_cast<std::uint64_t>(a)) : static_cast<T>(a / b);
    else
      return static_cast<T>(a / b);
  }
};
struct Neg {
  template <class T>
  T operator()(T a) const {
    return static_cast<T>(-a);
  }
};
/// -g a / b^2, the gradient of a / b with respect to b.
struct DivByGrad {
  template <class T>
  T operator()(T g, T a, T b) const {
    return static_cast<T>(-g * (a / b) / b);
  }
};

}  // namespace shunt::kernels
