// Published checkpoints name some entries otherwise than a model does: what Module::adopt() is written with.
#pragma once

#include <string>

#include "shunt/core/any_tensor.hpp"
#include "shunt/ops/compare.hpp"

namespace shunt::nn {

/// What stands behind `prefix` in the names of `dict` becomes own(that), a string; an entry for which that is empty is
/// left out. ValueError where two entries would get one name.
template <class F>
[[gnu::cold]] void rename_entries(StateDict& dict, std::string_view prefix, const F& own) {
  StateDict renamed;
  for (const auto& [name, tensor] : dict) {
    std::string to = name;
    if (name.starts_with(prefix)) {
      const std::string rest = own(std::string_view(name).substr(prefix.size()));
      if (rest.empty()) continue;
      to = std::string(prefix) + rest;
    }
    if (renamed.contains(to))
      shunt::detail::raise<ValueError>("load_state_dict: two entries for ", to, ": it and ", name);
    renamed.set(to, tensor);
  }
  dict = std::move(renamed);
}

/// Takes `copy` out of a dict in which it may stand beside `kept`, the weight that it is tied to, or in its place.
/// ValueError if the two differ.
template <Real T>
[[gnu::cold]] void merge_tied(StateDict& dict, const std::string& kept, const std::string& copy) {
  const auto *first = dict.find(kept), *second = dict.find(copy);
  if (second == nullptr) return;
  if (first == nullptr) {
    dict.set(kept, AnyTensor(*second));
  } else if (first->shape() != second->shape() || !equal(first->template to<T>(), second->template to<T>())) {
    shunt::detail::raise<ValueError>("load_state_dict: ", copy, " differs from ", kept, ", which the model ties it to");
  }
  dict.erase(copy);
}

}  // namespace shunt::nn
