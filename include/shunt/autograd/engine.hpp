// The engine: runs a graph backward from one result, in the reverse of the order in which it was recorded, with a work
// list instead of recursion.
#pragma once

#include <algorithm>

#include "shunt/autograd/record.hpp"

namespace shunt::detail {

/// One backward run. Gradients live in the nodes' slots; this finds the nodes and calls them in order.
class BackwardRun {
 public:
  BackwardRun() {
    static std::atomic<std::uint64_t> runs = 0;
    id_ = runs.fetch_add(1, std::memory_order_relaxed) + 1;
  }
  BackwardRun(const BackwardRun&) = delete;
  BackwardRun& operator=(const BackwardRun&) = delete;
  ~BackwardRun() {  // after an error no slot may keep a half-made gradient
    for (auto& n : order_)
      if (n) n->drop_gradient();
    for (auto& n : leaves_) n->drop_gradient();
  }

  /// Gradients may be added to these nodes, but are another run's to carry on.
  void stop_at(std::span<const Ref<Node>> nodes) {
    for (const auto& n : nodes) n->mark = id_;
    stops_ = true;
  }
  /// Only the gradients of these nodes are wanted, and of what lies on the way.
  void only_for(std::span<const Ref<Node>> nodes) { targets_ = nodes; }

  /// Finds everything below `root`; GraphError if part of it has been released.
  void discover(const Ref<Node>& root) {
    reach(root.get());
    while (!found_.empty()) {
      std::pop_heap(found_.begin(), found_.end(), earlier);
      Node* n = found_.back();
      found_.pop_back();
      if (n->released)
        raise<GraphError>("backward: the graph through ", n->name,
                          " has been released by an earlier backward; pass {.retain_graph = true} to that one");
      order_.push_back(Ref<Node>(n));
      for (const auto& e : n->edges)
        if (e) reach(e.get());
    }
    mark_wanted();
  }

  /// Runs all that was discovered, last operation first, then gives the leaves their gradients.
  void run(bool retain) {
    const NoGrad unrecorded;
    for (auto& slot : order_) {
      const Ref<Node> n = std::move(slot);
      if (!n->has_gradient()) continue;
      const DropGradient at_end{*n};
      if (!n->wanted) continue;
      if (!n->passes)
        n->collect();
      else if (tracing_nan) [[unlikely]]
        propagate_traced(*n, retain);
      else
        n->propagate(retain);
    }
    order_.clear();
    for (auto& n : leaves_)
      if (n->has_gradient() && n->wanted) n->propagate(retain);
  }

 private:
  struct DropGradient {
    Node& node;
    ~DropGradient() { node.drop_gradient(); }
  };
  static bool earlier(const Node* a, const Node* b) { return a->sequence < b->sequence; }
  void reach(Node* n) {
    if (n->mark == id_) return;
    n->mark = id_;
    if (n->leaf) return leaves_.push_back(Ref<Node>(n));
    found_.push_back(n);
    std::push_heap(found_.begin(), found_.end(), earlier);
  }
  bool is_target(const Node* n) const {
    return std::any_of(targets_.begin(), targets_.end(), [&](const Ref<Node>& t) { return t.get() == n; });
  }
  void mark_wanted() {
    const bool all = targets_.empty() && !stops_;
    for (auto& n : leaves_) n->wanted = all || is_target(n.get());
    for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
      Node& n = **it;
      n.passes = std::any_of(n.edges.begin(), n.edges.end(), [](const Ref<Node>& e) { return e && e->wanted; });
      n.wanted = n.passes || is_target(&n);
    }
  }
  [[gnu::cold]] static void propagate_traced(Node& n, bool retain) {
    const bool before = n.gradient_has_nan();
    const std::vector<Ref<Node>> inputs(n.edges.begin(), n.edges.end());
    std::vector<char> had;
    for (const auto& e : inputs) had.push_back(e && e->gradient_has_nan());
    n.propagate(retain);
    if (before) return;
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i] && !had[i] && inputs[i]->gradient_has_nan())
        raise<GraphError>(n.name, ": made a NaN in backward, in the gradient of input ", i, " of shape ",
                          inputs[i]->shape);
  }

  std::uint64_t id_;
  bool stops_ = false;
  std::span<const Ref<Node>> targets_;
  std::vector<Node*> found_;  ///< A heap, the latest operation first: inputs are earlier, so order_ comes out sorted.
  std::vector<Ref<Node>> order_, leaves_;
};

}  // namespace shunt::detail
