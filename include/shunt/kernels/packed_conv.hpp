// Convolution of images that lie pixel by pixel, all channels of a pixel side by side, with weights that were laid out
// once: the form that inference uses.
#pragma once

#include <algorithm>

#include "shunt/kernels/conv.hpp"
#include "shunt/kernels/max_pool.hpp"

namespace shunt::kernels {

/// A convolution without groups. Pixels are `.._pixel` apart; images follow each other without a gap.
template <class T>
struct PackedConv {
  const ConvShape& shape;
  bool winograd;            ///< How the weights are packed: as they are, or for F(4 x 4, 3 x 3).
  const T *weights, *bias;  ///< Packed; k values, or null.
  const T* x;
  std::int64_t x_pixel;
  const T* base;  ///< Added to the result; may be null.
  std::int64_t base_pixel;
  bool clamps;  ///< Results are held in [low, high], after the addition.
  T low, high;
  T* y;
  std::int64_t y_pixel;
};

/// Values of one filter.
inline std::int64_t filter_size(const ConvShape& s) { return s.c * s.kh * s.kw; }
/// Whether fewer multiplications are worth the transforms, by what was measured at ResNet's shapes: the 36 factors of a
/// weight have to be read, four times what the weights take, so few tiles are better off without.
inline bool packed_winograd_pays(const ConvShape& s) {
  const std::int64_t tiles = (s.oh + 3) / 4 * ((s.ow + 3) / 4);
  return s.kh == 3 && s.kw == 3 && s.sh == 1 && s.sw == 1 && s.dh == 1 && s.dw == 1 && s.c >= 16 && s.k >= 16 &&
         tiles >= 12;
}

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
std::int64_t packed_weights(const ConvShape& s, bool winograd) {
  const std::int64_t cols = gemm_loops<T, T>().cols();
  return (s.k + cols - 1) / cols * cols * (winograd ? 36 * s.c : filter_size(s));
}
/// Packs w (k, c, kh, kw). False where Winograd's transform met values that are not finite or huge, which would spread.
template <class T>
bool pack_weights(const ConvShape& s, bool winograd, const T* w, T* packed) {
  return by_isa(portable::pack_weights<T>, avx2::pack_weights<T>, avx512::pack_weights<T>)(s, winograd, w, packed);
}
/// False where Winograd's transform met such values in the images: then y is not written wholly, and the caller has to
/// compute it otherwise.
template <class T>
bool packed_conv(const PackedConv<T>& call) {
  return by_isa(portable::packed_conv<T>, avx2::packed_conv<T>, avx512::packed_conv<T>)(call);
}
template <class T>
void packed_max_pool(const PackedPool<T>& p) {
  by_isa(portable::packed_max_pool<T>, avx2::packed_max_pool<T>, avx512::packed_max_pool<T>)(p);
}

}  // namespace shunt::kernels
