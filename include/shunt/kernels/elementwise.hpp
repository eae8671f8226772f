// out[i] = f(in1[i], in2[i], ...) over strided operands of one shape.
#pragma once

#include <concepts>
#include <type_traits>

#include "shunt/core/scalar.hpp"
#include "shunt/kernels/blocks.hpp"
#include "shunt/kernels/math.hpp"
#include "shunt/kernels/roots.hpp"

namespace shunt::kernels {
/// A function of I... that can be told to compute in vectors; see math::Near.
template <class F, class... I>
concept TakesNear = (math::Vectorised<I> && ...) && requires(const F& f, I... in) {
  f(in..., math::Near<false>{});
};
/// A function of the square root of its one argument, which can be given that root.
template <class F, class O, class... I>
concept TakesRoot = (math::Vectorised<I> && ...) && (std::same_as<O, I> && ...) && requires(const F& f, O root) {
  { f.of_root(root) } -> std::same_as<O>;
};
}  // namespace shunt::kernels

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpass-failed"  // a loop around a library call stays a loop
#endif
#define SHUNT_KERNEL_BODY "shunt/kernels/elementwise.inl"
#include "shunt/kernels/foreach_isa.hpp"
#if defined(__clang__)
#pragma clang diagnostic pop
#endif

namespace shunt::kernels {

/// bfloat16 is computed in float and rounded once.
template <class T>
using compute_t = std::conditional_t<std::same_as<T, bfloat16>, float, T>;

namespace detail {

/// The inner loop for scalars that have no vectors (dual numbers, bfloat16).
template <class F, class O, class... I, std::size_t... K>
void map_scalars_of(const F& f, std::int64_t n, std::byte* const* p, const std::int64_t* step,
                    std::index_sequence<K...>) {
  for (std::int64_t i = 0; i < n; ++i)
    reinterpret_cast<O*>(p[0])[i] = shunt::detail::convert<O>(
        f(static_cast<compute_t<I>>(reinterpret_cast<const I*>(p[K + 1])[i * step[K + 1]])...));
}
template <class F, class O, class... I>
void map_scalars(const void* f, std::int64_t n, std::byte* const* p, const std::int64_t* step) {
  map_scalars_of<F, O, I...>(*static_cast<const F*>(f), n, p, step, std::index_sequence_for<I...>{});
}

}  // namespace detail

/// The inner loop of out = f(in...), for the instruction set that runs.
template <class F, class O, class... I>
MapLoop map_loop() {
  if constexpr (std::is_arithmetic_v<O> && (std::is_arithmetic_v<I> && ...))
    return by_isa(portable::map_blocks<F, O, I...>, avx2::map_blocks<F, O, I...>, avx512::map_blocks<F, O, I...>);
  else
    return detail::map_scalars<F, O, I...>;
}

/// out = f(in...), elementwise; operand 0 of the nest is out, which may be one of the inputs under the same strides.
template <class F, class O, class... I>
void map(const F& f, const Nest& nest, O* out, const I*... in) {
  static_assert(1 + sizeof...(I) <= max_operands);
  const Erased ops[] = {erase(out), erase(in)...};
  run_map(nest, map_loop<F, O, I...>(), nullptr, &f, ops);
}

}  // namespace shunt::kernels
