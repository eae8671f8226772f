// Printing: every expected text is what NumPy 1.24 prints for the same array.
#include "shunt/core/print.hpp"

#include <sstream>

#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity(), not_a_number = std::numeric_limits<double>::quiet_NaN();

template <class T>
std::string text(const Tensor<T>& x) {
  std::ostringstream out;
  out << x;
  return out.str();
}

}  // namespace

TEST_CASE("print: numbers with a fraction stand point under point", "[core][print]") {
  CHECK(text(tensor({1, 2.5, 3.25})) == "[1.   2.5  3.25]");
  CHECK(text(tensor({{1, -2}, {0.1, 100}})) ==
        "[[  1.   -2. ]\n"
        " [  0.1 100. ]]");
  CHECK(text(tensor({0.1, 0.25})) == "[0.1  0.25]");
  CHECK(text(tensor<double>({0.1, 1. / 3, 2e3})) == "[1.00000000e-01 3.33333333e-01 2.00000000e+03]");
  CHECK(text(tensor<double>({1, 1000.5})) == "[1.0000e+00 1.0005e+03]");
  CHECK(text(tensor<double>({{1, 1001.5}, {-0., 3}})) ==
        "[[ 1.0000e+00  1.0015e+03]\n"
        " [-0.0000e+00  3.0000e+00]]");
  CHECK(text(tensor({1e-5, 1})) == "[1.e-05 1.e+00]");
  CHECK(text(tensor({1e8, 1})) == "[1.e+08 1.e+00]");
  CHECK(text(tensor({0, 0})) == "[0. 0.]");
  CHECK(text(tensor<double>({1e300, -inf, 1e-300})) == "[1.e+300    -inf 1.e-300]");
  CHECK(text(tensor({1, not_a_number, inf, -inf})) == "[  1.  nan  inf -inf]");
  CHECK(text(tensor<double>({1.5, not_a_number})) == "[1.5 nan]");
  CHECK(text(tensor<double>({1e-5, 1. / 3, not_a_number})) == "[1.00000000e-05 3.33333333e-01            nan]");
  CHECK(text(tensor({not_a_number})) == "[nan]");
}

TEST_CASE("print: integers and booleans", "[core][print]") {
  CHECK(text(arange<std::int64_t>(24).reshape({2, 3, 4})) ==
        "[[[ 0  1  2  3]\n"
        "  [ 4  5  6  7]\n"
        "  [ 8  9 10 11]]\n"
        "\n"
        " [[12 13 14 15]\n"
        "  [16 17 18 19]\n"
        "  [20 21 22 23]]]");
  CHECK(text(tensor<std::int64_t>({-5, 100})) == "[ -5 100]");
  CHECK(text(tensor<std::uint8_t>({5, 100})) == "[  5 100]");
  CHECK(text(tensor<bool>({{1, 0}, {1, 1}})) ==
        "[[ True False]\n"
        " [ True  True]]");
  CHECK(text(tensor<bool>({1, 1})) == "[ True  True]");
}

TEST_CASE("print: scalars, and arrays of nothing", "[core][print]") {
  CHECK(text(full<double>({}, 3)) == "3.0");
  CHECK(text(full({}, 0.1)) == "0.1");
  CHECK(text(full<double>({}, 1e16)) == "1e+16");
  CHECK(text(full<double>({}, 1e-5)) == "1e-05");
  CHECK(text(full({}, not_a_number)) == "nan");
  CHECK(text(full({}, -1659262848)) == "-1659262800.0");
  CHECK(text(full({}, 100)) == "100.0");
  CHECK(text(full<std::int64_t>({}, -4)) == "-4");
  CHECK(text(full<bool>({}, 1)) == "True");
  CHECK(text(zeros({0, 3})) == "[]");
  CHECK(text(zeros({0})) == "[]");
}

TEST_CASE("print: long rows are wrapped, large arrays show their edges", "[core][print]") {
  CHECK(text(arange<double>(1. / 3, 14)) ==
        "[ 0.33333333  1.33333333  2.33333333  3.33333333  4.33333333  5.33333333\n"
        "  6.33333333  7.33333333  8.33333333  9.33333333 10.33333333 11.33333333\n"
        " 12.33333333 13.33333333]");
  CHECK(text(arange<std::int64_t>(60).reshape({2, 30})) ==
        "[[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n"
        "  24 25 26 27 28 29]\n"
        " [30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53\n"
        "  54 55 56 57 58 59]]");
  CHECK(text(arange<std::int64_t>(2000)) == "[   0    1    2 ... 1997 1998 1999]");
  CHECK(text(arange(1200).reshape({30, 40})) ==
        "[[0.000e+00 1.000e+00 2.000e+00 ... 3.700e+01 3.800e+01 3.900e+01]\n"
        " [4.000e+01 4.100e+01 4.200e+01 ... 7.700e+01 7.800e+01 7.900e+01]\n"
        " [8.000e+01 8.100e+01 8.200e+01 ... 1.170e+02 1.180e+02 1.190e+02]\n"
        " ...\n"
        " [1.080e+03 1.081e+03 1.082e+03 ... 1.117e+03 1.118e+03 1.119e+03]\n"
        " [1.120e+03 1.121e+03 1.122e+03 ... 1.157e+03 1.158e+03 1.159e+03]\n"
        " [1.160e+03 1.161e+03 1.162e+03 ... 1.197e+03 1.198e+03 1.199e+03]]");
  CHECK(text(arange<std::int64_t>(1100).reshape({2, 550})) ==
        "[[   0    1    2 ...  547  548  549]\n"
        " [ 550  551  552 ... 1097 1098 1099]]");
  CHECK(text(arange<std::int64_t>(1001 * 4).reshape({1001, 2, 2})) ==
        "[[[   0    1]\n"
        "  [   2    3]]\n"
        "\n"
        " [[   4    5]\n"
        "  [   6    7]]\n"
        "\n"
        " [[   8    9]\n"
        "  [  10   11]]\n"
        "\n"
        " ...\n"
        "\n"
        " [[3992 3993]\n"
        "  [3994 3995]]\n"
        "\n"
        " [[3996 3997]\n"
        "  [3998 3999]]\n"
        "\n"
        " [[4000 4001]\n"
        "  [4002 4003]]]");
  CHECK(text(arange<std::int64_t>(12).reshape({3, 4}).t()) ==
        "[[ 0  4  8]\n"
        " [ 1  5  9]\n"
        " [ 2  6 10]\n"
        " [ 3  7 11]]");
}

TEST_CASE("print: scalars that NumPy lacks, and no tensor", "[core][print]") {
  CHECK(text(tensor<bfloat16>({1, 2.5, -3})) == "[ 1.   2.5 -3. ]");
  CHECK(text(from_vector(std::vector<dual<double>>{{1., 0.5}, {-2., 10.}})) == "[ 1. +  0.5 eps -2. + 10.  eps]");
  CHECK(text(Tensor<float>()) == "undefined");
  CHECK_THROWS_WITH((detail::raise<ValueError>("got ", tensor({1, 2}))), "got [1. 2.]");
}
