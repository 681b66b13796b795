//===- Npy.cpp - NumPy's array files --------------------------------------===//
//
// "\x93NUMPY", major, minor, length of the header (u16, from version 2 u32),
// the header: a Python dict of descr, fortran_order and shape; the elements.
//
//===----------------------------------------------------------------------===//

#include "runtime/checkpoint/Npy.h"

#include "runtime/core/Float16.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

namespace mlrt {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

/// Empty: NumPy has none.
constexpr std::string_view kDescriptors[kDTypeCount] = {
    "<f4", "", "<f2", "<f8", "<i4", "<i8", "|u1", "|b1"};

/// The dict literal, as NumPy writes it.
class DictReader {
public:
  explicit DictReader(std::string_view text) : rest(text) {}

  bool read() {
    if (!take('{'))
      return false;
    while (!take('}')) {
      std::string key;
      if (!string(key) || !take(':') || !value(key))
        return false;
      if (!take(',') && !peek('}'))
        return false;
    }
    skip();
    return rest.empty() && descr && fortran && shape;
  }

  std::optional<std::string> descr;
  std::optional<bool> fortran;
  std::optional<std::vector<int64_t>> shape;

private:
  void skip() {
    size_t n = std::min(rest.find_first_not_of(" \t\r\n"), rest.size());
    rest.remove_prefix(n);
  }
  bool peek(char c) {
    skip();
    return rest.starts_with(c);
  }
  bool take(char c) {
    if (!peek(c))
      return false;
    rest.remove_prefix(1);
    return true;
  }
  bool takeWord(std::string_view word) {
    skip();
    if (!rest.starts_with(word))
      return false;
    rest.remove_prefix(word.size());
    return true;
  }
  bool string(std::string &out) {
    if (!peek('\'') && !peek('"'))
      return false;
    size_t end = rest.find(rest[0], 1);
    if (end == std::string_view::npos)
      return false;
    out = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    return true;
  }
  bool value(const std::string &key) {
    if (key == "descr" && !descr) {
      if (!peek('[')) // a list: records, which read() of the caller refuses
        return string(descr.emplace());
      descr = "record";
      size_t end = rest.find(']');
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
      return true;
    }
    if (key == "fortran_order" && !fortran) {
      fortran = takeWord("True");
      return *fortran || takeWord("False");
    }
    return key == "shape" && !shape && tuple(shape.emplace());
  }
  bool tuple(std::vector<int64_t> &out) {
    if (!take('('))
      return false;
    while (!take(')')) {
      skip();
      int64_t extent = 0;
      auto [end, error] =
          std::from_chars(rest.data(), rest.data() + rest.size(), extent);
      if (error != std::errc() || extent < 0)
        return false;
      rest.remove_prefix(static_cast<size_t>(end - rest.data()));
      takeWord("L"); // Python 2
      out.push_back(extent);
      if (!take(',') && !peek(')'))
        return false;
    }
    return true;
  }

  std::string_view rest;
};

Status bad(const std::filesystem::path &path, const std::string &what) {
  return {StatusCode::kBadInput, "'" + path.string() + "' " + what};
}

} // namespace

Result<NpyFile> NpyFile::open(const std::filesystem::path &path) {
  Result<MappedFile> mapped = MappedFile::open(path);
  if (!mapped.ok())
    return mapped.status();
  const std::byte *bytes = mapped->data();
  size_t size = mapped->size();
  if (size < 10 || std::memcmp(bytes, kMagic.data(), kMagic.size()) != 0)
    return bad(path, "is not a .npy file; write it with numpy.save");
  auto version = std::to_integer<unsigned>(bytes[6]);
  if (version < 1 || version > 3)
    return bad(path, "has .npy version " + std::to_string(version) +
                         ", and 1 to 3 are known; write it with numpy.save");
  size_t lengthBytes = version == 1 ? 2 : 4;
  size_t start = 8 + lengthBytes;
  uint32_t length = 0;
  if (size >= start)
    std::memcpy(&length, bytes + 8, lengthBytes);
  if (size < start || length > size - start)
    return bad(path, "is cut off in its header; write or fetch it again");
  DictReader dict({reinterpret_cast<const char *>(bytes + start), length});
  if (!dict.read())
    return bad(path, "has a damaged .npy header; write it again with "
                     "numpy.save");
  std::string descr = *dict.descr;
  if (descr == "<u1" || descr == "=u1")
    descr = "|u1";
  const auto *known =
      std::find(std::begin(kDescriptors), std::end(kDescriptors), descr);
  if (descr.empty() || known == std::end(kDescriptors))
    return bad(path, "has elements of NumPy type '" + descr +
                         "'; convert with x.astype to one of f2 f4 f8 i4 i8 "
                         "u1 bool, little-endian");
  NpyFile file;
  NamedTensor &array = file.array;
  array.name = path.string();
  array.dtype = static_cast<DType>(known - std::begin(kDescriptors));
  array.shape = *dict.shape;
  uint64_t count = sizeOf(array.dtype);
  size_t wide = 0;
  for (int64_t extent : array.shape) {
    wide += extent > 1;
    if (extent > 0 && count > UINT64_MAX / static_cast<uint64_t>(extent))
      return bad(path, "has a shape that is too large");
    count *= static_cast<uint64_t>(extent);
  }
  if (*dict.fortran && wide > 1)
    return bad(path, "is in Fortran order; write it with "
                     "numpy.save(file, numpy.ascontiguousarray(x))");
  if (count != size - start - length)
    return bad(path, "has " + std::to_string(size - start - length) +
                         " bytes of elements, but " +
                         typeText(array.dtype, array.shape) + " takes " +
                         std::to_string(count) + "; write or fetch it again");
  array.data = bytes + start + length;
  file.file = std::move(*mapped);
  return file;
}

Status writeNpy(const std::filesystem::path &path, DType dtype,
                std::span<const int64_t> shape, const std::byte *data) {
  size_t count = 1;
  std::string extents;
  for (int64_t extent : shape) {
    count *= static_cast<size_t>(extent);
    extents += std::to_string(extent) + ", ";
  }
  if (shape.size() > 1)
    extents.resize(extents.size() - 2);
  else if (shape.size() == 1)
    extents.resize(extents.size() - 1);
  DType stored = dtype == DType::bf16 ? DType::f32 : dtype;
  std::string header =
      "{'descr': '" + std::string(kDescriptors[static_cast<size_t>(stored)]) +
      "', 'fortran_order': False, 'shape': (" + extents + "), }";
  bool wide = header.size() > 60000;
  size_t prefix = wide ? 12 : 10;
  size_t total = (prefix + header.size() + 1 + 63) / 64 * 64;
  header.resize(total - prefix - 1, ' ');
  header += '\n';
  std::string start(kMagic);
  start += wide ? '\2' : '\1';
  start += '\0';
  for (size_t i = 0; i < prefix - 8; ++i)
    start += static_cast<char>(header.size() >> (8 * i) & 0xff);

  Result<AsideFile> file = AsideFile::create(path);
  if (!file.ok())
    return file.status();
  start += header;
  MLRT_RETURN_IF_ERROR(file->write(start.data(), start.size()));
  if (stored == dtype) {
    MLRT_RETURN_IF_ERROR(file->write(data, count * sizeOf(dtype)));
    return file->commit();
  }
  std::vector<float> widened(std::min<size_t>(count, 1 << 16));
  for (size_t at = 0; at < count; at += widened.size()) {
    size_t n = std::min(widened.size(), count - at);
    for (size_t i = 0; i < n; ++i) {
      uint16_t bits = 0;
      std::memcpy(&bits, data + (at + i) * sizeof bits, sizeof bits);
      widened[i] = bf16ToFloat(bits);
    }
    MLRT_RETURN_IF_ERROR(file->write(widened.data(), n * sizeof(float)));
  }
  return file->commit();
}

} // namespace mlrt
