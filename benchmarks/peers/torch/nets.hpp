// Networks in training and in use.
#pragma once

#include "../nets.hpp"

#include "cases.hpp"

namespace peers {

using torch::Tensor;

struct Net : torch::nn::Module {
  virtual Tensor forward(Tensor x) = 0;
};

inline Tensor squares(const Tensor& y, const Tensor& target) { return torch::mse_loss(y, target); }
/// Over the last dimension, or over the channels of every pixel.
inline Tensor classes(const Tensor& y, const Tensor& target) {
  return torch::nn::functional::cross_entropy(y.dim() == 4 ? y : y.reshape({-1, y.size(-1)}), target);
}
inline Tensor random_classes(const Tensor& y) {
  if (y.dim() == 4) return torch::randint(y.size(1), {y.size(0), y.size(2), y.size(3)}, torch::kLong);
  return torch::randint(y.size(-1), {y.numel() / y.size(-1)}, torch::kLong);
}

/// The layers of a pre-norm Transformer block; how they are run differs.
struct TransformerBlock : torch::nn::Module {
  torch::nn::LayerNorm norm1, norm2;
  torch::nn::Linear qkv, projection, linear1, linear2;
  Int heads;
  Tensor later;  // the mask of keys that a query must not see
  explicit TransformerBlock(const Transformer& t)
      : norm1(torch::nn::LayerNormOptions({t.width})),
        norm2(torch::nn::LayerNormOptions({t.width})),
        qkv(t.width, 3 * t.width),
        projection(t.width, t.width),
        linear1(t.width, t.hidden()),
        linear2(t.hidden(), t.width),
        heads(t.heads) {
    register_module("norm1", norm1);
    register_module("qkv", qkv);
    register_module("projection", projection);
    register_module("norm2", norm2);
    register_module("linear1", linear1);
    register_module("linear2", linear2);
    if (t.causal()) later = torch::full({t.tokens, t.tokens}, -INFINITY).triu(1);
  }
};

/// A network in training or in use, and its input.
struct Setting {
  std::shared_ptr<Net> net;
  Tensor x;
  bool classifies;
  std::string note{};

  /// The same with images and weights stored by pixels.
  Setting channels_last() && {
    for (auto& p : net->parameters())
      if (p.dim() == 4) p.set_data(p.contiguous(at::MemoryFormat::ChannelsLast));
    x = x.contiguous(at::MemoryFormat::ChannelsLast);
    note = "channels last";
    return std::move(*this);
  }
};

inline Run training(const Setting& s) {
  auto sgd = std::make_shared<torch::optim::SGD>(s.net->parameters(),
                                                 torch::optim::SGDOptions(learning_rate).momentum(momentum));
  const auto y = s.net->forward(s.x).detach();
  const auto target = s.classifies ? random_classes(y) : torch::randn_like(y);
  return {[=, params = s.net->parameters()]() mutable {
            for (auto& p : params) p.mutable_grad().reset();  // Python's zero_grad(set_to_none=True)
            const auto out = s.net->forward(s.x);
            (s.classifies ? classes(out, target) : squares(out, target)).backward();
            sgd->step();
          },
          {},
          s.note};
}

inline Run inference(const Setting& s) {
  s.net->eval();
  return {[=] {
            const c10::InferenceMode unrecorded;
            s.net->forward(s.x);
          },
          {},
          s.note};
}

/// The cases train/NAME and infer/NAME; make(n) sets up the network with an input of n samples.
inline void add(Cases& cases, const std::string& name, Int batch, const std::function<Setting(Int)>& make,
                bool images) {
  cases["train/" + name] = [=] {
    if (!images) return training(make(batch));
    return fastest({training(make(batch)), training(make(batch).channels_last())});
  };
  cases["infer/" + name] = [=] {
    if (!images) return inference(make(1));
    return fastest({inference(make(1)), inference(make(1).channels_last())});
  };
}

}  // namespace peers
