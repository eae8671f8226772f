// pad, flip, roll, tril, triu, pixel_shuffle.
#include "shunt/ops/rearrange.hpp"

#include "support/catch.hpp"
#include "support/check_op.hpp"
#include "support/naive.hpp"

using namespace shunt;
using D = Tensor<double>;
using Pads = std::vector<std::int64_t>;

namespace {

/// Where place i of a padded row takes its element from; -1: from nowhere. What is left of the row is [first, last).
std::int64_t source(std::string_view mode, std::int64_t i, std::int64_t n, std::int64_t first, std::int64_t last) {
  if (mode == "circular") return i < first ? i + last - first : i < last ? i : i - (last - first);
  if (i >= 0 && i < n) return i;
  if (mode == "replicate") return i < 0 ? 0 : n - 1;
  if (mode == "reflect") return i < 0 ? -i : 2 * (n - 1) - i;
  return -1;
}

D padded(const D& x, const Pads& pads, std::string_view mode, double value) {
  Shape shape = x.shape(), before = Shape::filled(x.rank(), 0);
  Shape first = before, last = shape;
  for (std::size_t k = 0; k < pads.size(); ++k) {
    const int d = x.rank() - 1 - static_cast<int>(k / 2);
    shape[d] += pads[k];
    if (k % 2 == 0) before[d] = pads[k];
    if (pads[k] < 0) k % 2 == 0 ? first[d] -= pads[k] : last[d] += pads[k];
  }
  return naive::tensor(naive::make(shape, [&](Shape i) {
    for (int d = 0; d < i.rank(); ++d) {
      i[d] = source(mode, i[d] - before[d], x.size(d), first[d], last[d]);
      if (i[d] < 0) return value;
    }
    return x.at(i);
  }));
}

}  // namespace

TEST_CASE("pad: constant values, on any side, and cut away by negative ones", "[ops][pad]") {
  const auto pads =
      GENERATE(values<Pads>({{}, {1, 2}, {0, 1, 2, 0}, {1, 1, 1, 1, 1, 1}, {-1, 1, 1, -2}, {0, -4}, {-3, 2}, {5, -4}}));
  const auto oracle = [&](const std::vector<D>& x) { return padded(x[0], pads, "constant", 1.5); };
  check_op("pad", [&](const auto& x) { return pad(x[0], pads, {.value = 1.5}); }, {{2, 3, 4}}, {.oracle = oracle});
}

TEST_CASE("pad: reflected, replicated, circular", "[ops][pad]") {
  const auto mode = GENERATE("reflect", "replicate", "circular");
  const auto pads = GENERATE(values<Pads>({{1, 2}, {3, 0}, {1, 2, 2, 1}, {-1, 2}, {2, -1, 0, 1}, {0, 0, 1, 1, 1, 1}}));
  const auto choice = decltype(PadOptions::mode)::parse(mode);
  const auto oracle = [&](const std::vector<D>& x) { return padded(x[0], pads, mode, 0); };
  check_op("pad", [&](const auto& x) { return pad(x[0], pads, {.mode = choice}); }, {{2, 3, 4}}, {.oracle = oracle});
}

TEST_CASE("pad: a circular one goes round what is left, as in PyTorch", "[ops][pad]") {
  const auto x = tensor({1, 2, 3, 4});
  CHECK(pad(x, {-1, 2}, {.mode = "circular"}).to_vector() == std::vector<float>{2, 3, 4, 2, 3});
  CHECK(pad(x, {2, -1}, {.mode = "circular"}).to_vector() == std::vector<float>{2, 3, 1, 2, 3});
  CHECK_THROWS_AS(pad(x, {-3, 2}, {.mode = "circular"}), ShapeError);
}

TEST_CASE("flip, roll: values and gradients", "[ops][rearrange]") {
  for (const Dims& dims : {Dims{0}, Dims{-1}, Dims{0, 2}, Dims{0, 1, 2}}) {
    const auto mask = detail::dim_mask("flip", dims, 3);
    check_op("flip", [&](const auto& x) { return flip(x[0], dims); }, {{2, 3, 4}},
             {.oracle = [&](const std::vector<D>& x) {
               return naive::tensor(naive::make({2, 3, 4}, [&](Shape i) {
                 for (int d = 0; d < 3; ++d)
                   if (mask >> d & 1u) i[d] = x[0].size(d) - 1 - i[d];
                 return x[0].at(i);
               }));
             }});
  }
  for (std::int64_t shift : {0, 1, -1, 3, 7, -9}) {
    check_op("roll",
             [&](const auto& x) {
               return roll(x[0], {shift, -2}, {1, -1});
             },
             {{2, 3, 4}}, {.oracle = [&](const std::vector<D>& x) {
               return naive::tensor(naive::make({2, 3, 4}, [&](Shape i) {
                 i[1] = (((i[1] - shift) % 3) + 3) % 3;
                 i[2] = (i[2] + 2) % 4;
                 return x[0].at(i);
               }));
             }});
    check_op(
        "roll", [&](const auto& x) { return roll(x[0], shift); }, {{3, 4}}, {.oracle = [&](const std::vector<D>& x) {
          const auto v = x[0].to_vector();
          std::int64_t at = 0;
          return naive::tensor(naive::make(
              {3, 4}, [&](const Shape&) { return v[static_cast<std::size_t>((((at++ - shift) % 12) + 12) % 12)]; }));
        }});
  }
}

TEST_CASE("tril, triu: values and gradients", "[ops][rearrange]") {
  const std::int64_t diagonal = GENERATE(-5, -1, 0, 1, 2, 5);
  const auto kept = [&](bool lower) {
    return CheckOptions{.oracle = [=](const std::vector<D>& x) {
      return naive::tensor(naive::make(x[0].shape(), [&](const Shape& i) {
        const auto above = i[i.rank() - 1] - i[i.rank() - 2];
        return (lower ? above <= diagonal : above >= diagonal) ? x[0].at(i) : 0;
      }));
    }};
  };
  check_op(
      "tril", [&](const auto& x) { return tril(x[0], diagonal); }, {{2, 3, 4}}, kept(true));
  check_op(
      "triu", [&](const auto& x) { return triu(x[0], diagonal); }, {{4, 3}}, kept(false));
}

TEST_CASE("pixel_shuffle, pixel_unshuffle: values, gradients, one undoes the other", "[ops][rearrange]") {
  check_op("pixel_shuffle", [](const auto& x) { return pixel_shuffle(x[0], 2); }, {{2, 8, 2, 3}},
           {.oracle = [](const std::vector<D>& x) {
             return naive::tensor(naive::make({2, 2, 4, 6}, [&](const Shape& i) {
               return x[0].at({i[0], i[1] * 4 + i[2] % 2 * 2 + i[3] % 2, i[2] / 2, i[3] / 2});
             }));
           }});
  check_op("pixel_unshuffle", [](const auto& x) { return pixel_unshuffle(x[0], 3); }, {{2, 6, 3}});
  const auto x = randn({2, 9, 4, 5});
  CHECK(pixel_unshuffle(pixel_shuffle(x, 3), 3).to_vector() == x.to_vector());
}

TEST_CASE("rearranging: nothing at all", "[ops][rearrange]") {
  CHECK(pad(zeros({0, 2}), {1, 1}).shape() == Shape{0, 4});
  CHECK(pad(zeros({0}), {1, 1}, {.value = 2}).to_vector() == std::vector<float>{2, 2});
  CHECK(pad(zeros({2}), {-1, -1}).shape() == Shape{0});
  CHECK(flip(zeros({2, 0}), {0, 1}).shape() == Shape{2, 0});
  CHECK(flip(zeros({}), {}).shape() == Shape{});
  CHECK(roll(zeros({0, 3}), {1, 1}, {0, 1}).shape() == Shape{0, 3});
  CHECK(roll(zeros({}), 2).shape() == Shape{});
  CHECK(tril(zeros({3, 0})).shape() == Shape{3, 0});
  CHECK(pixel_shuffle(zeros({0, 4, 2, 2}), 2).shape() == Shape{0, 1, 4, 4});
}

TEST_CASE("rearranging: errors", "[ops][rearrange]") {
  const auto x = zeros({2, 3});
  CHECK_THROWS_AS(pad(x, {1}), ValueError);
  CHECK_THROWS_AS(pad(x, {1, 1, 1, 1, 1, 1}), ValueError);
  CHECK_THROWS_WITH(pad(x, {-2, -2}), Catch::Contains("pad") && Catch::Contains("(2, 3)"));
  CHECK_THROWS_WITH(pad(x, {3, 0}, {.mode = "reflect"}), Catch::Contains("reflect") && Catch::Contains("3"));
  CHECK_THROWS_AS(pad(x, {0, 4}, {.mode = "circular"}), ShapeError);
  CHECK_THROWS_AS(pad(zeros({0}), {0, 1}, {.mode = "replicate"}), ShapeError);
  CHECK_THROWS_AS(flip(x, {0, 0}), ValueError);
  CHECK_THROWS_AS(flip(x, 2), IndexError);
  CHECK_THROWS_AS(roll(x, {1, 2}, 0), ValueError);
  CHECK_THROWS_AS(roll(x, {1, 2}), ValueError);
  CHECK_THROWS_AS(tril(zeros({3})), ShapeError);
  CHECK_THROWS_AS(pixel_shuffle(zeros({3, 2, 2}), 2), ShapeError);
  CHECK_THROWS_AS(pixel_unshuffle(zeros({3, 3, 2}), 2), ShapeError);
  CHECK_THROWS_AS(pixel_shuffle(zeros({4, 2, 2}), 0), ValueError);
}
