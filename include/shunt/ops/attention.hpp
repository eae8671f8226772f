// Attention: averages of values, weighted by how well their keys meet a query.
#pragma once

#include <optional>

#include "shunt/ops/dropout.hpp"
#include "shunt/ops/matmul.hpp"
#include "shunt/ops/softmax.hpp"
#include "shunt/ops/where.hpp"

namespace shunt {

/// What may be attended: nothing said, a bool mask (true = may be attended), or numbers added to the scores.
template <Real T>
class AttentionMask {
 public:
  AttentionMask() = default;
  AttentionMask(const Tensor<bool>& mask) : allowed(mask) {}
  AttentionMask(const Tensor<T>& mask) : added(mask) {}

  Tensor<bool> allowed;
  Tensor<T> added;
};

template <Real T>
struct AttentionOptions {
  AttentionMask<T> attn_mask = {};   ///< Broadcasts to (..., t, s).
  double dropout_p = 0;              ///< Applied whenever it is not 0: a caller that does not train passes 0.
  bool is_causal = false;            ///< Query i sees keys 0 .. i; together with a mask, where both allow it.
  std::optional<double> scale = {};  ///< Of the scores; 1 / sqrt(e) by default.
};

namespace detail {

struct Not {
  bool operator()(bool b) const { return !b; }
};
template <class T>
struct IsMinusInfinity {
  bool operator()(T x) const { return x == -std::numeric_limits<T>::infinity(); }
};

/// A (t, s) mask with true where the key comes later than the query.
inline Tensor<bool> later_keys(std::int64_t t, std::int64_t s) {
  auto later = Tensor<bool>::empty({t, s});
  for (std::int64_t i = 0; i < t; ++i)
    for (std::int64_t j = 0; j < s; ++j) later.data()[i * s + j] = j > i;
  return later;
}

/// Softmax over the last dimension; rows of minus infinities become zeros without a gradient.
template <Real T>
Tensor<T> softmax_or_zeros(const Tensor<T>& scores) {
  if (scores.numel() == 0) return softmax(scores, -1);
  const auto largest = [&] {
    const NoGrad unrecorded;
    return amax(scores, -1, true);
  }();
  const auto nothing = map<bool>("attention", IsMinusInfinity<T>{}, largest);
  return masked_fill(softmax(masked_fill(scores, nothing, 0), -1), nothing, 0);
}

/// Attention from elementary operations: the definition, and the way of every scalar but float and double.
template <Real T>
Tensor<T> composed_attention(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v, const AttentionOptions<T>& o,
                             double scale, Generator& source) {
  constexpr double never = -std::numeric_limits<double>::infinity();
  auto scores = matmul(q * scale, k.mT());
  if (o.attn_mask.added.defined()) scores = scores + o.attn_mask.added;
  if (o.attn_mask.allowed.defined())
    scores = masked_fill(scores, map<bool>("attention", Not{}, o.attn_mask.allowed), never);
  if (o.is_causal) scores = masked_fill(scores, later_keys(q.size(-2), k.size(-2)), never);
  return matmul(dropout(softmax_or_zeros(scores), o.dropout_p, true, source), v);
}

/// The leading dimensions that q, k and v share; ShapeError where anything does not fit.
template <Real T>
Shape attention_lead(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v, const AttentionOptions<T>& o) {
  const char* op = "scaled_dot_product_attention";
  if (q.rank() < 2 || k.rank() < 2 || v.rank() < 2 || q.size(-1) != k.size(-1) || k.size(-2) != v.size(-2))
    raise<ShapeError>(op, ": needs q (..., t, e), k (..., s, e), v (..., s, d), got ", q.shape(), ", ", k.shape(), ", ",
                      v.shape());
  const auto lead = [](const Shape& s) { return Shape(s.begin(), s.end() - 2); };
  const Shape shape = broadcast(op, broadcast(op, lead(q.shape()), lead(k.shape())), lead(v.shape()));
  Shape scores = shape;
  scores.push_back(q.size(-2));
  scores.push_back(k.size(-2));
  const auto& m = o.attn_mask;
  if (m.allowed.defined() || m.added.defined()) {
    const Shape& mask = m.allowed.defined() ? m.allowed.shape() : m.added.shape();
    if (broadcast(op, scores, mask) != scores)
      raise<ShapeError>(op, ": a mask of shape ", mask, " does not broadcast to the scores' ", scores);
  }
  return shape;
}

}  // namespace detail

/// softmax(scale q k^T) v (Vaswani et al. 2017): q (..., t, e), k (..., s, e), v (..., s, d) -> (..., t, d), leading
/// dimensions broadcast. A query that may attend to nothing gives zeros, and no gradient.
template <Real T>
Tensor<T> scaled_dot_product_attention(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v,
                                       AttentionOptions<T> options = {}, Generator& source = generator()) {
  detail::check_probability("scaled_dot_product_attention", options.dropout_p);
  detail::attention_lead(q, k, v, options);
  const double scale =
      options.scale.value_or(1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(q.size(-1), 1))));
  return detail::composed_attention(q, k, v, options, scale, source);
}

}  // namespace shunt
