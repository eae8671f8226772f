// record: hangs an operation's gradient on its result. save: keeps a value for it.
#pragma once

#include "shunt/autograd/node.hpp"

namespace shunt {

/// What a backward gets to put its gradients into.
template <Scalar T>
using Slots = detail::Slots<T>;

/// A value kept for backward: the elements and their version, never the history.
template <Scalar T>
class Saved {
 public:
  Saved() = default;
  explicit Saved(const Tensor<T>& x) {
    if (!x.defined()) return;
    const auto& b = x.body();
    version_ = b.version();
    storage_ = b.storage;
    first_ = x.data();
    shape_ = b.shape;
    strides_ = b.strides;
  }
  bool defined() const { return static_cast<bool>(storage_); }
  /// The value; GraphError if an in-place operation has changed it since. `op` is the operation that needs it.
  Tensor<T> get(const char* op) const {
    if (!storage_) return {};
    if (storage_->version.load(std::memory_order_relaxed) != version_)
      detail::raise<GraphError>("backward of ", op, ": a value of shape ", shape_,
                                " that it needs was changed in place by ", storage_->last_change,
                                "; clone it before changing it");
    return Tensor<T>(storage_, first_, shape_, strides_);
  }

 private:
  detail::Ref<detail::Storage> storage_;
  T* first_ = nullptr;
  Shape shape_, strides_;
  std::uint32_t version_ = 0;
};

template <Scalar T>
Saved<T> save(const Tensor<T>& x) {
  return Saved<T>(x);
}
/// x, if `of` wants a gradient that x is needed for; nothing otherwise.
template <Scalar T, Scalar U>
Saved<T> save_for(const Tensor<U>& of, const Tensor<T>& x) {
  return of.wants_grad() ? Saved<T>(x) : Saved<T>();
}

namespace detail {

/// An operation's input, as record() takes it.
template <Scalar T>
struct Input {
  Input(const Tensor<T>& t) : tensor(&t) {}
  const Tensor<T>* tensor;
};

/// Under checkpoint: gathers the nodes that an unrecorded run came by.
inline thread_local std::vector<Ref<Node>>* touched_nodes = nullptr;

template <Scalar T>
bool wants_record(std::span<const Input<T>> inputs) {
  bool any = false;
  for (const auto& in : inputs) any = any || in.tensor->wants_grad();
  if (any && !recording && touched_nodes != nullptr)
    for (const auto& in : inputs)
      if (auto n = node_of(*in.tensor)) touched_nodes->push_back(std::move(n));
  return any && recording;
}

template <Scalar T>
[[gnu::cold, gnu::noinline]] void trace_nan(const char* op, const Tensor<T>& y, std::span<const Input<T>> inputs) {
  if (!has_nan(y)) return;
  for (const auto& in : inputs)
    if (in.tensor->defined() && has_nan(*in.tensor)) return;
  raise<GraphError>(op, ": made a NaN in forward, result of shape ", y.shape());
}

template <Scalar T>
void attach(const Tensor<T>& y, OpNode<T>* op, std::span<const Input<T>> inputs) {
  const Ref<Node> node(op);
  for (std::size_t i = 0; i < inputs.size(); ++i) node->edges[i] = node_of(*inputs[i].tensor);
  y.body().history = Ref<History>(op);  // only now: y may be one of the inputs, changed in place
}

template <Scalar T, class F>
Tensor<T> record_inputs(const char* op, Tensor<T> y, std::span<const Input<T>> inputs, F&& backward) {
  if constexpr (Real<T>) {
    if (tracing_nan) [[unlikely]]
      trace_nan(op, y, inputs);
    if (wants_record(inputs)) {
      attach(y, OpNode<T>::make(op, y.shape(), inputs.size(), std::forward<F>(backward)), inputs);
    }
  }
  return y;
}

}  // namespace detail

/// Gives y the history of operation `op` on `inputs`: `backward(g, into)` adds the gradients of the inputs to
/// into's slots, in their order. Nothing is kept if no input wants a gradient or recording is off.
template <Scalar T, class F>
Tensor<T> record(const char* op, Tensor<T> y, std::initializer_list<std::type_identity_t<detail::Input<T>>> inputs,
                 F&& backward) {
  return detail::record_inputs<T>(op, std::move(y), {inputs.begin(), inputs.size()}, std::forward<F>(backward));
}
/// The same for a list of inputs whose length is known at run time.
template <Scalar T, std::same_as<std::vector<Tensor<T>>> List, class F>
Tensor<T> record(const char* op, Tensor<T> y, const List& inputs, F&& backward) {
  const std::vector<detail::Input<T>> list(inputs.begin(), inputs.end());
  return detail::record_inputs<T>(op, std::move(y), list, std::forward<F>(backward));
}

}  // namespace shunt
