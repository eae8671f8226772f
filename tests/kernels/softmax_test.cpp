#include "shunt/kernels/softmax.hpp"

#include <cmath>
#include <vector>

#include "shunt/core/random.hpp"
#include "support/catch.hpp"
#include "support/isa.hpp"

using namespace shunt;
using kernels::Along;

namespace {

template <class T>
std::vector<T> values_like(const Along& a, std::uint64_t seed) {
  Generator g(seed);
  const auto stream = g.reserve(static_cast<std::uint64_t>(a.lines() * a.n));
  std::vector<T> x;
  for (std::int64_t i = 0; i < a.lines() * a.n; ++i)
    x.push_back(T(static_cast<double>(stream.block(static_cast<std::uint64_t>(i))[0]) * 0x1p-30 - 2));
  return x;
}
double number(double x) { return x; }
double number(bfloat16 x) { return static_cast<float>(x); }
double number(const dual<double>& x) { return x.value; }

struct Difference {
  double softmax = 0, log_softmax = 0, softmax_grad = 0, log_softmax_grad = 0, log_sum = 0;
};
/// Largest distances of all kernels from their definitions in double.
template <class T>
Difference compare(const Along& a, bool accumulate) {
  const auto x = values_like<T>(a, 1), g = values_like<T>(a, 2);
  const auto size = x.size();
  const T before = accumulate ? T(1) : T(0);
  std::vector<T> y(size), log_y(size), dx(size, before), log_dx(size, before);
  std::vector<accumulate_t<T>> max(static_cast<std::size_t>(a.lines())), log_sum(max.size());
  kernels::softmax(a, x.data(), y.data());
  kernels::log_softmax(a, x.data(), log_y.data());
  kernels::softmax_backward(a, y.data(), g.data(), dx.data(), accumulate);
  kernels::log_softmax_backward(a, log_y.data(), g.data(), log_dx.data(), accumulate);
  kernels::log_sum_exp(a, x.data(), max.data(), log_sum.data());
  Difference worst;
  const auto see = [](double& to, double got, double wanted) { to = std::max(to, std::abs(got - wanted)); };
  for (std::int64_t i = 0; i < a.lines(); ++i) {
    const auto at = [&](std::int64_t k) { return static_cast<std::size_t>(a.begin(i) + k * a.inner); };
    double sum = 0, dot = 0, total = 0;
    for (std::int64_t k = 0; k < a.n; ++k) sum += std::exp(number(x[at(k)]));
    for (std::int64_t k = 0; k < a.n; ++k) {
      dot += number(y[at(k)]) * number(g[at(k)]);
      total += number(g[at(k)]);
    }
    for (std::int64_t k = 0; k < a.n; ++k) {
      const double p = std::exp(number(x[at(k)])) / sum, up = number(g[at(k)]), start = number(before);
      see(worst.softmax, number(y[at(k)]), p);
      see(worst.log_softmax, number(log_y[at(k)]), std::log(p));
      see(worst.softmax_grad, number(dx[at(k)]), start + number(y[at(k)]) * (up - dot));
      see(worst.log_softmax_grad, number(log_dx[at(k)]), start + up - p * total);
    }
    const auto line = static_cast<std::size_t>(i);
    if (a.n > 0) see(worst.log_sum, number(max[line]) + number(log_sum[line]), std::log(sum));
  }
  return worst;
}
template <class T>
void check_all(double tolerance, std::int64_t longest) {
  for (const std::int64_t outer : {0, 1, 3, 70})
    for (const std::int64_t inner : {1, 2, 31, 32, 33, 70})
      for (std::int64_t n = 0; n <= longest; n += n < 3 ? 1 : 10) {
        const auto d = compare<T>({outer, n, inner}, n % 2 == 0);
        INFO(outer << " x " << n << " x " << inner);
        const double scale = tolerance * static_cast<double>(n + 1);
        CHECK(d.softmax <= tolerance);
        CHECK(d.log_softmax <= 8 * tolerance);
        CHECK(d.softmax_grad <= 8 * scale);
        CHECK(d.log_softmax_grad <= 8 * scale);
        CHECK(d.log_sum <= 8 * tolerance);
      }
}

}  // namespace

TEST_CASE("softmax kernels: by definition for every length, on every instruction set", "[kernels][softmax]") {
  const kernels::Setting setting(GENERATE(from_range(kernels::isas())), num_threads());
  check_all<float>(5e-7, 73);
  check_all<double>(1e-15, 73);
}

TEST_CASE("softmax kernels: bfloat16 and dual numbers", "[kernels][softmax]") {
  check_all<bfloat16>(4e-3, 43);
  check_all<dual<double>>(1e-15, 43);
}

TEST_CASE("softmax kernels: the same bits on any number of threads", "[kernels][softmax][tsan]") {
  const kernels::Setting restored(isa());
  for (const Along a : {Along{300, 200, 1}, Along{3, 70, 200}}) {
    const auto x = values_like<float>(a, 3);
    std::vector<float> one(x.size()), many(x.size());
    set_num_threads(1);
    kernels::softmax(a, x.data(), one.data());
    set_num_threads(5);
    kernels::softmax(a, x.data(), many.data());
    CHECK(one == many);
  }
}
