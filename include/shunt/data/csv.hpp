// Tables of numbers as text, one row a line.
#pragma once

#include <charconv>
#include <string_view>

#include "shunt/data/bytes.hpp"
#include "shunt/ops/view.hpp"

namespace shunt::data {

struct CsvOptions {
  bool header = false;  ///< The first line names the columns.
  char delimiter = ',';
};
/// Numbers that text can hold.
template <class T>
concept Number = Scalar<T> && std::is_arithmetic_v<T> && !std::same_as<T, bool>;

template <Number T>
struct Table {
  std::vector<std::string> columns;  ///< Empty without a header.
  Tensor<T> values;                  ///< (rows, columns)
};

namespace detail {

inline std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}
/// Takes what stands before the next `end`, and that too.
inline std::string_view take_until(std::string_view& text, char end) {
  const auto at = std::min(text.find(end), text.size());
  const auto piece = text.substr(0, at);
  text.remove_prefix(std::min(at + 1, text.size()));
  return trim(piece);
}

}  // namespace detail

/// Reads numbers separated by a delimiter. Empty lines are passed over; rows of unequal length, and what is no number
/// of this type, are IoErrors that name the line.
template <Number T = float>
Table<T> load_csv(const Bytes& file, CsvOptions options = {}) {
  Table<T> table;
  std::string_view rest(reinterpret_cast<const char*>(file.data.data()), file.data.size());
  std::vector<T> values;
  std::int64_t line = 0, rows = 0, width = -1;
  while (!rest.empty()) {
    ++line;
    auto row = detail::take_until(rest, '\n');
    if (row.empty()) continue;
    if (options.header && line == 1) {
      while (!row.empty()) table.columns.emplace_back(detail::take_until(row, options.delimiter));
      width = static_cast<std::int64_t>(table.columns.size());
      continue;
    }
    std::int64_t n = 0;
    for (bool more = true; more; ++n) {
      more = row.find(options.delimiter) != std::string_view::npos;
      auto field = detail::take_until(row, options.delimiter);
      if (field.size() > 1 && field[0] == '+' && field[1] != '-') field.remove_prefix(1);
      T v{};
      const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), v);
      if (error != std::errc() || end != field.data() + field.size())
        shunt::detail::raise_io(file.path, "line ", line, ", column ", n + 1, ": '", field.substr(0, 40), "' is no ",
                                dtype_of<T>);
      values.push_back(v);
    }
    if (width < 0) width = n;
    if (n != width) shunt::detail::raise_io(file.path, "line ", line, " has ", n, " columns, expected ", width);
    ++rows;
  }
  table.values = Tensor<T>::empty({rows, width < 0 ? 0 : width});
  std::copy(values.begin(), values.end(), table.values.data());
  return table;
}
template <Number T = float>
Table<T> load_csv(const std::string& path, CsvOptions options = {}) {
  return load_csv<T>(read_file(path), options);
}

}  // namespace shunt::data
