// The header of a safetensors file, checked while it is parsed.
#pragma once

#if !__has_include(<nlohmann/json.hpp>)
#error "shunt/io/safetensors_header.hpp needs nlohmann/json.hpp: install the Debian package nlohmann-json3-dev"
#endif
#include <nlohmann/json.hpp>

#include <algorithm>
#include <string_view>

#include "shunt/io/elements.hpp"

namespace shunt::io::detail {

/// The limit of the reference implementation.
inline constexpr std::uint64_t max_safetensors_header = 100'000'000;

inline const char* safetensors_name(Element e) {
  constexpr const char* names[] = {"F32", "F64", "BF16", "I64", "I32", "U8",      "BOOL",   "F16",
                                   "I8",  "I16", "U16",  "U32", "U64", "F8_E4M3", "F8_E5M2"};
  return names[static_cast<int>(e)];
}

struct SafetensorsEntry {
  std::string name;
  Element element{};
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;
};

/// Takes the parser's events: keeps the order of names, and nothing but the three fields of each tensor. Text that is
/// not UTF-8 and JSON that is not well formed reach parse_error.
class SafetensorsHeader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit SafetensorsHeader(const std::string& path) : path_(path) {}

  std::vector<SafetensorsEntry> tensors;
  std::vector<std::pair<std::string, std::string>> metadata;

  /// Compares what the entries say with each other and with the number of bytes behind the header.
  void check(std::uint64_t bytes) {
    std::vector<std::string_view> names;
    for (const auto& t : tensors) names.push_back(t.name);
    std::sort(names.begin(), names.end());
    const auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice != names.end()) bad("the name '", std::string(*twice), "' stands twice");
    std::vector<const SafetensorsEntry*> order;
    for (const auto& t : tensors) {
      order.push_back(&t);
      const auto wanted = bytes_of(t.shape.data(), t.shape.size(), t.element);
      if (t.begin > t.end || t.end > bytes) bad("'", t.name, "' has the bytes ", t.begin, " to ", t.end, " of ", bytes);
      if (t.end - t.begin != wanted) bad("'", t.name, "' takes ", wanted, " bytes and has ", t.end - t.begin);
    }
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
      return a->begin != b->begin ? a->begin < b->begin : a->end < b->end;
    });
    std::uint64_t at = 0;
    for (const auto* t : order) {
      if (t->begin != at)
        bad("'", t->name, "' begins at byte ", t->begin, t->begin < at ? " within another" : " behind a gap");
      at = t->end;
    }
    if (at != bytes) bad("tensors take ", at, " bytes, the file has ", bytes);
  }

  bool key(string_t& k) override {
    if (depth_ == 1)
      begin_entry(k);
    else if (place_ == Place::metadata)
      metadata.emplace_back(k, "");
    else
      begin_field(k);
    return true;
  }
  bool start_object(std::size_t) override {
    if (depth_ == 2 || (depth_ == 1 && place_ == Place::top)) bad_form();
    ++depth_;
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1 && place_ == Place::tensor && fields_ != 7) bad("'", tensors.back().name, "' lacks a field");
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ != 2 || in_array_ || (field_ != Field::shape && field_ != Field::offsets)) bad_form();
    in_array_ = true;
    count_ = 0;
    return true;
  }
  bool end_array() override {
    if (field_ == Field::offsets && count_ != 2) bad("'", tensors.back().name, "' needs two data_offsets");
    in_array_ = false;
    field_ = Field::none;
    return true;
  }
  bool string(string_t& s) override {
    if (place_ == Place::metadata && depth_ == 2) {
      metadata.back().second = s;
    } else {
      if (field_ != Field::dtype || in_array_) bad_form();
      tensors.back().element = element(s);
      field_ = Field::none;
    }
    return true;
  }
  bool number_unsigned(number_unsigned_t v) override {
    if (!in_array_) bad_form();
    auto& t = tensors.back();
    if (field_ == Field::shape) {
      if (v >> 62 != 0 || t.shape.size() == max_rank) bad("'", t.name, "' has a shape that cannot be held");
      t.shape.push_back(static_cast<std::int64_t>(v));
    } else if (count_ < 2) {
      (count_ == 0 ? t.begin : t.end) = v;
    }
    ++count_;
    return true;
  }
  bool null() override { bad_form(); }
  bool boolean(bool) override { bad_form(); }
  bool number_integer(number_integer_t) override { bad_form(); }
  bool number_float(number_float_t, const string_t&) override { bad_form(); }
  bool binary(binary_t&) override { bad_form(); }
  bool parse_error(std::size_t at, const std::string&, const nlohmann::detail::exception& e) override {
    bad("not JSON at byte ", at, " (", std::string(e.what()), ")");
  }

 private:
  enum class Place { top, tensor, metadata };
  enum class Field { none, dtype, shape, offsets };

  template <class... Parts>
  [[noreturn]] void bad(const Parts&... parts) const {
    shunt::detail::raise_io(path_, "safetensors header: ", parts...);
  }
  [[noreturn]] void bad_form() const {
    if (place_ == Place::tensor) bad("'", tensors.back().name, "' is not described as a tensor is");
    bad("not an object of tensors");
  }
  void begin_entry(const std::string& name) {
    if (name == "__metadata__") {
      if (std::exchange(has_metadata_, true)) bad("the name '__metadata__' stands twice");
      place_ = Place::metadata;
    } else {
      place_ = Place::tensor;
      fields_ = 0;
      field_ = Field::none;
      tensors.emplace_back();
      tensors.back().name = name;
    }
  }
  void begin_field(const std::string& k) {
    field_ = k == "dtype"          ? Field::dtype
             : k == "shape"        ? Field::shape
             : k == "data_offsets" ? Field::offsets
                                   : Field::none;
    const int bit = 1 << static_cast<int>(field_) >> 1;
    if (bit == 0 || (fields_ & bit)) bad("'", tensors.back().name, "' has an unknown or repeated field '", k, "'");
    fields_ |= bit;
  }
  Element element(const std::string& text) const {
    for (int e = 0; e < element_count; ++e)
      if (text == safetensors_name(static_cast<Element>(e))) return static_cast<Element>(e);
    bad("'", tensors.back().name, "' has the type ", text, ", which cannot be read");
  }

  const std::string& path_;
  Place place_ = Place::top;
  Field field_ = Field::none;
  int depth_ = 0, fields_ = 0, count_ = 0;
  bool in_array_ = false, has_metadata_ = false;
};

}  // namespace shunt::io::detail
