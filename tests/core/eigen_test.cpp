// Maps between tensors and Eigen.
#include "shunt/core/eigen.hpp"

#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;

TEST_CASE("as_matrix: the tensor's own elements, whatever the strides", "[core][eigen]") {
  const auto x = arange<double>(12).reshape({3, 4});
  auto m = as_matrix(x);
  CHECK(m.rows() == 3);
  CHECK(m(2, 1) == 9);
  m(2, 1) = -1;
  CHECK(x.at({2, 1}) == -1);
  CHECK(as_matrix(x.t())(1, 2) == -1);
  CHECK(as_matrix(x.slice(1, 0, 4, 2))(2, 1) == 10);
  CHECK(as_matrix(x[1]).rows() == 4);
  CHECK(as_matrix(x[1]).cols() == 1);
  CHECK(as_matrix(x.select(1, 3))(2, 0) == 11);
  CHECK(as_matrix(tensor<double>({{1}, {2}}).expand({2, 3})).sum() == 9);
  CHECK(as_matrix(zeros({0, 3})).size() == 0);
  const Eigen::MatrixXd product = m * m.transpose();
  CHECK(product(0, 1) == matmul(x, x.t()).at({0, 1}));
  CHECK_THROWS_WITH(as_matrix(zeros({1, 2, 3})), Catch::Contains("as_matrix") && Catch::Contains("(1, 2, 3)"));
  CHECK_THROWS_AS(as_matrix(zeros({})), ShapeError);
}

TEST_CASE("from_eigen: matrices of either order, vectors, expressions", "[core][eigen]") {
  Eigen::MatrixXf m(2, 3);
  m << 1, 2, 3, 4, 5, 6;
  CHECK(from_eigen(m).shape() == Shape{2, 3});
  CHECK(from_eigen(m).to_vector() == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(from_eigen(m.transpose() * 2).to_vector() == std::vector<float>{2, 8, 4, 10, 6, 12});
  CHECK(from_eigen(m.array() + 1.f).at({1, 2}) == 7);
  CHECK(from_eigen(Eigen::VectorXd(m.row(1).cast<double>())).shape() == Shape{3});
  CHECK(from_eigen(m.row(1)).to_vector() == std::vector<float>{4, 5, 6});
  CHECK(from_eigen(Eigen::MatrixXf(0, 4)).shape() == Shape{0, 4});
  const auto x = randn({3, 5});
  CHECK(from_eigen(as_matrix(x.t())).to_vector() == x.t().to_vector());
}
