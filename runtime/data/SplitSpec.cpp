//===- SplitSpec.cpp - Where the rows of a split come from ----------------===//

#include "runtime/data/SplitSpec.h"

#include "runtime/core/Float16.h"

#include <cmath>
#include <cstring>
#include <limits>

namespace mlrt {

size_t ColumnSpec::elements() const {
  size_t count = 1;
  for (int64_t extent : shape)
    count *= static_cast<size_t>(extent);
  return count;
}

Status checkSplitSpec(const SplitSpec &spec) {
  auto bad = [&](const std::string &what) {
    return Status(StatusCode::kBadInput, "split '" + spec.name + "' " + what +
                                             "; compile the model again");
  };
  if (spec.columns.empty())
    return bad("feeds no input");
  if (spec.firstRow < 0 || (spec.lastRow >= 0 && spec.lastRow <= spec.firstRow))
    return bad("has no rows: " + std::to_string(spec.firstRow) + ".." +
               std::to_string(spec.lastRow));
  if (!(spec.partFirst >= 0 && spec.partFirst < spec.partLast &&
        spec.partLast <= 1))
    return bad("has an impossible part of the file");
  for (const ColumnSpec &column : spec.columns) {
    uint64_t count = 1;
    for (int64_t extent : column.shape) {
      if (extent <= 0 || extent > (int64_t{1} << 40) ||
          count > (uint64_t{1} << 40) / static_cast<uint64_t>(extent))
        return bad("feeds input '" + column.input + "' of a wrong shape");
      count *= static_cast<uint64_t>(extent);
    }
    if (spec.reader != ReaderKind::idx &&
        (column.first < 0 || column.last <= column.first ||
         static_cast<uint64_t>(column.last - column.first) != count))
      return bad("gives input '" + column.input + "' the columns " +
                 std::to_string(column.first) + ".." +
                 std::to_string(column.last) + ", but a row of it has " +
                 std::to_string(count) + " elements");
  }
  return {};
}

namespace {

template <typename T> void put(std::byte *row, size_t index, T value) {
  std::memcpy(row + index * sizeof(T), &value, sizeof(T));
}

template <typename T>
std::string putInteger(std::byte *row, size_t index, int64_t value) {
  if (value < static_cast<int64_t>(std::numeric_limits<T>::min()) ||
      value > static_cast<int64_t>(std::numeric_limits<T>::max()))
    return std::to_string(value) + " does not fit";
  put(row, index, static_cast<T>(value));
  return {};
}

} // namespace

std::string storeInteger(const ColumnSpec &column, int64_t value, size_t index,
                         std::byte *row) {
  std::string why;
  switch (column.dtype) {
  case DType::i32:
    why = putInteger<int32_t>(row, index, value);
    break;
  case DType::i64:
    put(row, index, value);
    break;
  case DType::u8:
    why = putInteger<uint8_t>(row, index, value);
    break;
  case DType::boolean:
    if (value != 0 && value != 1)
      return std::to_string(value) + " is not a bool, which input '" +
             column.input + "' needs; write 0 or 1";
    put(row, index, static_cast<uint8_t>(value));
    return {};
  default:
    return storeReal(column, static_cast<double>(value), index, row);
  }
  if (!why.empty())
    return why + " in " + std::string(nameOf(column.dtype)) +
           ", the type of input '" + column.input +
           "'; give that input a wider type or correct the data";
  if (column.limit > 0 && (value < 0 || value >= column.limit))
    return std::to_string(value) + " is outside [0, " +
           std::to_string(column.limit) +
           "), which the model's use of input '" + column.input +
           "' needs; number the classes from 0 or widen the model";
  return {};
}

std::string storeReal(const ColumnSpec &column, double value, size_t index,
                      std::byte *row) {
  if (!std::isfinite(value))
    return "the value is not finite; fill in or drop such rows first";
  bool tooLarge = false;
  switch (column.dtype) {
  case DType::f32: {
    auto narrow = static_cast<float>(value);
    tooLarge = !std::isfinite(narrow);
    put(row, index, narrow);
    break;
  }
  case DType::f64:
    put(row, index, value);
    break;
  case DType::bf16: {
    uint16_t bits = floatToBf16(static_cast<float>(value));
    tooLarge = !std::isfinite(bf16ToFloat(bits));
    put(row, index, bits);
    break;
  }
  case DType::f16: {
    uint16_t bits = floatToF16(static_cast<float>(value));
    tooLarge = !std::isfinite(f16ToFloat(bits));
    put(row, index, bits);
    break;
  }
  default:
    if (value != std::floor(value) || std::fabs(value) > 0x1p53)
      return "the value is not a whole number, which input '" + column.input +
             "' of type " + std::string(nameOf(column.dtype)) +
             " needs; give that input a float type or correct the data";
    return storeInteger(column, static_cast<int64_t>(value), index, row);
  }
  if (tooLarge)
    return "the value is too large for " + std::string(nameOf(column.dtype)) +
           ", the type of input '" + column.input +
           "'; scale the data or give that input a wider type";
  return {};
}

} // namespace mlrt
