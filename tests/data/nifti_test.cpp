// NIfTI-1: made files of every type in both byte orders, and files that lie.
#include "shunt/data/nifti.hpp"

#include "shunt/tensor.hpp"
#include "support/damage.hpp"
#include "support/deflate.hpp"
#include "support/reason.hpp"

using namespace shunt;
using Catch::Contains;

namespace {

/// A file in the making: a header of 352 bytes, then voxels; numbers in this machine's byte order or in the other.
struct Volume {
  bool swapped = false;
  std::string bytes = std::string(352, '\0');

  template <class U>
  std::string number(U v) const {
    std::string out(sizeof(U), '\0');
    std::memcpy(out.data(), &v, sizeof(U));
    return swapped ? std::string(out.rbegin(), out.rend()) : out;
  }
  template <class U>
  Volume& put(std::size_t at, U v) {
    bytes.replace(at, sizeof(U), number(v));
    return *this;
  }
  template <class U>
  Volume& add(std::initializer_list<U> voxels) {
    for (const U v : voxels) bytes += number(v);
    return *this;
  }
};

/// dims as the file has them: x first.
Volume volume(int type, int bits, std::initializer_list<int> dims, bool swapped = false) {
  Volume v{swapped};
  v.put<std::int32_t>(0, 348).put(40, static_cast<std::int16_t>(dims.size()));
  std::size_t d = 1;
  for (const int n : dims) {
    v.put(40 + 2 * d, static_cast<std::int16_t>(n)).put(76 + 4 * d, 0.5f * static_cast<float>(d));
    ++d;
  }
  v.put(70, static_cast<std::int16_t>(type)).put(72, static_cast<std::int16_t>(bits)).put(108, 352.0f);
  v.bytes.replace(344, 4, std::string("n+1", 4));
  return v;
}
Volume small(bool swapped = false) {
  return volume(4, 16, {3, 2, 1}, swapped).add<std::int16_t>({1, 2, 3, -4, 5, 600});
}

/// What load_nifti says of these bytes; nothing if it reads them.
std::string why(const std::string& bytes) {
  const TempFolder folder;
  return reason([&] { data::load_nifti(folder.file("x.nii", bytes)); });
}
std::string why(const Volume& v) { return why(v.bytes); }

}  // namespace

TEST_CASE("NIfTI: x runs fastest, in both byte orders, compressed or not", "[data][nifti]") {
  const TempFolder folder;
  const bool swapped = GENERATE(false, true), packed = GENERATE(false, true);
  const auto bytes = small(swapped).bytes;
  const auto nifti = data::load_nifti(folder.file("x", packed ? gzipped(bytes) : bytes));
  CHECK(nifti.voxels.shape() == Shape{1, 2, 3});
  CHECK(nifti.voxels.to_vector() == std::vector<float>{1, 2, 3, -4, 5, 600});
  CHECK(nifti.spacing == std::vector<double>{1.5, 1, 0.5});
}

TEST_CASE("NIfTI: every type", "[data][nifti]") {
  const TempFolder folder;
  const bool swapped = GENERATE(false, true);
  const auto read = [&](const Volume& v) { return data::load_nifti(folder.file("x", v.bytes)).voxels.to_vector(); };
  const auto of = [&](int type, int bits) { return volume(type, bits, {2}, swapped); };
  CHECK(read(of(2, 8).add<std::uint8_t>({0, 255})) == std::vector<float>{0, 255});
  CHECK(read(of(256, 8).add<std::int8_t>({127, -128})) == std::vector<float>{127, -128});
  CHECK(read(of(4, 16).add<std::int16_t>({258, -32768})) == std::vector<float>{258, -32768});
  CHECK(read(of(512, 16).add<std::uint16_t>({258, 65535})) == std::vector<float>{258, 65535});
  CHECK(read(of(8, 32).add<std::int32_t>({66051, -2})) == std::vector<float>{66051, -2});
  CHECK(read(of(16, 32).add<float>({0.25f, -3e30f})) == std::vector<float>{0.25f, -3e30f});
  CHECK(read(of(64, 64).add<double>({0.25, -1e-30})) == std::vector<float>{0.25f, -1e-30f});
}

TEST_CASE("NIfTI: slope, intercept, extensions, one to four dimensions", "[data][nifti]") {
  const TempFolder folder;
  const auto read = [&](const Volume& v) { return data::load_nifti(folder.file("x", v.bytes)); };
  const auto nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(read(small().put(112, 2.0f).put(116, -1.0f)).voxels.at({0, 1, 2}) == 1199);
  CHECK(read(small().put(112, 0.0f).put(116, -1.0f)).voxels.at({0, 1, 2}) == 600);
  CHECK(read(small().put(112, nan)).voxels.at({0, 1, 2}) == 600);
  auto extended = small().put(108, 368.0f);
  extended.bytes.insert(352, 16, 'x');
  CHECK(read(extended).voxels.at({0, 0, 1}) == 2);
  CHECK(read(volume(2, 8, {2}).add<std::uint8_t>({1, 2})).voxels.shape() == Shape{1, 1, 2});
  const auto series = read(volume(2, 8, {1, 2, 1, 2}).add<std::uint8_t>({1, 2, 3, 4}));
  CHECK(series.voxels.shape() == Shape{2, 1, 2, 1});
  CHECK(series.spacing == std::vector<double>{2, 1.5, 1, 0.5});
  CHECK(read(small().put(80, -0.5f)).spacing.back() == 0.5);  // the sign is an orientation
}

TEST_CASE("NIfTI: files that are none, or other than they say, are refused", "[data][nifti]") {
  CHECK(why(small()).empty());
  CHECK_THAT(why(small().bytes.substr(0, 200)), Contains("has 200 bytes, no whole header"));
  CHECK_THAT(why(small().put<std::int32_t>(0, 540)), Contains("is no NIfTI-1 file"));
  CHECK_THAT(why(small().put(344, 'x')), Contains("is no NIfTI-1 file"));
  CHECK_THAT(why(small().put(345, 'i')), Contains("pair of files"));
  CHECK_THAT(why(small().put<std::int16_t>(70, 32)), Contains("type 32"));
  CHECK_THAT(why(small().put<std::int16_t>(72, 8)), Contains("claims 8 bits for a voxel of type 4"));
  CHECK_THAT(why(small().put<std::int16_t>(40, 5)), Contains("claims 5 dimensions"));
  CHECK_THAT(why(small().put<std::int16_t>(40, -1)), Contains("claims -1 dimensions"));
  CHECK_THAT(why(small().put<std::int16_t>(44, 0)), Contains("claims 0 voxels along dimension 2"));
  CHECK_THAT(why(small().put<std::int16_t>(42, -3)), Contains("claims -3 voxels along dimension 1"));
  for (const float begin : {-352.0f, 100.0f, 352.5f, 1e30f, std::numeric_limits<float>::quiet_NaN()})
    CHECK_THAT(why(small().put(108, begin)), Contains("voxels begin at byte"));
  CHECK_THAT(why(small().put(112, 1.0f).put(116, std::numeric_limits<float>::infinity())), Contains("intercept"));
  CHECK_THAT(why(small().bytes + "x"), Contains("claims 12 bytes of voxels (1, 2, 3) from byte 352 on, and has 365"));
  CHECK_THAT(why(small().put<std::int16_t>(42, 4)), Contains("claims 16 bytes"));
}

TEST_CASE("NIfTI: no memory for voxels that are not there", "[data][nifti]") {
  auto large = volume(64, 64, {32767, 32767, 32767, 32767});
  CHECK_THAT(why(large), Contains("claims 9222246188486492168 bytes"));
  CHECK_THAT(why(gzipped(large.bytes)), Contains("claims"));
  // A bomb that says it holds six voxels is not let go on.
  CHECK_THAT(why(gzipped(small().bytes + std::string(1 << 24, '\0'))),
             Contains("more than 364 bytes when decompressed"));
  CHECK_THAT(why(gzipped(std::string(1 << 24, '\0'))), Contains("is no NIfTI-1 file"));
  CHECK_THAT(why(gzipped(small().bytes).substr(0, 30)), Contains("gzip data end early"));
  const auto read = [](const std::string& path) { data::load_nifti(path); };
  check_damage(small().bytes, read);
  check_damage(gzipped(small(true).bytes), read);
}
