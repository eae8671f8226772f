// Definitions, index by index: what every view, broadcast and reduction is compared with.
#pragma once

#include <vector>

#include "shunt/core/tensor.hpp"

namespace naive {

using shunt::Shape;

/// Calls f(index) for every index of `shape`, the last dimension running fastest.
template <class F>
void each(const Shape& shape, const F& f) {
  Shape index = Shape::filled(shape.rank(), 0);
  for (std::int64_t n = shape.numel(); n > 0; --n) {
    f(static_cast<const Shape&>(index));
    for (int d = shape.rank() - 1; d >= 0 && ++index[d] == shape[d]; --d) index[d] = 0;
  }
}

/// A dense array of doubles in row-major order.
struct Array {
  Shape shape;
  std::vector<double> values;

  double& at(const Shape& index) {
    std::int64_t offset = 0;
    for (int d = 0; d < shape.rank(); ++d) offset = offset * shape[d] + index[d];
    return values.at(static_cast<std::size_t>(offset));
  }
  double at(const Shape& index) const { return const_cast<Array*>(this)->at(index); }
};

/// The array with f(index) at every index.
template <class F>
Array make(const Shape& shape, const F& f) {
  Array out{shape, {}};
  each(shape, [&](const Shape& index) { out.values.push_back(f(index)); });
  return out;
}

template <shunt::Scalar T>
Array of(const shunt::Tensor<T>& x) {
  return make(x.shape(), [&](const Shape& index) { return shunt::detail::convert<double>(x.at(index)); });
}
inline shunt::Tensor<double> tensor(const Array& a) {
  const auto y = shunt::Tensor<double>::empty(a.shape);
  std::copy(a.values.begin(), a.values.end(), y.data());
  return y;
}

/// The index into an array of shape `of` that broadcasting reads for `index`.
inline Shape clipped(const Shape& index, const Shape& of) {
  Shape out;
  for (int d = 0; d < of.rank(); ++d) out.push_back(of[d] == 1 ? 0 : index[d + index.rank() - of.rank()]);
  return out;
}
/// The shape to which both broadcast; they must.
inline Shape broadcast(const Shape& a, const Shape& b) {
  Shape out;
  const int rank = std::max(a.rank(), b.rank());
  for (int d = 0; d < rank; ++d) {
    const int i = d + a.rank() - rank, j = d + b.rank() - rank;
    const std::int64_t n = i < 0 ? 1 : a[i], m = j < 0 ? 1 : b[j];
    out.push_back(n == 1 ? m : n);
  }
  return out;
}
template <class F>
Array binary(const Array& a, const Array& b, const F& f) {
  return make(broadcast(a.shape, b.shape),
              [&](const Shape& i) { return f(a.at(clipped(i, a.shape)), b.at(clipped(i, b.shape))); });
}
/// The sum over what was broadcast from `shape`.
inline Array sum_to(const Array& a, const Shape& shape) {
  Array out = make(shape, [](const Shape&) { return 0.; });
  each(a.shape, [&](const Shape& i) { out.at(clipped(i, shape)) += a.at(i); });
  return out;
}

/// a (.., m, k) times b (.., k, n), leading dimensions broadcast; vectors by PyTorch's rule.
inline Array matmul(Array a, Array b) {
  const bool row = a.shape.rank() == 1, column = b.shape.rank() == 1;
  if (row) a.shape.insert(0, 1);
  if (column) b.shape.push_back(1);
  const int ra = a.shape.rank(), rb = b.shape.rank();
  const std::int64_t k = a.shape[ra - 1];
  Shape shape = broadcast(Shape(a.shape.begin(), a.shape.end() - 2), Shape(b.shape.begin(), b.shape.end() - 2));
  shape.push_back(a.shape[ra - 2]);
  shape.push_back(b.shape[rb - 1]);
  const int r = shape.rank();
  Array out = make(shape, [&](const Shape& index) {
    const Shape lead(index.begin(), index.end() - 2);
    Shape i = clipped(lead, Shape(a.shape.begin(), a.shape.end() - 2)),
          j = clipped(lead, Shape(b.shape.begin(), b.shape.end() - 2));
    i.push_back(index[r - 2]);
    i.push_back(0);
    j.push_back(0);
    j.push_back(index[r - 1]);
    double sum = 0;
    for (std::int64_t p = 0; p < k; ++p) {
      i[ra - 1] = j[rb - 2] = p;
      sum += a.at(i) * b.at(j);
    }
    return sum;
  });
  if (row) out.shape.erase(r - 2);
  if (column) out.shape.erase(out.shape.rank() - 1);
  return out;
}

}  // namespace naive
