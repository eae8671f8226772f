// DataLoader: batches of a dataset, shuffled if wanted, made ahead of time.
#pragma once

#include <iterator>
#include <memory>

#include "shunt/autograd/grad_mode.hpp"
#include "shunt/core/any_tensor.hpp"
#include "shunt/data/dataset.hpp"
#include "shunt/data/prefetch.hpp"
#include "shunt/ops/creation.hpp"

namespace shunt::data {

struct LoaderOptions {
  std::int64_t batch_size = 1;
  bool shuffle = false;
  bool drop_last = false;  ///< Leave out a last batch that is not full.
  int prefetch = 2;        ///< Batches made ahead; with 0 each is made when it is asked for.
  int workers = 1;         ///< Threads that make them.
};

namespace detail {

/// Samples as one, each along a new first dimension.
template <Scalar T>
Tensor<T> stacked(const std::vector<Tensor<T>>& samples) {
  Shape shape = samples[0].shape();
  shape.insert(0, static_cast<std::int64_t>(samples.size()));
  auto y = Tensor<T>::empty(shape);
  const auto n = samples[0].numel();
  T* to = y.data();
  for (const auto& s : samples) {
    if (s.shape() != samples[0].shape())
      shunt::detail::raise<ShapeError>("DataLoader: samples of one batch differ: ", samples[0].shape(), " and ",
                                       s.shape());
    if (s.is_contiguous())
      std::copy_n(s.data(), n, to);
    else
      shunt::detail::copy_into(y.alias(to, s.shape(), shunt::detail::dense_strides(s.shape())), s);
    to += n;
  }
  return y;
}

/// Spreads a seed and a number over 64 bits (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
/// generators").
inline std::uint64_t mix(std::uint64_t seed, std::uint64_t k) {
  std::uint64_t z = seed + (k + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace detail

/// `for (auto& [x, y] : loader)` is one epoch. The order and everything random follow from the seed, which is taken
/// from the generator once, from the epoch and the place in it: the same for any number of threads. One loop at a time.
template <Dataset D>
class DataLoader {
 public:
  using Batch = detail::sample_t<D>;

  explicit DataLoader(D dataset, LoaderOptions options = {}, Generator& g = generator())
      : dataset_(std::move(dataset)), options_(options) {
    if (options.batch_size < 1) shunt::detail::raise<ValueError>("DataLoader: batch_size is ", options.batch_size);
    if (options.prefetch < 0) shunt::detail::raise<ValueError>("DataLoader: prefetch is ", options.prefetch);
    if (options.workers < 1) shunt::detail::raise<ValueError>("DataLoader: workers is ", options.workers);
    const auto bits = g.reserve(1).block(0);
    seed_ = std::uint64_t{bits[0]} << 32 | bits[1];
  }

  const D& dataset() const { return dataset_; }
  /// Batches an epoch.
  std::int64_t size() const {
    const std::int64_t n = dataset_.size(), b = options_.batch_size;
    return options_.drop_last ? n / b : (n + b - 1) / b;
  }
  /// Epochs begun before the present one.
  std::int64_t epoch() const { return epoch_; }

  class Iterator {
   public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;

    Iterator(Iterator&&) noexcept = default;
    Iterator& operator=(Iterator&&) noexcept = default;
    Batch& operator*() { return batch_; }
    Batch* operator->() { return &batch_; }
    Iterator& operator++() {
      advance();
      return *this;
    }
    void operator++(int) { advance(); }
    friend bool operator==(const Iterator& it, std::default_sentinel_t) { return it.left_ == 0; }

   private:
    friend class DataLoader;
    explicit Iterator(DataLoader& loader) : loader_(&loader), left_(loader.size() - loader.position_ + 1) {
      const auto first = loader.position_;
      auto order = loader.order();
      make_ = [&loader, first, order = std::move(order), seed = loader.sample_seed()](std::int64_t k) {
        return loader.make_batch(order, seed, first + k);
      };
      const auto& o = loader.options_;
      if (o.prefetch > 0 && left_ > 1)
        ahead_ = std::make_unique<Prefetch<Batch>>(left_ - 1, o.prefetch, o.workers, make_);
      advance();
    }
    void advance() {
      batch_ = {};  // its buffers may serve the next batch
      if (--left_ == 0) return loader_->finish();
      batch_ = ahead_ ? ahead_->next() : make_(made_++);
      ++loader_->position_;
    }

    DataLoader* loader_;
    std::int64_t left_;  ///< Batches to come, the present one included.
    std::int64_t made_ = 0;
    std::function<Batch(std::int64_t)> make_;
    std::unique_ptr<Prefetch<Batch>> ahead_;
    Batch batch_;
  };

  /// Goes on with a restored epoch, else begins one.
  Iterator begin() {
    if (!restored_ && position_ > 0) finish();  // the last loop was left early
    restored_ = false;
    return Iterator(*this);
  }
  std::default_sentinel_t end() const { return {}; }

  /// Seed, epoch, and the batches of it that were handed out: asked for within a loop, all up to the present one.
  StateDict state_dict() const {
    StateDict dict;
    const auto set = [&](const char* name, std::int64_t v) {
      auto t = Tensor<std::int64_t>::empty({});
      *t.data() = v;
      dict.set(name, t);
    };
    set("seed", static_cast<std::int64_t>(seed_));
    set("epoch", epoch_);
    set("position", position_);
    set("samples", dataset_.size());
    set("batch_size", options_.batch_size);
    set("shuffle", options_.shuffle);
    return dict;
  }
  /// The next loop goes on behind the batch at which the state was taken. ValueError if the dataset's size, the batch
  /// size or shuffling differ from what they were.
  void load_state_dict(const StateDict& dict) {
    const auto get = [&](const char* name) { return dict.at(name).template as<std::int64_t>().item(); };
    const auto same = [&](const char* name, std::int64_t ours) {
      if (get(name) != ours)
        shunt::detail::raise<ValueError>("DataLoader.load_state_dict: ", name, " is ", ours, ", was ", get(name));
    };
    same("samples", dataset_.size());
    same("batch_size", options_.batch_size);
    same("shuffle", options_.shuffle);
    const auto epoch = get("epoch"), position = get("position");
    if (epoch < 0 || position < 0 || position > size())
      shunt::detail::raise<ValueError>("DataLoader.load_state_dict: batch ", position, " of ", size(), " in epoch ",
                                       epoch);
    seed_ = static_cast<std::uint64_t>(get("seed"));
    epoch_ = epoch;
    position_ = position;
    restored_ = true;
  }

 private:
  void finish() {
    ++epoch_;
    position_ = 0;
  }
  Tensor<std::int64_t> order() const {
    if (!options_.shuffle) return {};
    Generator g(detail::mix(seed_, static_cast<std::uint64_t>(epoch_)));
    return randperm(dataset_.size(), g);
  }
  std::uint64_t sample_seed() const { return detail::mix(seed_ + 1, static_cast<std::uint64_t>(epoch_)); }
  Batch make_batch(const Tensor<std::int64_t>& order, std::uint64_t seed, std::int64_t k) const {
    const NoGrad guard;
    const std::int64_t n = dataset_.size(), first = k * options_.batch_size;
    const std::int64_t last = std::min(n, first + options_.batch_size);
    std::vector<decltype(Batch::input)> inputs;
    std::vector<decltype(Batch::target)> targets;
    for (std::int64_t i = first; i < last; ++i) {
      const auto index = order.defined() ? order.data()[i] : i;
      Generator g(detail::mix(seed, static_cast<std::uint64_t>(index)));
      auto sample = detail::get_sample(dataset_, index, g);
      inputs.push_back(std::move(sample.input));
      targets.push_back(std::move(sample.target));
    }
    return {detail::stacked(inputs), detail::stacked(targets)};
  }

  D dataset_;
  LoaderOptions options_;
  std::uint64_t seed_ = 0;
  std::int64_t epoch_ = 0, position_ = 0;
  bool restored_ = false;
};

}  // namespace shunt::data
