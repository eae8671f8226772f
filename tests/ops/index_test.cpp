// index_select, gather, scatter_add and embedding.
#include "shunt/ops/index.hpp"

#include "shunt/ops/inplace.hpp"
#include "shunt/ops/reduce.hpp"
#include "support/catch.hpp"
#include "support/check_op.hpp"
#include "support/naive.hpp"

using namespace shunt;
using D = Tensor<double>;
using Ids = Tensor<std::int64_t>;

namespace {

Ids ids(const std::vector<std::int64_t>& values, const Shape& shape) { return from_vector(values, shape); }
Ids ids(const std::vector<std::int64_t>& values) { return from_vector(values); }

/// `index` in a layout that is not dense.
Ids strided(const Ids& index) {
  return index.rank() > 1 ? index.transpose(0, -1).contiguous().transpose(0, -1) : index;
}

}  // namespace

TEST_CASE("index_select: values and gradients", "[ops][index]") {
  const int dim = GENERATE(0, 1, -1);
  const auto index = ids({2, 0, 2, 2, 1});
  const auto oracle = [&](const std::vector<D>& x) {
    const int d = dim < 0 ? 2 : dim;
    Shape shape = x[0].shape();
    shape[d] = 5;
    return naive::tensor(naive::make(shape, [&](Shape i) {
      i[d] = index.at({i[d]});
      return x[0].at(i);
    }));
  };
  check_op("index_select", [&](const auto& x) { return index_select(x[0], dim, index); }, {{3, 4, 3}},
           {.oracle = oracle});
  check_op("index_select", [&](const auto& x) { return x[0].index_select(dim, ids({})); }, {{3, 4, 3}});
}

TEST_CASE("gather: values and gradients", "[ops][index]") {
  const int dim = GENERATE(0, 1, -1);
  manual_seed(3);
  const Shape shape = dim == 0 ? Shape{5, 2, 3} : dim == 1 ? Shape{2, 5, 3} : Shape{2, 2, 5};
  const auto index = GENERATE(false, true) ? strided(randint(0, 3, shape)) : randint(0, 3, shape);
  const auto oracle = [&](const std::vector<D>& x) {
    const int d = dim < 0 ? 2 : dim;
    return naive::tensor(naive::make(shape, [&](Shape i) {
      const auto at = index.at(i);
      i[d] = at;
      return x[0].at(i);
    }));
  };
  check_op("gather", [&](const auto& x) { return gather(x[0], dim, index); }, {{3, 3, 3}}, {.oracle = oracle});
}

TEST_CASE("scatter_add: values and gradients", "[ops][index]") {
  const int dim = GENERATE(0, 1, -1);
  manual_seed(4);
  const Shape shape = dim == 0 ? Shape{5, 2, 3} : dim == 1 ? Shape{2, 5, 3} : Shape{2, 2, 5};
  const auto index = GENERATE(false, true) ? strided(randint(0, 3, shape)) : randint(0, 3, shape);
  const auto oracle = [&](const std::vector<D>& x) {
    auto y = naive::of(x[0]);
    naive::each(shape, [&](const Shape& i) {
      Shape to = i;
      to[dim < 0 ? 2 : dim] = index.at(i);
      y.at(to) += x[1].at(i);
    });
    return naive::tensor(y);
  };
  const auto op = [&](const auto& x) { return scatter_add(x[0], dim, index, x[1]); };
  check_op("scatter_add", op, {{3, 3, 3}, shape}, {.oracle = oracle});
  Shape larger = shape;
  for (auto& n : larger) ++n;  // what the index does not cover is not added, and gets no gradient
  check_op("scatter_add", op, {{3, 3, 3}, larger}, {.oracle = oracle});
}

TEST_CASE("gather, scatter_add: sizes that are cut for threads, every dimension", "[ops][index]") {
  const int dim = GENERATE(0, 1, 2);
  Generator random(8);
  const auto x = randn<double>({40, 50, 60}, random), g = randn<double>({40, 50, 60}, random);
  const auto index = randint(0, 40, {40, 50, 60}, random);
  const auto a = x.clone().requires_grad();
  const auto y = gather(a, dim, index);
  y.backward(g);
  auto wanted = naive::make(x.shape(), [](const Shape&) { return 0.; });
  std::int64_t wrong = 0;
  naive::each(x.shape(), [&](Shape i) {
    const double got = y.at(i), upstream = g.at(i);
    i[dim] = index.at(i);
    wrong += got != x.at(i);
    wanted.at(i) += upstream;
  });
  CHECK(wrong == 0);
  CHECK(a.grad().to_vector() == wanted.values);
}

TEST_CASE("embedding: values and gradients", "[ops][index]") {
  const auto index = ids({1, 4, 1, 0, 2, 4}, {2, 3});
  const auto oracle = [&](const std::vector<D>& x) {
    return naive::tensor(naive::make({2, 3, 3}, [&](const Shape& i) {
      return x[0].at({index.at({i[0], i[1]}), i[2]});
    }));
  };
  check_op("embedding", [&](const auto& x) { return embedding(index, x[0]); }, {{5, 3}}, {.oracle = oracle});
  check_op("embedding", [&](const auto& x) { return embedding(strided(index), x[0]); }, {{5, 3}}, {.oracle = oracle});
  CHECK(embedding(ids({}, {0, 2}), zeros({5, 3})).shape() == Shape{0, 2, 3});
  CHECK(embedding(full<std::int64_t>({}, 2), zeros({5, 3})).shape() == Shape{3});
}

TEST_CASE("embedding: the padding row gets no gradient, also where others add to it", "[ops][index]") {
  const int padding = GENERATE(1, -4);
  const auto w = ones<double>({5, 2}).requires_grad();
  const auto index = ids({1, 4, 1, 0});
  const auto y = embedding(index, w, {.padding_idx = padding});
  CHECK(y.sum().item() == 8);  // its value is read like any other
  (y.sum() + (w * 3).sum()).backward();
  CHECK(w.grad().to_vector() == std::vector<double>{4, 4, 3, 3, 3, 3, 3, 3, 4, 4});
}

TEST_CASE("index gradients: the same bits for any number of threads", "[ops][index][tsan]") {
  const int before = num_threads();
  manual_seed(1);
  const auto index = randint(0, 7, {3000}), table = randint(0, 50, {40, 3000});
  const auto w = randn({7, 300}), x = randn({50, 3000});
  const auto g = randn({3000, 300}), h = randn({40, 3000});
  std::vector<float> first, second;
  for (int threads : {1, 2, 5}) {
    set_num_threads(threads);
    const auto a = w.clone().requires_grad(), b = x.clone().requires_grad();
    embedding(index, a).backward(g);
    gather(b, 0, table).backward(h);
    if (threads == 1) first = a.grad().to_vector(), second = b.grad().to_vector();
    CHECK(a.grad().to_vector() == first);
    CHECK(b.grad().to_vector() == second);
  }
  set_num_threads(before);
  std::vector<float> wanted(7 * 300, 0.f);  // rows in the order of the indices
  for (std::int64_t i = 0; i < 3000; ++i)
    for (std::int64_t c = 0; c < 300; ++c) wanted[static_cast<std::size_t>(index.at({i}) * 300 + c)] += g.at({i, c});
  CHECK(first == wanted);
}

TEST_CASE("index gradients: bfloat16 is summed in float and rounded once", "[ops][index]") {
  const auto w = zeros<bfloat16>({1, 2}).requires_grad();
  embedding(zeros<std::int64_t>({1000}), w).sum().backward();
  CHECK(static_cast<float>(w.grad().at({0, 0})) == 1000);  // 256 + 1 would stay 256 in bfloat16
  const auto v = zeros<bfloat16>({1}).requires_grad();
  gather(v, 0, zeros<std::int64_t>({1000})).sum().backward();
  CHECK(static_cast<float>(v.grad().item()) == 1000);
}

TEST_CASE("indexing: integers, scalars and no elements", "[ops][index]") {
  const auto x = ids({5, 6, 7});
  CHECK(index_select(x, 0, ids({2, 2, 0})).to_vector() == std::vector<std::int64_t>{7, 7, 5});
  CHECK(scatter_add(x, 0, ids({1, 1}), x).to_vector() == std::vector<std::int64_t>{5, 17, 7});
  CHECK(gather(full<float>({}, 3), 0, full<std::int64_t>({}, 0)).item() == 3);
  CHECK(gather(zeros({2, 0}), 0, zeros<std::int64_t>({5, 0})).shape() == Shape{5, 0});
  CHECK(index_select(zeros({2, 0}), 0, ids({1, 1, 0})).shape() == Shape{3, 0});
  CHECK(scatter_add(zeros({0, 3}), 0, zeros<std::int64_t>({0, 3}), zeros({0, 3})).shape() == Shape{0, 3});
}

TEST_CASE("indexing: an index changed before backward is noticed", "[ops][index]") {
  const auto index = ids({0, 1});
  const auto w = zeros({2, 2}).requires_grad();
  const auto y = embedding(index, w).sum();
  index.fill_(1);
  CHECK_THROWS_WITH(y.backward(), Catch::Contains("embedding") && Catch::Contains("fill_"));
}

TEST_CASE("indexing: errors name the value", "[ops][index]") {
  const auto x = zeros({3, 4});
  CHECK_THROWS_WITH(index_select(x, 0, ids({0, 3})), Catch::Contains("index_select") && Catch::Contains("3"));
  CHECK_THROWS_AS(index_select(x, 1, ids({-1})), IndexError);
  CHECK_THROWS_AS(index_select(x, 0, ids({0, 1}, {1, 2})), ShapeError);
  CHECK_THROWS_AS(index_select(x, 2, ids({0})), IndexError);
  CHECK_THROWS_WITH(embedding(ids({7}), x), Catch::Contains("embedding") && Catch::Contains("7"));
  CHECK_THROWS_AS(embedding(ids({0}), zeros({3})), ShapeError);
  CHECK_THROWS_AS(embedding(ids({0}), x, {.padding_idx = 3}), IndexError);
  CHECK_THROWS_WITH(gather(x, 0, ids({9}, {1, 1})), Catch::Contains("gather") && Catch::Contains("9"));
  CHECK_THROWS_AS(gather(x, 0, ids({0})), ShapeError);
  CHECK_THROWS_AS(gather(x, 0, zeros<std::int64_t>({3, 5})), ShapeError);
  CHECK_THROWS_AS(scatter_add(x, 0, zeros<std::int64_t>({3, 4}), zeros({2, 4})), ShapeError);
  CHECK_THROWS_AS(scatter_add(x, 0, zeros<std::int64_t>({3, 5}), zeros({3, 5})), ShapeError);
  CHECK_THROWS_AS(scatter_add(x, 0, full<std::int64_t>({1, 1}, 3), x), IndexError);
}
