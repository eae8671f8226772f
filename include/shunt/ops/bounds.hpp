// The larger and the smaller of two, and values kept between bounds. A NaN stays one.
#pragma once

#include "shunt/ops/arithmetic.hpp"

namespace shunt {
namespace detail {

struct Maximum {
  template <class T>
  T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
};
struct Minimum {
  template <class T>
  T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
};
/// The share of the larger of two operands, `a` being the one asked about: half of g where they are equal.
struct LargerGrad {
  template <class T>
  T operator()(T g, T a, T b) const {
    return a < b ? T(0) : a == b ? static_cast<T>(g / T(2)) : g;
  }
};
struct SmallerGrad {
  template <class T>
  T operator()(T g, T a, T b) const {
    return a > b ? T(0) : a == b ? static_cast<T>(g / T(2)) : g;
  }
};

template <Scalar T, class F, class DF>
Tensor<T> extreme_of_two(const char* op, const F& f, const DF& df, const Tensor<T>& a, const Tensor<T>& b) {
  return record(op, map<T>(op, f, a, b), {a, b},
                [a = save(a), b = save(b), df, op](const Tensor<T>& g, Slots<T>& into) {
                  const auto x = a.get(op), y = b.get(op);
                  into.map(0, df, g, x, y);
                  into.map_last(1, df, g, y, x);
                });
}

}  // namespace detail

/// The larger of a and b, elementwise; equal ones share the gradient.
template <Scalar T>
Tensor<T> maximum(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::extreme_of_two("maximum", detail::Maximum{}, detail::LargerGrad{}, a, b);
}
/// The smaller of a and b, elementwise; equal ones share the gradient.
template <Scalar T>
Tensor<T> minimum(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::extreme_of_two("minimum", detail::Minimum{}, detail::SmallerGrad{}, a, b);
}

namespace detail {

/// A bound as T; for integers the nearest value that T has.
template <Scalar T>
T bound(double v) {
  if constexpr (std::integral<T>) {
    using L = std::numeric_limits<T>;
    if (v >= static_cast<double>(L::max())) return L::max();
    if (v <= static_cast<double>(L::lowest())) return L::lowest();
  }
  return convert<T>(v);
}

template <Scalar T>
struct Clamp {
  T lo, hi;
  T operator()(T x) const {
    const T y = x < lo ? lo : x;
    return y > hi ? hi : y;
  }
};
/// g where x lies between the bounds or on them.
template <Scalar T>
struct ClampGrad {
  T lo, hi;
  T operator()(T g, T x) const { return x >= lo && x <= hi ? g : T(0); }
};
/// g where x lies between the bounds.
template <Scalar T>
struct HardtanhGrad {
  T lo, hi;
  T operator()(T g, T x) const { return x <= lo || x >= hi ? T(0) : g; }
};
template <Scalar T>
struct ClampMin {
  T lo;
  T operator()(T x) const { return x < lo ? lo : x; }
};
template <Scalar T>
struct ClampMinGrad {
  T lo;
  T operator()(T g, T x) const { return x >= lo ? g : T(0); }
};
template <Scalar T>
struct ClampMax {
  T hi;
  T operator()(T x) const { return x > hi ? hi : x; }
};
template <Scalar T>
struct ClampMaxGrad {
  T hi;
  T operator()(T g, T x) const { return x <= hi ? g : T(0); }
};

}  // namespace detail

/// min(max(x, lo), hi); the gradient passes at the bounds. A bound that is a NaN makes all NaN.
template <Scalar T>
Tensor<T> clamp(const Tensor<T>& x, double lo, double hi) {
  const T l = detail::bound<T>(lo), h = detail::bound<T>(hi);
  if constexpr (Real<T>)
    if (l != l || h != h)
      return detail::unary_of_input("clamp", detail::Constant<T>{l + h}, detail::ClampGrad<T>{l, h}, x);
  return detail::unary_of_input("clamp", detail::Clamp<T>{l, h}, detail::ClampGrad<T>{l, h}, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::clamp(double lo, double hi) const {
  return shunt::clamp(*this, lo, hi);
}
/// min(max(x, lo), hi) as an activation: its gradient at the bounds is 0.
template <Real T>
Tensor<T> hardtanh(const Tensor<T>& x, double lo = -1, double hi = 1) {
  const T l = detail::bound<T>(lo), h = detail::bound<T>(hi);
  return detail::unary_of_input("hardtanh", detail::Clamp<T>{l, h}, detail::HardtanhGrad<T>{l, h}, x);
}
/// max(x, lo); the gradient passes at the bound.
template <Scalar T>
Tensor<T> clamp_min(const Tensor<T>& x, double lo) {
  const T l = detail::bound<T>(lo);
  return detail::unary_of_input("clamp_min", detail::ClampMin<T>{l}, detail::ClampMinGrad<T>{l}, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::clamp_min(double lo) const {
  return shunt::clamp_min(*this, lo);
}
/// min(x, hi); the gradient passes at the bound.
template <Scalar T>
Tensor<T> clamp_max(const Tensor<T>& x, double hi) {
  const T h = detail::bound<T>(hi);
  return detail::unary_of_input("clamp_max", detail::ClampMax<T>{h}, detail::ClampMaxGrad<T>{h}, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::clamp_max(double hi) const {
  return shunt::clamp_max(*this, hi);
}

}  // namespace shunt
