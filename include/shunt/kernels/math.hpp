// Elementary functions of any scalar, and the arithmetic function objects that the elementwise loops take.
#pragma once

#include <cmath>

#include "shunt/core/scalar.hpp"
#include "shunt/kernels/elementary.hpp"

namespace shunt::kernels {
namespace math {

/// Types whose elementary functions are those of kernels/elementary.hpp; the others' are found by name.
template <class T>
concept Vectorised = std::same_as<T, float> || std::same_as<T, double>;

/// c ? a : b where both have been computed; without a branch where that makes vectors.
template <class T>
[[gnu::always_inline]] inline T select(bool c, T a, T b) {
  if constexpr (Vectorised<T>)
    return elementary::select(c, a, b);
  else
    return c ? a : b;
}
template <class T>
[[gnu::always_inline]] inline T exp(T x) {
  using std::exp;
  if constexpr (Vectorised<T>)
    return elementary::exp(x);
  else
    return exp(x);
}
template <class T>
[[gnu::always_inline]] inline T expm1(T x) {
  using std::expm1;
  if constexpr (Vectorised<T>)
    return elementary::expm1(x);
  else
    return expm1(x);
}
template <class T>
[[gnu::always_inline]] inline T log(T x) {
  using std::log;
  if constexpr (Vectorised<T>)
    return elementary::log(x);
  else
    return log(x);
}
template <class T>
[[gnu::always_inline]] inline T log1p(T x) {
  using std::log1p;
  if constexpr (Vectorised<T>)
    return elementary::log1p(x);
  else
    return log1p(x);
}
template <class T>
[[gnu::always_inline]] inline T tanh(T x) {
  using std::tanh;
  if constexpr (Vectorised<T>)
    return elementary::tanh(x);
  else
    return tanh(x);
}
template <class T>
[[gnu::always_inline]] inline T erf(T x) {
  using std::erf;
  if constexpr (Vectorised<T>)
    return elementary::erf(x);
  else
    return erf(x);
}
template <class T>
[[gnu::always_inline]] inline T sigmoid(T x) {
  if constexpr (Vectorised<T>) {
    return elementary::sigmoid(x);
  } else if constexpr (is_dual<T>) {  // by its own derivative: that of exp(-x) is infinite far out
    const auto y = math::sigmoid(x.value);
    return {y, y * (1 - y) * x.eps};
  } else {
    return T(1) / (T(1) + math::exp(-x));
  }
}
template <class T>
[[gnu::always_inline]] inline T sin(T x) {
  using std::sin;
  return sin(x);
}
template <class T>
[[gnu::always_inline]] inline T cos(T x) {
  using std::cos;
  return cos(x);
}
template <class T>
[[gnu::always_inline]] inline T sqrt(T x) {
  using std::sqrt;
  if constexpr (Vectorised<T>)
    return elementary::sqrt(x);
  else
    return sqrt(x);
}
template <class T>
[[gnu::always_inline]] inline T pow(T x, T y) {
  using std::pow;
  return pow(x, y);
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
