// Training steps and inference of whole networks.
#include "../nets.hpp"

#include <shunt/shunt.hpp>

#include "cases.hpp"

namespace peers {
namespace {

using namespace shunt;
using Ids = Tensor<std::int64_t>;

nn::Sequential<float> mlp(const Mlp& m) {
  return nn::repeat(m.blocks, [&] {
    nn::Linear first(m.width, m.width), second(m.width, m.width);
    const NoGrad unrecorded;
    second.weight.mul_(1 / std::sqrt(static_cast<double>(m.blocks)));
    return nn::ResidualBlock(nn::Sequential(first, nn::ReLU(), second));
  });
}

nn::TransformerBlockOptions block_options(const Transformer& t) {
  return {
      .width = t.width, .heads = t.heads, .hidden = t.hidden(), .dropout = 0, .activation = "gelu", .norm_first = true};
}

nn::Sequential<float> encoder(const Transformer& t) {
  return nn::repeat(t.layers, [&] { return nn::TransformerEncoderBlock(block_options(t)); });
}

struct Gpt : nn::Module<float> {
  nn::Embedding<float> tokens, positions;
  std::vector<nn::TransformerEncoderBlock<float>> blocks;
  nn::LayerNorm<float> norm;
  nn::Linear<float> head;
  Ids places;

  explicit Gpt(const Transformer& t)
      : tokens(t.vocabulary, t.width),
        positions(t.tokens, t.width),
        norm(t.width),
        head(t.width, t.vocabulary, {.bias = false}),
        places(arange<std::int64_t>(static_cast<double>(t.tokens))) {
    for (Int i = 0; i < t.layers; ++i) blocks.emplace_back(block_options(t));
  }
  Tensor<float> operator()(const Ids& ids) {
    auto x = tokens(ids) + positions(places);
    for (auto& block : blocks) x = block(x, {.is_causal = true});
    return head(norm(x));
  }
  void members(nn::Members<float>& m) override {
    m("tokens", tokens)("positions", positions);
    for (std::size_t i = 0; i < blocks.size(); ++i) m("block" + std::to_string(i), blocks[i]);
    m("norm", norm)("head", head);
  }
};

/// The cases train/NAME and infer/NAME: one input of the batch and one of a single sample, and the loss. `optimize`
/// prepares a network that is only used.
template <class Make, class Input, class Loss, class Optimize>
void add(Cases& cases, const std::string& name, Int batch, const Make& make, const Input& input, const Loss& loss,
         const Optimize& optimize) {
  using Net = std::invoke_result_t<Make>;
  cases["train/" + name] = [=] {
    manual_seed(1);
    auto net = std::make_shared<Net>(make());
    auto sgd = std::make_shared<optim::SGD<float>>(net->parameters(), optim::SGDOptions{learning_rate, momentum});
    const auto x = input(batch);
    const auto target = loss.target((*net)(x).detach());
    return Run{[=] {
      sgd->zero_grad();
      loss((*net)(x), target).backward();
      sgd->step();
    }};
  };
  cases["infer/" + name] = [=] {
    manual_seed(1);
    auto net = std::make_shared<Net>(make());
    net->eval();
    optimize(*net);
    return Run{[net, x = input(1)] {
                 const NoGrad unrecorded;
                 (*net)(x);
               },
               {},
               "optimize_for_inference"};
  };
}
constexpr auto products = [](auto& net) { nn::optimize_for_inference(net); };
constexpr auto images = [](const Shape& sample) { return [=](auto& net) { nn::optimize_for_inference(net, sample); }; };

struct Squares {
  auto target(const Tensor<float>& y) const { return randn_like(y); }
  auto operator()(const Tensor<float>& y, const Tensor<float>& target) const { return mse_loss(y, target); }
};
/// Over the last dimension.
struct Classes {
  auto target(const Tensor<float>& y) const { return randint(0, y.size(-1), {y.numel() / y.size(-1)}); }
  auto operator()(const Tensor<float>& y, const Ids& target) const {
    return cross_entropy(y.reshape({-1, y.size(-1)}), target);
  }
};

/// Of the channels of each pixel.
struct Pixels {
  auto target(const Tensor<float>& y) const { return randint(0, y.size(1), {y.size(0), y.size(2), y.size(3)}); }
  auto operator()(const Tensor<float>& y, const Ids& target) const { return cross_entropy(y, target); }
};

void add_imagenet(Cases& cases, const ImageNet& n) {
  add(
      cases, n.name(), imagenet_batch, [=] { return n.depth == 18 ? models::resnet18() : models::resnet50(); },
      [](Int count) {
        return randn({count, 3, 224, 224});
      },
      Classes(), images({3, 224, 224}));
}

void add_gpt2(Cases& cases) {
  const auto make = [] {
    manual_seed(1);
    auto net = std::make_shared<models::GPT2<float>>();
    net->eval();
    nn::optimize_for_inference(*net);
    return net;
  };
  cases["infer/gpt2"] = [=] {
    const auto t = gpt2();
    return Run{[net = make(), ids = randint(0, t.vocabulary, {1, t.tokens})] {
      const NoGrad unrecorded;
      (*net)(ids);
    }};
  };
  cases["generate/gpt2"] = [=] {
    const auto t = gpt2();
    const NoGrad unrecorded;
    auto net = make();
    const auto ids = randint(0, t.vocabulary, {1, t.tokens});
    auto cache = std::make_shared<models::KeyValueCache<float>>(net->cache(1, t.tokens));
    net->hidden(ids.narrow(1, 0, t.tokens - generated), cache.get());
    return Run{[=] {
      const NoGrad quiet;
      auto next = ids.narrow(1, t.tokens - generated, 1);
      for (Int i = 0; i < generated; ++i) next = net->logits(net->hidden(next, cache.get())).argmax(-1);
      cache->advance(-generated);
    }};
  };
}

}  // namespace

void add_nets(Cases& cases) {
  for (const Mlp& m : mlps())
    add(
        cases, m.name(), mlp_batch, [=] { return mlp(m); },
        [=](Int n) {
          return randn({n, m.width});
        },
        Squares(), products);
  for (const Cifar& c : cifars())
    add(
        cases, c.name(), c.batch, [=] { return models::resnet_cifar(c.depth); },
        [](Int n) {
          return randn({n, 3, 32, 32});
        },
        Classes(), images({3, 32, 32}));
  for (const UNet& u : unets())
    add(
        cases, u.name(), u.batch, [=] { return models::UNet({.width = u.width, .levels = u.levels}); },
        [=](Int n) {
          return randn({n, 1, u.side, u.side});
        },
        Pixels(), images({1, u.side, u.side}));
  for (const ImageNet& n : imagenets()) add_imagenet(cases, n);
  add_gpt2(cases);
  for (const Transformer& t : transformers()) {
    if (t.causal())
      add(
          cases, t.name, t.batch, [=] { return Gpt(t); },
          [=](Int n) {
            return randint(0, t.vocabulary, {n, t.tokens});
          },
          Classes(), products);
    else
      add(
          cases, t.name, t.batch, [=] { return encoder(t); },
          [=](Int n) {
            return randn({n, t.tokens, t.width});
          },
          Squares(), products);
  }
}

}  // namespace peers
