// Comparisons and conditions: Tensor<bool> from two tensors or a tensor and a number, and back into a choice.
#pragma once

#include "shunt/ops/arithmetic.hpp"
#include "shunt/ops/reduce.hpp"

namespace shunt {
namespace detail {

struct Less {
  template <class T>
  bool operator()(T a, T b) const {
    return a < b;
  }
};
struct LessEqual {
  template <class T>
  bool operator()(T a, T b) const {
    return a <= b;
  }
};
struct Equal {
  template <class T>
  bool operator()(T a, T b) const {
    return a == b;
  }
};
struct NotEqual {
  template <class T>
  bool operator()(T a, T b) const {
    return a != b;
  }
};

/// What an element of T and a number of U are compared in: T's own type for reals; for integers one that has both.
template <class T, class U>
using Common =
    std::conditional_t<!std::integral<T>, Operand<T>, std::conditional_t<std::integral<U>, std::int64_t, double>>;

template <class F, class C>
struct WithNumber {
  C v;
  template <class T>
  bool operator()(T x) const {
    return F{}(static_cast<C>(x), v);
  }
};
template <class F, class C>
struct NumberWith {
  C v;
  template <class T>
  bool operator()(T x) const {
    return F{}(v, static_cast<C>(x));
  }
};

template <class F, Scalar T, Number U>
Tensor<bool> compare(const Tensor<T>& x, U v) {
  using C = Common<T, U>;
  return map<bool>("compare", WithNumber<F, C>{convert<C>(v)}, x);
}
template <class F, Scalar T, Number U>
Tensor<bool> compare(U v, const Tensor<T>& x) {
  using C = Common<T, U>;
  return map<bool>("compare", NumberWith<F, C>{convert<C>(v)}, x);
}
template <class F, Scalar T>
Tensor<bool> compare(const Tensor<T>& a, const Tensor<T>& b) {
  return map<bool>("compare", F{}, a, b);
}

}  // namespace detail

template <Scalar T>
Tensor<bool> operator<(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::compare<detail::Less>(a, b);
}
template <Scalar T>
Tensor<bool> operator>(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::compare<detail::Less>(b, a);
}
template <Scalar T>
Tensor<bool> operator<=(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::compare<detail::LessEqual>(a, b);
}
template <Scalar T>
Tensor<bool> operator>=(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::compare<detail::LessEqual>(b, a);
}
template <Scalar T>
Tensor<bool> operator==(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::compare<detail::Equal>(a, b);
}
template <Scalar T>
Tensor<bool> operator!=(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::compare<detail::NotEqual>(a, b);
}
template <Scalar T, detail::Number U>
Tensor<bool> operator<(const Tensor<T>& x, U v) {
  return detail::compare<detail::Less>(x, v);
}
template <Scalar T, detail::Number U>
Tensor<bool> operator>(const Tensor<T>& x, U v) {
  return detail::compare<detail::Less>(v, x);
}
template <Scalar T, detail::Number U>
Tensor<bool> operator<=(const Tensor<T>& x, U v) {
  return detail::compare<detail::LessEqual>(x, v);
}
template <Scalar T, detail::Number U>
Tensor<bool> operator>=(const Tensor<T>& x, U v) {
  return detail::compare<detail::LessEqual>(v, x);
}
template <Scalar T, detail::Number U>
Tensor<bool> operator==(const Tensor<T>& x, U v) {
  return detail::compare<detail::Equal>(x, v);
}
template <Scalar T, detail::Number U>
Tensor<bool> operator!=(const Tensor<T>& x, U v) {
  return detail::compare<detail::NotEqual>(x, v);
}
template <Scalar T, detail::Number U>
Tensor<bool> operator<(U v, const Tensor<T>& x) {
  return x > v;
}
template <Scalar T, detail::Number U>
Tensor<bool> operator>(U v, const Tensor<T>& x) {
  return x < v;
}
template <Scalar T, detail::Number U>
Tensor<bool> operator<=(U v, const Tensor<T>& x) {
  return x >= v;
}
template <Scalar T, detail::Number U>
Tensor<bool> operator>=(U v, const Tensor<T>& x) {
  return x <= v;
}
template <Scalar T, detail::Number U>
Tensor<bool> operator==(U v, const Tensor<T>& x) {
  return detail::compare<detail::Equal>(x, v);
}
template <Scalar T, detail::Number U>
Tensor<bool> operator!=(U v, const Tensor<T>& x) {
  return detail::compare<detail::NotEqual>(x, v);
}

namespace detail {

struct LogicalAnd {
  template <class T>
  bool operator()(T a, T b) const {
    return a != T(0) && b != T(0);
  }
};
struct LogicalOr {
  template <class T>
  bool operator()(T a, T b) const {
    return a != T(0) || b != T(0);
  }
};
struct LogicalXor {
  template <class T>
  bool operator()(T a, T b) const {
    return (a != T(0)) != (b != T(0));
  }
};
struct LogicalNot {
  template <class T>
  bool operator()(T a) const {
    return a == T(0);
  }
};
struct IsNan {
  template <class T>
  bool operator()(T x) const {
    return x != x;
  }
};
struct IsInf {
  template <class T>
  bool operator()(T x) const {
    if constexpr (std::integral<T>)
      return false;
    else
      return x == x && x - x != T(0);
  }
};
struct IsFinite {
  template <class T>
  bool operator()(T x) const {
    if constexpr (std::integral<T>)
      return true;
    else
      return x - x == T(0);
  }
};

}  // namespace detail

/// Whether both are different from 0; of bool tensors also a & b.
template <Scalar T>
Tensor<bool> logical_and(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::map<bool>("logical_and", detail::LogicalAnd{}, a, b);
}
/// Whether one of them or both are different from 0; of bool tensors also a | b.
template <Scalar T>
Tensor<bool> logical_or(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::map<bool>("logical_or", detail::LogicalOr{}, a, b);
}
/// Whether exactly one of them is different from 0; of bool tensors also a ^ b.
template <Scalar T>
Tensor<bool> logical_xor(const Tensor<T>& a, const Tensor<T>& b) {
  return detail::map<bool>("logical_xor", detail::LogicalXor{}, a, b);
}
/// Whether x is 0; of a bool tensor also ~x.
template <Scalar T>
Tensor<bool> logical_not(const Tensor<T>& x) {
  return detail::map<bool>("logical_not", detail::LogicalNot{}, x);
}
inline Tensor<bool> operator&(const Tensor<bool>& a, const Tensor<bool>& b) { return logical_and(a, b); }
inline Tensor<bool> operator|(const Tensor<bool>& a, const Tensor<bool>& b) { return logical_or(a, b); }
inline Tensor<bool> operator^(const Tensor<bool>& a, const Tensor<bool>& b) { return logical_xor(a, b); }
inline Tensor<bool> operator~(const Tensor<bool>& x) { return logical_not(x); }

template <Scalar T>
Tensor<bool> isnan(const Tensor<T>& x) {
  return detail::map<bool>("isnan", detail::IsNan{}, x);
}
template <Scalar T>
Tensor<bool> isinf(const Tensor<T>& x) {
  return detail::map<bool>("isinf", detail::IsInf{}, x);
}
/// Neither an infinity nor a NaN.
template <Scalar T>
Tensor<bool> isfinite(const Tensor<T>& x) {
  return detail::map<bool>("isfinite", detail::IsFinite{}, x);
}

namespace detail {

template <class T>
struct Any {
  using Acc = std::uint8_t;
  static Acc identity() { return 0; }
  template <class U>
  static Acc map(U x) {
    return x != U(0);
  }
  static Acc combine(Acc a, Acc b) { return static_cast<Acc>(a | b); }
  static Acc finish(Acc a) { return a; }
};
template <class T>
struct All {
  using Acc = std::uint8_t;
  static Acc identity() { return 1; }
  template <class U>
  static Acc map(U x) {
    return x != U(0);
  }
  static Acc combine(Acc a, Acc b) { return static_cast<Acc>(a & b); }
  static Acc finish(Acc a) { return a; }
};

}  // namespace detail

/// Whether any element is different from 0; false of nothing.
template <Scalar T>
Tensor<bool> any(const Tensor<T>& x) {
  return detail::reduced<bool>(detail::Any<T>{}, detail::ReducePlan("any", x.shape(), {}, false), x);
}
template <Scalar T>
Tensor<bool> any(const Tensor<T>& x, std::int64_t dim, bool keepdim = false) {
  return detail::reduced<bool>(detail::Any<T>{}, detail::ReducePlan("any", x.shape(), dim, keepdim), x);
}
template <Scalar T>
Tensor<bool> Tensor<T>::any() const {
  return shunt::any(*this);
}
template <Scalar T>
Tensor<bool> Tensor<T>::any(std::int64_t dim, bool keepdim) const {
  return shunt::any(*this, dim, keepdim);
}
/// Whether all elements are different from 0; true of nothing.
template <Scalar T>
Tensor<bool> all(const Tensor<T>& x) {
  return detail::reduced<bool>(detail::All<T>{}, detail::ReducePlan("all", x.shape(), {}, false), x);
}
template <Scalar T>
Tensor<bool> all(const Tensor<T>& x, std::int64_t dim, bool keepdim = false) {
  return detail::reduced<bool>(detail::All<T>{}, detail::ReducePlan("all", x.shape(), dim, keepdim), x);
}
template <Scalar T>
Tensor<bool> Tensor<T>::all() const {
  return shunt::all(*this);
}
template <Scalar T>
Tensor<bool> Tensor<T>::all(std::int64_t dim, bool keepdim) const {
  return shunt::all(*this, dim, keepdim);
}

/// Whether a and b have one shape and equal elements; a NaN equals nothing.
template <Scalar T>
bool equal(const Tensor<T>& a, const Tensor<T>& b) {
  return a.shape() == b.shape() && all(a == b).item();
}

namespace detail {
struct IsClose {
  double rtol, atol;
  template <class T>
  bool operator()(T a, T b) const {
    const double x = convert<double>(a), y = convert<double>(b), apart = x < y ? y - x : x - y;
    const double limit = atol + rtol * (y < 0 ? -y : y);
    return x == y || (apart <= limit && apart - apart == 0);
  }
};
}  // namespace detail

/// Elementwise |a - b| <= atol + rtol |b|; infinities are close to themselves, a NaN is close to nothing.
template <Scalar T>
Tensor<bool> isclose(const Tensor<T>& a, const Tensor<T>& b, double rtol = 1e-5, double atol = 1e-8) {
  return detail::map<bool>("isclose", detail::IsClose{rtol, atol}, a, b);
}
/// Whether all elements of a and b, broadcast to each other, are close.
template <Scalar T>
bool allclose(const Tensor<T>& a, const Tensor<T>& b, double rtol = 1e-5, double atol = 1e-8) {
  return all(isclose(a, b, rtol, atol)).item();
}

}  // namespace shunt
