// Pickles and PyTorch's archives made by hand, so that they can lie.
#pragma once

#include "support/zip_file.hpp"

namespace pickled {

inline std::string text(const std::string& s) { return "X" + little(s.size(), 4) + s; }
inline std::string number(std::int64_t v) {
  return v == static_cast<std::int32_t>(v) ? "J" + little(static_cast<std::uint64_t>(v), 4)
                                           : "\x8a\x08" + little(static_cast<std::uint64_t>(v), 8);
}
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string tuple(const std::vector<std::int64_t>& values) {
  std::string s = "(";
  for (const auto v : values) s += number(v);
  return s + "t";
}
inline std::string storage(const std::string& type, const std::string& key, std::int64_t count) {
  return "(" + text("storage") + global("torch", type + "Storage") + text(key) + text("cpu") + number(count) + "tQ";
}
/// _rebuild_tensor_v2(storage, offset, sizes, strides, False, {})
inline std::string tensor(const std::string& storage, std::int64_t offset, const std::vector<std::int64_t>& sizes,
                          const std::vector<std::int64_t>& strides) {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + storage + number(offset) + tuple(sizes) + tuple(strides) +
         "\x89" + global("collections", "OrderedDict") + ")RtR";
}
/// {key: value, ..} of what is pickled already.
inline std::string dict(const std::string& entries) { return "\x80\x02}(" + entries + "u."; }

}  // namespace pickled

/// A PyTorch archive with this pickle and these storages.
inline std::string torch_file(const std::string& pickle, std::vector<ZipPart> storages = {}) {
  for (auto& s : storages) s.name = "x/data/" + s.name;
  storages.insert(storages.begin(), {.name = "x/data.pkl", .content = pickle});
  storages.push_back({.name = "x/version", .content = "3\n"});
  return zip_of(storages);
}
