// Layers held together but run by their owner, who decides how: ModuleList by position, ModuleDict by name.
#pragma once

#include "shunt/nn/sequential.hpp"

namespace shunt::nn {

/// Layers of any kinds by position: `for (auto& layer : list) x = layer(x);`. Its members are "0", "1", and so on.
template <Real T = float>
class ModuleList : public Module<T> {
 public:
  ModuleList() = default;
  template <LayerOf<T> First, LayerOf<T>... Rest>
  explicit ModuleList(First&& first, Rest&&... rest) {
    add(std::forward<First>(first));
    (add(std::forward<Rest>(rest)), ...);
  }

  ModuleList& add(AnyLayer<T> layer) {
    layers_.push_back(std::move(layer));
    return *this;
  }
  std::size_t size() const { return layers_.size(); }
  /// Layer i; IndexError outside.
  AnyLayer<T>& operator[](std::size_t i) {
    if (i >= size()) shunt::detail::raise<IndexError>("ModuleList: no layer ", i, " of ", size());
    return layers_[i];
  }
  auto begin() { return layers_.begin(); }
  auto end() { return layers_.end(); }
  void members(Members<T>& m) override {
    for (std::size_t i = 0; i < size(); ++i) m(std::to_string(i), layers_[i]);
  }

 private:
  std::vector<AnyLayer<T>> layers_;
};

template <class First, class... Rest>
ModuleList(const First&, const Rest&...) -> ModuleList<typename First::value_type>;

/// Layers of any kinds by name, in the order in which they were added; iterates as `[name, layer]`.
template <Real T = float>
class ModuleDict : public Module<T> {
 public:
  ModuleDict() = default;
  explicit ModuleDict(std::initializer_list<NamedLayer<T>> layers) {
    for (const auto& l : layers) add(l.name, l.layer);
  }

  /// Adds a layer; ValueError if the name is taken.
  ModuleDict& add(std::string name, AnyLayer<T> layer) {
    if (contains(name)) shunt::detail::raise<ValueError>("ModuleDict: there already is a layer '", name, "'");
    layers_.push_back({std::move(name), std::move(layer)});
    return *this;
  }
  std::size_t size() const { return layers_.size(); }
  bool contains(std::string_view name) const { return place(name) < size(); }
  /// The layer of that name; ValueError if there is none.
  AnyLayer<T>& operator[](std::string_view name) {
    const auto i = place(name);
    if (i == size()) shunt::detail::raise<ValueError>("ModuleDict: no layer '", name, "'");
    return layers_[i].layer;
  }
  auto begin() { return layers_.begin(); }
  auto end() { return layers_.end(); }
  void members(Members<T>& m) override {
    for (auto& l : layers_) m(l.name, l.layer);
  }

 private:
  std::size_t place(std::string_view name) const {
    std::size_t i = 0;
    while (i < size() && layers_[i].name != name) ++i;
    return i;
  }

  std::vector<NamedLayer<T>> layers_;
};

}  // namespace shunt::nn
