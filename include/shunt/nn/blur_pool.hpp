// BlurPool2d: smooths before it leaves places out.
#pragma once

#include "shunt/nn/layer.hpp"
#include "shunt/ops/conv.hpp"
#include "shunt/ops/rearrange.hpp"

namespace shunt::nn {

/// Every channel through the binomial filter [1 2 1] / 4 along both directions, edges reflected, of which every
/// stride-th place is kept, so that a shifted image gives a shifted result (Zhang 2019, "Making Convolutional Networks
/// Shift-Invariant Again"): (n, c, h, w) -> (n, c, ceil(h / stride), ceil(w / stride)), h, w > 1. Nothing is learned.
template <Real T = float>
struct BlurPool2d : Layer<T> {
  Pair stride;

  explicit BlurPool2d(const Pair& step = 2) : stride(step) {}
  Tensor<T> forward(const Tensor<T>& x) override {
    if (x.rank() != 4) shunt::detail::raise<ShapeError>("BlurPool2d: expected (n, c, h, w), got ", x.shape());
    constexpr double binomial[] = {0.25, 0.5, 0.25};
    auto filter = Tensor<T>::empty({x.size(1), 1, 3, 3});
    for (std::int64_t i = 0; i < filter.numel(); ++i)
      filter.data()[i] = shunt::detail::convert<T>(binomial[i / 3 % 3] * binomial[i % 3]);
    return conv2d(pad(x, {1, 1, 1, 1}, {.mode = "reflect"}), filter, {}, {.stride = stride, .groups = x.size(1)});
  }
  std::string options() const override { return "stride = " + to_string(stride); }
};
BlurPool2d()->BlurPool2d<float>;
BlurPool2d(const Pair&)->BlurPool2d<float>;

}  // namespace shunt::nn
