#include "shunt/ops/order.hpp"

#include <cmath>
#include <numeric>

#include "shunt/autograd/backward.hpp"
#include "support/check_op.hpp"
#include "support/extremes.hpp"

using namespace shunt;

namespace {

using D = Tensor<double>;
using Values = std::vector<double>;
using Places = std::vector<std::int64_t>;
const CheckOptions apart{.draw = draw::distinct, .expanded = false};

/// The first k of each line by std::stable_sort.
D first_by_definition(const D& x, std::int64_t k, std::int64_t dim, bool descending) {
  const auto a = detail::along("oracle", x.shape(), dim);
  Shape shape = x.shape();
  shape[detail::wrap_dim("oracle", dim, x.rank())] = k;
  auto y = D::empty(shape);
  for (std::int64_t i = 0; i < a.lines(); ++i) {
    Values line;
    for (std::int64_t j = 0; j < a.n; ++j) line.push_back(x.data()[a.begin(i) + j * a.inner]);
    std::stable_sort(line.begin(), line.end(), [&](double u, double v) { return descending ? u > v : u < v; });
    const kernels::Along to{a.outer, k, a.inner};
    for (std::int64_t j = 0; j < k; ++j) y.data()[to.begin(i) + j * a.inner] = line[static_cast<std::size_t>(j)];
  }
  return y;
}
CheckOptions as_first(std::int64_t k, std::int64_t dim, bool descending) {
  auto o = apart;
  o.oracle = [=](const auto& x) { return first_by_definition(x[0], k, dim, descending); };
  return o;
}

}  // namespace

TEST_CASE("max, min along a dimension: values and gradient", "[ops][order]") {
  for (int dim = 0; dim < 3; ++dim) {
    check_op(
        "max", [&](const auto& x) { return max(x[0], dim, true).values; }, {{3, 7, 35}}, as_first(1, dim, true));
    check_op(
        "min", [&](const auto& x) { return min(x[0], dim, true).values; }, {{3, 7, 35}}, as_first(1, dim, false));
  }
  const auto x = tensor<double>({{2, 7, 7}, {1, 1, 0}}).requires_grad();
  const auto [values, indices] = x.max(1);
  CHECK(values.to_vector() == Values{7, 1});
  CHECK(indices.to_vector() == Places{1, 0});
  values.sum().backward();
  CHECK(x.grad().to_vector() == Values{0, 1, 0, 1, 0, 0});  // the first of equals takes all
  CHECK(min(tensor({3, 1, 1}), 0).indices.item() == 1);
  CHECK(max(tensor<double>({3, not_a_number, 5, not_a_number}), 0).indices.item() == 1);
  CHECK(min(tensor<std::int32_t>({{3, 1}, {2, 8}}), 0, true).values.to_vector() == std::vector<std::int32_t>{2, 1});
  CHECK_THROWS_AS(max(zeros({2, 0}), 1), ShapeError);
  CHECK(max(zeros({0, 2}), 1).values.shape() == Shape{0});
}

TEST_CASE("argmax, argmin: first places, of lines and of all", "[ops][order]") {
  const auto x = tensor({{1, 9, 2}, {9, -4, -4}});
  CHECK(argmax(x).item() == 1);
  CHECK(argmin(x).item() == 4);
  CHECK(argmax(x.t()).item() == 1);  // (0, 1) of the transpose, in its own order
  CHECK(argmax(x, 0).to_vector() == Places{1, 0, 0});
  CHECK(argmin(x, 1, true).shape() == Shape{2, 1});
  CHECK(x.argmin(-1).to_vector() == Places{0, 1});
  CHECK(argmax(full<double>({3}, -infinity)).item() == 0);
  CHECK(argmax(tensor<bool>({0, 1, 1})).item() == 1);
  CHECK(argmax(full<double>({}, 3)).item() == 0);
  CHECK_THROWS_AS(argmax(zeros({0})), ShapeError);
  CHECK_THROWS_AS(argmax(zeros({2}), 1), IndexError);
}

TEST_CASE("sort: values, gradient, stability", "[ops][order]") {
  for (int dim = 0; dim < 3; ++dim) {
    check_op(
        "sort", [&](const auto& x) { return sort(x[0], dim).values; }, {{3, 5, 2}},
        as_first(Shape{3, 5, 2}[dim], dim, false));
    check_op(
        "sort", [&](const auto& x) { return sort(x[0], dim, true).values; }, {{3, 5, 2}},
        as_first(Shape{3, 5, 2}[dim], dim, true));
  }
  const auto x = tensor<double>({2, not_a_number, 1, 2, -infinity, not_a_number, 1});
  CHECK(argsort(x).to_vector() == Places{4, 2, 6, 0, 3, 1, 5});
  CHECK(x.argsort(0, true).to_vector() == Places{1, 5, 0, 3, 2, 6, 4});
  CHECK(sort(zeros({3, 0})).values.shape() == Shape{3, 0});
  CHECK(sort(full<double>({}, 3)).values.item() == 3);

  const auto many = randint(0, 50, {4000});
  const auto [values, indices] = sort(many);
  bool in_order = true;
  for (std::int64_t i = 1; i < many.numel(); ++i) {
    const auto a = values.at({i - 1}), b = values.at({i});
    in_order = in_order && (a < b || (a == b && indices.at({i - 1}) < indices.at({i})));
    in_order = in_order && many.at({indices.at({i})}) == b;
  }
  CHECK(in_order);
}

TEST_CASE("topk: values, gradient, first of equals", "[ops][order]") {
  for (const std::int64_t k : {0, 1, 3, 30}) {
    check_op(
        "topk", [&](const auto& x) { return topk(x[0], k, 1).values; }, {{2, 30, 2}}, as_first(k, 1, true));
    check_op(
        "topk", [&](const auto& x) { return topk(x[0], k, -2, false).values; }, {{2, 30, 2}}, as_first(k, 1, false));
  }
  const auto [values, indices] = topk(tensor({3, 9, 3, 9, 1}), 3);
  CHECK(values.to_vector() == std::vector<float>{9, 9, 3});
  CHECK(indices.to_vector() == Places{1, 3, 0});
  CHECK_THROWS_AS(topk(zeros({2, 3}), 4), IndexError);
}

TEST_CASE("cumsum: by definition, long lines of float", "[ops][order]") {
  for (int dim = 0; dim < 3; ++dim)
    check_op("cumsum", [&](const auto& x) { return cumsum(x[0], dim); }, {{3, 5, 40}}, {.oracle = [&](const auto& x) {
               const auto a = detail::along("oracle", x[0].shape(), dim);
               auto y = zeros<double>(x[0].shape());
               for (std::int64_t i = 0; i < a.lines(); ++i)
                 for (std::int64_t k = 0; k < a.n; ++k)
                   for (std::int64_t j = 0; j <= k; ++j)
                     y.data()[a.begin(i) + k * a.inner] += x[0].data()[a.begin(i) + j * a.inner];
               return y;
             }});
  const auto tenth = full<float>({1000000}, 0.1);
  CHECK(cumsum(tenth, 0).at({999999}) == Approx(100000).epsilon(1e-6));
  CHECK(cumsum(tensor<std::int64_t>({1, 2, 3}), 0).to_vector() == Places{1, 3, 6});
  CHECK(cumsum(zeros({2, 0}), 1).shape() == Shape{2, 0});
  CHECK(cumsum(zeros({2, 0}), 0).shape() == Shape{2, 0});
}
