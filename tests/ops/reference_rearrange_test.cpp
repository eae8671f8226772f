// Views, joining, indexing and rearranging as PyTorch does them.
#include "shunt/ops/index.hpp"
#include "shunt/ops/join.hpp"
#include "shunt/ops/rearrange.hpp"
#include "support/catch.hpp"
#include "support/reference.hpp"

using namespace shunt;
using reference::Case;

namespace {

std::size_t piece(const Case& c) { return static_cast<std::size_t>(c.integer("piece")); }

PadOptions pad_options(const Case& c) {
  return {.mode = decltype(PadOptions::mode)::parse(c.word("mode")), .value = c.number("value", 0)};
}
EmbeddingOptions embedding_options(const Case& c) {
  if (!c.has("padding_idx")) return {};
  return {.padding_idx = c.integer("padding_idx")};
}

const reference::Calls rearrange_calls = {
    {"reshape", [](const Case& c) { return c.x[0].reshape(c.ints("shape")); }},
    {"permute", [](const Case& c) { return c.x[0].permute(c.ints("dims")); }},
    {"transpose", [](const Case& c) { return c.x[0].transpose(c.integer("a"), c.integer("b")); }},
    {"slice",
     [](const Case& c) {
       return c.x[0].slice(c.integer("dim"), c.integer("begin"), c.integer("end"), c.integer("step"));
     }},
    {"select", [](const Case& c) { return c.x[0].select(c.integer("dim"), c.integer("index")); }},
    {"narrow", [](const Case& c) { return c.x[0].narrow(c.integer("dim"), c.integer("begin"), c.integer("length")); }},
    {"expand", [](const Case& c) { return c.x[0].expand(c.ints("shape")); }},
    {"squeeze", [](const Case& c) { return c.x[0].squeeze(); }},
    {"squeeze_dim", [](const Case& c) { return c.x[0].squeeze(c.integer("dim")); }},
    {"unsqueeze", [](const Case& c) { return c.x[0].unsqueeze(c.integer("dim")); }},
    {"flatten", [](const Case& c) { return c.x[0].flatten(c.integer("first"), c.integer("last")); }},
    {"cat", [](const Case& c) { return cat(c.x, c.integer("dim")); }},
    {"stack", [](const Case& c) { return stack(c.x, c.integer("dim")); }},
    {"split", [](const Case& c) { return split(c.x[0], c.integer("size"), c.integer("dim")).at(piece(c)); }},
    {"split_sizes", [](const Case& c) { return split(c.x[0], c.ints("sizes"), c.integer("dim")).at(piece(c)); }},
    {"chunk", [](const Case& c) { return chunk(c.x[0], c.integer("chunks"), c.integer("dim")).at(piece(c)); }},
    {"index_select", [](const Case& c) { return index_select(c.x[0], c.integer("dim"), c.ids[0]); }},
    {"gather", [](const Case& c) { return gather(c.x[0], c.integer("dim"), c.ids[0]); }},
    {"scatter_add", [](const Case& c) { return scatter_add(c.x[0], c.integer("dim"), c.ids[0], c.x[1]); }},
    {"embedding", [](const Case& c) { return embedding(c.ids[0], c.x[0], embedding_options(c)); }},
    {"pad", [](const Case& c) { return pad(c.x[0], c.ints("pads"), pad_options(c)); }},
    {"flip", [](const Case& c) { return flip(c.x[0], c.ints("dims")); }},
    {"roll", [](const Case& c) { return roll(c.x[0], c.ints("shifts"), c.ints("dims")); }},
    {"tril", [](const Case& c) { return tril(c.x[0], c.integer("diagonal")); }},
    {"triu", [](const Case& c) { return triu(c.x[0], c.integer("diagonal")); }},
    {"pixel_shuffle", [](const Case& c) { return pixel_shuffle(c.x[0], c.integer("factor")); }},
    {"pixel_unshuffle", [](const Case& c) { return pixel_unshuffle(c.x[0], c.integer("factor")); }},
};

}  // namespace

TEST_CASE("views and rearranging: values and gradients are PyTorch's", "[ops][reference]") {
  reference::run("rearrange", rearrange_calls, 1e-15);
}
