// Numbers and tensors of an optimizer, a schedule or an average as entries of a StateDict, and back with checks.
#pragma once

#include <string>
#include <vector>

#include "shunt/core/any_tensor.hpp"

namespace shunt::optim::detail {

template <class V>
AnyTensor number(V v) {
  auto t = Tensor<V>::empty({});
  *t.data() = v;
  return t;
}

/// Reads a dict that must have what is asked for, and nothing else.
class StateReader {
 public:
  StateReader(const char* owner, const StateDict& dict) : owner_(owner), dict_(dict) {}

  bool has(const std::string& key) const { return dict_.contains(key); }
  /// ValueError if there is none; ShapeError if it has another shape.
  [[gnu::cold]] const AnyTensor& tensor(const std::string& key, const Shape& shape) {
    const auto* found = dict_.find(key);
    if (found == nullptr) shunt::detail::raise<ValueError>(owner_, ".load_state_dict: no entry '", key, "'");
    if (found->shape() != shape)
      shunt::detail::raise<ShapeError>(owner_, ".load_state_dict: ", key, " is ", shape, ", got ", found->shape());
    seen_.push_back(key);
    return *found;
  }
  std::int64_t integer(const std::string& key) { return tensor(key, {}).as<std::int64_t>().item(); }
  double real(const std::string& key) { return tensor(key, {}).as<double>().item(); }
  /// ValueError if the dict has an entry that was not read.
  [[gnu::cold]] void finish() {
    if (seen_.size() == dict_.size()) return;
    std::sort(seen_.begin(), seen_.end());
    for (const auto& [key, tensor] : dict_)
      if (!std::binary_search(seen_.begin(), seen_.end(), key))
        shunt::detail::raise<ValueError>(owner_, ".load_state_dict: unexpected entry '", key, "'");
  }

 private:
  const char* owner_;
  const StateDict& dict_;
  std::vector<std::string> seen_;
};

}  // namespace shunt::optim::detail

namespace shunt::optim {

/// Sees every option of an optimizer by name: to write it down, or to set it.
class OptionWalk {
 public:
  virtual ~OptionWalk() = default;
  virtual void operator()(const char* name, double& value) = 0;
  void operator()(const char* name, bool& value) {
    double v = value ? 1 : 0;
    (*this)(name, v);
    value = v != 0;
  }
};

namespace detail {

class SaveOptions final : public OptionWalk {
 public:
  SaveOptions(StateDict& dict, std::string prefix) : dict_(dict), prefix_(std::move(prefix)) {}
  using OptionWalk::operator();
  [[gnu::cold]] void operator()(const char* name, double& value) override { dict_.set(prefix_ + name, number(value)); }

 private:
  StateDict& dict_;
  std::string prefix_;
};
class LoadOptions final : public OptionWalk {
 public:
  LoadOptions(StateReader& from, std::string prefix) : from_(from), prefix_(std::move(prefix)) {}
  using OptionWalk::operator();
  [[gnu::cold]] void operator()(const char* name, double& value) override { value = from_.real(prefix_ + name); }

 private:
  StateReader& from_;
  std::string prefix_;
};

}  // namespace detail
}  // namespace shunt::optim
