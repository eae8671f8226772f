// What language models that read from left to right share: attention to earlier tokens, and the layer of two skips.
#pragma once

#include <tuple>

#include "shunt/nn/branch.hpp"
#include "shunt/nn/heads.hpp"
#include "shunt/nn/past.hpp"

namespace shunt::models {

using nn::KeyValueCache, nn::Past;

/// Attention of t tokens to themselves and to those before them: q (n, heads, t, e), k and v (n, fewer or equal heads,
/// t, e), each of these shared by a group of query heads -> (n, heads, t, e). k and v go into the past.
template <Real T>
Tensor<T> causal_attention(const Tensor<T>& q, Tensor<T> k, Tensor<T> v, const Past<T>& past, double dropout_p) {
  const std::int64_t t = q.size(-2);
  AttentionOptions<T> options{.dropout_p = dropout_p, .is_causal = true};
  if (past.keys.defined()) {
    std::tie(k, v) = past.with(k, v);
    past.look_back(t, options);
  }
  if (q.size(1) == k.size(1)) return scaled_dot_product_attention(q, k, v, options);
  const Shape grouped{q.size(0), k.size(1), q.size(1) / k.size(1), t, q.size(3)};
  return reshape(scaled_dot_product_attention(reshape(q, grouped), unsqueeze(k, 2), unsqueeze(v, 2), options),
                 q.shape());
}

/// x + attention(x), then x + feed_forward(x): (n, t, width) -> the same. The members of both branches are its own.
template <Real T>
class CausalLayer : public nn::Layer<T> {
 public:
  nn::ResidualBlock<T> attention, feed_forward;

  CausalLayer(nn::ResidualBlock<T> first, nn::ResidualBlock<T> second)
      : attention(std::move(first)), feed_forward(std::move(second)) {}

  Tensor<T> forward(const Tensor<T>& x) override { return feed_forward(attention(x)); }
  using nn::Layer<T>::operator();
  Tensor<T> operator()(const Tensor<T>& x, const Past<T>& past) {
    return this->gate(x.shape(), [&] { return feed_forward(nn::tell(attention, x, past)); });
  }
  void members(nn::Members<T>& m) override {
    m(attention, [&](nn::Members<T>& in) { in(attention.branch); });
    m(feed_forward, [&](nn::Members<T>& in) { in(feed_forward.branch); });
  }
};

/// x through a stack, each layer with its past; the cache, if there is one, then has read x.
template <Real T>
Tensor<T> run_stack(std::vector<CausalLayer<T>>& stack, Tensor<T> x, KeyValueCache<T>* cache) {
  for (std::size_t i = 0; i < stack.size(); ++i) x = cache != nullptr ? stack[i](x, (*cache)[i]) : stack[i](x);
  if (cache != nullptr) cache->advance(x.size(1));
  return x;
}

}  // namespace shunt::models
