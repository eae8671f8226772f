// Memory: reference-counted buffers and small objects from a pool, so that a training step that has run twice asks
// the system for nothing.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <utility>

namespace shunt {

/// Bytes of tensor buffers: in use, the most that ever were (since reset_peak_memory), and kept for reuse.
struct MemoryStats {
  std::int64_t live, peak, pooled;
};
/// How many tensor buffers were handed out, and how many of those requests had to ask the system.
struct AllocationCounts {
  std::int64_t buffers, system;
};

namespace detail {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool pooling = false;  // a pooled block would hide a use after free
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool pooling = false;
#else
inline constexpr bool pooling = true;
#endif
#else
inline constexpr bool pooling = true;
#endif

/// Free blocks by size class: four classes to each power of two from 64 bytes up, and from 1 KiB on 64 bytes more, so
/// that elements of such a size fit with the header before them. A thread keeps some small blocks to itself; the rest,
/// and everything large, lies in one list a class under a lock. The smallest are cut from slabs, for good: neither
/// header nor gap, and larger blocks, which may go back, lie side by side for the system to join.
class Pool {
 public:
  static constexpr std::size_t alignment = 64;

  /// Never destroyed: tensors of static storage may outlive everything else.
  static Pool& instance() {
    static Pool* pool = new Pool;
    return *pool;
  }

  /// A block of at least `bytes` bytes; `bytes` becomes its true size, which release() wants back.
  [[gnu::noinline]] void* acquire(std::size_t& bytes) {
    if constexpr (!pooling) return from_system(bytes);
    const int c = size_class(bytes);
    bytes = class_size(c);
    if (c < cached_classes) {
      if (Cache* cache = local(); cache != nullptr && cache->free[c] != nullptr) {
        --cache->count[c];
        if (c > object_classes) add(pooled_, -static_cast<std::int64_t>(bytes));
        return pop(cache->free[c]);
      }
    }
    {
      std::lock_guard lock(mutex_);
      if (free_[c] != nullptr) {
        if (c > object_classes) add(pooled_, -static_cast<std::int64_t>(bytes));
        return pop(free_[c]);
      }
      if (c >= slab_classes) make_room(bytes);
    }
    return c < slab_classes ? cut(bytes) : from_system(bytes);
  }

  [[gnu::noinline]] void release(void* block, std::size_t bytes) noexcept {
    if constexpr (!pooling) return to_system(block, bytes);
    const int c = size_class(bytes);
    if (c > object_classes) add(pooled_, static_cast<std::int64_t>(bytes));
    if (c < cached_classes) {
      if (Cache* cache = local(); cache != nullptr && cache->count[c] < cache_limit(c)) {
        ++cache->count[c];
        return push(cache->free[c], block);
      }
    }
    std::lock_guard lock(mutex_);
    push(free_[c], block);
  }

  /// Gives the shared free blocks, and those of the calling thread, back to the system; slabs stay.
  void trim() noexcept {
    if (Cache* cache = local(); cache != nullptr) flush(*cache);
    std::lock_guard lock(mutex_);
    for (int c = slab_classes; c < classes; ++c)
      while (free_[c] != nullptr) give_back(c);
  }

  void count_buffer(std::int64_t bytes) noexcept {
    buffers_.fetch_add(1, std::memory_order_relaxed);
    const auto live = live_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    auto peak = peak_.load(std::memory_order_relaxed);
    while (live > peak && !peak_.compare_exchange_weak(peak, live, std::memory_order_relaxed)) {}
  }
  void uncount_buffer(std::int64_t bytes) noexcept { add(live_, -bytes); }

  MemoryStats stats() const noexcept { return {live_.load(), peak_.load(), pooled_.load()}; }
  AllocationCounts counts() const noexcept { return {buffers_.load(), system_.load()}; }
  void reset_peak() noexcept { peak_.store(live_.load()); }

 private:
  struct Block {
    Block* next;
  };
  static constexpr std::size_t headed = 1024;
  static constexpr int classes = 4 * 50, cached_classes = 4 * 11;  // a thread keeps blocks below 64 * 2^11 = 128 KiB
  static constexpr int object_classes = 4 * 4 + 1;  // classes that mostly hold nodes and handles: not counted as pooled
  static constexpr int slab_classes = 4 * 3;        // elements of up to 1 KiB
  static constexpr std::size_t slab_size = std::size_t{1} << 16;

  struct Cache {
    Block* free[cached_classes] = {};
    int count[cached_classes] = {};
  };

  static int size_class(std::size_t bytes) {
    if (bytes <= alignment) return 0;
    if (bytes > headed) bytes -= alignment;
    const std::size_t units = (bytes - 1) / alignment;  // 64 * units < bytes
    const int power = static_cast<int>(std::bit_width(units)) - 1;
    if (power < 2) return static_cast<int>(units);  // 128, 192, 256
    const auto quarter = (units >> (power - 2)) & 3u;
    return 4 * (power - 1) + static_cast<int>(quarter);
  }
  static std::size_t class_size(int c) {
    if (c < 4) return alignment * static_cast<std::size_t>(c + 1);
    const auto step = std::size_t{1} << (c / 4 - 1);
    const std::size_t bytes = alignment * (4 * step + (static_cast<std::size_t>(c % 4) + 1) * step);
    return bytes < headed ? bytes : bytes + alignment;
  }
  static int cache_limit(int c) { return c < 4 * 4 ? 1024 : c < 4 * 8 ? 64 : 16; }

  // The block after it is the next one to be handed out, and may have lain untouched for a whole step.
  static void* pop(Block*& head) noexcept {
    void* const block = std::exchange(head, head->next);
#ifdef __GNUC__
    __builtin_prefetch(head, 1);
#endif
    return block;
  }
  static void push(Block*& head, void* block) noexcept { head = ::new (block) Block{head}; }
  static void add(std::atomic<std::int64_t>& a, std::int64_t v) noexcept { a.fetch_add(v, std::memory_order_relaxed); }

  void* cut(std::size_t bytes) {
    {
      std::lock_guard lock(mutex_);
      if (slab_left_ >= bytes) return slab_ + (slab_left_ -= bytes);
    }
    auto* const fresh = static_cast<std::byte*>(from_system(slab_size));
    std::lock_guard lock(mutex_);
    slab_ = fresh, slab_left_ = slab_size;
    return slab_ + (slab_left_ -= bytes);
  }
  // The next two want the lock.
  void give_back(int c) noexcept {
    to_system(pop(free_[c]), class_size(c));
    if (c > object_classes) add(pooled_, -static_cast<std::int64_t>(class_size(c)));
  }
  // Before the system is asked: what is kept gives way where more would be held than was ever in use, and some more. So
  // gradients come to lie where activations were, and a step of a new shape replaces an old one.
  void make_room(std::size_t bytes) noexcept {
    const auto peak = peak_.load(std::memory_order_relaxed);
    const auto most = peak + std::max(peak / 16, std::int64_t{1} << 26);
    const auto wanted = live_.load(std::memory_order_relaxed) + static_cast<std::int64_t>(bytes);
    for (int c = classes - 1; c > object_classes; --c)
      while (free_[c] != nullptr && wanted + pooled_.load(std::memory_order_relaxed) > most) give_back(c);
  }

  void* from_system(std::size_t bytes) {
    add(system_, 1);
    try {
      return ::operator new (bytes, std::align_val_t{alignment});
    } catch (const std::bad_alloc&) {
      if constexpr (!pooling) throw;
      trim();
      return ::operator new (bytes, std::align_val_t{alignment});
    }
  }
  static void to_system(void* block, std::size_t) noexcept { ::operator delete (block, std::align_val_t{alignment}); }

  void flush(Cache& cache) noexcept {
    std::lock_guard lock(mutex_);
    for (int c = 0; c < cached_classes; ++c) {
      while (cache.free[c] != nullptr) push(free_[c], pop(cache.free[c]));
      cache.count[c] = 0;
    }
  }

  /// This thread's own blocks; null once the thread is ending, when tensors of static storage may still be freed.
  static Cache* local() noexcept {
    enum class State : std::uint8_t { fresh, alive, ended };
    static thread_local State state = State::fresh;
    static thread_local Cache* cache = nullptr;
    struct Keeper {
      Cache own;
      Keeper() { cache = &own, state = State::alive; }
      ~Keeper() { state = State::ended, cache = nullptr, instance().flush(own); }
    };
    if (state == State::alive) return cache;
    if (state == State::ended) return nullptr;
    static thread_local Keeper keeper;
    return cache;
  }

  std::mutex mutex_;
  Block* free_[classes] = {};
  std::byte* slab_ = nullptr;
  std::size_t slab_left_ = 0;
  std::atomic<std::int64_t> live_ = 0, peak_ = 0, pooled_ = 0, buffers_ = 0, system_ = 0;
};

/// Base of what is counted by reference and allocated from the pool.
template <class Derived>
class Counted {
 public:
  Counted() = default;
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;

  void retain() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
  /// True when the last reference went: the caller destroys the object.
  bool drop() noexcept { return refs_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
  std::int64_t references() const noexcept { return refs_.load(std::memory_order_acquire); }

 private:
  std::atomic<std::int64_t> refs_ = 0;
};

/// An owning pointer to a Counted object. `destroy(T*)`, found by argument-dependent lookup, ends the object's life.
template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  explicit Ref(T* p) noexcept : p_(p) {
    if (p_ != nullptr) p_->retain();
  }
  Ref(const Ref& o) noexcept : Ref(o.p_) {}
  Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  Ref& operator=(Ref o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  ~Ref() {
    if (p_ != nullptr) release(p_);
  }
  T* get() const noexcept { return p_; }
  T* operator->() const noexcept { return p_; }
  T& operator*() const noexcept { return *p_; }
  explicit operator bool() const noexcept { return p_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) { return a.p_ == b.p_; }

 private:
  // Out of line: a destructor stands at every end of a scope.
  [[gnu::noinline]] static void release(T* p) noexcept {
    if (p->drop()) destroy(p);
  }
  T* p_ = nullptr;
};

/// A pooled object; end it with unmake().
template <class T, class... Args>
T* make(Args&&... args) {
  std::size_t bytes = sizeof(T);
  void* block = Pool::instance().acquire(bytes);
  try {
    return ::new (block) T(std::forward<Args>(args)...);
  } catch (...) {
    Pool::instance().release(block, bytes);
    throw;
  }
}
template <class T>
void unmake(T* p) noexcept {
  std::size_t bytes = sizeof(T);
  p->~T();
  Pool::instance().release(p, bytes);
}

}  // namespace detail

/// Bytes of tensor buffers now: in use, at the peak, and pooled for reuse.
inline MemoryStats memory_stats() { return detail::Pool::instance().stats(); }
/// Starts the peak anew from what is in use now.
inline void reset_peak_memory() { detail::Pool::instance().reset_peak(); }
/// Gives pooled memory back to the system.
inline void empty_cache() { detail::Pool::instance().trim(); }
inline AllocationCounts allocation_counts() { return detail::Pool::instance().counts(); }

}  // namespace shunt
