// Depth with and without the skip: plain and residual networks of growing depth on real hand-written digits.
//   example_depth [--short] [--layers 2,20,50,100,200] [--epochs N] [--seeds N] [--deep] [--out FOLDER]
// Prints a table and writes depth.svg and depth.html. --deep adds a residual network of 1,000 layers
// whose blocks start as the identity (ReZero).
#include <shunt/data/csv.hpp>
#include <shunt/data/gzip.hpp>
#include <shunt/insight/chart.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>

#include "../arguments.hpp"
#include "experiment.hpp"

namespace {

namespace insight = shunt::insight;
using insight::detail::number;

struct Options {
  std::vector<int> layers{2, 20, 50, 100, 200};
  int epochs = 30, seeds = 3;
  bool deep = false;
  std::string out = "depth-report", data = "examples/data/digits/digits.csv.gz";
};

Options parse(int argc, char** argv) {
  Options o;
  const auto short_form = [&] { o.layers = {2, 20}, o.epochs = 2, o.seeds = 1, o.out.clear(); };
  arguments::Parser()
      .flag("--short", short_form)
      .option("--layers N,N,..", o.layers)
      .option("--epochs N", o.epochs)
      .option("--seeds N", o.seeds)
      .flag("--deep", o.deep)
      .option("--out FOLDER", o.out)
      .option("--data FILE", o.data)
      .parse(argc, argv);
  return o;
}

/// 1,797 digits, four fifths for training, in an order of their own.
Digits load(const std::string& path) {
  const auto table = shunt::data::load_csv(shunt::data::read_gzip(path)).values;
  shunt::Generator g(1);
  const auto order = shunt::randperm(table.size(0), g);
  const auto rows = index_select(table, 0, order);
  const auto x = rows.narrow(1, 0, 64) * (1.0 / 16);
  const auto y = rows.select(1, 64).to<std::int64_t>();
  const auto train = table.size(0) * 4 / 5, test = table.size(0) - train;
  return {x.narrow(0, 0, train), x.narrow(0, train, test), y.narrow(0, 0, train), y.narrow(0, train, test)};
}

using Runs = std::map<std::pair<bool, int>, std::vector<Outcome>>;

template <class F>
std::pair<double, double> mean_and_spread(const std::vector<Outcome>& runs, const F& of) {
  double low = 1e300, high = -1e300, sum = 0;
  for (const auto& r : runs) low = std::min(low, of(r)), high = std::max(high, of(r)), sum += of(r);
  return {sum / static_cast<double>(runs.size()), (high - low) / 2};
}

insight::Table table_of(const Runs& runs) {
  insight::Table t{{{"network", "layers", "train loss", "test accuracy", "|grad| first block", "last block"}}};
  for (const auto& [key, outcomes] : runs) {
    const auto [loss, loss_spread] = mean_and_spread(outcomes, [](const auto& o) { return o.train_loss; });
    const auto [acc, acc_spread] = mean_and_spread(outcomes, [](const auto& o) { return 100 * o.test_accuracy; });
    const auto& g = outcomes[0].gradient_start;
    t.rows.push_back({!key.first         ? "plain"
                      : key.second > 500 ? "residual, ReZero"
                                         : "residual",
                      std::to_string(key.second), number(loss, "%.3f") + " +- " + number(loss_spread, "%.3f"),
                      number(acc) + " +- " + number(acc_spread) + " %", g.empty() ? "-" : number(g.front(), "%.1e"),
                      g.empty() ? "-" : number(g.back(), "%.1e")});
  }
  return t;
}

insight::Table branch_table_of(const Runs& runs) {
  insight::Table t{
      {{"residual layers", "|F(x)| / |x| before", "after", "accuracy lost without one block: mean", "worst"}}};
  for (const auto& [key, outcomes] : runs) {
    const auto& o = outcomes[0];
    if (o.removal_loss.empty()) continue;
    const auto mean = [](const std::vector<double>& v) {
      return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
    };
    t.rows.push_back(
        {std::to_string(key.second), number(mean(o.branch_start), "%.3f"), number(mean(o.branch_end), "%.3f"),
         number(100 * mean(o.removal_loss), "%.2f") + " points",
         number(100 * *std::max_element(o.removal_loss.begin(), o.removal_loss.end()), "%.1f") + " points"});
  }
  return t;
}

/// One line a network: `values` of each block over the block's place in the network, from 0 (input) to 1 (output).
template <class F>
insight::LineChart chart_of(const Runs& runs, std::string title, std::string y_label, bool log_y, const F& values) {
  insight::LineChart chart{.title = std::move(title),
                           .x_label = "block, from the input (0) to the output (1)",
                           .y_label = std::move(y_label),
                           .log_y = log_y,
                           .floor = 1e-30,
                           .series = {}};
  for (const auto& [key, outcomes] : runs) {
    const std::vector<double>& v = values(outcomes[0]);
    if (v.size() < 2) continue;
    insight::Series line{(key.first ? "residual, " : "plain, ") + std::to_string(key.second), {}, {}, !key.first};
    for (std::size_t i = 0; i < v.size(); ++i)
      line.points.emplace_back(static_cast<double>(i) / static_cast<double>(v.size() - 1), v[i]);
    chart.series.push_back(std::move(line));
  }
  return chart;
}

void write(const std::string& path, const std::string& text) {
  if (!(std::ofstream(path) << text)) throw shunt::IoError("cannot write " + path);
}

}  // namespace

int main(int argc, char** argv) try {
  const Options o = parse(argc, argv);
  const Digits data = load(o.data);
  std::vector<std::pair<bool, int>> plan;
  for (int n : o.layers) plan.emplace_back(false, n), plan.emplace_back(true, n);
  if (o.deep) plan.emplace_back(true, 1000);

  Runs runs;
  {
    insight::Progress progress("training", static_cast<long>(plan.size()) * o.seeds * o.epochs);
    for (const auto& [residual, layers] : plan)
      for (int seed = 1; seed <= o.seeds; ++seed)
        runs[{residual, layers}].push_back(
            run(data, layers, residual, o.epochs, static_cast<std::uint64_t>(seed), progress));
  }
  const auto table = table_of(runs), branches = branch_table_of(runs);
  std::cout << "\nDigits, width 64, AdamW, " << o.epochs << " epochs, mean of " << o.seeds
            << " seeds; gradients at the start\n\n"
            << table.text() << '\n'
            << branches.text();
  if (o.out.empty()) return 0;

  const auto gradients = chart_of(
      runs, "Gradient of each block's weights, before training", "|dL/dW|", true,
      [](const Outcome& r) -> const auto& { return r.gradient_start; });
  insight::Page page("Depth, with the skip and without it");
  page.paragraph(
          "Fully connected networks of width 64 on 1,797 hand-written digits. Plain and residual networks have the "
          "same branches and the same first weights; only the skip differs.")
      .table(table)
      .chart(gradients)
      .chart(chart_of(
          runs, "Gradient of each block's weights, after training", "|dL/dW|", true,
          [](const Outcome& r) -> const auto& { return r.gradient_end; }))
      .heading("What the branches add")
      .table(branches)
      .chart(chart_of(
          runs, "How much each branch adds, after training", "|F(x)| / |x|", false,
          [](const Outcome& r) -> const auto& { return r.branch_end; }))
      .chart(chart_of(
          runs, "Test accuracy lost when one block is removed", "accuracy lost", false,
          [](const Outcome& r) -> const auto& { return r.removal_loss; }));
  std::filesystem::create_directories(o.out);
  write(o.out + "/depth.svg", gradients.svg());
  write(o.out + "/depth.html", page.html());
  std::cout << "\nPictures: " << o.out << "/depth.svg and " << o.out << "/depth.html\n";
} catch (const std::exception& e) {
  std::cerr << "example_depth: " << e.what() << '\n';
  return 1;
}
