// One instruction set's copy of the optimizers' loops; see optim.hpp.

#if defined(__clang__)
#define SHUNT_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define SHUNT_INDEPENDENT _Pragma("GCC ivdep")
#else
#define SHUNT_INDEPENDENT
#endif

template <class F, class T, class... S>
inline void update_block(const F& f, T* p, const T* g, S*... s) {
  if constexpr (F::takes_root) {
    alignas(64) T root[block_length];
    SHUNT_INDEPENDENT
    for (int j = 0; j < block_length; ++j) root[j] = f.radicand(p[j], g[j], s[j]...);
    sqrt_block(root, root);
    SHUNT_INDEPENDENT
    for (int j = 0; j < block_length; ++j) f.apply(root[j], p[j], g[j], s[j]...);
  } else {
    SHUNT_INDEPENDENT
    for (int j = 0; j < block_length; ++j) f.apply(p[j], g[j], s[j]...);
  }
}
#undef SHUNT_INDEPENDENT

template <class F, class T, std::size_t... K>
inline void update_blocks_of(const F& f, std::int64_t n, std::byte* const* at, std::index_sequence<K...>) {
  T* p = reinterpret_cast<T*>(at[0]);
  const T* g = reinterpret_cast<const T*>(at[1]);
  for (std::int64_t i = 0; i < n; i += block_length)
    update_block(f, p + i, g + i, (reinterpret_cast<T*>(at[K + 2]) + i)...);
}

template <class F, class T>
void update_blocks(const void* f, std::int64_t n, std::byte* const* at) {
  update_blocks_of<F, T>(*static_cast<const F*>(f), n, at, std::make_index_sequence<F::states>{});
}
