// Errors: what failed, what was wanted, what was given, and in which layer.
#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace shunt {

/// Base of everything this library throws. A network that is running completes the text with the path of the layer.
class Error : public std::exception {
 public:
  explicit Error(std::string text) : text_(std::move(text)) {}
  const char* what() const noexcept override { return text_.c_str(); }

  /// The innermost layer that was running; null outside a network, and once the text names its path.
  const void* layer() const noexcept { return layer_; }
  void set_layer(const void* layer) noexcept { layer_ = layer; }
  [[gnu::cold]] void prepend(std::string_view where) { text_ = std::string(where) + text_; }

 private:
  std::string text_;
  const void* layer_ = nullptr;
};

/// Shapes that do not fit together, or do not fit the operation.
struct ShapeError : Error {
  using Error::Error;
};
/// A position or dimension outside its range.
struct IndexError : Error {
  using Error::Error;
};
/// Misuse of the gradient graph.
struct GraphError : Error {
  using Error::Error;
};
/// A file that cannot be read, cannot be written, or is not what it claims to be.
struct IoError : Error {
  using Error::Error;
};
/// An argument whose value makes no sense.
struct ValueError : Error {
  using Error::Error;
};

namespace detail {

// Out of line, as the texts below are: std::to_string is large where it is inlined.
[[gnu::cold, gnu::noinline]] inline void append_number(std::string& out, std::int64_t v) { out += std::to_string(v); }
[[gnu::cold, gnu::noinline]] inline void append_number(std::string& out, std::uint64_t v) { out += std::to_string(v); }
[[gnu::cold, gnu::noinline]] inline void append_number(std::string& out, double v) {
  out += std::to_string(v);
  while (out.back() == '0' && out[out.size() - 2] != '.') out.pop_back();
}

template <class P>
concept HasText = requires(const P& p) {
  to_string(p);
};

/// One piece of a message, of any type: text, a number, or whatever has a to_string. Formatted only when thrown.
class Part {
 public:
  Part(const char* s)
      : data_(s), append_([](std::string& out, const void* d) { out += static_cast<const char*>(d); }) {}
  Part(const std::string& s)
      : data_(&s), append_([](std::string& out, const void* d) { out += *static_cast<const std::string*>(d); }) {}
  Part(const std::string_view& s)
      : data_(&s), append_([](std::string& out, const void* d) { out += *static_cast<const std::string_view*>(d); }) {}
  template <std::integral I>
  Part(const I& i)
      : data_(&i), append_([](std::string& out, const void* d) {
          using Wide = std::conditional_t<std::is_signed_v<I>, std::int64_t, std::uint64_t>;
          append_number(out, static_cast<Wide>(*static_cast<const I*>(d)));
        }) {}
  Part(const double& v)
      : data_(&v),
        append_([](std::string& out, const void* d) { append_number(out, *static_cast<const double*>(d)); }) {}
  template <HasText P>
  Part(const P& p)
      : data_(&p), append_([](std::string& out, const void* d) { out += to_string(*static_cast<const P*>(d)); }) {}

  void append_to(std::string& out) const { append_(out, data_); }

 private:
  const void* data_;
  void (*append_)(std::string&, const void*);
};

[[gnu::cold, gnu::noinline]] inline std::string text_of(std::initializer_list<Part> parts) {
  std::string out;
  for (const auto& p : parts) p.append_to(out);
  return out;
}
/// The parts as one text.
template <class... Parts>
std::string text(const Parts&... parts) {
  return text_of({Part(parts)...});
}

template <class E>
[[noreturn, gnu::cold, gnu::noinline]] void raise_text(std::initializer_list<Part> parts) {
  throw E(text_of(parts));
}
/// The one place that throws: cold and out of line, so that checks cost a compare and a jump.
template <class E, class... Parts>
[[noreturn]] void raise(const Parts&... parts) {
  raise_text<E>({Part(parts)...});
}

}  // namespace detail
}  // namespace shunt
