// The programs of docs/training.md.
#include <shunt/data/loader.hpp>
#include <shunt/io/checkpoint.hpp>
#include <shunt/shunt.hpp>

#include <cstdio>
#include <iostream>

namespace nn = shunt::nn;
namespace data = shunt::data;
namespace io = shunt::io;

int main() {
  shunt::manual_seed(1);
  auto inputs = shunt::randn({512, 16});
  auto labels = (inputs.sum(1) > 0).to<std::int64_t>();
  const std::string path = "training.checkpoint";

  auto net = nn::Sequential(nn::Linear(16, 64), nn::ReLU(),
                            nn::ResidualBlock(nn::Sequential(nn::Linear(64, 64), nn::ReLU(), nn::Linear(64, 64))),
                            nn::Linear(64, 2));
  auto loader = data::DataLoader(data::TensorDataset(inputs, labels), {.batch_size = 32, .shuffle = true});
  auto optimizer = shunt::optim::AdamW(net.parameters(), {.lr = 1e-2});
  auto schedule = shunt::optim::CosineAnnealingLR(optimizer, {.T_max = 10 * loader.size()});

  for (int epoch = 0; epoch < 10; ++epoch) {
    for (auto& [x, y] : loader) {
      optimizer.zero_grad();
      auto loss = shunt::cross_entropy(net(x), y);
      loss.backward();
      shunt::optim::clip_grad_norm_(net.parameters(), 1.0);
      optimizer.step();
      schedule.step();
    }
  }
  net.eval();
  {
    const shunt::NoGrad unrecorded;
    auto right = (net(inputs).argmax(1) == labels).to<float>().mean().item();
    std::cout << (right > 0.97 ? "learned" : "not learned") << '\n';
  }
  {
    io::save_checkpoint(path, {{"model", net.state_dict()},
                               {"optimizer", optimizer.state_dict()},
                               {"schedule", schedule.state_dict()},
                               {"loader", loader.state_dict()},
                               {"random", io::random_state()}});
    auto saved = io::load_checkpoint(path);
    net.load_state_dict(saved["model"]);
    optimizer.load_state_dict(saved["optimizer"]);
    schedule.load_state_dict(saved["schedule"]);
    loader.load_state_dict(saved["loader"]);
    io::set_random_state(saved["random"]);
  }
  std::remove(path.c_str());
}
