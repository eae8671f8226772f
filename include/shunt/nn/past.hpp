// What attention has read before: with it a new token costs its own products only.
#pragma once

#include <utility>
#include <vector>

#include "shunt/ops/attention.hpp"
#include "shunt/ops/creation.hpp"
#include "shunt/ops/inplace.hpp"
#include "shunt/ops/rearrange.hpp"

namespace shunt::nn {

/// What one layer has read before: keys and values (..., heads, capacity, e), of which the first `length` positions are
/// set. Holding nothing: no cache, the sequence begins here.
template <Real T>
struct Past {
  Tensor<T> keys, values;
  std::int64_t length = 0;

  /// Writes k and v (..., heads, t, e) behind what is there, and returns all there is then. ShapeError for others than
  /// it was made for, ValueError beyond the capacity, GraphError for keys or values that want a gradient.
  std::pair<Tensor<T>, Tensor<T>> with(const Tensor<T>& k, const Tensor<T>& v) const {
    const std::int64_t t = k.size(-2), capacity = keys.size(-2);
    Shape wanted = k.shape();
    wanted[wanted.rank() - 2] = capacity;
    if (wanted != keys.shape())
      shunt::detail::raise<ShapeError>("cache: made for keys of ", keys.shape(), ", got ", k.shape());
    if (length + t > capacity)
      shunt::detail::raise<ValueError>("cache: ", t, " tokens behind ", length, " exceed its capacity of ", capacity);
    if (grad_enabled() && (k.wants_grad() || v.wants_grad()))
      shunt::detail::raise<GraphError>("cache: it keeps no history; run the model under NoGrad");
    keys.narrow(-2, length, t).copy_(k);
    values.narrow(-2, length, t).copy_(v);
    return {keys.narrow(-2, 0, length + t), values.narrow(-2, 0, length + t)};
  }
  /// Lets t new tokens see themselves and what was before them. ValueError where a mask would have to be joined.
  void look_back(std::int64_t t, AttentionOptions<T>& o) const {
    o.is_causal = length == 0;  // which counts queries from the first key
    if (length == 0 || t == 1) return;
    if (o.attn_mask.allowed.defined() || o.attn_mask.added.defined())
      shunt::detail::raise<ValueError>("cache: ", t, " tokens behind ", length, " take no mask but the causal one");
    o.attn_mask = tril(ones<bool>({t, length + t}), length);
  }
};

/// The pasts of all layers of a model, written in place.
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

}  // namespace shunt::nn
