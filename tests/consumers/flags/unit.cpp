// One source for two units of a program: -DUNIT=plain -DOTHER=native, and the other way round with -march=native. What
// both instantiate, the linker keeps once, from the unit that comes first; what is inlined, each has for itself. The
// results are equal all the same, and memory that one unit asked for is given back by the other.
//
// Eigen's own matrices fail here by design (clang++ from -O1 on): their alignment, and with it the way in which they
// ask for memory and give it back, follows the flags. Nothing of ours owns one: as_matrix() and from_eigen() see ours
// through unaligned maps. The thread pool's MaxSizeVector has the alignment of its element, whatever the flags, and
// always takes handmade_aligned_malloc and handmade_aligned_free, which reads from the block itself where it began.
#include <shunt/tensor.hpp>

#include <cstdio>
#include <vector>

using shunt::Tensor;

struct Work {
  std::vector<Tensor<float>> values;
  Tensor<double> doubles;
};

namespace plain {
Work work();
void finish(Work& w);
}  // namespace plain
namespace native {
Work work();
void finish(Work& w);
}  // namespace native

namespace UNIT {

/// Products, convolutions, elementwise functions and reductions, of sizes that reach vectors, edges and threads.
Work work() {
  shunt::manual_seed(3);
  const auto a = shunt::randn({67, 130}).requires_grad(), b = shunt::randn({130, 65}).requires_grad();
  const auto image = shunt::randn({2, 3, 17, 19}).requires_grad(), filter = shunt::randn({5, 3, 3, 3}).requires_grad();
  const auto product = shunt::matmul(a, b);
  const auto convolved = shunt::conv2d(image, filter, {}, {.padding = 1});
  const auto bent = shunt::gelu(product) + shunt::tanh(product) * 0.5;
  const auto long_line = (shunt::rand({300, 1001}) * 3 - 1).exp();
  const auto sums = long_line.sum(1) / long_line.mean(1);
  const auto d = shunt::randn<double>({40, 41});
  return {{a, b, image, filter, bent, convolved, sums, bent.mean() + convolved.std() + sums.amax()},
          shunt::from_eigen((2 * shunt::as_matrix(shunt::matmul(d, d.t()).softmax(1))).transpose())};
}

/// Goes on with what the other unit began, and lets go of it.
void finish(Work& w) {
  w.values.back().backward();
  for (auto& x : w.values) {
    if (!x.has_grad()) continue;
    const auto g = x.grad();
    x = (g * x.detach()).clone();
  }
  w.doubles = w.doubles.log();
}

}  // namespace UNIT

#ifdef MAIN
/// Elements that differ in any bit.
static std::int64_t different(const Work& one, const Work& two) {
  std::int64_t n = 0;
  const auto count = [&](const auto& a, const auto& b) {
    const auto x = a.to_vector(), y = b.to_vector();
    for (std::size_t i = 0; i < x.size(); ++i) n += x[i] != y[i];
  };
  for (std::size_t i = 0; i < one.values.size(); ++i) count(one.values[i], two.values[i]);
  count(one.doubles, two.doubles);
  return n;
}

int main() {
  shunt::set_num_threads(2);
  Work here = UNIT::work(), there = OTHER::work();
  std::int64_t wrong = different(here, there);
  OTHER::finish(here);
  UNIT::finish(there);
  wrong += different(here, there);
  if (wrong != 0) std::printf("%ld elements differ\n", static_cast<long>(wrong));
  return wrong == 0 ? 0 : 1;
}
#endif
