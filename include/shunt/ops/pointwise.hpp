// Arithmetic and elementary functions, elementwise, with NumPy's broadcasting.
#pragma once

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
  return record(op, map<T>(op, f, x), {x}, [x = save(x), df, op](const Tensor<T>& g, Slots<T>& into) {
    into.map_last(0, df, g, x.get(op));
  });
}
/// The same where df(g, y) is told by the result: only that is kept, and the input's buffer may become it.
template <Scalar T, class F, class DF>
Tensor<T> unary_of_result(const char* op, const F& f, const DF& df, const Tensor<T>& x) {
  auto y = map<T>(op, f, x);
  return record(op, y, {x}, [y = save(y), df, op](const Tensor<T>& g, Slots<T>& into) {
    into.map_last(0, df, g, y.get(op));
  });
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
template <Scalar T>
Tensor<T> div(const Tensor<T>& a, const Tensor<T>& b) {
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

template <Scalar T>
struct AddNumber {
  T v;
  T operator()(T x) const { return static_cast<T>(x + v); }
};
template <Scalar T>
struct MulNumber {
  T v;
  T operator()(T x) const { return static_cast<T>(x * v); }
};
/// v - x
template <Scalar T>
struct FromNumber {
  T v;
  T operator()(T x) const { return static_cast<T>(v - x); }
};
template <Scalar T>
struct DivNumber {
  T v;
  T operator()(T x) const { return static_cast<T>(x / v); }
};
/// v / x
template <Scalar T>
struct NumberOver {
  T v;
  T operator()(T x) const { return static_cast<T>(v / x); }
};

}  // namespace detail

template <Scalar T, detail::Number U>
Tensor<T> add(const Tensor<T>& x, U v) {
  return record("add", detail::map<T>("add", detail::AddNumber<T>{detail::convert<T>(v)}, x), {x},
                [](const Tensor<T>& g, Slots<T>& into) { into.add(0, g); });
}
template <Scalar T, detail::Number U>
Tensor<T> mul(const Tensor<T>& x, U v) {
  const detail::MulNumber<T> f{detail::convert<T>(v)};
  return record("mul", detail::map<T>("mul", f, x), {x},
                [f](const Tensor<T>& g, Slots<T>& into) { into.map_last(0, f, g); });
}
/// x / v; integers by C++'s division, ValueError for 0.
template <Scalar T, detail::Number U>
Tensor<T> div(const Tensor<T>& x, U v) {
  const detail::DivNumber<T> f{detail::convert<T>(v)};
  return record("div", detail::map<T>("div", f, x), {x},
                [f](const Tensor<T>& g, Slots<T>& into) { into.map_last(0, f, g); });
}
/// v - x
template <Scalar T, detail::Number U>
Tensor<T> rsub(const Tensor<T>& x, U v) {
  return record("sub", detail::map<T>("sub", detail::FromNumber<T>{detail::convert<T>(v)}, x), {x},
                [](const Tensor<T>& g, Slots<T>& into) { into.map_last(0, kernels::Neg{}, g); });
}
/// v / x
template <Scalar T, detail::Number U>
Tensor<T> rdiv(const Tensor<T>& x, U v) {
  return record("div", detail::map<T>("div", detail::NumberOver<T>{detail::convert<T>(v)}, x), {x},
                [x = save(x), v](const Tensor<T>& g, Slots<T>& into) {
                  const auto over = [v = detail::convert<T>(v)](auto d, auto a) { return -d * (decltype(a)(v) / a) / a; };
                  into.map_last(0, over, g, x.get("div"));
                });
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
  return add(x, -v);
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

// ---- elementary functions; the gradient is told by the input or by the result, whichever is cheaper to keep ----

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
};
struct SqrtGrad {
  template <class T>
  T operator()(T g, T y) const {
    return g / (T(2) * y);
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
struct Abs {
  template <class T>
  T operator()(T x) const {
    return x < T(0) ? static_cast<T>(-x) : x;
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
template <Real T>
Tensor<T> tanh(const Tensor<T>& x) {
  return detail::unary_of_result("tanh", detail::Tanh{}, detail::TanhGrad{}, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::tanh() const {
  return shunt::tanh(*this);
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
