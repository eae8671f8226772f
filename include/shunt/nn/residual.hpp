// ResidualBlock: y = F(x) + x.
#pragma once

#include <variant>

#include "shunt/nn/layer.hpp"
#include "shunt/ops/dropout.hpp"

namespace shunt::nn {

/// One learned number, 0 at the start: the block begins as the identity (Bachlechner et al. 2020, "ReZero").
struct ReZero {};
/// The same, as De and Smith (2020) put it for networks without normalisation.
struct SkipInit {};
/// One learned number a channel, small at the start (Touvron et al. 2021, "CaiT"): LayerScale{width} where the channels
/// are the last dimension, LayerScale{{channels, 1, 1}} for images.
struct LayerScale {
  Dims width;
  double start = 1e-6;
};
/// What F(x) is multiplied by before it joins the stream.
using ResidualScale = std::variant<double, ReZero, SkipInit, LayerScale>;

template <Real T = float>
struct ResidualOptions {
  AnyLayer<T> branch;         ///< F
  AnyLayer<T> shortcut = {};  ///< S; the identity by default
  ResidualScale scale = 1.0;
  double drop_path = 0;    ///< How often, in training, F is left out for a whole sample (Huang et al. 2016).
  AnyLayer<T> after = {};  ///< What follows the sum, such as the ReLU of the original ResNet.
};

/// y = F(x) + x: the branch learns how the output differs from its input (He et al. 2015, eq. 1); in full,
/// y = after(S(x) + scale * drop_path(F(x))). ShapeError if F(x) and S(x) differ in shape. ResidualBlock(r) of a
/// ResidualBlock r is a copy; to nest, write ResidualBlock({.branch = r}).
template <Real T = float>
class ResidualBlock : public Layer<T> {
 public:
  AnyLayer<T> branch, shortcut, after;

  template <OtherLayerOf<T, ResidualBlock> F>
  explicit ResidualBlock(F&& f) : branch(std::forward<F>(f)) {}
  template <LayerOf<T> F, LayerOf<T> S>
  ResidualBlock(F&& f, S&& s) : branch(std::forward<F>(f)), shortcut(std::forward<S>(s)) {}
  explicit ResidualBlock(ResidualOptions<T> options);

  Tensor<T> forward(const Tensor<T>& x) override {
    return around(x, [&](const Tensor<T>& in, const Tensor<T>& base) {
      return base.defined() ? branch.forward_onto(in, base) : branch(in);
    });
  }
  /// The block around a call of the branch that says more than x, such as a mask: f(x, base) is F(x), with base added
  /// unless it holds nothing.
  template <class F>
  Tensor<T> with(const Tensor<T>& x, const F& f) {
    return this->gate(x.shape(), [&] { return around(x, f); });
  }
  void members(Members<T>& m) override { m("branch", branch)("shortcut", shortcut)("scale", scale)("after", after); }
  /// Whether it is y = after(F(x) + S(x)) now: no scale, and no branch dropped.
  bool is_plain() const { return !scale.defined() && constant_ == 1 && !(drop_path_ > 0 && this->is_training()); }

  /// The learned scale; holds nothing where the scale is a constant.
  Parameter<T> scale;

 private:
  template <class F>
  Tensor<T> around(const Tensor<T>& x, const F& f) {
    const auto base = shortcut(x);
    if (is_plain()) return after.over(f(x, base));  // F(x) + S(x), added while F is computed
    if (weigh_ == nullptr)
      shunt::detail::raise<ValueError>(
          "ResidualBlock: made without a scale; give it as ResidualBlock({.branch, .scale})");
    return after.over(add_skip(base, weigh_(*this, f(x, Tensor<T>()))));
  }
  /// scale * drop_path(F(x)). Only programs that give a block such options compile it.
  static Tensor<T> weigh(const ResidualBlock& block, Tensor<T> fx) {
    fx = shunt::drop_path(fx, block.drop_path_, block.is_training());
    return block.scale.defined() ? block.scale * fx : block.constant_ != 1 ? fx * block.constant_ : fx;
  }

  double constant_ = 1, drop_path_ = 0;
  Tensor<T> (*weigh_)(const ResidualBlock&, Tensor<T>) = nullptr;
};

template <Real T>
ResidualBlock<T>::ResidualBlock(ResidualOptions<T> o)
    : branch(std::move(o.branch)),
      shortcut(std::move(o.shortcut)),
      after(std::move(o.after)),
      drop_path_(o.drop_path),
      weigh_(weigh) {
  shunt::detail::check_probability("ResidualBlock: drop_path", o.drop_path);
  if (const auto* c = std::get_if<double>(&o.scale))
    constant_ = *c;
  else if (const auto* l = std::get_if<LayerScale>(&o.scale))
    scale = Parameter<T>(full<T>(l->width, l->start));
  else
    scale = Parameter<T>(zeros<T>({1}));
}

template <SomeLayer F>
ResidualBlock(const F&) -> ResidualBlock<typename F::value_type>;
template <class F, class S>
ResidualBlock(const F&, const S&) -> ResidualBlock<typename F::value_type>;
ResidualBlock(ResidualOptions<float>)->ResidualBlock<float>;

}  // namespace shunt::nn
