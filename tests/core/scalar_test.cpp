// bfloat16 and dual numbers.
#include "shunt/core/scalar.hpp"

#include "support/catch.hpp"

using namespace shunt;

namespace {
float rounded(float x) { return static_cast<float>(bfloat16(x)); }
using Dual = dual<double>;
}  // namespace

TEST_CASE("bfloat16: every value survives a round trip, others go to the nearest, ties to even", "[core][scalar]") {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const float x = std::bit_cast<float>(bits << 16);
    if (!std::isnan(x))
      REQUIRE(std::bit_cast<std::uint32_t>(rounded(x)) == bits << 16);
    else
      REQUIRE(std::isnan(rounded(x)));
  }
  for (float base : {1.f, 3.140625f, -0.0078125f, 1e30f, -3e-30f}) {
    const auto lower = std::bit_cast<std::uint32_t>(rounded(base)) & 0xffff0000u;
    const float below = std::bit_cast<float>(lower), above = std::bit_cast<float>(lower + 0x10000u);
    CHECK(rounded(std::bit_cast<float>(lower + 0x7fffu)) == below);
    CHECK(rounded(std::bit_cast<float>(lower + 0x8001u)) == above);
    CHECK(rounded(std::bit_cast<float>(lower + 0x8000u)) == ((lower >> 16 & 1u) != 0 ? above : below));
  }
  CHECK(rounded(3.4e38f) == std::numeric_limits<float>::infinity());
  CHECK(std::isnan(rounded(std::bit_cast<float>(0x7f800001u))));
  CHECK(static_cast<float>(std::numeric_limits<bfloat16>::max()) == 0x1.fep127f);
  CHECK(static_cast<float>(std::numeric_limits<bfloat16>::epsilon()) == 0x1p-7f);
}

TEST_CASE("dual: every function carries its derivative", "[core][scalar]") {
  using Function = Dual (*)(Dual);
  const auto [name, f, x] = GENERATE(table<const char*, Function, double>({
      {"exp", [](Dual v) { return exp(v); }, 0.7},
      {"log", [](Dual v) { return log(v); }, 0.7},
      {"log1p", [](Dual v) { return log1p(v); }, 0.7},
      {"expm1", [](Dual v) { return expm1(v); }, 0.7},
      {"sqrt", [](Dual v) { return sqrt(v); }, 0.7},
      {"sin", [](Dual v) { return sin(v); }, 0.7},
      {"cos", [](Dual v) { return cos(v); }, 0.7},
      {"tanh", [](Dual v) { return tanh(v); }, 0.7},
      {"erf", [](Dual v) { return erf(v); }, 0.7},
      {"abs", [](Dual v) { return abs(v); }, -0.7},
      {"pow", [](Dual v) { return pow(v, Dual(2.5)); }, 0.7},
      {"pow of exponent", [](Dual v) { return pow(Dual(1.5), v); }, 0.7},
      {"pow of both", [](Dual v) { return pow(v, v); }, 0.7},
      {"arithmetic", [](Dual v) { return (v * v - 3 / v + v) / (v + 2); }, 0.7},
      {"compound", [](Dual v) { v += v * v; v *= v; v -= 1; v /= v + 3; return -v; }, 0.7},
      {"floor", [](Dual v) { return floor(v); }, 2.7},
  }));
  CAPTURE(name);
  const double h = 1e-6;
  const double slope = (f(Dual(x + h, 0.)).value - f(Dual(x - h, 0.)).value) / (2 * h);
  const auto y = f(Dual(x, 2.));
  CHECK(y.value == f(Dual(x)).value);
  CHECK(y.eps == Approx(2 * slope).epsilon(1e-8).margin(1e-12));
}

TEST_CASE("dual: compares by value; pow at 0; nesting gives second derivatives", "[core][scalar]") {
  CHECK(Dual(1., 5.) == Dual(1., 7.));
  CHECK(Dual(1., 5.) < Dual(2., 0.));
  CHECK(pow(Dual(0., 1.), Dual(2.)).eps == 0);
  CHECK(pow(Dual(0., 1.), Dual(0.)).eps == 0);
  CHECK(pow(Dual(0., 1.), Dual(1.)).eps == 1);
  const dual<Dual> x(Dual(0.7, 1.), Dual(1., 0.));
  const auto y = x * x * x;
  CHECK(y.eps.eps == Approx(6 * 0.7));
  CHECK(isnan(Dual(std::nan(""), 0.)));
  CHECK_FALSE(isfinite(Dual(1., std::numeric_limits<double>::infinity())));
}

TEST_CASE("convert: between all kinds of scalars", "[core][scalar]") {
  using detail::convert;
  CHECK(convert<std::int64_t>(bfloat16(3.f)) == 3);
  CHECK(convert<bfloat16>(1.00390625) == 1.f);
  CHECK(convert<double>(Dual(2., 9.)) == 2);
  CHECK(convert<Dual>(2.f).value == 2);
  CHECK(convert<dual<float>>(Dual(2., 9.)).eps == 9.f);
  CHECK(convert<bool>(0.5f));
  CHECK(std::string(to_string(dtype_of<bfloat16>)) == "bfloat16");
  CHECK(dtype_of<Dual> == DType::other);
}
