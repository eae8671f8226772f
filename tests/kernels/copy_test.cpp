#include "shunt/kernels/copy.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;

namespace {

/// A copy of every element by its index, in row-major order.
template <Scalar T>
std::vector<T> by_index(const Tensor<T>& x) {
  std::vector<T> out;
  Shape index = Shape::filled(x.rank(), 0);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    out.push_back(x.at(index));
    for (int d = x.rank() - 1; d >= 0 && ++index[d] == x.size(d); --d) index[d] = 0;
  }
  return out;
}

/// Every order of the dimensions of `shape`, of whole tensors and of slices, into dense and into strided results.
template <Scalar T>
void copies(const Shape& shape) {
  Shape wide = shape;
  std::vector<std::int64_t> order(static_cast<std::size_t>(shape.rank()));
  std::iota(order.begin(), order.end(), 0);
  for (auto& n : wide) n += 2;
  const auto whole = arange(static_cast<double>(wide.numel())).reshape(wide).template to<T>();
  do {
    const auto turned = whole.permute(order);
    auto part = turned;
    for (int d = 0; d < part.rank(); ++d) part = part.slice(d, 1, part.size(d) - 1);
    for (const auto& x : {turned, part}) {
      const auto expected = by_index(x);
      CAPTURE(x.shape(), x.strides());
      CHECK(x.clone().to_vector() == expected);
      auto base = zeros<T>(x.shape()).unsqueeze(-1).expand({-1, -1, -1, 2}).contiguous();
      const auto strided = base.select(3, 1);
      shunt::detail::copy_into(strided, x);
      CHECK(by_index(strided) == expected);
      CHECK(by_index(base.select(3, 0)) == std::vector<T>(expected.size(), T(0)));
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

}  // namespace

TEST_CASE("copy: every layout to every other, for elements of 1 to 16 bytes", "[kernels][copy]") {
  for (const Shape& shape : {Shape{0, 2, 3}, Shape{1, 1, 5}, Shape{2, 17, 16}, Shape{5, 3, 33}, Shape{15, 16, 18}}) {
    copies<std::uint8_t>(shape);
    copies<bfloat16>(shape);
    copies<float>(shape);
    copies<double>(shape);
    copies<dual<double>>(shape);
  }
}

TEST_CASE("copy: repeated and reversed elements, and large planes on every number of threads",
          "[kernels][copy][tsan]") {
  const auto row = arange(40);
  CHECK(row.expand({20, 40}).transpose(0, 1).clone().to_vector() == by_index(row.expand({20, 40}).transpose(0, 1)));
  const auto flipped = flip(arange(20 * 33).reshape({20, 33}).transpose(0, 1), {0});
  CHECK(flipped.clone().to_vector() == by_index(flipped));
  const int before = num_threads();
  const auto image = arange(3 * 150 * 140).reshape({1, 3, 150, 140}), plane = arange(512 * 300).reshape({512, 300});
  for (int threads : {1, 2, 3, 8}) {
    set_num_threads(threads);
    const auto pixels = image.permute({0, 2, 3, 1});
    CHECK(pixels.clone().to_vector() == by_index(pixels));
    CHECK(pixels.clone().permute({0, 3, 1, 2}).clone().to_vector() == image.to_vector());
    CHECK(plane.t().clone().to_vector() == by_index(plane.t()));
  }
  set_num_threads(before);
}
