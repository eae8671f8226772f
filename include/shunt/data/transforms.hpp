// Changes to one image (channels, height, width) at a time: f(image, generator) -> image.
#pragma once

#include <tuple>

#include "shunt/core/random.hpp"
#include "shunt/ops/creation.hpp"

namespace shunt::data {
namespace detail {

inline void check_image(const char* name, const Shape& shape) {
  if (shape.rank() != 3) shunt::detail::raise<ShapeError>(name, ": needs (channels, height, width), got ", shape);
}
/// A number in [0, n).
inline std::int64_t draw_below(Generator& g, std::int64_t n) {
  const auto bits = g.reserve(1).block(0);
  return static_cast<std::int64_t>(shunt::detail::to_unit(bits[0], bits[1]) * static_cast<double>(n));
}

}  // namespace detail

/// Whole numbers from 0 to 255 as floats from 0 to 1.
struct ToFloat {
  template <Scalar T>
  Tensor<float> operator()(const Tensor<T>& image, Generator&) const {
    return shunt::detail::map<float>("ToFloat", Scaled{}, image);
  }

 private:
  struct Scaled {
    template <class T>
    float operator()(T v) const {
      return static_cast<float>(v) / 255.0f;
    }
  };
};

/// (image - mean) / std, a number each for every channel.
struct Normalize {
  std::vector<float> mean, std;

  Tensor<float> operator()(const Tensor<float>& image, Generator&) const {
    detail::check_image("Normalize", image.shape());
    if (mean.size() != std.size() || static_cast<std::int64_t>(mean.size()) != image.size(0))
      shunt::detail::raise<ShapeError>("Normalize: ", mean.size(), " means and ", std.size(), " deviations for ",
                                       image.shape());
    auto y = Tensor<float>::empty(image.shape());
    const std::int64_t area = image.size(1) * image.size(2);
    const auto x = shunt::detail::dense(image);
    for (std::size_t c = 0; c < mean.size(); ++c) {
      const float m = mean[c], scale = 1 / std[c];
      const float* from = x.data() + static_cast<std::int64_t>(c) * area;
      float* to = y.data() + static_cast<std::int64_t>(c) * area;
      for (std::int64_t i = 0; i < area; ++i) to[i] = (from[i] - m) * scale;
    }
    return y;
  }
};

/// A window of size x size from the image with `padding` zeros around it (He et al. 2015, section 4.2: 32 of 40).
struct RandomCrop {
  std::int64_t size;
  std::int64_t padding = 0;

  template <Scalar T>
  Tensor<T> operator()(const Tensor<T>& image, Generator& g) const {
    detail::check_image("RandomCrop", image.shape());
    const auto h = image.size(1), w = image.size(2);
    const auto rows = h + 2 * padding - size, columns = w + 2 * padding - size;
    if (rows < 0 || columns < 0 || size < 0 || padding < 0)
      shunt::detail::raise<ShapeError>("RandomCrop: no window of ", size, " in ", image.shape(), " with ", padding,
                                       " around it");
    const auto top = detail::draw_below(g, rows + 1) - padding, left = detail::draw_below(g, columns + 1) - padding;
    const auto x = shunt::detail::dense(image);
    auto y = zeros<T>({image.size(0), size, size});
    const auto first = std::max<std::int64_t>(0, -left), last = std::min(size, w - left);
    for (std::int64_t c = 0; c < image.size(0); ++c)
      for (std::int64_t i = std::max<std::int64_t>(0, -top); i < std::min(size, h - top) && first < last; ++i)
        std::copy_n(x.data() + (c * h + top + i) * w + left + first, last - first,
                    y.data() + (c * size + i) * size + first);
    return y;
  }
};

/// Left and right exchanged, with probability p.
struct RandomHorizontalFlip {
  double p = 0.5;

  template <Scalar T>
  Tensor<T> operator()(const Tensor<T>& image, Generator& g) const {
    detail::check_image("RandomHorizontalFlip", image.shape());
    const auto bits = g.reserve(1).block(0);
    if (shunt::detail::to_unit(bits[0], bits[1]) >= p) return image;
    const auto x = shunt::detail::dense(image);
    auto y = Tensor<T>::empty(image.shape());
    const auto w = image.size(2);
    for (std::int64_t at = 0; at < x.numel(); at += w)
      std::reverse_copy(x.data() + at, x.data() + at + w, y.data() + at);
    return y;
  }
};

/// One after another.
template <class... F>
struct Compose {
  std::tuple<F...> steps;
  explicit Compose(F... f) : steps(std::move(f)...) {}

  template <Scalar T>
  auto operator()(const Tensor<T>& image, Generator& g) const {
    return apply<0>(image, g);
  }

 private:
  template <std::size_t K, Scalar T>
  auto apply(const Tensor<T>& x, Generator& g) const {
    if constexpr (K == sizeof...(F))
      return x;
    else
      return apply<K + 1>(std::get<K>(steps)(x, g), g);
  }
};

}  // namespace shunt::data
