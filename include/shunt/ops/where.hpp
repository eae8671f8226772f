// A choice between two values, element by element.
#pragma once

#include "shunt/ops/arithmetic.hpp"

namespace shunt {
namespace detail {

struct Where {
  template <class T>
  T operator()(bool c, T a, T b) const {
    return c ? a : b;
  }
};
/// x where c holds, else 0; and the other way round.
struct KeepWhere {
  template <class T>
  T operator()(T x, bool c) const {
    return c ? x : T(0);
  }
};
struct DropWhere {
  template <class T>
  T operator()(T x, bool c) const {
    return c ? T(0) : x;
  }
};
/// v where c holds, else x; and the other way round.
template <class T>
struct FillWhere {
  T v;
  T operator()(T x, bool c) const { return c ? v : x; }
};
template <class T>
struct FillElsewhere {
  T v;
  T operator()(T x, bool c) const { return c ? x : v; }
};
template <class T>
struct TwoNumbers {
  T a, b;
  T operator()(bool c) const { return c ? a : b; }
};

template <Scalar T, class F, class DF>
Tensor<T> where_number(const char* op, const F& f, const DF& df, const Tensor<bool>& c, const Tensor<T>& x) {
  return record(op, map<T>(op, f, x, c), {x},
                [c = save(c), df, op](const Tensor<T>& g, Slots<T>& into) { into.map_last(0, df, g, c.get(op)); });
}

}  // namespace detail

/// a where c holds, else b. All three broadcast; a number may stand for a or b.
template <Scalar T>
Tensor<T> where(const Tensor<bool>& c, const Tensor<T>& a, const Tensor<T>& b) {
  return record("where", detail::map<T>("where", detail::Where{}, c, a, b), {a, b},
                [c = save(c)](const Tensor<T>& g, Slots<T>& into) {
                  into.map(0, detail::KeepWhere{}, g, c.get("where"));
                  into.map_last(1, detail::DropWhere{}, g, c.get("where"));
                });
}
template <Scalar T, detail::Number U>
Tensor<T> where(const Tensor<bool>& c, const Tensor<T>& a, U b) {
  const detail::FillElsewhere<detail::Operand<T>> f{detail::operand<T>(b)};
  return detail::where_number("where", f, detail::KeepWhere{}, c, a);
}
template <Scalar T, detail::Number U>
Tensor<T> where(const Tensor<bool>& c, U a, const Tensor<T>& b) {
  const detail::FillWhere<detail::Operand<T>> f{detail::operand<T>(a)};
  return detail::where_number("where", f, detail::DropWhere{}, c, b);
}
template <Scalar T = float>
Tensor<T> where(const Tensor<bool>& c, double a, double b) {
  using C = detail::Operand<T>;
  return detail::map<T>("where", detail::TwoNumbers<C>{detail::operand<T>(a), detail::operand<T>(b)}, c);
}

/// v where the mask holds, else x. The mask broadcasts to x's shape; ShapeError where it does not.
template <Scalar T>
Tensor<T> masked_fill(const Tensor<T>& x, const Tensor<bool>& mask, double v) {
  if (detail::broadcast("masked_fill", x.shape(), mask.shape()) != x.shape())
    detail::raise<ShapeError>("masked_fill: a mask of shape ", mask.shape(), " does not broadcast to ", x.shape());
  const detail::FillWhere<detail::Operand<T>> f{detail::operand<T>(v)};
  return detail::where_number("masked_fill", f, detail::DropWhere{}, mask, x);
}
template <Scalar T>
Tensor<T> Tensor<T>::masked_fill(const Tensor<bool>& mask, double value) const {
  return shunt::masked_fill(*this, mask, value);
}

}  // namespace shunt
