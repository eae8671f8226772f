#pragma once

#include <atomic>
#include <cstdlib>
#include <ostream>
#include <string>
#include <string_view>

#include "shunt/core/error.hpp"

namespace shunt {

/// The instruction sets for which kernels exist, in rising order.
enum class Isa { portable, avx2, avx512 };

constexpr std::string_view name(Isa isa) {
  return isa == Isa::avx512 ? "avx512" : isa == Isa::avx2 ? "avx2" : "portable";
}
inline std::ostream& operator<<(std::ostream& os, Isa isa) { return os << name(isa); }

namespace kernels {

/// Whether this processor (and this build) can run the kernels of `isa`.
inline bool runs(Isa isa) {
  if (isa == Isa::portable) return true;
#if defined(__x86_64__) && defined(__GNUC__) && !(defined(SHUNT_SIMD) && SHUNT_SIMD == 0)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (isa == Isa::avx2) return avx2;
  return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

/// Whether this processor multiplies pairs of bfloat16 (AVX-512 BF16). These products take denormal numbers for zero.
inline bool has_bfloat16_products() {
#if defined(__x86_64__) && defined(__GNUC__)
  return __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

/// The best instruction set that runs here, or the one that SHUNT_ISA names; ValueError if that one is unknown or
/// cannot run.
[[gnu::cold]] inline Isa detect_isa() {
  const char* wanted = std::getenv("SHUNT_ISA");
  if (wanted == nullptr || *wanted == '\0') {
    return runs(Isa::avx512) ? Isa::avx512 : runs(Isa::avx2) ? Isa::avx2 : Isa::portable;
  }
  std::string choices;
  for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
    if (!runs(isa)) continue;
    if (name(isa) == wanted) return isa;
    choices += (choices.empty() ? "" : ", ") + std::string(name(isa));
  }
  throw ValueError("SHUNT_ISA: no kernels for '" + std::string(wanted) + "' here; choose from " + choices);
}

namespace detail {
inline std::atomic<int> chosen_isa{-1};
}

/// Runs the kernels of `isa` from now on, in all threads; ValueError if this processor cannot. For tests and
/// benchmarks.
inline void force_isa(Isa isa) {
  if (!runs(isa)) throw ValueError("force_isa: this processor cannot run " + std::string(name(isa)));
  detail::chosen_isa.store(static_cast<int>(isa), std::memory_order_relaxed);
}

}  // namespace kernels

/// The instruction set whose kernels run: the best of this processor, or what the environment variable
/// SHUNT_ISA=portable|avx2|avx512 says. Chosen at the first call, which throws ValueError if SHUNT_ISA cannot be met.
inline Isa isa() {
  int chosen = kernels::detail::chosen_isa.load(std::memory_order_relaxed);
  if (chosen < 0) [[unlikely]] {
    kernels::force_isa(kernels::detect_isa());
    chosen = kernels::detail::chosen_isa.load(std::memory_order_relaxed);
  }
  return static_cast<Isa>(chosen);
}

namespace kernels {

/// Of one function compiled for every instruction set, the one to call:
/// `by_isa(portable::f<T>, avx2::f<T>, avx512::f<T>)(x, n)`.
template <class F>
F* by_isa(F* for_portable, F* for_avx2, F* for_avx512) {
  const Isa now = isa();
  return now == Isa::avx512 ? for_avx512 : now == Isa::avx2 ? for_avx2 : for_portable;
}

}  // namespace kernels
}  // namespace shunt
