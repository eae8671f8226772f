// PyTorch's own files: what torch.save makes of a state dict, since version 1.6 a zip archive with a pickle in it.
#pragma once

#include <map>

#include "shunt/io/pickle.hpp"
#include "shunt/io/zip.hpp"

namespace shunt::io {
namespace detail {

/// The tensors in an archive's data.pkl, by the names that lead to them.
class TorchFile {
 public:
  TorchFile(const std::string& path, ReadOptions options)
      : zip_(path, options), pickled_(open_pickle()), pickle_(pickled_.path(), pickled_.text()) {}

  StateDict load() {
    if (pickle_.root().kind != Kind::dict) pickle_.refuse(pickle_.root(), "the file holds no dict of tensors");
    gather(pickle_.root(), "", 0);
    return std::move(found_);
  }

 private:
  using Kind = PickleValue::Kind;
  struct Elements {
    Element type;
    AnyTensor values;  // (n,)
  };

  ZipContent open_pickle() {
    const ZipEntry* pickle = nullptr;
    for (const auto& e : zip_.entries()) {
      if (!e.name.ends_with("/data.pkl") || e.name.find('/') + 9 != e.name.size()) continue;
      if (pickle != nullptr)
        shunt::detail::raise_io(zip_.path(), "has two pickles, '", pickle->name, "' and '", e.name, "'");
      pickle = &e;
    }
    if (pickle == nullptr) shunt::detail::raise_io(zip_.path(), "is a zip archive, but none that torch.save wrote");
    root_ = pickle->name.substr(0, pickle->name.size() - 8);
    if (const auto* order = zip_.find(root_ + "byteorder"); order != nullptr && zip_.read(*order).text() != "little")
      shunt::detail::raise_io(zip_.path(), "was written on a big-endian machine, which cannot be read");
    if (pickle->size > Pickle::max_bytes)
      shunt::detail::raise_io(zip_.path(), "has a pickle of ", pickle->size, " bytes, more than ", Pickle::max_bytes);
    return zip_.read(*pickle);
  }

  /// Tensors below a value. Containers may be shared, so both the steps and the text of names are bounded by what a
  /// pickle of this length has without sharing.
  void gather(const PickleValue& value, const std::string& name, int depth) {
    if (++steps_ > pickled_.size() + 1000) pickle_.refuse(value, "dicts share their content more often than data do");
    switch (value.kind) {
      case Kind::call: return add(value, name);
      case Kind::dict:
        if (depth == 64) pickle_.refuse(value, "nested deeper than 64, or within itself");
        for (std::size_t i = 0; i + 1 < value.items.size(); i += 2)
          gather(pickle_[value.items[i + 1]], join(value, name, key_of(pickle_[value.items[i]])), depth + 1);
        return;
      case Kind::list:
      case Kind::tuple:
        if (depth == 64) pickle_.refuse(value, "nested deeper than 64, or within itself");
        for (std::size_t i = 0; i < value.items.size(); ++i)
          gather(pickle_[value.items[i]], join(value, name, std::to_string(i)), depth + 1);
        return;
      default: return;  // numbers, texts, None
    }
  }
  std::string key_of(const PickleValue& key) const {
    if (key.kind == Kind::text) return std::string(key.text);
    if (key.kind == Kind::integer) return std::to_string(key.integer);
    pickle_.refuse(key, "a key that is neither text nor a number");
  }
  std::string join(const PickleValue& value, const std::string& name, const std::string& key) const {
    if (name.size() + key.size() > 4096) pickle_.refuse(value, "a name of more than 4096 bytes");
    return name.empty() ? key : name + "." + key;
  }
  void add(const PickleValue& value, const std::string& name) {
    if (found_.contains(name)) pickle_.refuse(value, "two tensors would be called '", name, "'");
    named_ += name.size();
    if (named_ > 16 * pickled_.size() + 4096)
      pickle_.refuse(value, "names are longer than a file of this size has them");
    found_.set(name, tensor(value, 0));
  }

  const PickleValue& argument(const PickleValue& call, std::size_t i, Kind kind) const {
    const auto& value = pickle_[pickle_[call.items[1]].items[i]];
    if (value.kind != kind) pickle_.refuse(call, "argument ", i, " of a tensor's description has the wrong type");
    return value;
  }
  AnyTensor tensor(const PickleValue& call, int depth) {
    if (call.kind != Kind::call) pickle_.refuse(call, "a parameter without a tensor");
    const auto function = pickle_[call.items[0]].text;
    const auto count = pickle_[call.items[1]].items.size();
    if (function.ends_with("_rebuild_parameter")) {
      if (count != 3 || depth > 0) pickle_.refuse(call, "a parameter that is not described as PyTorch does");
      return tensor(argument(call, 0, Kind::call), depth + 1);
    }
    if (!function.ends_with("_rebuild_tensor_v2")) pickle_.refuse(call, "a storage type is called");
    if (count != 6 && count != 7) pickle_.refuse(call, "a tensor of ", count, " arguments");
    if (count == 7 && !argument(call, 6, Kind::dict).items.empty())
      pickle_.refuse(call, "a conjugate or negative view, which cannot be read");
    const auto& elements = storage(argument(call, 0, Kind::reference));
    const auto offset = argument(call, 1, Kind::integer).integer;
    return view(call, elements, offset, sizes(argument(call, 2, Kind::tuple)), sizes(argument(call, 3, Kind::tuple)));
  }
  Shape sizes(const PickleValue& tuple) const {
    if (tuple.items.size() > static_cast<std::size_t>(max_rank))
      pickle_.refuse(tuple, "a tensor of ", tuple.items.size(), " dimensions, more than ", max_rank);
    Shape s;
    for (const auto i : tuple.items) {
      if (pickle_[i].kind != Kind::integer || pickle_[i].integer < 0)
        pickle_.refuse(tuple, "a size or stride that is not a number from 0 on");
      s.push_back(pickle_[i].integer);
    }
    return s;
  }

  /// The elements that ('storage', type, key, device, count) stands for; tensors that share a key share them.
  const Elements& storage(const PickleValue& reference) {
    const auto& id = pickle_[reference.items[0]];
    const auto part = [&](std::size_t i) -> const PickleValue& { return pickle_[id.items[i]]; };
    if (id.kind != Kind::tuple || id.items.size() != 5 || part(0).kind != Kind::text || part(0).text != "storage" ||
        part(1).kind != Kind::global || part(2).kind != Kind::text || part(3).kind != Kind::text ||
        part(4).kind != Kind::integer || part(4).integer < 0)
      pickle_.refuse(reference, "a storage that is not described as PyTorch does");
    const auto type = element(part(1));
    const auto n = part(4).integer;
    const std::string key(part(2).text);
    if (const auto known = storages_.find(key); known != storages_.end()) {
      if (known->second.type != type || known->second.values.numel() != n)
        pickle_.refuse(reference, "storage '", key, "' is described in two ways");
      return known->second;
    }
    const auto* entry = zip_.find(root_ + "data/" + key);
    if (entry == nullptr) pickle_.refuse(reference, "storage '", key, "' is not in the archive");
    const auto bytes = bytes_of(&n, 1, type);
    if (bytes != entry->size)
      pickle_.refuse(reference, "storage '", key, "' takes ", bytes, " bytes, the archive has ", entry->size);
    return storages_.emplace(key, Elements{type, read_elements(zip_.read(*entry), 0, type, {n})}).first->second;
  }
  Element element(const PickleValue& global) const {
    constexpr struct {
      std::string_view name;
      Element type;
    } types[] = {{"Float", Element::f32},     {"Double", Element::f64}, {"Half", Element::f16},
                 {"BFloat16", Element::bf16}, {"Long", Element::i64},   {"Int", Element::i32},
                 {"Short", Element::i16},     {"Char", Element::i8},    {"Byte", Element::u8},
                 {"Bool", Element::boolean}};
    for (const auto& t : types)
      if (global.text.substr(global.text.find('\n') + 1) == std::string(t.name) + "Storage") return t.type;
    pickle_.refuse(global, "a storage of something that is no storage type");
  }

  AnyTensor view(const PickleValue& call, const Elements& from, std::int64_t offset, const Shape& shape,
                 const Shape& strides) const {
    if (shape.rank() != strides.rank()) pickle_.refuse(call, "sizes ", shape, " with strides ", strides);
    if (bytes_of(shape.begin(), shape.size(), Element::u8) >> 63 != 0)
      pickle_.refuse(call, "a tensor of ", shape, " is too large");
    if (offset < 0) pickle_.refuse(call, "a tensor at the offset ", offset);
    const bool nothing = shape.numel() == 0;
    auto steps = shunt::detail::dense_strides(shape);  // a stride that is never taken may be any number
    std::int64_t last = offset;
    for (int d = 0; d < shape.rank() && !nothing; ++d) {
      if (shape[d] == 1) continue;
      steps[d] = strides[d];
      std::int64_t reach = 0;
      if (__builtin_mul_overflow(shape[d] - 1, strides[d], &reach) || __builtin_add_overflow(last, reach, &last))
        last = from.values.numel();
      if (last >= from.values.numel()) break;
    }
    if (!nothing && last >= from.values.numel())
      pickle_.refuse(call, "a tensor of ", shape, " with strides ", strides, " from ", offset,
                     " on leaves its storage of ", from.values.numel());
    const auto first = nothing ? 0 : offset;
    switch (from.values.dtype()) {
      case DType::float32: return view<float>(from, first, shape, steps);
      case DType::float64: return view<double>(from, first, shape, steps);
      case DType::bfloat16: return view<bfloat16>(from, first, shape, steps);
      case DType::int64: return view<std::int64_t>(from, first, shape, steps);
      case DType::int32: return view<std::int32_t>(from, first, shape, steps);
      case DType::uint8: return view<std::uint8_t>(from, first, shape, steps);
      default: return view<bool>(from, first, shape, steps);
    }
  }
  template <Scalar T>
  static Tensor<T> view(const Elements& from, std::int64_t offset, const Shape& shape, const Shape& strides) {
    const auto values = from.values.as<T>();
    return values.alias(values.data() + offset, shape, strides);
  }

  ZipFile zip_;
  std::string root_;
  ZipContent pickled_;
  Pickle pickle_;
  StateDict found_;
  std::map<std::string, Elements> storages_;
  std::uint64_t steps_ = 0, named_ = 0;
};

/// True for what torch.save wrote before version 1.6: a pickle of a number that stands for the format.
inline bool is_old_torch_file(const std::string& path) {
  const shunt::detail::InputFile file(path);
  char start[4] = {};
  file.read(0, start, std::min<std::uint64_t>(file.size(), 4));
  return std::memcmp(start, "\x80\x02\x8a\x0a", 4) == 0;
}

}  // namespace detail

/// The tensors of a file that torch.save made of a state dict, or of a dict with state dicts in it: {"model": {..},
/// "epoch": 3} gives names that begin with "model."; numbers, texts and None are passed over. Strides, and storages
/// that tensors share, stay as they were; float16 comes as float, other integers as the next larger kind that we have.
/// Nothing in the file is ever executed: a class or function that a state dict does not need is an IoError that names
/// it, as is a file that is not what it claims to be. Tensors lie in the file's mapped pages where they can
/// (ReadOptions).
inline StateDict load_torch(const std::string& path, ReadOptions options = {}) {
  if (detail::is_old_torch_file(path))
    shunt::detail::raise_io(path,
                            "was written by PyTorch before 1.6, or with _use_new_zipfile_serialization=False; "
                            "in Python, torch.save(torch.load(path), path) makes a file of today's kind of it");
  return detail::TorchFile(path, options).load();
}

}  // namespace shunt::io
