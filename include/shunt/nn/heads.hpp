// Heads of attention: a width in equal parts, each of which attends by itself.
#pragma once

#include "shunt/ops/view.hpp"

namespace shunt::nn {

/// (..., t, heads * e) as (..., heads, t, e), a view. ShapeError where `heads` does not divide.
template <Real T>
Tensor<T> split_heads(const Tensor<T>& x, std::int64_t heads) {
  if (x.rank() < 2 || x.size(-1) % heads != 0)
    shunt::detail::raise<ShapeError>("attention: ", heads, " heads do not divide the last dimension of ", x.shape());
  Shape shape = x.shape();
  shape.push_back(x.size(-1) / heads);
  shape[x.rank() - 1] = heads;
  return transpose(reshape(x, shape), -3, -2);
}
/// (..., heads, t, e) as (..., t, heads * e).
template <Real T>
Tensor<T> merge_heads(const Tensor<T>& x) {
  return flatten(transpose(x, -3, -2), -2, -1);
}

}  // namespace shunt::nn
