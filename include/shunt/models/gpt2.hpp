// GPT-2 (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"): a Transformer that reads from
// left to right, with the norms before the branches. Its state has the names of Hugging Face's GPT2Model.
#pragma once

#include "shunt/models/causal.hpp"
#include "shunt/models/generate.hpp"
#include "shunt/nn/activation.hpp"
#include "shunt/nn/dropout.hpp"
#include "shunt/nn/embedding.hpp"
#include "shunt/nn/norm.hpp"
#include "shunt/nn/published.hpp"
#include "shunt/nn/sequential.hpp"
#include "shunt/ops/join.hpp"
#include "shunt/ops/matmul.hpp"

namespace shunt::models {

struct GPT2Options {
  std::int64_t vocab = 50257;
  std::int64_t context = 1024;  ///< Tokens that a sequence may have.
  std::int64_t layers = 12, heads = 12, width = 768;
  double dropout = 0.1;  ///< Of the embeddings, the attention weights and each branch, in training.
};

namespace detail {

/// y = x W + b with W (in, out), as GPT-2's files have it: the transpose of a Linear's.
template <Real T>
struct Conv1D : nn::Layer<T> {
  nn::Parameter<T> weight, bias;

  Conv1D(std::int64_t in, std::int64_t out, double std, Generator& g)
      : weight(Tensor<T>::empty({in, out})), bias(zeros<T>({out})) {
    nn::init::normal_(weight, 0, std, g);
  }
  Tensor<T> forward(const Tensor<T>& x) override { return linear(x, weight.t(), bias); }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) override {
    return linear_onto(base, x, weight.t(), bias);
  }
  void members(nn::Members<T>& m) override { m("weight", weight)("bias", bias); }
  std::string options() const override { return shunt::detail::text(weight.size(0), ", ", weight.size(1)); }
};

/// c_proj(attention(c_attn(ln_1(x)))): queries, keys and values are one product.
template <Real T>
class GPT2Attention : public nn::Branch<T, Past<T>> {
 public:
  nn::LayerNorm<T> ln_1;
  Conv1D<T> c_attn, c_proj;

  GPT2Attention(const GPT2Options& o, Generator& g)
      : ln_1(o.width),
        c_attn(o.width, 3 * o.width, 0.02, g),
        c_proj(o.width, o.width, last_std(o), g),
        heads_(o.heads),
        dropout_(o.dropout) {}

  Tensor<T> run(const Tensor<T>& x, const Tensor<T>& base, const Past<T>& past) override {
    const auto qkv = chunk(c_attn(ln_1(x)), 3, -1);  // (n, t, width) each
    const auto y = causal_attention(nn::split_heads(qkv[0], heads_), nn::split_heads(qkv[1], heads_),
                                    nn::split_heads(qkv[2], heads_), past, this->is_training() ? dropout_ : 0.0);
    return this->dropped_onto(c_proj, nn::merge_heads(y), base, dropout_);
  }
  void members(nn::Members<T>& m) override { m("ln_1", ln_1)("attn.c_attn", c_attn)("attn.c_proj", c_proj); }

  /// What is added to the stream starts smaller the more branches there are (section 2.3).
  static double last_std(const GPT2Options& o) { return 0.02 / std::sqrt(2.0 * static_cast<double>(o.layers)); }

 private:
  std::int64_t heads_;
  double dropout_;
};

/// One of the layers that GPT-2 is a stack of.
template <Real T>
CausalLayer<T> gpt2_layer(const GPT2Options& o, Generator& g) {
  GPT2Attention<T> attention(o, g);
  nn::Sequential<T> feed_forward;
  feed_forward.add("ln_2", nn::LayerNorm<T>(o.width))
      .add("mlp.c_fc", Conv1D<T>(o.width, 4 * o.width, 0.02, g))
      .add("mlp.act", nn::GELU<T>({.approximate = "tanh"}))
      .add("mlp.c_proj", Conv1D<T>(4 * o.width, o.width, GPT2Attention<T>::last_std(o), g));
  if (o.dropout > 0) feed_forward.add("mlp.dropout", nn::Dropout<T>(o.dropout));
  return {nn::ResidualBlock<T>(std::move(attention)), nn::ResidualBlock<T>(std::move(feed_forward))};
}

}  // namespace detail

/// ids (n, t) -> logits (n, t, vocab) of the token behind each.
template <Real T = float>
class GPT2 : public LanguageModel<T> {
 public:
  using typename LanguageModel<T>::Ids;

  nn::Embedding<T> wte, wpe;  ///< Of tokens and of positions.
  std::vector<CausalLayer<T>> h;
  nn::LayerNorm<T> ln_f;

  explicit GPT2(const GPT2Options& o = {}, Generator& g = generator())
      : wte(checked(o).vocab, o.width, {}, g), wpe(o.context, o.width, {}, g), ln_f(o.width), options_(o) {
    for (std::int64_t i = 0; i < o.layers; ++i) h.push_back(detail::gpt2_layer<T>(o, g));
    const NoGrad unrecorded;
    wte.weight.mul_(0.02);
    wpe.weight.mul_(0.02);
  }

  Tensor<T> hidden(const Ids& ids, KeyValueCache<T>* cache) override {
    const std::int64_t first = this->place(ids, cache, options_.context);
    auto x = wte(ids) + wpe.weight.narrow(0, first, ids.size(1));  // (n, t, width)
    x = dropout(x, options_.dropout, this->is_training());
    return ln_f(run_stack(h, x, cache));
  }
  /// The head has wte's weights.
  Tensor<T> logits(const Tensor<T>& x) override { return linear(x, wte.weight); }
  KeyValueCache<T> cache(std::int64_t n, std::int64_t capacity) const override {
    this->check_length(capacity, options_.context);
    return {options_.layers, n, options_.heads, capacity, options_.width / options_.heads};
  }

  void members(nn::Members<T>& m) override { m("wte", wte)("wpe", wpe)("h", h)("ln_f", ln_f); }
  void adopt(StateDict& dict, const std::string& prefix) const override {
    nn::rename_entries(dict, prefix, [](std::string_view name) {
      if (name.starts_with("transformer.")) name.remove_prefix(12);
      const bool causal_mask = name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias");
      return std::string(causal_mask ? "" : name);
    });
    nn::merge_tied<T>(dict, prefix + "wte.weight", prefix + "lm_head.weight");
  }
  std::string options() const override {
    return shunt::detail::text(options_.layers, " layers, ", options_.heads, " heads, ", options_.width);
  }

 private:
  static const GPT2Options& checked(const GPT2Options& o) {
    if (o.heads < 1 || o.width % o.heads != 0)
      shunt::detail::raise<ValueError>("GPT2: ", o.heads, " heads do not divide width ", o.width);
    return o;
  }

  GPT2Options options_;
};

// The published sizes, of 124, 355, 774 and 1558 million parameters.
template <Real T = float>
GPT2<T> gpt2() {
  return GPT2<T>();
}
template <Real T = float>
GPT2<T> gpt2_medium() {
  return GPT2<T>({.layers = 24, .heads = 16, .width = 1024});
}
template <Real T = float>
GPT2<T> gpt2_large() {
  return GPT2<T>({.layers = 36, .heads = 20, .width = 1280});
}
template <Real T = float>
GPT2<T> gpt2_xl() {
  return GPT2<T>({.layers = 48, .heads = 25, .width = 1600});
}

}  // namespace shunt::models
