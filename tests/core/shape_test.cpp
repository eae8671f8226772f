// Shape and the functions on shapes: sizes, dimensions, strides, broadcasting.
#include "shunt/core/shape.hpp"

#include "support/catch.hpp"
#include "support/naive.hpp"

using namespace shunt;

TEST_CASE("Shape: from lists, vectors and iterators; compared and printed", "[core][shape]") {
  CHECK(to_string(Shape{}) == "()");
  CHECK(to_string(Shape{3}) == "(3,)");
  CHECK(to_string(Shape{2, 3}) == "(2, 3)");
  const std::vector<std::int64_t> sizes{2, 3};
  CHECK(Shape(sizes) == Shape{2, 3});
  CHECK(Shape(sizes.begin(), sizes.end()) == Shape{2, 3});
  CHECK(Shape{2, 3} != Shape{2, 3, 1});
  CHECK(Shape{2, 3} != Shape{3, 2});
  CHECK(Shape::filled(3, 7) == Shape{7, 7, 7});
  CHECK(Shape{}.numel() == 1);
  CHECK(Shape{2, 0, 3}.numel() == 0);
  Shape s{2, 3};
  s.insert(0, 5);
  s.insert(3, 7);
  CHECK(s == Shape{5, 2, 3, 7});
  s.erase(1);
  CHECK(s == Shape{5, 3, 7});
  CHECK(s.back() == 7);
  CHECK_THROWS_AS((Shape{1, 2, 3, 4, 5, 6, 7, 8, 9}), ShapeError);
}

TEST_CASE("wrap_dim, dim_mask: dimensions from both ends", "[core][shape]") {
  for (int d = 0; d < 3; ++d) {
    CHECK(detail::wrap_dim("op", d, 3) == d);
    CHECK(detail::wrap_dim("op", d - 3, 3) == d);
  }
  CHECK_THROWS_WITH(detail::wrap_dim("op", 3, 3), Catch::StartsWith("op:") && Catch::Contains("3"));
  CHECK_THROWS_AS(detail::wrap_dim("op", -4, 3), IndexError);
  CHECK(detail::wrap_dim("op", 0, 0) == 0);
  CHECK(detail::wrap_dim("op", -1, 0) == 0);
  CHECK_THROWS_AS(detail::wrap_dim("op", 1, 0), IndexError);
  CHECK(detail::dim_mask("op", {}, 3) == 7u);
  CHECK(detail::dim_mask("op", {0, -1}, 3) == 5u);
  CHECK(detail::dim_mask("op", -1, 0) == 0u);
  CHECK_THROWS_AS(detail::dim_mask("op", {1, -2}, 3), ValueError);
}

TEST_CASE("dense_strides, is_dense", "[core][shape]") {
  CHECK(detail::dense_strides({2, 3, 4}) == Shape{12, 4, 1});
  CHECK(detail::dense_strides({2, 0, 4}) == Shape{4, 4, 1});
  CHECK(detail::dense_strides({}) == Shape{});
  CHECK(detail::is_dense({2, 3}, {3, 1}));
  CHECK_FALSE(detail::is_dense({2, 3}, {1, 2}));
  CHECK(detail::is_dense({1, 3}, {77, 1}));
  CHECK(detail::is_dense({2, 0}, {5, 9}));
  CHECK_FALSE(detail::is_dense({2, 3}, {0, 1}));
  CHECK(detail::is_dense({}, {}));
}

TEST_CASE("checked_numel: refuses what is negative or too large", "[core][shape]") {
  CHECK(detail::checked_numel("op", {2, 3}) == 6);
  CHECK(detail::checked_numel("op", {std::int64_t{1} << 60, 0}) == 0);
  CHECK_THROWS_WITH(detail::checked_numel("op", {2, -3}), Catch::Contains("(2, -3)"));
  CHECK_THROWS_AS(detail::checked_numel("op", {0, -3}), ShapeError);
  CHECK_THROWS_AS(detail::checked_numel("op", {std::int64_t{1} << 32, std::int64_t{1} << 32}), ShapeError);
  CHECK_THROWS_AS(detail::checked_numel("op", {0, std::int64_t{1} << 32, std::int64_t{1} << 32}), ShapeError);
}

TEST_CASE("broadcast: NumPy's rule for every pair of small shapes", "[core][shape]") {
  std::vector<Shape> shapes{{}};
  for (std::int64_t a : {0, 1, 2, 3}) {
    shapes.push_back({a});
    for (std::int64_t b : {0, 1, 2, 3}) shapes.push_back({a, b});
  }
  for (const auto& a : shapes)
    for (const auto& b : shapes) {
      bool fits = true;
      for (int i = 1; i <= std::min(a.rank(), b.rank()); ++i) {
        const auto n = a[a.rank() - i], m = b[b.rank() - i];
        fits = fits && (n == m || n == 1 || m == 1);
      }
      if (fits)
        CHECK(detail::broadcast("op", a, b) == naive::broadcast(a, b));
      else
        CHECK_THROWS_WITH(detail::broadcast("op", a, b),
                          Catch::Contains(to_string(a)) && Catch::Contains(to_string(b)));
    }
}
