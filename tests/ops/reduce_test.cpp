#include "shunt/ops/reduce.hpp"

#include <cmath>

#include "shunt/autograd/backward.hpp"
#include "shunt/ops/softmax.hpp"
#include "shunt/ops/statistics.hpp"
#include "support/check_op.hpp"
#include "support/extremes.hpp"

using namespace shunt;

namespace {

using D = Tensor<double>;
using Values = std::vector<double>;

/// f of the elements over the dimensions of `dims`, gathered one by one: what a reduction is by definition.
template <class F>
D by_definition(const D& x, const Dims& dims, const F& f) {
  const detail::ReducePlan plan("oracle", x.shape(), dims, false);
  std::vector<Values> groups(static_cast<std::size_t>(plan.kept.numel()));
  Shape index = Shape::filled(x.rank(), 0);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    std::int64_t group = 0;
    for (int d = 0; d < x.rank(); ++d) group = group * plan.kept[d] + (plan.kept[d] == x.shape()[d] ? index[d] : 0);
    groups[static_cast<std::size_t>(group)].push_back(x.at(index));
    for (int d = x.rank() - 1; d >= 0 && ++index[d] == x.shape()[d]; --d) index[d] = 0;
  }
  Values out;
  for (const auto& g : groups) out.push_back(f(g));
  return from_vector(out, plan.result);
}
double sum_of(const Values& v) {
  double s = 0;
  for (double e : v) s += e;
  return s;
}
double variance_of(const Values& v) {
  double s = 0;
  for (double e : v)
    s += (e - sum_of(v) / static_cast<double>(v.size())) * (e - sum_of(v) / static_cast<double>(v.size()));
  return s / static_cast<double>(v.size() - 1);
}
auto norm_of(double p) {
  return [p](const Values& v) {
    double s = 0;
    for (double e : v) s += std::pow(std::abs(e), p);
    return std::pow(s, 1 / p);
  };
}

const std::vector<Dims> all_dims = {Dims{}, Dims{0}, Dims{1}, Dims{2}, Dims{-1, 0}, Dims{0, 1, 2}};

}  // namespace

TEST_CASE("sum, mean: by definition, over every choice of dimensions", "[ops][reduce]") {
  for (const auto& dims : all_dims) {
    check_op("sum", [&](const auto& x) { return sum(x[0], dims); }, {{3, 4, 35}},
             {.oracle = [&](const auto& x) { return by_definition(x[0], dims, sum_of); }});
    check_op("mean", [&](const auto& x) { return mean(x[0], dims); }, {{3, 4, 35}}, {.oracle = [&](const auto& x) {
               return by_definition(x[0], dims,
                                    [](const Values& v) { return sum_of(v) / static_cast<double>(v.size()); });
             }});
  }
  check_op("sum", [](const auto& x) { return sum(x[0], {}, true); }, {{0, 3}});
  CHECK(sum(ones({2, 3}), 1, true).shape() == Shape{2, 1});
  CHECK(sum(ones({2, 3}), {}, true).shape() == Shape{1, 1});
  CHECK(sum(zeros({3, 0}), 1).to_vector() == std::vector<float>{0, 0, 0});
  CHECK(std::isnan(mean(zeros({0})).item()));
  CHECK(sum(tensor<bool>({1, 0, 1}).to<std::int64_t>()).item() == 2);
  CHECK(sum(tensor<bool>({1, 0, 1})).item());
  CHECK_THROWS_AS(sum(ones({2}), 1), IndexError);
  CHECK_THROWS_AS(sum(ones({2, 2}), {0, -2}), ValueError);
}

TEST_CASE("amax, amin, max, min: by definition; equal ones share", "[ops][reduce]") {
  const CheckOptions apart{.draw = draw::distinct, .expanded = false};
  const auto with = [&](const Dims& dims, bool largest) {
    auto o = apart;
    o.oracle = [dims, largest](const auto& x) {
      return by_definition(x[0], dims, [&](const Values& v) {
        return largest ? *std::max_element(v.begin(), v.end()) : *std::min_element(v.begin(), v.end());
      });
    };
    return o;
  };
  for (const auto& dims : all_dims) {
    check_op(
        "amax", [&](const auto& x) { return amax(x[0], dims); }, {{3, 4, 35}}, with(dims, true));
    check_op(
        "amin", [&](const auto& x) { return amin(x[0], dims); }, {{3, 4, 35}}, with(dims, false));
  }
  check_op(
      "max", [](const auto& x) { return max(x[0]); }, {{70}}, with({}, true));
  check_op(
      "min", [](const auto& x) { return min(x[0]); }, {{70}}, with({}, false));

  const auto x = tensor<double>({{2, 7, 7}, {1, 1, 0}}).requires_grad();
  amax(x, 1).backward(tensor<double>({4, 6}));
  CHECK(x.grad().to_vector() == Values{0, 2, 2, 3, 3, 0});
  const auto y = tensor<double>({3, not_a_number, 5, -infinity});
  CHECK(std::isnan(max(y).item()));
  CHECK(std::isnan(amin(y).item()));
  CHECK(amax(full<double>({40}, -infinity)).item() == -infinity);
  CHECK(amin(tensor<std::uint8_t>({3, 2, 9})).item() == 2);
  CHECK(amax(tensor<std::int64_t>({-3, -2, -9})).item() == -2);
  CHECK_THROWS_AS(amax(zeros({2, 0}), 1), ShapeError);
  CHECK(amax(zeros({0, 2}), 1).shape() == Shape{0});
}

TEST_CASE("amax, amin, max, min of a NaN: the gradient is PyTorch's", "[ops][reduce]") {
  const auto gradient = [](auto f) {
    const auto x = tensor<double>({{1, not_a_number, 3}, {not_a_number, 6, 6}}).requires_grad();
    f(x).backward();
    return x.grad().to_vector();
  };
  for (auto f : {+[](const D& x) { return max(x) * 8; }, +[](const D& x) { return min(x) * 8; }})
    CHECK(gradient(f) == Values{0, 4, 0, 4, 0, 0});  // shared among the NaNs
  for (auto f : {+[](const D& x) { return amax(x, 0).sum(); }, +[](const D& x) { return amin(x, 0).sum(); }}) {
    const auto g = gradient(f);  // a NaN for the whole column
    CHECK((std::isnan(g[0]) && std::isnan(g[1]) && std::isnan(g[3]) && std::isnan(g[4])));
    CHECK(g[2] + g[5] == 1);
  }
  for (double v : gradient([](const D& x) { return norm(x, infinity); })) CHECK(v == 0);
}

TEST_CASE("prod: by definition, with zeros in the input", "[ops][reduce]") {
  const auto product_of = [](const Values& v) {
    double p = 1;
    for (double e : v) p *= e;
    return p;
  };
  const auto at = [&](const Dims& dims) {
    return CheckOptions{.draw = draw::between(0.5, 1.5),
                        .oracle = [=](const auto& x) { return by_definition(x[0], dims, product_of); }};
  };
  check_op(
      "prod", [](const auto& x) { return prod(x[0]); }, {{2, 5}}, at({}));
  check_op(
      "prod", [](const auto& x) { return prod(x[0], 0); }, {{3, 4}}, at(0));
  check_op("prod", [](const auto& x) { return prod(x[0], -1, true).sum(0); }, {{3, 4}},
           {.draw = [](const Shape& shape, std::size_t) {
             auto x = draw::away_from_zero(shape, 0);  // a line without zeros, one with one, one with two
             if (shape.numel() == 12) x.data()[5] = x.data()[8] = x.data()[10] = 0;
             return x;
           }});
  const auto x = tensor<double>({{0, 3, 4}, {0, 0, 5}}).requires_grad();
  prod(x, 1).sum().backward();
  CHECK(x.grad().to_vector() == Values{12, 0, 0, 0, 0, 0});
  CHECK(prod(zeros({0})).item() == 1);
  CHECK(prod(arange<std::int64_t>(1, 6)).item() == 120);
}

TEST_CASE("var, std: by definition; accurate far from zero", "[ops][reduce]") {
  for (const auto& dims : all_dims) {
    check_op("var", [&](const auto& x) { return var(x[0], dims); }, {{3, 4, 5}},
             {.oracle = [&](const auto& x) { return by_definition(x[0], dims, variance_of); }});
    check_op("std", [&](const auto& x) { return shunt::std(x[0], dims); }, {{3, 4, 5}},
             {.gradcheck = {.eps = 1e-6, .atol = 1e-6, .rtol = 1e-5},
              .float_tolerance = 1e-4,
              .expanded = false,  // a row of equal elements is a kink
              .oracle = [&](const auto& x) {
                return by_definition(x[0], dims, [](const Values& v) { return std::sqrt(variance_of(v)); });
              }});
  }
  check_op("var", [](const auto& x) { return var(x[0], 1, {.unbiased = false, .keepdim = true}); }, {{3, 4}});
  CHECK(var(tensor({1, 3}), 0, {.unbiased = false}).item() == 1);
  CHECK(var(ones({2, 3}), 1, {.keepdim = true}).shape() == Shape{2, 1});
  CHECK(std::isnan(var(ones({1})).item()));

  auto far = zeros<float>({4000});
  for (std::int64_t i = 0; i < far.numel(); ++i) far.data()[i] = 1e4f + static_cast<float>(i % 2);
  CHECK(var(far, {}, {.unbiased = false}).item() == Approx(0.25).epsilon(1e-5));

  const auto constant = full<double>({3, 5}, 2).requires_grad();
  shunt::std(constant, 1).sum().backward();
  CHECK(constant.grad().to_vector() == Values(15, 0.0));
}

TEST_CASE("norm: by definition for every p, 0 at 0", "[ops][reduce]") {
  const double p = GENERATE(1.0, 2.0, 3.0, 1.5, 0.5, infinity, -infinity);
  const auto oracle = [p](const Values& v) {
    double largest = 0, smallest = infinity;
    for (double e : v) largest = std::max(largest, std::abs(e)), smallest = std::min(smallest, std::abs(e));
    return p == infinity ? largest : p == -infinity ? smallest : norm_of(p)(v);
  };
  for (const auto& dims : {Dims{}, Dims{1}, Dims{0, 2}})
    check_op(
        "norm", [&](const auto& x) { return norm(x[0], p, dims); }, {{3, 4, 5}},
        {.draw = draw::distinct, .float_tolerance = 1e-4, .expanded = !std::isinf(p), .oracle = [&](const auto& x) {
           return by_definition(x[0], dims, oracle);
         }});
  const auto zero = zeros<double>({3}).requires_grad();
  norm(zero, p).backward();
  CHECK(zero.grad().to_vector() == Values(3, 0.0));
}

TEST_CASE("norm: a negative p where elements are 0 or infinite is PyTorch's", "[ops][reduce]") {
  for (const double p : {-1.0, -2.0, -3.0}) {
    CHECK(norm(tensor<double>({0, -0.0, 2}), p).item() == 0);
    CHECK(norm(tensor<double>({infinity, -infinity}), p).item() == infinity);
    CHECK(norm(zeros<double>({0}), p).item() == 0);
  }
}

TEST_CASE("norm: p = 0 counts", "[ops][reduce]") {
  const auto x = tensor({0, 3, 0, -2}).requires_grad();
  const auto count = norm(x, 0);
  CHECK(count.item() == 2);
  count.backward();
  CHECK(x.grad().to_vector() == std::vector<float>(4, 0.f));
  CHECK(norm(tensor({3, 4})).item() == 5);
  CHECK(norm(zeros({0})).item() == 0);
  CHECK_THROWS_AS(norm(zeros({0}), infinity), ShapeError);
}

TEST_CASE("logsumexp: by definition; infinite lines", "[ops][reduce]") {
  for (const auto& dims : all_dims) {
    if (dims.empty()) continue;
    check_op("logsumexp", [&](const auto& x) { return logsumexp(x[0], dims); }, {{3, 4, 35}},
             {.oracle = [&](const auto& x) {
               return by_definition(x[0], dims, [](const Values& v) {
                 double s = 0;
                 for (double e : v) s += std::exp(e);
                 return std::log(s);
               });
             }});
  }
  const auto x =
      tensor<double>({{-infinity, -infinity}, {infinity, 0}, {1000, 1000}, {-infinity, not_a_number}, {-infinity, 3}});
  const auto y = logsumexp(x, 1);
  CHECK(y.at({0}) == -infinity);
  CHECK(y.at({1}) == infinity);
  CHECK(y.at({2}) == Approx(1000 + std::log(2.0)));
  CHECK(std::isnan(y.at({3})));
  CHECK(y.at({4}) == 3);
  CHECK(logsumexp(zeros({2, 0}), 1, true).shape() == Shape{2, 1});
  CHECK(logsumexp(zeros({0}), 0).item() == -std::numeric_limits<float>::infinity());
}
