// BERT (Devlin et al. 2018, "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding"): a
// Transformer encoder with the norms after the sums. Its state has the names of Hugging Face's BertModel.
#pragma once

#include "shunt/nn/activation.hpp"
#include "shunt/nn/branch.hpp"
#include "shunt/nn/dropout.hpp"
#include "shunt/nn/embedding.hpp"
#include "shunt/nn/heads.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/nn/norm.hpp"
#include "shunt/nn/padding.hpp"
#include "shunt/nn/published.hpp"
#include "shunt/nn/sequential.hpp"

namespace shunt::models {

struct BERTOptions {
  std::int64_t vocab = 30522;
  std::int64_t context = 512;  ///< Tokens that a sequence may have.
  std::int64_t layers = 12, heads = 12, width = 768;
  std::int64_t hidden = 0;  ///< Width inside the feed-forward networks; 0: four times `width`.
  std::int64_t types = 2;   ///< Kinds of segments, such as question and answer.
  double dropout = 0.1;     ///< Of the embeddings, the attention weights and each branch, in training.
  bool pooler = true;       ///< Whether the layer behind the first token is there; files of other heads may lack it.
  bool mlm = false;         ///< Whether the head of masked language modelling, cls.predictions, is there.
};

namespace detail {

template <Real T>
nn::Linear<T> bert_linear(std::int64_t in, std::int64_t out, Generator& g) {
  nn::Linear<T> l(in, out, {}, g);
  nn::init::normal_(l.weight, 0, 0.02, g);
  nn::init::zeros_(l.bias);
  return l;
}
template <Real T>
nn::LayerNorm<T> bert_norm(std::int64_t width) {
  return nn::LayerNorm<T>(width, {.eps = 1e-12});
}

/// dense(attention(query(x), key(x), value(x))), where the mask says which keys are there.
template <Real T>
class BertAttention : public nn::Branch<T, AttentionMask<T>> {
 public:
  nn::Linear<T> query, key, value, dense;

  BertAttention(const BERTOptions& o, Generator& g)
      : query(bert_linear<T>(o.width, o.width, g)),
        key(bert_linear<T>(o.width, o.width, g)),
        value(bert_linear<T>(o.width, o.width, g)),
        dense(bert_linear<T>(o.width, o.width, g)),
        heads_(o.heads),
        dropout_(o.dropout) {}

  Tensor<T> run(const Tensor<T>& x, const Tensor<T>& base, const AttentionMask<T>& mask) override {
    const auto y = scaled_dot_product_attention<T>(
        nn::split_heads(query(x), heads_), nn::split_heads(key(x), heads_), nn::split_heads(value(x), heads_),
        {.attn_mask = mask, .dropout_p = this->is_training() ? dropout_ : 0.0});  // (n, heads, t, width / heads)
    return this->dropped_onto(dense, nn::merge_heads(y), base, dropout_);
  }
  void members(nn::Members<T>& m) override {
    m("self.query", query)("self.key", key)("self.value", value)("output.dense", dense);
  }

 private:
  std::int64_t heads_;
  double dropout_;
};

/// LayerNorm(x + attention(x)), then LayerNorm(x + feed_forward(x)).
template <Real T>
class BertLayer : public nn::Layer<T> {
 public:
  nn::ResidualBlock<T> attention, feed_forward;

  BertLayer(const BERTOptions& o, std::int64_t hidden, Generator& g)
      : attention({.branch = BertAttention<T>(o, g), .after = bert_norm<T>(o.width)}),
        feed_forward({.branch = mlp(o, hidden, g), .after = bert_norm<T>(o.width)}) {}

  Tensor<T> forward(const Tensor<T>& x) override { return feed_forward(attention(x)); }
  using nn::Layer<T>::operator();
  Tensor<T> operator()(const Tensor<T>& x, const AttentionMask<T>& mask) {
    return this->gate(x.shape(), [&] { return feed_forward(nn::tell(attention, x, mask)); });
  }
  void members(nn::Members<T>& m) override {
    m(attention,
      [&](nn::Members<T>& in) { in("attention", attention.branch)("attention.output.LayerNorm", attention.after); });
    m(feed_forward, [&](nn::Members<T>& in) { in(feed_forward.branch)("output.LayerNorm", feed_forward.after); });
  }

 private:
  static nn::Sequential<T> mlp(const BERTOptions& o, std::int64_t hidden, Generator& g) {
    nn::Sequential<T> branch;
    branch.add("intermediate.dense", bert_linear<T>(o.width, hidden, g))
        .add("intermediate.act", nn::GELU<T>())
        .add("output.dense", bert_linear<T>(hidden, o.width, g));
    if (o.dropout > 0) branch.add("output.dropout", nn::Dropout<T>(o.dropout));
    return branch;
  }
};

}  // namespace detail

/// ids (n, t), which tokens are there, and their types -> the last hidden state (n, t, width). IndexError for an id
/// outside the vocabulary, ValueError beyond the context.
template <Real T = float>
class BERT : public nn::Module<T> {
 public:
  using Ids = Tensor<std::int64_t>;

  nn::Embedding<T> words, positions, types;
  nn::LayerNorm<T> norm;
  std::vector<detail::BertLayer<T>> layers;
  std::optional<nn::Linear<T>> pooler;
  std::optional<nn::Sequential<T>> transform;  ///< Of the masked-language-model head.
  nn::Parameter<T> mlm_bias;

  explicit BERT(const BERTOptions& o = {}, Generator& g = generator())
      : words(checked(o).vocab, o.width, {}, g),
        positions(o.context, o.width, {}, g),
        types(o.types, o.width, {}, g),
        norm(detail::bert_norm<T>(o.width)),
        options_(o) {
    if (o.pooler) pooler.emplace(detail::bert_linear<T>(o.width, o.width, g));
    const std::int64_t hidden = o.hidden > 0 ? o.hidden : 4 * o.width;
    for (std::int64_t i = 0; i < o.layers; ++i) layers.push_back(detail::BertLayer<T>(o, hidden, g));
    const NoGrad unrecorded;
    for (const auto* e : {&words, &positions, &types}) e->weight.mul_(0.02);
    if (!o.mlm) return;
    transform.emplace(nn::Sequential<T>({{"dense", detail::bert_linear<T>(o.width, o.width, g)},
                                         {"act", nn::GELU<T>()},
                                         {"LayerNorm", detail::bert_norm<T>(o.width)}}));
    mlm_bias = nn::Parameter<T>(zeros<T>({o.vocab}));
  }

  /// mask (n, t): true, or 1, for a token; all are by default. token_types (n, t): 0 by default.
  Tensor<T> operator()(const Ids& ids, const nn::PaddingMask& mask = {}, const Ids& token_types = {}) {
    return this->gate(ids.shape(), [&] {
      if (ids.rank() != 2) shunt::detail::raise<ShapeError>("needs ids (n, t), got ", ids.shape());
      if (ids.size(1) > options_.context)
        shunt::detail::raise<ValueError>(ids.size(1), " tokens exceed the context of ", options_.context);
      if (token_types.defined() && token_types.shape() != ids.shape())
        shunt::detail::raise<ShapeError>("types of shape ", token_types.shape(), " for ids ", ids.shape());
      auto x = words(ids) + positions.weight.narrow(0, 0, ids.size(1));  // (n, t, width)
      x = x + (token_types.defined() ? types(token_types) : types.weight[0]);
      x = dropout(norm(x), options_.dropout, this->is_training());
      const auto keys = mask.template over_keys<T>(ids);
      for (auto& layer : layers) x = layer(x, keys);
      return x;
    });
  }
  /// The first token's state, which stands for its sequence: last hidden state (n, t, width) -> (n, width). ValueError
  /// without `.pooler`.
  Tensor<T> pooled(const Tensor<T>& hidden) {
    if (!pooler) shunt::detail::raise<ValueError>("BERT: made without the pooler, by BERT({.pooler = false})");
    return tanh((*pooler)(hidden.select(1, 0)));
  }
  Tensor<T> pooled(const Ids& ids, const nn::PaddingMask& mask = {}, const Ids& token_types = {}) {
    return pooled((*this)(ids, mask, token_types));
  }
  /// Logits of the word at each place, by the weights of the words' embeddings: last hidden state (n, t, width) ->
  /// (n, t, vocab). ValueError without `.mlm`.
  Tensor<T> mlm(const Tensor<T>& hidden) {
    if (!transform) shunt::detail::raise<ValueError>("BERT: made without the head; give it as BERT({.mlm = true})");
    return linear((*transform)(hidden), words.weight, mlm_bias);
  }

  void members(nn::Members<T>& m) override {
    m("embeddings.word_embeddings", words)("embeddings.position_embeddings", positions);
    m("embeddings.token_type_embeddings", types)("embeddings.LayerNorm", norm);
    m("encoder.layer", layers)("pooler.dense", pooler);
    m("cls.predictions.bias", mlm_bias)("cls.predictions.transform", transform);
  }
  void adopt(StateDict& dict, const std::string& prefix) const override {
    nn::rename_entries(dict, prefix, [&](std::string_view published) {
      std::string name(published);
      if (name.starts_with("bert.")) name.erase(0, 5);
      if (name.ends_with(".gamma")) name.replace(name.size() - 5, 5, "weight");
      if (name.ends_with(".beta")) name.replace(name.size() - 4, 4, "bias");
      const bool other_head = name.starts_with(options_.mlm ? "cls.seq_relationship." : "cls.") ||
                              (!options_.pooler && name.starts_with("pooler."));
      return other_head || name == "embeddings.position_ids" ? std::string() : name;
    });
    nn::merge_tied<T>(dict, prefix + "embeddings.word_embeddings.weight", prefix + "cls.predictions.decoder.weight");
    nn::merge_tied<T>(dict, prefix + "cls.predictions.bias", prefix + "cls.predictions.decoder.bias");
  }
  std::string options() const override {
    return shunt::detail::text(options_.layers, " layers, ", options_.heads, " heads, ", options_.width);
  }

 private:
  static const BERTOptions& checked(const BERTOptions& o) {
    if (o.heads < 1 || o.width % o.heads != 0)
      shunt::detail::raise<ValueError>("BERT: ", o.heads, " heads do not divide width ", o.width);
    return o;
  }

  BERTOptions options_;
};

// The published sizes, of 109 and 335 million parameters.
template <Real T = float>
BERT<T> bert_base() {
  return BERT<T>();
}
template <Real T = float>
BERT<T> bert_large() {
  return BERT<T>({.layers = 24, .heads = 16, .width = 1024});
}

}  // namespace shunt::models
