// Networks of torchvision and Hugging Face, as modules.
#include <torch/script.h>

#include <fstream>

#include "nets.hpp"

namespace peers {
namespace {

namespace nn = torch::nn;

nn::Conv2d convolution(Int in, Int out, Int kernel, Int stride = 1, bool bias = false) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(bias));
}

/// Convolutions with batch norm each, ReLU between them, and a shortcut around.
struct Unit : Net {
  std::vector<std::pair<nn::Conv2d, nn::BatchNorm2d>> layers;
  bool skips = false;

  Unit& add(Int in, Int out, Int kernel, Int stride) {
    layers.emplace_back(convolution(in, out, kernel, stride), nn::BatchNorm2d(out));
    register_module("conv" + std::to_string(layers.size()), layers.back().first);
    register_module("bn" + std::to_string(layers.size()), layers.back().second);
    return *this;
  }
  Tensor forward(Tensor x) override {
    const std::size_t branch = layers.size() - (skips ? 1 : 0);
    auto y = x;
    for (std::size_t i = 0; i < branch; ++i) {
      y = layers[i].second(layers[i].first(y));
      if (i + 1 < branch) y.relu_();
    }
    return y.add_(skips ? layers[branch].second(layers[branch].first(x)) : x).relu_();
  }
};

struct ImageNetNet : Net {
  nn::Conv2d conv1 = nn::Conv2d(nn::Conv2dOptions(3, 64, 7).stride(2).padding(3).bias(false));
  nn::BatchNorm2d bn1{64};
  std::vector<std::shared_ptr<Unit>> units;
  nn::Linear fc{nullptr};

  explicit ImageNetNet(const ImageNet& n) {
    const bool deep = n.depth >= 50;
    const std::vector<Int> counts = deep ? std::vector<Int>{3, 4, 6, 3} : std::vector<Int>{2, 2, 2, 2};
    register_module("conv1", conv1);
    register_module("bn1", bn1);
    Int in = 64;
    for (std::size_t stage = 0; stage < 4; ++stage)
      for (Int i = 0; i < counts[stage]; ++i) {
        const Int width = Int{64} << stage, out = deep ? 4 * width : width, stride = stage > 0 && i == 0 ? 2 : 1;
        auto unit = std::make_shared<Unit>();
        if (deep)
          unit->add(in, width, 1, 1).add(width, width, 3, stride).add(width, out, 1, 1);
        else
          unit->add(in, width, 3, stride).add(width, width, 3, 1);
        unit->skips = in != out || stride != 1;
        if (unit->skips) unit->add(in, out, 1, stride);
        units.push_back(register_module("unit" + std::to_string(units.size()), unit));
        in = out;
      }
    fc = register_module("fc", nn::Linear(in, 1000));
  }
  Tensor forward(Tensor x) override {
    x = torch::max_pool2d(bn1(conv1(x)).relu_(), 3, 2, 1);
    for (auto& unit : units) x = unit->forward(x);
    return fc(x.mean({2, 3}));
  }
};

struct UNetNet : Net {
  using Pair = std::shared_ptr<Unit>;
  std::vector<Pair> down, up;
  std::vector<nn::ConvTranspose2d> doubled;
  nn::Conv2d head;

  explicit UNetNet(const UNet& u) : head(convolution(u.width, 2, 1, 1, true)) {
    Int in = 1, out = u.width;
    for (Int i = 0; i <= u.levels; in = out, out *= 2, ++i) down.push_back(pair(in, out));
    for (out = in / 2; out >= u.width; in = out, out /= 2) {
      doubled.emplace_back(nn::ConvTranspose2dOptions(in, out, 2).stride(2));
      register_module("doubled" + std::to_string(out), doubled.back());
      up.push_back(pair(in, out));
    }
    register_module("head", head);
  }
  Pair pair(Int in, Int out) {
    auto unit = std::make_shared<Unit>();
    unit->add(in, out, 3, 1).add(out, out, 3, 1);
    return register_module("unit" + std::to_string(children().size()), unit);
  }
  static Tensor run(const Unit& unit, Tensor x) {
    for (auto [conv, bn] : unit.layers) x = bn(conv(x)).relu_();
    return x;
  }
  Tensor forward(Tensor x) override {
    std::vector<Tensor> skips;
    for (std::size_t i = 0; i + 1 < down.size(); ++i) {
      skips.push_back(run(*down[i], x));
      x = torch::max_pool2d(skips.back(), 2);
    }
    x = run(*down.back(), x);
    for (std::size_t i = 0; i < up.size(); ++i) {
      x = run(*up[i], torch::cat({skips.back(), doubled[i](x)}, 1));
      skips.pop_back();
    }
    return head(x);
  }
};

/// A layer of GPT-2, for whole sequences and for one token behind those whose keys and values it keeps.
struct Gpt2Layer : TransformerBlock {
  Tensor keys, values;

  explicit Gpt2Layer(const Transformer& t)
      : TransformerBlock(t),
        keys(torch::zeros({t.heads, t.tokens, t.width / t.heads})),
        values(torch::zeros_like(keys)) {}

  /// x (1, t, width) behind `before` tokens, of whose keys and values `keep` makes the cache.
  Tensor forward(Tensor x, Int before, bool keep) {
    const Int t = x.size(1), width = x.size(2), head = width / heads;
    const auto parts = qkv(norm1(x)).view({t, 3, heads, head}).permute({1, 2, 0, 3});
    const auto q = parts[0] * (1 / std::sqrt(static_cast<double>(head)));
    auto k = parts[1], v = parts[2];
    if (keep) {
      keys.narrow(1, before, t).copy_(k);
      values.narrow(1, before, t).copy_(v);
      k = keys.narrow(1, 0, before + t);
      v = values.narrow(1, 0, before + t);
    }
    const auto scores = t == 1 ? torch::bmm(q, k.transpose(1, 2))
                               : torch::baddbmm(later.narrow(0, 0, t).narrow(1, 0, t), q, k.transpose(1, 2));
    const auto y = torch::bmm(torch::softmax(scores, -1), v).transpose(0, 1).reshape({1, t, width});
    x = x + projection(y);
    return x + linear2(torch::gelu(linear1(norm2(x)), "tanh"));
  }
};

struct Gpt2Net {
  Transformer t = gpt2();
  Tensor tokens = torch::randn({t.vocabulary, t.width}), positions = torch::randn({1024, t.width});
  std::vector<std::shared_ptr<Gpt2Layer>> layers;
  nn::LayerNorm norm{nn::LayerNormOptions({t.width})};

  Gpt2Net() {
    for (Int i = 0; i < t.layers; ++i) layers.push_back(std::make_shared<Gpt2Layer>(t));
  }
  Tensor operator()(const Tensor& ids, Int before = 0, bool keep = false) {
    auto x = torch::embedding(tokens, ids) + positions.narrow(0, before, ids.size(1));
    for (auto& layer : layers) x = layer->forward(x, before, keep);
    return torch::linear(norm(x), tokens);
  }
};

/// A module written by export.py, with batch norms folded and convolutions in oneDNN's layouts.
Run scripted(const std::string& name, const Tensor& x) {
  const char* folder = std::getenv("PEERS_MODELS");
  if (folder == nullptr || !std::ifstream(std::string(folder) + "/" + name + ".pt")) return {};
  auto net = torch::jit::load(std::string(folder) + "/" + name + ".pt");
  net.eval();
  net = torch::jit::optimize_for_inference(net);
  return {[net, x]() mutable {
            const torch::NoGradGuard unrecorded;
            net.forward({x});
          },
          {},
          "scripted, optimize_for_inference"};
}

}  // namespace

void add_published(Cases& cases) {
  for (const ImageNet& n : imagenets()) {
    const auto make = [n](Int count) {
      return Setting{std::make_shared<ImageNetNet>(n), torch::randn({count, 3, 224, 224}), true};
    };
    add(cases, n.name(), imagenet_batch, make, true);
    cases["infer/" + n.name()] = [=] {
      std::vector<Run> ways{inference(make(1)), inference(make(1).channels_last())};
      if (auto third = scripted("resnet" + std::to_string(n.depth), torch::randn({1, 3, 224, 224})); third.once)
        ways.push_back(std::move(third));
      return fastest(std::move(ways));
    };
  }
  for (const UNet& u : unets()) {
    const auto make = [u](Int n) {
      return Setting{std::make_shared<UNetNet>(u), torch::randn({n, 1, u.side, u.side}), true};
    };
    add(cases, u.name(), u.batch, make, true);
  }
  const auto ids = [] { return torch::randint(gpt2().vocabulary, {1, gpt2().tokens}, torch::kLong); };
  cases["infer/gpt2"] = [=] {
    return Run{[net = std::make_shared<Gpt2Net>(), x = ids()] {
      const c10::InferenceMode unrecorded;
      (*net)(x);
    }};
  };
  cases["generate/gpt2"] = [=] {
    const c10::InferenceMode unrecorded;
    auto net = std::make_shared<Gpt2Net>();
    const auto x = ids();
    const Int before = gpt2().tokens - generated;
    (*net)(x.narrow(1, 0, before), 0, true);
    return Run{[=] {
      const c10::InferenceMode quiet;
      auto next = x.narrow(1, before, 1);
      for (Int i = 0; i < generated; ++i) next = (*net)(next, before + i, true).argmax(-1);
    }};
  };
}

}  // namespace peers
