// The generator: Philox against its published values, and its position.
#include "shunt/core/random.hpp"

#include "support/catch.hpp"

using namespace shunt;
using Block = std::array<std::uint32_t, 4>;

TEST_CASE("Philox 4x32-10: known answers", "[core][random]") {
  // The first is Random123's kat_vectors; the second was computed by a separate program.
  CHECK(RandomStream{}.block(0) == Block{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
  CHECK(RandomStream{0x299f31d0a4093822u, 0x85a308d3243f6a88u}.block(0) ==
        Block{0xe69c9c31u, 0xb5a3d762u, 0xe733bfc1u, 0x341a787cu});
}

TEST_CASE("Generator: positions, states, copies", "[core][random]") {
  Generator g(5);
  const auto a = g.reserve(10), b = g.reserve(1);
  CHECK(b.position == a.position + 10);
  CHECK(a.block(10) == b.block(0));
  CHECK(a.block(0) != b.block(0));
  Generator copy = g;
  CHECK(copy.reserve(1).block(0) == g.reserve(1).block(0));
  const auto state = g.state();
  const auto next = g.reserve(3).block(2);
  g.set_state(state);
  CHECK(g.reserve(3).block(2) == next);
  g.manual_seed(5);
  CHECK(g.reserve(1).block(0) == a.block(0));
  CHECK(Generator(6).reserve(1).block(0) != a.block(0));
  manual_seed(9);
  CHECK(generator().state().position == 0);
  CHECK(generator().state().seed == 9);
}
