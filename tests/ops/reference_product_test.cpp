// Products as PyTorch does them: all batching rules of matmul, and einsum.
#include "shunt/ops/einsum.hpp"
#include "support/catch.hpp"
#include "support/reference.hpp"

using namespace shunt;
using reference::Case;

namespace {

const reference::Calls product_calls = {
    {"matmul",
     [](const Case& c) { return c.flag("transposed") ? matmul(c.x[0].mT(), c.x[1].mT()) : matmul(c.x[0], c.x[1]); }},
    {"bmm", [](const Case& c) { return bmm(c.x[0], c.x[1]); }},
    {"linear", [](const Case& c) { return linear(c.x[0], c.x[1], c.maybe(2)); }},
    {"einsum", [](const Case& c) { return einsum(c.word("text"), c.x); }},
};

}  // namespace

TEST_CASE("products: values and gradients are PyTorch's", "[ops][reference]") {
  reference::run("product", product_calls, 1e-13);
}
