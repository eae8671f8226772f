// The buffer pool: what is counted, reused, and given back.
#include "shunt/core/pool.hpp"

#include <algorithm>
#include <cstring>
#include <thread>
#include <vector>

#include "shunt/autograd/node.hpp"
#include "support/catch.hpp"

using namespace shunt;
using Floats = Tensor<float>;

TEST_CASE("pool: live and peak follow the buffers", "[core][pool]") {
  reset_peak_memory();
  const auto before = memory_stats();
  {
    const auto x = Floats::empty({1 << 20});
    const auto now = memory_stats();
    CHECK(now.live - before.live >= 4 << 20);
    CHECK(now.live - before.live <= 5 << 20);  // size classes waste at most a quarter
    CHECK(now.peak == now.live);
    const auto view = x.alias(x.data(), {2}, {1});
    CHECK(memory_stats().live == now.live);
  }
  CHECK(memory_stats().live == before.live);
  CHECK(memory_stats().peak - before.live >= 4 << 20);
  reset_peak_memory();
  CHECK(memory_stats().peak == memory_stats().live);
}

TEST_CASE("pool: the second round asks the system for nothing", "[core][pool]") {
  const auto round = [] {
    std::vector<Floats> kept;
    for (std::int64_t n : {0, 1, 15, 16, 17, 100, 1000, 50000, 300000, 3000000}) kept.push_back(Floats::empty({n}));
    for (int i = 0; i < 2000; ++i) kept.push_back(Floats::empty({3}));
  };
  round();
  const auto before = allocation_counts();
  round();
  const auto after = allocation_counts();
  CHECK(after.buffers - before.buffers == 2010);
  if (detail::pooling) CHECK(after.system == before.system);
}

TEST_CASE("pool: empty_cache gives everything back", "[core][pool]") {
  { const auto x = Floats::empty({1 << 18}), y = Floats::empty({1000}); }
  if (detail::pooling) CHECK(memory_stats().pooled > 0);
  empty_cache();
  CHECK(memory_stats().pooled == 0);
}

TEST_CASE("pool: what is kept gives way to blocks of other sizes", "[core][pool]") {
  empty_cache();
  reset_peak_memory();
  const auto fill = [](int count, std::int64_t n) {
    std::vector<Floats> all;
    for (int i = 0; i < count; ++i) all.push_back(Floats::empty({n}));
  };
  fill(200, 1 << 18);  // 200 MiB
  const auto first = memory_stats();
  CHECK(first.peak - first.live >= 200 << 20);
  fill(50, 1 << 20);  // as much again, in larger blocks
  const auto second = memory_stats();
  CHECK(second.live + second.pooled <= second.peak + std::max<std::int64_t>(second.peak / 16, 64 << 20));
  empty_cache();
}

TEST_CASE("pool: blocks in use never overlap, whatever their size", "[core][pool]") {
  std::vector<Floats> held;
  for (std::int64_t n = 1; n < 3000; n += 7) {
    held.push_back(Floats::empty({n}));
    std::fill_n(held.back().data(), n, static_cast<float>(n));
    if (n % 5 == 0) held.erase(held.begin());
  }
  for (const auto& x : held)
    for (std::int64_t i = 0; i < x.numel(); ++i) REQUIRE(x.data()[i] == static_cast<float>(x.numel()));
}

TEST_CASE("pool: buffers made on one thread and freed on another", "[core][pool][tsan]") {
  const auto before = memory_stats().live;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::vector<Floats>> made(4);
    std::vector<std::thread> threads;
    for (auto& list : made)
      threads.emplace_back([&list] {
        for (std::int64_t n = 0; n < 300; ++n) {
          list.push_back(Floats::empty({n}));
          std::fill_n(list.back().data(), n, static_cast<float>(n));
        }
      });
    for (auto& t : threads) t.join();
    threads.clear();
    for (auto& list : made)
      threads.emplace_back([mine = std::move(list)]() mutable {
        for (std::size_t i = 0; i < mine.size(); i += 2) mine[i] = Floats();
        mine.clear();
      });
    for (auto& t : threads) t.join();
  }
  CHECK(memory_stats().live == before);
}

TEST_CASE("storage: memory of another owner lives as long as the last tensor in it", "[core][pool]") {
  struct Owned : detail::Memory {
    explicit Owned(bool& ended) : ended_(ended) {}
    ~Owned() override { ended_ = true; }
    float values[4] = {1, 2, 3, 4};
    bool& ended_;
  };
  bool ended = false;
  const auto before = memory_stats().live;
  {
    Floats half;
    {
      const detail::Ref<Owned> owner(new Owned(ended));
      const auto storage = detail::Storage::within(detail::Ref<detail::Memory>(owner.get()));
      const Floats whole(storage, owner->values, {4}, {1});
      half = whole.alias(whole.data() + 2, {2}, {1});
      CHECK_FALSE(whole.is_unique());
    }
    CHECK(half.is_unique());
    CHECK(half.at({1}) == 4);
    CHECK(memory_stats().live - before < 256);
    CHECK_FALSE(ended);
  }
  CHECK(ended);
  CHECK(memory_stats().live == before);
}
