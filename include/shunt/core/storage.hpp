// Storage and Body: the memory of a tensor, and the object that all copies of a handle share.
#pragma once

#include "shunt/core/pool.hpp"
#include "shunt/core/shape.hpp"

namespace shunt::detail {

/// Memory that is not the pool's, such as a mapped file; it lives as long as any storage whose elements lie in it.
struct Memory : Counted<Memory> {
  virtual ~Memory() = default;
};
inline void destroy(Memory* m) noexcept { delete m; }

/// One buffer. Its header and its elements are one pooled block; the elements begin on a cache line. With an owner the
/// block is the header alone and the elements lie in the owner's memory: data() is not where they are.
struct Storage : Counted<Storage> {
  static constexpr std::size_t header = Pool::alignment;

  std::size_t block_bytes = 0;
  std::atomic<std::int32_t> views = 0;     ///< Bodies that see this buffer; references() also counts saved values.
  std::atomic<std::uint32_t> version = 0;  ///< Grows with every in-place change.
  const char* last_change = "";            ///< The operation that made the last one.
  Ref<Memory> owner;                       ///< Of elements that lie elsewhere.
  Ref<Memory> plan;                        ///< How products with these elements are computed; see ops/matmul.hpp.
  std::atomic<const void*> next_weight = nullptr;  ///< What products read after these elements: an address only.

  void* data() noexcept { return reinterpret_cast<std::byte*>(this) + header; }

  [[gnu::noinline]] static Ref<Storage> make(std::size_t bytes) {
    auto& pool = Pool::instance();
    std::size_t block_bytes = bytes + header;
    auto* s = ::new (pool.acquire(block_bytes)) Storage;
    s->block_bytes = block_bytes;
    pool.count_buffer(static_cast<std::int64_t>(block_bytes));
    return Ref<Storage>(s);
  }
  /// For elements in memory of this owner, which may be written.
  static Ref<Storage> within(Ref<Memory> owner) {
    auto s = make(0);
    s->owner = std::move(owner);
    return s;
  }
};
static_assert(sizeof(Storage) <= Storage::header);

// Out of line: a handle's destructor stands at every end of a scope.
[[gnu::noinline]] inline void destroy(Storage* s) noexcept {
  auto& pool = Pool::instance();
  const auto bytes = s->block_bytes;
  s->~Storage();
  pool.uncount_buffer(static_cast<std::int64_t>(bytes));
  pool.release(s, bytes);
}

/// How a tensor came to be, as autograd knows it; core only counts references to it.
struct History : Counted<History> {
  virtual ~History() = default;
  /// Ends the object's life and gives its memory back.
  virtual void end() noexcept = 0;
  History* next_dead = nullptr;
};
[[gnu::noinline]] inline void destroy(History* h) noexcept {
  // Ending one drops what it was computed from, which may end in turn: those queue up here instead of nesting.
  static thread_local History* dead = nullptr;
  static thread_local bool ending = false;
  h->next_dead = dead;
  dead = h;
  if (ending) return;
  ending = true;
  while (dead != nullptr) {
    History* next = dead;
    dead = next->next_dead;
    next->end();
  }
  ending = false;
}

/// What all copies of a handle share: where the elements are, and the history.
struct Body : Counted<Body> {
  Body(Ref<Storage> s, void* first, const Shape& shape_, const Shape& strides_)
      : storage(std::move(s)),
        data(first),
        shape(shape_),
        strides(strides_),
        numel(shape_.numel()),
        dense(is_dense(shape_, strides_)) {
    storage->views.fetch_add(1, std::memory_order_relaxed);
  }
  ~Body() { storage->views.fetch_sub(1, std::memory_order_relaxed); }
  // Out of line: g++ 12 follows a path on which the storage is null, which there is not, and warns.
  [[gnu::noinline]] std::uint32_t version() const noexcept { return storage->version.load(std::memory_order_relaxed); }

  Ref<Storage> storage;
  void* data;
  Shape shape, strides;
  std::int64_t numel;
  bool dense;              ///< Row-major without gaps.
  bool read_only = false;  ///< What a hook is given.
  Ref<History> history;    ///< Null where no gradient is wanted.
};
[[gnu::noinline]] inline void destroy(Body* b) noexcept { unmake(b); }

[[gnu::noinline]] inline Ref<Body> make_body(Ref<Storage> s, void* first, const Shape& shape, const Shape& strides) {
  return Ref<Body>(make<Body>(std::move(s), first, shape, strides));
}
/// A body of its own storage, dense, its elements not set.
[[gnu::noinline]] inline Ref<Body> make_dense(const Shape& shape, std::size_t element_size) {
  const auto n = checked_numel("empty", shape);
  auto storage = Storage::make(static_cast<std::size_t>(n) * element_size);
  void* first = storage->data();
  return make_body(std::move(storage), first, shape, dense_strides(shape));
}

/// An address that is different for every type.
template <class T>
inline constexpr char type_key = 0;

}  // namespace shunt::detail
