// Attention: averages of values, weighted by how well their keys meet a query.
#pragma once

#include <optional>

#include "shunt/kernels/attention.hpp"
#include "shunt/ops/dropout.hpp"
#include "shunt/ops/flops.hpp"
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

/// Dropout of weights (..., s), each row on 64-element groups of its own: the mask of the kernel that goes row by row.
template <Real T>
Tensor<T> dropout_rows(const Tensor<T>& weights, double p, Generator& source) {
  if (p == 0 || weights.numel() == 0) return weights;
  Shape padded = weights.shape();
  padded[weights.rank() - 1] = (weights.size(-1) + 63) / 64 * 64;
  return weights * dropout(ones<T>(padded), p, true, source).slice(-1, 0, weights.size(-1));
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
  return matmul(dropout_rows(softmax_or_zeros(scores), o.dropout_p, source), v);
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

/// The matrices that x broadcasts to, one for each index of `lead`.
template <class P, Scalar T>
kernels::HeadMatrices<P> heads_in(const Tensor<T>& x, const Shape& lead, std::int64_t rows, std::int64_t cols) {
  Shape shape = lead;
  shape.push_back(rows);
  shape.push_back(cols);
  const Shape strides = strides_in(x, shape);
  const int r = lead.rank();
  kernels::HeadMatrices<P> m{x.data(), std::vector<std::int64_t>(static_cast<std::size_t>(lead.numel())), strides[r],
                             strides[r + 1]};
  for (std::size_t h = 0; h < m.offset.size(); ++h) {
    auto left = static_cast<std::int64_t>(h);
    for (int d = r - 1; d >= 0; --d) {
      m.offset[h] += left % lead[d] * strides[d];
      left /= lead[d];
    }
  }
  return m;
}
/// An unset (lead..., rows, cols) with dense rows. Where `like` holds the heads of one position side by side, as a
/// projection gives them, so does this, and putting the heads together again needs no copy.
template <Scalar T>
Tensor<T> heads_like(const Tensor<T>& like, const Shape& lead, std::int64_t rows, std::int64_t cols) {
  Shape shape = lead;
  shape.push_back(rows);
  shape.push_back(cols);
  const int r = lead.rank();
  if (r == 0 || like.rank() != r + 2 || like.strides()[r - 1] >= like.strides()[r]) return Tensor<T>::empty(shape);
  std::swap(shape[r - 1], shape[r]);
  const auto y = Tensor<T>::empty(shape);
  Shape strides = y.strides();
  std::swap(shape[r - 1], shape[r]);
  std::swap(strides[r - 1], strides[r]);
  return y.alias(y.data(), shape, strides);
}
template <Scalar T>
Tensor<T> zero_heads_like(const Tensor<T>& like, const Shape& lead, std::int64_t rows, std::int64_t cols) {
  const auto y = heads_like(like, lead, rows, cols);
  std::fill_n(y.data(), y.numel(), T(0));
  return y;
}

template <Real T>
kernels::Attention<T> attention_plan(const Shape& lead, const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v,
                                     const Tensor<bool>& allowed, const Tensor<T>& added, bool causal, double scale,
                                     double dropout_p, RandomStream stream) {
  const std::int64_t t = q.size(-2), s = k.size(-2), e = q.size(-1), d = v.size(-1);
  kernels::Attention<T> a{lead.numel(),
                          t,
                          s,
                          e,
                          d,
                          causal,
                          scale,
                          dropout_p,
                          stream,
                          heads_in<const T>(q, lead, t, e),
                          heads_in<const T>(k, lead, s, e),
                          heads_in<const T>(v, lead, s, d),
                          {},
                          {}};
  if (allowed.defined()) a.allowed = heads_in<const bool>(allowed, lead, t, s);
  if (added.defined()) a.added = heads_in<const T>(added, lead, t, s);
  return a;
}

/// Attention by the kernel that keeps no (t, s) matrix.
template <Real T>
Tensor<T> fused_attention(const Shape& lead, const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v,
                          const AttentionOptions<T>& o, double scale, Generator& source) {
  const std::int64_t t = q.size(-2), d = v.size(-1), heads = lead.numel();
  const auto stream = o.dropout_p == 0
                          ? RandomStream{}
                          : source.reserve(static_cast<std::uint64_t>(heads * t) * kernels::dropout_blocks(k.size(-2)));
  const auto y = heads_like(q, lead, t, d), log_sum = Tensor<T>::empty({heads, t});
  const auto& mask = o.attn_mask;
  count_multiply_adds(static_cast<double>(heads * t) * static_cast<double>(k.size(-2) * (q.size(-1) + d)));
  kernels::attention_forward(
      attention_plan(lead, q, k, v, mask.allowed, mask.added, o.is_causal, scale, o.dropout_p, stream),
      heads_in<T>(y, lead, t, d), log_sum.data());
  return record("scaled_dot_product_attention", y, {q, k, v, mask.added},
                [lead, q = save(q), k = save(k), v = save(v), allowed = save(mask.allowed), added = save(mask.added),
                 log_sum = save(log_sum), causal = o.is_causal, scale, p = o.dropout_p,
                 stream](const Tensor<T>& g, Slots<T>& into) {
                  const char* op = "scaled_dot_product_attention";
                  const auto a = attention_plan(lead, q.get(op), k.get(op), v.get(op), allowed.get(op), added.get(op),
                                                causal, scale, p, stream);
                  const auto dq = zero_heads_like(q.get(op), lead, a.t, a.e);
                  const auto dk = zero_heads_like(k.get(op), lead, a.s, a.e);
                  const auto dv = zero_heads_like(v.get(op), lead, a.s, a.d);
                  Shape scores = lead;
                  scores.push_back(a.t), scores.push_back(a.s);
                  const auto dadded = into.wants(3) ? zeros<T>(scores) : Tensor<T>();
                  kernels::attention_backward(a, heads_in<const T>(g, lead, a.t, a.d), log_sum.get(op).data(),
                                              heads_in<T>(dq, lead, a.t, a.e), heads_in<T>(dk, lead, a.s, a.e),
                                              heads_in<T>(dv, lead, a.s, a.d), into.wants(3) ? dadded.data() : nullptr);
                  into.add(0, dq);
                  into.add(1, dk);
                  into.add(2, dv);
                  into.add(3, dadded);
                });
}

}  // namespace detail

/// softmax(scale q k^T) v (Vaswani et al. 2017): q (..., t, e), k (..., s, e), v (..., s, d) -> (..., t, d), leading
/// dimensions broadcast. A query that may attend to nothing gives zeros, and no gradient.
template <Real T>
Tensor<T> scaled_dot_product_attention(const Tensor<T>& q, const Tensor<T>& k, const Tensor<T>& v,
                                       AttentionOptions<T> options = {}, Generator& source = generator()) {
  detail::check_probability("scaled_dot_product_attention", options.dropout_p);
  const Shape lead = detail::attention_lead(q, k, v, options);
  const double scale =
      options.scale.value_or(1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(q.size(-1), 1))));
  const auto& mask = options.attn_mask;
  if constexpr (std::is_floating_point_v<T>)
    if (options.dropout_p < 1 && !(mask.added.defined() && mask.allowed.defined()))
      return detail::fused_attention(lead, q, k, v, options, scale, source);
  return detail::composed_attention(q, k, v, options, scale, source);
}

}  // namespace shunt
