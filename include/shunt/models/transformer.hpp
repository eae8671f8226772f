// The Transformer (Vaswani et al. 2017, "Attention Is All You Need"): an encoder that reads a sequence, and a decoder
// that writes another, token by token.
#pragma once

#include "shunt/nn/embedding.hpp"
#include "shunt/nn/evaluating.hpp"
#include "shunt/nn/padding.hpp"
#include "shunt/nn/transformer.hpp"
#include "shunt/ops/order.hpp"

namespace shunt::models {

/// By default the paper's base model (table 3).
struct TransformerOptions {
  std::int64_t vocab;             ///< Of the source,
  std::int64_t target_vocab = 0;  ///< and of the target; 0: the same.
  std::int64_t layers = 6;        ///< Of the encoder, and as many of the decoder.
  std::int64_t heads = 8, width = 512;
  std::int64_t hidden = 2048;   ///< Width inside the feed-forward networks.
  std::int64_t context = 1024;  ///< Tokens that a sequence may have.
  double dropout = 0.1;         ///< Of the embeddings, attention weights, hidden values and branches, in training.
  bool shared = true;           ///< One matrix for source, target and the head (section 3.4); else three.
  bool norm_first = false;  ///< Norms before the branches, and behind each stack; the paper's stand behind the sums.
};

struct TranslateOptions {
  std::int64_t begin, stop;  ///< The tokens that begin and end a target.
  std::int64_t max_new_tokens;
};

namespace detail {

/// Position p as sines (even places) and cosines (odd ones) of p / 10000^(2i/width) (section 3.5): (length, width).
template <Real T>
Tensor<T> sinusoids(std::int64_t length, std::int64_t width) {
  const auto y = Tensor<T>::empty({length, width});
  for (std::int64_t p = 0; p < length; ++p)
    for (std::int64_t i = 0; i < width; ++i) {
      const double turn = static_cast<double>(i / 2 * 2) / static_cast<double>(width);
      const double angle = static_cast<double>(p) / std::pow(10000.0, turn);
      y.data()[p * width + i] = shunt::detail::convert<T>(i % 2 == 0 ? std::sin(angle) : std::cos(angle));
    }
  return y;
}

/// A stack of blocks, and the norm behind it if they end without one.
template <class Block>
struct Stack : nn::Module<typename Block::value_type> {
  using T = typename Block::value_type;
  std::vector<Block> layers;
  nn::AnyLayer<T> norm;

  Stack(std::int64_t n, const nn::TransformerBlockOptions& o, Generator& g) {
    for (std::int64_t i = 0; i < n; ++i) layers.emplace_back(o, g);
    if (o.norm_first) norm = nn::LayerNorm<T>(o.width, {.eps = o.eps});
  }
  void members(nn::Members<T>& m) override { m("layers", layers)("norm", norm); }
};

}  // namespace detail

/// source ids (n, s) and target ids (n, t) -> logits (n, t, target_vocab) of the token behind each of the target's.
/// Parameters are named as in PyTorch's nn.Transformer. IndexError for an id outside its vocabulary, ValueError beyond
/// the context.
template <Real T = float>
class Transformer : public nn::Module<T> {
 public:
  using Ids = Tensor<std::int64_t>;

  nn::Embedding<T> source_embedding;
  std::optional<nn::Embedding<T>> target_embedding;
  detail::Stack<nn::TransformerEncoderBlock<T>> encoder;
  detail::Stack<nn::TransformerDecoderBlock<T>> decoder;
  std::optional<nn::Linear<T>> head;

  explicit Transformer(const TransformerOptions& o, Generator& g = generator())
      : source_embedding(checked(o).vocab, o.width, {}, g),
        encoder(o.layers, block(o), g),
        decoder(o.layers, block(o), g),
        options_(o),
        scale_(std::sqrt(static_cast<double>(o.width))),
        positions_(detail::sinusoids<T>(o.context, o.width)) {
    if (!o.shared) {
      const std::int64_t target = o.target_vocab > 0 ? o.target_vocab : o.vocab;
      target_embedding.emplace(target, o.width, EmbeddingOptions{}, g);
      head.emplace(o.width, target, nn::LinearOptions{.bias = false}, g);
    }
    const NoGrad unrecorded;
    source_embedding.weight.mul_(1 / scale_);  // so that the scaled embeddings begin with variance 1
    if (target_embedding) target_embedding->weight.mul_(1 / scale_);
  }

  /// source_mask (n, s): true, or 1, for a token; all are by default.
  Tensor<T> operator()(const Ids& source, const Ids& target, const nn::PaddingMask& source_mask = {}) {
    return this->gate(target.shape(), [&] {
      const auto keys = source_mask.template over_keys<T>(source);
      return decode(target, encode(source, keys), keys);
    });
  }
  /// source (n, s) -> memory (n, s, width).
  Tensor<T> encode(const Ids& source, const AttentionMask<T>& keys = {}) {
    auto x = embed(source_embedding, source);
    for (auto& layer : encoder.layers) x = layer(x, {.attn_mask = keys});
    return encoder.norm(x);
  }
  /// target (n, t) and memory (n, s, width) -> logits (n, t, target_vocab).
  Tensor<T> decode(const Ids& target, const Tensor<T>& memory, const AttentionMask<T>& keys = {}) {
    return logits(states(target, memory, keys));
  }
  /// The likeliest target of each source, word by word, without history: (n, up to 1 + max_new_tokens), which begins
  /// with `begin`, and is filled up with `stop` behind its end.
  Ids translate(const Ids& source, const TranslateOptions& o, const nn::PaddingMask& source_mask = {});

  void members(nn::Members<T>& m) override {
    m("source_embedding", source_embedding)("target_embedding", target_embedding);
    m("encoder", encoder)("decoder", decoder)("head", head);
  }

 private:
  static const TransformerOptions& checked(const TransformerOptions& o) {
    if (o.shared && o.target_vocab > 0 && o.target_vocab != o.vocab)
      shunt::detail::raise<ValueError>("Transformer: vocabularies of ", o.vocab, " and ", o.target_vocab,
                                       " cannot share an embedding; give .shared = false");
    return o;
  }
  static nn::TransformerBlockOptions block(const TransformerOptions& o) {
    return {.width = o.width,
            .heads = o.heads,
            .hidden = o.hidden,
            .dropout = o.dropout,
            .activation = "relu",
            .norm_first = o.norm_first};
  }
  /// Of tokens that stand behind `before` others.
  Tensor<T> embed(const nn::Embedding<T>& words, const Ids& ids, std::int64_t before = 0) {
    if (ids.rank() != 2) shunt::detail::raise<ShapeError>("needs ids (n, t), got ", ids.shape());
    if (const auto end = before + ids.size(1); end > options_.context)
      shunt::detail::raise<ValueError>(end, " tokens exceed the context of ", options_.context);
    const auto x = words(ids) * scale_ + positions_.narrow(0, before, ids.size(1));
    return dropout(x, options_.dropout, this->is_training());
  }

  /// What the decoder has read: of the target, and of memory.
  struct Read {
    nn::KeyValueCache<T> target, memory;
  };
  /// What the decoder makes of the target: (n, t, width). With `read` it goes on behind what was read, and so does
  /// memory.
  Tensor<T> states(const Ids& target, const Tensor<T>& memory, const AttentionMask<T>& keys, Read* read = nullptr) {
    auto x = embed(target_embedding ? *target_embedding : source_embedding, target, read ? read->target.length() : 0);
    nn::DecoderAttend<T> to{.is_causal = true, .memory_mask = keys};
    for (std::size_t i = 0; i < decoder.layers.size(); ++i) {
      if (read) to.past = &read->target[i], to.memory_past = &read->memory[i];
      x = decoder.layers[i](x, memory, to);
    }
    if (read) read->target.advance(target.size(1)), read->memory.advance(memory.size(1));
    return decoder.norm(x);
  }
  Tensor<T> logits(const Tensor<T>& states) { return head ? (*head)(states) : linear(states, source_embedding.weight); }

  TransformerOptions options_;
  double scale_;
  Tensor<T> positions_;
};

template <Real T>
Tensor<std::int64_t> Transformer<T>::translate(const Ids& source, const TranslateOptions& o,
                                               const nn::PaddingMask& source_mask) {
  if (o.max_new_tokens < 0)
    shunt::detail::raise<ValueError>("translate: max_new_tokens must not be ", o.max_new_tokens);
  const NoGrad unrecorded;
  const nn::Evaluating<T> evaluating(*this);
  return this->gate(source.shape(), [&] {
    const auto keys = source_mask.template over_keys<T>(source);
    auto memory = encode(source, keys);  // what is still to be read of it
    const std::int64_t n = source.size(0), length = 1 + o.max_new_tokens, e = options_.width / options_.heads;
    Read read{{options_.layers, n, options_.heads, std::min(length, options_.context), e},
              {options_.layers, n, options_.heads, source.size(1), e}};
    const auto target = full<std::int64_t>({n, length}, static_cast<double>(o.stop));
    target.select(1, 0).fill_(static_cast<double>(o.begin));
    std::vector<bool> ended(static_cast<std::size_t>(n));
    std::int64_t end = 1;
    for (; end < length && std::find(ended.begin(), ended.end(), false) != ended.end(); ++end) {
      const auto last = states(target.narrow(1, end - 1, 1), memory, keys, &read).select(1, 0);  // (n, width)
      memory = memory.narrow(1, 0, 0);
      const auto words = logits(last).argmax(-1);  // (n,)
      for (std::int64_t i = 0; i < n; ++i) {
        if (ended[static_cast<std::size_t>(i)]) continue;
        target.data()[i * length + end] = words.data()[i];
        ended[static_cast<std::size_t>(i)] = words.data()[i] == o.stop;
      }
    }
    return target.narrow(1, 0, end).contiguous();
  });
}

}  // namespace shunt::models
