// A residual network on CIFAR-10, as He et al. 2015 trained theirs (section 4.2).
//   example_train_cifar --data FOLDER [--depth 20] [--version 1] [--plain] [--epochs 164] [--save FILE] [--resume FILE]
// FOLDER holds data_batch_1.bin to data_batch_5.bin and test_batch.bin, from cifar-10-binary.tar.gz. After each epoch
// --save writes a checkpoint, from which --resume goes on. --short trains on noise.
#include <shunt/data/cifar.hpp>
#include <shunt/data/loader.hpp>
#include <shunt/data/transforms.hpp>
#include <shunt/insight/progress.hpp>
#include <shunt/io/checkpoint.hpp>
#include <shunt/shunt.hpp>

#include <cstdio>
#include <iostream>

#include "arguments.hpp"

namespace {

using shunt::Tensor;
namespace data = shunt::data;

struct Options {
  std::string folder, save, resume;
  int depth = 20, version = 1, epochs = 164;
  bool plain = false, shortened = false;
};

Options parse(int argc, char** argv) {
  Options o;
  arguments::Parser()
      .option("--data FOLDER", o.folder)
      .option("--depth N", o.depth)
      .option("--version N", o.version)
      .flag("--plain", o.plain)
      .option("--epochs N", o.epochs)
      .option("--save FILE", o.save)
      .option("--resume FILE", o.resume)
      .flag("--short", o.shortened)
      .parse(argc, argv);
  if (o.shortened) o.depth = o.version == 1 ? 8 : 11, o.epochs = 2;
  return o;
}

data::Cifar10 load(const Options& o, bool training) {
  if (o.shortened) {
    const std::int64_t n = training ? 128 : 32;
    return {shunt::randint(0, 256, {n, 3, 32, 32}).to<std::uint8_t>(), shunt::randint(0, 10, {n})};
  }
  std::vector<std::string> files;
  for (int i = 1; i <= 5; ++i) files.push_back(o.folder + "/data_batch_" + std::to_string(i) + ".bin");
  return data::load_cifar10(training ? files : std::vector{o.folder + "/test_batch.bin"});
}

/// Of mean 0 and deviation 1 in each channel, over the training images.
data::TensorDataset<> normalized(const data::Cifar10& set) {
  const auto mean = shunt::from_vector<float>({0.4914F, 0.4822F, 0.4465F}, {3, 1, 1});
  const auto deviation = shunt::from_vector<float>({0.2470F, 0.2435F, 0.2616F}, {3, 1, 1});
  return {(set.images.to<float>() / 255.0 - mean) / deviation, set.labels};
}

template <class Net, class Loader>
double error_of(Net& net, Loader& loader) {
  const shunt::NoGrad unrecorded;
  net.eval();
  double wrong = 0, all = 0;
  for (auto& [x, y] : loader) {
    wrong += (net(x).argmax(1) != y).template to<float>().sum().item();
    all += static_cast<double>(y.numel());
  }
  net.train();
  return wrong / all;
}

}  // namespace

int main(int argc, char** argv) try {
  const Options o = parse(argc, argv);
  if (o.folder.empty() && !o.shortened) {
    std::cerr << "example_train_cifar --data FOLDER: the folder of cifar-10-binary.tar.gz, "
                 "https://www.cs.toronto.edu/~kriz/cifar.html\n";
    return 1;
  }
  shunt::manual_seed(1);
  data::DataLoader loader(
      data::Transformed(normalized(load(o, true)),
                        data::Compose(data::RandomCrop{.size = 32, .padding = 4}, data::RandomHorizontalFlip{})),
      {.batch_size = o.shortened ? 32 : 128, .shuffle = true});
  data::DataLoader test(normalized(load(o, false)), {.batch_size = 250});

  auto net = shunt::models::resnet_cifar(o.depth, {.plain = o.plain, .version = o.version});
  auto optimizer = shunt::optim::SGD(net.parameters(), {.lr = 0.1, .momentum = 0.9, .weight_decay = 1e-4});
  // A tenth after half of the epochs and again after three quarters, as 32,000 and 48,000 of 64,000 steps.
  auto schedule = shunt::optim::MultiStepLR(optimizer, {.milestones = {o.epochs / 2, o.epochs * 3 / 4}});
  int epoch = 1;
  if (!o.resume.empty()) {
    const auto from = shunt::io::load_checkpoint(o.resume);
    net.load_state_dict(from["model"]);
    optimizer.load_state_dict(from["optimizer"]);
    schedule.load_state_dict(from["schedule"]);
    loader.load_state_dict(from["loader"]);
    shunt::io::set_random_state(from["random"]);
    epoch = static_cast<int>(from["progress"].at("epoch").as<std::int64_t>().item()) + 1;
  }

  for (; epoch <= o.epochs; ++epoch) {
    shunt::insight::Progress progress("epoch " + std::to_string(epoch), static_cast<long>(loader.size()));
    double loss_sum = 0;
    for (auto& [x, y] : loader) {
      optimizer.zero_grad();
      const auto loss = cross_entropy(net(x), y);
      loss.backward();
      optimizer.step();
      loss_sum += loss.item();
      progress.step("loss " + std::to_string(loss.item()));
    }
    schedule.step();
    progress.finish();
    std::printf("epoch %d  train loss %.3f  test error %.2f %%\n", epoch, loss_sum / static_cast<double>(loader.size()),
                100 * error_of(net, test));
    std::fflush(stdout);
    if (!o.save.empty())
      shunt::io::save_checkpoint(o.save,
                                 {{"model", net.state_dict()},
                                  {"optimizer", optimizer.state_dict()},
                                  {"schedule", schedule.state_dict()},
                                  {"loader", loader.state_dict()},
                                  {"random", shunt::io::random_state()},
                                  {"progress", shunt::StateDict{{"epoch", shunt::full<std::int64_t>({}, epoch)}}}});
  }
} catch (const std::exception& e) {
  std::cerr << "example_train_cifar: " << e.what() << '\n';
  return 1;
}
