// check_op: everything that is asked of an operation's gradient, in one call. Link tests/support/check_op.cpp.
//
//   check_op("div", [](const auto& x) { return x[0] / x[1]; }, {{2, 3}, {3}}, {.draw = draw::away_from_zero});
//
// The literal name beside check_op is what the registry (ops/registry_test.cpp) looks for.
#pragma once

#include <functional>

#include "shunt/autograd/functional.hpp"
#include "shunt/autograd/gradcheck.hpp"
#include "shunt/ops/creation.hpp"
#include "support/catch.hpp"

/// Inputs that keep clear of an operation's kinks; `input` is the argument's position. Deterministic.
namespace draw {
using Draw = std::function<shunt::Tensor<double>(const shunt::Shape&, std::size_t input)>;

/// Standard normal.
shunt::Tensor<double> normal(const shunt::Shape& shape, std::size_t input);
/// In [0.5, 2).
shunt::Tensor<double> positive(const shunt::Shape& shape, std::size_t input);
/// In (-2, -0.25] or [0.25, 2).
shunt::Tensor<double> away_from_zero(const shunt::Shape& shape, std::size_t input);
/// In random order, no two values of all inputs closer than 0.05, none at 0: for maxima, sorting, absolute differences.
shunt::Tensor<double> distinct(const shunt::Shape& shape, std::size_t input);
/// Uniform in [low, high).
Draw between(double low, double high);
}  // namespace draw

struct CheckOptions {
  draw::Draw draw = draw::normal;
  std::vector<std::size_t> fixed = {};  ///< Inputs that have no gradient.
  shunt::GradcheckOptions gradcheck = {.eps = 1e-6, .atol = 1e-7, .rtol = 1e-6};
  double float_tolerance = 2e-5;  ///< Value and gradient in float against double, relative to the largest.
  bool transposed = true;         ///< Inputs with other strides,
  bool expanded = true;           ///< and repeated by stride 0 (off where equal elements are a kink),
  bool repeated = true;           ///< and one tensor for two inputs of one shape.
  bool dual = true;               ///< Forward mode, and reverse mode over dual numbers.
  /// The value by a naive definition on dense inputs.
  std::function<shunt::Tensor<double>(const std::vector<shunt::Tensor<double>>&)> oracle = {};
};

namespace check_op_detail {

template <class S>
using OpOver = std::function<shunt::Tensor<S>(const std::vector<shunt::Tensor<S>>&)>;

/// An operation over the scalars that it is checked with; the last one is empty where dual numbers do not apply.
struct Op {
  OpOver<double> in_double;
  OpOver<float> in_float;
  OpOver<shunt::dual<double>> in_dual;
};

void check(const std::string& name, const Op& op, const std::vector<shunt::Shape>& shapes, const CheckOptions& options);

}  // namespace check_op_detail

/// Checks `op`, a generic callable over std::vector<Tensor<S>>, on inputs of these shapes: its gradient in double
/// against central differences for every input; again with transposed and with expanded inputs, with each input alone
/// wanting a gradient, with slots that already hold one, with retain_graph, with one tensor used twice; float against
/// double; forward mode against reverse mode, and Hessian-vector products against differences of gradients.
template <class F>
void check_op(const char* name, const F& op, const std::vector<shunt::Shape>& shapes,
              const CheckOptions& options = {}) {
  check_op_detail::check(name, {op, op, op}, shapes, options);
}
/// The same for an operation that dual numbers cannot go through: `reason` says why.
template <class F>
void check_op_without_dual(const char* name, const F& op, const std::vector<shunt::Shape>& shapes,
                           [[maybe_unused]] const char* reason, CheckOptions options = {}) {
  options.dual = false;
  check_op_detail::check(name, {op, op, {}}, shapes, options);
}
