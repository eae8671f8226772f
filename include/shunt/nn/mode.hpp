// Evaluating: evaluation mode for a while.
#pragma once

#include <vector>

#include "shunt/nn/module.hpp"

namespace shunt::nn {

/// Puts a module and all within it into evaluation mode while it lives; then each has the mode again that it had.
template <Real T>
class Evaluating : Members<T> {
 public:
  explicit Evaluating(Module<T>& module) {
    note(module);
    module.members(*this);
  }
  Evaluating(const Evaluating&) = delete;
  Evaluating& operator=(const Evaluating&) = delete;
  ~Evaluating() override {
    for (auto* m : trained_) m->set_training(true);
  }

 private:
  void module(std::string_view, Module<T>& child) override {
    note(child);
    child.members(*this);
  }
  void spliced(Module<T>& child) override { note(child); }
  void note(Module<T>& m) {
    if (!m.is_training()) return;
    trained_.push_back(&m);
    m.set_training(false);
  }

  std::vector<Module<T>*> trained_;
};

}  // namespace shunt::nn
