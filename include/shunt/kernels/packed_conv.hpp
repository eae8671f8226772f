// Convolution of images that lie pixel by pixel, all channels of a pixel side by side, with weights that were laid out
// once: the form that inference uses.
#pragma once

#include <algorithm>

#include "shunt/kernels/conv.hpp"
#include "shunt/kernels/max_pool.hpp"

namespace shunt::kernels {

/// A convolution without groups, or with as many as channels and filters. Pixels are `.._pixel` apart; images follow
/// each other without a gap.
template <class T>
struct PackedConv {
  const ConvShape& shape;
  int winograd;             ///< How the weights are packed: as they are, or for tiles of 2 x 2 or 4 x 4 results.
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
inline std::int64_t filter_size(const ConvShape& s) { return s.c / s.groups * s.kh * s.kw; }
/// Results a side of Winograd's tiles, 2 or 4, or 0 where fewer multiplications are not worth the transforms, by what
/// was measured at ResNet's shapes. A weight has 16 or 36 factors, which come from memory where a cache does not hold
/// those of all: they cost as much as 20 multiplications each, so that few tiles are better small, and fewer none.
inline int packed_winograd_tile(const ConvShape& s) {
  if (s.kh != 3 || s.kw != 3 || s.sh != 1 || s.sw != 1 || s.dh != 1 || s.dw != 1 || s.c < 16 || s.k < 16) return 0;
  if (s.groups > 1) return 0;
  const auto tiles = [&](std::int64_t m) { return s.n * ((s.oh + m - 1) / m) * ((s.ow + m - 1) / m); };
  const bool far = 36 * s.c * s.k > (1 << 20);
  const std::int64_t from_memory = far ? 20 : 0;
  const std::int64_t large = 36 * (tiles(4) + from_memory), small = 16 * (tiles(2) + from_memory);
  if (tiles(2) < 12) return 0;
  return large <= small ? 4 : 2;
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
std::int64_t packed_weights(const ConvShape& s, int winograd) {
  const std::int64_t cols = gemm_loops<T, T>().cols();
  return (s.k + cols - 1) / cols * cols * (winograd > 0 ? (winograd + 2) * (winograd + 2) * s.c : filter_size(s));
}
/// Packs w (k, c / groups, kh, kw). False where Winograd's transform met values that are not finite or huge, which
/// would spread.
template <class T>
bool pack_weights(const ConvShape& s, int winograd, const T* w, T* packed) {
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
