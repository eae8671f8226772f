// The handle: sharing, element access, layouts that may be written.
#include "shunt/core/tensor.hpp"

#include "shunt/tensor.hpp"
#include "support/catch.hpp"
#include "support/naive.hpp"

using namespace shunt;

TEST_CASE("Tensor: a copied handle shares, clone() does not", "[core][tensor]") {
  const auto x = tensor({1, 2, 3});
  const auto same = x, other = x.clone();
  x.at({1}) = 9;
  CHECK(same.at({1}) == 9);
  CHECK(other.at({1}) == 2);
  CHECK(same.handle() == x.handle());
}

TEST_CASE("Tensor: a handle that holds nothing", "[core][tensor]") {
  const Tensor<float> none;
  CHECK_FALSE(none.defined());
  CHECK_FALSE(none.wants_grad());
  CHECK_THROWS_AS(none.shape(), ValueError);
  CHECK_THROWS_AS(none.sum(), ValueError);
  CHECK_THROWS_AS(none.item(), ValueError);
}

TEST_CASE("at, item, size: values and errors", "[core][tensor]") {
  const auto x = arange(6).reshape({2, 3});
  CHECK(x.at({1, 2}) == 5);
  CHECK(x.t().at({2, 1}) == 5);
  CHECK(x.at({-1, -3}) == 3);
  CHECK_THROWS_WITH(x.at({2, 0}), Catch::Contains("(2, 0)") && Catch::Contains("(2, 3)"));
  CHECK_THROWS_AS(x.at({0, -4}), IndexError);
  CHECK_THROWS_AS(x.at({0}), IndexError);
  CHECK(x.size(-1) == 3);
  CHECK_THROWS_AS(x.size(2), IndexError);
  CHECK(x.select(0, 1).select(0, 0).item() == 3);
  CHECK_THROWS_WITH(x.item(), Catch::Contains("(2, 3)"));
  CHECK(tensor({{4}}).item() == 4);
}

TEST_CASE("Tensor: elements begin on a cache line", "[core][tensor]") {
  for (std::int64_t n : {0, 1, 17, 1000})
    CHECK(reinterpret_cast<std::uintptr_t>(Tensor<float>::empty({n}).data()) % 64 == 0);
}

TEST_CASE("is_unique: other handles, views and saved values all count", "[core][tensor]") {
  auto x = tensor({1, 2});
  CHECK(x.is_unique());
  {
    const auto same = x;
    CHECK_FALSE(x.is_unique());
  }
  {
    const auto view = x[0];
    CHECK_FALSE(x.is_unique());
  }
  {
    const auto kept = save(x);
    CHECK_FALSE(x.is_unique());
  }
  CHECK(x.is_unique());
}

TEST_CASE("writable_layout: never true where two elements share an address", "[core][tensor]") {
  const auto base = Tensor<float>::empty({64});
  const auto apart = [](const Shape& shape, const Shape& strides) {
    std::vector<std::int64_t> at;
    naive::each(shape,
                [&](const Shape& i) { at.push_back(i[0] * strides[0] + i[1] * strides[1] + i[2] * strides[2]); });
    std::sort(at.begin(), at.end());
    return std::adjacent_find(at.begin(), at.end()) == at.end();
  };
  for (std::int64_t n : {1, 2, 3})
    for (std::int64_t m : {1, 2, 3})
      for (std::int64_t k : {1, 2})
        naive::each({7, 7, 7}, [&](const Shape& strides) {
          const Shape shape{n, m, k};
          CAPTURE(to_string(shape), to_string(strides));
          if (detail::writable_layout(base.alias(base.data(), shape, strides))) CHECK(apart(shape, strides));
        });
}

TEST_CASE("writable_layout: true for every view that repeats nothing", "[core][tensor]") {
  for (const Dims& order : {Dims{0, 1, 2}, Dims{0, 2, 1}, Dims{1, 0, 2}, Dims{1, 2, 0}, Dims{2, 0, 1}, Dims{2, 1, 0}}) {
    const auto x = zeros({3, 4, 5}).permute(order);
    CHECK(detail::writable_layout(x));
    CHECK(detail::writable_layout(x.slice(0, 0, 5, 2).slice(2, 1, 5, 3)));
    CHECK(detail::writable_layout(x.select(1, 2).unsqueeze(0)));
  }
  CHECK_FALSE(detail::writable_layout(zeros({3, 1}).expand({3, 2})));
  CHECK(detail::writable_layout(zeros({3, 1}).expand({3, 1})));
}

TEST_CASE("Tensor: every scalar type goes through creation, views, arithmetic and printing", "[core][tensor]") {
  const auto check = [](auto zero) {
    using T = decltype(zero);
    const auto x = arange<T>(4).reshape({2, 2});
    CHECK(detail::convert<double>((x + x.t()).at({0, 1})) == (std::same_as<T, bool> ? 1 : 3));
    CHECK(detail::convert<double>(cat({x, x}).sum().item()) == (std::same_as<T, bool> ? 1 : 12));
    CHECK_FALSE(to_string(x).empty());
  };
  check(float{}), check(double{}), check(bfloat16{}), check(dual<double>{}), check(dual<float>{});
  check(std::int64_t{}), check(std::int32_t{}), check(std::uint8_t{}), check(bool{});
}
