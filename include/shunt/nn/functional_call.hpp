// A network as a function of its parameters: evaluation with other ones, checkpointing, second derivatives.
#pragma once

#include "shunt/autograd/checkpoint.hpp"
#include "shunt/autograd/functional.hpp"
#include "shunt/nn/layer.hpp"

namespace shunt {
namespace nn::detail {

/// Puts a dict's tensors, with their histories, in the place of a module's own while it lives.
template <Real T>
class Borrowed : PathWalk<T> {
 public:
  Borrowed(Module<T>& module, const StateDict& dict) : dict_(dict) { module.members(*this); }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  ~Borrowed() override {
    for (auto& [to, own] : own_) static_cast<Tensor<T>&>(*to) = own;
  }

 private:
  void parameter(std::string_view name, Parameter<T>& p) override {
    const auto* entry = dict_.find(this->join(name));
    if (entry == nullptr) return;
    if (entry->shape() != p.shape())
      shunt::detail::raise<ShapeError>("functional_call: ", this->join(name), " is ", p.shape(), ", got ",
                                       entry->shape());
    own_.emplace_back(&p, p);
    static_cast<Tensor<T>&>(p) = entry->template to<T>();
  }

  const StateDict& dict_;
  std::vector<std::pair<Parameter<T>*, Tensor<T>>> own_;
};

}  // namespace nn::detail

/// net(inputs...) with the parameters of `dict` instead of its own; names that the dict lacks keep theirs. Gradients go
/// to the dict's tensors.
template <class Net, class... X>
auto functional_call(Net& net, const StateDict& dict, const X&... inputs) {
  const nn::detail::Borrowed<typename Net::value_type> borrowed(net, dict);
  return net(inputs...);
}

/// (d2f/dp2) v by entry of `at`, exact: `f` takes a StateDict of Tensor<dual<T>> and gives a scalar Tensor<dual<T>>, as
/// a network over dual<T> does under functional_call (Pearlmutter 1994). `v` has the names of `at`.
template <Real T = float, class F>
StateDict hvp(const F& f, const StateDict& at, const StateDict& v) {
  const EnableGrad recording;
  StateDict leaves, result;
  std::vector<Tensor<dual<T>>> list;
  for (const auto& [name, x] : at) {
    auto leaf = detail::make_dual("hvp", x.template to<T>(), v.at(name).template to<T>()).requires_grad();
    leaves.set(name, leaf);
    list.push_back(leaf);
  }
  const Tensor<dual<T>> y = f(static_cast<const StateDict&>(leaves));
  const auto grads = grad(y, list);
  std::size_t i = 0;
  for (const auto& [name, x] : at) result.set(name, detail::eps_of(grads[i++]));
  return result;
}

namespace nn::detail {

/// The training flags of a module and all below it, as they were.
template <Real T>
class TrainingFlags : Members<T> {
 public:
  explicit TrainingFlags(Module<T>& root) { module("", root); }
  /// Sets the flags to these while it lives.
  class Restored {
   public:
    explicit Restored(const TrainingFlags& flags) {
      for (const auto& [m, on] : flags.all_) {
        now_.emplace_back(m, m->is_training());
        m->set_training(on);
      }
    }
    Restored(const Restored&) = delete;
    Restored& operator=(const Restored&) = delete;
    ~Restored() {
      for (const auto& [m, on] : now_) m->set_training(on);
    }

   private:
    std::vector<std::pair<Module<T>*, bool>> now_;
  };

 private:
  void module(std::string_view, Module<T>& m) override {
    spliced(m);
    m.members(*this);
  }
  void spliced(Module<T>& m) override { all_.emplace_back(&m, m.is_training()); }
  std::vector<std::pair<Module<T>*, bool>> all_;
};

}  // namespace nn::detail

/// checkpoint() of a layer, which must outlive backward: the second run also has the training flags of the first.
template <Real T>
Tensor<T> checkpoint(nn::Layer<T>& layer, const Tensor<T>& x) {
  return checkpoint(
      [&layer, flags = nn::detail::TrainingFlags<T>(layer)](const Tensor<T>& in) {
        const typename nn::detail::TrainingFlags<T>::Restored as_then(flags);
        return layer(in);
      },
      x);
}

}  // namespace shunt
