// Branch: F(x, told), the branch of a residual block that is told more than x, such as a mask.
#pragma once

#include "shunt/nn/residual.hpp"

namespace shunt::nn {

/// As a plain layer it is told nothing: Told{}.
template <Real T, class Told>
class Branch : public Layer<T> {
 public:
  /// F(x, told), with base, of the result's shape, added unless it holds nothing.
  virtual Tensor<T> run(const Tensor<T>& x, const Tensor<T>& base, const Told& told) = 0;

  Tensor<T> forward(const Tensor<T>& x) override { return run(x, Tensor<T>(), Told{}); }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) override { return run(x, base, Told{}); }
  using Layer<T>::operator();
  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& base, const Told& told) {
    return this->gate(x.shape(), [&] { return run(x, base, told); });
  }

 protected:
  /// dropout(layer(x)), base added; while the layer computes, where nothing is dropped.
  Tensor<T> dropped_onto(Layer<T>& layer, const Tensor<T>& x, const Tensor<T>& base, double p) const {
    const bool drops = p > 0 && this->is_training();
    if (base.defined() && !drops) return layer.onto(x, base);
    auto y = shunt::dropout(layer(x), p, drops);
    return base.defined() ? add_skip(base, std::move(y)) : y;
  }
};

/// block(x), its branch told more. ValueError if that has been replaced by a layer that takes nothing more.
template <Real T, class Told>
Tensor<T> tell(ResidualBlock<T>& block, const Tensor<T>& x, const Told& told) {
  auto* branch = block.branch ? dynamic_cast<Branch<T, Told>*>(&*block.branch) : nullptr;
  if (branch == nullptr) shunt::detail::raise<ValueError>("ResidualBlock: its branch takes neither mask nor cache");
  return block.with(x, [&](const Tensor<T>& in, const Tensor<T>& base) { return (*branch)(in, base, told); });
}

}  // namespace shunt::nn
