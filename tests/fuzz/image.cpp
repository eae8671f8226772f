// load_image of data/image.hpp. Its seeds are the pictures in tests/reference: run it in the folder above.
#include "shunt/data/image.hpp"

#include "fuzz.hpp"

namespace {

/// With the right sums behind its chunks, so that changes within them are met by the decoder. Takes what it can.
std::string summed(std::string png) {
  for (std::size_t at = 8; at + 12 <= png.size();) {
    const std::size_t length = shunt::data::detail::big_endian32(reinterpret_cast<const unsigned char*>(&png[at]));
    if (length > png.size() - at - 12) break;
    const auto chunk = shunt::data::detail::png_chunk(png.substr(at + 4, 4).c_str(), png.substr(at + 8, length));
    if (chunk.size() == length + 12) png.replace(at, chunk.size(), chunk);
    at += length + 12;
  }
  return png;
}

}  // namespace

static int fuzz_image(int argc, char** argv) {
  fuzz::Files seeds;
  for (const char* name :
       {"palette.png", "grey_alpha.png", "grey_decoded.png", "baseline.jpg", "progressive.jpg", "grey.jpg"})
    seeds.push_back(content_of(std::string("tests/reference/images/") + name));
  const auto read = [](const std::string& path) {
    constexpr shunt::data::LoadImageOptions small{.max_pixels = 1 << 20};
    const std::string bytes = content_of(path), mended = summed(bytes);
    if (mended != bytes) {
      const TempFolder folder;
      try {
        shunt::data::load_image(folder.file("mended", mended), small);
      } catch (const shunt::IoError&) {}
    }
    shunt::data::load_image(path, small);
  };
  return fuzz::run(
      argc, argv, seeds, read,
      {.words = {"IHDR", "IDAT", "PLTE", "tRNS", "\xff\xc4", "\xff\xda", "\xff\xd9", "\xff\xdd", "\xff\xdb"},
       .memory = 3 * 1032 * 8});
}
static const fuzz::Target target_image("image", fuzz_image);
