// A network as a table: every layer with its output, its parameters and what it computes.
#pragma once

#include <cstdio>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "shunt/nn/evaluating.hpp"
#include "shunt/nn/layer.hpp"
#include "shunt/ops/creation.hpp"
#include "shunt/ops/flops.hpp"

namespace shunt::insight {

/// One layer, in the order of members; the network itself comes first, with depth 0.
struct SummaryRow {
  std::string path;     ///< "layer1.0.conv1"
  std::string name;     ///< "conv1"
  std::string kind;     ///< "Conv2d"
  std::string options;  ///< "64, 64, kernel = 3"
  int depth = 0;
  std::int64_t parameters = 0;  ///< Of the layer and all within it.
  std::int64_t trainable = 0;   ///< Those of them that want a gradient.
  std::int64_t runs = 0;
  Shape output;      ///< Of the last run.
  double flops = 0;  ///< Of all its runs, and of all within it: see CountFlops.
};

/// What summary() found; prints as a table.
struct Summary {
  std::vector<SummaryRow> rows;
  std::int64_t parameters = 0, trainable = 0;
  std::int64_t parameter_bytes = 0;
  std::int64_t output_bytes = 0;  ///< Of all layers that hold no others.
  double flops = 0;
  int depth = 3;  ///< How deep the printed table goes.
};

namespace detail {

/// Where each module stands in the table, filled as the layers run.
class SummaryObserver : public nn::LayerObserver {
 public:
  explicit SummaryObserver(std::map<const void*, SummaryRow*> rows) : rows_(std::move(rows)) {}
  void enter(const void*, const Shape&) override { begun_.push_back(count_.found()); }
  void leave(const void* layer, const Shape* output) override {
    const double spent = count_.found() - begun_.back();
    begun_.pop_back();
    const auto row = rows_.find(layer);
    if (row == rows_.end() || output == nullptr) return;
    row->second->output = *output;
    row->second->flops += spent;
    ++row->second->runs;
  }
  double flops() const { return count_.found(); }

 private:
  CountFlops count_;
  std::map<const void*, SummaryRow*> rows_;
  std::vector<double> begun_;
};

template <Real T>
struct SummaryWalk : nn::detail::PathWalk<T> {
  std::vector<SummaryRow>& rows;
  std::vector<const void*> modules;  // of each row
  std::vector<std::size_t> open;     // rows of the modules that the walk is in

  SummaryWalk(std::vector<SummaryRow>& to, nn::Module<T>& net) : rows(to) {
    begin({}, {}, net);
    net.members(*this);
  }
  void begin(std::string path, std::string_view name, const nn::Module<T>& module) {
    SummaryRow row;
    row.path = std::move(path);
    row.name = name;
    row.kind = module.kind();
    row.options = module.options();
    row.depth = static_cast<int>(open.size());
    open.push_back(rows.size());
    rows.push_back(std::move(row));
    modules.push_back(&module);
  }
  void module(std::string_view name, nn::Module<T>& child) override {
    begin(this->join(name), name, child);
    this->down(name, child);
    open.pop_back();
  }
  void parameter(std::string_view, nn::Parameter<T>& p) override {
    for (const auto i : open) {
      rows[i].parameters += p.numel();
      if (p.wants_grad()) rows[i].trainable += p.numel();
    }
  }
};

/// 25557032 as "25,557,032".
[[gnu::cold]] inline std::string grouped(std::int64_t n) {
  const std::string digits = std::to_string(n);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}
/// 4089184256 as "4.09 G".
[[gnu::cold]] inline std::string short_number(double v) {
  const char* units[] = {"", " k", " M", " G", " T", " P"};
  int unit = 0;
  for (; v >= 999.5 && unit < 5; ++unit) v /= 1000;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 || v >= 100 ? "%.0f%s" : v >= 10 ? "%.1f%s" : "%.2f%s", v, units[unit]);
  return text;
}

}  // namespace detail

/// Runs run() once, without recording and in evaluation mode, and tells what each layer of the network did:
/// summary(bert, [&] { bert(ids); }). `depth` is how deep the printed table goes.
template <Real T, class Run>
requires std::invocable<const Run&> Summary summary(nn::Module<T>& net, const Run& run, int depth = 3) {
  Summary found;
  found.depth = depth;
  const detail::SummaryWalk<T> walk(found.rows, net);
  std::map<const void*, SummaryRow*> rows;
  for (std::size_t i = 0; i < found.rows.size(); ++i) rows.emplace(walk.modules[i], &found.rows[i]);

  const NoGrad unrecorded;
  const nn::Evaluating<T> mode(net);
  detail::SummaryObserver observer(std::move(rows));
  {
    const nn::ObserveLayers watching(observer);
    run();
  }
  found.flops = observer.flops();
  found.parameters = found.rows[0].parameters;
  found.trainable = found.rows[0].trainable;
  found.parameter_bytes = found.parameters * static_cast<std::int64_t>(sizeof(T));
  for (std::size_t i = 0; i < found.rows.size(); ++i) {
    const bool holds_others = i + 1 < found.rows.size() && found.rows[i + 1].depth > found.rows[i].depth;
    if (!holds_others)
      found.output_bytes += found.rows[i].runs * found.rows[i].output.numel() * static_cast<std::int64_t>(sizeof(T));
  }
  return found;
}

/// The same for one input of zeros; `input` is one sample's shape, such as {3, 224, 224}, to which a batch of 1 is
/// added.
template <Real T>
Summary summary(nn::Layer<T>& net, const Shape& input, int depth = 3) {
  Shape shape = input;
  shape.insert(0, 1);
  return summary(
      net, [&] { net(zeros<T>(shape)); }, depth);
}

/// One line a layer down to `depth`, then the sums.
[[gnu::cold]] inline std::string to_string(const Summary& s) {
  std::vector<std::string> first, second, third, fourth;
  std::size_t width[3] = {5, 6, 10};
  for (const auto& row : s.rows) {
    if (row.depth > s.depth) continue;
    std::string label(static_cast<std::size_t>(2 * row.depth), ' ');
    label += row.name.empty() ? "" : row.name + ": ";
    label += row.kind + (row.options.empty() ? "" : "(" + row.options + ")");
    first.push_back(label);
    second.push_back(row.runs > 0 ? shunt::to_string(row.output) : "--");
    third.push_back(row.parameters > 0 ? detail::grouped(row.parameters) : "--");
    fourth.push_back(row.flops > 0 ? detail::short_number(row.flops) : "--");
    width[0] = std::max(width[0], first.back().size());
    width[1] = std::max(width[1], second.back().size());
    width[2] = std::max(width[2], third.back().size());
  }
  const auto line = [&](const std::string& a, const std::string& b, const std::string& c, const std::string& d) {
    const auto space = [](std::size_t n) { return std::string(n, ' '); };
    return a + space(width[0] + 2 - a.size()) + b + space(width[1] + 2 + width[2] - b.size() - c.size()) + c +
           space(d.size() < 10 ? 10 - d.size() : 2) + d + "\n";
  };
  const std::string rule(width[0] + width[1] + width[2] + 14, '=');
  std::string out = rule + "\n" + line("Layer", "Output", "Parameters", "FLOPs") + rule + "\n";
  for (std::size_t i = 0; i < first.size(); ++i) out += line(first[i], second[i], third[i], fourth[i]);
  out += rule + "\n";
  const auto megabytes = [](std::int64_t bytes) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f MB", static_cast<double>(bytes) / 1e6);
    return std::string(text);
  };
  out += "Parameters: " + detail::grouped(s.parameters) + " (" + megabytes(s.parameter_bytes) + "), ";
  out += "trainable: " + detail::grouped(s.trainable) + "\n";
  return out + "FLOPs: " + detail::short_number(s.flops) + ", outputs: " + megabytes(s.output_bytes) + "\n" + rule +
         "\n";
}
inline std::ostream& operator<<(std::ostream& os, const Summary& s) { return os << to_string(s); }

}  // namespace shunt::insight
