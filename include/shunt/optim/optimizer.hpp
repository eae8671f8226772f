// Optimizer: groups of parameters, the state kept for each, and one step over all of them.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "shunt/autograd/backward.hpp"
#include "shunt/kernels/optim.hpp"
#include "shunt/ops/inplace.hpp"
#include "shunt/optim/state.hpp"

namespace shunt::optim {

/// What every optimizer can do, whatever its scalar and its rule; what a schedule holds.
class AnyOptimizer {
 public:
  AnyOptimizer() = default;
  AnyOptimizer(const AnyOptimizer&) = delete;  // schedules keep its address
  AnyOptimizer& operator=(const AnyOptimizer&) = delete;
  virtual ~AnyOptimizer() = default;

  /// Changes every parameter that has a gradient.
  virtual void step() = 0;
  /// Leaves no parameter a gradient.
  virtual void zero_grad() = 0;
  virtual std::size_t groups() const = 0;
  virtual double lr(std::size_t group = 0) const = 0;
  virtual void set_lr(std::size_t group, double lr) = 0;
  void set_lr(double lr) {
    for (std::size_t g = 0; g < groups(); ++g) set_lr(g, lr);
  }
  /// SGD's and RMSprop's momentum, Adam's first beta.
  virtual double momentum(std::size_t group = 0) const = 0;
  virtual void set_momentum(std::size_t group, double momentum) = 0;

  /// Everything that the next steps depend on, beside the parameters: a copy, so that it stays what it is.
  virtual StateDict state_dict() const = 0;
  /// Goes on from such a copy. ValueError or ShapeError if it is not one of these parameters; nothing is changed then.
  virtual void load_state_dict(const StateDict& dict) = 0;
};

namespace detail {
inline void check_option(const char* name, double v, bool ok) {
  if (!ok) shunt::detail::raise<ValueError>("optim: ", name, " must not be ", v);
}
inline void check_count(const char* owner, std::size_t wanted, std::int64_t got) {
  if (static_cast<std::int64_t>(wanted) != got)
    shunt::detail::raise<ValueError>(owner, ".load_state_dict: a group has ", wanted, " parameters, got ", got);
}
[[gnu::cold]] inline std::string state_prefix(std::size_t i) { return "state." + std::to_string(i) + "."; }
[[gnu::cold]] inline std::string group_prefix(std::size_t g) { return "param_groups." + std::to_string(g) + "."; }
}  // namespace detail

/// Options has lr, a member function check(), and each(OptionWalk&) and first_momentum().
template <Real T, class Options>
class Optimizer : public AnyOptimizer {
 public:
  using AnyOptimizer::set_lr;

  /// More parameters, with options of their own. ValueError for a parameter that is here already or is no leaf.
  [[gnu::cold]] void add_param_group(std::vector<Tensor<T>> params, Options options);
  std::size_t groups() const override { return groups_.size(); }
  const std::vector<Tensor<T>>& params(std::size_t group = 0) const { return group_at(group).params; }
  /// May be changed between steps.
  Options& options(std::size_t group = 0) { return const_cast<Group&>(group_at(group)).options; }
  const Options& options(std::size_t group = 0) const { return group_at(group).options; }
  double lr(std::size_t group = 0) const override { return options(group).lr; }
  void set_lr(std::size_t group, double lr) override { options(group).lr = lr; }
  double momentum(std::size_t group = 0) const override { return Options(options(group)).first_momentum(); }
  void set_momentum(std::size_t group, double momentum) override { options(group).first_momentum() = momentum; }

  void zero_grad() override;
  void step() override;

  // Seldom run: compiled for size, which is quicker.
  [[gnu::cold]] StateDict state_dict() const override;
  [[gnu::cold]] void load_state_dict(const StateDict& dict) override;

 protected:
  /// What a rule keeps: float for parameters of bfloat16, so that small steps add up.
  using S = kernels::compute_t<T>;
  struct State {
    std::int64_t step = 0;  ///< Steps in which this parameter had a gradient.
    std::array<Tensor<S>, kernels::max_states> slot;
  };

  virtual const char* name() const = 0;
  virtual std::span<const char* const> slots() const = 0;
  /// Puts the rule for one parameter on the list; p and g are dense.
  virtual void enlist(const Options& options, State& state, const Tensor<T>& p, const Tensor<T>& g) = 0;

  template <class Rule, class... Slot>
  void add(const Rule& rule, const Tensor<T>& p, const Tensor<T>& g, Slot&... slot) {
    ((slot = slot.defined()
                 ? slot
                 : shunt::detail::map<S>("optim", shunt::detail::Constant<S>{S(0)}, Tensor<S>::empty(p.shape()))),
     ...);
    work_.push_back(kernels::update(rule, p.numel(), p.data(), static_cast<const T*>(g.data()), {slot.data()...}));
  }

 private:
  struct Group {
    std::vector<Tensor<T>> params;
    Options options;
  };

  const Group& group_at(std::size_t group) const {
    if (group >= groups_.size()) shunt::detail::raise<IndexError>("optim: group ", group, " of ", groups_.size());
    return groups_[group];
  }
  std::vector<const void*> bodies() const {
    std::vector<const void*> all;
    for (const auto& group : groups_)
      for (const auto& p : group.params) all.push_back(&p.body());
    return all;
  }
  void forget() {
    work_.clear();
    grads_.clear();
    strided_.clear();
  }
  std::vector<Group> groups_;
  std::vector<State> states_;  ///< One a parameter, over all groups.
  // Used within a step, kept for their memory.
  std::vector<kernels::Update> work_;
  std::vector<Tensor<T>> grads_;
  std::vector<std::pair<Tensor<T>, Tensor<T>>> strided_;
};

template <Real T, class Options>
void Optimizer<T, Options>::add_param_group(std::vector<Tensor<T>> params, Options options) {
  options.check();
  auto known = bodies();
  for (const auto& p : params) {
    if (!p.is_leaf())
      shunt::detail::raise<ValueError>("optim: the result of an operation, ", p.shape(), ", is no parameter");
    known.push_back(&p.body());
  }
  std::sort(known.begin(), known.end());
  if (std::adjacent_find(known.begin(), known.end()) != known.end())
    shunt::detail::raise<ValueError>("optim: a parameter is given twice");
  states_.resize(states_.size() + params.size());
  groups_.push_back({std::move(params), options});
}
template <Real T, class Options>
void Optimizer<T, Options>::zero_grad() {
  for (const auto& group : groups_)
    for (const auto& p : group.params) p.zero_grad();
}
template <Real T, class Options>
void Optimizer<T, Options>::step() {
  forget();
  std::size_t i = 0;
  for (const auto& group : groups_) {
    group.options.check();
    for (const auto& p : group.params) {
      auto& state = states_[i++];
      if (!p.has_grad()) continue;
      ++state.step;
      grads_.push_back(shunt::detail::dense(p.grad()));
      const auto& g = grads_.back();
      if (!p.is_contiguous()) strided_.emplace_back(p, shunt::detail::copy_of(p));
      enlist(group.options, state, p.is_contiguous() ? p : strided_.back().second, g);
      shunt::detail::mark_changed(name(), p);
    }
  }
  kernels::run_updates(work_);
  for (const auto& [p, values] : strided_) shunt::detail::copy_into(p, values);
  forget();
}
template <Real T, class Options>
StateDict Optimizer<T, Options>::state_dict() const {
  StateDict dict;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (states_[i].step == 0) continue;
    const auto prefix = detail::state_prefix(i);
    dict.set(prefix + "step", detail::number(states_[i].step));
    for (std::size_t k = 0; k < slots().size(); ++k)
      if (states_[i].slot[k].defined()) dict.set(prefix + slots()[k], shunt::detail::copy_of(states_[i].slot[k]));
  }
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const auto prefix = detail::group_prefix(g);
    dict.set(prefix + "params", detail::number(static_cast<std::int64_t>(groups_[g].params.size())));
    detail::SaveOptions save(dict, prefix);
    Options(groups_[g].options).each(save);
  }
  return dict;
}
template <Real T, class Options>
void Optimizer<T, Options>::load_state_dict(const StateDict& dict) {
  detail::StateReader from(name(), dict);
  std::vector<State> states(states_.size());
  std::vector<Options> options;
  std::size_t i = 0;
  for (const auto& group : groups_) {
    const auto prefix = detail::group_prefix(options.size());
    detail::check_count(name(), group.params.size(), from.integer(prefix + "params"));
    detail::LoadOptions load(from, prefix);
    options.push_back(group.options);
    options.back().each(load);
    options.back().check();
    for (const auto& p : group.params) {
      auto& state = states[i];
      const auto key = detail::state_prefix(i++);
      if (!from.has(key + "step")) continue;
      state.step = from.integer(key + "step");
      for (std::size_t k = 0; k < slots().size(); ++k)
        if (from.has(key + slots()[k]))
          state.slot[k] = shunt::detail::copy_of(from.tensor(key + slots()[k], p.shape()).template to<S>());
    }
  }
  from.finish();
  states_ = std::move(states);
  for (std::size_t g = 0; g < groups_.size(); ++g) groups_[g].options = options[g];
}

}  // namespace shunt::optim
