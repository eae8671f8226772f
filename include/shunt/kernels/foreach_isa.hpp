// Compiles one kernel body for every instruction set. Not guarded: each kernel header includes it once, as
//
//   #define SHUNT_KERNEL_BODY "shunt/kernels/gemm.inl"
//   #include "shunt/kernels/foreach_isa.hpp"
//
// The body lands in namespace shunt::kernels::{portable, avx2, avx512}; without AVX kernels (another architecture, or
// SHUNT_SIMD=0) the last two are other names of the first, so that callers need no #if. Inside the body
// SHUNT_ISA_NAMESPACE is the namespace's name and SHUNT_ISA_BYTES the size of a vector register. A body includes
// nothing; it may call plain inline functions, but not lambdas of its own (g++ gives them the default target).

#ifndef SHUNT_KERNEL_BODY
#error "define SHUNT_KERNEL_BODY before including shunt/kernels/foreach_isa.hpp"
#endif

#define SHUNT_ISA_NAMESPACE portable
#define SHUNT_ISA_BYTES 16
namespace shunt::kernels::portable {
#include SHUNT_KERNEL_BODY
}
#undef SHUNT_ISA_NAMESPACE
#undef SHUNT_ISA_BYTES

#if defined(__x86_64__) && defined(__GNUC__) && !(defined(SHUNT_SIMD) && SHUNT_SIMD == 0)

#define SHUNT_ISA_NAMESPACE avx2
#define SHUNT_ISA_BYTES 32
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
namespace shunt::kernels::avx2 {
#include SHUNT_KERNEL_BODY
}
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#undef SHUNT_ISA_NAMESPACE
#undef SHUNT_ISA_BYTES

#define SHUNT_ISA_NAMESPACE avx512
#define SHUNT_ISA_BYTES 64
#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")
#endif
namespace shunt::kernels::avx512 {
#include SHUNT_KERNEL_BODY
}
#ifdef __clang__
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#undef SHUNT_ISA_NAMESPACE
#undef SHUNT_ISA_BYTES

#else

namespace shunt::kernels {
namespace avx2 = portable;
namespace avx512 = portable;
}  // namespace shunt::kernels

#endif

#undef SHUNT_KERNEL_BODY
