#include "shunt/nn/transformer.hpp"

#include <set>

#include "shunt/tensor.hpp"
#include "support/catch.hpp"
#include "support/gap.hpp"

using namespace shunt;

namespace {

constexpr std::int64_t width = 8;
nn::TransformerBlockOptions small(bool norm_first) {
  return {.width = width, .heads = 2, .hidden = 12, .dropout = 0, .activation = "gelu", .norm_first = norm_first};
}

/// The block's parts, rebuilt from its state dict by the names that PyTorch gives them.
struct Parts {
  StateDict state;
  Tensor<double> at(const std::string& name) const { return state.at(name); }
  Tensor<double> attention(const std::string& name, const Tensor<double>& x, const Tensor<double>& memory,
                           bool causal) const {
    nn::MultiheadAttention<double> m({.width = width, .heads = 2});
    m.load_state_dict(state.part(name + "."));
    return m(x, memory, memory, {.is_causal = causal});
  }
  Tensor<double> feed_forward(const Tensor<double>& x) const {
    return linear(gelu(linear(x, at("linear1.weight"), at("linear1.bias"))), at("linear2.weight"), at("linear2.bias"));
  }
  Tensor<double> norm(int i, const Tensor<double>& x) const {
    const std::string name = "norm" + std::to_string(i);
    return layer_norm(x, {width}, at(name + ".weight"), at(name + ".bias"));
  }
};
/// Weights that leave nothing at its start: norms and biases too.
template <class Block>
Parts shaken(Block& block) {
  for (const auto& p : block.parameters()) nn::init::normal_(p, 0.2, 0.5);
  return {block.state_dict()};
}
std::set<std::string> names_of(const nn::Module<double>& m) {
  std::set<std::string> names;
  for (const auto& [name, p] : m.named_parameters()) names.insert(name);
  return names;
}

}  // namespace

TEST_CASE("TransformerEncoderBlock: x + attention, then x + feed-forward, normed before or after",
          "[nn][transformer]") {
  manual_seed(1);
  const bool causal = GENERATE(false, true);
  const auto x = randn<double>({2, 5, width});
  nn::TransformerEncoderBlock<double> pre(small(true)), post(small(false));
  {
    const Parts p = shaken(pre);
    const auto n = p.norm(1, x), h = x + p.attention("self_attn", n, n, causal);
    CHECK(gap(pre(x, {.is_causal = causal}), h + p.feed_forward(p.norm(2, h))) < 1e-12);
  }
  const Parts p = shaken(post);
  const auto h = p.norm(1, x + p.attention("self_attn", x, x, causal));
  CHECK(gap(post(x, {.is_causal = causal}), p.norm(2, h + p.feed_forward(h))) < 1e-12);
  if (!causal) CHECK(gap(post(x), post(x, {})) == 0);
}

TEST_CASE("TransformerDecoderBlock: attention to itself and to memory", "[nn][transformer]") {
  manual_seed(2);
  const auto x = randn<double>({2, 5, width}), memory = randn<double>({2, 7, width});
  nn::TransformerDecoderBlock<double> pre(small(true)), post(small(false));
  {
    const Parts p = shaken(pre);
    const auto n = p.norm(1, x), h = x + p.attention("self_attn", n, n, true);
    const auto z = h + p.attention("multihead_attn", p.norm(2, h), memory, false);
    CHECK(gap(pre(x, memory, {.is_causal = true}), z + p.feed_forward(p.norm(3, z))) < 1e-12);
  }
  const Parts p = shaken(post);
  const auto h = p.norm(1, x + p.attention("self_attn", x, x, false));
  const auto z = p.norm(2, h + p.attention("multihead_attn", h, memory, false));
  CHECK(gap(post(x, memory), p.norm(3, z + p.feed_forward(z))) < 1e-12);
}

TEST_CASE("A decoder block that keeps what it has read gives the same in parts", "[nn][transformer]") {
  manual_seed(4);
  nn::TransformerDecoderBlock<double> block(small(GENERATE(true, false)));
  shaken(block);
  const auto x = randn<double>({2, 6, width}), memory = randn<double>({2, 5, width});
  const auto mask = (rand<double>({2, 1, 1, 5}) < 0.7) | tril(ones<bool>({1, 5}));  // the first may always be seen
  const NoGrad unrecorded;
  const auto whole = block(x, memory, {.is_causal = true, .memory_mask = mask});
  nn::KeyValueCache<double> read(1, 2, 2, 6, width / 2), of_memory(1, 2, 2, 5, width / 2);
  const auto part = [&](std::int64_t t, std::int64_t s) {
    const auto y = block(x.narrow(1, read.length(), t), memory.narrow(1, of_memory.length(), s),
                         {.is_causal = true,
                          .memory_mask = mask.narrow(3, 0, of_memory.length() + s),
                          .past = &read[0],
                          .memory_past = &of_memory[0]});
    CHECK(gap(y, whole.narrow(1, read.length(), t)) < 1e-12);
    read.advance(t);
    of_memory.advance(s);
  };
  part(2, 5);
  part(1, 0);
  part(3, 0);
  CHECK_THROWS_WITH(block(x, memory, {.past = &read[0]}), Catch::Contains("exceed its capacity of 6"));
  CHECK_THROWS_AS(block(x.narrow(0, 0, 1), memory, {.past = &read[0]}), ShapeError);
  read = {1, 2, 2, 9, width / 2};
  read.advance(3);
  CHECK_THROWS_WITH(block(x, memory, {.attn_mask = mask.narrow(3, 0, 1), .is_causal = true, .past = &read[0]}),
                    Catch::Contains("no mask but the causal one"));
  const EnableGrad recorded;
  CHECK_THROWS_AS(block(x, memory, {.past = &read[0]}), GraphError);
}

TEST_CASE("Transformer blocks have PyTorch's parameter names", "[nn][transformer]") {
  const bool norm_first = GENERATE(false, true);
  std::set<std::string> encoder, decoder;
  const auto both = [&](const std::string& name) { encoder.insert(name), decoder.insert(name); };
  for (const std::string part : {"weight", "bias"}) {
    for (const std::string name :
         {"self_attn.in_proj_", "self_attn.out_proj.", "linear1.", "linear2.", "norm1.", "norm2."})
      both(name + part);
    for (const std::string name : {"multihead_attn.in_proj_", "multihead_attn.out_proj.", "norm3."})
      decoder.insert(name + part);
  }
  CHECK(names_of(nn::TransformerEncoderBlock<double>(small(norm_first))) == encoder);
  CHECK(names_of(nn::TransformerDecoderBlock<double>(small(norm_first))) == decoder);
}

TEST_CASE("Transformer blocks drop in training only, and a copy is another block", "[nn][transformer]") {
  manual_seed(3);
  nn::TransformerEncoderBlock block({.width = width, .heads = 2, .hidden = 12, .dropout = 0, .drop_path = 0.5});
  const auto x = randn({16, 3, width});
  CHECK(gap(block(x), block(x)) > 0);
  block.eval();
  CHECK(gap(block(x), block(x)) == 0);
  auto copy = block;
  CHECK(gap(block(x), copy(x)) == 0);
  for (const auto& p : copy.parameters()) nn::init::zeros_(p);
  CHECK(gap(block(x, {.is_causal = true}), copy(x, {.is_causal = true})) > 0);
}

TEST_CASE("Transformer blocks say where something did not fit", "[nn][transformer]") {
  nn::TransformerEncoderBlock<double> block(small(true));
  CHECK_THROWS_WITH(block(zeros<double>({2, 5, 7})), Catch::Contains("TransformerEncoderBlock.norm1 (LayerNorm)"));
  CHECK_THROWS_WITH(block(zeros<double>({2, 5, width}), {.attn_mask = zeros<double>({4, 4})}),
                    Catch::Contains("self_attn") && Catch::Contains("(4, 4)"));
  block.attention.branch = nn::Linear<double>(width, width);
  CHECK_THROWS_AS(block(zeros<double>({2, 5, width}), {.is_causal = true}), ValueError);
  CHECK(block(zeros<double>({2, 5, width})).numel() == 80);
}
