#include "shunt/ops/softmax.hpp"

#include <cmath>

#include "shunt/autograd/backward.hpp"
#include "support/check_op.hpp"
#include "support/extremes.hpp"

using namespace shunt;

namespace {

using D = Tensor<double>;

/// exp(x) over its sum, element by element.
D softmax_by_definition(const D& x, std::int64_t dim) {
  const auto a = detail::along("oracle", x.shape(), dim);
  auto y = D::empty(x.shape());
  for (std::int64_t i = 0; i < a.lines(); ++i) {
    double sum = 0;
    for (std::int64_t k = 0; k < a.n; ++k) sum += std::exp(x.data()[a.begin(i) + k * a.inner]);
    for (std::int64_t k = 0; k < a.n; ++k)
      y.data()[a.begin(i) + k * a.inner] = std::exp(x.data()[a.begin(i) + k * a.inner]) / sum;
  }
  return y;
}

}  // namespace

TEST_CASE("softmax, log_softmax: by definition, along every dimension", "[ops][softmax]") {
  const auto shape = GENERATE(values<Shape>({{3, 40, 2}, {2, 3, 35}, {7}, {1}, {0, 3}, {3, 0}, {}}));
  for (int dim = 0; dim < std::max(shape.rank(), 1); ++dim) {
    check_op("softmax", [&](const auto& x) { return softmax(x[0], dim); }, {shape},
             {.oracle = [&](const auto& x) { return softmax_by_definition(x[0], dim); }});
    check_op("log_softmax", [&](const auto& x) { return log_softmax(x[0], dim - std::max(shape.rank(), 1)); }, {shape},
             {.oracle = [&](const auto& x) { return log(softmax_by_definition(x[0], dim)); }});
  }
}

TEST_CASE("softmax: sums to one, large logits and infinite ones", "[ops][softmax]") {
  const auto big = tensor({{1000, 1001, 1002}, {-1e30, 0, 1e30}});
  const auto y = softmax(big, 1);
  const auto small = softmax(tensor({{0, 1, 2}}), 1);
  for (int k = 0; k < 3; ++k) CHECK(y.at({0, k}) == small.at({0, k}));
  CHECK(y.at({1, 2}) == 1);
  CHECK(log_softmax(tensor({0, -1000}), 0).at({1}) == -1000);  // softmax itself is 0 there

  CHECK(softmax(tensor<double>({-infinity, 0, 0}), 0).to_vector() == std::vector<double>{0, 0.5, 0.5});
  for (const double v : softmax(full<double>({3}, -infinity), 0).to_vector()) CHECK(std::isnan(v));
  for (const double v : log_softmax(tensor<double>({1, infinity}), 0).to_vector()) CHECK(std::isnan(v));
  for (const double v : softmax(tensor<double>({1, infinity - infinity, 2}), 0).to_vector()) CHECK(std::isnan(v));
  CHECK_THROWS_AS(softmax(zeros({2, 3}), 2), IndexError);
}

TEST_CASE("softmax: bfloat16 is computed in float and rounded once", "[ops][softmax]") {
  const auto x = randn<bfloat16>({5, 70});
  const auto y = softmax(x, 1), rounded = softmax(x.to<float>(), 1).to<bfloat16>();
  for (std::int64_t i = 0; i < y.numel(); ++i) CHECK(float(y.data()[i]) == float(rounded.data()[i]));
}
