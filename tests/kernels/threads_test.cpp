#include "shunt/core/threads.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using namespace shunt;

namespace {

struct Threads {
  int before = num_threads();
  explicit Threads(int n) { set_num_threads(n); }
  ~Threads() { set_num_threads(before); }
};

using Chunks = std::vector<std::pair<std::int64_t, std::int64_t>>;

Chunks chunks_of(std::int64_t n, std::int64_t grain) {
  std::mutex adding;
  Chunks chunks;
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    const std::lock_guard lock(adding);
    chunks.emplace_back(begin, end);
  });
  std::sort(chunks.begin(), chunks.end());
  return chunks;
}

}  // namespace

TEST_CASE("parallel_for: covers the range once, in chunks that the number of threads does not change",
          "[core][threads][tsan]") {
  for (std::int64_t n : {0, 1, 7, 8, 9, 1000, 5000}) {
    for (std::int64_t grain : {-1, 1, 8, 100, 10000}) {
      Chunks expected;
      for (int threads : {1, 2, 3, 8}) {
        const Threads setting(threads);
        const Chunks chunks = chunks_of(n, grain);
        CAPTURE(n, grain, threads);
        if (threads == 1) expected = chunks;
        CHECK(chunks == expected);
        std::int64_t covered = 0;
        for (const auto& [begin, end] : chunks) {
          CHECK(begin == covered);
          covered = end;
        }
        CHECK(covered == n);
      }
      CHECK(expected.size() <= 1024);
    }
  }
}

TEST_CASE("parallel_for: an exception reaches the caller, and the pool goes on", "[core][threads][tsan]") {
  const Threads setting(4);
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> ran{0};
    CHECK_THROWS_AS(parallel_for(100, 1,
                                 [&](std::int64_t begin, std::int64_t) {
                                   ++ran;
                                   if (begin == 3) throw ValueError("chunk 3");
                                 }),
                    ValueError);
    CHECK(ran >= 1);
    CHECK(chunks_of(100, 10).size() == 10);
  }
}

TEST_CASE("parallel_for: inside another one it stays on its thread", "[core][threads][tsan]") {
  const Threads setting(4);
  std::atomic<std::int64_t> sum{0};
  std::atomic<bool> moved{false};
  parallel_for(8, 1, [&](std::int64_t, std::int64_t) {
    const auto outer = std::this_thread::get_id();
    parallel_for(100, 10, [&](std::int64_t begin, std::int64_t end) {
      if (std::this_thread::get_id() != outer) moved = true;
      for (std::int64_t i = begin; i < end; ++i) sum += i;
    });
  });
  CHECK(sum == 8 * 4950);
  CHECK_FALSE(moved);
}

TEST_CASE("parallel_for: several callers share the pool", "[core][threads][tsan]") {
  const Threads setting(3);
  std::vector<std::int64_t> sums(4);
  std::vector<std::thread> callers;
  for (std::int64_t& sum : sums) {
    callers.emplace_back([&sum] {
      for (int round = 0; round < 200; ++round) {
        std::vector<std::int64_t> squares(64);
        parallel_for(64, 4, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t i = begin; i < end; ++i) squares[static_cast<std::size_t>(i)] = i * i;
        });
        for (std::int64_t square : squares) sum += square;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (std::int64_t sum : sums) CHECK(sum == 200 * 85344);
}

TEST_CASE("set_num_threads: what was set is told; less than one is an error", "[core][threads]") {
  const Threads setting(5);
  CHECK(num_threads() == 5);
  CHECK_THROWS_AS(set_num_threads(0), ValueError);
  CHECK_THROWS_AS(set_num_threads(-2), ValueError);
  CHECK(num_threads() == 5);
}
