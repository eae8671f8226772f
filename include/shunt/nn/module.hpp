// Module: what follows from a list of members. Members: that list, as every walk over a network sees it.
#pragma once

#include <cxxabi.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <typeinfo>
#include <vector>

#include "shunt/core/any_tensor.hpp"
#include "shunt/nn/parameter.hpp"

namespace shunt::nn {

template <Real T>
class Module;
template <Real T>
class AnyLayer;

/// Told of every layer that runs on this thread while it is installed.
struct LayerObserver {
  virtual ~LayerObserver() = default;
  virtual void enter(const void* layer, const Shape& input) = 0;
  /// `output` is null if the layer threw.
  virtual void leave(const void* layer, const Shape* output) = 0;
};

namespace detail {
inline thread_local LayerObserver* observer = nullptr;
inline thread_local int running_layers = 0;

/// A type's name without namespaces and template arguments.
[[gnu::cold]] inline std::string short_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> full(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status),
                                                    std::free);
  std::string name = status == 0 ? full.get() : type.name();
  name.erase(std::min(name.find('<'), name.size()));
  if (const auto colon = name.rfind(':'); colon != std::string::npos) name.erase(0, colon + 1);
  return name;
}
}  // namespace detail

/// Installs an observer for this thread while it lives.
class ObserveLayers {
 public:
  explicit ObserveLayers(LayerObserver& o) : before_(std::exchange(detail::observer, &o)) {}
  ObserveLayers(const ObserveLayers&) = delete;
  ObserveLayers& operator=(const ObserveLayers&) = delete;
  ~ObserveLayers() { detail::observer = before_; }

 private:
  LayerObserver* before_;
};

/// A walk over the members of a module, in the order of their declaration: `m("weight", weight)("bias", bias)`.
/// m(child), without a name, splices the child's members in among its parent's.
template <Real T>
class Members {
 public:
  virtual ~Members() = default;

  Members& operator()(std::string_view name, Parameter<T>& p) {
    if (p.defined()) parameter(name, p);
    return *this;
  }
  template <Scalar U>
  Members& operator()(std::string_view name, Buffer<U>& b) {
    if (b.defined()) buffer(name, b);
    return *this;
  }
  Members& operator()(std::string_view name, Module<T>& child) {
    module(name, child);
    return *this;
  }
  Members& operator()(std::string_view name, AnyLayer<T>& child) {
    if (child) module(name, *child);
    return *this;
  }
  template <class M>
  Members& operator()(std::string_view name, std::vector<M>& list) {
    for (std::size_t i = 0; i < list.size(); ++i) (*this)(std::string(name) + "." + std::to_string(i), list[i]);
    return *this;
  }
  template <class M>
  Members& operator()(std::string_view name, std::optional<M>& maybe) {
    if (maybe) (*this)(name, *maybe);
    return *this;
  }
  Members& operator()(Module<T>& child) {
    spliced(child);
    child.members(*this);
    return *this;
  }
  Members& operator()(AnyLayer<T>& child) {
    if (child) (*this)(*child);
    return *this;
  }
  /// The same, where `list` says what the child's members are called here:
  /// m(block, [&](auto& in) { in(block.branch)("norm1", block.after); }).
  template <class F>
  Members& operator()(Module<T>& child, const F& list) {
    spliced(child);
    list(*this);
    return *this;
  }
  /// A bare tensor is no member: make it a Parameter or a Buffer.
  template <Scalar U>
  Members& operator()(std::string_view name, Tensor<U>& t) = delete;

 protected:
  virtual void parameter(std::string_view, Parameter<T>&) {}
  virtual void buffer(std::string_view, const AnyTensor&) {}
  virtual void module(std::string_view name, Module<T>& child) = 0;
  /// A child that has no name here; its members follow.
  virtual void spliced(Module<T>&) {}
};

namespace detail {

/// A walk that goes down into every child and keeps the path of names.
template <Real T>
class PathWalk : public Members<T> {
 public:
  explicit PathWalk(std::string root = {}) : path_(std::move(root)) {}

 protected:
  [[gnu::cold]] std::string join(std::string_view name) const {
    return shunt::detail::text(path_, path_.empty() ? "" : ".", name);
  }
  void module(std::string_view name, Module<T>& child) override { down(name, child); }
  [[gnu::cold]] void down(std::string_view name, Module<T>& child) {
    const auto length = path_.size();
    if (!path_.empty()) path_ += '.';
    path_ += name;
    child.members(*this);
    path_.resize(length);
  }

  std::string path_;
};

}  // namespace detail

/// Everything that comes from `members`: parameters, buffers, state, training and evaluation mode.
template <Real T>
class Module {
 public:
  using value_type = T;

  virtual ~Module() = default;
  virtual void members(Members<T>&) {}
  /// The name of the kind of layer, as printed and as errors have it.
  virtual std::string kind() const { return detail::short_name(typeid(*this)); }
  /// What stands in brackets behind it, such as "64, 256".
  virtual std::string options() const { return {}; }

  /// This module and all within it, each before those that it holds.
  std::vector<Module*> modules();
  std::vector<Tensor<T>> parameters() const;
  std::vector<std::pair<std::string, Tensor<T>>> named_parameters() const {
    struct Walk : detail::PathWalk<T> {
      std::vector<std::pair<std::string, Tensor<T>>> found;
      void parameter(std::string_view name, Parameter<T>& p) override { found.emplace_back(this->join(name), p); }
    } walk;
    self().members(walk);
    return std::move(walk.found);
  }
  std::vector<std::pair<std::string, AnyTensor>> named_buffers() const {
    struct Walk : detail::PathWalk<T> {
      std::vector<std::pair<std::string, AnyTensor>> found;
      void buffer(std::string_view name, const AnyTensor& b) override { found.emplace_back(this->join(name), b); }
    } walk;
    self().members(walk);
    return std::move(walk.found);
  }
  /// Parameters and buffers by name, in the order of declaration. Shares the elements with this module.
  StateDict state_dict() const;
  /// Writes the dict's values into the elements that are there, converting between floating types. Strict: ValueError
  /// lists every missing and unexpected name. A wrong shape always is a ShapeError. Nothing is changed on an error.
  void load_state_dict(const StateDict& dict, bool strict = true);
  /// adopt(dict, prefix): gives this module's entries, which stand in `dict` behind `prefix` among those of others, its
  /// own names in place of those that files publish them under. load_state_dict calls it, on a copy.
  virtual void adopt(StateDict&, const std::string&) const {}

  /// Training mode: dropout drops, batch norm uses the batch and updates its running statistics.
  void train(bool on = true);
  void eval() { train(false); }
  bool is_training() const { return training_; }
  /// The mode of this module alone, without its children.
  void set_training(bool on) { training_ = on; }
  /// Leaves no parameter a gradient.
  void zero_grad() const;

 protected:
  Module() = default;
  Module(const Module&) = default;
  Module(Module&&) noexcept = default;
  Module& operator=(const Module&) = default;
  Module& operator=(Module&&) noexcept = default;

  /// The one gate through which a layer runs: observers are told, and an error learns the layer's path.
  template <class F>
  auto gate(const Shape& input, const F& run) const {
    struct Depth {
      Depth() { ++detail::running_layers; }
      ~Depth() { --detail::running_layers; }
    } depth;
    if (detail::observer != nullptr) [[unlikely]]
      return observed(input, run);
    try {
      return run();
    } catch (Error& e) {
      locate(e);
      throw;
    }
  }

 private:
  // Walks change nothing by themselves; `members` is not const because some of them (load, train) do.
  Module& self() const { return const_cast<Module&>(*this); }

  template <class F>
  auto observed(const Shape& input, const F& run) const {
    detail::observer->enter(this, input);
    try {
      auto y = run();
      detail::observer->leave(this, &y.shape());
      return y;
    } catch (Error& e) {
      detail::observer->leave(this, nullptr);
      locate(e);
      throw;
    }
  }
  /// The innermost layer signs an error; the outermost finds the path to it.
  [[gnu::cold]] void locate(Error& e) const;

  bool training_ = true;
};

template <Real T>
std::vector<Tensor<T>> Module<T>::parameters() const {
  struct Walk : Members<T> {
    std::vector<Tensor<T>> found;
    void parameter(std::string_view, Parameter<T>& p) override { found.push_back(p); }
    void module(std::string_view, Module<T>& child) override { child.members(*this); }
  } walk;
  self().members(walk);
  return std::move(walk.found);
}
template <Real T>
std::vector<Module<T>*> Module<T>::modules() {
  struct Walk : Members<T> {
    std::vector<Module<T>*> found;
    void spliced(Module<T>& child) override { found.push_back(&child); }
    void module(std::string_view, Module<T>& child) override {
      spliced(child);
      child.members(*this);
    }
  } walk;
  walk.module({}, *this);
  return std::move(walk.found);
}
template <Real T>
void Module<T>::train(bool on) {
  for (auto* m : modules()) m->training_ = on;
}
template <Real T>
void Module<T>::locate(Error& e) const {
  if (e.layer() == nullptr) e.set_layer(this);
  if (detail::running_layers > 1) return;
  struct Walk : detail::PathWalk<T> {
    using detail::PathWalk<T>::PathWalk;
    const void* wanted = nullptr;
    std::string found;
    [[gnu::cold]] void module(std::string_view name, Module<T>& child) override {
      if (!found.empty()) return;
      if (&child == wanted)
        found = shunt::detail::text(this->join(name), " (", child.kind(), ")");
      else
        this->down(name, child);
    }
    [[gnu::cold]] void spliced(Module<T>& child) override {
      if (found.empty() && &child == wanted) found = shunt::detail::text(this->path_, " (", child.kind(), ")");
    }
  } walk(kind());
  walk.wanted = e.layer();
  if (e.layer() != this) self().members(walk);
  e.prepend(shunt::detail::text(walk.found.empty() ? kind() : walk.found, ": "));
  e.set_layer(nullptr);
}
template <Real T>
StateDict Module<T>::state_dict() const {
  struct Walk : detail::PathWalk<T> {
    StateDict found;
    void parameter(std::string_view name, Parameter<T>& p) override { found.set(this->join(name), p.detach()); }
    void buffer(std::string_view name, const AnyTensor& b) override { found.set(this->join(name), b); }
  } walk;
  self().members(walk);
  return std::move(walk.found);
}
template <Real T>
void Module<T>::zero_grad() const {
  for (const auto& p : parameters()) p.zero_grad();
}

template <Real T>
void Module<T>::load_state_dict(const StateDict& published, bool strict) {
  struct Adopt : detail::PathWalk<T> {
    StateDict dict;
    void module(std::string_view name, Module<T>& child) override {
      child.adopt(dict, this->join(name) + ".");
      this->down(name, child);
    }
    void spliced(Module<T>& child) override { child.adopt(dict, this->join("")); }
  } own;
  own.dict = published;
  adopt(own.dict, "");
  members(own);
  const StateDict& dict = own.dict;

  struct Walk : detail::PathWalk<T> {
    const StateDict* dict = nullptr;
    std::vector<std::pair<Tensor<T>, AnyTensor>> writes;
    std::vector<std::pair<AnyTensor, AnyTensor>> others;
    std::vector<std::string> seen;
    std::string missing, misshaped;

    const AnyTensor* find(std::string_view name, const Shape& shape) {
      seen.push_back(this->join(name));
      const auto* entry = dict->find(seen.back());
      if (entry == nullptr) {
        if (name != "num_batches_tracked") missing += "\n  missing: " + seen.back();
      } else if (entry->shape() != shape) {
        misshaped += "\n  " + seen.back() + " is " + to_string(shape) + ", got " + to_string(entry->shape());
        entry = nullptr;
      }
      return entry;
    }
    void parameter(std::string_view name, Parameter<T>& p) override {
      if (const auto* entry = find(name, p.shape())) writes.emplace_back(p, *entry);
    }
    void buffer(std::string_view name, const AnyTensor& b) override {
      const auto* entry = find(name, b.shape());
      if (entry == nullptr) return;
      if (b.template is<T>())
        writes.emplace_back(b.template as<T>(), *entry);
      else
        others.emplace_back(b, *entry);
    }
  } walk;
  walk.dict = &dict;
  members(walk);

  std::string unexpected;
  std::sort(walk.seen.begin(), walk.seen.end());
  for (const auto& [name, tensor] : dict)
    if (!std::binary_search(walk.seen.begin(), walk.seen.end(), name)) unexpected += "\n  unexpected: " + name;
  const std::string names = strict ? walk.missing + unexpected : std::string();
  if (!walk.misshaped.empty())
    shunt::detail::raise<ShapeError>("load_state_dict of ", kind(), ": shapes differ:", walk.misshaped, names);
  if (!names.empty()) shunt::detail::raise<ValueError>("load_state_dict of ", kind(), ": names differ:", names);

  const auto write = [](const auto& to, const auto& from) {
    shunt::detail::copy_into(to, from);
    to.body().storage->version.fetch_add(1, std::memory_order_relaxed);
  };
  for (const auto& [to, from] : walk.writes) write(to, from.template to<T>());
  for (const auto& [to, from] : walk.others) write(to.template as<std::int64_t>(), from.template to<std::int64_t>());
}

/// The module as a tree: one line a layer, with its name and options.
template <Real T>
std::ostream& operator<<(std::ostream& os, const Module<T>& module) {
  struct Walk : Members<T> {
    std::ostream& os;
    std::string indent;
    bool any = false;
    explicit Walk(std::ostream& o, std::string i) : os(o), indent(std::move(i)) {}
    void module(std::string_view name, Module<T>& child) override {
      os << (any ? "\n" : " {\n") << indent << "  " << name << ": " << child.kind() << '(' << child.options() << ')';
      any = true;
      Walk inner(os, indent + "  ");
      child.members(inner);
      inner.close();
    }
    void close() {
      if (any) os << '\n' << indent << '}';
    }
  } walk(os, "");
  os << module.kind() << '(' << module.options() << ')';
  const_cast<Module<T>&>(module).members(walk);
  walk.close();
  return os;
}

}  // namespace shunt::nn
