//===- Types.cpp - Tensor types of the language
//-----------------------------===//

#include "frontend/Types.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace mlc::frontend {

namespace {
constexpr std::pair<std::string_view, DType> kNames[] = {
    {"f16", DType::F16}, {"bf16", DType::BF16}, {"f32", DType::F32},
    {"f64", DType::F64}, {"i32", DType::I32},   {"i64", DType::I64},
    {"u8", DType::U8},   {"bool", DType::Bool}};

int widthOf(DType dtype) {
  switch (dtype) {
  case DType::U8:
    return 8;
  case DType::I32:
    return 32;
  case DType::I64:
    return 64;
  default:
    return 0;
  }
}
} // namespace

std::string_view spell(DType dtype) {
  for (const auto &[name, value] : kNames)
    if (value == dtype)
      return name;
  return "?";
}

std::optional<DType> parseDType(std::string_view name, DType compute) {
  if (name == "float")
    return compute;
  for (const auto &[known, value] : kNames)
    if (known == name)
      return value;
  return std::nullopt;
}

bool isNarrow(DType dtype) {
  return dtype == DType::F16 || dtype == DType::BF16;
}

DType wideType(DType dtype) { return isNarrow(dtype) ? DType::F32 : dtype; }

bool isFloat(DType dtype) {
  return dtype == DType::F16 || dtype == DType::BF16 || dtype == DType::F32 ||
         dtype == DType::F64;
}

bool isInteger(DType dtype) {
  return dtype == DType::I32 || dtype == DType::I64 || dtype == DType::U8;
}

int64_t TensorType::batchDim() const {
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i].isBatch)
      return static_cast<int64_t>(i);
  return -1;
}

std::string spell(const Dim &dim) {
  return dim.isBatch ? "B" : std::to_string(dim.size);
}

std::string spell(const Shape &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + spell(shape[i]);
  return text + "]";
}

std::string spell(const TensorType &type) {
  return std::string(spell(type.dtype)) + spell(type.shape);
}

std::optional<Shape> broadcastShapes(const Shape &a, const Shape &b) {
  size_t rank = std::max(a.size(), b.size());
  Shape result(rank);
  for (size_t i = 0; i < rank; ++i) { // from the right
    Dim x = i < a.size() ? a[a.size() - 1 - i] : Dim::of(1);
    Dim y = i < b.size() ? b[b.size() - 1 - i] : Dim::of(1);
    if (x != y && !x.isOne() && !y.isOne())
      return std::nullopt;
    result[rank - 1 - i] = x.isOne() ? y : x;
  }
  return result;
}

std::optional<DType> promote(DType a, DType b) {
  if (a == DType::Bool || b == DType::Bool)
    return std::nullopt;
  if (a == b)
    return a;
  if (isFloat(a) && isFloat(b))
    return std::nullopt;
  if (isFloat(a) || isFloat(b))
    return isFloat(a) ? a : b;
  return widthOf(a) > widthOf(b) ? a : b;
}

std::optional<int64_t> elementCount(const Shape &shape, size_t first,
                                    size_t last) {
  int64_t count = 1;
  for (size_t i = first; i < last; ++i)
    if (__builtin_mul_overflow(count, shape[i].size, &count))
      return std::nullopt;
  return count;
}

std::pair<int64_t, int64_t> integerRange(DType dtype) {
  switch (dtype) {
  case DType::Bool:
    return {0, 1};
  case DType::U8:
    return {0, 255};
  case DType::I32:
    return {std::numeric_limits<int32_t>::min(),
            std::numeric_limits<int32_t>::max()};
  default:
    return {std::numeric_limits<int64_t>::min(),
            std::numeric_limits<int64_t>::max()};
  }
}

int64_t saturate(double value, DType dtype) {
  if (dtype == DType::Bool)
    return value != 0;
  auto [lowest, highest] = integerRange(dtype);
  if (std::isnan(value))
    return 0;
  if (value <= static_cast<double>(lowest))
    return lowest;
  if (value >= static_cast<double>(highest)) // 2^63 for i64
    return highest;
  return static_cast<int64_t>(value);
}

bool keepsBatchApart(const Shape &from, const Shape &to) {
  auto find = [](const Shape &shape) {
    size_t i = 0;
    while (i < shape.size() && !shape[i].isBatch)
      ++i;
    return i;
  };
  size_t i = find(from), j = find(to);
  if ((i == from.size()) != (j == to.size()))
    return false;
  return elementCount(from, 0, i) == elementCount(to, 0, j);
}

} // namespace mlc::frontend
