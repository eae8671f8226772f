// Errors: what failed, what was wanted, what was given, and in which layer.
#pragma once

#include <concepts>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

namespace shunt {

/// Base of everything this library throws. A network that is running completes the text with the path of the layer.
class Error : public std::exception {
 public:
  explicit Error(std::string text) : text_(std::move(text)) {}
  const char* what() const noexcept override { return text_.c_str(); }

  /// The innermost layer that was running; null outside a network, and once the text names its path.
  const void* layer() const noexcept { return layer_; }
  void set_layer(const void* layer) noexcept { layer_ = layer; }
  void prepend(std::string_view where) { text_.insert(0, where); }

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

inline void append(std::string& out, std::string_view s) { out += s; }
inline void append(std::string& out, char c) { out += c; }
template <std::integral I>
void append(std::string& out, I i) {
  out += std::to_string(i);
}
void append(std::string& out, double v);
template <class P>
  requires requires(const P& p) { to_string(p); }
void append(std::string& out, const P& p) {
  out += to_string(p);
}
inline void append(std::string& out, double v) {
  out += std::to_string(v);
  while (out.size() > 1 && out.back() == '0' && out[out.size() - 2] != '.') out.pop_back();
}

/// The parts as one text: strings, numbers, and whatever has a to_string.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::string out;
  (append(out, parts), ...);
  return out;
}

/// The one place that throws: cold and out of line, so that checks cost a compare and a jump.
template <class E, class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void raise(const Parts&... parts) {
  throw E(text(parts...));
}

}  // namespace detail
}  // namespace shunt
