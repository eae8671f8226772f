// Comparison with PyTorch: cases from tests/reference/<family>.json, made by make_fixtures.py beside them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "shunt/autograd/backward.hpp"
#include "shunt/ops/view.hpp"

namespace reference {

using D = shunt::Tensor<double>;
using Ids = shunt::Tensor<std::int64_t>;
using Mask = shunt::Tensor<bool>;

/// What PyTorch was asked, by option, and what it answered. Asking for an option that a case lacks fails the test.
struct Case {
  std::string op, text;  ///< text: the case in the file, for messages.
  std::vector<D> x;
  std::vector<Ids> ids;
  std::vector<Mask> masks;
  std::vector<D> outputs, grads;  ///< Gradients of x for g; one that holds nothing is 0.
  D g;
  std::map<std::string, std::vector<double>> numbers;
  std::map<std::string, std::string> words;

  bool has(const std::string& name) const { return numbers.count(name) + words.count(name) > 0; }
  const std::vector<double>& list(const std::string& name) const;
  std::vector<std::int64_t> ints(const std::string& name) const;
  double number(const std::string& name) const { return list(name).at(0); }
  double number(const std::string& name, double otherwise) const { return has(name) ? number(name) : otherwise; }
  std::int64_t integer(const std::string& name) const { return static_cast<std::int64_t>(number(name)); }
  std::int64_t integer(const std::string& name, std::int64_t otherwise) const {
    return has(name) ? integer(name) : otherwise;
  }
  bool flag(const std::string& name) const { return has(name) && number(name) != 0; }
  const std::string& word(const std::string& name) const;
  /// Two numbers of an option that may be one.
  std::pair<std::int64_t, std::int64_t> pair(const std::string& name, std::int64_t otherwise) const;
  /// Input i, or nothing where the case has fewer.
  D maybe(std::size_t i) const { return i < x.size() ? x[i] : D(); }
};

/// Results of any type, as double; the gradient is that of the first.
struct Outputs {
  Outputs(const D& y) : all{y} {}
  Outputs(const Ids& y) : all{y.to<double>()} {}
  Outputs(const Mask& y) : all{y.to<double>()} {}
  Outputs(const shunt::ValuesIndices<double>& y) : all{y.values, y.indices.to<double>()} {}
  Outputs(std::vector<D> y) : all(std::move(y)) {}
  std::vector<D> all;
};
using Calls = std::map<std::string, std::function<Outputs(const Case&)>>;

std::vector<Case> load(const std::string& family);
/// |got - wanted| <= tolerance (1 + |wanted|), elementwise; a NaN where NaN is wanted.
void compare(const D& got, const D& wanted, double tolerance);

/// Makes every call of the family's file, and compares values and gradients. A case without a call fails, and so does a
/// call without a case.
void run(const std::string& family, const Calls& calls, double tolerance = 1e-11);

}  // namespace reference
