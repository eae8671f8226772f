// einsum against its definition: the sum, over all labels, of the product of the operands.
#include "shunt/ops/einsum.hpp"

#include "support/catch.hpp"
#include "support/check_op.hpp"
#include "support/naive.hpp"

using namespace shunt;
using D = Tensor<double>;

namespace {

/// terms and result without ellipses; sizes of 1 broadcast.
D summed(const std::vector<std::string>& terms, const std::string& result, const std::vector<D>& x) {
  std::string labels = result;
  for (const auto& t : terms)
    for (char c : t)
      if (labels.find(c) == std::string::npos) labels += c;
  Shape sizes = Shape::filled(static_cast<int>(labels.size()), 1), out;
  const auto place = [&](char c) { return static_cast<int>(labels.find(c)); };
  for (std::size_t k = 0; k < terms.size(); ++k)
    for (int d = 0; d < x[k].rank(); ++d) {
      auto& n = sizes[place(terms[k][static_cast<std::size_t>(d)])];
      if (x[k].size(d) != 1) n = x[k].size(d);
    }
  for (char c : result) out.push_back(sizes[place(c)]);
  auto y = naive::make(out, [](const Shape&) { return 0.; });
  naive::each(sizes, [&](const Shape& at) {
    double product = 1;
    for (std::size_t k = 0; k < terms.size(); ++k) {
      Shape i;
      for (char c : terms[k]) i.push_back(at[place(c)]);
      product *= x[k].at(naive::clipped(i, x[k].shape()));
    }
    Shape to;
    for (char c : result) to.push_back(at[place(c)]);
    y.at(to) += product;
  });
  return naive::tensor(y);
}

}  // namespace

TEST_CASE("einsum: values and gradients", "[ops][einsum]") {
  struct Row {
    const char* text;
    std::vector<Shape> shapes;
    std::vector<std::string> terms;
    std::string result;
  };
  const auto row = GENERATE(values<Row>({
      {"ij,jk->ik", {{2, 3}, {3, 4}}, {"ij", "jk"}, "ik"},
      {"ij, jk", {{2, 3}, {3, 4}}, {"ij", "jk"}, "ik"},
      {"ba", {{2, 3}}, {"ba"}, "ab"},
      {"ij->", {{2, 3}}, {"ij"}, ""},
      {"ij->j", {{2, 3}}, {"ij"}, "j"},
      {"i,j->ji", {{2}, {3}}, {"i", "j"}, "ji"},
      {"i,i", {{3}, {3}}, {"i", "i"}, ""},
      {"ij,ij->i", {{2, 3}, {2, 3}}, {"ij", "ij"}, "i"},
      {"ij,ji->ij", {{2, 3}, {3, 2}}, {"ij", "ji"}, "ij"},
      {"ii->i", {{3, 3}}, {"ii"}, "i"},
      {"iijj", {{2, 2, 3, 3}}, {"iijj"}, ""},
      {"iji,i->j", {{3, 2, 3}, {3}}, {"iji", "i"}, "j"},
      {"bqhd,bkhd->bhqk", {{2, 3, 2, 4}, {2, 2, 2, 4}}, {"bqhd", "bkhd"}, "bhqk"},
      {"ij,jk,kl->li", {{2, 3}, {3, 4}, {4, 2}}, {"ij", "jk", "kl"}, "li"},
      {"bn,anm,bm->ba", {{2, 3}, {4, 3, 2}, {2, 2}}, {"bn", "anm", "bm"}, "ba"},
      {"ij,kj->ik", {{2, 1}, {3, 4}}, {"ij", "kj"}, "ik"},
      {"bij,bjk->bik", {{1, 2, 3}, {4, 3, 2}}, {"bij", "bjk"}, "bik"},
      {"ab,cd->ad", {{2, 3}, {3, 2}}, {"ab", "cd"}, "ad"},
      {"...ij,...jk->...ik", {{2, 1, 2, 3}, {3, 3, 2}}, {"abij", "bjk"}, "abik"},
      {"...ij,...jk", {{2, 2, 3}, {3, 2}}, {"bij", "jk"}, "bik"},
      {"...d,d->...", {{2, 3, 4}, {4}}, {"abd", "d"}, "ab"},
      {"b...d->bd...", {{2, 2, 3, 2}}, {"bpqd"}, "bdpq"},
      {"...i->i", {{2, 3, 2}}, {"abi"}, "i"},
      {"Aa,aA->A", {{2, 3}, {3, 2}}, {"Aa", "aA"}, "A"},
  }));
  CAPTURE(row.text);
  check_op("einsum", [&](const auto& x) { return einsum(row.text, x); }, row.shapes,
           {.oracle = [&](const std::vector<D>& x) { return summed(row.terms, row.result, x); }});
}

TEST_CASE("einsum: the diagonal it takes of one operand", "[ops][einsum]") {
  check_op("diagonal", [](const auto& x) { return detail::diagonal(x[0], 0, 2); }, {{3, 2, 3}});
}

TEST_CASE("einsum: sizes of zero, integers", "[ops][einsum]") {
  CHECK(einsum("ij,jk->ik", {zeros({2, 0}), zeros({0, 3})}).to_vector() == std::vector<float>(6, 0.f));
  CHECK(einsum("ij,jk->ik", {zeros({0, 2}), zeros({2, 3})}).shape() == Shape{0, 3});
  CHECK(einsum("bi,bi->b", {zeros({3, 0}), zeros({3, 0})}).to_vector() == std::vector<float>(3, 0.f));
  const auto i = arange<std::int64_t>(6).reshape({2, 3});
  CHECK(einsum("ij,kj->ik", {i, i}).to_vector() == std::vector<std::int64_t>{5, 14, 14, 50});
}

TEST_CASE("einsum: errors show the equation", "[ops][einsum]") {
  const auto x = zeros({2, 3});
  CHECK_THROWS_WITH(einsum("ij,jk->ik", {x}), Catch::Contains("einsum") && Catch::Contains("ij,jk->ik"));
  CHECK_THROWS_AS(einsum("ij->ik", {x}), ValueError);
  CHECK_THROWS_AS(einsum("ij->ii", {x}), ValueError);
  CHECK_THROWS_AS(einsum("i1->i", {x}), ValueError);
  CHECK_THROWS_AS(einsum("ijk->i", {x}), ShapeError);
  CHECK_THROWS_AS(einsum("...ijk->i", {x}), ShapeError);
  CHECK_THROWS_AS(einsum("i->i", {x}), ShapeError);
  CHECK_THROWS_AS(einsum("ii->i", {x}), ShapeError);
  CHECK_THROWS_WITH(einsum("ij,jk->ik", {x, zeros({4, 2})}), Catch::Contains("3") && Catch::Contains("4"));
  CHECK_THROWS_AS(einsum("", std::vector<Tensor<float>>{}), ValueError);
}
