// Layer: a module that maps one tensor to one. AnyLayer: any of them, as a value.
#pragma once

#include "shunt/nn/module.hpp"
#include "shunt/ops/skip.hpp"

namespace shunt::nn {

/// A user's layer writes forward(), and members() if it has any; everything else comes from these.
template <Real T = float>
class Layer : public Module<T> {
 public:
  virtual Tensor<T> forward(const Tensor<T>& x) = 0;
  /// base + forward(x), where base has the result's shape: what a skip connection asks for. Layers that end in a
  /// product or a norm override it and add while they compute.
  virtual Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) { return add_skip(base, forward(x)); }

  /// forward() of a value that its caller needs no more: a layer may take its buffer for the result.
  virtual Tensor<T> forward_over(Tensor<T> x) { return forward(x); }

  Tensor<T> operator()(const Tensor<T>& x);
  /// forward_onto() and forward_over() through the gate.
  Tensor<T> onto(const Tensor<T>& x, const Tensor<T>& base);
  Tensor<T> over(Tensor<T> x);
};

template <Real T>
Tensor<T> Layer<T>::operator()(const Tensor<T>& x) {
  return this->gate(x.shape(), [&] { return forward(x); });
}
template <Real T>
Tensor<T> Layer<T>::onto(const Tensor<T>& x, const Tensor<T>& base) {
  return this->gate(x.shape(), [&] { return forward_onto(x, base); });
}
template <Real T>
Tensor<T> Layer<T>::over(Tensor<T> x) {
  const Shape shape = x.shape();  // x may be gone before the gate closes
  return this->gate(shape, [&] { return forward_over(std::move(x)); });
}

/// Something that can be held as a layer over T.
template <class L, class T>
concept LayerOf = std::derived_from<std::remove_cvref_t<L>, Layer<T>>;
template <class L>
concept SomeLayer = LayerOf<L, typename L::value_type>;
/// Such a layer that is no Self, whose own constructors copy and move.
template <class L, class T, class Self>
concept OtherLayerOf = LayerOf<L, T> && !std::same_as<std::remove_cvref_t<L>, Self>;

/// Owns a layer of any kind. A copy is a deep copy. Holding nothing it is the identity: x itself, no work, no member.
template <Real T = float>
class AnyLayer {
 public:
  AnyLayer() = default;
  template <LayerOf<T> L>
  AnyLayer(L&& layer)
      : layer_(new std::remove_cvref_t<L>(std::forward<L>(layer))), copy_([](const Layer<T>& l) -> Layer<T>* {
          return new std::remove_cvref_t<L>(static_cast<const std::remove_cvref_t<L>&>(l));
        }) {}
  AnyLayer(const AnyLayer& o) : layer_(o.layer_ ? o.copy_(*o.layer_) : nullptr), copy_(o.copy_) {}
  AnyLayer(AnyLayer&&) noexcept = default;
  AnyLayer& operator=(AnyLayer o) noexcept {
    std::swap(layer_, o.layer_);
    std::swap(copy_, o.copy_);
    return *this;
  }
  ~AnyLayer() = default;

  explicit operator bool() const { return layer_ != nullptr; }
  Layer<T>& operator*() const { return *layer_; }
  Layer<T>* operator->() const { return layer_.get(); }

  Tensor<T> operator()(const Tensor<T>& x) const { return layer_ ? (*layer_)(x) : x; }
  Tensor<T> over(Tensor<T> x) const { return layer_ ? layer_->over(std::move(x)) : x; }
  Tensor<T> forward_onto(const Tensor<T>& x, const Tensor<T>& base) const {
    return layer_ ? layer_->onto(x, base) : add_skip(base, x);
  }

 private:
  std::unique_ptr<Layer<T>> layer_;
  Layer<T>* (*copy_)(const Layer<T>&) = nullptr;
};

}  // namespace shunt::nn
