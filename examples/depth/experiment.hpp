// Training one network on the digits, and looking into it.
#pragma once

#include <shunt/insight/progress.hpp>

#include "network.hpp"

struct Digits {
  Tensor<float> train_x, test_x;
  Tensor<std::int64_t> train_y, test_y;
};

struct Outcome {
  double train_loss = 0, test_accuracy = 0;
  std::vector<double> gradient_start, gradient_end;  ///< |dL/dW| of each block, before and after training
  std::vector<double> branch_start, branch_end;      ///< |F(x)| / |x| of each block; residual networks only
  std::vector<double> removal_loss;                  ///< test accuracy lost without each block; residual networks only
};

inline double accuracy(const Tensor<float>& logits, const Tensor<std::int64_t>& y) {
  const shunt::NoGrad unrecorded;
  return (logits.argmax(1) == y).to<float>().mean().item();
}

/// The length of each block's weight gradients for one batch.
inline std::vector<double> block_gradients(DigitNet& net, const Digits& data) {
  net.zero_grad();
  cross_entropy(net(data.train_x.narrow(0, 0, 256)), data.train_y.narrow(0, 0, 256)).backward();
  std::vector<double> norms;
  for (auto& block : net.blocks) {
    double squares = 0;
    for (const auto& p : block->parameters()) squares += std::pow(p.grad().to<double>().norm().item(), 2);
    norms.push_back(std::sqrt(squares));
  }
  net.zero_grad();
  return norms;
}

/// How much each branch adds to what it is added to.
inline std::vector<double> branch_ratios(DigitNet& net, const Tensor<float>& x) {
  const shunt::NoGrad unrecorded;
  std::vector<double> ratios;
  auto y = net.stem(x);
  for (auto& block : net.blocks) {
    if (auto* residual = dynamic_cast<nn::ResidualBlock<float>*>(&*block))
      ratios.push_back(residual->branch(y).norm().item() / y.norm().item());
    y = block(y);
  }
  return ratios;
}

inline Outcome run(const Digits& data, int layers, bool residual, int epochs, std::uint64_t seed,
                   shunt::insight::Progress& progress) {
  shunt::manual_seed(seed);
  DigitNet net(layers, residual);
  Outcome out;
  out.gradient_start = block_gradients(net, data);
  out.branch_start = branch_ratios(net, data.test_x);

  // Weight decay draws a branch towards 0, and so its block towards the identity.
  auto optimizer = shunt::optim::AdamW(net.parameters(), {.lr = 1e-3, .weight_decay = 1});
  auto schedule = shunt::optim::CosineAnnealingLR(optimizer, {.T_max = epochs});
  const std::int64_t batch = 64, batches = data.train_x.size(0) / batch;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const auto order = shunt::randperm(data.train_x.size(0));
    double loss_sum = 0;
    for (std::int64_t b = 0; b < batches; ++b) {
      const auto rows = order.narrow(0, b * batch, batch);
      optimizer.zero_grad();
      const auto loss = cross_entropy(net(index_select(data.train_x, 0, rows)), index_select(data.train_y, 0, rows));
      loss.backward();
      shunt::optim::clip_grad_norm_(net.parameters(), 1.0);
      optimizer.step();
      loss_sum += loss.item();
    }
    schedule.step();
    out.train_loss = loss_sum / static_cast<double>(batches);
    progress.step((residual ? "residual " : "plain ") + std::to_string(layers) + " layers, seed " +
                  std::to_string(seed) + ": loss " + shunt::insight::detail::number(out.train_loss, "%.3f"));
  }

  const shunt::EnableGrad recorded;
  out.gradient_end = block_gradients(net, data);
  out.branch_end = branch_ratios(net, data.test_x);
  const shunt::NoGrad unrecorded;
  out.test_accuracy = accuracy(net(data.test_x), data.test_y);
  if (residual)
    for (int i = 0; i < static_cast<int>(net.blocks.size()); ++i)
      out.removal_loss.push_back(out.test_accuracy - accuracy(net.without(data.test_x, i), data.test_y));
  return out;
}
