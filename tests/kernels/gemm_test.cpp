#include "shunt/kernels/gemm.hpp"

#include <array>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "support/isa.hpp"

using namespace shunt;
using namespace shunt::kernels;

namespace {

using Size = std::int64_t;

// A matrix stored by rows, by columns, or with gaps in both directions; its buffer ends with the last element.
enum class Layout { rows, columns, gaps };

template <class T>
struct Matrix {
  std::vector<T> values;
  Operand<T> view;
  Matrix(Size rows, Size cols, Layout layout, unsigned seed) : view{nullptr, cols, 1} {
    if (layout == Layout::columns) view = {nullptr, 1, rows};
    if (layout == Layout::gaps) view = {nullptr, 3 * cols + 1, 3};
    values = random_vector<T>(rows * cols == 0 ? 0 : (rows - 1) * view.row + (cols - 1) * view.col + 1, seed);
    view.data = values.data();
  }
  double at(Size i, Size j) const { return static_cast<double>(view.data[i * view.row + j * view.col]); }
};

struct Terms {
  bool bias = false, row_bias = false, base = false, accumulate = false;
};

// The largest error of gemm against sums in double, in units of the rounding error that k products of size one allow.
template <class T>
double error_of(Size m, Size n, Size k, Layout la, Layout lb, Terms terms = {}) {
  const Matrix<T> a(m, k, la, 1), b(k, n, lb, 2);
  const Size ldc = n + 3, base_row = n + 1;
  auto c = random_vector<T>(m * n == 0 ? 0 : (m - 1) * ldc + n, 3);
  const auto before = c;
  const auto bias = random_vector<T>(n, 4), row_bias = random_vector<T>(m, 5);
  const auto base = random_vector<T>(m * n == 0 ? 0 : (m - 1) * base_row + n, 6);
  Epilogue<T> e;
  if (terms.bias) e.bias = bias.data();
  if (terms.row_bias) e.row_bias = row_bias.data();
  if (terms.base) e.base = base.data(), e.base_row = base_row;
  e.accumulate = terms.accumulate;
  gemm<T>(m, n, k, a.view, b.view, c.data(), ldc, e);

  if (n == 0) return 0;

  double worst = 0;
  for (Size i = 0; i < m; ++i) {
    for (Size j = 0; j < (i + 1 < m ? ldc : n); ++j) {
      const auto at = static_cast<std::size_t>(i * ldc + j);
      if (j >= n) {  // between the rows of C nothing may change
        if (c[at] != before[at]) return std::numeric_limits<double>::infinity();
        continue;
      }
      double sum = 0, size = 1;
      for (Size p = 0; p < k; ++p) {
        sum += a.at(i, p) * b.at(p, j);
        size += std::abs(a.at(i, p) * b.at(p, j));
      }
      if (terms.bias) sum += static_cast<double>(bias[static_cast<std::size_t>(j)]);
      if (terms.row_bias) sum += static_cast<double>(row_bias[static_cast<std::size_t>(i)]);
      if (terms.base) sum += static_cast<double>(base[static_cast<std::size_t>(i * base_row + j)]);
      if (terms.accumulate) sum += static_cast<double>(before[at]);
      const double error = std::abs(sum - static_cast<double>(c[at])) / size;
      worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
    }
  }
  return worst / static_cast<double>(std::numeric_limits<T>::epsilon());
}

// Blocked sums stay well under this; a wrong element, tile or term is off by millions.
constexpr double gemm_roundings = 8;

template <class T>
void check_all(Size m, Size n, Size k) {
  for (Layout la : {Layout::rows, Layout::columns, Layout::gaps}) {
    for (Layout lb : {Layout::rows, Layout::columns, Layout::gaps}) {
      const double error = error_of<T>(m, n, k, la, lb);
      CAPTURE(m, n, k, static_cast<int>(la), static_cast<int>(lb));
      CHECK(error < gemm_roundings);
    }
  }
}

}  // namespace

TEST_CASE("gemm: every size around the tiles, every layout", "[kernels][gemm]") {
  for (Isa isa : isas()) {
    const Setting setting(isa);
    CAPTURE(name(isa));
    for (Size m : {0, 1, 2, 3, 5, 13, 14, 15, 29}) {
      for (Size n : {0, 1, 2, 3, 9, 16, 17, 32, 33}) {
        for (Size k : {0, 1, 4, 7, 67}) {
          check_all<float>(m, n, k);
          check_all<double>(m, n, k);
        }
      }
    }
  }
}

TEST_CASE("gemm: products that are cut into blocks", "[kernels][gemm]") {
  struct Sizes {
    Size m, n, k;
  };
  for (Isa isa : isas()) {
    const Setting setting(isa);
    CAPTURE(name(isa));
    for (Sizes s : {Sizes{131, 201, 517},
                    {120, 130, 70},
                    {900, 30, 90},
                    {3, 2000, 300},
                    {2000, 3, 300},
                    {1, 700, 901},
                    {2, 1500, 130},
                    {1037, 3, 260},
                    {5, 33, 530},
                    {67, 11, 601},
                    {16, 19, 515},
                    {5, 1030, 270},
                    {4, 70, 300},
                    {3200, 40, 20},
                    {40, 4200, 31}}) {
      check_all<float>(s.m, s.n, s.k);
      CHECK(error_of<double>(s.m, s.n, s.k, Layout::rows, Layout::columns) < gemm_roundings);
    }
  }
}

TEST_CASE("gemm: the epilogue's terms, alone and together", "[kernels][gemm]") {
  const std::vector<Terms> all = {
      {.bias = true}, {.row_bias = true}, {.base = true}, {.accumulate = true}, {true, true, true, true}};
  struct Sizes {
    Size m, n, k;
  };
  for (Isa isa : isas()) {
    const Setting setting(isa);
    CAPTURE(name(isa));
    for (Sizes s :
         {Sizes{4, 2, 2}, {32, 64, 64}, {15, 33, 0}, {1, 50, 40}, {50, 1, 40}, {120, 130, 300}, {250, 33, 200}}) {
      for (std::size_t i = 0; i < all.size(); ++i) {
        CAPTURE(s.m, s.n, s.k, i);
        CHECK(error_of<float>(s.m, s.n, s.k, Layout::rows, Layout::columns, all[i]) < gemm_roundings);
        CHECK(error_of<double>(s.m, s.n, s.k, Layout::columns, Layout::rows, all[i]) < gemm_roundings);
      }
    }
  }
}

TEST_CASE("gemm: base + A B has the bits of a separate addition, in place too", "[kernels][gemm]") {
  for (Isa isa : isas()) {
    const Setting setting(isa);
    for (Size k : {5, 64, 700}) {
      const Size m = 130, n = 70;
      const Matrix<float> a(m, k, Layout::rows, 1), b(k, n, Layout::columns, 2);
      const auto base = random_vector<float>(m * n, 3);
      std::vector<float> product(base.size()), onto(base.size()), in_place = base;
      gemm<float>(m, n, k, a.view, b.view, product.data(), n);
      gemm<float>(m, n, k, a.view, b.view, onto.data(), n, {.base = base.data(), .base_row = n});
      for (std::size_t i = 0; i < base.size(); ++i) product[i] += base[i];
      CHECK(onto == product);
      if (k > 256) continue;
      gemm<float>(m, n, k, a.view, b.view, in_place.data(), n, {.base = in_place.data(), .base_row = n});
      CHECK(in_place == product);
    }
  }
}

TEST_CASE("gemm: NaN and infinity reach their row, and no other", "[kernels][gemm]") {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  for (Isa isa : isas()) {
    const Setting setting(isa);
    for (Size n : {1, 5, 16, 40}) {
      const Size m = 17, k = 21;
      Matrix<float> a(m, k, Layout::rows, 1);
      const std::vector<float> b(static_cast<std::size_t>(k * n), 1.0F);
      a.values[3 * 21 + 4] = nan;
      a.values[16 * 21 + 20] = inf;
      std::vector<float> c(static_cast<std::size_t>(m * n));
      gemm<float>(m, n, k, a.view, {b.data(), n, 1}, c.data(), n);
      for (Size i = 0; i < m; ++i) {
        for (Size j = 0; j < n; ++j) {
          const float x = c[static_cast<std::size_t>(i * n + j)];
          CAPTURE(name(isa), i, j, x);
          CHECK((i == 3 ? std::isnan(x) : i == 16 ? x == inf : std::isfinite(x)));
        }
      }
    }
  }
}

TEST_CASE("gemm: the same bits on every number of threads", "[kernels][gemm][tsan]") {
  struct Sizes {
    Size m, n, k;
    Layout of_b = Layout::columns;
  };
  for (Isa isa : isas()) {
    for (Sizes s : {Sizes{150, 700, 530},
                    {3000, 20, 50},
                    {120, 120, 120},
                    {20, 3000, 400},
                    {1, 3000, 900},
                    {900, 500, 300},
                    {700, 9, 530},
                    {3, 3000, 300, Layout::rows}}) {
      const Matrix<float> a(s.m, s.k, Layout::rows, 1), b(s.k, s.n, s.of_b, 2);
      std::vector<float> expected;
      for (int threads : {1, 2, 3, 8}) {
        const Setting setting(isa, threads);
        std::vector<float> c(static_cast<std::size_t>(s.m * s.n));
        gemm<float>(s.m, s.n, s.k, a.view, b.view, c.data(), s.n);
        if (threads == 1) expected = c;
        CAPTURE(name(isa), threads, s.m, s.n, s.k);
        CHECK(c == expected);
      }
    }
  }
}

TEST_CASE("gemm: what is upcoming changes nothing, and is taken line by line", "[kernels][gemm]") {
  std::vector<float> memory(64 * 64);
  const Upcoming all(memory.data(), memory.size() * sizeof(float));
  CHECK(Upcoming(memory.data(), fetch_most + 1).take(1).lines == 0);
  CHECK(Upcoming().take(8).first == nullptr);
  std::int64_t lines = 0;
  const auto* next = reinterpret_cast<const std::byte*>(memory.data());
  for (std::int64_t i = 0; i < 3; ++i) {
    auto part = all.part(i, 3);
    for (auto run = part.take(50); run.lines > 0; run = part.take(50)) {
      CHECK(run.first == next);
      next += run.lines * Upcoming::line;
      lines += run.lines;
    }
  }
  CHECK(lines == 256);

  for (Isa isa : isas()) {
    for (const int threads : {1, 3}) {
      const Setting setting(isa, threads);
      for (const auto& [m, n, k] : {std::array<Size, 3>{32, 64, 64}, {23, 70, 31}, {64, 300, 100}, {9, 5, 300}}) {
        CAPTURE(name(isa), threads, m, n, k);
        const auto a = random_vector<float>(m * k, 1), b = random_vector<float>(k * n, 2);
        std::vector<float> plain(static_cast<std::size_t>(m * n)), asking = plain;
        gemm<float>(m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, plain.data(), n);
        gemm<float>(m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, asking.data(), n, {}, all);
        CHECK(plain == asking);
      }
    }
  }
}

TEST_CASE("gemm_batched: each product as if alone, operands shared by stride 0", "[kernels][gemm]") {
  for (int threads : {1, 3}) {
    const Setting setting(isa(), threads);
    for (Size size : {3, 90}) {
      const Size batch = 5, m = size, n = size + 1, k = size + 2;
      const auto a = random_vector<float>(batch * m * k, 1), b = random_vector<float>(k * n, 2);
      auto c = random_vector<float>(batch * m * n, 3), expected = c;
      gemm_batched<float>(batch, m, n, k, {a.data(), k, 1}, m * k, {b.data(), n, 1}, 0, c.data(), n, m * n, true);
      for (Size i = 0; i < batch; ++i) {
        gemm<float>(m, n, k, {a.data() + i * m * k, k, 1}, {b.data(), n, 1}, expected.data() + i * m * n, n,
                    {.accumulate = true});
      }
      CHECK(c == expected);
    }
  }
}

TEST_CASE("gemm: bfloat16 is summed in float and rounded once", "[kernels][gemm]") {
  const auto layouts = {Layout::rows, Layout::columns, Layout::gaps};
  // Rounding once is off by half of an epsilon of the result at most, which is less than the sum of sizes by one.
  const auto rounded_once = [&](Size m, Size n, Size k, Terms terms = {}) {
    for (Layout la : layouts) {
      for (Layout lb : layouts) {
        CAPTURE(m, n, k, static_cast<int>(la), static_cast<int>(lb));
        CHECK(error_of<bfloat16>(m, n, k, la, lb, terms) < 0.5);
      }
    }
  };
  for (Isa i : isas()) {
    for (int threads : {1, 3}) {
      const Setting setting(i, threads);
      CAPTURE(i, threads);
      for (Size m : {1, 2, 3, 5, 13, 17}) {
        for (Size k : {0, 1, 2, 3, 7, 8, 65, 130}) {
          rounded_once(m, 33, k);
          rounded_once(40, m, k);
        }
      }
      rounded_once(37, 50, 601, {.bias = true, .row_bias = true, .base = true, .accumulate = true});
      rounded_once(6, 70, 1031);
    }
  }
}

TEST_CASE("gemm: bfloat16 with infinities and NaN", "[kernels][gemm]") {
  constexpr float infinite = std::numeric_limits<float>::infinity();
  for (Isa i : isas()) {
    const Setting setting(i);
    CAPTURE(i);
    for (Size m : {1, 20}) {
      const Size n = 40, k = 70;
      std::vector<bfloat16> a(static_cast<std::size_t>(m * k), 1.0f), b(static_cast<std::size_t>(k * n), 2.0f),
          c(static_cast<std::size_t>(m * n));
      b[3] = infinite, b[4] = -infinite, b[5] = std::numeric_limits<float>::quiet_NaN();
      b[6] = infinite, b[static_cast<std::size_t>(n) + 6] = -infinite;
      gemm<bfloat16>(m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, c.data(), n);
      for (Size r = 0; r < m; ++r) {
        const bfloat16* row = c.data() + r * n;
        CHECK((row[2] == 140.0f && row[3] == infinite && row[4] == -infinite && row[7] == 140.0f));
        CHECK((std::isnan(static_cast<float>(row[5])) && std::isnan(static_cast<float>(row[6]))));
      }
    }
  }
}

TEST_CASE("gemm: bfloat16 widened while it is packed, where nothing multiplies its pairs", "[kernels][gemm]") {
  const auto product = [](const GemmLoops<bfloat16, float>& loops, Layout la, Layout lb) {
    const Size m = 31, n = 67, k = 141;
    const Matrix<bfloat16> a(m, k, la, 1), b(k, n, lb, 2);
    std::vector<float> c(static_cast<std::size_t>(m * n));
    kernels::detail::gemm_blocked<bfloat16, float>(loops, m, n, k, a.view, b.view, c.data(), n, {});
    double worst = 0;
    for (Size i = 0; i < m; ++i) {
      for (Size j = 0; j < n; ++j) {
        double sum = 0;
        for (Size p = 0; p < k; ++p) sum += a.at(i, p) * b.at(p, j);
        worst = std::max(worst, std::abs(sum - static_cast<double>(c[static_cast<std::size_t>(i * n + j)])));
      }
    }
    return worst;
  };
  const GemmLoops<bfloat16, float>* const all[] = {
      &portable::gemm_loops<bfloat16, float>, &avx2::gemm_loops<bfloat16, float>, &avx512::gemm_loops<bfloat16, float>};
  for (Isa i : isas())
    for (Layout la : {Layout::rows, Layout::columns, Layout::gaps})
      for (Layout lb : {Layout::rows, Layout::columns, Layout::gaps})
        CHECK(product(*all[static_cast<int>(i)], la, lb) < 1e-4);
}

TEST_CASE("gemm: dual numbers follow the product rule, nested ones too", "[kernels][gemm]") {
  const Size m = 5, n = 19, k = 7;
  const auto x = random_vector<double>(m * k, 1), dx = random_vector<double>(m * k, 2);
  const auto y = random_vector<double>(k * n, 3), dy = random_vector<double>(k * n, 4);
  using Dual = dual<double>;
  using Nested = dual<Dual>;
  std::vector<Dual> a, b, c(static_cast<std::size_t>(m * n), Dual(1.0));
  std::vector<Nested> aa, bb, cc(c.size());
  for (std::size_t i = 0; i < x.size(); ++i) a.push_back({x[i], dx[i]}), aa.push_back({a[i], Dual(0.5)});
  for (std::size_t i = 0; i < y.size(); ++i) b.push_back({y[i], dy[i]}), bb.push_back({b[i], Dual(0.25)});
  gemm<Dual>(m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, c.data(), n, {.accumulate = true});
  gemm<Nested>(m, n, k, {aa.data(), k, 1}, {bb.data(), n, 1}, cc.data(), n);
  for (Size i = 0; i < m; ++i) {
    for (Size j = 0; j < n; ++j) {
      Dual sum(1.0);
      Nested nested;
      for (Size p = 0; p < k; ++p) {
        const auto l = static_cast<std::size_t>(i * k + p), r = static_cast<std::size_t>(p * n + j);
        sum += a[l] * b[r];
        nested += aa[l] * bb[r];
      }
      const auto at = static_cast<std::size_t>(i * n + j);
      CHECK(std::abs(c[at].value - sum.value) < 1e-12);
      CHECK(std::abs(c[at].eps - sum.eps) < 1e-12);
      CHECK(std::abs(cc[at].value.eps - nested.value.eps) < 1e-12);
      CHECK(std::abs(cc[at].eps.eps - nested.eps.eps) < 1e-12);
    }
  }
}

TEST_CASE("gemm: integers are exact", "[kernels][gemm]") {
  const Size m = 3, n = 4, k = 5;
  std::vector<std::int64_t> a(15), b(20), c(12);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = std::int64_t{1} << (i * 2);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<std::int64_t>(i) - 9;
  gemm<std::int64_t>(m, n, k, {a.data(), k, 1}, {b.data(), n, 1}, c.data(), n);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      std::int64_t sum = 0;
      for (std::size_t p = 0; p < 5; ++p) sum += a[i * 5 + p] * b[p * 4 + j];
      CHECK(c[i * 4 + j] == sum);
    }
  }
}

TEST_CASE("SHUNT_ISA: a name that cannot be met is an error that lists the choices", "[kernels][isa]") {
  REQUIRE(setenv("SHUNT_ISA", "sse9", 1) == 0);
  std::string said;
  try {
    detect_isa();
  } catch (const ValueError& error) { said = error.what(); }
  CHECK(said.find("sse9") != std::string::npos);
  CHECK(said.find("portable") != std::string::npos);
  REQUIRE(setenv("SHUNT_ISA", "portable", 1) == 0);
  CHECK(detect_isa() == Isa::portable);
  REQUIRE(unsetenv("SHUNT_ISA") == 0);
  CHECK(runs(detect_isa()));
}
