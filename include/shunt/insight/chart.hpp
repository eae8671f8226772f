// Charts as self-contained SVG, and pages of them as self-contained HTML: no script, no font, no other file.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shunt::insight {

namespace detail {

inline std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}
inline std::string number(double v, const char* format = "%.1f") {
  char text[64];
  std::snprintf(text, sizeof text, format, v);
  return text;
}

/// One axis: data to pixels, linear or logarithmic, and where its ticks stand.
class Axis {
 public:
  Axis(double low, double high, bool log, double from, double to) : log_(log), from_(from), to_(to) {
    low_ = log ? std::floor(std::log10(low)) : low;
    high_ = log ? std::ceil(std::log10(high)) : high;
    if (!(high_ > low_)) high_ = low_ + 1;
    if (!log_) spread();
  }
  double operator()(double v) const {
    const double u = log_ ? (v > 0 ? std::log10(v) : low_) : v;
    return from_ + (std::clamp(u, low_, high_) - low_) / (high_ - low_) * (to_ - from_);
  }
  std::vector<std::pair<double, std::string>> ticks() const {
    std::vector<std::pair<double, std::string>> out;
    if (log_) {
      const double step = std::max(1.0, std::ceil((high_ - low_) / 7));
      for (double e = low_; e <= high_; e += step) out.emplace_back(std::pow(10, e), "1e" + number(e, "%g"));
    } else {
      for (double v = std::ceil(low_ / step_) * step_; v <= high_ + step_ / 1e6; v += step_)
        out.emplace_back(v, number(std::abs(v) < step_ / 1e6 ? 0 : v, "%g"));
    }
    return out;
  }

 private:
  /// Rounds the ends outward to a step of 1, 2 or 5 times a power of ten.
  void spread() {
    const double raw = (high_ - low_) / 6, power = std::pow(10, std::floor(std::log10(raw)));
    for (const double f : {1.0, 2.0, 5.0, 10.0})
      if ((step_ = f * power) >= raw) break;
    low_ = std::floor(low_ / step_ + 1e-9) * step_;
    high_ = std::ceil(high_ / step_ - 1e-9) * step_;
  }

  bool log_;
  double from_, to_, low_, high_, step_ = 1;
};

}  // namespace detail

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;
  std::string color = {};  ///< Any CSS color; by default one of a palette that colour-blind readers tell apart.
  bool dashed = false;
};

/// Lines over two axes. On a logarithmic axis what is 0 or below `floor` is drawn at the floor.
struct LineChart {
  std::string title, x_label, y_label;
  bool log_x = false, log_y = false;
  double floor = 1e-12;
  std::vector<Series> series;
  double width = 760, height = 420;

  std::string svg() const {
    double x0 = 1e300, x1 = -1e300, y0 = 1e300, y1 = -1e300;
    for (const auto& s : series)
      for (const auto& [x, y] : s.points) {
        if (!std::isfinite(y)) continue;
        const double v = log_y ? std::max(y, floor) : y;
        x0 = std::min(x0, x), x1 = std::max(x1, x), y0 = std::min(y0, v), y1 = std::max(y1, v);
      }
    if (x0 > x1) x0 = y0 = log_x || log_y ? 0.1 : 0, x1 = y1 = 1;
    const double left = 70, right = width - 190, top = 44, bottom = height - 52;
    const detail::Axis ax(x0, x1, log_x, left, right), ay(y0, y1, log_y, bottom, top);
    const auto n = [](double v) { return detail::number(v); };

    std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + n(width) + ' ' + n(height) +
                      "\" width=\"" + n(width) + "\" height=\"" + n(height) +
                      "\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\" fill=\"#333\">\n"
                      "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
    const auto text = [&](double x, double y, const char* anchor, std::string_view what, const char* more = "") {
      out += "<text x=\"" + n(x) + "\" y=\"" + n(y) + "\" text-anchor=\"" + anchor + "\"" + more + ">" +
             detail::escape(what) + "</text>\n";
    };
    const auto line = [&](double xa, double ya, double xb, double yb, const char* color) {
      out += "<line x1=\"" + n(xa) + "\" y1=\"" + n(ya) + "\" x2=\"" + n(xb) + "\" y2=\"" + n(yb) + "\" stroke=\"" +
             color + "\"/>\n";
    };
    text(left, 24, "start", title, " font-size=\"15\" font-weight=\"bold\"");
    for (const auto& [v, label] : ay.ticks()) {
      line(left, ay(v), right, ay(v), "#e4e4e4");
      text(left - 8, ay(v) + 4, "end", label);
    }
    for (const auto& [v, label] : ax.ticks()) {
      line(ax(v), bottom, ax(v), bottom + 5, "#888");
      text(ax(v), bottom + 19, "middle", label);
    }
    line(left, bottom, right, bottom, "#888");
    text((left + right) / 2, height - 12, "middle", x_label);
    out += "<text transform=\"translate(18 " + n((top + bottom) / 2) + ") rotate(-90)\" text-anchor=\"middle\">" +
           detail::escape(y_label) + "</text>\n";

    for (std::size_t i = 0; i < series.size(); ++i) {
      const auto& s = series[i];
      const std::string color = s.color.empty() ? palette(i) : s.color;
      const std::string stroke =
          " stroke=\"" + color + "\" stroke-width=\"2\" fill=\"none\"" + (s.dashed ? " stroke-dasharray=\"6 4\"" : "");
      out += "<polyline" + stroke + " points=\"";
      for (const auto& [x, y] : s.points)
        if (std::isfinite(y)) out += n(ax(x)) + ',' + n(ay(log_y ? std::max(y, floor) : y)) + ' ';
      out += "\"/>\n";
      if (s.points.size() <= 12)
        for (const auto& [x, y] : s.points)
          if (std::isfinite(y))
            out += "<circle cx=\"" + n(ax(x)) + "\" cy=\"" + n(ay(log_y ? std::max(y, floor) : y)) +
                   "\" r=\"3\" fill=\"" + color + "\"/>\n";
      const double ly = top + 8 + 19 * static_cast<double>(i);
      out += "<line x1=\"" + n(right + 14) + "\" y1=\"" + n(ly) + "\" x2=\"" + n(right + 40) + "\" y2=\"" + n(ly) +
             "\"" + stroke + "/>\n";
      text(right + 46, ly + 4, "start", s.name);
    }
    return out + "</svg>\n";
  }

 private:
  static std::string palette(std::size_t i) {  // Okabe and Ito 2008
    constexpr const char* colors[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"};
    return colors[i % std::size(colors)];
  }
};

/// A table of text for the terminal and for HTML; the first row is the head.
struct Table {
  std::vector<std::vector<std::string>> rows;

  std::string text() const {
    std::vector<std::size_t> widths;
    for (const auto& r : rows)
      for (std::size_t c = 0; c < r.size(); ++c) {
        if (c >= widths.size()) widths.push_back(0);
        widths[c] = std::max(widths[c], r[c].size());
      }
    std::string out;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (std::size_t c = 0; c < rows[i].size(); ++c) {
        const std::string pad(widths[c] - rows[i][c].size(), ' ');
        out += (c ? "  " : "") + (c ? pad + rows[i][c] : rows[i][c] + pad);
      }
      out += '\n';
      if (i > 0) continue;
      for (std::size_t c = 0; c < widths.size(); ++c) out += (c ? "  " : "") + std::string(widths[c], '-');
      out += '\n';
    }
    return out;
  }
  std::string html() const {
    std::string out = "<table>\n";
    for (std::size_t i = 0; i < rows.size(); ++i) {
      out += "<tr>";
      for (const auto& cell : rows[i]) out += (i ? "<td>" : "<th>") + detail::escape(cell) + (i ? "</td>" : "</th>");
      out += "</tr>\n";
    }
    return out + "</table>\n";
  }
};

/// A page of headings, paragraphs, tables and charts, in one file.
class Page {
 public:
  explicit Page(std::string title) : title_(std::move(title)) {}
  Page& heading(std::string_view text) { return add("<h2>" + detail::escape(text) + "</h2>\n"); }
  Page& paragraph(std::string_view text) { return add("<p>" + detail::escape(text) + "</p>\n"); }
  Page& table(const Table& t) { return add(t.html()); }
  Page& chart(const LineChart& c) { return add(c.svg()); }
  std::string html() const {
    return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>" + detail::escape(title_) +
           "</title>\n<style>body{font:15px/1.5 Helvetica,Arial,sans-serif;color:#222;max-width:860px;margin:2em "
           "auto;padding:0 1em}"
           "table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:.25em .8em;text-align:right;"
           "border-bottom:1px solid "
           "#ddd}td:first-child,th:first-child{text-align:left}svg{max-width:100%;height:auto}</style>"
           "</head>\n<body>\n<h1>" +
           detail::escape(title_) + "</h1>\n" + body_ + "</body></html>\n";
  }

 private:
  Page& add(const std::string& html) {
    body_ += html;
    return *this;
  }
  std::string title_, body_;
};

}  // namespace shunt::insight
