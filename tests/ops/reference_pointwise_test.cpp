// Elementwise operations as PyTorch does them, at their kinks, ties and bounds too.
#include "shunt/ops/activation.hpp"
#include "shunt/ops/compare.hpp"
#include "shunt/ops/pointwise.hpp"
#include "shunt/ops/where.hpp"
#include "support/catch.hpp"
#include "support/reference.hpp"

using namespace shunt;
using reference::Case;

namespace {

const reference::Calls arithmetic = {
    {"add", [](const Case& c) { return c.x[0] + c.x[1]; }},
    {"sub", [](const Case& c) { return c.x[0] - c.x[1]; }},
    {"mul", [](const Case& c) { return c.x[0] * c.x[1]; }},
    {"div", [](const Case& c) { return c.x[0] / c.x[1]; }},
    {"add_number", [](const Case& c) { return c.x[0] + c.number("value"); }},
    {"sub_number", [](const Case& c) { return c.x[0] - c.number("value"); }},
    {"mul_number", [](const Case& c) { return c.x[0] * c.number("value"); }},
    {"div_number", [](const Case& c) { return c.x[0] / c.number("value"); }},
    {"number_sub", [](const Case& c) { return c.number("value") - c.x[0]; }},
    {"number_div", [](const Case& c) { return c.number("value") / c.x[0]; }},
    {"neg", [](const Case& c) { return -c.x[0]; }},
    {"maximum", [](const Case& c) { return maximum(c.x[0], c.x[1]); }},
    {"minimum", [](const Case& c) { return minimum(c.x[0], c.x[1]); }},
    {"eq", [](const Case& c) { return c.x[0] == c.x[1]; }},
    {"ne", [](const Case& c) { return c.x[0] != c.x[1]; }},
    {"lt", [](const Case& c) { return c.x[0] < c.x[1]; }},
    {"le", [](const Case& c) { return c.x[0] <= c.x[1]; }},
    {"gt", [](const Case& c) { return c.x[0] > c.x[1]; }},
    {"ge", [](const Case& c) { return c.x[0] >= c.x[1]; }},
    {"isnan", [](const Case& c) { return isnan(c.x[0]); }},
    {"isfinite", [](const Case& c) { return isfinite(c.x[0]); }},
    {"where", [](const Case& c) { return where(c.masks[0], c.x[0], c.x[1]); }},
    {"masked_fill", [](const Case& c) { return masked_fill(c.x[0], c.masks[0], c.number("value")); }},
    {"pow_number", [](const Case& c) { return pow(c.x[0], c.number("value")); }},
    {"pow", [](const Case& c) { return pow(c.x[0], c.x[1]); }},
    {"clamp", [](const Case& c) { return clamp(c.x[0], c.number("lo"), c.number("hi")); }},
    {"hardtanh", [](const Case& c) { return hardtanh(c.x[0], c.number("lo"), c.number("hi")); }},
    {"clamp_min", [](const Case& c) { return clamp_min(c.x[0], c.number("lo")); }},
    {"clamp_max", [](const Case& c) { return clamp_max(c.x[0], c.number("hi")); }},
    {"exp", [](const Case& c) { return exp(c.x[0]); }},
    {"log", [](const Case& c) { return log(c.x[0]); }},
    {"sqrt", [](const Case& c) { return sqrt(c.x[0]); }},
    {"rsqrt", [](const Case& c) { return rsqrt(c.x[0]); }},
    {"sin", [](const Case& c) { return sin(c.x[0]); }},
    {"cos", [](const Case& c) { return cos(c.x[0]); }},
    {"tanh", [](const Case& c) { return tanh(c.x[0]); }},
    {"sigmoid", [](const Case& c) { return sigmoid(c.x[0]); }},
    {"erf", [](const Case& c) { return erf(c.x[0]); }},
    {"abs", [](const Case& c) { return abs(c.x[0]); }},
    {"relu", [](const Case& c) { return relu(c.x[0]); }},
    {"leaky_relu", [](const Case& c) { return leaky_relu(c.x[0], c.number("slope", 0.01)); }},
    {"elu", [](const Case& c) { return elu(c.x[0], c.number("alpha", 1)); }},
    {"silu", [](const Case& c) { return silu(c.x[0]); }},
    {"softplus",
     [](const Case& c) {
       return softplus(c.x[0], {.beta = c.number("beta", 1), .threshold = c.number("threshold", 20)});
     }},
    {"gelu",
     [](const Case& c) {
       return gelu(c.x[0], {.approximate = decltype(GeluOptions::approximate)::parse(c.word("approximate"))});
     }},
};

}  // namespace

TEST_CASE("elementwise operations: values and gradients are PyTorch's", "[ops][reference]") {
  reference::run("pointwise", arithmetic, 1e-14);
}
