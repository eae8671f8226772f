// A residual network on Fashion-MNIST: 60,000 pictures of clothes in ten classes.
//   example_fashion [--data FOLDER] [--depth 14] [--width 16] [--epochs 14] [--minutes 10] [--short]
// FOLDER holds the four gzipped IDX files; Debian's package dataset-fashion-mnist puts them where the default looks.
#include <shunt/data/gzip.hpp>
#include <shunt/data/idx.hpp>
#include <shunt/data/loader.hpp>
#include <shunt/data/transforms.hpp>
#include <shunt/insight/progress.hpp>
#include <shunt/shunt.hpp>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "arguments.hpp"

namespace {

using shunt::Tensor;
namespace data = shunt::data;

struct Options {
  std::string folder = "/usr/share/datasets/fashion-mnist";
  int depth = 14, width = 16, epochs = 14;
  double minutes = 10;
  bool shortened = false;
};

Options parse(int argc, char** argv) {
  Options o;
  arguments::Parser()
      .option("--data FOLDER", o.folder)
      .option("--depth N", o.depth)
      .option("--width N", o.width)
      .option("--epochs N", o.epochs)
      .option("--minutes N", o.minutes)
      .flag("--short", o.shortened)
      .parse(argc, argv);
  return o;
}

/// Pictures as (n, 1, 28, 28) of mean 0 and deviation 1, and their labels.
data::TensorDataset<> load(const std::string& folder, const std::string& part, std::int64_t most) {
  const auto read = [&](const std::string& what) {
    return data::load_idx(data::read_gzip(folder + "/" + part + what)).as<std::uint8_t>();
  };
  const auto pictures = read("-images-idx3-ubyte.gz").slice(0, 0, most).to<float>().unsqueeze(1);
  const auto labels = read("-labels-idx1-ubyte.gz").slice(0, 0, most).to<std::int64_t>();
  return {(pictures * (1.0 / 255) - 0.2860) / 0.3530, labels};
}

template <class Net, class Loader>
double accuracy(Net& net, Loader& loader) {
  const shunt::NoGrad unrecorded;
  net.eval();
  double right = 0, all = 0;
  for (auto& [x, y] : loader) {
    right += (net(x).argmax(1) == y).template to<float>().sum().item();
    all += static_cast<double>(y.numel());
  }
  net.train();
  return right / all;
}

}  // namespace

int main(int argc, char** argv) try {
  const Options o = parse(argc, argv);
  if (!std::filesystem::exists(o.folder + "/train-images-idx3-ubyte.gz")) {
    std::cout << "Fashion-MNIST is not in " << o.folder
              << ": apt-get install dataset-fashion-mnist, or name the folder with --data\n";
    return o.shortened ? 0 : 1;
  }
  shunt::manual_seed(1);
  const std::int64_t most = o.shortened ? 512 : 60000;
  auto training =
      data::Transformed(load(o.folder, "train", most),
                        data::Compose(data::RandomCrop{.size = 28, .padding = 2}, data::RandomHorizontalFlip{}));
  data::DataLoader loader(training, {.batch_size = 128, .shuffle = true, .drop_last = true});
  data::DataLoader test(load(o.folder, "t10k", most), {.batch_size = 500});

  auto net = shunt::models::resnet_cifar(o.depth, {.in_channels = 1, .classes = 10, .width = o.width});
  const int epochs = o.shortened ? 1 : o.epochs;
  auto optimizer =
      shunt::optim::SGD(net.parameters(), {.lr = 0.1, .momentum = 0.9, .weight_decay = 5e-4, .nesterov = true});
  auto schedule = shunt::optim::OneCycleLR(optimizer, {.max_lr = 0.2, .total_steps = epochs * loader.size()});

  const auto start = std::chrono::steady_clock::now();
  const auto minutes = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / 60;
  };
  for (int epoch = 1; epoch <= epochs && minutes() < o.minutes; ++epoch) {
    shunt::insight::Progress progress("epoch " + std::to_string(epoch), static_cast<long>(loader.size()));
    double loss_sum = 0;
    for (auto& [x, y] : loader) {
      optimizer.zero_grad();
      const auto loss = cross_entropy(net(x), y);
      loss.backward();
      optimizer.step();
      schedule.step();
      loss_sum += loss.item();
      progress.step("loss " + std::to_string(loss.item()));
    }
    progress.finish();
    std::printf("epoch %d  train loss %.3f  test accuracy %.2f %%  %.1f min\n", epoch,
                loss_sum / static_cast<double>(loader.size()), 100 * accuracy(net, test), minutes());
    std::fflush(stdout);
  }
} catch (const std::exception& e) {
  std::cerr << "example_fashion: " << e.what() << '\n';
  return 1;
}
