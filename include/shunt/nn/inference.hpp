// optimize_for_inference: batch norms folded into convolutions, activations and skips into their last step, weights
// laid out once, images pixel by pixel in between.
#pragma once

#include <cmath>
#include <limits>
#include <typeinfo>

#include "shunt/kernels/packed_conv.hpp"
#include "shunt/nn/activation.hpp"
#include "shunt/nn/conv.hpp"
#include "shunt/nn/dropout.hpp"
#include "shunt/nn/evaluating.hpp"
#include "shunt/nn/norm.hpp"
#include "shunt/nn/pool.hpp"
#include "shunt/nn/product_plan.hpp"
#include "shunt/nn/residual.hpp"
#include "shunt/nn/sequential.hpp"

namespace shunt::nn {
namespace detail {

/// Images (n, c, h, w) whose pixels lie one after another, all channels of each side by side: PyTorch's channels_last.
template <Real T>
bool lies_by_pixels(const Tensor<T>& x) {
  const auto& s = x.strides();
  return s[1] == 1 && s[3] >= x.size(1) && s[2] == x.size(3) * s[3] && s[0] == x.size(2) * s[2];
}
template <Real T>
Tensor<T> by_pixels(const Tensor<T>& x) {
  return lies_by_pixels(x) ? x : x.permute({0, 2, 3, 1}).contiguous().permute({0, 3, 1, 2});
}
template <Real T>
Tensor<T> empty_by_pixels(const Shape& shape) {
  return Tensor<T>::empty({shape[0], shape[2], shape[3], shape[1]}).permute({0, 3, 1, 2});
}

/// The layer as an L, and not as something derived from it; null otherwise.
template <class L, Real T>
L* exactly(AnyLayer<T>& layer) {
  return layer && typeid(*layer) == typeid(L) ? static_cast<L*>(&*layer) : nullptr;
}

}  // namespace detail

/// A convolution that can only be evaluated: with the batch norm behind it folded in, and bounds on its results as an
/// activation sets them, after what a skip brings is added. It has no members.
template <Real T = float>
class PackedConv2d : public Layer<T> {
 public:
  explicit PackedConv2d(const Conv2d<T>& conv)
      : weight_(conv.weight.detach().clone()),
        bias_(conv.bias.defined() ? conv.bias.detach().clone() : zeros<T>({conv.weight.size(0)})),
        window_(conv.window()) {}

  /// What the norm does by its running statistics: y = x w / sqrt(var + eps) + (b - mean w / sqrt(var + eps)).
  void fold(const BatchNorm2d<T>& norm) {
    auto scale = rsqrt(norm.running_var + norm.eps());
    if (norm.weight.defined()) scale = scale * norm.weight;
    weight_ = weight_ * scale.reshape({-1, 1, 1, 1});
    bias_ = (bias_ - norm.running_mean) * scale;
    if (norm.bias.defined()) bias_ = bias_ + norm.bias;
  }
  /// Takes an activation over, if it is one that only sets bounds.
  bool take_over(AnyLayer<T>& activation) {
    const bool six = detail::exactly<ReLU6<T>>(activation) != nullptr;
    if (bounded_ || (!six && detail::exactly<ReLU<T>>(activation) == nullptr)) return false;
    bounded_ = true;
    high_ = six ? T(6) : std::numeric_limits<T>::infinity();
    return true;
  }

  Tensor<T> forward(const Tensor<T>& x) override { return forward_onto(x, Tensor<T>()); }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) override {
    if (grad_enabled() && (x.wants_grad() || (base.defined() && base.wants_grad())))
      shunt::detail::raise<GraphError>("PackedConv2d: an input wants a gradient, and the network was optimized for",
                                       " inference; run it under NoGrad, or keep a copy for training");
    const NoGrad unrecorded;
    if constexpr (std::same_as<T, float>) {
      // Turning many channels costs more than it brings: where the layers before do not give pixels, the image stays.
      if (x.rank() == 4 && (weights_.defined() || (can_pack() && (detail::lies_by_pixels(x) || x.size(1) < 16))))
        return packed(x, base);
    }
    return direct(x, base);
  }
  std::string options() const override {
    return std::to_string(weight_.size(1) * window_.groups) + ", " + std::to_string(weight_.size(0)) +
           ", kernel = " + to_string(Pair(weight_.size(2), weight_.size(3))) + (bounded_ ? ", bounded" : "");
  }

 private:
  Tensor<T> direct(const Tensor<T>& x, const Tensor<T>& base) const {
    auto y = base.defined() ? conv2d_onto<T>(base, x, weight_, bias_, window_) : conv2d(x, weight_, bias_, window_);
    if (bounded_) y.clamp_(T(0), high_);
    return y;
  }
  /// Each channel has one filter of its own.
  bool is_depthwise() const { return weight_.size(1) == 1 && window_.groups == weight_.size(0); }
  /// How many groups are multiplied at once, as one convolution with zeros for weights between them, so that filters
  /// fill two vectors.
  std::int64_t joined() const {
    const std::int64_t groups = window_.groups, filters = weight_.size(0) / groups;
    std::int64_t n = 1;
    while (n < groups && (n * filters < 32 || groups % n != 0)) ++n;
    return n;
  }
  /// Whether there is a way over pixels. Many groups at once are mostly zeros.
  bool can_pack() const { return is_depthwise() || joined() <= 8; }

  /// Of images by pixels.
  static bool all_finite(const Tensor<T>& x) {
    return std::isfinite(norm(x.permute({0, 2, 3, 1}), std::numeric_limits<double>::infinity()).item());
  }
  /// The weights of groups first, first + 1, ..., one below the other if each channel is one, else joined.
  Tensor<T> weights_of(std::int64_t first, std::int64_t groups) const {
    if (is_depthwise()) return weight_.contiguous();
    const std::int64_t k = weight_.size(0) / window_.groups, c = weight_.size(1);
    const auto w = zeros<T>({groups * k, groups * c, weight_.size(2), weight_.size(3)});
    for (std::int64_t i = 0; i < groups; ++i)
      w.narrow(0, i * k, k).narrow(1, i * c, c).copy_(weight_.narrow(0, (first + i) * k, k));
    return w;
  }
  /// Chooses a method by the first image's size and lays the weights out for it; `s` is the shape of one of `parts`.
  void lay_out(const kernels::ConvShape& s, std::int64_t parts) {
    const auto pack = [&](int winograd) {
      winograd_ = winograd;
      weights_ = Tensor<T>::empty({parts, kernels::packed_weights<T>(s, winograd)});
      bool finite = true;
      for (std::int64_t i = 0, groups = window_.groups / parts; i < parts; ++i)
        finite = kernels::pack_weights<T>(s, winograd, weights_of(i * groups, groups).data(),
                                          weights_.data() + i * weights_.size(1)) &&
                 finite;
      return finite;
    };
    if (!pack(kernels::packed_winograd_tile(s))) pack(0);
  }
  Tensor<T> packed(const Tensor<T>& x, const Tensor<T>& base) {
    shunt::detail::check_conv("conv2d", 2, x.shape(), weight_.shape(), &bias_.shape(), window_.groups, false);
    auto s = shunt::detail::conv_shape("conv2d", 2, x.shape(), weight_.shape(), window_);
    const Shape shape{s.n, s.k, s.oh, s.ow};
    if (base.defined()) shunt::detail::check_skip(base.shape(), shape);
    const bool apart = is_depthwise();
    const std::int64_t parts = apart ? 1 : s.groups / joined();
    if (!apart) s.c /= parts, s.k /= parts, s.groups = 1;
    if (!weights_.defined()) lay_out(s, parts);
    const auto from = detail::by_pixels(x), skip = base.defined() ? detail::by_pixels(base) : base;
    const auto y = detail::empty_by_pixels<T>(shape);
    // What is not finite would come out of zero weights as NaN.
    bool done = apart || joined() == 1 || all_finite(from);
    for (std::int64_t i = 0; i < parts && done && y.numel() > 0; ++i) {
      const std::int64_t c = i * s.c, k = i * s.k;
      const T* const skipped = skip.defined() ? skip.data() + k : nullptr;
      const kernels::PackedConv<T> call{s,
                                        winograd_,
                                        weights_.data() + i * weights_.strides()[0],
                                        bias_.data() + k,
                                        from.data() + c,
                                        from.strides()[3],
                                        skipped,
                                        skip.defined() ? skip.strides()[3] : 0,
                                        bounded_,
                                        T(0),
                                        high_,
                                        y.data() + k,
                                        y.strides()[3]};
      done = kernels::packed_conv<T>(call);
    }
    if (!done) return direct(x, base);  // values that are not finite go where they belong
    shunt::detail::count_multiply_adds(static_cast<double>(y.numel()) * static_cast<double>(weight_[0].numel()));
    return y;
  }

  Tensor<T> weight_, bias_, weights_;
  shunt::Conv2dOptions window_;
  int winograd_ = 0;
  bool bounded_ = false;
  T high_ = 0;
};

/// MaxPool2d for images that lie pixel by pixel; others it takes as they come.
template <Real T = float>
class PackedMaxPool2d : public Layer<T> {
 public:
  explicit PackedMaxPool2d(const MaxPool2d<T>& pool) : pool_(pool) {}
  Tensor<T> forward(const Tensor<T>& x) override {
    if constexpr (std::same_as<T, float>) {
      const auto& [stride, padding, dilation, ceil_mode] = pool_.window;
      if (x.rank() == 4 && !x.wants_grad() && detail::lies_by_pixels(x)) {
        const auto shape =
            shunt::detail::pool_shape("max_pool2d", x.shape(), pool_.kernel, stride, padding, dilation, ceil_mode);
        const auto y = detail::empty_by_pixels<T>({x.size(0), x.size(1), shape.oh, shape.ow});
        kernels::packed_max_pool<T>({shape, x.size(1), x.data(), x.strides()[3], y.data()});
        return y;
      }
    }
    return pool_.forward(x);
  }
  std::string options() const override { return pool_.options(); }

 private:
  MaxPool2d<T> pool_;
};

namespace detail {

template <Real T>
[[gnu::cold]] void pack_children(Sequential<T>& s) {
  std::vector<NamedLayer<T>> kept;
  auto& list = s.children();
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (exactly<Dropout<T>>(list[i].layer) != nullptr) continue;
    if (const auto* pool = exactly<MaxPool2d<T>>(list[i].layer)) {
      kept.push_back({list[i].name, PackedMaxPool2d<T>(*pool)});
    } else if (const auto* conv = exactly<Conv2d<T>>(list[i].layer)) {
      PackedConv2d<T> packed(*conv);
      const std::string name = list[i].name;
      if (i + 1 < list.size())
        if (const auto* norm = exactly<BatchNorm2d<T>>(list[i + 1].layer)) packed.fold(*norm), ++i;
      if (i + 1 < list.size() && packed.take_over(list[i + 1].layer)) ++i;
      kept.push_back({name, std::move(packed)});
    } else {
      kept.push_back(std::move(list[i]));
    }
  }
  list = std::move(kept);
}

/// y = after(F(x) + S(x)) in one step where F ends in a convolution.
template <Real T>
[[gnu::cold]] void pack_skip(ResidualBlock<T>& block) {
  for (auto* layer : {&block.branch, &block.shortcut})
    if (const auto* conv = exactly<Conv2d<T>>(*layer)) *layer = PackedConv2d<T>(*conv);
  if (!block.is_plain()) return;
  auto* last = exactly<PackedConv2d<T>>(block.branch);
  if (auto* s = exactly<Sequential<T>>(block.branch); s != nullptr && s->size() > 0)
    last = exactly<PackedConv2d<T>>(s->children().back().layer);
  if (last != nullptr && last->take_over(block.after)) block.after = {};
}

}  // namespace detail

/// Prepares linear layers for evaluation: their weights are laid out for fast products when they are first used, beside
/// what they are, so that nothing but time and memory changes. A weight that changes afterwards is used as it lies.
/// ValueError in training mode.
template <Real T>
void optimize_for_inference(Module<T>& net) {
  if (net.is_training())
    shunt::detail::raise<ValueError>("optimize_for_inference: ", net.kind(), " is in training mode; call eval() first");
  detail::plan_products(net);
}

/// Rewrites a network of images for evaluation alone, in place: in every Sequential a batch norm is folded into the
/// convolution before it (Ioffe and Szegedy 2015, section 3.1), ReLU and ReLU6 become bounds that the convolution
/// applies, also behind a skip, dropout is left out, and linear layers are prepared. What was rewritten has no
/// parameters any more, so keep a copy to train or to save. The network runs once on zeros; `input` is one sample's
/// shape, such as {3, 224, 224}, for which weights are laid out. Other sizes work as well. ValueError in training mode.
template <Real T>
void optimize_for_inference(Layer<T>& net, const Shape& input) {
  optimize_for_inference(static_cast<Module<T>&>(net));
  const auto modules = net.modules();
  for (auto m = modules.rbegin(); m != modules.rend(); ++m) {  // those within others first
    if (auto* s = dynamic_cast<Sequential<T>*>(*m)) detail::pack_children(*s);
    if (auto* block = dynamic_cast<ResidualBlock<T>*>(*m)) detail::pack_skip(*block);
  }
  Shape shape = input;
  shape.insert(0, 1);
  const NoGrad unrecorded;
  net(zeros<T>(shape));
}

}  // namespace shunt::nn
