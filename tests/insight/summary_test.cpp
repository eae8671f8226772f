#include "shunt/insight/summary.hpp"

#include <sstream>

#include "shunt/models/resnet_cifar.hpp"
#include "shunt/nn/dropout.hpp"
#include "shunt/nn/transformer.hpp"
#include "shunt/tensor.hpp"
#include "support/catch.hpp"

using namespace shunt;

namespace {

const insight::SummaryRow& row(const insight::Summary& s, const std::string& path) {
  for (const auto& r : s.rows)
    if (r.path == path) return r;
  FAIL("no row " << path);
  return s.rows[0];
}

}  // namespace

TEST_CASE("summary: shapes, parameters and operations of a ResNet by hand", "[insight][summary]") {
  auto net = models::resnet_cifar(20);
  const auto s = insight::summary(net, {3, 32, 32});
  CHECK(s.parameters == 269722);
  CHECK(s.trainable == 269722);
  CHECK(s.parameter_bytes == 4 * 269722);
  CHECK(s.rows[0].kind == "ResNetCifar");
  CHECK(s.rows[0].output == Shape{1, 10});

  CHECK(row(s, "conv1").parameters == 3 * 16 * 9);
  CHECK(row(s, "conv1").output == Shape{1, 16, 32, 32});
  CHECK(row(s, "conv1").flops == 2.0 * 3 * 16 * 9 * 32 * 32);
  CHECK(row(s, "layer2.0.conv1").output == Shape{1, 32, 16, 16});
  CHECK(row(s, "fc").flops == 2.0 * 640);
  CHECK(row(s, "bn1").flops == 0);

  // He et al. 2015, section 4.2, added up: a convolution and three stages of three blocks.
  const double stage1 = 6 * 2.0 * 16 * 16 * 9 * 32 * 32;
  const double stage2 = 2.0 * 16 * 32 * 9 * 16 * 16 + 5 * 2.0 * 32 * 32 * 9 * 16 * 16;
  const double stage3 = 2.0 * 32 * 64 * 9 * 8 * 8 + 5 * 2.0 * 64 * 64 * 9 * 8 * 8;
  CHECK(row(s, "layer1").flops == stage1);
  CHECK(s.flops == row(s, "conv1").flops + stage1 + stage2 + stage3 + 2 * 640);
  CHECK(s.flops == s.rows[0].flops);
}

TEST_CASE("summary: attention counts its scores and their sums", "[insight][summary]") {
  nn::TransformerEncoderBlock<float> block({.width = 16, .heads = 4, .hidden = 32});
  const auto s = insight::summary(block, {5, 16});
  CHECK(row(s, "self_attn").flops == 2.0 * (5 * 16 * 48 + 5 * 16 * 16 + 2 * 5 * 5 * 16));
  CHECK(row(s, "linear1").output == Shape{1, 5, 32});
}

TEST_CASE("summary: changes neither mode, nor statistics, nor gradients", "[insight][summary]") {
  auto net = models::resnet_cifar(8);
  net.layer2.eval();
  const auto before = net.state_dict();
  StateDict copies;
  for (const auto& [name, t] : before)
    if (t.is<float>()) copies.set(name, t.as<float>().clone());
  insight::summary(net, {3, 8, 8});
  CHECK(net.is_training());
  CHECK_FALSE(net.layer2.is_training());
  CHECK(net.layer1.is_training());
  for (const auto& [name, t] : copies) CHECK(equal(t.as<float>(), net.state_dict().at(name).as<float>()));
  for (const auto& p : net.parameters()) CHECK_FALSE(p.has_grad());
}

TEST_CASE("summary: a layer used twice counts twice, one not used not at all", "[insight][summary]") {
  struct Net : nn::Layer<float> {
    nn::Linear<float> used{4, 4}, unused{4, 2};
    Tensor<float> forward(const Tensor<float>& x) override { return used(used(x)); }
    void members(nn::Members<float>& m) override { m("used", used)("unused", unused); }
  } net;
  const auto s = insight::summary(net, {4});
  CHECK(row(s, "used").runs == 2);
  CHECK(row(s, "used").flops == 2 * 2.0 * 16);
  CHECK(row(s, "unused").runs == 0);
  CHECK(s.output_bytes == 2 * 4 * 4);
  CHECK(s.parameters == 20 + 10);
}

TEST_CASE("summary: the table", "[insight][summary]") {
  nn::Sequential<float> net({{"first", nn::Linear<float>(3, 1000)}, {"last", nn::Linear<float>(1000, 2)}});
  std::ostringstream out;
  out << insight::summary(net, {3});
  CHECK("\n" + out.str() == R"(
=========================================================
Layer                     Output     Parameters     FLOPs
=========================================================
Sequential                (1, 2)          6,002    10.0 k
  first: Linear(3, 1000)  (1, 1000)       4,000    6.00 k
  last: Linear(1000, 2)   (1, 2)          2,002    4.00 k
=========================================================
Parameters: 6,002 (0.02 MB), trainable: 6,002
FLOPs: 10.0 k, outputs: 0.00 MB
=========================================================
)");
}

TEST_CASE("CountFlops: products, convolutions, nested counters", "[ops][flops]") {
  const CountFlops outer;
  {
    const CountFlops inner;
    matmul(ones({2, 3, 4}), ones({4, 5}));
    CHECK(inner.found() == 2.0 * 2 * 3 * 4 * 5);
  }
  CHECK(outer.found() == 2.0 * 2 * 3 * 4 * 5);
  conv2d(ones({2, 4, 5, 5}), ones({6, 2, 3, 3}), {}, {.groups = 2});
  CHECK(outer.found() == 240 + 2.0 * 2 * 6 * 3 * 3 * 2 * 9);
  const double before = outer.found();
  conv_transpose2d(ones({1, 4, 5, 5}), ones({4, 3, 2, 2}), {}, {.stride = 2});
  CHECK(outer.found() == before + 2.0 * 100 * 12);
}
