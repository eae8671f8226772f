// Parameter and Buffer: the tensors that a layer owns. Alone among tensors they copy deeply, so that a copy of a layer
// is an independent layer.
#pragma once

#include "shunt/autograd/backward.hpp"

namespace shunt::nn {
namespace detail {

/// A tensor that belongs to one layer: a copy is a new tensor, an assignment writes into the elements that are there,
/// because optimizers and state dicts hold handles on them.
template <Scalar T>
class Owned : public Tensor<T> {
 public:
  Owned() = default;
  Owned(const Owned& o) : Tensor<T>(copy(o)) {}
  Owned(Owned&&) noexcept = default;
  Owned& operator=(const Owned& o) {
    if (this != &o) assign(o);
    return *this;
  }
  Owned& operator=(Owned&& o) {
    if (this != &o) assign(o);
    return *this;
  }

 protected:
  explicit Owned(const Tensor<T>& t) : Tensor<T>(t) {}

 private:
  static Tensor<T> copy(const Tensor<T>& o);
  void assign(const Tensor<T>& o);
};

template <Scalar T>
Tensor<T> Owned<T>::copy(const Tensor<T>& o) {
  if (!o.defined()) return {};
  auto c = shunt::detail::copy_of(o);
  if constexpr (Real<T>) c.requires_grad(o.wants_grad());
  return c;
}
template <Scalar T>
void Owned<T>::assign(const Tensor<T>& o) {
  if (this->defined() && o.defined() && this->shape() == o.shape()) {
    shunt::detail::copy_into(*this, o);
    this->body().storage->version.fetch_add(1, std::memory_order_relaxed);
  } else {
    Tensor<T>::operator=(copy(o));
  }
}

}  // namespace detail

/// A tensor that training changes. Made from a tensor, it takes the elements over and asks for a gradient.
template <Real T = float>
class Parameter : public detail::Owned<T> {
 public:
  Parameter() = default;
  explicit Parameter(const Tensor<T>& t, bool wants_grad = true)
      : detail::Owned<T>(t.detach().requires_grad(wants_grad)) {}
};

/// A tensor that is part of a layer's state but not trained, such as a running mean.
template <Scalar T = float>
class Buffer : public detail::Owned<T> {
 public:
  Buffer() = default;
  explicit Buffer(const Tensor<T>& t) : detail::Owned<T>(t.detach()) {}
};

}  // namespace shunt::nn
