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
