// AnyTensor: a tensor whose scalar type is known at run time. StateDict: such tensors by name, in order.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shunt/core/tensor.hpp"

namespace shunt {

/// A handle on a tensor of any scalar type; shares the elements.
class AnyTensor {
 public:
  AnyTensor() = default;
  template <Scalar T>
  AnyTensor(const Tensor<T>& t) : body_(t.handle()), dtype_(dtype_of<T>), key_(&detail::type_key<T>) {}

  bool defined() const { return static_cast<bool>(body_); }
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return body().shape; }
  std::int64_t numel() const { return body().numel; }
  template <Scalar T>
  bool is() const {
    return key_ == &detail::type_key<T>;
  }

  /// The tensor; ValueError naming both types if it holds another.
  template <Scalar T>
  Tensor<T> as() const {
    if (!is<T>()) detail::raise<ValueError>("AnyTensor: holds ", dtype_, ", asked for ", dtype_of<T>);
    return Tensor<T>(body_);
  }
  template <Scalar T>
  operator Tensor<T>() const {
    return as<T>();
  }
  /// The values as T: the tensor itself if it holds T, else a converted copy without history.
  template <Scalar T>
  Tensor<T> to() const {
    if (is<T>()) return as<T>();
    switch (dtype_) {
      case DType::float32: return converted<T, float>();
      case DType::float64: return converted<T, double>();
      case DType::bfloat16: return converted<T, bfloat16>();
      case DType::int64: return converted<T, std::int64_t>();
      case DType::int32: return converted<T, std::int32_t>();
      case DType::uint8: return converted<T, std::uint8_t>();
      case DType::boolean: return converted<T, bool>();
      case DType::other: break;
    }
    detail::raise<ValueError>("AnyTensor: cannot convert ", dtype_, " to ", dtype_of<T>);
  }

 private:
  const detail::Body& body() const {
    if (!body_) detail::raise<ValueError>("AnyTensor: holds nothing");
    return *body_;
  }
  template <Scalar T, Scalar U>
  Tensor<T> converted() const {
    const auto from = as<U>();
    auto to = Tensor<T>::empty(from.shape());
    Shape index = Shape::filled(from.rank(), 0);
    const U* p = from.data();
    for (std::int64_t i = 0; i < to.numel(); ++i) {
      to.data()[i] = detail::convert<T>(*p);
      for (int d = from.rank() - 1; d >= 0; --d) {
        p += from.strides()[d];
        if (++index[d] < from.shape()[d]) break;
        p -= index[d] * from.strides()[d];
        index[d] = 0;
      }
    }
    return to;
  }

  detail::Ref<detail::Body> body_;
  DType dtype_ = DType::other;
  const char* key_ = nullptr;
};

/// Named tensors in the order in which they were added; iterates as `[name, tensor]`.
class StateDict {
 public:
  using Entry = std::pair<std::string, AnyTensor>;

  StateDict() = default;
  StateDict(std::initializer_list<Entry> entries) {
    for (const auto& [name, tensor] : entries) set(name, tensor);
  }

  std::size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  auto begin() { return entries_.begin(); }
  auto end() { return entries_.end(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }

  bool contains(std::string_view name) const { return find(name) != nullptr; }
  const AnyTensor* find(std::string_view name) const {
    const auto it = place(name);
    return it != index_.end() && entries_[*it].first == name ? &entries_[*it].second : nullptr;
  }
  /// The entry; ValueError if there is none.
  const AnyTensor& at(std::string_view name) const {
    const auto* entry = find(name);
    if (entry == nullptr) detail::raise<ValueError>("state dict: no entry '", name, "'");
    return *entry;
  }
  const AnyTensor& operator[](std::string_view name) const { return at(name); }
  /// The entry, made if it is new.
  AnyTensor& operator[](std::string_view name) {
    const auto it = place(name);
    if (it != index_.end() && entries_[*it].first == name) return entries_[*it].second;
    index_.insert(it, entries_.size());
    entries_.emplace_back(name, AnyTensor());
    return entries_.back().second;
  }
  void set(std::string_view name, AnyTensor tensor) { (*this)[name] = std::move(tensor); }
  void erase(std::string_view name) {
    const auto it = place(name);
    if (it == index_.end() || entries_[*it].first != name) return;
    const auto gone = *it;
    index_.erase(it);
    entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(gone));
    for (auto& i : index_) i -= i > gone;
  }
  /// All of `other`, each name behind `prefix`.
  void insert(std::string_view prefix, const StateDict& other) {
    for (const auto& [name, tensor] : other) set(std::string(prefix) + name, tensor);
  }
  /// The entries whose names begin with `prefix`, without it.
  StateDict part(std::string_view prefix) const {
    StateDict out;
    for (const auto& [name, tensor] : entries_)
      if (name.starts_with(prefix)) out.set(std::string_view(name).substr(prefix.size()), tensor);
    return out;
  }

 private:
  /// Where `name` stands, or would, among the positions sorted by name.
  std::vector<std::size_t>::const_iterator place(std::string_view name) const {
    return std::lower_bound(index_.begin(), index_.end(), name,
                            [&](std::size_t i, std::string_view n) { return entries_[i].first < n; });
  }

  std::vector<Entry> entries_;
  std::vector<std::size_t> index_;
};

}  // namespace shunt
