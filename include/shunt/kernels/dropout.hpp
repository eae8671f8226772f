// Dropout: elements are set to zero by random bits that are told by their position alone, so that backward draws the
// same ones again and nothing is stored.
#pragma once

#include <type_traits>

#include "shunt/core/random.hpp"
#include "shunt/core/scalar.hpp"
#include "shunt/kernels/blocks.hpp"

#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wpass-failed"
#endif
#define SHUNT_KERNEL_BODY "shunt/kernels/dropout.inl"
#include "shunt/kernels/foreach_isa.hpp"
#if defined(__clang__)
#pragma clang diagnostic pop
#endif

namespace shunt::kernels {

/// Blocks of the random sequence that n elements use: 64 elements share 16 blocks.
inline std::uint64_t dropout_blocks(std::int64_t n) { return static_cast<std::uint64_t>((n + 63) / 64 * 16); }

/// Bits below it fall to an element with probability p < 1.
inline std::uint32_t dropout_threshold(double p) {
  return static_cast<std::uint32_t>(p * 4294967296.0 < 4294967295.0 ? p * 4294967296.0 : 4294967295.0);
}

/// y (+)= x scale, but 0 where the element's 32 bits are below `threshold`.
template <class T>
void dropout(std::int64_t n, const T* x, T* y, RandomStream stream, std::uint32_t threshold, T scale, bool accumulate) {
  auto* loop = portable::dropout_groups<T>;
  if constexpr (std::is_arithmetic_v<T>) loop = by_isa(loop, avx2::dropout_groups<T>, avx512::dropout_groups<T>);
  parallel_for((n + 63) / 64, map_grain / 64,
               [&](std::int64_t b, std::int64_t e) { loop(b, e, n, x, y, stream, threshold, scale, accumulate); });
}

}  // namespace shunt::kernels
