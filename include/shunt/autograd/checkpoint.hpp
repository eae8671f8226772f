// checkpoint: a function whose inner values are not kept but computed again in backward.
#pragma once

#include "shunt/autograd/backward.hpp"
#include "shunt/core/random.hpp"

namespace shunt {
namespace detail {

/// What the first run of a checkpointed function left behind it: the random numbers drawn again must be the same.
class Replay {
 public:
  explicit Replay(RandomStream at) : now_(generator().state()), was_(std::exchange(replaying, true)) {
    generator().set_state(at);
  }
  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;
  ~Replay() {
    replaying = was_;
    generator().set_state(now_);
  }

 private:
  RandomStream now_;
  bool was_;
};

/// f(x) unrecorded, and the nodes of all tensors it used that want a gradient, x's first.
template <class F, Real T>
Tensor<T> run_touching(const F& f, const Tensor<T>& x, std::vector<Ref<Node>>& nodes) {
  const NoGrad unrecorded;
  nodes.push_back(node_of(x));
  struct Collect {
    std::vector<Ref<Node>>* before;
    ~Collect() { touched_nodes = before; }
  } collect{std::exchange(touched_nodes, &nodes)};
  const Tensor<T> y = f(x);
  std::sort(nodes.begin() + 1, nodes.end(), [](const auto& a, const auto& b) { return a.get() < b.get(); });
  nodes.erase(std::unique(nodes.begin() + 1, nodes.end()), nodes.end());
  return y.alias(y.data(), y.shape(), y.strides());
}

}  // namespace detail

/// f(x), keeping nothing of what f computes on the way: backward runs f again, with the same random numbers and without
/// moving running statistics a second time, and gives the same bits (Chen et al. 2016). f takes and gives one tensor,
/// may use others, and must compute the same each time; a stack cut into sqrt(n) pieces needs O(sqrt n) memory.
template <class F, Real T>
requires std::invocable < const F&, const Tensor<T>
& > Tensor<T> checkpoint(F f, const Tensor<T>& x) {
  if (!grad_enabled()) return f(x);
  const RandomStream at = generator().state();
  std::vector<detail::Ref<detail::Node>> nodes;
  const Tensor<T> y = detail::run_touching(f, x, nodes);
  if (nodes.size() == 1 && !nodes[0]) return y;

  auto backward = [f = std::move(f), x, saved = save(x), at](const Tensor<T>& g, Slots<T>& into) {
    saved.get("checkpoint");  // x must not have changed
    Tensor<T> again;
    {
      const detail::Replay same(at);
      const EnableGrad recording;
      again = f(x);
    }
    if (!again.wants_grad()) return;
    // The inner graph ends at this operation's own inputs: their slots, and who wants them, are the outer run's.
    const auto edges = into.edges();
    std::vector<detail::Ref<detail::Node>> ends;
    for (const auto& e : edges)
      if (e) ends.push_back(e);
    detail::BackwardRun inner;
    inner.stop_at(ends);
    const auto root = detail::node_of(again);
    inner.discover(root);
    if (root->wanted) static_cast<detail::GradNode<T>&>(*root).add(g);
    inner.run(false);
  };
  const detail::Ref<detail::Node> node(
      detail::OpNode<T>::make("checkpoint", y.shape(), nodes.size(), std::move(backward)));
  std::copy(nodes.begin(), nodes.end(), node->edges.begin());
  y.body().history = detail::Ref<detail::History>(node.get());
  return y;
}

}  // namespace shunt
