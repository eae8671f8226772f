// The vision transformer (Dosovitskiy et al. 2020, "An Image is Worth 16x16 Words"): an image as a sequence of patches,
// read by a Transformer encoder with the norms before the branches. Its state has torchvision's names.
#pragma once

#include <cstring>

#include "shunt/nn/conv.hpp"
#include "shunt/nn/published.hpp"
#include "shunt/nn/transformer.hpp"
#include "shunt/ops/join.hpp"

namespace shunt::models {

/// By default ViT-B/16.
struct ViTOptions {
  std::int64_t image = 224;  ///< Height and width of the images,
  std::int64_t patch = 16;   ///< and of the patches, which must divide it.
  std::int64_t layers = 12, heads = 12, width = 768;
  std::int64_t hidden = 0;  ///< Width inside the feed-forward networks; 0: four times `width`.
  std::int64_t classes = 1000, in_channels = 3;
  double dropout = 0;  ///< Of the embedded patches, the attention weights and each branch, in training.
};

namespace detail {

/// x + attention(ln_1(x)), then x + mlp(ln_2(x)).
template <Real T>
class ViTLayer : public nn::Layer<T> {
 public:
  nn::ResidualBlock<T> attention, feed_forward;

  ViTLayer(const nn::TransformerBlockOptions& o, Generator& g)
      : attention(nn::AttentionBranch<T>(o, "ln_1", "self_attention", g)), feed_forward(mlp(o, g)) {}

  Tensor<T> forward(const Tensor<T>& x) override { return feed_forward(attention(x)); }
  void members(nn::Members<T>& m) override {
    m(attention, [&](nn::Members<T>& in) { in(attention.branch); });
    m(feed_forward, [&](nn::Members<T>& in) { in(feed_forward.branch); });
  }

 private:
  static nn::Linear<T> linear(std::int64_t in, std::int64_t out, Generator& g) {
    nn::Linear<T> l(in, out, {}, g);
    nn::init::xavier_uniform_(l.weight, 1, g);
    nn::init::normal_(l.bias, 0, 1e-6, g);
    return l;
  }
  static nn::Sequential<T> mlp(const nn::TransformerBlockOptions& o, Generator& g) {
    nn::Sequential<T> branch;
    branch.add("ln_2", nn::LayerNorm<T>(o.width, {.eps = o.eps}))
        .add("mlp.0", linear(o.width, o.hidden, g))
        .add("mlp.1", nn::GELU<T>());
    if (o.dropout > 0) branch.add("mlp.2", nn::Dropout<T>(o.dropout));
    branch.add("mlp.3", linear(o.hidden, o.width, g));
    if (o.dropout > 0) branch.add("mlp.4", nn::Dropout<T>(o.dropout));
    return branch;
  }
};

/// The stack.
template <Real T>
nn::Sequential<T> vit_layers(const ViTOptions& o, Generator& g) {
  nn::Sequential<T> layers;
  const nn::TransformerBlockOptions block{.width = o.width,
                                          .heads = o.heads,
                                          .hidden = o.hidden > 0 ? o.hidden : 4 * o.width,
                                          .dropout = o.dropout,
                                          .norm_first = true,
                                          .eps = 1e-6};
  for (std::int64_t i = 0; i < o.layers; ++i) layers.add("encoder_layer_" + std::to_string(i), ViTLayer<T>(block, g));
  return layers;
}

/// Patches in an image; ValueError if they do not fill it.
inline std::int64_t patches(const ViTOptions& o) {
  if (o.patch < 1 || o.image < o.patch || o.image % o.patch != 0)
    shunt::detail::raise<ValueError>("ViT: patches of ", o.patch, " do not fill an image of ", o.image);
  return (o.image / o.patch) * (o.image / o.patch);
}

}  // namespace detail

/// x (n, in_channels, image, image) -> logits (n, classes).
template <Real T = float>
class ViT : public nn::Layer<T> {
 public:
  nn::Parameter<T> class_token, pos_embedding;
  nn::Conv2d<T> conv_proj;
  nn::Sequential<T> layers;
  nn::LayerNorm<T> ln;
  nn::Linear<T> head;

  explicit ViT(const ViTOptions& o = {}, Generator& g = generator())
      : class_token(zeros<T>({1, 1, o.width})),
        pos_embedding(Tensor<T>::empty({1, 1 + detail::patches(o), o.width})),
        conv_proj({.in = o.in_channels, .out = o.width, .kernel = o.patch, .stride = o.patch}, g),
        layers(detail::vit_layers<T>(o, g)),
        ln(o.width, {.eps = 1e-6}),
        head(o.width, o.classes, {}, g),
        options_(o) {
    nn::init::normal_(pos_embedding, 0, 0.02, g);
    nn::init::trunc_normal_(conv_proj.weight, 0, 1 / std::sqrt(nn::init::fan_of(conv_proj.weight.shape()).in), -2, 2,
                            g);
    nn::init::zeros_(conv_proj.bias);
    nn::init::zeros_(head.weight);
    nn::init::zeros_(head.bias);
  }

  Tensor<T> forward(const Tensor<T>& image) override {
    if (image.rank() != 4 || image.size(2) != options_.image || image.size(3) != options_.image)
      shunt::detail::raise<ShapeError>("expected (n, ", options_.in_channels, ", ", options_.image, ", ",
                                       options_.image, "), got ", image.shape());
    const auto patches = conv_proj(image).flatten(2).transpose(1, 2);  // (n, patches, width)
    const auto token = class_token.expand({image.size(0), 1, -1});
    auto x = cat({token, patches}, 1) + pos_embedding;  // (n, 1 + patches, width)
    x = layers.over(dropout(x, options_.dropout, this->is_training()));
    return head(ln(x.select(1, 0)));  // the class token has seen all patches
  }

  void members(nn::Members<T>& m) override {
    m("class_token", class_token)("conv_proj", conv_proj)("encoder.pos_embedding", pos_embedding);
    m("encoder.layers", layers)("encoder.ln", ln)("heads.head", head);
  }
  void adopt(StateDict& dict, const std::string& prefix) const override {
    nn::rename_entries(dict, prefix, [](std::string_view published) {
      std::string name(published);
      for (const auto& [older, newer] : {std::pair{".mlp.linear_1.", ".mlp.0."}, {".mlp.linear_2.", ".mlp.3."}})
        if (const auto at = name.find(older); at != std::string::npos) name.replace(at, std::strlen(older), newer);
      return name;
    });
  }
  std::string options() const override {
    return shunt::detail::text(options_.layers, " layers, ", options_.heads, " heads, ", options_.width, ", patch ",
                               options_.patch);
  }

 private:
  ViTOptions options_;
};

// The published sizes for images of 224 x 224, of 87, 88 and 304 million parameters.
template <Real T = float>
ViT<T> vit_b_16() {
  return ViT<T>();
}
template <Real T = float>
ViT<T> vit_b_32() {
  return ViT<T>({.patch = 32});
}
template <Real T = float>
ViT<T> vit_l_16() {
  return ViT<T>({.layers = 24, .heads = 16, .width = 1024});
}

}  // namespace shunt::models
