// Checkpoints: what they hold, and that training goes on from one as if it had never stopped.
#include "shunt/io/checkpoint.hpp"

#include "shunt/data/loader.hpp"
#include "shunt/nn/activation.hpp"
#include "shunt/nn/dropout.hpp"
#include "shunt/nn/linear.hpp"
#include "shunt/nn/norm.hpp"
#include "shunt/nn/residual.hpp"
#include "shunt/nn/sequential.hpp"
#include "shunt/ops/loss.hpp"
#include "shunt/optim/adam.hpp"
#include "shunt/optim/clip.hpp"
#include "shunt/optim/ema.hpp"
#include "shunt/optim/schedules.hpp"
#include "support/catch.hpp"
#include "support/temp_folder.hpp"

using namespace shunt;

namespace {

/// A small network with all that has a state: dropout, running statistics, AdamW, a schedule, an average, a loader.
struct Training {
  using Set = data::TensorDataset<>;

  Tensor<float> inputs, targets;
  nn::Sequential<float> net;
  optim::AdamW<float> opt;
  optim::LinearWarmup schedule;
  optim::EMA<float> ema;
  data::DataLoader<Set> loader;

  explicit Training(std::uint64_t seed)
      : net((manual_seed(seed),
             nn::Sequential(nn::Linear(6, 16), nn::BatchNorm1d(16),
                            nn::ResidualBlock(nn::Sequential(nn::Linear(16, 16), nn::ReLU(), nn::Dropout(0.3))),
                            nn::Linear(16, 3)))),
        opt(net.parameters(), {.lr = 0.05, .weight_decay = 0.1}),
        schedule(opt, {.steps = 7, .then = optim::CosineAnnealing{.T_max = 20}}),
        ema(net.parameters(), {.decay = 0.9}),
        loader(samples(), {.batch_size = 16, .shuffle = true}) {}

  static Set samples() {
    Generator g(99);
    return {randn({70, 6}, g), randint(0, 3, {70}, g)};
  }
  io::Checkpoint state() const {
    return {{"model", net.state_dict()},   {"optimizer", opt.state_dict()}, {"schedule", schedule.state_dict()},
            {"average", ema.state_dict()}, {"loader", loader.state_dict()}, {"random", io::random_state()},
            {"nothing", StateDict{}}};
  }
  void restore(const io::Checkpoint& c) {
    net.load_state_dict(c["model"]);
    opt.load_state_dict(c["optimizer"]);
    schedule.load_state_dict(c["schedule"]);
    ema.load_state_dict(c["average"]);
    loader.load_state_dict(c["loader"]);
    io::set_random_state(c["random"]);
  }
  /// Goes on to the end of epoch `last`; saves to `path` after `stop` steps, and then stops if `leave`.
  void run(std::int64_t last, const std::string& path = "", int stop = -1, bool leave = false) {
    int steps = 0;
    while (loader.epoch() < last)
      for (auto& [x, y] : loader) {
        opt.zero_grad();
        cross_entropy(net(x), y).backward();
        optim::clip_grad_norm_(net.parameters(), 1);
        opt.step();
        schedule.step();
        ema.update();
        if (++steps == stop) {
          io::save_checkpoint(path, state());
          if (leave) return;
        }
      }
  }
};

bool same(const StateDict& a, const StateDict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, x] : a) {
    const auto* y = b.find(name);
    if (y == nullptr || y->dtype() != x.dtype() || y->shape() != x.shape()) return false;
    std::string left, right;
    io::detail::visit_bytes(x, [&](const void* p, std::size_t n) { left.append(static_cast<const char*>(p), n); });
    io::detail::visit_bytes(*y, [&](const void* p, std::size_t n) { right.append(static_cast<const char*>(p), n); });
    if (left != right) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("training that is resumed gives the bits of training that never stopped", "[io][checkpoint]") {
  const int stop = GENERATE(1, 5, 8, 10);  // five steps an epoch
  const TempFolder folder;
  const auto path = folder.path("run.safetensors");
  Training whole(1);
  whole.run(3);
  const auto wanted = whole.state();

  Training first(1);
  first.run(3, path, stop, true);
  Training second(2);  // another seed: other weights, another order, other masks
  second.run(1);
  second.restore(io::load_checkpoint(path));
  second.run(3);
  const auto got = second.state();
  for (const auto& [name, dict] : wanted) {
    CAPTURE(name);
    CHECK(same(dict, got[name]));
  }
  CHECK_FALSE(same(wanted["model"], first.state()["model"]));
}

TEST_CASE("a checkpoint keeps its parts apart, also empty ones", "[io][checkpoint]") {
  const TempFolder folder;
  const auto path = folder.path("c");
  io::save_checkpoint(
      path, {{"model", {{"w", full<float>({2}, 1)}}}, {"model2", {{"w", full<float>({2}, 2)}}}, {"none", {}}});
  const auto c = io::load_checkpoint(path);
  CHECK(c["model"].size() == 1);
  CHECK(c["model2"]["w"].as<float>().at({0}) == 2);
  CHECK(c["none"].empty());
  CHECK(c.contains("none"));
  CHECK_FALSE(c.contains("optimizer"));
  CHECK_THROWS_AS(c["optimizer"], ValueError);
  CHECK_THROWS_AS(io::save_checkpoint(path, {{"a.b", {}}}), ValueError);
  CHECK_THROWS_AS(io::save_checkpoint(path, {{"a", {}}, {"a", {}}}), ValueError);
  io::save_safetensors(path, {{"w", full<float>({2}, 1)}});
  CHECK_THROWS_AS(io::load_checkpoint(path), IoError);
}

TEST_CASE("the generator goes on where it was", "[io][checkpoint]") {
  Generator g(~std::uint64_t{0} - 3);
  rand({10}, g);
  const auto state = io::random_state(g);
  const auto next = rand({5}, g).to_vector();
  Generator other;
  io::set_random_state(state, other);
  CHECK(rand({5}, other).to_vector() == next);
}
