// What language models that read from left to right share: attention to earlier tokens, the cache of their keys and
// values, and the layer of two skips.
#pragma once

#include "shunt/nn/branch.hpp"
#include "shunt/nn/heads.hpp"
#include "shunt/ops/attention.hpp"
#include "shunt/ops/creation.hpp"
#include "shunt/ops/inplace.hpp"
#include "shunt/ops/rearrange.hpp"

namespace shunt::models {

/// What one layer has read before: keys and values (n, heads, capacity, e), of which the first `length` positions are
/// set. Holding nothing: no cache, the sequence begins here.
template <Real T>
struct Past {
  Tensor<T> keys, values;
  std::int64_t length = 0;
};

/// The pasts of all layers of a model, written in place: with it a new token costs its own products only.
template <Real T>
class KeyValueCache {
 public:
  /// Room for `capacity` tokens of n sequences.
  KeyValueCache(std::int64_t layers, std::int64_t n, std::int64_t heads, std::int64_t capacity, std::int64_t e) {
    for (std::int64_t i = 0; i < layers; ++i)
      pasts_.push_back({Tensor<T>::empty({n, heads, capacity, e}), Tensor<T>::empty({n, heads, capacity, e})});
  }

  std::size_t layers() const { return pasts_.size(); }
  /// Tokens read.
  std::int64_t length() const { return pasts_.empty() ? 0 : pasts_[0].length; }
  /// IndexError for a layer that the cache was not made for.
  const Past<T>& operator[](std::size_t layer) const {
    if (layer >= layers()) shunt::detail::raise<IndexError>("cache: no layer ", layer, " of ", layers());
    return pasts_[layer];
  }
  /// All layers have read t more tokens.
  void advance(std::int64_t t) {
    for (auto& past : pasts_) past.length += t;
  }

 private:
  std::vector<Past<T>> pasts_;
};

/// Attention of t tokens to themselves and to those before them: q (n, heads, t, e), k and v (n, fewer or equal heads,
/// t, e), each of these shared by a group of query heads -> (n, heads, t, e). k and v go into the past.
template <Real T>
Tensor<T> causal_attention(const Tensor<T>& q, Tensor<T> k, Tensor<T> v, const Past<T>& past, double dropout_p) {
  const std::int64_t t = q.size(-2);
  AttentionOptions<T> options{.dropout_p = dropout_p, .is_causal = past.length == 0};
  if (past.keys.defined()) {
    const std::int64_t end = past.length + t;
    Shape wanted = k.shape();
    wanted[2] = past.keys.size(2);
    if (wanted != past.keys.shape())
      shunt::detail::raise<ShapeError>("cache: made for keys of ", past.keys.shape(), ", got ", k.shape());
    if (end > past.keys.size(2))
      shunt::detail::raise<ValueError>("cache: ", t, " tokens behind ", past.length, " exceed its capacity of ",
                                       past.keys.size(2));
    past.keys.narrow(2, past.length, t).copy_(k);
    past.values.narrow(2, past.length, t).copy_(v);
    k = past.keys.narrow(2, 0, end);
    v = past.values.narrow(2, 0, end);
    if (past.length > 0 && t > 1)  // is_causal counts queries from the first key, which is no longer theirs
      options.attn_mask = tril(ones<bool>({t, end}), past.length);
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
