// Arithmetic, elementwise, with NumPy's broadcasting, and what all elementwise operations are made with.
#pragma once

#include <algorithm>

#include "shunt/autograd/record.hpp"
#include "shunt/kernels/math.hpp"

namespace shunt {
namespace detail {

/// A plain number beside a tensor.
template <class U>
concept Number = std::is_arithmetic_v<U>;

/// A buffer for an elementwise result: x's own, if the caller gave it away and nobody else holds it.
template <Scalar T>
Tensor<T> reuse(const Tensor<T>& x, const Shape& shape) {
  if (x.is_unique() && x.is_contiguous() && x.shape() == shape) return x.alias(x.data(), shape, x.strides());
  return Tensor<T>::empty(shape);
}

/// The elementwise function `f` of x, and its derivative: df(g, x) is the input's gradient.
template <Scalar T, class F, class DF>
Tensor<T> unary_of_input(const char* op, const F& f, const DF& df, const Tensor<T>& x) {
  return record(op, map<T>(op, f, x), {x},
                [x = save(x), df, op](const Tensor<T>& g, Slots<T>& into) { into.map_last(0, df, g, x.get(op)); });
}
/// The same where df(g, y) is told by the result: only that is kept, and the input's buffer may become it.
template <Scalar T, class F, class DF>
Tensor<T> unary_of_result(const char* op, const F& f, const DF& df, Tensor<T> x) {
  auto y = reuse(x, x.shape());
  map_into(f, y, x);
  return record(op, y, {x},
                [y = save(y), df, op](const Tensor<T>& g, Slots<T>& into) { into.map_last(0, df, g, y.get(op)); });
}

/// Refuses integer division by zero; real numbers have an infinity for it.
template <Scalar T>
void refuse_zero_divisor(const char* op, const Tensor<T>& b) {
  if constexpr (std::integral<T>) {
    const auto d = dense(b);
    if (std::find(d.data(), d.data() + d.numel(), T(0)) != d.data() + d.numel())
      raise<ValueError>(op, ": integer division by zero, the divisor's shape is ", b.shape());
  }
}

}  // namespace detail

/// a + b. A buffer that the caller gives away (std::move) and nobody else holds becomes the result's.
template <Scalar T>
Tensor<T> add(Tensor<T> a, Tensor<T> b) {
  const Shape shape = detail::broadcast("add", a.shape(), b.shape());
  auto y = a.is_unique() ? detail::reuse(a, shape) : detail::reuse(b, shape);
  detail::map_into(detail::Add{}, y, a, b);
  return record("add", y, {a, b}, [](const Tensor<T>& g, Slots<T>& into) {
    into.add(0, g);
    into.add(1, g);
  });
}
template <Scalar T>
Tensor<T> sub(const Tensor<T>& a, const Tensor<T>& b) {
  return record("sub", detail::map<T>("sub", kernels::Sub{}, a, b), {a, b}, [](const Tensor<T>& g, Slots<T>& into) {
    into.add(0, g);
    into.map_last(1, kernels::Neg{}, g);
  });
}
template <Scalar T>
Tensor<T> mul(const Tensor<T>& a, const Tensor<T>& b) {
  return record("mul", detail::map<T>("mul", kernels::Mul{}, a, b), {a, b},
                [a = save_for(b, a), b = save_for(a, b)](const Tensor<T>& g, Slots<T>& into) {
                  if (into.wants(0)) into.map(0, kernels::Mul{}, g, b.get("mul"));
                  if (into.wants(1)) into.map_last(1, kernels::Mul{}, g, a.get("mul"));
                });
}
/// a / b; integers by C++'s division, ValueError for a zero.
template <Scalar T>
Tensor<T> div(const Tensor<T>& a, const Tensor<T>& b) {
  detail::refuse_zero_divisor("div", b);
  return record("div", detail::map<T>("div", kernels::Div{}, a, b), {a, b},
                [a = save_for(b, a), b = save(b)](const Tensor<T>& g, Slots<T>& into) {
                  into.map(0, kernels::Div{}, g, b.get("div"));
                  if (into.wants(1)) into.map_last(1, kernels::DivByGrad{}, g, a.get("div"), b.get("div"));
                });
}
template <Scalar T>
Tensor<T> neg(const Tensor<T>& x) {
  return record("neg", detail::map<T>("neg", kernels::Neg{}, x), {x},
                [](const Tensor<T>& g, Slots<T>& into) { into.map_last(0, kernels::Neg{}, g); });
}

namespace detail {

template <class T>
struct AddNumber {
  T v;
  T operator()(T x) const { return static_cast<T>(x + v); }
};
template <class T>
struct MulNumber {
  T v;
  T operator()(T x) const { return static_cast<T>(x * v); }
};
/// v - x
template <class T>
struct FromNumber {
  T v;
  T operator()(T x) const { return static_cast<T>(v - x); }
};
template <class T>
struct DivNumber {
  T v;
  T operator()(T x) const { return kernels::Div{}(x, v); }
};
/// v / x
template <class T>
struct NumberOver {
  T v;
  T operator()(T x) const { return kernels::Div{}(v, x); }
};
template <class T>
struct NumberOverGrad {
  T v;
  T operator()(T g, T x) const { return kernels::DivByGrad{}(g, v, x); }
};

/// A number beside elements of T, in the type that these are computed in.
template <Scalar T>
using Operand = kernels::compute_t<T>;
template <Scalar T, Number U>
Operand<T> operand(U v) {
  return convert<Operand<T>>(v);
}

}  // namespace detail

template <Scalar T, detail::Number U>
Tensor<T> add(const Tensor<T>& x, U v) {
  return record("add", detail::map<T>("add", detail::AddNumber<detail::Operand<T>>{detail::operand<T>(v)}, x), {x},
                [](const Tensor<T>& g, Slots<T>& into) { into.add(0, g); });
}
/// x - v
template <Scalar T, detail::Number U>
Tensor<T> sub(const Tensor<T>& x, U v) {
  const auto minus = kernels::Neg{}(detail::operand<T>(v));
  return record("sub", detail::map<T>("sub", detail::AddNumber<detail::Operand<T>>{minus}, x), {x},
                [](const Tensor<T>& g, Slots<T>& into) { into.add(0, g); });
}
template <Scalar T, detail::Number U>
Tensor<T> mul(const Tensor<T>& x, U v) {
  const detail::MulNumber<detail::Operand<T>> f{detail::operand<T>(v)};
  return record("mul", detail::map<T>("mul", f, x), {x},
                [f](const Tensor<T>& g, Slots<T>& into) { into.map_last(0, f, g); });
}
/// x / v; integers by C++'s division, ValueError for 0.
template <Scalar T, detail::Number U>
Tensor<T> div(const Tensor<T>& x, U v) {
  const detail::DivNumber<detail::Operand<T>> f{detail::operand<T>(v)};
  if constexpr (std::integral<T>)
    if (f.v == T(0)) detail::raise<ValueError>("div: integer division of a tensor of shape ", x.shape(), " by zero");
  return record("div", detail::map<T>("div", f, x), {x},
                [f](const Tensor<T>& g, Slots<T>& into) { into.map_last(0, f, g); });
}
/// v - x
template <Scalar T, detail::Number U>
Tensor<T> rsub(const Tensor<T>& x, U v) {
  return record("sub", detail::map<T>("sub", detail::FromNumber<detail::Operand<T>>{detail::operand<T>(v)}, x), {x},
                [](const Tensor<T>& g, Slots<T>& into) { into.map_last(0, kernels::Neg{}, g); });
}
/// v / x
template <Scalar T, detail::Number U>
Tensor<T> rdiv(const Tensor<T>& x, U v) {
  detail::refuse_zero_divisor("div", x);
  const auto c = detail::operand<T>(v);
  return detail::unary_of_input("div", detail::NumberOver<detail::Operand<T>>{c},
                                detail::NumberOverGrad<detail::Operand<T>>{c}, x);
}

template <Scalar T>
Tensor<T> operator+(Tensor<T> a, Tensor<T> b) {
  return add(std::move(a), std::move(b));
}
template <Scalar T>
Tensor<T> operator-(const Tensor<T>& a, const Tensor<T>& b) {
  return sub(a, b);
}
template <Scalar T>
Tensor<T> operator*(const Tensor<T>& a, const Tensor<T>& b) {
  return mul(a, b);
}
template <Scalar T>
Tensor<T> operator/(const Tensor<T>& a, const Tensor<T>& b) {
  return div(a, b);
}
template <Scalar T>
Tensor<T> operator-(const Tensor<T>& x) {
  return neg(x);
}
template <Scalar T, detail::Number U>
Tensor<T> operator+(const Tensor<T>& x, U v) {
  return add(x, v);
}
template <Scalar T, detail::Number U>
Tensor<T> operator+(U v, const Tensor<T>& x) {
  return add(x, v);
}
template <Scalar T, detail::Number U>
Tensor<T> operator-(const Tensor<T>& x, U v) {
  return sub(x, v);
}
template <Scalar T, detail::Number U>
Tensor<T> operator-(U v, const Tensor<T>& x) {
  return rsub(x, v);
}
template <Scalar T, detail::Number U>
Tensor<T> operator*(const Tensor<T>& x, U v) {
  return mul(x, v);
}
template <Scalar T, detail::Number U>
Tensor<T> operator*(U v, const Tensor<T>& x) {
  return mul(x, v);
}
template <Scalar T, detail::Number U>
Tensor<T> operator/(const Tensor<T>& x, U v) {
  return div(x, v);
}
template <Scalar T, detail::Number U>
Tensor<T> operator/(U v, const Tensor<T>& x) {
  return rdiv(x, v);
}

}  // namespace shunt
