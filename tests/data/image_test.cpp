// Pictures: written and read, as other programs write them, damaged, and too large.
#define STB_IMAGE_IMPLEMENTATION
#include "shunt/data/image.hpp"

#include "shunt/io/npy.hpp"
#include "shunt/tensor.hpp"
#include "support/damage.hpp"
#include "support/reason.hpp"

using namespace shunt;
using Catch::Contains;

namespace {

using Image = Tensor<std::uint8_t>;

std::string fixture(const std::string& name) { return SHUNT_SOURCE_DIR "/tests/reference/images/" + name; }
/// A PNG file that claims a size, with this much in its place.
std::string png(std::uint32_t w, std::uint32_t h, const std::string& packed) {
  std::string header, file(reinterpret_cast<const char*>(data::detail::png_signature), 8);
  data::detail::append_big_endian32(header, w);
  data::detail::append_big_endian32(header, h);
  header += {8, 2, 0, 0, 0};
  return file + data::detail::png_chunk("IHDR", header) + data::detail::png_chunk("IDAT", packed) +
         data::detail::png_chunk("IEND", "");
}
std::int64_t largest_difference(const Image& a, const Image& b) {
  REQUIRE(a.shape() == b.shape());
  return amax(abs(a.to<std::int64_t>() - b.to<std::int64_t>())).item();
}

}  // namespace

TEST_CASE("PNG: what is saved is loaded", "[data][image]") {
  const TempFolder folder;
  const auto path = folder.path("a.png");
  const Shape shape = GENERATE(Shape{3, 5, 7}, Shape{3, 1, 1}, Shape{3, 64, 3}, Shape{1, 4, 6});
  manual_seed(4);
  const auto image = randint(0, 256, shape).to<std::uint8_t>();
  data::save_png(path, image);
  const auto back = data::load_image(path);
  CHECK(largest_difference(back, shape[0] == 3 ? image : image.expand({3, shape[1], shape[2]}).contiguous()) == 0);
  const auto view = image.transpose(1, 2).flip({2});
  data::save_png(path, view);
  CHECK(largest_difference(data::load_image(path).narrow(0, 0, shape[0]), view.contiguous()) == 0);
  CHECK(folder.files() == 1);
}

TEST_CASE("PNG: other shapes are refused, and the old file stays", "[data][image]") {
  const TempFolder folder;
  const auto path = folder.file("a.png", "old");
  for (const Shape& shape :
       {Shape{5, 7}, Shape{2, 5, 7}, Shape{4, 5, 7}, Shape{3, 0, 7}, Shape{3, 7, 0}, Shape{1, 3, 2, 2}})
    CHECK_THROWS_AS(data::save_png(path, zeros<std::uint8_t>(shape)), ShapeError);
  CHECK_THROWS_AS(data::save_png(path, zeros<std::uint8_t>({1, 1, 1}).expand({1, 65536, 32768})), ShapeError);
  CHECK(folder.content("a.png") == "old");
  CHECK_THROWS_AS(data::save_png(folder.path("none/a.png"), zeros<std::uint8_t>({3, 2, 2})), IoError);
}

TEST_CASE("pictures of other programs", "[data][image]") {
  for (const std::string name : {"palette", "grey_alpha"}) {
    CAPTURE(name);
    CHECK(largest_difference(data::load_image(fixture(name + ".png")),
                             io::load_npy<std::uint8_t>(fixture(name + ".npy"))) == 0);
  }
  for (const std::string name : {"baseline", "progressive", "grey"}) {
    CAPTURE(name);
    const auto ours = data::load_image(fixture(name + ".jpg")),
               wanted = data::load_image(fixture(name + "_decoded.png"));
    CHECK(ours.shape() == Shape{3, 18, 26});
    CHECK(largest_difference(ours, wanted) <=
          (name == "progressive" ? 12 : 3));  // halved colours are spread in more than one way
  }
}

TEST_CASE("pictures that are none, or too large", "[data][image]") {
  const TempFolder folder;
  const auto why = [&](const std::string& bytes, data::LoadImageOptions o = {}) {
    return reason([&] { data::load_image(folder.file("a", bytes), o); });
  };
  CHECK_THAT(why(""), Contains("is neither PNG nor JPEG"));
  CHECK_THAT(why("GIF89a........................"), Contains("is neither PNG nor JPEG"));
  CHECK_THAT(why("\x89PNG\r\n\x1a\n"), Contains("is neither PNG nor JPEG"));
  CHECK_THAT(why("\x89PNG\r\n\x1a\n" + std::string(4, '\xff')), Contains("ends before the PNG picture does"));
  CHECK_THAT(why("\x89PNG\r\n\x1a\n" + data::detail::png_chunk("IEND", "")), Contains("ends before the PNG"));
  CHECK_THAT(why("\x89PNG\r\n\x1a\n" + data::detail::png_chunk("IEND", std::string(30, 'x'))),
             Contains("no PNG header"));
  CHECK_THAT(why(png(0xffffffff, 0xffffffff, "x")), Contains("is a picture of 4294967295 x 4294967295 pixels"));
  CHECK_THAT(why("\xff\xd8\xff\xd9"), Contains("cannot be decoded"));
  CHECK_THAT(why(png(2, 2, "")), Contains("begins its PNG picture with nothing"));
  CHECK_THAT(why(png(2, 2, "x")), Contains("cannot be decoded"));
  CHECK_THAT(why(png(0, 2, "x")), Contains("cannot be decoded"));
  CHECK_THAT(reason([&] { data::load_image(folder.path("none")); }), Contains("none"));

  CHECK_THAT(why(png(100000, 100000, "x")), Contains("is a picture of 100000 x 100000 pixels"));
  CHECK_THAT(why(png(5000, 5000, "x")), Contains("is a picture of 5000 x 5000 pixels"));  // in 70 bytes
  auto jpeg = content_of(fixture("baseline.jpg"));
  CHECK(why(jpeg) == "");
  CHECK_THAT(why(jpeg, {.max_pixels = 467}), Contains("is a picture of 26 x 18 pixels, at most 467"));
  CHECK(why(jpeg, {.max_pixels = 468}) == "");
  CHECK(why(jpeg + "and more") == "");  // cameras put things there
  const auto frame = jpeg.find("\xff\xc0");
  REQUIRE(frame != std::string::npos);
  jpeg.replace(frame + 5, 4, "\xff\xff\xff\xff");
  CHECK_THAT(why(jpeg), Contains("is a picture of 65535 x 65535 pixels"));

  jpeg = content_of(fixture("baseline.jpg"));
  const auto tables = jpeg.find("\xff\xc4");
  REQUIRE(tables != std::string::npos);
  jpeg.replace(tables + 5, 16, std::string(16, '\x10'));  // 256 symbols
  CHECK_THAT(why(jpeg), Contains("is damaged: a Huffman table that is none"));
  jpeg = content_of(fixture("progressive.jpg"));
  const auto scan = jpeg.rfind("\xff\xda");
  const auto last = jpeg.substr(scan, jpeg.size() - 2 - scan);
  for (int i = 0; i < 100; ++i) jpeg.insert(scan, last);
  CHECK_THAT(why(jpeg), Contains("is damaged: yet another scan"));

  auto bad = content_of(fixture("palette.png"));
  bad[bad.size() / 2] = static_cast<char>(bad[bad.size() / 2] ^ 1);
  CHECK_THAT(why(bad), Contains("is damaged"));
}

TEST_CASE("pictures with damage are read or refused", "[data][image]") {
  check_damage(
      content_of(fixture("palette.png")), [](const std::string& path) { data::load_image(path); }, 300);
  const TempFolder folder;
  const std::string name = GENERATE("baseline.jpg", "progressive.jpg", "grey.jpg");
  const auto good = content_of(fixture(name));
  int read = 0;
  for (std::size_t n = 0; n < good.size(); ++n)
    read += reason([&] { data::load_image(folder.file("a", good.substr(0, n))); }).empty();
  CHECK(read == 0);
  std::mt19937 random(2);
  for (int i = 0; i < 1000; ++i) {
    auto bad = good;
    for (auto k = 1 + random() % 3; k > 0; --k) bad[random() % bad.size()] = static_cast<char>(random());
    const auto text = reason([&] { data::load_image(folder.file("a", bad)); });
    if (!text.empty()) CHECK_THAT(text, Contains(folder.path("a")));
  }
}

TEST_CASE("resize: between the pixels", "[data][image]") {
  const auto image = from_vector(std::vector<std::uint8_t>{0, 100, 200, 255}, {1, 2, 2});
  CHECK(data::resize(image, 1).item() == 139);                                            // 138.75
  CHECK(data::resize(image, {1, 2}).to_vector() == std::vector<std::uint8_t>{100, 178});  // 177.5
  CHECK(data::resize(image, 2).to_vector() == image.to_vector());
  const auto wide = data::resize(image, {2, 4});
  CHECK(wide.to_vector() == std::vector<std::uint8_t>{0, 25, 75, 100, 200, 214, 241, 255});
  CHECK(data::resize(full<std::uint8_t>({3, 9, 5}, 77), {20, 31}).to_vector() ==
        std::vector<std::uint8_t>(3 * 620, 77));
  CHECK_THROWS_AS(data::resize(zeros<std::uint8_t>({2, 2}), 1), ShapeError);
  CHECK_THROWS_AS(data::resize(image, {0, 2}), ShapeError);
}
