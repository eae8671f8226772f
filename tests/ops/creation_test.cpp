// New tensors: constants, ranges, random draws, lists.
#include "shunt/ops/creation.hpp"

#include "shunt/ops/view.hpp"
#include "support/catch.hpp"

using namespace shunt;
using Floats = std::vector<float>;

TEST_CASE("zeros, ones, full, eye", "[ops][creation]") {
  CHECK(zeros({2, 2}).to_vector() == Floats{0, 0, 0, 0});
  CHECK(ones<std::int64_t>({3}).to_vector() == std::vector<std::int64_t>{1, 1, 1});
  CHECK(full({2}, 2.5).to_vector() == Floats{2.5, 2.5});
  CHECK(full<bool>({}, 1).item());
  CHECK(full<bfloat16>({1}, 3).item() == 3.f);
  CHECK(full<dual<double>>({1}, 3).item().value == 3);
  CHECK(eye(2, 3).to_vector() == Floats{1, 0, 0, 0, 1, 0});
  CHECK(eye(3, 1).to_vector() == Floats{1, 0, 0});
  CHECK(eye(0).shape() == Shape{0, 0});
  CHECK(zeros({0, 5}).numel() == 0);
  CHECK(zeros({}).numel() == 1);
  const auto x = zeros<double>({2, 3});
  CHECK(ones_like(x).shape() == Shape{2, 3});
  CHECK(full_like(x, 4).at({1, 2}) == 4);
  CHECK(randn_like(x).shape() == Shape{2, 3});
  CHECK_THROWS_AS(zeros({2, -1}), ShapeError);
  CHECK_THROWS_AS(zeros({1, 1, 1, 1, 1, 1, 1, 1, 1}), ShapeError);
  CHECK_THROWS_AS(zeros({1ll << 40, 1ll << 40}), ShapeError);
}

TEST_CASE("arange, linspace: both ends as they should be", "[ops][creation]") {
  CHECK(arange(4).to_vector() == Floats{0, 1, 2, 3});
  CHECK(arange(1, 2, 0.25).to_vector() == Floats{1, 1.25, 1.5, 1.75});
  CHECK(arange<std::int64_t>(5, 0, -2).to_vector() == std::vector<std::int64_t>{5, 3, 1});
  CHECK(arange(3, 3).numel() == 0);
  CHECK(arange(3, 0).numel() == 0);
  CHECK_THROWS_AS(arange(0, 1, 0), ValueError);
  CHECK(linspace(0, 1, 5).to_vector() == Floats{0, 0.25, 0.5, 0.75, 1});
  CHECK(linspace(2, 9, 1).to_vector() == Floats{2});
  CHECK(linspace(2, 9, 0).numel() == 0);
  CHECK(linspace<double>(0, 0.3, 4).at({3}) == 0.3);
}

TEST_CASE("tensor, from_vector: values and errors", "[ops][creation]") {
  CHECK(tensor({1.5, 2}).shape() == Shape{2});
  CHECK(tensor({{1, 2}, {3, 4}, {5, 6}}).shape() == Shape{3, 2});
  CHECK(tensor<std::int64_t>({{1, 2}, {3, 4}}).at({1, 0}) == 3);
  CHECK_THROWS_AS(tensor({{1, 2}, {3}}), ShapeError);
  CHECK(from_vector(Floats{1, 2, 3, 4}, {2, 2}).at({1, 1}) == 4);
  CHECK(from_vector(std::vector<bool>{true, false}).to_vector() == std::vector<bool>{true, false});
  CHECK(from_vector(Floats{}).shape() == Shape{0});
  CHECK_THROWS_WITH(from_vector(Floats{1, 2, 3}, {2, 2}), Catch::Contains("3") && Catch::Contains("(2, 2)"));
}

TEST_CASE("random draws: moments, ranges, permutations", "[ops][creation]") {
  Generator random(7);
  const auto moments = [](const std::vector<double>& v) {
    double mean = 0, square = 0;
    for (double x : v) mean += x, square += x * x;
    const auto n = static_cast<double>(v.size());
    mean /= n;
    return std::pair{mean, square / n - mean * mean};
  };
  const auto [mu, var] = moments(randn<double>({100000}, random).to_vector());
  CHECK(mu == Approx(0).margin(5 / std::sqrt(1e5)));
  CHECK(var == Approx(1).margin(5 * std::sqrt(2 / 1e5)));
  const auto u = rand<double>({100000}, random).to_vector();
  const auto [half, twelfth] = moments(u);
  CHECK(half == Approx(0.5).margin(5 * std::sqrt(1. / 12 / 1e5)));
  CHECK(twelfth == Approx(1. / 12).margin(0.002));
  CHECK(*std::min_element(u.begin(), u.end()) >= 0);
  CHECK(*std::max_element(u.begin(), u.end()) < 1);
  std::array<int, 3> count{};
  for (auto i : randint(-1, 2, {30000}, random).to_vector()) ++count.at(static_cast<std::size_t>(i + 1));
  for (int c : count) CHECK(c == Approx(10000).margin(5 * std::sqrt(30000 * 2. / 9)));
  auto p = randperm(1000, random).to_vector();
  CHECK_FALSE(std::is_sorted(p.begin(), p.end()));
  std::sort(p.begin(), p.end());
  CHECK(p == arange<std::int64_t>(1000).to_vector());
  CHECK(randperm(0).numel() == 0);
  CHECK_THROWS_AS(randint(3, 3, {1}), ValueError);
}

TEST_CASE("random draws: the seed decides, the number of threads does not", "[ops][creation][tsan]") {
  const int before = num_threads();
  manual_seed(11);
  const auto a = randn({50001}), b = rand({3}), c = randn({50001});
  for (int threads : {1, 4}) {
    set_num_threads(threads);
    manual_seed(11);
    CHECK(randn({50001}).to_vector() == a.to_vector());
    CHECK(rand({3}).to_vector() == b.to_vector());
    CHECK(randn({50001}).to_vector() == c.to_vector());
  }
  set_num_threads(before);
  CHECK(a.to_vector() != c.to_vector());
}

TEST_CASE("tensor: a matrix of one column, one row, one element", "[ops][creation]") {
  CHECK(tensor({{1.}, {2.}}).shape() == Shape{2, 1});
  CHECK(tensor({{1, 2}}).shape() == Shape{1, 2});
  CHECK(tensor({{4}}).shape() == Shape{1, 1});
  CHECK(tensor({4}).shape() == Shape{1});
  const std::int64_t n = 3;
  CHECK(tensor<double>({n, 2.5, 1}).to_vector() == std::vector<double>{3, 2.5, 1});
}
