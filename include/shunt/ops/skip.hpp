// The addition of a skip connection: shapes must be equal, nothing is broadcast.
#pragma once

#include "shunt/ops/pointwise.hpp"

namespace shunt {
namespace detail {

/// Refuses to add F(x) onto a skip of another shape.
inline void check_skip(const Shape& base, const Shape& fx) {
  if (base == fx) [[likely]]
    return;
  const bool widths = !base.empty() && base.rank() == fx.rank() && base.back() != fx.back();
  if (widths)
    raise<ShapeError>("F(x) is ", fx, " but x is ", base, "; give a shortcut that maps ", base.back(), " to ",
                      fx.back());
  raise<ShapeError>("F(x) is ", fx, " but x is ", base, "; give a shortcut that maps one shape to the other");
}

}  // namespace detail

/// base + fx of equal shapes; ShapeError otherwise.
template <Scalar T>
Tensor<T> add_skip(const Tensor<T>& base, Tensor<T> fx) {
  detail::check_skip(base.shape(), fx.shape());
  return add(base, std::move(fx));
}

}  // namespace shunt
