// Prefetch: results 0, 1, 2, .. made ahead of time by threads, and taken in that order.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace shunt::data {

/// Calls make(k) for k < count on `workers` threads, at most `ahead` results before the one taken last. What make
/// throws is thrown by next() in its place. The destructor waits for the calls that are running, and drops the rest.
template <class R>
class Prefetch {
 public:
  Prefetch(std::int64_t count, int ahead, int workers, std::function<R(std::int64_t)> make)
      : count_(count), make_(std::move(make)), slots_(static_cast<std::size_t>(ahead)) {
    try {
      for (int i = 0; i < workers; ++i) threads_.emplace_back([this] { work(); });
    } catch (...) {
      stop();
      throw;
    }
  }
  Prefetch(const Prefetch&) = delete;
  Prefetch& operator=(const Prefetch&) = delete;
  ~Prefetch() { stop(); }

  R next() {
    std::unique_lock lock(mutex_);
    Slot& slot = slots_[static_cast<std::size_t>(taken_) % slots_.size()];
    changed_.wait(lock, [&] { return slot.result || slot.error; });
    const auto error = std::exchange(slot.error, nullptr);
    auto result = std::exchange(slot.result, std::nullopt);
    ++taken_;
    lock.unlock();
    changed_.notify_all();
    if (error) std::rethrow_exception(error);
    return std::move(*result);
  }

 private:
  struct Slot {
    std::optional<R> result;
    std::exception_ptr error;
  };

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] {
        return stopped_ || next_ >= count_ || next_ < taken_ + static_cast<std::int64_t>(slots_.size());
      });
      if (stopped_ || next_ >= count_) return;
      const std::int64_t k = next_++;
      lock.unlock();
      Slot made;
      try {
        made.result.emplace(make_(k));
      } catch (...) { made.error = std::current_exception(); }
      lock.lock();
      slots_[static_cast<std::size_t>(k) % slots_.size()] = std::move(made);
      changed_.notify_all();
    }
  }
  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
    }
    changed_.notify_all();
    for (auto& t : threads_) t.join();
  }

  std::int64_t count_;
  std::function<R(std::int64_t)> make_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Slot> slots_;
  std::int64_t next_ = 0, taken_ = 0;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace shunt::data
