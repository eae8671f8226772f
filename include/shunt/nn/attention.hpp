// Multi-head attention with its projections.
#pragma once

#include <tuple>

#include "shunt/nn/linear.hpp"
#include "shunt/nn/past.hpp"

namespace shunt::nn {

struct MultiheadAttentionOptions {
  std::int64_t width;
  std::int64_t heads;
  bool bias = true;
  double dropout = 0;         ///< Of the attention weights, in training.
  std::int64_t kv_heads = 0;  ///< Heads of keys and values, shared by groups of query heads; 0: as many as `heads`.
};

/// What a call may attend to. A mask broadcasts to (..., heads, t, s); true = may be attended, numbers are added.
template <Real T>
struct Attend {
  AttentionMask<T> attn_mask = {};
  bool is_causal = false;
  /// Keys and values from before: this call's are written behind them, and all are attended. Its owner counts on.
  const Past<T>* past = nullptr;
};

/// h heads of attention side by side (Vaswani et al. 2017): (..., t, width) -> (..., t, width). Parameters are named
/// and started as PyTorch's: in_proj_weight holds the rows of q, k and v. ValueError where the numbers do not divide.
template <Real T = float>
class MultiheadAttention : public Layer<T> {
 public:
  Parameter<T> in_proj_weight, in_proj_bias;
  Linear<T> out_proj;

  explicit MultiheadAttention(MultiheadAttentionOptions o, Generator& g = generator())
      : out_proj(o.width, o.width, {.bias = o.bias}, g), options_(o) {
    if (options_.kv_heads == 0) options_.kv_heads = o.heads;
    if (o.heads < 1 || options_.kv_heads < 1 || o.width % o.heads != 0 || o.heads % options_.kv_heads != 0)
      shunt::detail::raise<ValueError>("MultiheadAttention: width ", o.width, ", ", o.heads, " heads and ",
                                       options_.kv_heads, " heads of keys do not divide");
    const std::int64_t rows = o.width + 2 * kv_width();
    in_proj_weight = Parameter<T>(Tensor<T>::empty({rows, o.width}));
    init::xavier_uniform_(in_proj_weight, 1, g);
    if (!o.bias) return;
    in_proj_bias = Parameter<T>(zeros<T>({rows}));
    init::zeros_(out_proj.bias);
  }

  /// Self-attention.
  Tensor<T> forward(const Tensor<T>& x) override { return out_proj(attend(x, {})); }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) override {
    return out_proj.onto(attend(x, {}), base);
  }
  using Layer<T>::operator();
  Tensor<T> operator()(const Tensor<T>& x, const Attend<T>& to) {
    return this->gate(x.shape(), [&] { return out_proj(attend(x, to)); });
  }
  /// The same added to base, which has x's shape.
  Tensor<T> onto(const Tensor<T>& x, const Tensor<T>& base, const Attend<T>& to) {
    return this->gate(x.shape(), [&] { return out_proj.onto(attend(x, to), base); });
  }
  using Layer<T>::onto;
  /// Attention of q (..., t, width) to k and v (..., s, width).
  Tensor<T> operator()(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v, const Attend<T>& to = {}) {
    return this->gate(q.shape(), [&] { return out_proj(attend(q, k, v, to)); });
  }
  /// The same added to base, which has q's shape.
  Tensor<T> onto(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v, const Tensor<T>& base,
                 const Attend<T>& to) {
    return this->gate(q.shape(), [&] { return out_proj.onto(attend(q, k, v, to), base); });
  }

  void members(Members<T>& m) override {
    m("in_proj_weight", in_proj_weight)("in_proj_bias", in_proj_bias)("out_proj", out_proj);
  }
  std::string options() const override {
    return std::to_string(options_.width) + ", " + std::to_string(options_.heads) + " heads";
  }

 private:
  std::int64_t head_width() const { return options_.width / options_.heads; }
  std::int64_t kv_width() const { return options_.kv_heads * head_width(); }

  /// Rows [begin, end) of the projection.
  Tensor<T> project(const Tensor<T>& x, std::int64_t begin, std::int64_t end) const {
    if (x.rank() < 2 || x.size(-1) != options_.width)
      shunt::detail::raise<ShapeError>("attention: expected (..., t, ", options_.width, "), got input ", x.shape());
    if (begin == 0 && end == in_proj_weight.size(0)) return linear(x, in_proj_weight, in_proj_bias);
    return linear(x, in_proj_weight.slice(0, begin, end),
                  in_proj_bias.defined() ? in_proj_bias.slice(0, begin, end) : Tensor<T>());
  }
  Tensor<T> attend(const Tensor<T>& x, const Attend<T>& to) const {
    const std::int64_t w = options_.width, kv = kv_width();
    const auto all = project(x, 0, w + 2 * kv);
    return join(all.slice(-1, 0, w), all.slice(-1, w, w + kv), all.slice(-1, w + kv, w + 2 * kv), to);
  }
  Tensor<T> attend(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v, const Attend<T>& to) const {
    const std::int64_t w = options_.width, kv = kv_width();
    if (k.handle() != v.handle())
      return join(project(q, 0, w), project(k, w, w + kv), project(v, w + kv, w + 2 * kv), to);
    const auto both = project(k, w, w + 2 * kv);
    return join(project(q, 0, w), both.slice(-1, 0, kv), both.slice(-1, kv, 2 * kv), to);
  }
  /// (..., t, heads * e) as (..., heads, t, e), or with shared keys as (..., kv heads, sharers, t, e).
  Tensor<T> heads_of(const Tensor<T>& x, std::int64_t sharers) const {
    Shape shape(x.shape().begin(), x.shape().end() - 1);
    const int t = shape.rank() - 1;
    shape.push_back(x.size(-1) / head_width() / sharers);
    if (options_.kv_heads != options_.heads) shape.push_back(sharers);
    shape.push_back(head_width());
    Dims order;
    for (int d = 0; d < shape.rank() - 1; ++d)
      if (d != t) order.push_back(d);
    order.push_back(t);
    order.push_back(shape.rank() - 1);
    return permute(reshape(x, shape), order);
  }
  /// The heads' results side by side again, (..., t, width).
  Tensor<T> join(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v, const Attend<T>& to) const {
    const std::int64_t sharers = options_.heads / options_.kv_heads;
    AttentionOptions<T> options{.attn_mask = sharers > 1 ? by_groups(to.attn_mask, sharers) : to.attn_mask,
                                .dropout_p = this->is_training() ? options_.dropout : 0.0,
                                .is_causal = to.is_causal};
    auto keys = heads_of(k, 1), values = heads_of(v, 1);
    if (to.past != nullptr) {
      std::tie(keys, values) = to.past->with(keys, values);
      if (to.is_causal) to.past->look_back(q.size(-2), options);
    }
    const auto y = scaled_dot_product_attention<T>(heads_of(q, sharers), keys, values, options);
    Dims order;
    const int first = q.rank() - 2, t = y.rank() - 2;  // the heads' dimensions lie in [first, t)
    for (int d = 0; d < first; ++d) order.push_back(d);
    order.push_back(t);
    for (int d = first; d < t; ++d) order.push_back(d);
    order.push_back(y.rank() - 1);
    return reshape(permute(y, order), q.shape());
  }
  /// A mask over heads as one over groups of heads.
  AttentionMask<T> by_groups(const AttentionMask<T>& mask, std::int64_t sharers) const {
    const auto split = [&](const auto& m) {
      if (!m.defined() || m.rank() < 3) return m;
      Shape shape = m.shape();
      const int h = m.rank() - 3;
      const bool each = shape[h] != 1;
      shape[h] = each ? options_.kv_heads : 1;
      shape.insert(h + 1, each ? sharers : 1);
      return reshape(m, shape);
    };
    AttentionMask<T> out;
    out.allowed = split(mask.allowed);
    out.added = split(mask.added);
    return out;
  }

  MultiheadAttentionOptions options_;
};

}  // namespace shunt::nn
