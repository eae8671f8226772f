// Node: one recorded operation. It keeps what its gradient needs, its edges to the nodes of its inputs, and the slot in
// which the gradient of its own value is gathered.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "shunt/autograd/grad_mode.hpp"
#include "shunt/autograd/pointwise.hpp"

namespace shunt::detail {

struct Node : History {
  Node(const char* name_, const Shape& shape_) : name(name_), shape(shape_) {
    static std::atomic<std::uint64_t> count = 0;
    sequence = count.fetch_add(1, std::memory_order_relaxed);
  }

  /// Takes the gradient from the slot and adds to the slots of the inputs; without `retain`, lets go of everything.
  virtual void propagate(bool retain) = 0;
  /// Takes the gradient from the slot for hooks and captures only.
  virtual void collect() = 0;
  virtual bool has_gradient() const noexcept = 0;
  virtual void drop_gradient() noexcept = 0;
  virtual bool gradient_has_nan() const = 0;

  const char* name;
  Shape shape;                 ///< Of the value, and so of its gradient.
  std::span<Ref<Node>> edges;  ///< One an input; null where no gradient is wanted.
  std::uint64_t sequence;      ///< Later operations have larger ones.
  std::uint64_t mark = 0;      ///< The last run that came by.
  bool wanted = true;          ///< Whether that run wants this gradient,
  bool passes = true;          ///< and a gradient further down.
  bool leaf = false, released = false;
};

/// The node of a tensor; null where no gradient is wanted.
template <Scalar T>
Ref<Node> node_of(const Tensor<T>& x) {
  return x.defined() ? Ref<Node>(static_cast<Node*>(x.body().history.get())) : Ref<Node>();
}

template <Scalar T>
bool has_nan(const Tensor<T>& x) {
  if constexpr (Real<T>) {
    using std::isnan;
    const auto c = dense(x);
    for (std::int64_t i = 0; i < c.numel(); ++i)
      if (isnan(convert<accumulate_t<T>>(c.data()[i]))) return true;
  }
  return false;
}

/// A node whose gradient has scalar type T: the slot, the hooks, and the gradient that is kept.
template <Scalar T>
struct GradNode : Node {
  using Node::Node;

  using Hook = std::function<Tensor<T>(const Tensor<T>&)>;
  struct Extras {
    std::vector<std::pair<std::uint64_t, Hook>> hooks;
    bool retain_grad = false;
    Tensor<T>* capture = nullptr;  ///< Where a run that asks for this gradient wants it, instead of in `grad`.
  };

  Tensor<T> slot;                  ///< What this run has gathered so far; may share its buffer with other slots.
  Tensor<T> grad;                  ///< Of a leaf, or where retain_grad() asked for it.
  std::unique_ptr<Extras> extras;  ///< Rarely there.

  bool has_gradient() const noexcept override { return slot.defined(); }
  void drop_gradient() noexcept override { slot = Tensor<T>(); }
  void collect() override { take(); }
  bool gradient_has_nan() const override { return slot.defined() && has_nan(slot); }
  Extras& need_extras() {
    if (!extras) extras = std::make_unique<Extras>();
    return *extras;
  }

  /// A gradient may be written only by its one holder, and only if every element has its own address.
  static bool may_write(const Tensor<T>& g) { return g.is_unique() && writable_layout(g); }

  /// Adds g, summed over what was broadcast. The first one is shared, not copied.
  [[gnu::noinline]] void add(Tensor<T> g) {
    if (g.shape() != shape) {
      auto [out, accumulate] = target();
      reduce_into(kernels::Sum<T>{}, accumulate, out, g);
    } else if (!slot.defined()) {
      slot = std::move(g);
    } else if (may_write(slot)) {
      map_into(Add{}, slot, slot, g);
    } else if (may_write(g)) {
      map_into(Add{}, g, slot, g);
      slot = std::move(g);
    } else {
      slot = map<T>("add", Add{}, slot, g);
    }
  }

  /// The slot as a dense buffer to write: (buffer, whether to add to what it holds).
  [[gnu::noinline]] std::pair<Tensor<T>, bool> target() {
    if (!slot.defined()) {
      slot = Tensor<T>::empty(shape);
      return {slot, false};
    }
    if (!slot.is_unique() || !slot.is_contiguous()) slot = copy_of(slot);
    return {slot, true};
  }

  /// The finished gradient, through the hooks, out of the slot.
  Tensor<T> take() {
    Tensor<T> g = std::exchange(slot, Tensor<T>());
    if (extras) {
      for (std::size_t i = 0; i < extras->hooks.size(); ++i) g = run_hook(extras->hooks[i].second, std::move(g));
      if (extras->capture != nullptr)
        *extras->capture = g;
      else if (extras->retain_grad)
        grad = grad.defined() ? map<T>("add", Add{}, grad, g) : copy_of(g);
    }
    return g;
  }

 private:
  Tensor<T> run_hook(const Hook& hook, Tensor<T> g) {
    const auto shown = g.alias(g.data(), g.shape(), g.strides());
    shown.body().read_only = true;
    const Tensor<T> replacement = hook(shown);
    if (!replacement.defined()) return g;
    if (replacement.shape() != shape)
      raise<ShapeError>("hook of ", name, ": returned ", replacement.shape(), " for a gradient of ", shape);
    return replacement.alias(replacement.data(), replacement.shape(), replacement.strides());
  }
};

/// A leaf that wants a gradient.
template <Real T>
struct LeafNode final : GradNode<T> {
  explicit LeafNode(const Shape& of) : GradNode<T>("leaf", of) { this->leaf = true; }
  void end() noexcept override { unmake(this); }

  /// Ends a run: the slot's gradient is added to grad, which is then dense and alone in its storage.
  void propagate(bool) override {
    auto g = this->take();
    if (this->extras && this->extras->capture != nullptr) return;
    if (this->grad.defined()) {
      if (!GradNode<T>::may_write(this->grad)) this->grad = copy_of(this->grad);
      map_into(Add{}, this->grad, this->grad, g);
    } else {
      const auto& s = *g.body().storage;
      const auto bytes = static_cast<std::size_t>(g.numel()) * sizeof(T) + Storage::header;
      const bool alone = g.is_unique() && g.is_contiguous() && s.block_bytes <= 2 * bytes + Pool::alignment;
      this->grad = alone ? std::move(g) : copy_of(g);
    }
  }
};

/// Where a backward puts the gradients of its operation's inputs. A slot is empty or holds what other uses of the same
/// input have brought; both are handled here, so a backward just says what to add.
template <Scalar T>
class Slots {
 public:
  Slots(std::span<Ref<Node>> edges, Tensor<T>& upstream) : edges_(edges), upstream_(upstream) {}

  std::size_t size() const { return edges_.size(); }
  std::span<const Ref<Node>> edges() const { return edges_; }
  /// Whether anybody asks for the gradient of input i; what nobody asks for need not be computed.
  bool wants(std::size_t i) const { return edges_[i] && edges_[i]->wanted; }
  const Shape& shape(std::size_t i) const { return edges_[i]->shape; }

  /// Input i's gradient += g, summed to its shape. g itself may be handed on: nothing is copied if the slot is empty.
  void add(std::size_t i, Tensor<T> g) {
    if (wants(i)) node(i).add(std::move(g));
  }
  /// A dense buffer of input i's shape for a kernel to write, and whether it must add to what is there.
  std::pair<Tensor<T>, bool> target(std::size_t i) { return node(i).target(); }

  /// Input i's gradient += f(in...), elementwise, in one pass where nothing was broadcast.
  template <class F, Scalar... I>
  void map(std::size_t i, const F& f, const Tensor<I>&... in) {
    run_map(i, kernels::map_loop<F, T, I...>(), &f, {in...}, false);
  }
  /// map() whose first operand is the upstream gradient, read here for the last time: its buffer is reused if nobody
  /// else holds it.
  template <class F, Scalar... I>
  void map_last(std::size_t i, const F& f, const Tensor<T>& g, const Tensor<I>&... in) {
    run_map(i, kernels::map_loop<F, T, T, I...>(), &f, {g, in...}, true);
  }
  /// Input i's gradient += g in the elements that `region` picks from a tensor of its shape, 0 elsewhere.
  template <class Region>
  void add_region(std::size_t i, const Tensor<T>& g, const Region& region) {
    if (!wants(i)) return;
    auto [out, accumulate] = target(i);
    if (!accumulate) std::fill_n(out.data(), out.numel(), T(0));
    const Tensor<T> part = region(out);
    map_into(Add{}, part, part, g);
  }
  /// The node of an input of another scalar type.
  template <Scalar U>
  GradNode<U>& node_as(std::size_t i) {
    return static_cast<GradNode<U>&>(*edges_[i]);
  }

 private:
  GradNode<T>& node(std::size_t i) { return node_as<T>(i); }
  [[gnu::noinline]] void run_map(std::size_t i, kernels::MapLoop loop, const void* f,
                                 std::initializer_list<ErasedTensor> in, bool last) {
    if (!wants(i)) return;
    auto& to = node(i);
    const auto fits = [&](const ErasedTensor& t) { return t.body->shape == to.shape; };
    const bool upstream_first = in.begin()->body == upstream_.handle().get();
    if (last && upstream_first && fits(*in.begin()) && !to.slot.defined() && GradNode<T>::may_write(upstream_)) {
      detail::run_map(loop, nullptr, f, upstream_, in);
      to.slot = upstream_;
    } else if (std::all_of(in.begin(), in.end(), fits)) {
      auto [out, accumulate] = to.target();
      detail::run_map(loop, accumulate ? kernels::map_loop<Add, T, T, T>() : nullptr, f, out, in);
    } else {
      to.add(run_map_fresh<T>(to.name, loop, f, in));
    }
  }

  std::span<Ref<Node>> edges_;
  Tensor<T>& upstream_;
};

/// An operation with `backward(const Tensor<T>& g, Slots<T>& into)`, which lies behind the node in the same block:
/// one allocation a node, and one class for all operations.
template <Scalar T>
struct OpNode final : GradNode<T> {
  template <class F>
  static OpNode* make(const char* op, const Shape& of, std::size_t inputs, F&& backward) {
    using Backward = std::remove_cvref_t<F>;
    static_assert(alignof(Backward) <= alignof(std::max_align_t));
    auto* node = with_room(op, of, inputs, sizeof(Backward));
    ::new (node->backward()) Backward(std::forward<F>(backward));
    node->run_ = [](const void* b, const Tensor<T>& g, Slots<T>& into) { (*static_cast<const Backward*>(b))(g, into); };
    node->forget_ = [](void* b) noexcept { static_cast<Backward*>(b)->~Backward(); };
    return node;
  }
  void end() noexcept override {
    if (!this->released) forget_(backward());
    const auto bytes = bytes_;
    this->~OpNode();
    Pool::instance().release(this, bytes);
  }

  void propagate(bool retain) override {
    Tensor<T> g = this->take();
    Slots<T> into(this->edges, g);
    run_(backward(), g, into);
    if (retain) return;
    this->released = true;
    forget_(backward());
    for (auto& e : this->edges) e = Ref<Node>();
  }

 private:
  OpNode(const char* op, const Shape& of, std::size_t inputs, std::size_t bytes) : GradNode<T>(op, of), bytes_(bytes) {
    if (inputs > few_.size()) many_.resize(inputs);
    this->edges = inputs > few_.size() ? std::span(many_) : std::span(few_).first(inputs);
  }
  [[gnu::noinline]] static OpNode* with_room(const char* op, const Shape& of, std::size_t inputs, std::size_t room) {
    std::size_t bytes = offset() + room;
    void* block = Pool::instance().acquire(bytes);
    return ::new (block) OpNode(op, of, inputs, bytes);
  }
  static constexpr std::size_t offset() {
    return (sizeof(OpNode) + alignof(std::max_align_t) - 1) / alignof(std::max_align_t) * alignof(std::max_align_t);
  }
  void* backward() { return reinterpret_cast<std::byte*>(this) + offset(); }

  std::array<Ref<Node>, 4> few_;
  std::vector<Ref<Node>> many_;
  std::size_t bytes_;
  void (*run_)(const void* backward, const Tensor<T>& g, Slots<T>& into);
  void (*forget_)(void* backward) noexcept;
};

}  // namespace shunt::detail
