// Convolution of images that lie pixel by pixel, all channels of a pixel side by side, with weights that were laid out
// once: the form that inference uses.
#pragma once

#include <algorithm>

#include "shunt/kernels/conv.hpp"
#include "shunt/kernels/max_pool.hpp"

namespace shunt::kernels {

/// A convolution without groups, and how its weights are laid out.
struct PackedConv {
  std::int64_t c, k;  ///< Channels of x and of y.
  std::int64_t kh, kw, sh, sw, ph, pw, dh, dw;
  bool winograd = false;  ///< By F(4 x 4, 3 x 3): for 3 x 3 filters at stride 1.

  std::int64_t depth() const { return c * kh * kw; }
  std::int64_t results(std::int64_t h, std::int64_t kernel, std::int64_t s, std::int64_t p, std::int64_t d) const {
    return (h + 2 * p - d * (kernel - 1) - 1) / s + 1;
  }
  std::int64_t out_height(std::int64_t h) const { return results(h, kh, sh, ph, dh); }
  std::int64_t out_width(std::int64_t w) const { return results(w, kw, sw, pw, dw); }

  /// Whether fewer multiplications are worth the transforms, by what was measured at ResNet's shapes: the 36 factors of
  /// a weight have to be read, four times what the weights take, so few tiles are better off without.
  bool winograd_pays(std::int64_t h, std::int64_t w) const {
    const std::int64_t tiles = (out_height(h) + 3) / 4 * ((out_width(w) + 3) / 4);
    return kh == 3 && kw == 3 && sh == 1 && sw == 1 && dh == 1 && dw == 1 && c >= 16 && k >= 16 && tiles >= 12;
  }
};

/// What one call reads and writes. Pixels are `.._pixel` apart; images follow each other without a gap.
template <class T>
struct PackedConvCall {
  const PackedConv& conv;
  const T *weights, *bias;  ///< Packed; k values, or null.
  std::int64_t n, h, w, oh, ow;
  const T* x;
  std::int64_t x_pixel;
  const T* base;  ///< Added to the result; may be null.
  std::int64_t base_pixel;
  bool clamps;  ///< Results are held in [low, high], after the addition.
  T low, high;
  T* y;
  std::int64_t y_pixel;
};

/// The largest value of every window of images with `channels`, pixel by pixel; one that is not a number stays.
template <class T>
struct PackedPool {
  PoolShape shape;
  std::int64_t channels;
  const T* x;
  std::int64_t x_pixel;
  T* y;
};

}  // namespace shunt::kernels

#define SHUNT_KERNEL_BODY "shunt/kernels/packed_conv.inl"
#include "shunt/kernels/foreach_isa.hpp"

namespace shunt::kernels {

/// How many values the packed weights take.
template <class T>
std::int64_t packed_weights(const PackedConv& p) {
  const std::int64_t cols = gemm_loops<T, T>().cols();
  return (p.k + cols - 1) / cols * cols * (p.winograd ? 36 * p.c : p.depth());
}
/// Lays out w (k, c, kh, kw).
template <class T>
void pack_weights(const PackedConv& p, const T* w, T* packed) {
  by_isa(portable::pack_weights<T>, avx2::pack_weights<T>, avx512::pack_weights<T>)(p, w, packed);
}
/// False where Winograd's transform met values that are not finite or huge, which would spread: then y is not written
/// wholly, and the caller has to compute it otherwise.
template <class T>
bool packed_conv(const PackedConvCall<T>& call) {
  return by_isa(portable::packed_conv<T>, avx2::packed_conv<T>, avx512::packed_conv<T>)(call);
}
template <class T>
void packed_max_pool(const PackedPool<T>& p) {
  by_isa(portable::packed_max_pool<T>, avx2::packed_max_pool<T>, avx512::packed_max_pool<T>)(p);
}

}  // namespace shunt::kernels
