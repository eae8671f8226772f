#include "shunt/data/loader.hpp"

#include <chrono>

#include "shunt/data/transforms.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;

namespace {

data::TensorDataset<> counted(std::int64_t n) {
  return {arange(static_cast<double>(n)).reshape({n, 1}), arange<std::int64_t>(static_cast<double>(n))};
}
/// Gives its number and something drawn from its generator; slower for some than for others.
struct Noisy {
  std::int64_t n = 40, fails_at = -1;
  std::int64_t size() const { return n; }
  data::Sample<> get(std::int64_t i, Generator& g) const {
    if (i == fails_at) throw ValueError("sample " + std::to_string(i));
    std::this_thread::sleep_for(std::chrono::microseconds(200 * (i % 3)));
    return {rand({2, 2}, g), full<std::int64_t>({}, static_cast<double>(i))};
  }
};
using Labels = std::vector<std::int64_t>;

template <class D>
Labels epoch(data::DataLoader<D>& loader, std::vector<float>* inputs = nullptr) {
  Labels seen;
  for (auto& [x, y] : loader) {
    for (auto v : y.to_vector()) seen.push_back(v);
    if (inputs != nullptr)
      for (auto v : x.to_vector()) inputs->push_back(v);
  }
  return seen;
}

}  // namespace

TEST_CASE("batches in order, the last one small or left out", "[data][loader]") {
  const auto prefetch = GENERATE(0, 1, 3);
  const bool drop = GENERATE(false, true);
  data::DataLoader loader(counted(10), {.batch_size = 4, .drop_last = drop, .prefetch = prefetch, .workers = 2});
  CHECK(loader.size() == (drop ? 2 : 3));
  std::vector<std::int64_t> sizes;
  for (auto& [x, y] : loader) {
    sizes.push_back(y.size(0));
    CHECK(x.shape() == Shape{y.size(0), 1});
    CHECK(x.at({0, 0}) == static_cast<float>(y.at({0})));
  }
  CHECK(sizes == (drop ? Labels{4, 4} : Labels{4, 4, 2}));
  data::DataLoader none(counted(0), {.batch_size = 4, .prefetch = prefetch});
  CHECK(epoch(none).empty());
}

TEST_CASE("shuffling: each sample once, another order each epoch, all from the seed", "[data][loader]") {
  Generator a(1), b(1), c(2);
  data::DataLoader first(counted(50), {.batch_size = 8, .shuffle = true}, a);
  data::DataLoader again(counted(50), {.batch_size = 8, .shuffle = true}, b);
  data::DataLoader other(counted(50), {.batch_size = 8, .shuffle = true}, c);
  const auto x = epoch(first), y = epoch(first);
  CHECK(x != y);
  CHECK(x == epoch(again));
  CHECK(y == epoch(again));
  CHECK(x != epoch(other));
  auto sorted = x;
  std::sort(sorted.begin(), sorted.end());
  CHECK(sorted == counted(50).get(0).target.alias(arange<std::int64_t>(50).data(), {50}, {1}).to_vector());
}

TEST_CASE("what is drawn does not depend on threads", "[data][loader][tsan]") {
  const auto run = [](int prefetch, int workers) {
    Generator g(3);
    data::DataLoader loader(Noisy{}, {.batch_size = 3, .shuffle = true, .prefetch = prefetch, .workers = workers}, g);
    std::vector<float> all;
    for (int e = 0; e < 2; ++e)
      for (auto v : epoch(loader, &all)) all.push_back(static_cast<float>(v));
    return all;
  };
  const auto plain = run(0, 1);
  CHECK(plain.size() == 2 * 40 * 5);
  CHECK(run(1, 1) == plain);
  CHECK(run(4, 3) == plain);
  CHECK(run(2, 8) == plain);
}

TEST_CASE("an exception of the dataset comes in its place", "[data][loader][tsan]") {
  const int prefetch = GENERATE(0, 2, 8);
  data::DataLoader loader(Noisy{.fails_at = 13}, {.batch_size = 4, .prefetch = prefetch, .workers = 3});
  int batches = 0;
  CHECK_THROWS_WITH(
      [&] {
        for ([[maybe_unused]] auto& batch : loader) ++batches;
      }(),
      "sample 13");
  CHECK(batches == 3);
}

TEST_CASE("a loop may be left early; the next one is another epoch", "[data][loader][tsan]") {
  const int prefetch = GENERATE(0, 1, 6);
  data::DataLoader loader(Noisy{}, {.batch_size = 4, .shuffle = true, .prefetch = prefetch, .workers = 3});
  for (int i = 0; i < 5; ++i) {
    for ([[maybe_unused]] auto& batch : loader) break;
    CHECK(loader.epoch() == i);
  }
  CHECK(epoch(loader).size() == 40);
}

TEST_CASE("samples of unequal shape are refused, and options without sense", "[data][loader]") {
  struct Uneven {
    std::int64_t size() const { return 2; }
    data::Sample<> get(std::int64_t i) const { return {zeros({i + 1}), zeros<std::int64_t>({})}; }
  };
  data::DataLoader loader(Uneven{}, {.batch_size = 2});
  CHECK_THROWS_AS(epoch(loader), ShapeError);
  CHECK_THROWS_AS(data::DataLoader(Uneven{}, {.batch_size = 0}), ValueError);
  CHECK_THROWS_AS(data::DataLoader(Uneven{}, {.workers = 0}), ValueError);
  CHECK_THROWS_AS(data::DataLoader(Uneven{}, {.prefetch = -1}), ValueError);
}

TEST_CASE("a restored loader goes on behind the batch at which it was saved", "[data][loader]") {
  const std::int64_t stop = GENERATE(1, 3, 5);  // 5 is the last batch
  const auto make = [](std::uint64_t seed) {
    Generator g(seed);
    return data::DataLoader(Noisy{.n = 18}, {.batch_size = 4, .shuffle = true}, g);
  };
  auto whole = make(1);
  std::vector<float> expected, got;
  epoch(whole);
  StateDict saved;
  std::int64_t batch = 0;
  for (auto& [x, y] : whole) {
    if (batch >= stop)
      for (auto v : x.to_vector()) expected.push_back(v);
    if (++batch == stop) saved = whole.state_dict();
  }
  epoch(whole, &expected);
  auto other = make(2);
  epoch(other);
  other.load_state_dict(saved);
  CHECK(other.epoch() == 1);
  epoch(other, &got);  // what was left, nothing after the last batch
  CHECK(other.epoch() == 2);
  epoch(other, &got);
  CHECK(got == expected);

  data::DataLoader smaller(Noisy{.n = 17}, {.batch_size = 4, .shuffle = true});
  CHECK_THROWS_AS(smaller.load_state_dict(saved), ValueError);
  saved["position"] = full<std::int64_t>({}, 6);
  CHECK_THROWS_AS(other.load_state_dict(saved), ValueError);
}
