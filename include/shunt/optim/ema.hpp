// EMA: an exponential moving average of parameters, which often generalises better than the last ones (Polyak and
// Juditsky 1992).
#pragma once

#include "shunt/autograd/backward.hpp"
#include "shunt/ops/inplace.hpp"
#include "shunt/optim/state.hpp"

namespace shunt::optim {

struct EMAOptions {
  double decay = 0.999;
  bool warmup = false;  ///< Start with min(decay, (1 + t) / (10 + t)), so that the first values are soon forgotten.
};

/// Keeps averages of the parameters it is given: average += (1 - decay) (parameter - average) at each update().
template <Real T>
class EMA {
 public:
  explicit EMA(std::vector<Tensor<T>> params, EMAOptions options = {}) : params_(std::move(params)), options_(options) {
    if (!(options.decay >= 0 && options.decay <= 1))
      shunt::detail::raise<ValueError>("optim::EMA: decay must lie in [0, 1], got ", options.decay);
    for (const auto& p : params_) averages_.push_back(shunt::detail::map<S>("EMA", shunt::detail::Copy<S>{}, p));
  }

  /// To be called after each step of the optimizer.
  void update() {
    const auto t = static_cast<double>(updates_++);
    const double decay = options_.warmup ? std::min(options_.decay, (1 + t) / (10 + t)) : options_.decay;
    for (std::size_t i = 0; i < params_.size(); ++i)
      shunt::detail::map_into(Toward{S(1 - decay)}, averages_[i], averages_[i], params_[i]);
  }
  /// Exchanges parameters and averages; once more, and all is as before.
  void swap() {
    for (std::size_t i = 0; i < params_.size(); ++i) {
      auto now = shunt::detail::map<S>("EMA", shunt::detail::Copy<S>{}, params_[i]);
      write(averages_[i], params_[i]);
      averages_[i] = std::move(now);
    }
  }
  /// Writes the averages into `params`, which have the shapes of those averaged.
  void copy_to(const std::vector<Tensor<T>>& params) const {
    if (params.size() != params_.size())
      shunt::detail::raise<ValueError>("optim::EMA.copy_to: ", params_.size(), " averages, ", params.size(),
                                       " parameters");
    for (std::size_t i = 0; i < params.size(); ++i)
      if (params[i].shape() != params_[i].shape())
        shunt::detail::raise<ShapeError>("optim::EMA.copy_to: average ", i, " is ", params_[i].shape(),
                                         ", parameter is ", params[i].shape());
    for (std::size_t i = 0; i < params.size(); ++i) write(averages_[i], params[i]);
  }
  void copy_to() const { copy_to(params_); }

  std::int64_t updates() const { return updates_; }
  /// A copy, so that it stays what it is.
  StateDict state_dict() const {
    StateDict dict{{"updates", detail::number(updates_)}};
    for (std::size_t i = 0; i < averages_.size(); ++i) dict.set(key(i), shunt::detail::copy_of(averages_[i]));
    return dict;
  }
  void load_state_dict(const StateDict& dict) {
    detail::StateReader from("optim::EMA", dict);
    const auto updates = from.integer("updates");
    std::vector<Tensor<S>> averages;
    for (std::size_t i = 0; i < params_.size(); ++i)
      averages.push_back(shunt::detail::copy_of(from.tensor(key(i), params_[i].shape()).template to<S>()));
    from.finish();
    updates_ = updates;
    averages_ = std::move(averages);
  }

 private:
  using S = kernels::compute_t<T>;  // an average in bfloat16 would not move
  struct Toward {
    S share;
    S operator()(S average, S p) const { return average + share * (p - average); }
  };
  static std::string key(std::size_t i) { return "average." + std::to_string(i); }
  static void write(const Tensor<S>& from, const Tensor<T>& to) {
    shunt::detail::copy_into(to, from);
    shunt::detail::mark_changed("optim::EMA", to);
  }

  std::vector<Tensor<T>> params_;
  std::vector<Tensor<S>> averages_;
  EMAOptions options_;
  std::int64_t updates_ = 0;
};

}  // namespace shunt::optim
