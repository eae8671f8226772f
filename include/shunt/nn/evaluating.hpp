// Evaluating: evaluation mode for a while.
#pragma once

#include "shunt/nn/module.hpp"

namespace shunt::nn {

/// While it lives, a module and all below it are in evaluation mode; those that were training go on afterwards. Nothing
/// is written where none was, so that several threads may evaluate one network.
template <Real T>
class Evaluating : Members<T> {
 public:
  explicit Evaluating(Module<T>& root) { module("", root); }
  Evaluating(const Evaluating&) = delete;
  Evaluating& operator=(const Evaluating&) = delete;
  ~Evaluating() override {
    for (auto* m : training_) m->set_training(true);
  }

 private:
  void module(std::string_view, Module<T>& m) override {
    spliced(m);
    m.members(*this);
  }
  void spliced(Module<T>& m) override {
    if (!m.is_training()) return;
    training_.push_back(&m);
    m.set_training(false);
  }

  std::vector<Module<T>*> training_;
};

}  // namespace shunt::nn
