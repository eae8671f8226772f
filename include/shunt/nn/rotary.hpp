// Rotary positions: a query and a key meet by how far apart they stand.
#pragma once

#include <cmath>

#include "shunt/ops/arithmetic.hpp"
#include "shunt/ops/join.hpp"

namespace shunt::nn {

/// Turns each pair of numbers (i, i + e/2) of a head by its position times base^(-2i/e) (Su et al. 2021, "RoFormer";
/// pairs as in LLaMA's published files): (..., t, e) -> the same. ValueError for an odd e.
template <Real T>
class Rotary {
 public:
  Rotary(std::int64_t length, std::int64_t e, double base)
      : cos_(Tensor<T>::empty({length, half(e)})), sin_(Tensor<T>::empty({length, half(e)})) {
    for (std::int64_t p = 0; p < length; ++p)
      for (std::int64_t i = 0; i < half(e); ++i) {
        const double angle =
            static_cast<double>(p) * std::pow(base, -2 * static_cast<double>(i) / static_cast<double>(e));
        cos_.data()[p * half(e) + i] = shunt::detail::convert<T>(std::cos(angle));
        sin_.data()[p * half(e) + i] = shunt::detail::convert<T>(std::sin(angle));
      }
  }

  /// x's first position is `first`. IndexError beyond the length.
  Tensor<T> operator()(const Tensor<T>& x, std::int64_t first = 0) const {
    const auto cos = cos_.narrow(0, first, x.size(-2)), sin = sin_.narrow(0, first, x.size(-2));
    const auto parts = chunk(x, 2, -1);
    return cat({parts[0] * cos - parts[1] * sin, parts[1] * cos + parts[0] * sin}, -1);
  }

 private:
  static std::int64_t half(std::int64_t e) {
    if (e % 2 != 0) shunt::detail::raise<ValueError>("Rotary: needs heads of even width, got ", e);
    return e / 2;
  }

  Tensor<T> cos_, sin_;  ///< (length, e/2)
};

}  // namespace shunt::nn
