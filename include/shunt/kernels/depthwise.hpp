// Convolutions of every channel with filters of its own: no products of matrices, but rows of a plane, read where they
// lie, times the taps of a filter that stay in registers.
#pragma once

#include <cstdint>

#include "shunt/kernels/conv_shape.hpp"
#include "shunt/kernels/fetch.hpp"
#include "shunt/kernels/gemm.hpp"

namespace shunt::kernels {
namespace detail {

/// Convolutions that these kernels take: 3 x 3, one channel a group, up to four filters each, stride 1 or 2. The
/// portable ones would gain little, and cost every program that convolves half a second of compilation.
inline bool is_depthwise(const ConvShape& s) {
  return isa() != Isa::portable && s.groups == s.c && s.c > 0 && s.k % s.c == 0 && s.k <= 4 * s.c && s.kh == 3 &&
         s.kw == 3 && s.sh == s.sw && (s.sh == 1 || s.sh == 2) && s.dh == 1 && s.dw == 1 && s.ph < 3 && s.pw < 3 &&
         s.n * s.k * s.h * s.w * s.oh * s.ow > 0;
}

/// Planes of a source and of a result. Where a convolution reads x, taps step forwards from -pad; where its gradient
/// reads dy, `flipped` taps do so at stride 1, and at stride 2 see pairs of neighbours of the result (`spread`).
struct Depthwise {
  std::int64_t images, channels, sources, results;  // per channel the results, or the sources that are summed
  std::int64_t h, w, oh, ow, kh, kw, step, ph, pw;  // planes of the source, of the result
  bool flipped, spread;

  std::int64_t taps() const { return kh * kw; }
  /// Rows that fit half of an AVX-512 vector go 15 % faster by AVX2, which splits fewer loads between lines.
  template <class T>
  bool narrow() const {
    return (spread ? (ow + 1) / 2 : ow) * static_cast<std::int64_t>(sizeof(T)) <= 32;
  }
};

inline Depthwise depthwise_forward(const ConvShape& s) {
  return {s.n, s.c, 1, s.k / s.c, s.h, s.w, s.oh, s.ow, s.kh, s.kw, s.sh, s.ph, s.pw, false, false};
}
inline Depthwise depthwise_backward(const ConvShape& s) {
  const bool spread = s.sh == 2;
  const std::int64_t ph = spread ? s.ph : s.kh - 1 - s.ph, pw = spread ? s.pw : s.kw - 1 - s.pw;
  return {s.n, s.c, s.k / s.c, 1, s.oh, s.ow, s.h, s.w, s.kh, s.kw, 1, ph, pw, !spread, spread};
}

}  // namespace detail
}  // namespace shunt::kernels

#define SHUNT_KERNEL_BODY "shunt/kernels/depthwise.inl"
#include "shunt/kernels/foreach_isa.hpp"

namespace shunt::kernels {

/// y from x, or dx from dy, as the pass says.
template <class T>
void conv_depthwise(const detail::Depthwise& g, const T* source, const T* w, const T* bias, T* result,
                    bool accumulate) {
  const bool wide = isa() == Isa::avx512 && !g.narrow<T>();
  (wide ? avx512::depthwise_pass<T> : avx2::depthwise_pass<T>)(g, source, w, bias, result, accumulate);
}
template <class T>
void conv_depthwise_weights(const detail::Depthwise& g, const T* x, const T* dy, T* dw, bool accumulate) {
  const bool wide = isa() == Isa::avx512 && !g.narrow<T>();
  (wide ? avx512::depthwise_weights<T> : avx2::depthwise_weights<T>)(g, x, dy, dw, accumulate);
}

}  // namespace shunt::kernels
