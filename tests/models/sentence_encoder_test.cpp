// The Universal Sentence Encoder, as examples/sentence_similarity has it: its form, and every stage with its own
// weights.
#include "../../examples/sentence_similarity/network.hpp"

#include "shunt/io/tfjs.hpp"
#include "support/modules.hpp"
#include "support/nets.hpp"
#include "support/sample.hpp"

using namespace shunt;

TEST_CASE("sentence encoder: four residual blocks, and padding that changes nothing", "[models][sentence_encoder]") {
  SentenceEncoder net;
  CHECK(modules::count<nn::ResidualBlock<float>>(net) == 4);
  const NoGrad unrecorded;
  nn::init::normal_(net.frequencies, 0, 1);
  const auto alone = net(tensor<std::int64_t>({{5, 8001, 0}}));
  REQUIRE(alone.shape() == Shape{1, 512});
  CHECK(alone.norm().item() == Approx(1));
  const auto padded = net(tensor<std::int64_t>({{5, 8001, 0, -1, -1}, {1, 2, 3, 4, 6}}));
  CHECK(amax(abs(padded.narrow(0, 0, 1) - alone)).item() < 1e-6);
  CHECK(amax(abs(net(tensor<std::int64_t>({{8001, 5, 0}})) - alone)).item() > 1e-3);  // order counts
  CHECK_THROWS_AS(net(tensor<std::int64_t>({{8002}})), IndexError);
}

TEST_CASE("sentence encoder: every stage and all embeddings", "[models][sentence_encoder][nets]") {
  if (!has_net("sentence/model.json")) return;
  const NoGrad unrecorded;
  SentenceEncoder net;
  net.load_state_dict(sentence_weights(io::load_tfjs(nets_folder() + "/sentence/model.json")));
  net.eval();
  const auto ids = io::load_npy<std::int32_t>(net_fixture("sentence/tokens.npy")).to<std::int64_t>();
  std::vector<std::int64_t> tokens;  // places of those that are no padding
  for (std::int64_t i = 0; i < ids.numel(); ++i)
    if (ids.data()[i] >= 0) tokens.push_back(i);
  const auto check = [&](const Tensor<float>& x, const std::string& stage) {
    // Relative: the stream grows to 90, and float's steps with it.
    check_sample(index_select(x.flatten(0, 1), 0, from_vector(tokens)), "sentence/stage_" + stage + ".npy", 1e-5, true);
  };
  const nn::Attend<float> to{.attn_mask = (ids >= 0).unsqueeze(1).unsqueeze(1)};
  auto x = net.embed(ids);
  check(x, "0");
  check(dynamic_cast<Attention&>(*net.blocks[0].branch).norm(x), "1");
  x = nn::tell(net.blocks[0], x, to);
  check(x, "2");
  x = net.blocks[1](x);
  check(x, "3");
  x = nn::tell(net.blocks[2], x, to);
  check(x, "4");
  x = net.blocks[3](x);
  check(x, "5");
  const auto y = net(ids);
  check_sample(y, "sentence/output.npy", 1e-5, false);

  const auto cosines = matmul(y, y.t());  // sentences 0 and 1 say the same, and so on; the last two are alone
  for (std::int64_t i = 0; i < 8; ++i)
    for (std::int64_t j = 0; j < i; ++j) {
      CAPTURE(i, j);
      if (i < 6 && i % 2 == 1 && j == i - 1)
        CHECK(cosines.at({i, j}) > 0.68);
      else
        CHECK(cosines.at({i, j}) < 0.22);
    }
}
