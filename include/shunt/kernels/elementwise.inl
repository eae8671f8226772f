// One instruction set's copy of the elementwise loops; see elementwise.hpp.

// Flat: a function object that is not inlined, however large, makes a loop of calls of this one.
template <class F, class O, class... I>
[[gnu::flatten]] inline void map_block(const F& f, O* out, const I*... in) {
#if defined(__clang__)
#pragma clang loop vectorize(assume_safety)
#elif defined(__GNUC__)
#pragma GCC ivdep
#endif
  for (int j = 0; j < block_length; ++j) out[j] = static_cast<O>(f(in[j]...));
}

using Near = math::Near<(SHUNT_ISA_BYTES > 16)>;  // with AVX2 come fused multiply-adds
template <class F>
struct InNear {
  F f;
  Near near;
  template <class... I>
  [[gnu::always_inline]] auto operator()(I... in) const {
    return f(in..., near);
  }
};
// Whether one of n results, whole blocks of them, is NaN.
template <class T>
inline bool any_nan(const T* p, std::int64_t n) {
  typedef T Vector __attribute__((vector_size(SHUNT_ISA_BYTES), may_alias, aligned(alignof(T))));
  using Mask = decltype(Vector{} != Vector{});
  constexpr int lanes = SHUNT_ISA_BYTES / static_cast<int>(sizeof(T));
  Mask missing = {};
  for (std::int64_t i = 0; i < n; i += lanes) {
    const Vector v = *reinterpret_cast<const Vector*>(p + i);
    missing |= v != v;
  }
  bool any = false;
  for (int k = 0; k < lanes; ++k) any |= missing[k] != 0;
  return any;
}
// What Near does not reach is computed one by one. By many blocks at a time, so that nothing waits for results to look
// at; those in place go through a buffer.
template <class F, class O, class... I, std::size_t... K>
inline void map_near_blocks(const F f, std::int64_t n, std::byte* const* p, const std::int64_t* step,
                            std::index_sequence<K...>) {
  constexpr std::int64_t many = 32 * block_length;
  const bool in_place = ((p[K + 1] == p[0]) || ...);
  O buffer[many];
  for (std::int64_t i = 0, count; i < n; i += count) {
    count = n - i < many ? n - i : many;
    O* const out = reinterpret_cast<O*>(p[0]) + i;
    O* const result = in_place ? buffer : out;
    for (std::int64_t j = 0; j < count; j += block_length)
      map_block(InNear<F>{f, {}}, result + j, (reinterpret_cast<const I*>(p[K + 1]) + (i + j) * step[K + 1])...);
    if (any_nan(result, count)) [[unlikely]]
      for (std::int64_t j = 0; j < count; ++j)
        if (result[j] != result[j]) result[j] = f(reinterpret_cast<const I*>(p[K + 1])[(i + j) * step[K + 1]]...);
    if (in_place) std::copy(result, result + count, out);
  }
}

template <class F>
struct OfRoot {
  const F& f;
  template <class T>
  [[gnu::always_inline]] T operator()(T root) const {
    return f.of_root(root);
  }
};
template <class F, class T>
inline void map_roots_block(const F& f, T* out, const T* in) {
  sqrt_block(in, out);
  map_block(OfRoot<F>{f}, out, out);
}

template <class F, class O, class... I, std::size_t... K>
inline void map_blocks_of(const F f, std::int64_t n, std::byte* const* p, const std::int64_t* step,
                          std::index_sequence<K...>) {
  O* out = reinterpret_cast<O*>(p[0]);
  for (std::int64_t i = 0; i < n; i += block_length) {
    if constexpr (TakesRoot<F, O, I...>)
      map_roots_block(f, out + i, (reinterpret_cast<const I*>(p[K + 1]) + i * step[K + 1])...);
    else
      map_block(f, out + i, (reinterpret_cast<const I*>(p[K + 1]) + i * step[K + 1])...);
  }
}

// `f` is passed by value: results cannot overwrite a copy, so its numbers stay in registers.
template <class F, class O, class... I>
void map_blocks(const void* f, std::int64_t n, std::byte* const* p, const std::int64_t* step) {
  if constexpr (TakesNear<F, I...>)
    map_near_blocks<F, O, I...>(*static_cast<const F*>(f), n, p, step, std::index_sequence_for<I...>{});
  else
    map_blocks_of<F, O, I...>(*static_cast<const F*>(f), n, p, step, std::index_sequence_for<I...>{});
}
