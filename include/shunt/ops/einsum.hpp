// Einstein's summation, over matrix products: operands are joined two at a time, from the left.
#pragma once

#include <string>
#include <string_view>

#include "shunt/ops/matmul.hpp"
#include "shunt/ops/reduce.hpp"

namespace shunt {
namespace detail {

/// A tensor whose dimensions have names. Those of an ellipsis are the characters \1, \2, .. counted from its end.
template <Scalar T>
struct Labelled {
  Tensor<T> x;
  std::string labels;

  bool has(char label) const { return labels.find(label) != std::string::npos; }
  int dim(char label) const { return static_cast<int>(labels.find(label)); }
  std::int64_t size(char label) const { return has(label) ? x.size(dim(label)) : 1; }
  /// With the dimensions in this order; those it lacks have size 1.
  Tensor<T> arranged(const std::string& order) const {
    Dims dims;
    Shape shape;
    for (char c : order) {
      if (has(c)) dims.push_back(dim(c));
      shape.push_back(size(c));
    }
    return reshape(permute(x, dims), shape);
  }
};

/// Dimensions i < j of x as one, which stands at i.
template <Scalar T>
Tensor<T> diagonal(const Tensor<T>& x, int i, int j) {
  if (x.size(i) != x.size(j)) raise<ShapeError>("einsum: a diagonal of unequal sizes in ", x.shape());
  Shape shape = x.shape(), strides = x.strides();
  strides[i] += strides[j];
  shape.erase(j);
  strides.erase(j);
  return record("diagonal", x.alias(x.data(), shape, strides), {x}, [i, j](const Tensor<T>& g, Slots<T>& into) {
    into.add_region(0, g, [&](const Tensor<T>& whole) { return diagonal(whole, i, j); });
  });
}

/// The terms of an equation; an ellipsis is kept as "...".
struct Equation {
  explicit Equation(std::string_view all) : text(all) {
    std::string clean;
    for (char c : all)
      if (c != ' ') clean += c;
    const auto arrow = clean.find("->");
    explicit_result = arrow != std::string::npos;
    if (explicit_result) result = clean.substr(arrow + 2);
    terms.emplace_back();
    for (char c : clean.substr(0, arrow)) {
      if (c == ',')
        terms.emplace_back();
      else
        terms.back() += c;
    }
  }
  /// The labels of one term, `dims` of them, or those an ellipsis of `dots` dimensions leaves.
  std::string labels(const std::string& term, int dots) const {
    std::string out;
    for (std::size_t i = 0; i < term.size(); ++i) {
      const char c = term[i];
      if (term.compare(i, 3, "...") == 0) {
        for (int k = dots; k > 0; --k) out += static_cast<char>(k);
        i += 2;
      } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
        out += c;
      } else {
        raise<ValueError>("einsum: '", std::string(1, c), "' in '", text, "' is neither a letter nor '...'");
      }
    }
    return out;
  }
  static bool has_dots(const std::string& term) { return term.find("...") != std::string::npos; }

  std::string_view text;
  std::vector<std::string> terms;
  std::string result;
  bool explicit_result;
};

inline std::string merged(std::string a, const std::string& b) {
  for (char c : b)
    if (a.find(c) == std::string::npos) a += c;
  return a;
}

/// x summed over the labels that are not in `keep`.
template <Scalar T>
Labelled<T> sum_others(Labelled<T> in, const std::string& keep) {
  Dims dims;
  std::string left;
  for (int d = 0; d < static_cast<int>(in.labels.size()); ++d) {
    const char c = in.labels[static_cast<std::size_t>(d)];
    if (keep.find(c) == std::string::npos)
      dims.push_back(d);
    else
      left += c;
  }
  if (dims.empty()) return in;
  return {sum(in.x, dims), left};
}

/// a and b with the labels in `keep`; those of both that are not are summed over.
template <Scalar T>
Labelled<T> contract(Labelled<T> a, Labelled<T> b, const std::string& keep, std::string_view text) {
  a = sum_others(std::move(a), keep + b.labels);
  b = sum_others(std::move(b), keep + a.labels);
  std::string batch, rows, columns, summed;
  Shape batch_shape, rows_shape, columns_shape;
  std::int64_t m = 1, n = 1;
  for (char c : merged(a.labels, b.labels)) {
    const auto na = a.size(c), nb = b.size(c);
    if (na != nb && na != 1 && nb != 1)
      raise<ShapeError>("einsum: '", text, "' gives one label the sizes ", na, " and ", nb, " in ", a.x.shape(),
                        " and ", b.x.shape());
    if (a.has(c) && b.has(c)) {
      if (keep.find(c) == std::string::npos)
        summed += c;
      else
        batch += c, batch_shape.push_back(std::max(na, nb) == 1 ? 1 : na == 1 ? nb : na);
    } else if (a.has(c)) {
      rows += c, rows_shape.push_back(na), m *= na;
    } else {
      columns += c, columns_shape.push_back(nb), n *= nb;
    }
  }
  const std::string order = batch + rows + columns;
  if (summed.empty()) return {mul(a.arranged(order), b.arranged(order)), order};
  if (rows.empty() && columns.empty() && !batch.empty()) {  // a dot product for every batch
    Labelled<T> product{mul(a.arranged(batch + summed), b.arranged(batch + summed)), batch + summed};
    return sum_others(std::move(product), batch);
  }
  Shape inner;  // a size of 1 is repeated where the other operand has more
  std::int64_t k = 1;
  for (char c : summed) {
    inner.push_back(a.size(c) == 1 ? b.size(c) : a.size(c));
    k *= inner.back();
  }
  const auto stacked = [&](const Tensor<T>& x, const Shape& outer, std::int64_t count, bool left) {
    Shape shape(x.shape().begin(), x.shape().begin() + batch_shape.rank()), full = shape;
    for (auto s : left ? outer : inner) full.push_back(s);
    for (auto s : left ? inner : outer) full.push_back(s);
    shape.push_back(left ? count : k);
    shape.push_back(left ? k : count);
    return reshape(expand(x, full), shape);
  };
  const auto y = matmul(stacked(a.arranged(batch + rows + summed), rows_shape, m, true),
                        stacked(b.arranged(batch + summed + columns), columns_shape, n, false));
  Shape shape = batch_shape;
  for (auto s : rows_shape) shape.push_back(s);
  for (auto s : columns_shape) shape.push_back(s);
  return {reshape(y, shape), order};
}

}  // namespace detail

/// Einstein's summation, as in "bij,bjk->bik": labels that the result lacks are summed over, a label twice in one
/// operand is its diagonal, "..." stands for any further dimensions, which broadcast. Without "->" the result has the
/// labels that occur once, in alphabetical order.
template <Scalar T>
Tensor<T> einsum(std::string_view text, const std::vector<Tensor<T>>& list) {
  const detail::Equation equation(text);
  if (equation.terms.size() != list.size() || list.empty())
    detail::raise<ValueError>("einsum: '", text, "' has ", equation.terms.size(), " operands, given ", list.size());

  std::vector<detail::Labelled<T>> operands;
  std::string once, seen;
  int most_dots = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto& term = equation.terms[i];
    const int letters = static_cast<int>(equation.labels(term, 0).size());
    const int dots = detail::Equation::has_dots(term) ? list[i].rank() - letters : 0;
    detail::Labelled<T> in{list[i], equation.labels(term, dots)};
    if (dots < 0 || static_cast<int>(in.labels.size()) != list[i].rank())
      detail::raise<ShapeError>("einsum: '", term, "' has ", letters, " labels for ", list[i].shape());
    most_dots = std::max(most_dots, dots);
    for (char c : in.labels)
      if (c > max_rank) {
        if (seen.find(c) == std::string::npos)
          once += c;
        else
          std::erase(once, c);
        seen += c;
      }
    for (std::size_t d = 0; d < in.labels.size(); ++d)
      for (auto e = in.labels.find(in.labels[d], d + 1); e != std::string::npos;
           e = in.labels.find(in.labels[d], d + 1)) {
        in.x = detail::diagonal(in.x, static_cast<int>(d), static_cast<int>(e));
        in.labels.erase(e, 1);
      }
    operands.push_back(std::move(in));
  }

  std::sort(once.begin(), once.end());
  const std::string result =
      equation.explicit_result ? equation.labels(equation.result, most_dots) : equation.labels("...", most_dots) + once;
  for (char c : result) {
    if (c > max_rank && seen.find(c) == std::string::npos)
      detail::raise<ValueError>("einsum: '", text, "' names '", std::string(1, c), "' in the result alone");
    if (std::count(result.begin(), result.end(), c) > 1)
      detail::raise<ValueError>("einsum: '", text, "' names a label twice in the result");
  }
  auto all = operands[0];
  for (std::size_t i = 1; i < operands.size(); ++i) {
    std::string keep = result;
    for (std::size_t j = i + 1; j < operands.size(); ++j) keep += operands[j].labels;
    all = detail::contract(std::move(all), operands[i], keep, text);
  }
  return detail::sum_others(std::move(all), result).arranged(result);
}
template <Scalar T>
Tensor<T> einsum(std::string_view text, std::initializer_list<Tensor<T>> list) {
  return einsum(text, std::vector<Tensor<T>>(list));
}

}  // namespace shunt
