#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <iterator>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <unsupported/Eigen/CXX11/ThreadPool>
#include <utility>

#include "shunt/core/error.hpp"

namespace shunt {
namespace detail {

[[gnu::cold]] inline int default_num_threads() {
  const char* text = std::getenv("SHUNT_NUM_THREADS");
  if (text == nullptr || *text == '\0') return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  char* end = nullptr;
  const long n = std::strtol(text, &end, 10);
  if (*end != '\0' || n < 1 || n > 4096) {
    throw ValueError("SHUNT_NUM_THREADS: expected a number from 1 to 4096, got '" + std::string(text) + "'");
  }
  return static_cast<int>(n);
}

inline std::atomic<int> chosen_num_threads{0};
inline thread_local bool inside_parallel_region = false;

/// Workers beside the caller. A pool that has become too small is kept, for it may still have tasks, and never
/// destroyed, for static objects may need it at exit; sizes double, so few are ever made.
inline Eigen::ThreadPool& thread_pool(int workers) {
  static std::atomic<Eigen::ThreadPool*> current{nullptr};
  static std::mutex growing;
  Eigen::ThreadPool* pool = current.load(std::memory_order_acquire);
  if (pool == nullptr || pool->NumThreads() < workers) [[unlikely]] {
    const std::lock_guard lock(growing);
    pool = current.load(std::memory_order_acquire);
    if (pool == nullptr || pool->NumThreads() < workers) {
      const int size = pool == nullptr ? workers : std::max(workers, 2 * pool->NumThreads());
      pool = new Eigen::ThreadPool(size);
      current.store(pool, std::memory_order_release);
    }
  }
  return *pool;
}

/// One parallel_for. Chunks are dealt in runs, one for each thread, so that neighbouring threads' caches keep what the
/// same chunks of the operation before left there; who has done his own run helps with the others'. A worker may arrive
/// when the caller has long returned, so the region is counted by reference, and nothing but its counters is touched
/// unless a chunk was taken.
struct ParallelRegion {
  using Body = void (*)(void* f, std::int64_t begin, std::int64_t end);
  struct alignas(64) Run {
    std::atomic<std::int64_t> next;
    std::int64_t end;
  };
  Body body;
  void* f;
  std::int64_t n, size, chunks;
  std::atomic<int> holders;
  int runs;
  std::atomic<std::int64_t> done{0};
  std::atomic<bool> failed{false};
  std::exception_ptr error;
  Run run[16];

  ParallelRegion(Body b, void* fn, std::int64_t count, std::int64_t chunk_size, int threads)
      : body(b),
        f(fn),
        n(count),
        size(chunk_size),
        chunks((count + chunk_size - 1) / chunk_size),
        holders(threads),
        runs(std::min(threads, static_cast<int>(std::size(run)))) {
    for (int r = 0; r < runs; ++r) {
      run[r].next.store(chunks * r / runs, std::memory_order_relaxed);
      run[r].end = chunks * (r + 1) / runs;
    }
  }

  void release() {
    if (holders.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  void work(int thread) {
    const bool outer = std::exchange(inside_parallel_region, true);
    for (int r = 0; r < runs; ++r) {
      Run& from = run[(thread + r) % runs];
      for (std::int64_t i; (i = from.next.fetch_add(1, std::memory_order_relaxed)) < from.end;) do_chunk(i);
    }
    inside_parallel_region = outer;
  }
  void do_chunk(std::int64_t i) {
    if (!failed.load(std::memory_order_relaxed)) {
      try {
        body(f, i * size, std::min(n, (i + 1) * size));
      } catch (...) {
        if (!failed.exchange(true)) error = std::current_exception();
      }
    }
    if (done.fetch_add(1, std::memory_order_acq_rel) + 1 == chunks) done.notify_one();
  }

  void wait() const {
    if (spin([&] { return done.load(std::memory_order_acquire) == chunks; })) return;
    for (std::int64_t seen; (seen = done.load(std::memory_order_acquire)) != chunks;) done.wait(seen);
  }
  /// Asks for about 100 us, which is more than sleeping and being woken costs.
  template <class F>
  static bool spin(const F& ready) {
    for (int i = 0; i < 4000; ++i) {
      if (ready()) return true;
#ifdef __x86_64__
      __builtin_ia32_pause();
#endif
    }
    return ready();
  }
};

/// Where the next region is left for a worker that is awake: at work, or, for a short while after it, waiting, since
/// operations come in rows.
class AwakeWorker {
 public:
  /// False if nobody is awake here, or another region has been left.
  bool hand_over(ParallelRegion* region) {
    void* seen = next_.load(std::memory_order_relaxed);
    return seen == this && next_.compare_exchange_strong(seen, region, std::memory_order_acq_rel);
  }
  void work(ParallelRegion* region, int thread) {
    void* asleep = nullptr;
    const bool alone = next_.compare_exchange_strong(asleep, this, std::memory_order_relaxed);
    for (;;) {
      region->work(thread);
      region->release();
      void* none = this;
      if (!alone) return;
      if (!ParallelRegion::spin([this] { return next_.load(std::memory_order_relaxed) != this; }) &&
          next_.compare_exchange_strong(none, nullptr, std::memory_order_relaxed))
        return;
      region = static_cast<ParallelRegion*>(next_.exchange(this, std::memory_order_acq_rel));
    }
  }

 private:
  std::atomic<void*> next_{nullptr};  // this: awake, nothing left; nullptr: asleep
};

inline void run_parallel(ParallelRegion::Body body, void* f, std::int64_t n, std::int64_t size, int threads) {
  static constexpr int places = 64;
  alignas(64) static AwakeWorker awake[places];
  Eigen::ThreadPool& pool = thread_pool(threads - 1);
  auto* region = new ParallelRegion(body, f, n, size, threads);
  int wanted = threads - 1;
  for (int i = 0; i < std::min(places, pool.NumThreads()) && wanted > 0; ++i) wanted -= awake[i].hand_over(region);
  for (; wanted > 0; --wanted) {
    pool.Schedule([region, &pool] {
      const int id = pool.CurrentThreadId();
      awake[id % places].work(region, id + 1);
    });
  }
  region->work(0);
  region->wait();
  const std::exception_ptr error = region->error;
  region->release();
  if (error) std::rethrow_exception(error);
}

}  // namespace detail

/// How many threads an operation may use, the caller's included. Default: what the machine has, or the environment
/// variable SHUNT_NUM_THREADS. Results are the same bits for every number.
inline int num_threads() {
  int n = detail::chosen_num_threads.load(std::memory_order_relaxed);
  if (n == 0) [[unlikely]] {
    n = detail::default_num_threads();
    detail::chosen_num_threads.store(n, std::memory_order_relaxed);
  }
  return n;
}

/// Sets num_threads(); ValueError unless n >= 1.
inline void set_num_threads(int n) {
  if (n < 1) throw ValueError("set_num_threads: expected at least 1, got " + std::to_string(n));
  detail::chosen_num_threads.store(n, std::memory_order_relaxed);
}

namespace detail {

// One body of code for all functions; each brings one copy of itself, wherever it is called from here.
[[gnu::noinline]] inline void run_chunks(ParallelRegion::Body body, void* f, std::int64_t n, std::int64_t grain) {
  if (n <= 0) return;
  grain = std::max<std::int64_t>(grain, 1);
  if (n <= grain) return body(f, 0, n);
  const std::int64_t size = grain * ((n - 1) / (grain * 1024) + 1);
  const std::int64_t chunks = (n - 1) / size + 1;
  const int threads = static_cast<int>(std::min<std::int64_t>(num_threads(), chunks));
  if (threads > 1 && !inside_parallel_region) return run_parallel(body, f, n, size, threads);
  for (std::int64_t begin = 0; begin < n; begin += size) body(f, begin, std::min(n, begin + size));
}

}  // namespace detail

/// Calls f(begin, end) on chunks that cover [0, n), in any order and from several threads. Chunks are `grain` long
/// (a multiple of it beyond 1024 chunks), whatever the number of threads. An exception of f reaches the caller.
template <class F>
void parallel_for(std::int64_t n, std::int64_t grain, F&& f) {
  using Function = std::remove_reference_t<F>;
  detail::run_chunks([](void* fn, std::int64_t begin, std::int64_t end) { (*static_cast<Function*>(fn))(begin, end); },
                     const_cast<void*>(static_cast<const void*>(std::addressof(f))), n, grain);
}

}  // namespace shunt
