// Views, broadcasting and reductions over them: random chains against what they mean index by index.
#include "shunt/ops/view.hpp"

#include <random>

#include "shunt/ops/inplace.hpp"
#include "shunt/ops/pointwise.hpp"
#include "shunt/ops/reduce.hpp"
#include "support/catch.hpp"
#include "support/check_op.hpp"
#include "support/naive.hpp"

using namespace shunt;
using D = Tensor<double>;

namespace {

/// A chain of views of a leaf, and beside it, made by definition, which element of the leaf stands where.
class Chain {
 public:
  Chain(unsigned seed, const Shape& shape) : random_(seed), leaf(randn<double>(shape).requires_grad()), view(leaf) {
    double next = 0;
    source = naive::make(shape, [&](const Shape&) { return next++; });
  }

  void step() {
    const int rank = view.rank(), d = rank > 0 ? below(rank) : 0;
    switch (below(7)) {
      case 0: return rank > 1 ? transposed(d, below(rank)) : void();
      case 1: return rank > 0 ? sliced(d) : void();
      case 2: return rank > 0 && view.size(d) > 0 ? selected(d) : void();
      case 3: return rank < 5 ? unsqueezed(below(rank + 1)) : void();
      case 4: return expanded();
      case 5: return reshaped();
      default: return permuted();
    }
  }
  int below(std::int64_t n) { return static_cast<int>(std::uniform_int_distribution<std::int64_t>(0, n - 1)(random_)); }

  /// The leaf's gradient, if the view's is g: each element goes where it came from.
  naive::Array gradient(const naive::Array& g) const {
    naive::Array out{leaf.shape(), std::vector<double>(static_cast<std::size_t>(leaf.numel()), 0.)};
    for (std::size_t i = 0; i < g.values.size(); ++i)
      out.values[static_cast<std::size_t>(source.values[i])] += g.values[i];
    return out;
  }
  /// The view's values, by definition.
  naive::Array values() const {
    const auto all = leaf.to_vector();
    return naive::make(source.shape, [&](const Shape& i) { return all[static_cast<std::size_t>(source.at(i))]; });
  }

 private:
  std::mt19937 random_;

 public:
  D leaf, view;
  naive::Array source;

 private:
  /// The view is now y, whose element at an index is the one before at from(index).
  template <class F>
  void becomes(const D& y, const Shape& shape, const F& from) {
    view = y;
    const auto before = std::exchange(source, {});
    source = naive::make(shape, [&](const Shape& i) { return before.at(from(i)); });
  }
  void transposed(int a, int b) {
    Shape shape = view.shape();
    std::swap(shape[a], shape[b]);
    becomes(view.transpose(a - view.rank(), b), shape, [&](Shape i) {
      std::swap(i[a], i[b]);
      return i;
    });
  }
  void permuted() {
    std::vector<std::int64_t> order;
    for (int d = 0; d < view.rank(); ++d) order.push_back(d);
    std::shuffle(order.begin(), order.end(), random_);
    Shape shape;
    for (auto d : order) shape.push_back(view.size(d));
    becomes(view.permute(order), shape, [&](const Shape& i) {
      Shape from = i;
      for (int d = 0; d < i.rank(); ++d) from[static_cast<int>(order[static_cast<std::size_t>(d)])] = i[d];
      return from;
    });
  }
  void sliced(int d) {
    const auto n = view.size(d), begin = std::int64_t{below(n + 1)}, end = begin + below(n - begin + 1);
    const std::int64_t step = 1 + below(3);
    Shape shape = view.shape();
    shape[d] = 0;
    for (auto i = begin; i < end; i += step) ++shape[d];
    becomes(view.slice(d, begin == n ? begin : begin - n, end, step), shape, [&](Shape i) {
      i[d] = begin + i[d] * step;
      return i;
    });
  }
  void selected(int d) {
    const auto at = std::int64_t{below(view.size(d))};
    Shape shape = view.shape();
    shape.erase(d);
    becomes(view.select(d, at), shape, [&](Shape i) {
      i.insert(d, at);
      return i;
    });
  }
  void unsqueezed(int d) {
    Shape shape = view.shape();
    shape.insert(d, 1);
    becomes(view.unsqueeze(d), shape, [&](Shape i) {
      i.erase(d);
      return i;
    });
  }
  void expanded() {
    Shape shape = view.shape();
    for (auto& n : shape)
      if (n == 1 && below(2)) n = below(4);
    if (shape.rank() < 5 && below(3) == 0 && shape.numel() < 200) shape.insert(0, 2);
    const Shape before = view.shape();
    becomes(view.expand(shape), shape, [&](const Shape& i) { return naive::clipped(i, before); });
  }
  void reshaped() {
    const auto n = view.numel();
    Shape shape{n};
    if (n == 0) shape = {0, 3};
    for (std::int64_t f : {2, 3})
      if (n > 0 && shape.back() % f == 0) {
        shape[shape.rank() - 1] /= f;
        shape.insert(0, f);
      }
    Shape before = view.shape();
    becomes(view.reshape(shape), shape, [&](const Shape& i) {
      std::int64_t at = 0;
      for (int d = 0; d < i.rank(); ++d) at = at * shape[d] + i[d];
      Shape from = before;
      for (int d = before.rank() - 1; d >= 0; --d) {
        from[d] = at % before[d];
        at /= before[d];
      }
      return from;
    });
  }
};

Shape random_shape(unsigned seed) {
  std::mt19937 random(seed);
  Shape shape;
  for (auto rank = random() % 6; rank > 0; --rank) shape.push_back(std::array{0, 1, 1, 2, 3, 4, 5}[1 + random() % 6]);
  if (random() % 12 == 0 && shape.rank() > 0) shape[0] = 0;
  return shape;
}
Chain random_chain(unsigned seed) {
  Chain chain(seed, random_shape(seed));
  for (int steps = chain.below(7); steps >= 0; --steps) chain.step();
  return chain;
}

}  // namespace

TEST_CASE("views: random chains show the elements they should, and give their gradients back", "[ops][view]") {
  for (unsigned seed = 0; seed < 600; ++seed) {
    const auto chain = random_chain(seed);
    CAPTURE(seed, to_string(chain.leaf.shape()), to_string(chain.view.shape()));
    REQUIRE(chain.view.shape() == chain.source.shape);
    REQUIRE(naive::of(chain.view).values == chain.values().values);
    REQUIRE(chain.view.to_vector() == chain.values().values);
    REQUIRE(chain.view.numel() == chain.source.shape.numel());
    const auto g = randn<double>(chain.view.shape());
    chain.view.backward(g);
    const auto wanted = chain.gradient(naive::of(g)), got = naive::of(chain.leaf.grad());
    for (std::size_t i = 0; i < wanted.values.size(); ++i)
      REQUIRE(got.values[i] == Approx(wanted.values[i]).margin(1e-12));
  }
}

TEST_CASE("broadcasting: operations on random views of random shapes", "[ops][broadcast]") {
  for (unsigned seed = 0; seed < 300; ++seed) {
    auto a = random_chain(seed);
    // b is a view of a's shape, with some dimensions repeated from size one and some leading ones missing.
    Shape shape = a.view.shape();
    for (auto& n : shape)
      if (a.below(3) == 0) n = 1;
    while (shape.rank() > 0 && a.below(4) == 0) shape.erase(0);
    const auto b = randn<double>(shape).requires_grad();
    CAPTURE(seed, to_string(a.view.shape()), to_string(shape));
    const bool swapped = a.below(2) == 1;
    const auto y = swapped ? b - a.view * b : a.view - b * a.view;
    const auto va = a.values(), vb = naive::of(b);
    const auto f = [&](double p, double q) { return swapped ? q - p * q : p - q * p; };
    const auto wanted = naive::binary(va, vb, f);
    REQUIRE(y.shape() == wanted.shape);
    REQUIRE(naive::of(y).values == wanted.values);
    const auto g = randn<double>(y.shape());
    const auto vg = naive::of(g);
    y.backward(g);
    const auto slope = [&](bool of_a) {
      auto d = naive::binary(
          va, vb, [&](double p, double q) { return of_a ? (swapped ? -q : 1 - q) : (swapped ? 1 - p : -p); });
      for (std::size_t i = 0; i < d.values.size(); ++i) d.values[i] *= vg.values[i];
      return d;
    };
    const auto da = a.gradient(naive::sum_to(slope(true), va.shape)), db = naive::sum_to(slope(false), shape);
    for (std::size_t i = 0; i < da.values.size(); ++i)
      REQUIRE(naive::of(a.leaf.grad()).values[i] == Approx(da.values[i]).margin(1e-12));
    for (std::size_t i = 0; i < db.values.size(); ++i)
      REQUIRE(naive::of(b.grad()).values[i] == Approx(db.values[i]).margin(1e-12));
  }
}

TEST_CASE("reductions: over random dimensions of random views", "[ops][reduce]") {
  for (unsigned seed = 1000; seed < 1300; ++seed) {
    auto chain = random_chain(seed);
    std::vector<std::int64_t> dims;
    Shape kept = chain.view.shape();
    for (int d = 0; d < kept.rank(); ++d)
      if (chain.below(2)) {
        dims.push_back(chain.below(2) ? d : d - kept.rank());
        kept[d] = 1;
      }
    if (dims.empty())
      for (auto& n : kept) n = 1;
    const bool keepdim = chain.below(2) == 1;
    CAPTURE(seed, to_string(chain.view.shape()), to_string(kept));
    const auto y = chain.view.sum(dims, keepdim);
    const auto wanted = naive::sum_to(chain.values(), kept);
    REQUIRE(y.numel() == kept.numel());
    if (keepdim) REQUIRE(y.shape() == kept);
    const auto got = y.to_vector();
    for (std::size_t i = 0; i < got.size(); ++i) REQUIRE(got[i] == Approx(wanted.values[i]).margin(1e-12));
    const auto g = randn<double>(y.shape());
    y.backward(g);
    const naive::Array vg{kept, g.to_vector()};
    const auto spread = naive::make(chain.view.shape(), [&](const Shape& i) { return vg.at(naive::clipped(i, kept)); });
    const auto d = chain.gradient(spread);
    for (std::size_t i = 0; i < d.values.size(); ++i)
      REQUIRE(naive::of(chain.leaf.grad()).values[i] == Approx(d.values[i]).margin(1e-12));
  }
}

TEST_CASE("views: gradients", "[ops][view]") {
  check_op("reshape", [](const auto& x) { return reshape(x[0], {3, 4}); }, {{2, 6}});
  check_op("permute", [](const auto& x) { return permute(x[0], {2, 0, 1}); }, {{2, 3, 4}});
  check_op("transpose", [](const auto& x) { return transpose(x[0], -1, 0); }, {{2, 3, 4}});
  check_op("slice", [](const auto& x) { return slice(x[0], 1, 1, 5, 2); }, {{2, 5, 3}});
  check_op("select", [](const auto& x) { return select(x[0], 1, -1); }, {{2, 3, 4}});
  check_op("expand", [](const auto& x) { return expand(x[0], {2, 3, 4}); }, {{3, 1}});
  check_op("clone", [](const auto& x) { return clone(x[0]); }, {{2, 3}});
  check_op("squeeze", [](const auto& x) { return squeeze(x[0], 1) * 2; }, {{2, 1, 3}});
  check_op("flatten", [](const auto& x) { return flatten(x[0], 1); }, {{2, 2, 3}});
  check_op("slices of one tensor", [](const auto& x) { return x[0].slice(0, 0, 3) * x[0].slice(0, 1, 4) + x[0][2]; },
           {{4, 2}});
}

TEST_CASE("to: converts values and gradients", "[ops][view]") {
  const auto x = tensor({1.25, -2.5, 3}).requires_grad();
  const auto y = x.to<double>();
  y.backward(tensor<double>({1, 2, 3}));
  CHECK(y.to_vector() == std::vector<double>{1.25, -2.5, 3});
  CHECK(x.grad().to_vector() == std::vector<float>{1, 2, 3});
  CHECK(x.to<std::int64_t>().to_vector() == std::vector<std::int64_t>{1, -2, 3});
  CHECK(x.to<bool>().to_vector() == std::vector<bool>{true, true, true});
  CHECK(x.to<float>().data() == x.data());
}

TEST_CASE("views: share their elements; contiguous copies only where it must", "[ops][view]") {
  const auto x = arange(12).reshape({3, 4});
  CHECK(x.transpose(0, 1).data() == x.data());
  CHECK(x[1].data() == x.data() + 4);
  CHECK(x.slice(1, 1, 4, 2).data() == x.data() + 1);
  CHECK(x.reshape({2, 6}).data() == x.data());
  CHECK(x.transpose(0, 1).reshape({12}).data() != x.data());
  CHECK(x.contiguous().data() == x.data());
  CHECK(x.t().contiguous().to_vector() == x.t().to_vector());
  CHECK(x.squeeze(0).data() == x.data());
  CHECK(zeros({0, 3, 5}).transpose(1, 2).is_contiguous());
  CHECK(x.flatten().shape() == Shape{12});
  CHECK(arange(1).reshape({}).flatten().shape() == Shape{1});
  x[0].fill_(7);
  CHECK(x.at({0, 3}) == 7);
}

TEST_CASE("views: wrong arguments are named", "[ops][view]") {
  const auto x = zeros({2, 3});
  CHECK_THROWS_WITH(x.reshape({4, 2}),
                    Catch::Contains("reshape") && Catch::Contains("(2, 3)") && Catch::Contains("(4, 2)"));
  CHECK_THROWS_AS(x.reshape({-1, -1}), ShapeError);
  CHECK_THROWS_AS(x.reshape({-1, 4}), ShapeError);
  CHECK_THROWS_AS(zeros({0}).reshape({-1, 0}), ShapeError);
  CHECK_THROWS_AS(x.t().view({6}), ShapeError);
  CHECK_THROWS_AS(x.permute({0}), ShapeError);
  CHECK_THROWS_AS(x.permute({0, 0}), ValueError);
  CHECK_THROWS_AS(x.transpose(0, 2), IndexError);
  CHECK_THROWS_WITH(x.select(1, 3), Catch::Contains("3") && Catch::Contains("(2, 3)"));
  CHECK_THROWS_AS(x[-3], IndexError);
  CHECK_THROWS_AS(x.slice(0, 0, 2, 0), ValueError);
  CHECK_THROWS_AS(x.narrow(0, 1, 2), IndexError);
  CHECK_THROWS_AS(x.expand({2, 4}), ShapeError);
  CHECK_THROWS_AS(x.expand({3}), ShapeError);
  CHECK_THROWS_AS(x.flatten(1, 0), ValueError);
  CHECK_THROWS_AS(zeros({}).slice(0, 0, 1), ShapeError);
  CHECK_THROWS_AS(zeros({}).select(0, 0), IndexError);
  CHECK_THROWS_AS(zeros({3}).mT(), ShapeError);
  CHECK_THROWS_AS(zeros({1, 2, 3}).t(), ShapeError);
}
