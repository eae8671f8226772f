// Slices as a picture: where the brain is, where the network sees it, and where the two differ.
#pragma once

#include <shunt/data/png.hpp>
#include <shunt/tensor.hpp>

#include "head.hpp"

/// Every third slice, front above, in three rows: the mask in green, the answer in blue, and the difference, red where
/// the answer has too much, yellow where it lacks something. (3, 3h, kw)
inline Tensor<std::uint8_t> overlay(const Slices& slices, const Tensor<std::int64_t>& answer) {
  constexpr std::int64_t step = 3;
  const auto x = flip(slices.x.squeeze(1), 1), wanted = flip(slices.y.to<float>(), 1),
             got = flip(answer.to<float>(), 1);
  const auto k = (x.size(0) + step - 1) / step, h = x.size(1), w = x.size(2);
  const float white = 255 / amax(x).item();
  auto picture = Tensor<std::uint8_t>::empty({3, 3 * h, k * w});
  for (std::int64_t i = 0; i < k; ++i)
    for (std::int64_t row = 0; row < h; ++row)
      for (std::int64_t column = 0; column < w; ++column) {
        const float grey = x.at({step * i, row, column}) * white;
        const bool in_mask = wanted.at({step * i, row, column}) > 0, in_answer = got.at({step * i, row, column}) > 0;
        const auto set = [&](std::int64_t part, bool on, std::array<float, 3> colour) {
          for (std::int64_t c = 0; c < 3; ++c)
            picture.at({c, part * h + row, i * w + column}) =
                static_cast<std::uint8_t>(on ? 0.5f * grey + 0.5f * colour[static_cast<std::size_t>(c)] : grey);
        };
        set(0, in_mask, {0, 255, 0});
        set(1, in_answer, {0, 128, 255});
        set(2, in_mask != in_answer, {255, in_mask ? 255.f : 0.f, 0});
      }
  return picture;
}
