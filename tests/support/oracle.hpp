// Naive definitions, element by element: slow, and plainly right.
#pragma once

#include <vector>

#include "shunt/core/tensor.hpp"

namespace oracle {

using List = std::vector<shunt::Tensor<double>>;

/// Calls f(index) for every index of `shape`, in row-major order.
template <class F>
void for_each_index(const shunt::Shape& shape, const F& f) {
  if (shape.numel() == 0) return;
  shunt::Shape index = shunt::Shape::filled(shape.rank(), 0);
  while (true) {
    f(index);
    int d = shape.rank() - 1;
    for (; d >= 0 && ++index[d] == shape[d]; --d) index[d] = 0;
    if (d < 0) return;
  }
}

/// x at `index` of a shape that x broadcasts to.
inline double at(const shunt::Tensor<double>& x, const shunt::Shape& index) {
  shunt::Shape own;
  for (int d = 0; d < x.rank(); ++d) own.push_back(x.shape()[d] == 1 ? 0 : index[index.rank() - x.rank() + d]);
  return x.at(own);
}

/// The elementwise function of one, two or three numbers, as check_op takes its oracle.
template <class F>
auto pointwise(const F& f) {
  return [f](const List& x) {
    shunt::Shape shape;
    for (const auto& t : x) shape = shunt::detail::broadcast("oracle", shape, t.shape());
    auto y = shunt::Tensor<double>::empty(shape);
    for_each_index(shape, [&](const shunt::Shape& i) {
      if constexpr (std::is_invocable_v<F, double>)
        y.at(i) = f(at(x.at(0), i));
      else if constexpr (std::is_invocable_v<F, double, double>)
        y.at(i) = f(at(x.at(0), i), at(x.at(1), i));
      else
        y.at(i) = f(at(x.at(0), i), at(x.at(1), i), at(x.at(2), i));
    });
    return y;
  };
}

}  // namespace oracle
