// Transformer blocks: attention and a feed-forward network, each the branch of a residual block, with the norm before
// the branch or after the sum.
#pragma once

#include "shunt/nn/activation.hpp"
#include "shunt/nn/attention.hpp"
#include "shunt/nn/dropout.hpp"
#include "shunt/nn/norm.hpp"
#include "shunt/nn/residual.hpp"
#include "shunt/nn/sequential.hpp"

namespace shunt::nn {

struct TransformerBlockOptions {
  std::int64_t width;
  std::int64_t heads;
  std::int64_t hidden = 2048;  ///< Width inside the feed-forward network.
  double dropout = 0.1;        ///< Of attention weights, hidden values and branches, in training.
  Choice<"relu", "gelu", "gelu_tanh"> activation = "relu";
  bool norm_first = false;  ///< Pre-norm: each branch normalises what it reads. Else each sum is normalised.
  double eps = 1e-5;
  double drop_path = 0;  ///< How often, in training, a sample leaves a branch out.
};

/// dropout(attention(norm(x))), the norm optional: a branch that also takes a mask, and keys from elsewhere.
template <Real T = float>
class AttentionBranch : public Layer<T> {
 public:
  AnyLayer<T> norm;
  MultiheadAttention<T> attention;

  AttentionBranch(const TransformerBlockOptions& o, std::string norm_name, std::string attention_name, Generator& g)
      : attention({.width = o.width, .heads = o.heads, .dropout = o.dropout}, g),
        dropout_(o.dropout),
        norm_name_(std::move(norm_name)),
        attention_name_(std::move(attention_name)) {
    if (o.norm_first) norm = LayerNorm<T>(o.width, {.eps = o.eps});
  }

  Tensor<T> forward(const Tensor<T>& x) override { return attend(x, Tensor<T>(), Tensor<T>(), {}); }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) override {
    return attend(x, base, Tensor<T>(), {});
  }
  /// F(x), with base added unless it holds nothing. Keys and values are `memory`'s, or x's own if that holds nothing.
  Tensor<T> attend(const Tensor<T>& x, const Tensor<T>& base, const Tensor<T>& memory, const Attend<T>& to) {
    const auto in = norm(x);
    const auto& from = memory.defined() ? memory : in;
    const bool drops = dropout_ > 0 && this->is_training();
    if (base.defined() && !drops)
      return memory.defined() ? attention.onto(in, from, from, base, to) : attention.onto(in, base, to);
    const auto y = memory.defined() ? attention(in, from, from, to) : attention(in, to);
    return base.defined() ? add_skip(base, shunt::dropout(y, dropout_, drops)) : shunt::dropout(y, dropout_, drops);
  }
  void members(Members<T>& m) override { m(attention_name_, attention)(norm_name_, norm); }

 private:
  double dropout_;
  std::string norm_name_, attention_name_;
};

namespace detail {

template <Real T>
AnyLayer<T> activation_of(const TransformerBlockOptions& o) {
  if (o.activation == "relu") return ReLU<T>();
  return GELU<T>(o.activation == "gelu" ? GeluOptions{} : GeluOptions{.approximate = "tanh"});
}
template <Real T>
ResidualBlock<T> attention_block(const TransformerBlockOptions& o, const char* norm, const char* attention,
                                 Generator& g) {
  return ResidualBlock<T>({.branch = AttentionBranch<T>(o, norm, attention, g),
                           .drop_path = o.drop_path,
                           .after = o.norm_first ? AnyLayer<T>() : LayerNorm<T>(o.width, {.eps = o.eps})});
}
/// linear2(dropout(activation(linear1(norm(x))))), then dropout.
template <Real T>
ResidualBlock<T> feed_forward_block(const TransformerBlockOptions& o, const char* norm, const char* last,
                                    Generator& g) {
  Sequential<T> branch;
  if (o.norm_first) branch.add(norm, LayerNorm<T>(o.width, {.eps = o.eps}));
  branch.add("linear1", Linear<T>(o.width, o.hidden, {}, g)).add("activation", activation_of<T>(o));
  if (o.dropout > 0) branch.add("dropout", Dropout<T>(o.dropout));
  branch.add("linear2", Linear<T>(o.hidden, o.width, {}, g));
  if (o.dropout > 0) branch.add(last, Dropout<T>(o.dropout));
  return ResidualBlock<T>({.branch = std::move(branch),
                           .drop_path = o.drop_path,
                           .after = o.norm_first ? AnyLayer<T>() : LayerNorm<T>(o.width, {.eps = o.eps})});
}
/// Runs a block of attention_block(); ValueError if its branch has been replaced by something that takes no mask.
template <Real T>
Tensor<T> attend_in(ResidualBlock<T>& block, const Tensor<T>& x, const Tensor<T>& memory, const Attend<T>& to) {
  auto* branch = block.branch ? dynamic_cast<AttentionBranch<T>*>(&*block.branch) : nullptr;
  if (branch == nullptr)
    shunt::detail::raise<ValueError>("transformer: the branch in place of attention takes no mask");
  return block.with(x,
                    [&](const Tensor<T>& in, const Tensor<T>& base) { return branch->attend(in, base, memory, to); });
}

}  // namespace detail

/// Self-attention, then a feed-forward network: (..., t, width) -> the same. Parameters are named as in PyTorch's
/// TransformerEncoderLayer: self_attn, linear1, linear2, norm1, norm2.
template <Real T = float>
class TransformerEncoderBlock : public Layer<T> {
 public:
  ResidualBlock<T> attention, feed_forward;

  explicit TransformerEncoderBlock(const TransformerBlockOptions& o, Generator& g = generator())
      : attention(detail::attention_block<T>(o, "norm1", "self_attn", g)),
        feed_forward(detail::feed_forward_block<T>(o, "norm2", "dropout2", g)) {}

  Tensor<T> forward(const Tensor<T>& x) override { return feed_forward(attention(x)); }
  using Layer<T>::operator();
  /// With a mask: block(x, {.is_causal = true}).
  Tensor<T> operator()(const Tensor<T>& x, const Attend<T>& to) {
    return this->gate(x.shape(), [&] { return feed_forward(detail::attend_in(attention, x, Tensor<T>(), to)); });
  }
  void members(Members<T>& m) override {
    m(attention, [&](Members<T>& in) { in(attention.branch)("norm1", attention.after); });
    m(feed_forward, [&](Members<T>& in) { in(feed_forward.branch)("norm2", feed_forward.after); });
  }
};

/// What a decoder block may attend to in its own sequence and in memory.
template <Real T>
struct DecoderAttend {
  AttentionMask<T> attn_mask = {};
  bool is_causal = false;
  AttentionMask<T> memory_mask = {};
  bool memory_is_causal = false;
  const Past<T>*past = nullptr, *memory_past = nullptr;  ///< What both attentions have read before; see Attend.
};

/// Self-attention, attention to memory, then a feed-forward network: x (..., t, width), memory (..., s, width).
/// Parameters are named as in PyTorch's TransformerDecoderLayer: self_attn, multihead_attn, linear1, linear2, norm1,
/// norm2, norm3.
template <Real T = float>
class TransformerDecoderBlock : public Module<T> {
 public:
  ResidualBlock<T> attention, memory_attention, feed_forward;

  explicit TransformerDecoderBlock(const TransformerBlockOptions& o, Generator& g = generator())
      : attention(detail::attention_block<T>(o, "norm1", "self_attn", g)),
        memory_attention(detail::attention_block<T>(o, "norm2", "multihead_attn", g)),
        feed_forward(detail::feed_forward_block<T>(o, "norm3", "dropout3", g)) {}

  Tensor<T> operator()(const Tensor<T>& x, const Tensor<T>& memory, const DecoderAttend<T>& to = {}) {
    return this->gate(x.shape(), [&] {
      const auto y = detail::attend_in(attention, x, Tensor<T>(), {to.attn_mask, to.is_causal, to.past});
      const Attend<T> read{to.memory_mask, to.memory_is_causal, to.memory_past};
      return feed_forward(detail::attend_in(memory_attention, y, memory, read));
    });
  }
  void members(Members<T>& m) override {
    m(attention, [&](Members<T>& in) { in(attention.branch)("norm1", attention.after); });
    m(memory_attention, [&](Members<T>& in) { in(memory_attention.branch)("norm2", memory_attention.after); });
    m(feed_forward, [&](Members<T>& in) { in(feed_forward.branch)("norm3", feed_forward.after); });
  }
};

}  // namespace shunt::nn
