//===- IdxSource.cpp - Rows of IDX files (MNIST) --------------------------===//
//
// Big-endian: two zero bytes, element type, number of dimensions; one u32 a
// dimension; the elements in C order. Dimension 0 is the rows.
//
//===----------------------------------------------------------------------===//

#include "runtime/data/ByteSource.h"
#include "runtime/data/RowSource.h"

#include <array>
#include <bit>
#include <cstring>

namespace mlrt {
namespace {

struct IdxFile {
  ByteSource source;
  const ColumnSpec &column;
  uint8_t type = 0;
  size_t elementBytes = 0;
  int64_t rows = 0;
  std::vector<std::byte> raw; ///< one row as it is in the file
};

size_t bytesOfType(uint8_t type) {
  switch (type) {
  case 0x08: // u8
  case 0x09: // i8
    return 1;
  case 0x0B: // i16
    return 2;
  case 0x0C: // i32
  case 0x0D: // f32
    return 4;
  case 0x0E: // f64
    return 8;
  default:
    return 0;
  }
}

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

/// Shapes agree but for dimensions of extent 1.
bool sameShape(const std::vector<int64_t> &a, const std::vector<int64_t> &b) {
  std::vector<int64_t> left, right;
  for (int64_t extent : a)
    if (extent != 1)
      left.push_back(extent);
  for (int64_t extent : b)
    if (extent != 1)
      right.push_back(extent);
  return left == right;
}

uint64_t bigEndian(const std::byte *bytes, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i)
    value = (value << 8) | std::to_integer<uint64_t>(bytes[i]);
  return value;
}

Status bad(const ByteSource &source, const std::string &what) {
  return {StatusCode::kBadInput, "'" + source.path().string() + "' " + what};
}

Status readHeader(IdxFile &file) {
  std::array<std::byte, 4> magic{};
  Result<size_t> got = file.source.read(magic.data(), magic.size());
  if (!got.ok())
    return got.status();
  file.type = std::to_integer<uint8_t>(magic[2]);
  file.elementBytes = bytesOfType(file.type);
  auto rank = std::to_integer<size_t>(magic[3]);
  if (*got != 4 || magic[0] != std::byte{0} || magic[1] != std::byte{0} ||
      file.elementBytes == 0 || rank == 0)
    return bad(file.source, "is not an idx file: its first bytes are not an "
                            "idx magic number; fetch the file again");
  std::vector<std::byte> extents(rank * 4);
  got = file.source.read(extents.data(), extents.size());
  if (!got.ok())
    return got.status();
  if (*got != extents.size())
    return bad(file.source, "ends inside its idx header; fetch the file again");
  file.rows = static_cast<int64_t>(bigEndian(extents.data(), 4));
  std::vector<int64_t> shape;
  for (size_t i = 1; i < rank; ++i)
    shape.push_back(static_cast<int64_t>(bigEndian(&extents[i * 4], 4)));
  if (!sameShape(shape, file.column.shape))
    return bad(file.source, "has rows of shape " + shapeText(shape) +
                                ", but input '" + file.column.input +
                                "' has shape " + shapeText(file.column.shape) +
                                "; correct the input's type in the model");
  file.raw.resize(file.column.elements() * file.elementBytes);
  return {};
}

Status readRaw(IdxFile &file, int64_t row) {
  Result<size_t> got = file.source.read(file.raw.data(), file.raw.size());
  if (!got.ok())
    return got.status();
  if (*got != file.raw.size())
    return bad(file.source, "ends in row " + std::to_string(row) +
                                ", but its header promises " +
                                std::to_string(file.rows) +
                                " rows; fetch the file again");
  return {};
}

std::string storeElement(const IdxFile &file, size_t index, std::byte *out) {
  const std::byte *at = &file.raw[index * file.elementBytes];
  uint64_t bits = bigEndian(at, file.elementBytes);
  switch (file.type) {
  case 0x0D:
    return storeReal(
        file.column,
        static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(bits))),
        index, out);
  case 0x0E:
    return storeReal(file.column, std::bit_cast<double>(bits), index, out);
  case 0x09:
    return storeInteger(file.column, static_cast<int8_t>(bits), index, out);
  case 0x0B:
    return storeInteger(file.column, static_cast<int16_t>(bits), index, out);
  case 0x0C:
    return storeInteger(file.column, static_cast<int32_t>(bits), index, out);
  default:
    return storeInteger(file.column, static_cast<int64_t>(bits), index, out);
  }
}

Status convert(const IdxFile &file, int64_t row, std::byte *out) {
  const ColumnSpec &column = file.column;
  if (file.type == 0x08 && column.dtype == DType::u8 && column.limit <= 0) {
    std::memcpy(out, file.raw.data(), file.raw.size());
    return {};
  }
  size_t count = column.elements();
  for (size_t i = 0; i < count; ++i) {
    std::string why = storeElement(file, i, out);
    if (!why.empty())
      return bad(file.source, "row " + std::to_string(row) + ", column " +
                                  std::to_string(i) + ": " + why);
  }
  return {};
}

class IdxSource final : public RowSource {
public:
  IdxSource(const SplitSpec &spec, std::vector<IdxFile> files)
      : spec(spec), files(std::move(files)) {
    last = spec.lastRow < 0 ? this->files[0].rows : spec.lastRow;
  }

  Result<bool> next(std::span<std::byte *const> rows) override {
    for (; row < spec.firstRow; ++row)
      for (IdxFile &file : files)
        MLRT_RETURN_IF_ERROR(readRaw(file, row));
    if (row == last)
      return atEnd();
    for (size_t c = 0; c < files.size(); ++c) {
      MLRT_RETURN_IF_ERROR(readRaw(files[c], row));
      MLRT_RETURN_IF_ERROR(convert(files[c], row, rows[c]));
    }
    ++row;
    return true;
  }

private:
  Result<bool> atEnd() {
    for (IdxFile &file : files) {
      if (row != file.rows)
        continue;
      std::byte extra{};
      Result<size_t> got = file.source.read(&extra, 1);
      if (!got.ok())
        return got.status();
      if (*got != 0)
        return bad(file.source, "has more bytes than the " +
                                    std::to_string(file.rows) +
                                    " rows that its header promises; fetch "
                                    "the file again");
    }
    return false;
  }

  const SplitSpec &spec;
  std::vector<IdxFile> files;
  int64_t row = 0, last = 0;
};

} // namespace

Result<std::unique_ptr<RowSource>>
openIdx(const SplitSpec &spec, const std::filesystem::path &directory) {
  std::vector<IdxFile> files;
  files.reserve(spec.columns.size());
  for (const ColumnSpec &column : spec.columns) {
    Result<ByteSource> source = ByteSource::open(directory / column.file);
    if (!source.ok())
      return source.status();
    files.push_back({std::move(*source), column, 0, 0, 0, {}});
    IdxFile &file = files.back();
    MLRT_RETURN_IF_ERROR(readHeader(file));
    if (file.rows != files[0].rows)
      return bad(file.source, "has " + std::to_string(file.rows) +
                                  " rows, but '" +
                                  files[0].source.path().string() + "' has " +
                                  std::to_string(files[0].rows) +
                                  "; give files that belong together");
    if (file.rows <= spec.firstRow || file.rows < spec.lastRow)
      return bad(file.source,
                 "has " + std::to_string(file.rows) + " rows, but split '" +
                     spec.name + "' wants rows " +
                     std::to_string(spec.firstRow) + ".." +
                     (spec.lastRow >= 0 ? std::to_string(spec.lastRow) : "") +
                     "; correct `rows` in the model");
  }
  return std::unique_ptr<RowSource>(
      std::make_unique<IdxSource>(spec, std::move(files)));
}

} // namespace mlrt
