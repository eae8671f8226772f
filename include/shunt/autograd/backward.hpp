// What a tensor can be asked about gradients: requires_grad, grad, backward, hooks.
#pragma once

#include "shunt/autograd/engine.hpp"

namespace shunt {
namespace detail {

template <Real T>
GradNode<T>* grad_node(const Tensor<T>& x) {
  return static_cast<GradNode<T>*>(static_cast<Node*>(x.body().history.get()));
}
template <Real T>
GradNode<T>& need_grad_node(const char* op, const Tensor<T>& x) {
  if (!x.wants_grad())
    raise<GraphError>(op, ": this tensor of shape ", x.shape(),
                      " wants no gradient; call requires_grad() on a leaf that it is computed from");
  return *grad_node(x);
}

/// Runs backward from y with upstream gradient g; `configure` may narrow the run down.
template <Real T, class Configure>
void run_backward(const char* op, const Tensor<T>& y, const Tensor<T>& g, bool retain, const Configure& configure) {
  auto& node = need_grad_node(op, y);
  if (g.shape() != y.shape()) raise<ShapeError>(op, ": gradient of shape ", g.shape(), " for a tensor of ", y.shape());
  BackwardRun run;
  configure(run);
  run.discover(node_of(y));
  node.add(g.alias(g.data(), g.shape(), g.strides()));
  run.run(retain);
}

template <Real T>
Tensor<T> ones_for(const char* op, const Tensor<T>& y) {
  if (y.numel() != 1) {
    need_grad_node(op, y);
    raise<GraphError>(op, ": needs a gradient for a tensor of shape ", y.shape(), "; only one element needs none");
  }
  auto g = Tensor<T>::empty(y.shape());
  *g.data() = T(1);
  return g;
}

}  // namespace detail

template <Scalar T>
Tensor<T>& Tensor<T>::requires_grad(bool on) & {
  static_assert(Real<T>, "only tensors of real numbers have gradients");
  auto& b = body();
  if (!is_leaf())
    detail::raise<GraphError>("requires_grad: only of a leaf; this tensor of shape ", shape(),
                              " was computed (detach it)");
  if (!on)
    b.history = {};
  else if (!b.history)
    b.history = detail::Ref<detail::History>(detail::make<detail::LeafNode<T>>(shape()));
  return *this;
}
template <Scalar T>
Tensor<T> Tensor<T>::requires_grad(bool on) && {
  return requires_grad(on);
}
template <Scalar T>
bool Tensor<T>::is_leaf() const {
  const auto* n = static_cast<detail::Node*>(body().history.get());
  return n == nullptr || n->leaf;
}
template <Scalar T>
bool Tensor<T>::has_grad() const {
  return wants_grad() && detail::grad_node(*this)->grad.defined();
}
template <Scalar T>
Tensor<T> Tensor<T>::grad() const {
  auto& n = detail::need_grad_node("grad", *this);
  if (!n.grad.defined())
    detail::raise<GraphError>("grad: none here yet; ",
                              n.leaf ? "run backward() on a result first"
                                     : "an intermediate result keeps its gradient only after retain_grad()");
  return n.grad;
}
template <Scalar T>
void Tensor<T>::zero_grad() const {
  if (wants_grad()) detail::grad_node(*this)->grad = Tensor();
}
template <Scalar T>
void Tensor<T>::retain_grad() const {
  detail::need_grad_node("retain_grad", *this).need_extras().retain_grad = !is_leaf();
}
template <Scalar T>
Tensor<T> Tensor<T>::detach() const {
  return alias(data(), shape(), strides());
}
template <Scalar T>
void Tensor<T>::backward(BackwardOptions options) const {
  backward(detail::ones_for("backward", *this), options);
}
template <Scalar T>
void Tensor<T>::backward(const Tensor& g, BackwardOptions options) const {
  detail::run_backward("backward", *this, g, options.retain_graph, [](auto&) {});
}

/// Takes a hook back: remove().
class HookHandle {
 public:
  explicit HookHandle(std::function<void()> remove) : remove_(std::move(remove)) {}
  void remove() {
    if (remove_) std::exchange(remove_, nullptr)();
  }

 private:
  std::function<void()> remove_;
};

template <Scalar T>
template <class F>
HookHandle Tensor<T>::register_hook(F f) const {
  auto& hooks = detail::need_grad_node("register_hook", *this).need_extras().hooks;
  const std::uint64_t id = hooks.empty() ? 1 : hooks.back().first + 1;
  if constexpr (std::is_void_v<std::invoke_result_t<F&, const Tensor&>>) {
    hooks.emplace_back(id, [f = std::move(f)](const Tensor& g) mutable {
      f(g);
      return Tensor();
    });
  } else {
    hooks.emplace_back(id, std::move(f));
  }
  return HookHandle([node = detail::node_of(*this), id] {
    std::erase_if(static_cast<detail::GradNode<T>&>(*node).need_extras().hooks,
                  [&](const auto& h) { return h.first == id; });
  });
}

/// d(y)/d(inputs) applied to g (ones for a y of one element), as handles; no tensor's grad() is touched. Inputs that y
/// does not depend on get zeros. GraphError for an input that wants no gradient.
template <Real T>
std::vector<Tensor<T>> grad(const Tensor<T>& y, const std::vector<Tensor<T>>& inputs, const Tensor<T>& g = {},
                            BackwardOptions options = {}) {
  std::vector<detail::Ref<detail::Node>> targets;
  for (const auto& x : inputs) {
    detail::need_grad_node("grad", x);
    targets.push_back(detail::node_of(x));
  }
  std::vector<Tensor<T>> results(inputs.size());
  struct Captures {
    const std::vector<Tensor<T>>& inputs;
    ~Captures() {
      for (const auto& x : inputs) detail::grad_node(x)->need_extras().capture = nullptr;
    }
  } captures{inputs};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    auto& capture = detail::grad_node(inputs[i])->need_extras().capture;
    if (capture == nullptr) capture = &results[i];
  }
  detail::run_backward("grad", y, g.defined() ? g : detail::ones_for("grad", y), options.retain_graph,
                       [&](detail::BackwardRun& run) { run.only_for(targets); });
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    auto& r = results[i];
    const auto& first = *detail::grad_node(inputs[i])->extras->capture;  // the same input may be named twice
    if (first.defined()) {
      r = detail::copy_of(first);
    } else {
      r = Tensor<T>::empty(inputs[i].shape());
      std::fill_n(r.data(), r.numel(), T(0));
    }
  }
  return results;
}

}  // namespace shunt
