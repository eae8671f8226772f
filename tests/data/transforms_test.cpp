#include "shunt/data/transforms.hpp"

#include "shunt/data/dataset.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;

TEST_CASE("ToFloat and Normalize", "[data][transforms]") {
  Generator g;
  const auto image = tensor({{0, 51}, {102, 255}}).to<std::uint8_t>().reshape({2, 1, 2});
  const auto x = data::ToFloat{}(image, g);
  CHECK(x.to_vector() == std::vector<float>{0, 51 / 255.f, 102 / 255.f, 1});
  const auto y = data::Normalize{{0.5, 0}, {0.5, 2}}(x, g);
  CHECK(y.at({0, 0, 0}) == -1);
  CHECK(y.at({1, 0, 1}) == 0.5f);
  CHECK_THROWS_AS((data::Normalize{{0}, {1}}(x, g)), ShapeError);
  CHECK_THROWS_AS((data::Normalize{{0, 0}, {1, 1}}(x[0], g)), ShapeError);
}

TEST_CASE("RandomCrop is a window of the padded image, every one as likely", "[data][transforms]") {
  const auto [size, padding] = GENERATE(table<std::int64_t, std::int64_t>({{3, 0}, {4, 2}, {6, 1}, {2, 3}, {0, 0}}));
  const auto image = (arange(24) + 1.).reshape({2, 3, 4});
  if (size > 3 + 2 * padding) return;
  auto padded = zeros({2, 3 + 2 * padding, 4 + 2 * padding});
  padded.slice(1, padding, padding + 3).slice(2, padding, padding + 4).copy_(image);
  Generator g(1);
  std::vector<int> hits(static_cast<std::size_t>((4 + 2 * padding - size) * (5 + 2 * padding - size)));
  const int draws = 200 * static_cast<int>(hits.size());
  const data::RandomCrop crop{size, padding};
  for (int i = 0; i < draws; ++i) {
    const auto y = crop(image, g);
    REQUIRE(y.shape() == Shape{2, size, size});
    for (std::size_t k = 0; k < hits.size(); ++k) {
      const auto columns = 5 + 2 * padding - size, top = static_cast<std::int64_t>(k) / columns,
                 left = static_cast<std::int64_t>(k) % columns;
      if (size > 0 &&
          y.to_vector() == padded.slice(1, top, top + size).slice(2, left, left + size).contiguous().to_vector()) {
        ++hits[k];
        break;
      }
    }
  }
  if (size == 3 && padding == 0) CHECK(std::abs(hits[0] - draws / 2) < 50);
  int found = 0;
  for (int h : hits) found += h;
  if (size > 0) CHECK(found == draws);
}

TEST_CASE("a crop that is larger than the image is refused", "[data][transforms]") {
  Generator g;
  CHECK_THROWS_AS((data::RandomCrop{6, 1}(zeros({1, 3, 8}), g)), ShapeError);
  CHECK_THROWS_AS((data::RandomCrop{2}(zeros({3, 8}), g)), ShapeError);
}

TEST_CASE("RandomHorizontalFlip turns rows round, as often as asked", "[data][transforms]") {
  Generator g(4);
  const auto image = arange(12).reshape({2, 2, 3});
  CHECK(data::RandomHorizontalFlip{1}(image, g).to_vector() ==
        std::vector<float>{2, 1, 0, 5, 4, 3, 8, 7, 6, 11, 10, 9});
  CHECK(data::RandomHorizontalFlip{0}(image, g).to_vector() == image.to_vector());
  int flips = 0;
  for (int i = 0; i < 2000; ++i) flips += data::RandomHorizontalFlip{0.25}(image, g).at({0, 0, 0}) == 2;
  CHECK(std::abs(flips - 500) < 80);  // four deviations
}

TEST_CASE("Compose goes from left to right; a transformed dataset keeps its targets", "[data][transforms]") {
  const auto images = arange(32).reshape({2, 1, 4, 4}).to<std::uint8_t>();
  const data::TensorDataset raw(images, tensor({3, 5}).to<std::int64_t>());
  const data::Transformed dataset(
      raw, data::Compose(data::RandomHorizontalFlip{1}, data::ToFloat{}, data::Normalize{{1}, {2}}));
  Generator g;
  const auto [x, y] = dataset.get(1, g);
  CHECK(x.at({0, 0, 0}) == Approx((19 / 255. - 1) / 2));
  CHECK(y.item() == 5);
  const data::Subset one(dataset, {1});
  CHECK(one.size() == 1);
  CHECK(one.get(0, g).target.item() == 5);
  CHECK_THROWS_AS(data::Subset(dataset, {2}), IndexError);
  CHECK_THROWS_AS(data::TensorDataset(images, zeros<std::int64_t>({3})), ShapeError);
}
