// Tensors and Eigen: maps without a copy, and copies of expressions.
#pragma once

#include <Eigen/Core>

#include "shunt/core/tensor.hpp"

namespace shunt {

template <Scalar T>
using EigenMap = Eigen::Map<Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>, Eigen::Unaligned,
                            Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>>;

/// A matrix, or a vector as one column, for Eigen: the same elements, whatever the strides, alive as long as the
/// tensor. Writes are not seen by the checks on in-place changes. ShapeError for other ranks.
template <Scalar T>
EigenMap<T> as_matrix(const Tensor<T>& x) {
  if (x.rank() != 1 && x.rank() != 2)
    detail::raise<ShapeError>("as_matrix: needs a matrix or a vector, got ", x.shape());
  const bool vector = x.rank() == 1;
  return EigenMap<T>(x.data(), x.shape()[0], vector ? 1 : x.shape()[1],
                     Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(x.strides()[0], vector ? 1 : x.strides()[1]));
}

/// The value of an Eigen expression as a tensor: (n,) of what is a vector by its type, (rows, columns) otherwise.
template <class Derived>
Tensor<typename Derived::Scalar> from_eigen(const Eigen::DenseBase<Derived>& m) {
  using T = typename Derived::Scalar;
  Shape shape{m.rows(), m.cols()};
  if constexpr (Derived::IsVectorAtCompileTime) shape = {m.size()};
  const auto y = Tensor<T>::empty(shape);
  EigenMap<T>(y.data(), m.rows(), m.cols(), Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>(m.cols(), 1)) = m.derived();
  return y;
}

}  // namespace shunt
