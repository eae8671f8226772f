// Memory for packed panels: kept by each thread and used again, so that products in a steady state allocate nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

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

}  // namespace shunt::kernels
