// Training steps and inference of whole networks, as modules.
#include "nets.hpp"

namespace peers {
namespace {

namespace nn = torch::nn;
using torch::Tensor;

struct MlpNet : Net {
  std::vector<std::pair<nn::Linear, nn::Linear>> blocks;
  explicit MlpNet(const Mlp& m) {
    const torch::NoGradGuard unrecorded;
    for (Int i = 0; i < m.blocks; ++i) {
      blocks.emplace_back(nn::Linear(m.width, m.width), nn::Linear(m.width, m.width));
      register_module("first" + std::to_string(i), blocks.back().first);
      register_module("second" + std::to_string(i), blocks.back().second)
          ->weight.mul_(1 / std::sqrt(static_cast<double>(m.blocks)));
    }
  }
  Tensor forward(Tensor x) override {
    for (auto& [first, second] : blocks) x = x + second(torch::relu(first(x)));
    return x;
  }
};

nn::Conv2d conv3x3(Int in, Int out, Int stride = 1) {
  return nn::Conv2d(nn::Conv2dOptions(in, out, 3).stride(stride).padding(1).bias(false));
}

struct BasicBlock : Net {
  nn::Conv2d conv1, conv2;
  nn::BatchNorm2d bn1, bn2;
  Int more, stride;
  BasicBlock(Int in, Int out)
      : conv1(conv3x3(in, out, in == out ? 1 : 2)),
        conv2(conv3x3(out, out)),
        bn1(out),
        bn2(out),
        more(out - in),
        stride(in == out ? 1 : 2) {
    register_module("conv1", conv1);
    register_module("bn1", bn1);
    register_module("conv2", conv2);
    register_module("bn2", bn2);
  }
  Tensor forward(Tensor x) override {
    auto y = bn2(conv2(bn1(conv1(x)).relu_()));
    if (more > 0) {
      x = x.slice(2, 0, c10::nullopt, stride).slice(3, 0, c10::nullopt, stride);
      x = torch::constant_pad_nd(x, {0, 0, 0, 0, 0, more});
    }
    return y.add_(x).relu_();
  }
};

struct CifarNet : Net {
  nn::Conv2d conv1 = conv3x3(3, 16);
  nn::BatchNorm2d bn1{16};
  std::vector<std::shared_ptr<BasicBlock>> blocks;
  nn::Linear fc{64, 10};
  explicit CifarNet(const Cifar& c) {
    register_module("conv1", conv1);
    register_module("bn1", bn1);
    const Int n = (c.depth - 2) / 6;
    for (Int i = 0, in = 16; i < 3 * n; ++i) {
      const Int out = 16 << (i / n);
      blocks.push_back(register_module("block" + std::to_string(i), std::make_shared<BasicBlock>(in, out)));
      in = out;
    }
    register_module("fc", fc);
  }
  Tensor forward(Tensor x) override {
    x = bn1(conv1(x)).relu_();
    for (auto& block : blocks) x = block->forward(x);
    return fc(x.mean({2, 3}));
  }
};

struct Block : TransformerBlock {
  using TransformerBlock::TransformerBlock;
  Tensor attention(const Tensor& x) {
    const Int n = x.size(0), t = x.size(1), width = x.size(2), head = width / heads;
    const auto parts = qkv(x).view({n, t, 3, heads, head}).permute({2, 0, 3, 1, 4}).unbind(0);
    const auto q = (parts[0] * (1 / std::sqrt(static_cast<double>(head)))).reshape({n * heads, t, head});
    const auto k = parts[1].reshape({n * heads, t, head}), v = parts[2].reshape({n * heads, t, head});
    const auto scores =
        later.defined() ? torch::baddbmm(later, q, k.transpose(1, 2)) : torch::bmm(q, k.transpose(1, 2));
    const auto y = torch::bmm(torch::softmax(scores, -1), v);
    return projection(y.view({n, heads, t, head}).transpose(1, 2).reshape({n, t, width}));
  }
  Tensor forward(Tensor x) {
    x = x + attention(norm1(x));
    return x + linear2(torch::gelu(linear1(norm2(x))));
  }
};

struct TransformerNet : Net {
  nn::Embedding tokens{nullptr};
  Tensor positions;
  std::vector<std::shared_ptr<Block>> blocks;
  nn::LayerNorm norm{nullptr};
  nn::Linear head{nullptr};
  explicit TransformerNet(const Transformer& t) {
    for (Int i = 0; i < t.layers; ++i)
      blocks.push_back(register_module("block" + std::to_string(i), std::make_shared<Block>(t)));
    if (!t.causal()) return;
    tokens = register_module("tokens", nn::Embedding(t.vocabulary, t.width));
    positions = register_parameter("positions", torch::randn({t.tokens, t.width}));
    norm = register_module("norm", nn::LayerNorm(nn::LayerNormOptions({t.width})));
    head = register_module("head", nn::Linear(nn::LinearOptions(t.width, t.vocabulary).bias(false)));
  }
  Tensor forward(Tensor x) override {
    if (tokens) x = tokens(x) + positions;
    for (auto& block : blocks) x = block->forward(x);
    return head ? head(norm(x)) : x;
  }
};

Tensor transformer_input(const Transformer& t, Int n) {
  return t.causal() ? torch::randint(t.vocabulary, {n, t.tokens}, torch::kLong) : torch::randn({n, t.tokens, t.width});
}

}  // namespace

void add_nets(Cases& cases) {
  for (const Mlp& m : mlps()) {
    const auto make = [m](Int n) { return Setting{std::make_shared<MlpNet>(m), torch::randn({n, m.width}), false}; };
    add(cases, m.name(), mlp_batch, make, false);
  }
  for (const Cifar& c : cifars()) {
    const auto make = [c](Int n) { return Setting{std::make_shared<CifarNet>(c), torch::randn({n, 3, 32, 32}), true}; };
    add(cases, c.name(), c.batch, make, true);
  }
  for (const Transformer& t : transformers()) {
    const auto make = [t](Int n) {
      return Setting{std::make_shared<TransformerNet>(t), transformer_input(t, n), t.causal()};
    };
    add(cases, t.name, t.batch, make, false);
  }
}

}  // namespace peers
