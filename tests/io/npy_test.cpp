#include "shunt/io/npy.hpp"

#include "shunt/tensor.hpp"
#include "support/damage.hpp"
#include "support/reason.hpp"

using namespace shunt;

namespace {

/// A file as NumPy would write it.
std::string npy(const std::string& dict, const std::string& data, char version = 1) {
  std::string header = dict;
  const std::size_t start = version == 1 ? 10 : 12;
  header.append(63 - (start + header.size()) % 64, ' ');
  header += '\n';
  std::string out("\x93NUMPY", 6);
  out += version;
  out += '\0';
  for (std::size_t i = 0; i < start - 8; ++i) out += static_cast<char>(header.size() >> (8 * i));
  return out + header + data;
}
std::string refusal(const std::string& path) {
  return reason([&] { io::load_npy(path); });
}

}  // namespace

TEMPLATE_TEST_CASE("npy: what is written is read, for every type and layout", "[io][npy]", float, double, std::int64_t,
                   std::int32_t, std::uint8_t, bool) {
  const TempFolder folder;
  const auto path = folder.path("x.npy");
  const auto x = randint<TestType>(0, 2, {3, 4, 5});
  for (const auto& t :
       {x, x.transpose(0, 2), x.slice(1, 1, 3), x.select(2, 1), x.select(0, 0).select(0, 0).select(0, 0),
        x.slice(0, 0, 0), x.select(1, 0).unsqueeze(0).expand({2, 3, 5})}) {
    io::save_npy(path, t);
    const auto back = io::load_npy<TestType>(path);
    CHECK(back.shape() == t.shape());
    CHECK(back.to_vector() == t.contiguous().to_vector());
    CHECK(folder.content("x.npy").find('\n') % 64 == 63);
  }
}

TEST_CASE("npy: files as NumPy writes them", "[io][npy]") {
  const TempFolder folder;
  const auto load = [&](const std::string& content) { return io::load_npy(folder.file("x.npy", content)); };
  const auto floats = raw<float>({1, 2, 3, 4, 5, 6});
  for (char version = 1; version <= 3; ++version) {
    const auto x =
        load(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", floats, version)).as<float>();
    CHECK(x.shape() == Shape{2, 3});
    CHECK(x.at({1, 0}) == 4);
  }
  const auto f = load(npy("{\"shape\": (2, 3), 'fortran_order': True, 'descr': '<f4'}", floats)).as<float>();
  CHECK(f.shape() == Shape{2, 3});
  CHECK(f.to_vector() == std::vector<float>{1, 3, 5, 2, 4, 6});
  CHECK(load(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (6,), }", floats)).as<float>().at({5}) == 6);
  const auto cube =
      load(npy("{'descr': '|u1', 'fortran_order': True, 'shape': (2, 1, 2), }", "\1\2\3\4")).as<std::uint8_t>();
  CHECK(cube.to_vector() == std::vector<std::uint8_t>{1, 3, 2, 4});
  CHECK(load(npy("{'descr': '<f8', 'fortran_order': False, 'shape': (), }", raw<double>({2.5}))).as<double>().item() ==
        2.5);
  CHECK(load(npy("{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }", raw<std::int16_t>({-7, 8})))
            .as<std::int32_t>()
            .at({0}) == -7);
  CHECK(load(npy("{'descr': '<u4', 'fortran_order': False, 'shape': (1,), }", raw<std::uint32_t>({4000000000u})))
            .as<std::int64_t>()
            .item() == 4000000000);
  const auto half = load(npy("{'descr': '<f2', 'fortran_order': False, 'shape': (6,), }",
                             raw<std::uint16_t>({0x3c00, 0xc000, 0x0001, 0x7bff, 0x7c00, 0x83ff})))
                        .as<float>();
  CHECK(half.to_vector() == std::vector<float>{1, -2, 0x1p-24f, 65504, INFINITY, -1023 * 0x1p-24f});

  reset_peak_memory();
  const auto before = memory_stats().peak;
  const auto none = load(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (0, 3, 2147483648), }", ""));
  CHECK(none.as<float>().shape() == Shape{0, 3, 2147483648});
  CHECK(memory_stats().peak < before + 4096);
}

TEST_CASE("npy: what cannot be read is named", "[io][npy]") {
  const TempFolder folder;
  const auto why = [&](const std::string& dict, const std::string& data = raw<float>({1}), char version = 1) {
    return refusal(folder.file("x.npy", npy(dict, data, version)));
  };
  using Catch::Contains;
  CHECK_THAT(why("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }"),
             Contains("big-endian") && Contains("x.npy"));
  CHECK_THAT(why("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }"), Contains("'<c8'"));
  CHECK_THAT(why("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }"), Contains("records"));
  CHECK_THAT(why("{'descr': '<f4', 'fortran_order': False, 'shape': (2147483648, 2147483648, 4), }"),
             Contains("takes"));
  CHECK_THAT(why("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }"),
             Contains("too large"));
  CHECK_THAT(why("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }"), Contains("8 dimensions"));
  CHECK_THAT(why("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }"), Contains("no number"));
  CHECK_THAT(why("{'descr': '<f4', 'fortran_order': False, }"), Contains("missing key"));
  CHECK_THAT(why("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}"), Contains("repeated"));
  CHECK_THAT(why("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", raw<float>({1}), 9),
             Contains("version 9"));
  CHECK_THAT(why("{'descr': '|b1', 'fortran_order': False, 'shape': (1,), }", "\x02"), Contains("bool"));
  CHECK_THAT(why("{'descr': '<u8', 'fortran_order': False, 'shape': (1,), }", raw<std::uint64_t>({~std::uint64_t{0}})),
             Contains("does not fit"));
  CHECK_THAT(refusal(folder.path("none.npy")), Contains("none.npy") && Contains("No such file"));
  CHECK_THAT(refusal(folder.path()), Contains("is a folder"));
  CHECK_THAT(refusal("/dev/zero"), Contains("not a regular file"));

  io::save_npy(folder.path("d.npy"), zeros<double>({2}));
  CHECK_THROWS_WITH(io::load_npy<float>(folder.path("d.npy")), Contains("float64") && Contains("float32"));
  CHECK_THROWS_AS(io::save_npy(folder.path("h.npy"), zeros<bfloat16>({2})), ValueError);
  CHECK_THROWS_AS(io::save_npy(folder.path("h.npy"), zeros<dual<float>>({2})), ValueError);
  CHECK(folder.files() == 2);
}

TEST_CASE("npy: damaged files are errors, and take no memory that they do not have", "[io][npy]") {
  const TempFolder folder;
  io::save_npy(folder.path("x.npy"), arange<float>(60).reshape({3, 4, 5}));
  check_damage(folder.content("x.npy"), [](const std::string& path) { io::load_npy(path); });
}
