// How far two tensors are from each other.
#pragma once

#include "shunt/tensor.hpp"
#include "support/catch.hpp"

/// The largest difference of elements.
template <shunt::Scalar T>
double gap(const shunt::Tensor<T>& a, const shunt::Tensor<T>& b) {
  REQUIRE(a.shape() == b.shape());
  return a.numel() == 0 ? 0.0 : static_cast<double>((a - b).detach().abs().max().item());
}
