// Evaluating: evaluation mode for a while.
#pragma once

#include "shunt/nn/module.hpp"

namespace shunt::nn {

/// While it lives, a module and all below it are in evaluation mode; those that were training go on afterwards. Nothing
/// is written where none was, so that several threads may evaluate one network.
template <Real T>
class Evaluating {
 public:
  explicit Evaluating(Module<T>& root) {
    for (auto* m : root.modules()) {
      if (!m->is_training()) continue;
      m->set_training(false);
      training_.push_back(m);
    }
  }
  Evaluating(const Evaluating&) = delete;
  Evaluating& operator=(const Evaluating&) = delete;
  ~Evaluating() {
    for (auto* m : training_) m->set_training(true);
  }

 private:
  std::vector<Module<T>*> training_;
};

}  // namespace shunt::nn
