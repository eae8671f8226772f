// Checkpoints: several state dicts in one safetensors file, each under a name of its own.
#pragma once

#include "shunt/core/random.hpp"
#include "shunt/io/safetensors.hpp"

namespace shunt::io {

/// State dicts by name: {{"model", net.state_dict()}, {"optimizer", opt.state_dict()}, {"random", io::random_state()}}.
class Checkpoint {
 public:
  using Part = std::pair<std::string, StateDict>;

  Checkpoint() = default;
  Checkpoint(std::initializer_list<Part> parts) : parts_(parts) {}

  auto begin() const { return parts_.begin(); }
  auto end() const { return parts_.end(); }
  void set(std::string name, StateDict dict) { parts_.emplace_back(std::move(name), std::move(dict)); }
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// ValueError if there is none of that name.
  const StateDict& operator[](std::string_view name) const {
    const auto* found = find(name);
    if (found == nullptr) shunt::detail::raise<ValueError>("checkpoint: it has no part '", name, "'");
    return *found;
  }

 private:
  const StateDict* find(std::string_view name) const {
    for (const auto& [n, dict] : parts_)
      if (n == name) return &dict;
    return nullptr;
  }
  std::vector<Part> parts_;
};

/// One file, written whole or not at all; entry `e` of part `p` is the tensor `p.e`. A part's name has no dot, and
/// stands once.
inline void save_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  StateDict all;
  std::string names;
  std::vector<std::string> seen;
  for (const auto& [name, dict] : checkpoint) {
    if (name.empty() || name.find_first_of(".,") != std::string::npos)
      shunt::detail::raise<ValueError>("save_checkpoint: '", name, "' cannot name a part");
    if (std::find(seen.begin(), seen.end(), name) != seen.end())
      shunt::detail::raise<ValueError>("save_checkpoint: part '", name, "' is given twice");
    seen.push_back(name);
    names += (names.empty() ? "" : ",") + name;
    all.insert(name + ".", dict);
  }
  save_safetensors(path, all, {{"format", "shunt checkpoint"}, {"parts", names}});
}

/// What save_checkpoint wrote; IoError for a safetensors file that is no checkpoint.
inline Checkpoint load_checkpoint(const std::string& path) {
  const auto file = read_safetensors(path);
  Checkpoint found;
  bool ours = false;
  for (const auto& [key, value] : file.metadata) {
    if (key != "parts") continue;
    ours = true;
    for (std::size_t at = 0; at < value.size();) {
      const auto comma = std::min(value.find(',', at), value.size());
      const auto name = value.substr(at, comma - at);
      found.set(name, file.tensors.part(name + "."));
      at = comma + 1;
    }
  }
  if (!ours) shunt::detail::raise_io(path, "is a safetensors file, but no checkpoint");
  return found;
}

/// Where a generator stands, the process's by default.
inline StateDict random_state(const Generator& g = generator()) {
  const auto one = [](std::uint64_t v) {
    const auto t = Tensor<std::int64_t>::empty({});
    *t.data() = static_cast<std::int64_t>(v);
    return t;
  };
  return {{"seed", one(g.state().seed)}, {"position", one(g.state().position)}};
}
inline void set_random_state(const StateDict& dict, Generator& g = generator()) {
  const auto get = [&](const char* name) {
    return static_cast<std::uint64_t>(dict.at(name).as<std::int64_t>().item());
  };
  g.set_state({get("seed"), get("position")});
}

}  // namespace shunt::io
