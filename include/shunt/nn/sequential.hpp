// Sequential: layers one after another. repeat: a stack of n of a kind.
#pragma once

#include "shunt/nn/layer.hpp"

namespace shunt::nn {

template <Real T = float>
struct NamedLayer {
  std::string name;
  AnyLayer<T> layer;
};

/// Owns its layers and runs them in order. Children are named by position, or as `Sequential({{"conv1", ...}, ...})`
/// says. Sequential(s) of a Sequential is a copy of it; nest with Sequential().add(s).
template <Real T = float>
class Sequential : public Layer<T> {
 public:
  Sequential() = default;
  template <OtherLayerOf<T, Sequential> L>
  explicit Sequential(L&& layer) {
    add(std::forward<L>(layer));
  }
  template <LayerOf<T> A, LayerOf<T> B, LayerOf<T>... Rest>
  Sequential(A&& first, B&& second, Rest&&... rest) {
    layers_.reserve(2 + sizeof...(Rest));
    add(std::forward<A>(first)).add(std::forward<B>(second));
    (add(std::forward<Rest>(rest)), ...);
  }
  explicit Sequential(std::initializer_list<NamedLayer<T>> layers) {
    for (const auto& l : layers) add(l.name, l.layer);
  }

  template <LayerOf<T> L>
  Sequential& add(L&& layer) {
    return add(shunt::detail::text(layers_.size()), AnyLayer<T>(std::forward<L>(layer)));
  }
  [[gnu::cold]] Sequential& add(std::string name, AnyLayer<T> layer) {
    layers_.push_back({std::move(name), std::move(layer)});
    return *this;
  }

  std::size_t size() const { return layers_.size(); }
  /// Child i; IndexError outside.
  Layer<T>& operator[](std::size_t i) {
    if (i >= size()) shunt::detail::raise<IndexError>("Sequential: no child ", i, " of ", size());
    return *layers_[i].layer;
  }

  /// The children with their names, to exchange or leave out.
  std::vector<NamedLayer<T>>& children() { return layers_; }

  Tensor<T> forward(const Tensor<T>& x) override { return forward_over(x); }
  Tensor<T> forward_over(Tensor<T> x) override {
    for (auto& l : layers_) x = l.layer.over(std::move(x));
    return x;
  }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) override {
    if (layers_.empty()) return add_skip(base, x);
    Tensor<T> y = x;
    for (std::size_t i = 0; i + 1 < size(); ++i) y = layers_[i].layer.over(std::move(y));
    return layers_.back().layer.forward_onto(y, base);  // the last child adds
  }
  void members(Members<T>& m) override {
    for (auto& l : layers_) m(l.name, l.layer);
  }

 private:
  std::vector<NamedLayer<T>> layers_;
};

template <class First, class... Rest>
Sequential(const First&, const Rest&...) -> Sequential<typename First::value_type>;

/// make() n times, one after another.
template <class F>
auto repeat(std::int64_t n, const F& make) {
  Sequential<typename std::invoke_result_t<const F&>::value_type> stack;
  for (std::int64_t i = 0; i < n; ++i) stack.add(make());
  return stack;
}

}  // namespace shunt::nn
