// LLaMA (Touvron et al. 2023, "LLaMA: Open and Efficient Foundation Language Models"): a Transformer that reads from
// left to right, with RMS norms before the branches, rotary positions and gated feed-forward networks; keys shared by
// groups of heads as in LLaMA 2. Its state has the names of Hugging Face's LlamaForCausalLM.
#pragma once

#include "shunt/models/causal.hpp"
#include "shunt/models/generate.hpp"
#include "shunt/nn/embedding.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/nn/norm.hpp"
#include "shunt/nn/published.hpp"
#include "shunt/nn/rotary.hpp"
#include "shunt/nn/sequential.hpp"
#include "shunt/ops/activation.hpp"

namespace shunt::models {

/// By default the 7 billion parameters of LLaMA 2's smallest model.
struct LLaMAOptions {
  std::int64_t vocab = 32000;
  std::int64_t context = 4096;  ///< Tokens that a sequence may have.
  std::int64_t layers = 32, heads = 32;
  std::int64_t kv_heads = 0;  ///< Heads of keys and values, shared by groups of query heads; 0: as many as `heads`.
  std::int64_t width = 4096;
  std::int64_t hidden = 11008;  ///< Width inside the feed-forward networks.
  double eps = 1e-5;            ///< Of the norms.
  double rope_base = 10000;     ///< The slowest position turns about this many times slower than the fastest.
  bool tied = false;            ///< Whether the head has the embedding's weights.
};

namespace detail {

template <Real T>
nn::Linear<T> llama_linear(std::int64_t in, std::int64_t out, Generator& g) {
  nn::Linear<T> l(in, out, {.bias = false}, g);
  nn::init::normal_(l.weight, 0, 0.02, g);
  return l;
}

/// o_proj(attention(q_proj(n), k_proj(n), v_proj(n))) of n = input_layernorm(x), queries and keys turned by position.
template <Real T>
class LlamaAttention : public nn::Branch<T, Past<T>> {
 public:
  nn::RMSNorm<T> norm;
  nn::Linear<T> q_proj, k_proj, v_proj, o_proj;

  LlamaAttention(const LLaMAOptions& o, const nn::Rotary<T>& rotary, Generator& g)
      : norm(o.width, {.eps = o.eps}),
        q_proj(llama_linear<T>(o.width, o.width, g)),
        k_proj(llama_linear<T>(o.width, o.width / o.heads * o.kv_heads, g)),
        v_proj(llama_linear<T>(o.width, o.width / o.heads * o.kv_heads, g)),
        o_proj(llama_linear<T>(o.width, o.width, g)),
        heads_(o.heads),
        kv_heads_(o.kv_heads),
        rotary_(rotary) {}

  Tensor<T> run(const Tensor<T>& x, const Tensor<T>& base, const Past<T>& past) override {
    const auto in = norm(x);
    const auto q = rotary_(nn::split_heads(q_proj(in), heads_), past.length);     // (n, heads, t, e)
    const auto k = rotary_(nn::split_heads(k_proj(in), kv_heads_), past.length);  // (n, kv_heads, t, e)
    const auto v = nn::split_heads(v_proj(in), kv_heads_);
    return this->dropped_onto(o_proj, nn::merge_heads(causal_attention(q, k, v, past, 0)), base, 0);
  }
  void members(nn::Members<T>& m) override {
    m("input_layernorm", norm)("self_attn.q_proj", q_proj)("self_attn.k_proj", k_proj);
    m("self_attn.v_proj", v_proj)("self_attn.o_proj", o_proj);
  }

 private:
  std::int64_t heads_, kv_heads_;
  nn::Rotary<T> rotary_;
};

/// down_proj(silu(gate_proj(x)) * up_proj(x)) (Shazeer 2020, "GLU Variants Improve Transformer").
template <Real T>
struct SwiGLU : nn::Layer<T> {
  nn::Linear<T> gate_proj, up_proj, down_proj;

  SwiGLU(std::int64_t width, std::int64_t hidden, Generator& g)
      : gate_proj(llama_linear<T>(width, hidden, g)),
        up_proj(llama_linear<T>(width, hidden, g)),
        down_proj(llama_linear<T>(hidden, width, g)) {}

  Tensor<T> forward(const Tensor<T>& x) override { return down_proj(silu(gate_proj(x)) * up_proj(x)); }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) override {
    return down_proj.onto(silu(gate_proj(x)) * up_proj(x), base);
  }
  void members(nn::Members<T>& m) override { m("gate_proj", gate_proj)("up_proj", up_proj)("down_proj", down_proj); }
};

/// One of the layers that LLaMA is a stack of.
template <Real T>
CausalLayer<T> llama_layer(const LLaMAOptions& o, const nn::Rotary<T>& rotary, Generator& g) {
  LlamaAttention<T> attention(o, rotary, g);
  nn::Sequential<T> feed_forward;
  feed_forward.add("post_attention_layernorm", nn::RMSNorm<T>(o.width, {.eps = o.eps}))
      .add("mlp", SwiGLU<T>(o.width, o.hidden, g));
  return {nn::ResidualBlock<T>(std::move(attention)), nn::ResidualBlock<T>(std::move(feed_forward))};
}

}  // namespace detail

/// ids (n, t) -> logits (n, t, vocab) of the token behind each.
template <Real T = float>
class LLaMA : public LanguageModel<T> {
 public:
  using typename LanguageModel<T>::Ids;

 private:
  LLaMAOptions options_;

 public:
  nn::Embedding<T> embed_tokens;
  std::vector<CausalLayer<T>> layers;
  nn::RMSNorm<T> norm;
  std::optional<nn::Linear<T>> lm_head;

  explicit LLaMA(const LLaMAOptions& o, Generator& g = generator())
      : options_(checked(o)), embed_tokens(o.vocab, o.width, {}, g), norm(o.width, {.eps = o.eps}) {
    const nn::Rotary<T> rotary(o.context, o.width / o.heads, o.rope_base);
    for (std::int64_t i = 0; i < o.layers; ++i) layers.push_back(detail::llama_layer<T>(options_, rotary, g));
    if (!o.tied) lm_head = detail::llama_linear<T>(o.width, o.vocab, g);
    const NoGrad unrecorded;
    embed_tokens.weight.mul_(0.02);
  }

  Tensor<T> hidden(const Ids& ids, KeyValueCache<T>* cache) override {
    this->place(ids, cache, options_.context);
    return norm(run_stack(layers, embed_tokens(ids), cache));  // (n, t, width)
  }
  Tensor<T> logits(const Tensor<T>& x) override { return lm_head ? (*lm_head)(x) : linear(x, embed_tokens.weight); }
  KeyValueCache<T> cache(std::int64_t n, std::int64_t capacity) const override {
    this->check_length(capacity, options_.context);
    return {options_.layers, n, options_.kv_heads, capacity, options_.width / options_.heads};
  }

  void members(nn::Members<T>& m) override {
    m("model.embed_tokens", embed_tokens)("model.layers", layers)("model.norm", norm)("lm_head", lm_head);
  }
  void adopt(StateDict& dict, const std::string& prefix) const override {
    nn::rename_entries(dict, prefix, [](std::string_view name) {
      return std::string(name.ends_with(".rotary_emb.inv_freq") ? "" : name);
    });
    if (!lm_head) nn::merge_tied<T>(dict, prefix + "model.embed_tokens.weight", prefix + "lm_head.weight");
  }
  std::string options() const override {
    return shunt::detail::text(options_.layers, " layers, ", options_.heads, " heads, ", options_.width);
  }

 private:
  static LLaMAOptions checked(LLaMAOptions o) {
    if (o.kv_heads == 0) o.kv_heads = o.heads;
    if (o.heads < 1 || o.kv_heads < 1 || o.width % o.heads != 0 || o.heads % o.kv_heads != 0)
      shunt::detail::raise<ValueError>("LLaMA: width ", o.width, ", ", o.heads, " heads and ", o.kv_heads,
                                       " heads of keys do not divide");
    return o;
  }
};

}  // namespace shunt::models
