// Text from a language model, token by token: the most likely one, or a draw.
#pragma once

#include <algorithm>
#include <cmath>
#include <optional>

#include "shunt/models/causal.hpp"
#include "shunt/nn/evaluating.hpp"
#include "shunt/ops/creation.hpp"
#include "shunt/ops/view.hpp"

namespace shunt::models {

struct GenerateOptions {
  std::int64_t max_new_tokens;
  double temperature = 1;                 ///< Divides the logits. 0: always the most likely token.
  std::int64_t top_k = 0;                 ///< Draw from the k most likely tokens; 0: from all.
  double top_p = 1;                       ///< Draw from the most likely tokens that together reach this probability.
  std::optional<std::int64_t> stop = {};  ///< A sequence ends with this token, and is filled up with it.

  void check() const {
    const auto want = [](const char* name, auto v, bool ok) {
      if (!ok) shunt::detail::raise<ValueError>("generate: ", name, " must not be ", v);
    };
    want("max_new_tokens", max_new_tokens, max_new_tokens >= 0);
    want("temperature", temperature, temperature >= 0 && std::isfinite(temperature));
    want("top_k", top_k, top_k >= 0);
    want("top_p", top_p, top_p > 0 && top_p <= 1);
  }
};

/// A token by its logits (vocab,), chosen by u from [0, 1). ValueError where they are no numbers.
[[gnu::cold]] inline std::int64_t sample_token(const Tensor<double>& logits, const GenerateOptions& o, double u) {
  const double* l = logits.data();
  const std::int64_t n = logits.numel();
  // Of equal tokens the first is the more likely.
  const auto less_likely = [l](std::int64_t a, std::int64_t b) { return l[a] < l[b] || (l[a] == l[b] && a > b); };
  if (std::any_of(l, l + n, [](double v) { return std::isnan(v); }) || !std::isfinite(*std::max_element(l, l + n)))
    shunt::detail::raise<ValueError>("generate: the logits are no numbers");
  const std::int64_t best = std::max_element(l, l + n) - l;
  if (o.temperature == 0) return best;

  const auto weight = [&](std::int64_t i) { return std::exp((l[i] - l[best]) / o.temperature); };
  std::vector<std::int64_t> tokens(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) tokens[static_cast<std::size_t>(i)] = i;
  auto first = tokens.begin();  // the tokens to draw from are [first, end)
  if (o.top_k > 0 && o.top_k < n) {
    first = tokens.end() - o.top_k;
    std::nth_element(tokens.begin(), first, tokens.end(), less_likely);
  }
  double sum = 0;
  for (auto i = first; i != tokens.end(); ++i) sum += weight(*i);
  if (o.top_p < 1) {
    std::make_heap(first, tokens.end(), less_likely);
    auto rest = tokens.end();
    double taken = 0;
    while (taken < o.top_p * sum && rest != first) {
      std::pop_heap(first, rest, less_likely);
      taken += weight(*--rest);
    }
    first = rest;
    sum = taken;
  }
  double left = u * sum;
  for (auto i = first; i != tokens.end(); ++i) {
    left -= weight(*i);
    if (left < 0) return *i;
  }
  return best;  // rounding has left a little
}

/// A language model that reads from left to right: ids (n, t) -> logits (n, t, vocab) of the token behind each.
/// IndexError for an id outside the vocabulary, ValueError beyond the context.
template <Real T>
class LanguageModel : public nn::Module<T> {
 public:
  using Ids = Tensor<std::int64_t>;

  /// What the logits are computed from, (n, t, width). A cache holds what stands before ids, and takes them in.
  virtual Tensor<T> hidden(const Ids& ids, KeyValueCache<T>* cache) = 0;
  /// (..., width) -> (..., vocab).
  virtual Tensor<T> logits(const Tensor<T>& x) = 0;
  /// A cache for n sequences of up to `capacity` tokens.
  virtual KeyValueCache<T> cache(std::int64_t n, std::int64_t capacity) const = 0;

  Tensor<T> operator()(const Ids& ids) {
    return this->gate(ids.shape(), [&] { return logits(hidden(ids, nullptr)); });
  }
  /// Without history.
  Tensor<T> operator()(const Ids& ids, KeyValueCache<T>& cache) {
    const NoGrad unrecorded;
    return this->gate(ids.shape(), [&] { return logits(hidden(ids, &cache)); });
  }
  /// ids (n, t) and up to max_new_tokens more of each sequence, (n, t + ...), in evaluation mode and without history.
  Ids generate(const Ids& ids, const GenerateOptions& options, Generator& g = generator());

 protected:
  /// Where the first of ids stands. ShapeError unless they are (n, t), ValueError if they do not fit the context.
  static std::int64_t place(const Ids& ids, const KeyValueCache<T>* cache, std::int64_t context) {
    if (ids.rank() != 2) shunt::detail::raise<ShapeError>("needs ids (n, t), got ", ids.shape());
    const std::int64_t before = cache != nullptr ? cache->length() : 0;
    check_length(before + ids.size(1), context);
    return before;
  }
  static void check_length(std::int64_t t, std::int64_t context) {
    if (t > context) shunt::detail::raise<ValueError>(t, " tokens exceed the context of ", context);
  }
};

template <Real T>
Tensor<std::int64_t> LanguageModel<T>::generate(const Ids& ids, const GenerateOptions& o, Generator& g) {
  o.check();
  if (ids.rank() != 2 || ids.size(1) == 0)
    shunt::detail::raise<ShapeError>("generate: needs ids (n, t) with a token to begin with, got ", ids.shape());
  const std::int64_t n = ids.size(0), t = ids.size(1), length = t + o.max_new_tokens;
  const NoGrad unrecorded;
  const nn::Evaluating<T> evaluating(*this);
  auto read = cache(n, length);
  const auto all = Ids::empty({n, length});
  all.narrow(1, 0, t).copy_(ids);
  std::vector<bool> ended(static_cast<std::size_t>(n));
  std::int64_t end = t;
  for (; end < length && std::find(ended.begin(), ended.end(), false) != ended.end(); ++end) {
    const auto x = this->gate(ids.shape(), [&] { return hidden(all.slice(1, read.length(), end), &read); });
    const auto rows = logits(x.select(1, -1)).template to<double>();  // (n, vocab)
    const auto u = rand<double>({n}, g);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto row = static_cast<std::size_t>(i);
      const auto token = ended[row] ? *o.stop : sample_token(rows[i], o, u.data()[i]);
      all.data()[i * length + end] = token;
      ended[row] = o.stop == token;
    }
  }
  return all.narrow(1, 0, end).contiguous();
}

}  // namespace shunt::models
