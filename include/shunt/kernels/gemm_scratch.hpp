// Memory for packed panels: kept by each thread and used again, so that products in a steady state allocate nothing.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

namespace shunt::kernels {

/// Who uses a thread's scratch memory; two users that may be active at once have two names.
enum class Scratch {
  panel_a,
  panel_b,
  weights,
  positions,
  sums,
  image,
  tiles,
  marks,
  products,
  partial,
  scores,
  count
};

namespace detail {

constexpr std::align_val_t scratch_alignment{64};

struct ScratchBlock {
  void* data;
  std::size_t bytes;
};

// Without a constructor the blocks cost no guard on access; the owner below is touched only when one is allocated.
inline thread_local ScratchBlock scratch_blocks[static_cast<int>(Scratch::count)] = {};

struct ScratchOwner {
  ~ScratchOwner() {
    for (ScratchBlock& block : scratch_blocks) {
      ::operator delete(block.data, scratch_alignment);
      block = {};
    }
  }
};

[[gnu::noinline]] inline void grow(ScratchBlock& block, std::size_t bytes) {
  static thread_local ScratchOwner owner;
  static_cast<void>(&owner);
  ::operator delete(block.data, scratch_alignment);
  block = {};
  bytes += bytes / 4;
  block = {::operator new(bytes, scratch_alignment), bytes};
}

}  // namespace detail

/// Room for `count` values of T, aligned to 64 bytes, uninitialised; valid until this thread asks for `user` again.
template <class T>
T* scratch(Scratch user, std::int64_t count) {
  detail::ScratchBlock& block = detail::scratch_blocks[static_cast<int>(user)];
  const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
  if (bytes > block.bytes) [[unlikely]]
    detail::grow(block, bytes);
  return static_cast<T*>(block.data);
}

/// A parallel computation whose threads keep something in their scratch memory from one chunk to the next.
class Keeping {
 public:
  Keeping() : run_(begun_.fetch_add(1, std::memory_order_relaxed) + 1) {}
  Keeping(const Keeping&) = delete;
  Keeping& operator=(const Keeping&) = delete;

  /// Whether this thread has been told to keep `part` last; if not, it has now, and the caller makes it so.
  bool keeps(std::int64_t part) const {
    const Last now{run_, part}, before = std::exchange(last_, now);
    return before.run == now.run && before.part == now.part;
  }

 private:
  struct Last {
    std::uint64_t run;
    std::int64_t part;
  };
  inline static std::atomic<std::uint64_t> begun_{0};
  inline static thread_local Last last_{0, 0};
  std::uint64_t run_;
};

}  // namespace shunt::kernels
