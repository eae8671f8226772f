// NIfTI-1 files, in which volumes of magnetic resonance tomography are published (Cox et al. 2004): .nii and .nii.gz.
#pragma once

#include <bit>

#include "shunt/core/tensor.hpp"
#include "shunt/data/gzip.hpp"

namespace shunt::data {

struct Nifti {
  Tensor<float> voxels;         ///< (z, y, x), or (t, z, y, x) for a series; scaled as the file says.
  std::vector<double> spacing;  ///< Between voxels, one for each dimension, in the file's unit, mostly mm (and s).
};

namespace detail {

constexpr std::size_t nifti_header_size = 348;

/// What the header says, checked against itself.
struct NiftiHeader {
  Shape shape;
  std::vector<double> spacing;
  int type = 0;
  std::uint64_t begin = 0, size = 0;  ///< Of the voxels, in bytes.
  double slope = 1, intercept = 0;
  bool swapped = false;  ///< Whether bytes come in the other order than this machine's.
};

template <class U>
U nifti_number(const unsigned char* p, bool swapped) {
  unsigned char bytes[sizeof(U)];
  std::memcpy(bytes, p, sizeof(U));
  if (swapped) std::reverse(bytes, bytes + sizeof(U));
  return std::bit_cast<U>(bytes);
}

/// Bytes of one voxel of a type by its number in the standard; 0 for those that are not read.
inline std::uint64_t nifti_voxel_size(int type) {
  switch (type) {
    case 2:    // uint8
    case 256:  // int8
      return 1;
    case 4:    // int16
    case 512:  // uint16
      return 2;
    case 8:   // int32
    case 16:  // float32
      return 4;
    case 64: return 8;  // float64
    default: return 0;
  }
}

[[gnu::cold]] inline NiftiHeader nifti_header(const std::string& path, const unsigned char* b, std::size_t n) {
  if (n < nifti_header_size) shunt::detail::raise_io(path, "is no NIfTI-1 file: has ", n, " bytes, no whole header");
  NiftiHeader h;
  h.swapped = nifti_number<std::int32_t>(b, false) != 348;
  const auto integer = [&](std::size_t at) { return nifti_number<std::int16_t>(b + at, h.swapped); };
  const auto real = [&](std::size_t at) { return double{nifti_number<float>(b + at, h.swapped)}; };
  const std::string magic(reinterpret_cast<const char*>(b) + 344, 4);
  if (magic == std::string("ni1", 4))
    shunt::detail::raise_io(path, "is the header of a pair of files (.hdr, .img); only single .nii files are read");
  if (nifti_number<std::int32_t>(b, h.swapped) != 348 || magic != std::string("n+1", 4))
    shunt::detail::raise_io(path, "is no NIfTI-1 file");

  h.type = integer(70);
  const auto voxel = nifti_voxel_size(h.type);
  if (voxel == 0)
    shunt::detail::raise_io(path, "has voxels of type ", h.type,
                            "; uint8, int8, int16, uint16, int32, float32 and float64 are read");
  if (integer(72) != static_cast<int>(8 * voxel))
    shunt::detail::raise_io(path, "claims ", integer(72), " bits for a voxel of type ", h.type);

  const int rank = integer(40);
  if (rank < 1 || rank > 4) shunt::detail::raise_io(path, "claims ", rank, " dimensions; 1 to 4 are read");
  h.size = voxel;
  for (std::size_t d = static_cast<std::size_t>(std::max(rank, 3)); d >= 1; --d) {  // the file's first runs fastest
    const bool there = d <= static_cast<std::size_t>(rank);
    const std::int64_t length = there ? integer(40 + 2 * d) : 1;
    if (length < 1) shunt::detail::raise_io(path, "claims ", length, " voxels along dimension ", d);
    h.shape.push_back(length);
    h.spacing.push_back(there ? std::abs(real(76 + 4 * d)) : 1);
    h.size *= static_cast<std::uint64_t>(length);  // no more than 2^63: four times 15 bits, and 3
  }
  const double begin = real(108);
  if (!(begin >= nifti_header_size && begin < 0x1p40) || begin != std::floor(begin))
    shunt::detail::raise_io(path, "claims that its voxels begin at byte ", begin);
  h.begin = static_cast<std::uint64_t>(begin);

  if (const double slope = real(112); slope != 0 && std::isfinite(slope)) {  // 0: they are what they are
    h.slope = slope;
    h.intercept = real(116);
    if (!std::isfinite(h.intercept)) shunt::detail::raise_io(path, "its voxels' intercept is not finite");
  }
  return h;
}

template <class From>
void nifti_voxels(const NiftiHeader& h, const unsigned char* p, float* to, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i, p += sizeof(From))
    to[i] = static_cast<float>(h.slope * static_cast<double>(nifti_number<From>(p, h.swapped)) + h.intercept);
}

/// The first n bytes of what a gzip file holds; fewer where it ends before or is damaged.
inline std::vector<unsigned char> gzip_begin(const Bytes& packed, std::size_t n) {
  std::vector<unsigned char> out(n);
  z_stream z{};
  if (::inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) shunt::detail::raise<IoError>("zlib: no memory");
  z.next_in = const_cast<Bytef*>(packed.data.data());
  z.avail_in = static_cast<uInt>(std::min<std::size_t>(packed.data.size(), 1u << 30));
  z.next_out = out.data();
  z.avail_out = static_cast<uInt>(n);
  ::inflate(&z, Z_SYNC_FLUSH);
  out.resize(n - z.avail_out);
  ::inflateEnd(&z);
  return out;
}

}  // namespace detail

/// The volume in a file that is not compressed. IoError for one that is not what it claims to be.
[[gnu::cold]] inline Nifti load_nifti(const Bytes& file) {
  const auto h = detail::nifti_header(file.path, file.data.data(), file.data.size());
  if (h.begin + h.size != file.data.size())
    shunt::detail::raise_io(file.path, "claims ", h.size, " bytes of voxels ", h.shape, " from byte ", h.begin,
                            " on, and has ", file.data.size(), " bytes");
  Nifti volume{Tensor<float>::empty(h.shape), h.spacing};
  const auto* from = file.data.data() + h.begin;
  const auto fill = [&](auto read) { read(h, from, volume.voxels.data(), volume.voxels.numel()); };
  switch (h.type) {
    case 2: fill(detail::nifti_voxels<std::uint8_t>); break;
    case 256: fill(detail::nifti_voxels<std::int8_t>); break;
    case 4: fill(detail::nifti_voxels<std::int16_t>); break;
    case 512: fill(detail::nifti_voxels<std::uint16_t>); break;
    case 8: fill(detail::nifti_voxels<std::int32_t>); break;
    case 16: fill(detail::nifti_voxels<float>); break;
    default: fill(detail::nifti_voxels<double>);
  }
  return volume;
}
/// The volume in a .nii or .nii.gz file, which is decompressed no further than its header says that it goes.
[[gnu::cold]] inline Nifti load_nifti(const std::string& path) {
  auto file = read_file(path);
  if (file.data.size() < 2 || file.data[0] != 0x1f || file.data[1] != 0x8b) return load_nifti(file);
  const auto begin = detail::gzip_begin(file, detail::nifti_header_size);
  if (begin.size() < detail::nifti_header_size)
    return load_nifti(read_gzip(path, detail::nifti_header_size));  // says why there is no more
  const auto h = detail::nifti_header(path, begin.data(), begin.size());
  file.data = {};
  return load_nifti(read_gzip(path, h.begin + h.size));
}

}  // namespace shunt::data
