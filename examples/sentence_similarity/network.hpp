// The Universal Sentence Encoder in its small form (Cer et al. 2018): a Transformer of two layers that maps a sentence
// to 512 numbers, so that sentences of one meaning lie close together.
#pragma once

#include <shunt/nn/branch.hpp>
#include <shunt/shunt.hpp>

#include <string>

namespace nn = shunt::nn;
using shunt::Tensor;
using Ids = Tensor<std::int64_t>;

/// Attention behind a norm: (n, t, in) -> (n, t, out). It is told which tokens are none, but padding.
struct Attention : nn::Branch<float, nn::Attend<float>> {
  nn::LayerNorm<float> norm;
  nn::MultiheadAttention<float> attention;

  Attention(std::int64_t in, std::int64_t out) : norm(in, {.eps = 1e-6}), attention({.width = in, .heads = 4}) {
    attention.out_proj = nn::Linear<float>(in, out);
  }
  Tensor<float> run(const Tensor<float>& x, const Tensor<float>& base, const nn::Attend<float>& to) override {
    return base.defined() ? attention.onto(norm(x), base, to) : attention(norm(x), to);
  }
  void members(nn::Members<float>& m) override { m("norm", norm)("attention", attention); }
};

inline nn::ResidualBlock<float> feed_forward(std::int64_t width, std::int64_t hidden) {
  return nn::ResidualBlock<float>(nn::Sequential<float>({{"norm", nn::LayerNorm<float>(width, {.eps = 1e-6})},
                                                         {"linear1", nn::Linear<float>(width, hidden)},
                                                         {"relu", nn::ReLU<float>()},
                                                         {"linear2", nn::Linear<float>(hidden, width)}}));
}

struct SentenceEncoder : nn::Module<float> {
  nn::Embedding<float> pieces{8002, 256};
  nn::Buffer<float> frequencies{shunt::zeros({128})};
  std::vector<nn::ResidualBlock<float>> blocks;  ///< attention, feed-forward, attention, feed-forward
  nn::Linear<float> last{512, 512};

  SentenceEncoder() {
    blocks.emplace_back(Attention(256, 512), nn::Linear<float>(256, 512));  // the stream becomes twice as wide
    blocks.push_back(feed_forward(512, 1536));
    blocks.emplace_back(Attention(512, 512));
    blocks.push_back(feed_forward(512, 1536));
  }

  /// What each piece means and where it stands; 0 where there is none.
  Tensor<float> embed(const Ids& ids) {
    const auto place = shunt::arange(static_cast<double>(ids.size(1))).unsqueeze(1) * frequencies;  // (t, 128)
    const auto x = pieces(clamp_min(ids, 0)) * 2 + shunt::cat({place.sin(), place.cos()}, 1);
    return x * (ids >= 0).to<float>().unsqueeze(-1);
  }
  /// Ids of pieces (n, t), -1 for padding, to vectors (n, 512) of length 1.
  Tensor<float> operator()(const Ids& ids) {
    const auto there = ids >= 0;
    const nn::Attend<float> to{.attn_mask = there.unsqueeze(1).unsqueeze(1)};
    auto x = embed(ids);             // (n, t, 256)
    x = nn::tell(blocks[0], x, to);  // (n, t, 512)
    x = blocks[1](x);
    x = nn::tell(blocks[2], x, to);
    x = blocks[3](x);
    const auto weight = there.to<float>().unsqueeze(-1);
    x = tanh(last((x * weight).sum(1) / weight.sum(1)));
    return x / x.norm(2, -1, true);
  }
  void members(nn::Members<float>& m) override {
    m("pieces", pieces)("frequencies", frequencies)("blocks", blocks)("last", last);
  }
};

/// The published weights under SentenceEncoder's names. Matrices are (in, out) there and (out, in) here.
inline shunt::StateDict sentence_weights(const shunt::StateDict& published) {
  shunt::StateDict ours;
  const auto take = [&](const std::string& name, const std::string& part) {
    for (const auto& [theirs, tensor] : published) {
      if (theirs.find(part) == std::string::npos) continue;
      const auto w = tensor.to<float>();
      const bool matrix = w.rank() > 1 && name != "pieces.weight" && name != "frequencies";
      ours.set(name, matrix ? w.reshape({-1, w.size(-1)}).t() : name == "frequencies" ? w.flatten() : w);
      return;
    }
    throw shunt::IoError("the sentence encoder's weights have no " + part);
  };
  take("pieces.weight", "module/Embeddings_en");
  take("frequencies", "TimingSignal/ExpandDims_1");
  for (const std::string layer : {"0", "1"}) {
    const auto from = "Layer_" + layer + "/TransformerLayer/";
    const auto attention = "blocks." + std::to_string(2 * std::stoi(layer)) + ".branch.";
    take(attention + "norm.weight", from + "layer_prepostprocess/layer_norm/layer_norm_scale");
    take(attention + "norm.bias", from + "layer_prepostprocess/layer_norm/layer_norm_bias");
    take(attention + "attention.in_proj_weight", from + "MultiheadAttention/qkv_transform_single/kernel");
    take(attention + "attention.in_proj_bias", from + "MultiheadAttention/qkv_transform_single/bias");
    take(attention + "attention.out_proj.weight", from + "MultiheadAttention/output_transform_single/kernel");
    take(attention + "attention.out_proj.bias", from + "MultiheadAttention/output_transform_single/bias");
    const auto feed = "blocks." + std::to_string(2 * std::stoi(layer) + 1) + ".branch.";
    take(feed + "norm.weight", from + "FFN/layer_prepostprocess/layer_norm/layer_norm_scale");
    take(feed + "norm.bias", from + "FFN/layer_prepostprocess/layer_norm/layer_norm_bias");
    for (const std::string n : {"1", "2"}) {
      take(feed + "linear" + n + ".weight", from + "FFN/conv" + n + "/Tensordot/Reshape_1");
      take(feed + "linear" + n + ".bias", from + "FFN/conv" + n + "/bias");
    }
  }
  take("blocks.0.shortcut.weight", "Layer_0/TransformerLayer/dense/kernel");
  take("blocks.0.shortcut.bias", "Layer_0/TransformerLayer/dense/bias");
  take("last.weight", "tanh_layer_0/weights");
  take("last.bias", "tanh_layer_0/bias");
  return ours;
}
