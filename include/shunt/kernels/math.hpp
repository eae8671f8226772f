// Elementary functions of any scalar, and the arithmetic function objects that the elementwise loops take.
#pragma once

#include <cmath>

#include "shunt/core/scalar.hpp"
#include "shunt/kernels/elementary_near.hpp"

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
/// The normal distribution's cumulative function.
template <class T>
[[gnu::always_inline]] inline T normal_cdf(T x) {
  if constexpr (Vectorised<T>)
    return elementary::normal_cdf(x);
  else
    return T(0.5) * (T(1) + math::erf(x * T(0.70710678118654752440)));
}
/// log(1 + exp(x)).
template <class T>
[[gnu::always_inline]] inline T softplus(T x) {
  if constexpr (Vectorised<T>)
    return elementary::softplus(x);
  else
    return math::log1p(math::exp(x));
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

/// What a formula is written in that has sin, cos or pow in it: these as everybody has them...
struct Everywhere {
  template <class T>
  T sin(T x) const {
    return math::sin(x);
  }
  template <class T>
  T cos(T x) const {
    return math::cos(x);
  }
  template <class T>
  T pow(T x, T y) const {
    return math::pow(x, y);
  }
};
/// ...or as vectors, with NaN where those do not reach: an elementwise loop offers this as the last argument, and
/// computes every NaN again without.
template <bool Fused>
struct Near {
  template <class T>
  [[gnu::always_inline]] T sin(T x) const {
    return elementary::sin_near<Fused>(x);
  }
  template <class T>
  [[gnu::always_inline]] T cos(T x) const {
    return elementary::cos_near<Fused>(x);
  }
  template <class T>
  [[gnu::always_inline]] T pow(T x, T y) const {
    if constexpr (std::same_as<T, float>)
      return elementary::pow_near(x, y);
    else
      return math::pow(x, y);
  }
};

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
