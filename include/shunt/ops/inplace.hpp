// In-place changes, checked: nothing that backward still needs is changed unseen, and no history gets lost.
#pragma once

#include "shunt/ops/pointwise.hpp"

namespace shunt {
namespace detail {

/// Refuses a change of x in place where it cannot be allowed; `gains_history` if the new value depends on something
/// that wants a gradient.
template <Scalar T>
void check_inplace(const char* op, const Tensor<T>& x, bool gains_history) {
  const auto& b = x.body();
  if (b.read_only) raise<GraphError>(op, ": a hook's gradient may not be written; return a new one instead");
  if (!writable_layout(x))
    raise<ShapeError>(op, ": elements of ", x.shape(), " share memory (expanded); clone() it first");
  if (!grad_enabled() || (!x.wants_grad() && !gains_history)) return;
  if (x.wants_grad() && x.is_leaf())
    raise<GraphError>(op, ": this leaf of shape ", x.shape(), " wants a gradient; change it under NoGrad");
  if (b.storage->views.load() != 1)
    raise<GraphError>(op, ": another view of this storage of shape ", x.shape(),
                      " would not see the new history; clone() first");
}
/// Tells saved values that x's elements have changed.
template <Scalar T>
void mark_changed(const char* op, const Tensor<T>& x) {
  auto& s = *x.body().storage;
  s.last_change = op;
  s.version.fetch_add(1, std::memory_order_relaxed);
}
/// x = f(x, other), other broadcast to x. Gives x back for its new history.
template <Scalar T, class F>
const Tensor<T>& change(const char* op, const Tensor<T>& x, const Tensor<T>& other, const F& f) {
  check_inplace(op, x, other.wants_grad());
  if (broadcast(op, x.shape(), other.shape()) != x.shape())
    raise<ShapeError>(op, ": ", other.shape(), " does not broadcast to ", x.shape());
  const bool overlaps = other.body().storage == x.body().storage &&
                        !(other.data() == x.data() && other.shape() == x.shape() && other.strides() == x.strides());
  map_into(f, x, x, overlaps ? copy_of(other) : other);
  return x;
}
/// The same with a function of x alone.
template <Scalar T, class F>
const Tensor<T>& change(const char* op, const Tensor<T>& x, const F& f) {
  check_inplace(op, x, false);
  map_into(f, x, x);
  return x;
}

struct TakeSecond {
  template <class T>
  T operator()(T, T b) const {
    return b;
  }
};

}  // namespace detail

template <Scalar T>
const Tensor<T>& Tensor<T>::fill_(double value) const {
  detail::change("fill_", *this, detail::Constant<T>{detail::convert<T>(value)});
  detail::mark_changed("fill_", *this);
  record("fill_", *this, {*this}, [](const Tensor&, auto&) {});  // no gradient passes
  return *this;
}
template <Scalar T>
const Tensor<T>& Tensor<T>::zero_() const {
  return fill_(0);
}
template <Scalar T>
const Tensor<T>& Tensor<T>::copy_(const Tensor& source) const {
  detail::change("copy_", *this, source, detail::TakeSecond{});
  detail::mark_changed("copy_", *this);
  record("copy_", *this, {*this, source}, [](const Tensor& g, auto& into) { into.add(1, g); });
  return *this;
}
template <Scalar T>
const Tensor<T>& Tensor<T>::add_(const Tensor& other) const {
  detail::change("add_", *this, other, detail::Add{});
  detail::mark_changed("add_", *this);
  record("add_", *this, {*this, other}, [](const Tensor& g, auto& into) {
    into.add(0, g);
    into.add(1, g);
  });
  return *this;
}
template <Scalar T>
const Tensor<T>& Tensor<T>::sub_(const Tensor& other) const {
  detail::change("sub_", *this, other, kernels::Sub{});
  detail::mark_changed("sub_", *this);
  record("sub_", *this, {*this, other}, [](const Tensor& g, auto& into) {
    into.add(0, g);
    into.map_last(1, kernels::Neg{}, g);
  });
  return *this;
}
template <Scalar T>
const Tensor<T>& Tensor<T>::mul_(const Tensor& other) const {
  // Its gradient with respect to `other` needs the value that is about to go.
  const auto before = other.wants_grad() && grad_enabled() ? detail::copy_of(*this) : Tensor();
  const auto factor = save(other);  // before the change: x.mul_(x) must be noticed by backward
  detail::change("mul_", *this, other, kernels::Mul{});
  detail::mark_changed("mul_", *this);
  record("mul_", *this, {*this, other}, [a = save(before), b = factor](const Tensor& g, auto& into) {
    into.map(0, kernels::Mul{}, g, b.get("mul_"));
    if (into.wants(1)) into.map_last(1, kernels::Mul{}, g, a.get("mul_"));
  });
  return *this;
}
template <Scalar T>
const Tensor<T>& Tensor<T>::div_(const Tensor& other) const {
  detail::refuse_zero_divisor("div_", other);
  const auto before = other.wants_grad() && grad_enabled() ? detail::copy_of(*this) : Tensor();
  const auto factor = save(other);  // before the change: x.mul_(x) must be noticed by backward
  detail::change("div_", *this, other, kernels::Div{});
  detail::mark_changed("div_", *this);
  record("div_", *this, {*this, other}, [a = save(before), b = factor](const Tensor& g, auto& into) {
    into.map(0, kernels::Div{}, g, b.get("div_"));
    if (into.wants(1)) into.map_last(1, kernels::DivByGrad{}, g, a.get("div_"), b.get("div_"));
  });
  return *this;
}
template <Scalar T>
const Tensor<T>& Tensor<T>::add_(double value) const {
  detail::change("add_", *this, detail::AddNumber<T>{detail::convert<T>(value)});
  detail::mark_changed("add_", *this);
  record("add_", *this, {*this}, [](const Tensor& g, auto& into) { into.add(0, g); });
  return *this;
}
template <Scalar T>
const Tensor<T>& Tensor<T>::sub_(double value) const {
  return add_(-value);
}
template <Scalar T>
const Tensor<T>& Tensor<T>::mul_(double value) const {
  const detail::MulNumber<T> f{detail::convert<T>(value)};
  detail::change("mul_", *this, f);
  detail::mark_changed("mul_", *this);
  record("mul_", *this, {*this}, [f](const Tensor& g, auto& into) { into.map_last(0, f, g); });
  return *this;
}
template <Scalar T>
const Tensor<T>& Tensor<T>::div_(double value) const {
  const detail::DivNumber<T> f{detail::convert<T>(value)};
  if constexpr (std::integral<T>) {
    if (f.v == T(0)) detail::raise<ValueError>("div_: integer division of a tensor of shape ", shape(), " by zero");
  }
  detail::change("div_", *this, f);
  detail::mark_changed("div_", *this);
  record("div_", *this, {*this}, [f](const Tensor& g, auto& into) { into.map_last(0, f, g); });
  return *this;
}

template <Scalar T>
const Tensor<T>& Tensor<T>::clamp_(double lo, double hi) const {
  const T l = detail::bound<T>(lo), h = detail::bound<T>(hi);
  const auto before = wants_grad() && grad_enabled() ? detail::copy_of(*this) : Tensor();
  detail::change("clamp_", *this, detail::Clamp<T>{l, h});
  detail::mark_changed("clamp_", *this);
  record("clamp_", *this, {*this}, [x = save(before), l, h](const Tensor& g, auto& into) {
    into.map_last(0, detail::ClampGrad<T>{l, h}, g, x.get("clamp_"));
  });
  return *this;
}

}  // namespace shunt
