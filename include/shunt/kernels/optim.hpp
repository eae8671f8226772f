// An optimizer's step: every parameter, its gradient and its state go by once, all of them as one piece of work.
#pragma once

#include <cstring>
#include <vector>

#include "shunt/kernels/elementwise.hpp"
#include "shunt/kernels/math.hpp"
#include "shunt/kernels/roots.hpp"

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpass-failed"
#endif
#define SHUNT_KERNEL_BODY "shunt/kernels/optim.inl"
#include "shunt/kernels/foreach_isa.hpp"
#if defined(__clang__)
#pragma clang diagnostic pop
#endif

namespace shunt::kernels {

/// The most state that a rule keeps for each element.
inline constexpr int max_states = 3;

/// One array under one rule. The rule is a function object with `states` and either apply(p, g, state...) or, with
/// `takes_root`, radicand(p, g, state...) and then apply(root, p, g, state...); p and the states are changed.
struct Update {
  void (*loop)(const void* rule, std::int64_t n, std::byte* const* at);  ///< n is a multiple of block_length.
  alignas(8) std::byte rule[80];
  std::int64_t n;
  int operands;
  std::byte* at[2 + max_states];  ///< p, g, states; all dense
  std::size_t size[2 + max_states];
};

namespace detail {

/// The loop for scalars that have no vectors: computed in compute_t, p rounded once.
template <class F, class T, std::size_t... K>
void update_scalars_of(const F& f, std::int64_t n, std::byte* const* at, std::index_sequence<K...>) {
  using S = compute_t<T>;
  for (std::int64_t i = 0; i < n; ++i) {
    T& p = reinterpret_cast<T*>(at[0])[i];
    S value = static_cast<S>(p);
    const S g = static_cast<S>(reinterpret_cast<const T*>(at[1])[i]);
    if constexpr (F::takes_root) {
      const S root = math::sqrt(S(f.radicand(value, g, reinterpret_cast<S*>(at[K + 2])[i]...)));
      f.apply(root, value, g, reinterpret_cast<S*>(at[K + 2])[i]...);
    } else {
      f.apply(value, g, reinterpret_cast<S*>(at[K + 2])[i]...);
    }
    p = shunt::detail::convert<T>(value);
  }
}
template <class F, class T>
void update_scalars(const void* f, std::int64_t n, std::byte* const* at) {
  update_scalars_of<F, T>(*static_cast<const F*>(f), n, at, std::make_index_sequence<F::states>{});
}

/// Elements [begin, end) of one update; begin is a multiple of block_length. What is left over a whole number of
/// blocks is computed in a block of copies.
inline void run_update(const Update& u, std::int64_t begin, std::int64_t end) {
  std::byte* at[2 + max_states];
  const auto move = [&](std::int64_t i) {
    for (int k = 0; k < u.operands; ++k) at[k] = u.at[k] + i * static_cast<std::int64_t>(u.size[k]);
  };
  const std::int64_t whole = begin + (end - begin) / block_length * block_length;
  move(begin);
  if (whole > begin) u.loop(u.rule, whole - begin, at);
  if (whole == end) return;
  alignas(64) std::byte block[2 + max_states][block_length * 32] = {};
  std::byte* copies[2 + max_states];
  move(whole);
  const auto rest = static_cast<std::size_t>(end - whole);
  for (int k = 0; k < u.operands; ++k) {
    copies[k] = block[k];
    std::memcpy(block[k], at[k], rest * u.size[k]);
  }
  u.loop(u.rule, block_length, copies);
  for (int k = 0; k < u.operands; ++k)
    if (k != 1) std::memcpy(at[k], block[k], rest * u.size[k]);
}

}  // namespace detail

/// n elements of p under `rule`, which reads g and changes p and the states.
template <class F, class T>
Update update(const F& rule, std::int64_t n, T* p, const T* g, std::initializer_list<compute_t<T>*> states) {
  static_assert(sizeof(F) <= sizeof(Update::rule) && std::is_trivially_copyable_v<F> && F::states <= max_states);
  Update u;
  if constexpr (std::is_arithmetic_v<T>)
    u.loop = by_isa(portable::update_blocks<F, T>, avx2::update_blocks<F, T>, avx512::update_blocks<F, T>);
  else
    u.loop = detail::update_scalars<F, T>;
  std::memcpy(u.rule, &rule, sizeof(F));
  u.n = n;
  u.operands = 0;
  const auto take = [&](const auto* array) {
    const auto e = erase(array);
    u.at[u.operands] = e.data;
    u.size[u.operands++] = e.size;
  };
  take(p);
  take(g);
  for (auto* s : states) take(s);
  return u;
}

/// Runs all updates. Work is cut across their borders by size alone: many small arrays cost no more than a large one,
/// and the result is the same for any number of threads.
inline void run_updates(const std::vector<Update>& updates) {
  constexpr std::int64_t grain = 1 << 14;  // a whole number of blocks
  std::vector<std::int64_t> ends;          // in whole blocks' elements
  ends.reserve(updates.size());
  std::int64_t total = 0;
  for (const auto& u : updates) ends.push_back(total += (u.n + block_length - 1) / block_length * block_length);
  parallel_for(total, grain, [&](std::int64_t begin, std::int64_t end) {
    auto k = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), begin) - ends.begin());
    for (; begin < end; ++k) {
      const std::int64_t first = k == 0 ? 0 : ends[k - 1];
      const std::int64_t stop = std::min(end, ends[k]);
      if (stop > begin) detail::run_update(updates[k], begin - first, std::min(stop - first, updates[k].n));
      begin = stop;
    }
  });
}

}  // namespace shunt::kernels
