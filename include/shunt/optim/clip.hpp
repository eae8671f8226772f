// Gradient clipping, by the norm of all gradients together (Pascanu et al. 2013) or element by element.
#pragma once

#include <cmath>
#include <limits>

#include "shunt/autograd/backward.hpp"
#include "shunt/ops/inplace.hpp"

namespace shunt::optim {
namespace detail {

/// Sums of squares and largest values, carried in double: a square does not overflow, and the order of adding is that
/// of the reductions, the same for any number of threads.
struct SquareSum {
  using Acc = double;
  static Acc identity() { return 0; }
  static Acc map(double x) { return x * x; }
  static Acc combine(Acc a, Acc b) { return a + b; }
  static Acc finish(Acc a) { return a; }
};
struct LargestAbs {
  using Acc = double;
  static Acc identity() { return 0; }
  static Acc map(double x) { return x < 0 ? -x : x; }
  static Acc combine(Acc a, Acc b) { return b <= a ? a : a == a ? b : a; }  // a NaN stays
  static Acc finish(Acc a) { return a; }
};

template <class T>
struct Cut {
  kernels::compute_t<T> low, high;
  template <class U>
  U operator()(U x) const {
    return x < low ? low : high < x ? high : x;
  }
};

template <class R, Real T>
double reduce_all(const Tensor<T>& x) {
  auto out = Tensor<double>::empty({});
  shunt::detail::reduce_into(R{}, false, out, x);
  return out.item();
}
template <Real T>
std::vector<Tensor<T>> grads_of(const std::vector<Tensor<T>>& params) {
  std::vector<Tensor<T>> grads;
  for (const auto& p : params)
    if (p.has_grad()) grads.push_back(p.grad());
  return grads;
}

}  // namespace detail

/// Scales all gradients by one factor so that their common norm is at most max_norm; gives the norm that they had.
/// norm_type: 2, or infinity for the largest element.
template <Real T>
double clip_grad_norm_(const std::vector<Tensor<T>>& params, double max_norm, double norm_type = 2) {
  const bool largest = std::isinf(norm_type);
  if (!(largest || norm_type == 2))
    shunt::detail::raise<ValueError>("clip_grad_norm_: norm_type must be 2 or infinity, got ", norm_type);
  const auto grads = detail::grads_of(params);
  double total = 0;
  for (const auto& g : grads) {
    if (largest)
      total = detail::LargestAbs::combine(total, detail::reduce_all<detail::LargestAbs>(g));
    else
      total += detail::reduce_all<detail::SquareSum>(g);
  }
  if (!largest) total = std::sqrt(total);
  const double factor = max_norm / (total + 1e-6);
  if (factor >= 1) return total;
  for (const auto& g : grads) {
    shunt::detail::map_into(shunt::detail::MulNumber<T>{shunt::detail::convert<T>(factor)}, g, g);
    shunt::detail::mark_changed("clip_grad_norm_", g);
  }
  return total;
}

/// Cuts every element of every gradient to [-clip_value, clip_value].
template <Real T>
void clip_grad_value_(const std::vector<Tensor<T>>& params, double clip_value) {
  if (!(clip_value >= 0)) shunt::detail::raise<ValueError>("clip_grad_value_: negative limit ", clip_value);
  const auto high = shunt::detail::convert<kernels::compute_t<T>>(clip_value);
  for (const auto& g : detail::grads_of(params)) {
    shunt::detail::map_into(detail::Cut<T>{-high, high}, g, g);
    shunt::detail::mark_changed("clip_grad_value_", g);
  }
}

}  // namespace shunt::optim
