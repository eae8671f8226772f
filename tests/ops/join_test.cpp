// cat and stack, split and chunk.
#include "shunt/ops/join.hpp"

#include "shunt/core/pool.hpp"
#include "shunt/ops/pointwise.hpp"
#include "shunt/ops/reduce.hpp"
#include "support/catch.hpp"
#include "support/check_op.hpp"
#include "support/naive.hpp"

using namespace shunt;
using D = Tensor<double>;

TEST_CASE("cat: values and gradients", "[ops][join]") {
  const int dim = GENERATE(0, 1, -1);
  const auto size = [&](std::int64_t n) {
    Shape s{2, 3, 2};
    s[dim < 0 ? dim + 3 : dim] = n;
    return s;
  };
  const auto oracle = [&](const std::vector<D>& x) {
    const int d = dim < 0 ? dim + 3 : dim;
    return naive::tensor(naive::make(size(8), [&](Shape i) {
      std::size_t part = 0;
      while (i[d] >= x[part].size(d)) i[d] -= x[part++].size(d);
      return x[part].at(i);
    }));
  };
  const std::vector<Shape> shapes{size(3), size(0), size(1), size(4)};
  check_op("cat", [&](const auto& x) { return cat(x, dim); }, shapes, {.oracle = oracle});
}

TEST_CASE("stack: values and gradients", "[ops][join]") {
  const int dim = GENERATE(0, 1, 2, -1);
  const auto oracle = [&](const std::vector<D>& x) {
    const int d = dim < 0 ? 2 : dim;
    Shape shape{2, 3};
    shape.insert(d, 3);
    return naive::tensor(naive::make(shape, [&](Shape i) {
      const auto part = static_cast<std::size_t>(i[d]);
      i.erase(d);
      return x[part].at(i);
    }));
  };
  check_op("stack", [&](const auto& x) { return stack(x, dim); }, {{2, 3}, {2, 3}, {2, 3}}, {.oracle = oracle});
}

TEST_CASE("split, chunk: pieces come back together", "[ops][join]") {
  const auto x = randn<double>({3, 7, 2});
  const int dim = GENERATE(0, 1, 2, -2);
  for (std::int64_t size : {1, 2, 3, 7, 10}) {
    CHECK(cat(split(x, size, dim), dim).to_vector() == x.to_vector());
    const auto parts = chunk(x, size, dim);
    CHECK(static_cast<std::int64_t>(parts.size()) <= size);
    CHECK(cat(parts, dim).to_vector() == x.to_vector());
    CHECK(parts[0].data() == x.data());
  }
}

TEST_CASE("split: how many pieces there are", "[ops][join]") {
  const auto sizes = [](const std::vector<Tensor<float>>& parts) {
    std::vector<std::int64_t> out;
    for (const auto& p : parts) out.push_back(p.size(0));
    return out;
  };
  using V = std::vector<std::int64_t>;
  const auto x = Tensor<float>::empty({7, 2}), none = Tensor<float>::empty({0, 2});
  CHECK(sizes(x.split(3)) == V{3, 3, 1});
  CHECK(sizes(split(x, {2, 0, 5})) == V{2, 0, 5});
  CHECK(sizes(x.chunk(3)) == V{3, 3, 1});
  CHECK(sizes(x.chunk(5)) == V{2, 2, 2, 1});
  CHECK(sizes(x.chunk(9)) == V{1, 1, 1, 1, 1, 1, 1});
  CHECK(sizes(none.split(3)) == V{0});
  CHECK(sizes(none.split(0)) == V{0});
  CHECK(sizes(none.chunk(3)) == V{0, 0, 0});
}

TEST_CASE("split: gradients of some pieces, and of all", "[ops][join]") {
  check_op("pieces", [](const auto& x) { return split(x[0], {2, 1, 2}, 1)[2] * split(x[0], 2, 1)[0]; }, {{2, 5, 3}});
  check_op("all pieces", [](const auto& x) { return cat(chunk(x[0], 3, -1), 0); }, {{2, 6}});
}

TEST_CASE("split: many small pieces cost backward one buffer", "[ops][join]") {
  const auto acquired = [](std::int64_t pieces) {
    const auto x = randn<float>({4096, 4}).requires_grad();
    Tensor<float> total;
    for (const auto& p : chunk(x, pieces)) total = total.defined() ? total + p.sum() : p.sum();
    reset_peak_memory();
    const auto before = memory_stats().live;
    total.backward();
    return memory_stats().peak - before;
  };
  const auto few = acquired(2), many = acquired(512);
  const auto whole = static_cast<std::int64_t>(4096 * 4 * sizeof(float));
  CHECK(few < 2 * whole);
  CHECK(many < 2 * whole);
}

TEST_CASE("cat, stack: integers, booleans, braces", "[ops][join]") {
  const auto a = Tensor<std::int64_t>::empty({2});
  a.data()[0] = 3, a.data()[1] = 4;
  CHECK(cat({a, a}).to_vector() == std::vector<std::int64_t>{3, 4, 3, 4});
  CHECK(stack({a, a}, 1).to_vector() == std::vector<std::int64_t>{3, 3, 4, 4});
  CHECK(stack({a.to<bool>()}).shape() == Shape{1, 2});
  CHECK(cat({Tensor<float>::empty({0, 3}), Tensor<float>::empty({0, 3})}, 0).shape() == Shape{0, 3});
}

TEST_CASE("joining: errors", "[ops][join]") {
  const auto x = Tensor<float>::empty({2, 3}), y = Tensor<float>::empty({2, 4});
  CHECK_THROWS_WITH(cat({x, y}, 0), Catch::Contains("cat") && Catch::Contains("(2, 3)") && Catch::Contains("(2, 4)"));
  CHECK_THROWS_AS(cat({x, x.flatten()}, 0), ShapeError);
  CHECK_THROWS_AS(cat({x}, 2), IndexError);
  CHECK_THROWS_AS(cat(std::vector<Tensor<float>>{}), ValueError);
  CHECK_THROWS_AS(cat({Tensor<float>::empty({})}), ShapeError);
  CHECK_THROWS_WITH(stack({x, y}), Catch::Contains("stack") && Catch::Contains("(2, 4)"));
  CHECK_THROWS_AS(stack({x}, 3), IndexError);
  CHECK_THROWS_AS(stack(std::vector<Tensor<float>>{}), ValueError);
  CHECK_THROWS_AS(split(x, {1, 1}, 1), ShapeError);
  CHECK_THROWS_AS(split(x, {4, -1}, 1), ValueError);
  CHECK_THROWS_AS(x.split(0), ValueError);
  CHECK_THROWS_AS(x.chunk(0), ValueError);
}
