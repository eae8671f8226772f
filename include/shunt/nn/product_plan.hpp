// Weights of linear layers, laid out once for the products of inference.
#pragma once

#include <mutex>

#include "shunt/kernels/packed_conv.hpp"
#include "shunt/nn/module.hpp"
#include "shunt/ops/creation.hpp"
#include "shunt/ops/matmul.hpp"

namespace shunt::nn::detail {

/// Panels of one weight, made when it is first multiplied by, and dropped when it has changed since. A linear layer is
/// a 1 x 1 convolution over as many pixels as x has rows.
class PackedProduct : public shunt::detail::ProductPlan<float> {
 public:
  bool run(const Tensor<float>& w, const Tensor<float>& x, const float* bias, const float* base, float* y) override {
    const std::int64_t rows = x.size(0), in = w.size(1), out = w.size(0);
    if (in == 0 || out == 0 || (in > 1 && x.strides()[1] != 1)) return false;
    if (rows < 4 && in * out < (std::int64_t{1} << 15)) return false;  // a small weight is read as fast as it lies
    const kernels::ConvShape shape{1, in, 1, rows, out, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, rows};
    const auto panels = panels_of(w, shape);
    if (!panels.defined()) return false;
    return kernels::packed_conv<float>(
        {shape, 0, panels.data(), bias, x.data(), x.strides()[0], base, out, false, 0, 0, y, out});
  }

 private:
  /// Nothing for another view of the weight's elements than the first.
  Tensor<float> panels_of(const Tensor<float>& w, const kernels::ConvShape& shape) {
    const std::lock_guard lock(mutex_);
    const auto version = w.body().version();
    if (!panels_.defined() && !stale_) {
      const NoGrad unrecorded;
      panels_ = Tensor<float>::empty({kernels::packed_weights<float>(shape, 0)});
      kernels::pack_weights<float>(shape, 0, w.detach().contiguous().data(), panels_.data());
      first_ = w.data(), shape_ = w.shape(), strides_ = w.strides(), version_ = version;
    }
    if (version != version_) panels_ = {}, stale_ = true;
    return first_ == w.data() && shape_ == w.shape() && strides_ == w.strides() ? panels_ : Tensor<float>();
  }

  std::mutex mutex_;
  Tensor<float> panels_;
  bool stale_ = false;
  const float* first_ = nullptr;
  Shape shape_, strides_;
  std::uint32_t version_ = 0;
};

/// Every matrix among the parameters is laid out when a product first asks for it.
template <Real T>
[[gnu::cold]] void plan_products(Module<T>& net) {
  if constexpr (std::same_as<T, float>) {
    for (const auto& p : net.parameters())
      if (p.rank() == 2) p.body().storage->plan = shunt::detail::Ref<shunt::detail::Memory>(new PackedProduct);
  }
}

}  // namespace shunt::nn::detail
