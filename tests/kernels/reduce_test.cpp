#include "shunt/kernels/reduce.hpp"

#include <cmath>
#include <cstring>
#include <vector>

#include "shunt/core/random.hpp"
#include "support/catch.hpp"
#include "support/isa.hpp"

using namespace shunt;

namespace {

template <class T>
std::vector<T> uniform(std::size_t n) {
  Generator g(7);
  const auto stream = g.reserve(n);
  std::vector<T> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<T>(static_cast<double>(stream.block(i)[0]) * 0x1p-32);
  return x;
}
/// outer x n x inner elements summed over n, through the driver.
template <class T>
std::vector<T> sum_middle(const std::vector<T>& x, std::int64_t outer, std::int64_t n, std::int64_t inner,
                          bool accumulate = false, T before = T(0)) {
  std::vector<T> y(static_cast<std::size_t>(outer * inner), before);
  const auto nest = kernels::make_nest({outer, n, inner}, {Shape{n * inner, inner, 1}, Shape{inner, 0, 1}});
  kernels::reduce(kernels::Sum<T>{}, nest, accumulate, y.data(), x.data());
  return y;
}
template <class T>
std::vector<double> by_definition(const std::vector<T>& x, std::int64_t outer, std::int64_t n, std::int64_t inner) {
  std::vector<double> y(static_cast<std::size_t>(outer * inner), 0.0);
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t k = 0; k < n; ++k)
      for (std::int64_t i = 0; i < inner; ++i)
        y[static_cast<std::size_t>(o * inner + i)] +=
            static_cast<double>(x[static_cast<std::size_t>((o * n + k) * inner + i)]);
  return y;
}
template <class T>
bool agree(const std::vector<T>& a, const std::vector<double>& b, double tolerance) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!(std::abs(static_cast<double>(a[i]) - b[i]) <= tolerance * (1 + b[i]))) return false;
  return true;
}
}  // namespace

TEST_CASE("reduce: by definition for every length around blocks and tiles, on every instruction set",
          "[kernels][reduce]") {
  const kernels::Setting setting(GENERATE(from_range(kernels::isas())), num_threads());
  for (const std::int64_t outer : {1, 3, 40})
    for (const std::int64_t inner : {1, 2, 7, 31, 33, 130, 600})
      for (const std::int64_t n : {0, 1, 2, 7, 23, 24, 31, 32, 33, 64, 127, 129, 255, 260, 700}) {
        const auto x = uniform<float>(static_cast<std::size_t>(outer * n * inner));
        INFO(outer << " x " << n << " x " << inner);
        CHECK(agree(sum_middle(x, outer, n, inner), by_definition(x, outer, n, inner), 2e-6));
      }
}

TEST_CASE("reduce: every scalar", "[kernels][reduce]") {
  const auto x = uniform<double>(5 * 300 * 9);
  CHECK(agree(sum_middle(x, 5, 300, 9), by_definition(x, 5, 300, 9), 1e-14));
  std::vector<std::int64_t> whole(x.size());
  std::vector<bfloat16> brief(x.size());
  std::vector<dual<double>> twin(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    whole[i] = static_cast<std::int64_t>(x[i] * 1000);
    brief[i] = bfloat16(x[i]);
    twin[i] = {x[i], -2 * x[i]};
  }
  CHECK(agree(sum_middle(whole, 5, 300, 9), by_definition(whole, 5, 300, 9), 0));
  CHECK(agree(sum_middle(brief, 5, 300, 9), by_definition(brief, 5, 300, 9), 0.004));  // half a unit in the 8th bit
  const auto y = sum_middle(twin, 5, 300, 9);
  for (const auto& v : y) CHECK(v.eps == Approx(-2 * v.value));
}

TEST_CASE("reduce: adds to what is there", "[kernels][reduce]") {
  for (const auto& [outer, n, inner] :
       {std::array<std::int64_t, 3>{4, 50, 1}, {2, 50, 6}, {1, 100000, 1}, {1, 900, 3}, {3, 0, 2}}) {
    const auto x = uniform<double>(static_cast<std::size_t>(outer * n * inner));
    auto expected = by_definition(x, outer, n, inner);
    for (double& e : expected) e += 5;
    CHECK(agree(sum_middle(x, outer, n, inner, true, 5.0), expected, 1e-13));
  }
}

TEST_CASE("reduce: the same bits on any number of threads", "[kernels][reduce][tsan]") {
  const kernels::Setting setting(isa());
  const auto [outer, n, inner] = GENERATE(table<std::int64_t, std::int64_t, std::int64_t>(
      {{1, 300000, 1}, {3, 100000, 1}, {900, 200, 1}, {1, 3000, 100}, {1, 100000, 5}, {30000, 9, 1}, {40, 50, 60}}));
  const auto x = uniform<float>(static_cast<std::size_t>(outer * n * inner));
  const auto one = sum_middle(x, outer, n, inner);
  for (const int threads : {2, 3, 7}) {
    set_num_threads(threads);
    const auto many = sum_middle(x, outer, n, inner);
    CHECK(std::memcmp(one.data(), many.data(), one.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("reduce: a sum of ten million floats keeps six digits", "[kernels][reduce]") {
  const auto x = uniform<float>(10'000'000);
  for (const auto& [outer, n, inner] :
       {std::array<std::int64_t, 3>{1, 10'000'000, 1}, {2, 5'000'000, 1}, {1, 1'000'000, 10}}) {
    const auto got = sum_middle(x, outer, n, inner);
    const auto wanted = by_definition(x, outer, n, inner);
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(std::abs(got[i] / wanted[i] - 1) < 1e-6);
  }
}
