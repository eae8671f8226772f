#include "../layers.hpp"

#include "cases.hpp"

namespace peers {
namespace {

using torch::Tensor;
using Function = std::function<Tensor(const std::vector<Tensor>&)>;

/// f(leaves), or that and its gradients.
Run run(bool grad, std::vector<Tensor> leaves, const Function& f, const char* note = "") {
  if (!grad)
    return {[=] {
              const c10::InferenceMode unrecorded;
              f(leaves);
            },
            {},
            note};
  for (auto& leaf : leaves) leaf.requires_grad_();
  return {[=, g = torch::randn_like(f(leaves).detach())]() mutable {
            for (auto& leaf : leaves) leaf.mutable_grad().reset();
            f(leaves).backward(g);
          },
          {},
          note};
}

/// What 1.13 offers, and the same written out.
Run attention(const Layer& l, const Tensor& x) {
  const std::vector<Tensor> qkv{x, torch::randn_like(x), torch::randn_like(x)};
  const Int t = l.shape[2], heads = l.shape[0] * l.shape[1], width = l.shape[3];
  const Function offered = [=](const auto& in) {
    return std::get<0>(at::_scaled_dot_product_attention(in[0], in[1], in[2], {}, 0.0, false, l.causal));
  };
  const auto later = l.causal ? torch::full({t, t}, -INFINITY).triu(1) : Tensor();
  const Function written = [=](const auto& in) {
    const auto q = (in[0] * (1 / std::sqrt(static_cast<double>(width)))).view({heads, t, width});
    const auto k = in[1].view({heads, t, width}).transpose(1, 2), v = in[2].view({heads, t, width});
    const auto scores = l.causal ? torch::baddbmm(later, q, k) : torch::bmm(q, k);
    return torch::bmm(torch::softmax(scores, -1), v).view(l.shape);
  };
  return fastest({run(l.grad, qkv, offered, "offered"), run(l.grad, qkv, written, "written out")});
}

Run layer(const Layer& l) {
  const auto x = torch::randn(l.shape);
  const Int last = l.shape.back(), channels = l.shape[1];
  switch (l.kind) {
    case Kind::batch_norm:
      return run(l.grad, {x, torch::ones({channels}), torch::zeros({channels})},
                 [mean = torch::zeros({channels}), var = torch::ones({channels})](const auto& in) {
                   return torch::batch_norm(in[0], in[1], in[2], mean, var, true, 0.1, 1e-5, false);
                 });
    case Kind::layer_norm:
      return run(l.grad, {x, torch::ones({last}), torch::zeros({last})},
                 [last](const auto& in) { return torch::layer_norm(in[0], {last}, in[1], in[2]); });
    case Kind::softmax: return run(l.grad, {x}, [](const auto& in) { return torch::softmax(in[0], -1); });
    case Kind::cross_entropy:
      return run(l.grad, {x}, [target = torch::randint(last, {l.shape[0]}, torch::kLong)](const auto& in) {
        return torch::cross_entropy_loss(in[0], target);
      });
    case Kind::attention: return attention(l, x);
  }
  return {};
}

template <class Optimizer, class Options>
Run optimizer(const Options& options) {
  std::vector<Tensor> all;
  for (const auto& shape : parameters()) {
    all.push_back(torch::randn(shape).requires_grad_());
    all.back().mutable_grad() = torch::ones(shape);
  }
  auto steps = std::make_shared<Optimizer>(all, options);
  return {[=] { steps->step(); }};
}

}  // namespace

void add_layers(Cases& cases) {
  for (const Layer& l : layers()) cases[l.name] = [l] { return layer(l); };
  cases[optimizers[0]] = [] { return optimizer<torch::optim::SGD>(torch::optim::SGDOptions(1e-6).momentum(0.9)); };
  cases[optimizers[1]] = [] { return optimizer<torch::optim::AdamW>(torch::optim::AdamWOptions(1e-6)); };
}

}  // namespace peers
