#include "table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace peers {
namespace {

std::string number(const char* format, double x) {
  char text[32];
  std::snprintf(text, sizeof text, format, x);
  return text;
}

/// The cells of a row as the table shows them; the fastest library's is marked.
std::vector<std::string> cells(const Row& r, const std::string& mark) {
  std::vector<std::string> out{r.name, std::to_string(r.threads)};
  const std::size_t best = r.best();
  const bool lost = best > 0 && r.times[0].measured() && r.times[best].median() < r.times[0].median();
  for (std::size_t i = 0; i < r.times.size(); ++i) {
    const auto& t = r.times[i];
    const std::string text = t.measured() ? time_text(t.median()) : "";
    out.push_back(t.measured() && i == (lost ? best : 0) ? mark + text + mark : text);
  }
  out.push_back(std::isnan(r.ratio()) ? "" : number(r.busy() ? "~%.2f" : "%.2f", r.ratio()));
  const bool known = r.flops > 0 && r.times[0].measured();
  out.push_back(known ? number("%.0f%%", 100 * r.flops / r.times[0].median() / r.peak) : "");
  return out;
}

std::vector<std::string> titles(const Table& t) {
  std::vector<std::string> out{"case", "threads"};
  out.insert(out.end(), t.libraries.begin(), t.libraries.end());
  out.insert(out.end(), {"best peer / ours", "of peak"});
  return out;
}

}  // namespace

std::size_t Row::best() const {
  std::size_t best = 0;
  for (std::size_t i = 1; i < times.size(); ++i)
    if (times[i].measured() && (best == 0 || times[i].median() < times[best].median())) best = i;
  return best;
}
double Row::ratio() const {
  return best() == 0 || !times[0].measured() ? NAN : times[best()].median() / times[0].median();
}

bool Row::busy() const {
  return std::any_of(times.begin(), times.end(), [](const Times& t) { return t.busy(); });
}

std::string time_text(double seconds) {
  const bool milli = seconds >= 1e-3;
  const double x = seconds * (seconds >= 1 ? 1 : milli ? 1e3 : 1e6);
  return number(x < 10 ? "%.2f" : x < 100 ? "%.1f" : "%.0f", x) + (seconds >= 1 ? " s" : milli ? " ms" : " µs");
}

void Table::print(std::ostream& os) const {
  std::vector<std::vector<std::string>> lines{titles(*this)};
  for (const auto& r : rows) lines.push_back(cells(r, ""));
  const auto shown = [](const std::string& s) {  // µ takes two bytes
    std::size_t n = 0;
    for (char c : s) n += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    return n;
  };
  std::vector<std::size_t> width(lines[0].size());
  for (const auto& line : lines)
    for (std::size_t i = 0; i < line.size(); ++i) width[i] = std::max(width[i], shown(line[i]));
  for (const auto& text : head) os << text << '\n';
  os << '\n';
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string space(width[i] - shown(line[i]), ' ');
      os << (i == 0 ? line[i] + space : "  " + space + line[i]);
    }
    os << '\n';
  }
}

void Table::markdown(std::ostream& os) const {
  for (const auto& text : head) os << "- " << text << '\n';
  os << "\n|";
  for (const auto& title : titles(*this)) os << ' ' << title << " |";
  os << "\n|---|";
  for (std::size_t i = 1; i < libraries.size() + 4; ++i) os << "--:|";
  for (const auto& r : rows) {
    os << "\n|";
    for (const auto& cell : cells(r, "**")) os << ' ' << cell << " |";
  }
  os << '\n';
}

void Table::svg(std::ostream& os) const {
  constexpr double left = 150, right = 560, top = 46, bar = 9, gap = 8, most = 6;
  const auto x = [&](double ratio) {
    const double share = std::log(std::clamp(ratio, 1 / most, most)) / std::log(most);
    return (left + right + share * (right - left)) / 2;
  };
  const auto text = [](double at, double y, const char* anchor, const std::string& words) {
    return "<text x=\"" + number("%.1f", at) + "\" y=\"" + number("%.1f", y) + "\" text-anchor=\"" + anchor + "\">" +
           words + "</text>\n";
  };
  std::string bars;
  double y = top;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& r = rows[i];
    if (std::isnan(r.ratio())) continue;
    const bool follows = i > 0 && rows[i - 1].name == r.name && !std::isnan(rows[i - 1].ratio());
    if (!follows) y += gap, bars += text(left - 8, y + bar, "end", r.name);
    const double from = std::min(x(1), x(r.ratio())), to = std::max(x(1), x(r.ratio()));
    bars += "<rect x=\"" + number("%.1f", from) + "\" y=\"" + number("%.1f", y) + "\" width=\"" +
            number("%.1f", to - from) + "\" height=\"" + number("%.1f", bar - 1) + "\" fill=\"" +
            (r.threads == 1 ? "#4477aa" : "#66ccee") + "\"/>\n";
    bars += text(right + 8, y + bar - 1, "start", number("%.2f ", r.ratio()) + libraries[r.best()]);
    y += bar;
  }
  const double bottom = y + gap;
  os << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 680 " << number("%.0f", bottom + 8)
     << "\" font-family=\"sans-serif\" font-size=\"9\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
     << "<g font-size=\"12\">" << text(left, 18, "start", "Time of the fastest other library / time of shunt")
     << "</g>\n<rect x=\"" << left << "\" y=\"26\" width=\"8\" height=\"8\" fill=\"#4477aa\"/>"
     << text(left + 12, 34, "start", "one thread") << "<rect x=\"" << left + 80
     << "\" y=\"26\" width=\"8\" height=\"8\" fill=\"#66ccee\"/>" << text(left + 92, 34, "start", "more threads");
  for (const double tick : {0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0}) {
    os << "<line x1=\"" << x(tick) << "\" x2=\"" << x(tick) << "\" y1=\"" << top << "\" y2=\"" << bottom
       << "\" stroke=\"" << (tick == 1 ? "#333" : "#ddd") << "\"/>\n"
       << text(x(tick), top - 2, "middle", number("%g", tick));
  }
  os << bars << "</svg>\n";
}

void Table::csv(std::ostream& os) const {
  os << "case,threads,library,median,least,most,flops,peak,interrupted,note\n";
}

void Table::csv(std::ostream& os, const Row& row) const {
  for (std::size_t i = 0; i < row.times.size(); ++i) {
    const auto& t = row.times[i];
    if (!t.measured()) continue;
    os << row.name << ',' << row.threads << ',' << libraries[i] << ',' << t.median() << ',' << t.rounds.front() << ','
       << t.rounds.back() << ',' << row.flops << ',' << row.peak << ',' << t.note << '\n';
  }
}

}  // namespace peers
