// Tensors as text, as NumPy's print() shows them: nested brackets, aligned columns, `...` beyond 1000 elements.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <iosfwd>
#include <string>
#include <vector>

#include "shunt/core/tensor.hpp"

namespace shunt {
namespace detail {

/// Elements beyond which only the edges are shown, and how many at each edge.
inline constexpr std::int64_t print_threshold = 1000, print_edge = 3;
inline constexpr std::size_t print_width = 75;

/// Offsets of the elements that are shown, in order.
inline std::vector<std::int64_t> shown_offsets(const Shape& shape, const Shape& strides, bool summarised) {
  std::vector<std::int64_t> offsets{0};
  for (int d = 0; d < shape.rank(); ++d) {
    std::vector<std::int64_t> next;
    const bool cut = summarised && shape[d] > 2 * print_edge;
    for (auto o : offsets)
      for (std::int64_t i = 0; i < shape[d]; ++i) {
        if (cut && i == print_edge) i = shape[d] - print_edge;
        next.push_back(o + i * strides[d]);
      }
    offsets = std::move(next);
  }
  return offsets;
}

template <class... Format>
std::string chars_of(Format... format) {
  char text[400];  // the longest: a double in full, with 8 digits after the point
  return {text, std::to_chars(text, text + sizeof text, format...).ptr};
}
template <class T>
std::string special(T v) {
  return std::isnan(v) ? "nan" : v < 0 ? "-inf" : "inf";
}
/// Digits after the point: the shortest that give v back, at most 8; the point is always there.
template <class T>
std::string fixed_chars(T v) {
  auto text = chars_of(v, std::chars_format::fixed);
  if (const auto point = text.find('.'); point == std::string::npos) {
    text += '.';
  } else if (text.size() - point > 9) {
    text = chars_of(v, std::chars_format::fixed, 8);
    text.erase(text.find_last_not_of('0') + 1);
  }
  return text;
}
/// The same with an exponent.
template <class T>
std::string scientific_chars(T v, int digits = -1) {
  auto text =
      digits < 0 ? chars_of(v, std::chars_format::scientific) : chars_of(v, std::chars_format::scientific, digits);
  auto e = text.find('e');
  if (const auto point = text.find('.'); point == std::string::npos)
    text.insert(e, ".");
  else if (digits < 0 && e - point > 9)
    return scientific_chars(v, 8);
  return text;
}
/// One number that stands alone.
template <class T>
std::string scalar_chars(T v) {
  if (!std::isfinite(v)) return special(v);
  const T a = std::abs(v);
  if (a != 0 && (a < T(1e-4) || a >= T(1e16))) return chars_of(v, std::chars_format::scientific);
  auto text = chars_of(v, std::chars_format::fixed);
  if (text.find('.') != std::string::npos) return text;
  // Digits beyond those that tell the value from its neighbours are zeros, where to_chars gives them exactly.
  auto digits = chars_of(v, std::chars_format::scientific);
  digits.erase(digits.find('e'));
  std::erase(digits, '.');
  digits.append(text.size() - digits.size(), '0');
  text = digits;
  return text + ".0";
}

inline void pad_left(std::string& text, std::size_t width) {
  if (text.size() < width) text.insert(0, width - text.size(), ' ');
}

/// Numbers with a fraction in one column: points under points, and exponents for all if the range needs them.
template <class T>
std::vector<std::string> column_of_reals(const std::vector<T>& values) {
  T largest = 0, smallest = std::numeric_limits<T>::infinity();
  for (T v : values)
    if (std::isfinite(v) && v != 0) {
      largest = std::max(largest, std::abs(v));
      smallest = std::min(smallest, std::abs(v));
    }
  const bool exponents = largest > 0 && (largest >= T(1e8) || smallest < T(1e-4) || largest / smallest > T(1000));
  int digits = 0;
  for (T v : values)
    if (exponents && std::isfinite(v)) {
      const auto text = scientific_chars(v);
      auto last = text.find_last_not_of('0', text.find('e') - 1);
      digits = std::max(digits, static_cast<int>(last - text.find('.')));
    }
  std::vector<std::string> out;
  std::size_t before = 0, after = 0;
  for (T v : values) {
    out.push_back(!std::isfinite(v) ? special(v) : exponents ? scientific_chars(v, digits) : fixed_chars(v));
    if (!std::isfinite(v)) continue;
    const auto point = out.back().find('.');
    before = std::max(before, point);
    after = std::max(after, out.back().size() - point);
  }
  for (std::size_t i = 0; i < out.size(); ++i) {
    auto& text = out[i];
    if (std::isfinite(values[i])) {
      pad_left(text, before + text.size() - text.find('.'));
      text.append(before + after - text.size(), ' ');
    }
  }
  std::size_t width = 0;
  for (const auto& text : out) width = std::max(width, text.size());
  for (auto& text : out) pad_left(text, width);
  return out;
}

/// What is shown of the elements, one text each, all of one width.
template <Scalar T>
std::vector<std::string> column_of(const std::vector<T>& values, bool alone) {
  std::vector<std::string> out;
  if constexpr (is_dual<T>) {
    using V = decltype(T{}.value);
    std::vector<V> value, eps;
    for (const auto& v : values) value.push_back(v.value), eps.push_back(v.eps);
    out = column_of<V>(value, alone);
    const auto second = column_of<V>(eps, alone);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] += " + " + second[i] + " eps";
  } else if constexpr (std::same_as<T, bfloat16>) {
    out = column_of(std::vector<float>(values.begin(), values.end()), alone);
  } else if constexpr (Real<T>) {
    if (alone)
      out.push_back(scalar_chars(values[0]));
    else
      out = column_of_reals(values);
  } else {
    std::size_t width = alone || !std::same_as<T, bool> ? 0 : 5;
    for (auto v : values) {
      if constexpr (std::same_as<T, bool>)
        out.push_back(v ? "True" : "False");
      else
        out.push_back(std::to_string(v));
      width = alone ? 0 : std::max(width, out.back().size());
    }
    for (auto& text : out) pad_left(text, width);
  }
  return out;
}

/// The brackets around the texts, and the line breaks between them.
class Brackets {
 public:
  Brackets(const Shape& shape, bool summarised, const std::vector<std::string>& words)
      : shape_(shape), summarised_(summarised), word_(words.data()) {}

  std::string text(int d = 0) {
    if (d == shape_.rank()) return *word_++;
    const bool last = d + 1 == shape_.rank(), cut = summarised_ && shape_[d] > 2 * print_edge;
    const std::string indent(static_cast<std::size_t>(d) + 1, ' ');
    const auto breaks = std::string(static_cast<std::size_t>(shape_.rank() - d - 1), '\n');
    // A line ends before `room`, where the brackets that close here must still fit.
    const std::size_t room = print_width - static_cast<std::size_t>(d) - 1;
    std::string out = "[", line = indent;
    const auto put = [&](const std::string& word, bool first) {
      if (!last) {
        out += first ? word : breaks + indent + word;
        return;
      }
      if (!first) line += ' ';
      if (line.size() + word.size() > room && line.size() > indent.size()) {
        line.erase(line.find_last_not_of(' ') + 1);
        out += line.substr(lines_++ == 0 ? indent.size() : 0) + '\n';
        line = indent;
      }
      line += word;
    };
    lines_ = 0;
    for (std::int64_t i = 0; i < shape_[d]; ++i) {
      if (cut && i == print_edge) {
        put("...", false);
        i = shape_[d] - print_edge;
      }
      put(text(d + 1), i == 0);
    }
    if (last) out += line.substr(lines_ == 0 ? indent.size() : 0);
    return out + "]";
  }

 private:
  const Shape& shape_;
  bool summarised_;
  const std::string* word_;
  int lines_ = 0;  ///< Ended in the row that is being written.
};

}  // namespace detail

/// The tensor as NumPy's print() shows an array: no type, `[]` without elements, the edges only beyond 1000 of them.
template <Scalar T>
std::string to_string(const Tensor<T>& x) {
  if (!x.defined()) return "undefined";
  if (x.numel() == 0) return "[]";
  const bool summarised = x.numel() > detail::print_threshold;
  std::vector<T> values;
  for (auto o : detail::shown_offsets(x.shape(), x.strides(), summarised)) values.push_back(x.data()[o]);
  return detail::Brackets(x.shape(), summarised, detail::column_of(values, x.rank() == 0)).text();
}
template <Scalar T>
std::ostream& operator<<(std::ostream& out, const Tensor<T>& x) {
  return out << to_string(x);
}

}  // namespace shunt
