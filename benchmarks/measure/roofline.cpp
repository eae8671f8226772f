// Each kernel against the machine's limit: what its arithmetic takes at the rate of multiply-adds from registers, or
// its operands at the rate at which memory copies. One thread. Prints a table; draws it to the file that is named.
#include <shunt/shunt.hpp>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>

#include "peak.hpp"

namespace {

using namespace shunt;

/// The least of several runs, each long enough for the clock.
double seconds(const std::function<void()>& f) {
  double best = 1e9;
  f();
  for (int run = 0; run < 7; ++run) {
    int n = 0;
    const auto start = std::chrono::steady_clock::now();
    double passed = 0;
    for (; passed < 0.02; ++n) {
      f();
      passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    best = std::min(best, passed / n);
  }
  return best;
}

/// Counted: multiply-adds twice, other operations once; bytes of every operand once, as from memory.
struct Kernel {
  std::string name;
  double flops, bytes;
  std::function<void()> run;
};

std::vector<Kernel> all_kernels() {
  std::vector<Kernel> all;
  const auto product = [&](std::int64_t m, std::int64_t n, std::int64_t k, bool turned) {
    const auto a = randn({m, k}), b = turned ? randn({n, k}).t() : randn({k, n});
    const auto mn = static_cast<double>(m * n), mk = static_cast<double>(m * k), kn = static_cast<double>(k * n);
    all.push_back({"product " + std::to_string(m) + 'x' + std::to_string(n) + 'x' + std::to_string(k),
                   2 * mn * static_cast<double>(k), 4 * (mn + mk + kn), [=] { matmul(a, b); }});
  };
  product(1024, 1024, 1024, false);
  product(64, 64, 64, false);
  product(32, 256, 256, true);
  product(1, 1024, 1024, true);
  const auto convolution = [&](const char* name, std::int64_t c, std::int64_t f, std::int64_t size, std::int64_t taps,
                               std::int64_t groups) {
    const auto x = randn({4, c, size, size}), w = randn({f, c / groups, taps, taps});
    const double results = static_cast<double>(4 * f * size * size);
    all.push_back({name, 2 * results * static_cast<double>(c / groups * taps * taps),
                   4 * (results + static_cast<double>(x.numel() + w.numel())),
                   [=] { conv2d(x, w, {}, {.stride = 1, .padding = (taps - 1) / 2, .groups = groups}); }});
  };
  convolution("3x3, 64 x 56x56", 64, 64, 56, 3, 1);
  convolution("1x1, 256 x 28x28", 256, 256, 28, 1, 1);
  convolution("depthwise, 128 x 56x56", 128, 128, 56, 3, 128);

  const std::int64_t n = 1 << 24;
  const auto x = randn({n}), y = randn({n}), wide = x.reshape({n / 1024, 1024});
  const auto count = static_cast<double>(n);
  all.push_back({"add", count, 12 * count, [=] { add(x, y); }});
  all.push_back({"exp", 20 * count, 8 * count, [=] { exp(x); }});
  all.push_back({"gelu", 30 * count, 8 * count, [=] { gelu(x); }});
  all.push_back({"sum", count, 4 * count, [=] { sum(x); }});
  all.push_back({"softmax", 25 * count, 8 * count, [=] { softmax(wide, 1); }});
  const auto weight = ones({1024}), bias = zeros({1024});
  all.push_back({"layer norm", 8 * count, 8 * count, [=] { layer_norm(wide, {1024}, weight, bias); }});
  const auto q = randn({8, 6, 512, 64});
  const double scores = 8 * 6 * 512.0 * 512.0;
  all.push_back({"attention, T = 512", scores * (4 * 64 + 25), 16 * static_cast<double>(q.numel()),
                 [=] { scaled_dot_product_attention(q, q, q); }});
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  set_num_threads(1);
  manual_seed(1);
  const NoGrad unrecorded;
  const auto from = randn({std::int64_t{1} << 24}), to = randn({std::int64_t{1} << 24});
  const auto bytes = 4.0 * static_cast<double>(from.numel());
  const double rate = peak_gflops() * 1e9;
  const double bandwidth = 2 * bytes / seconds([&] { std::copy_n(from.data(), from.numel(), to.data()); });
  std::printf("%.0f GFLOP/s from registers, %.0f GB/s copied (%s)\n", rate * 1e-9, bandwidth * 1e-9,
              std::string(name(isa())).c_str());

  insight::LineChart chart{.title = "Kernels against the machine's limit, one thread",
                           .x_label = "operations for each byte of operands",
                           .y_label = "GFLOP/s",
                           .log_x = true,
                           .log_y = true,
                           .series = {}};
  const double ridge = rate / bandwidth;
  chart.series.push_back(
      {"limit", {{0.05, 0.05 * bandwidth * 1e-9}, {ridge, rate * 1e-9}, {400, rate * 1e-9}}, "#888888", true});
  insight::Table table{{{"kernel", "operations / byte", "GFLOP/s", "of the limit"}}};
  for (const auto& k : all_kernels()) {
    const double time = seconds(k.run), limit = std::max(k.flops / rate, k.bytes / bandwidth);
    chart.series.push_back({k.name, {{k.flops / k.bytes, k.flops / time * 1e-9}}});
    table.rows.push_back({k.name, insight::detail::number(k.flops / k.bytes),
                          insight::detail::number(k.flops / time * 1e-9),
                          insight::detail::number(100 * limit / time, "%.0f %%")});
  }
  std::printf("%s", table.text().c_str());
  if (argc > 1) std::ofstream(argv[1]) << chart.svg();
}
