#include "../layers.hpp"

#include <shunt/shunt.hpp>

#include "cases.hpp"

namespace peers {
namespace {

using namespace shunt;
using Floats = Tensor<float>;

/// f(leaves), or that and its gradients.
Run run(bool grad, std::vector<Floats> leaves, const std::function<Floats(const std::vector<Floats>&)>& f) {
  if (!grad)
    return {[=] {
      const NoGrad unrecorded;
      f(leaves);
    }};
  for (auto& leaf : leaves) leaf.requires_grad();
  return {[=, g = randn_like(f(leaves).detach())] {
    for (const auto& leaf : leaves) leaf.zero_grad();
    f(leaves).backward(g);
  }};
}

Run layer(const Layer& l) {
  const Shape shape(l.shape.begin(), l.shape.end());
  const auto x = randn(shape);
  const Int last = shape[shape.rank() - 1], channels = shape[1];
  switch (l.kind) {
    case Kind::batch_norm:
      return run(l.grad, {x, ones({channels}), zeros({channels})},
                 [mean = zeros({channels}), var = ones({channels})](const auto& in) {
                   return batch_norm(in[0], mean, var, in[1], in[2], {.training = true});
                 });
    case Kind::layer_norm:
      return run(l.grad, {x, ones({last}), zeros({last})},
                 [last](const auto& in) { return layer_norm(in[0], {last}, in[1], in[2]); });
    case Kind::softmax: return run(l.grad, {x}, [](const auto& in) { return softmax(in[0], -1); });
    case Kind::cross_entropy:
      return run(l.grad, {x},
                 [target = randint(0, last, {shape[0]})](const auto& in) { return cross_entropy(in[0], target); });
    case Kind::attention:
      return run(l.grad, {x, randn(shape), randn(shape)}, [causal = l.causal](const auto& in) {
        return scaled_dot_product_attention(in[0], in[1], in[2], {.is_causal = causal});
      });
  }
  return {};
}

template <class Optimizer, class Options>
Run optimizer(const Options& options) {
  std::vector<Floats> all;
  for (const auto& shape : parameters()) {
    all.push_back(randn(Shape(shape.begin(), shape.end())).requires_grad());
    all.back().sum().backward();
  }
  auto steps = std::make_shared<Optimizer>(all, options);
  return {[=] { steps->step(); }};
}

}  // namespace

void add_layers(Cases& cases) {
  for (const Layer& l : layers()) cases[l.name] = [l] { return layer(l); };
  cases[optimizers[0]] = [] { return optimizer<optim::SGD<float>>(optim::SGDOptions{.lr = 1e-6, .momentum = 0.9}); };
  cases[optimizers[1]] = [] { return optimizer<optim::AdamW<float>>(optim::AdamWOptions{.lr = 1e-6}); };
}

}  // namespace peers
