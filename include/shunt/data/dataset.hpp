// Dataset: what has a size and gives samples by number.
#pragma once

#include <concepts>

#include "shunt/core/random.hpp"
#include "shunt/ops/view.hpp"

namespace shunt::data {

/// An input and its target; of one sample, or stacked along a first dimension, of a batch.
template <Scalar X = float, Scalar Y = std::int64_t>
struct Sample {
  Tensor<X> input;
  Tensor<Y> target;
};

namespace detail {
template <class S>
inline constexpr bool is_sample = false;
template <class X, class Y>
inline constexpr bool is_sample<Sample<X, Y>> = true;

/// Sample i. What is random in it comes from g, which belongs to this sample alone.
template <class D>
auto get_sample(const D& dataset, std::int64_t i, Generator& g) {
  if constexpr (requires { dataset.get(i, g); })
    return dataset.get(i, g);
  else
    return dataset.get(i);
}
template <class D>
using sample_t = decltype(get_sample(std::declval<const D&>(), 0, std::declval<Generator&>()));
}  // namespace detail

/// size() and get(i), or get(i, generator) where samples are drawn or changed at random. Both are called from several
/// threads at once.
template <class D>
concept Dataset = requires(const D& d) {
  { d.size() } -> std::convertible_to<std::int64_t>;
}
&&detail::is_sample<detail::sample_t<D>>;

/// The rows of two tensors: get(i) is views of inputs[i] and targets[i].
template <Scalar X = float, Scalar Y = std::int64_t>
class TensorDataset {
 public:
  TensorDataset(const Tensor<X>& inputs, const Tensor<Y>& targets)
      : inputs_(inputs.detach()), targets_(targets.detach()) {
    if (inputs.rank() == 0 || targets.rank() == 0 || inputs.size(0) != targets.size(0))
      shunt::detail::raise<ShapeError>("TensorDataset: first sizes differ: inputs ", inputs.shape(), ", targets ",
                                       targets.shape());
  }
  std::int64_t size() const { return inputs_.size(0); }
  Sample<X, Y> get(std::int64_t i) const { return {inputs_.select(0, i), targets_.select(0, i)}; }

 private:
  Tensor<X> inputs_;
  Tensor<Y> targets_;
};

/// Some samples of a dataset, by their numbers there.
template <class D>
class Subset {
 public:
  Subset(D dataset, std::vector<std::int64_t> indices) : dataset_(std::move(dataset)), indices_(std::move(indices)) {
    for (const auto i : indices_)
      if (i < 0 || i >= dataset_.size())
        shunt::detail::raise<IndexError>("Subset: sample ", i, " of a dataset of ", dataset_.size());
  }
  std::int64_t size() const { return static_cast<std::int64_t>(indices_.size()); }
  auto get(std::int64_t i, Generator& g) const {
    return detail::get_sample(dataset_, indices_[static_cast<std::size_t>(i)], g);
  }

 private:
  D dataset_;
  std::vector<std::int64_t> indices_;
};

/// A dataset whose inputs go through `transform(input, generator)`.
template <class D, class F>
class Transformed {
 public:
  Transformed(D dataset, F transform) : dataset_(std::move(dataset)), transform_(std::move(transform)) {}
  std::int64_t size() const { return dataset_.size(); }
  auto get(std::int64_t i, Generator& g) const {
    auto sample = detail::get_sample(dataset_, i, g);
    auto input = transform_(sample.input, g);
    return Sample<typename decltype(input)::value_type, typename decltype(sample.target)::value_type>{
        std::move(input), std::move(sample.target)};
  }

 private:
  D dataset_;
  F transform_;
};

}  // namespace shunt::data
