#include "shunt/io/npz.hpp"

#include "shunt/tensor.hpp"
#include "support/damage.hpp"
#include "support/reason.hpp"
#include "support/zip_file.hpp"

using namespace shunt;
using Catch::Contains;

namespace {

std::string why(const std::string& path) {
  return reason([&] { io::load_npz(path); });
}

}  // namespace

TEST_CASE("npz: archives as NumPy writes them", "[io][npz]") {
  const auto name = GENERATE("arrays.npz", "compressed.npz");
  for (const bool map : {true, false}) {
    const auto dict = io::load_npz(files + name, {.map = map});
    REQUIRE(dict.size() == 7);
    CHECK(dict.begin()->first == "float");
    const std::vector<float> ramp{0, 1, 2, 3, 4, 5};
    CHECK(dict["float"].as<float>().to_vector() == ramp);
    CHECK(dict["fortran"].as<float>().to_vector() == ramp);
    CHECK(dict["fortran"].shape() == Shape{2, 3});
    CHECK(dict["half"].as<float>().to_vector() == std::vector<float>{0, 1, 2});
    CHECK(dict["short"].as<std::int32_t>().to_vector() == std::vector<std::int32_t>{0, 1, 2, 3});
    CHECK(dict["scalar"].as<double>().item() == 2.5);
    CHECK(dict["mask"].as<bool>().to_vector() == std::vector<bool>{true, false});
    CHECK(dict["empty"].shape() == Shape{0, 2});
  }
}

TEST_CASE("npz: what is written is read, stored or compressed", "[io][npz]") {
  const TempFolder folder;
  const auto path = folder.path("x.npz");
  const auto m = randn({4, 6});
  const StateDict dict{{"m", m},
                       {"view", m.t().slice(0, 1, 5, 2)},
                       {"layers.0/weight", randint(0, 9, {3})},
                       {"n\xc3\xa4", full<double>({}, 2.5)},
                       {"flags", full<bool>({2}, 1)},
                       {"none", zeros({0, 3})},
                       {"zeros", zeros({1000})}};
  for (const bool compress : {false, true}) {
    io::save_npz(path, dict, {.compress = compress});
    CHECK((folder.content("x.npz").size() < 3000) == compress);
    const auto back = io::load_npz(path);
    REQUIRE(back.size() == dict.size());
    for (const auto& [name, x] : dict) {
      CAPTURE(name);
      CHECK(back[name].dtype() == x.dtype());
      CHECK(back[name].shape() == x.shape());
      CHECK(equal(back[name].to<double>(), x.to<double>()));
    }
    CHECK(static_cast<bool>(back["m"].as<float>().body().storage->owner) == !compress);
    back["m"].as<float>().zero_();
    CHECK(equal(io::load_npz(path)["m"].as<float>(), m));
  }
  io::save_npz(path, StateDict{});
  CHECK(io::load_npz(path).empty());
  const auto before = folder.content("x.npz");
  CHECK_THROWS_WITH(io::save_npz(path, {{"a", m}, {"b", zeros<bfloat16>({2})}}),
                    Contains("save_npz: npy has no bfloat16"));
  CHECK_THROWS_AS(io::save_npz(path, {{"\xff", m}}), IoError);
  CHECK(folder.content("x.npz") == before);
  CHECK(folder.files() == 1);
}

TEST_CASE("npz: what is no array is named", "[io][npz]") {
  const TempFolder folder;
  const auto load = [&](const std::vector<ZipPart>& parts) { return why(folder.file("x.npz", zip_of(parts))); };
  const auto archive = content_of(files + "arrays.npz");
  const auto array = archive.substr(archive.find("\x93NUMPY"), 128 + 24);
  CHECK(load({{"a.npy", array}}).empty());
  CHECK_THAT(load({{"a.txt", "text"}}), Contains("x.npz: 'a.txt' is not an array"));
  CHECK_THAT(load({{"a.npy", "text"}}), Contains("x.npz/a.npy: is no npy file"));
  CHECK_THAT(load({{"a.npy", array + "x"}}), Contains("x.npz/a.npy") && Contains("the file has 25"));
  CHECK_THAT(load({{"a.npy", array.substr(0, 100)}}), Contains("ends within the npy header"));
  CHECK_THAT(load({{"a.npy", array}, {"a.npy", array}}), Contains("'a.npy' stands twice"));
}

TEST_CASE("npz: damaged files are errors, and take no memory that they do not have", "[io][npz]") {
  const auto name = GENERATE("arrays.npz", "compressed.npz");
  check_damage(content_of(files + name), [](const std::string& path) { io::load_npz(path); });
}
