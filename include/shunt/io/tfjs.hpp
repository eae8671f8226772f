// Weights of TensorFlow.js models: a JSON manifest, and their bytes in one or more files beside it.
#pragma once

#include <cmath>
#include <optional>
#include <set>

#include "shunt/io/elements.hpp"
#include "shunt/io/json.hpp"
#include "shunt/io/text.hpp"

namespace shunt::io {
namespace detail {

/// The files of one group, one behind the other.
class Shards : public Source {
 public:
  explicit Shards(const std::string& manifest) : manifest_(manifest) {}
  void add(const std::string& path) {
    parts_.push_back({path, size_});
    open(parts_.size() - 1);
    size_ += file_->size();
  }
  std::uint64_t size() const { return size_; }
  const std::string& path() const override { return manifest_; }
  void read(std::uint64_t offset, void* to, std::uint64_t n) const override {
    auto* out = static_cast<unsigned char*>(to);
    while (n > 0) {
      const auto part = std::upper_bound(parts_.begin(), parts_.end(), offset,
                                         [](std::uint64_t at, const Part& p) { return at < p.begin; }) -
                        1;
      const auto end = part + 1 == parts_.end() ? size_ : part[1].begin;
      const auto piece = std::min(n, end - offset);
      open(static_cast<std::size_t>(part - parts_.begin()));
      file_->read(offset - part->begin, out, piece);
      out += piece;
      offset += piece;
      n -= piece;
    }
  }

 private:
  struct Part {
    std::string path;
    std::uint64_t begin;
  };
  /// One at a time: a model may have more of them than a process may have files.
  void open(std::size_t i) const {
    if (file_ && opened_ == i) return;
    file_.emplace(parts_[i].path);
    opened_ = i;
  }
  const std::string& manifest_;
  std::vector<Part> parts_;
  std::uint64_t size_ = 0;
  mutable std::optional<shunt::detail::InputFile> file_;
  mutable std::size_t opened_ = 0;
};

class TfjsManifest {
 public:
  using Json = nlohmann::json;

  explicit TfjsManifest(const std::string& path) : path_(path), json_(read_json(path)) {}

  StateDict load() {
    const auto& groups = json_.is_object() ? field(json_, "weightsManifest") : json_;
    if (!groups.is_array()) bad("is no weights manifest: no list of groups");
    for (const auto& group : groups) {
      if (!group.is_object()) bad("has a group that is no object");
      Shards shards(path_);
      for (const auto& file : list(group, "paths")) {
        if (!file.is_string() || !is_plain_name(file.get_ref<const std::string&>()))
          bad("names a file that is not one of its own folder: ", file.dump());
        const auto& name = file.get_ref<const std::string&>();
        if (!files_.insert(name).second) bad("names the file '", name, "' twice");
        shards.add(beside(path_, name));
      }
      load(shards, list(group, "weights"));
    }
    return std::move(found_);
  }

 private:
  struct Weight {
    std::string name;
    Shape shape;
    Element kept{}, held{};  ///< The type that it has, and the one in the file.
    bool affine = false;
    double scale = 1, min = 0;
    std::uint64_t bytes = 0;
  };

  template <class... Parts>
  [[noreturn]] void bad(const Parts&... parts) const {
    shunt::detail::raise_io(path_, parts...);
  }
  const Json& field(const Json& object, const char* name) const {
    const auto it = object.find(name);
    if (it == object.end()) bad("is no weights manifest: '", name, "' is missing");
    return *it;
  }
  const Json& list(const Json& object, const char* name) const {
    const auto& found = field(object, name);
    if (!found.is_array()) bad("is no weights manifest: '", name, "' is no list");
    return found;
  }

  void load(const Shards& shards, const Json& weights) {
    std::vector<Weight> all;
    std::uint64_t total = 0;
    for (const auto& json : weights) {
      all.push_back(weight(json));
      const auto& w = all.back();
      if (w.bytes > shards.size() - total)
        bad("'", w.name, "' takes ", w.bytes, " bytes from ", total, " on, its files have ", shards.size());
      total += w.bytes;
    }
    if (total != shards.size()) bad("weights take ", total, " bytes, their files have ", shards.size());
    std::uint64_t at = 0;
    for (const auto& w : all) {
      if (found_.contains(w.name)) bad("the weight '", w.name, "' stands twice");
      found_.set(w.name, values(shards, at, w));
      at += w.bytes;
    }
  }
  Weight weight(const Json& json) const {
    Weight w;
    if (!json.is_object() || !field(json, "name").is_string()) bad("has a weight without a name");
    w.name = field(json, "name").get<std::string>();
    const auto& type = field(json, "dtype");
    w.kept = type == "float32" ? Element::f32 : type == "int32" ? Element::i32 : Element::boolean;
    if (w.kept == Element::boolean && type != "bool")
      bad("'", w.name, "' is of the type ", type.dump(), ", which cannot be read");
    w.held = w.kept;
    for (const auto& n : list(json, "shape")) {
      if (!n.is_number_unsigned() || n.get<std::uint64_t>() >> 62 != 0 || w.shape.rank() == max_rank)
        bad("'", w.name, "' has a shape that cannot be held");
      w.shape.push_back(n.get<std::int64_t>());
    }
    if (const auto q = json.find("quantization"); q != json.end()) read_quantization(*q, w);
    w.bytes = bytes_of(w.shape.begin(), w.shape.size(), w.held);
    return w;
  }
  void read_quantization(const Json& json, Weight& w) const {
    if (!json.is_object()) bad("'", w.name, "' has a quantization that is no object");
    const auto& type = field(json, "dtype");
    const bool half = type == "float16";
    w.held = half ? Element::f16 : type == "uint8" ? Element::u8 : Element::u16;
    if ((w.held == Element::u16 && type != "uint16") || w.kept == Element::boolean || (half && w.kept != Element::f32))
      bad("'", w.name, "' is quantized as ", type.dump(), ", which cannot be read");
    if (half) return;
    const auto &scale = field(json, "scale"), &min = field(json, "min");
    if (!scale.is_number() || !min.is_number()) bad("'", w.name, "' has a scale or min that is no number");
    w.affine = true;
    w.scale = scale.get<double>();
    w.min = min.get<double>();
  }
  AnyTensor values(const Shards& shards, std::uint64_t at, const Weight& w) const {
    if (!w.affine) return read_elements(shards, at, w.held, w.shape);
    return w.held == Element::u8 ? unquantized<std::uint8_t>(shards, at, w) : unquantized<std::uint16_t>(shards, at, w);
  }
  template <class Q>
  AnyTensor unquantized(const Shards& shards, std::uint64_t at, const Weight& w) const {
    const auto value = [&](Q q) { return static_cast<double>(q) * w.scale + w.min; };
    if (w.kept == Element::f32)
      return read_widened<float, Q>(shards, at, w.shape, [&](Q q) { return static_cast<float>(value(q)); });
    return read_widened<std::int32_t, Q>(shards, at, w.shape, [&](Q q) {
      const auto v = std::floor(value(q) + 0.5);  // as JavaScript rounds
      if (!(v >= -2147483648.0 && v <= 2147483647.0)) bad("'", w.name, "' has the value ", v, ", which is no int32");
      return static_cast<std::int32_t>(v);
    });
  }

  const std::string& path_;
  Json json_;
  std::set<std::string> files_;
  StateDict found_;
};

}  // namespace detail

/// The weights of a weights_manifest.json, or of a model.json that has one under "weightsManifest": float32, int32 and
/// bool, also where they are held as float16 or as 8- or 16-bit steps (value = step * scale + min). The files lie in
/// the manifest's folder and hold its weights and nothing else; all else is an IoError.
inline StateDict load_tfjs(const std::string& path) { return detail::TfjsManifest(path).load(); }

}  // namespace shunt::io
