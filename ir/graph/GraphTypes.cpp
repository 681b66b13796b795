//===- GraphTypes.cpp - Types computed from types -------------------------===//

#include "ir/graph/GraphTypes.h"
#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;

namespace mlc::graph {

RankedTensorType withShape(Type type, ArrayRef<int64_t> shape) {
  auto tensor = cast<RankedTensorType>(type);
  if (tensor.getShape() == shape)
    return tensor;
  return RankedTensorType::get(shape, tensor.getElementType());
}

RankedTensorType withElementType(Type type, Type element) {
  auto tensor = cast<RankedTensorType>(type);
  return RankedTensorType::get(tensor.getShape(), element,
                               tensor.getEncoding());
}

RankedTensorType boolLike(Type type) {
  return withElementType(type, IntegerType::get(type.getContext(), 1));
}

RankedTensorType withoutDims(Type type, ArrayRef<int64_t> dims) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape;
  for (int64_t dim : otherDims(tensor.getRank(), dims))
    shape.push_back(tensor.getDimSize(dim));
  return withShape(tensor, shape);
}

RankedTensorType withoutInnermostDim(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  if (tensor.getRank() == 0)
    return tensor;
  return withShape(tensor, tensor.getShape().drop_back());
}

RankedTensorType permuted(Type type, ArrayRef<int64_t> perm) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape;
  for (int64_t dim : perm)
    shape.push_back(dim >= 0 && dim < tensor.getRank() ? tensor.getDimSize(dim)
                                                       : 1);
  // A transposed square has the same shape, but another layout.
  return RankedTensorType::get(shape, tensor.getElementType());
}

RankedTensorType concatenated(ValueRange operands, int64_t dim) {
  auto tensor = cast<RankedTensorType>(operands.front().getType());
  SmallVector<int64_t> shape(tensor.getShape());
  if (dim < 0 || dim >= tensor.getRank())
    return tensor;
  for (Value operand : operands.drop_front()) {
    auto type = cast<RankedTensorType>(operand.getType());
    if (dim < type.getRank())
      shape[dim] += type.getDimSize(dim);
  }
  return withShape(tensor, shape);
}

RankedTensorType sliced(Type type, ArrayRef<int64_t> starts,
                        ArrayRef<int64_t> limits, ArrayRef<int64_t> strides) {
  SmallVector<int64_t> shape;
  for (auto [start, limit, stride] : llvm::zip(starts, limits, strides))
    shape.push_back(
        stride > 0 && limit > start ? (limit - start - 1) / stride + 1 : 1);
  return withShape(type, shape);
}

RankedTensorType dotType(Type lhs, Type rhs, ArrayRef<int64_t> lhsBatch,
                         ArrayRef<int64_t> rhsBatch,
                         ArrayRef<int64_t> lhsContract,
                         ArrayRef<int64_t> rhsContract) {
  auto lhsType = cast<RankedTensorType>(lhs);
  auto rhsType = cast<RankedTensorType>(rhs);
  SmallVector<int64_t> shape;
  for (int64_t dim : lhsBatch)
    shape.push_back(
        dim >= 0 && dim < lhsType.getRank() ? lhsType.getDimSize(dim) : 1);
  for (int64_t dim : otherDims(lhsType.getRank(), lhsBatch, lhsContract))
    shape.push_back(lhsType.getDimSize(dim));
  for (int64_t dim : otherDims(rhsType.getRank(), rhsBatch, rhsContract))
    shape.push_back(rhsType.getDimSize(dim));
  return RankedTensorType::get(shape, lhsType.getElementType());
}

SmallVector<int64_t> trailingDims(Type type, size_t rank) {
  int64_t own = cast<RankedTensorType>(type).getRank();
  SmallVector<int64_t> dims;
  for (int64_t i = 0; i < own; ++i)
    dims.push_back(static_cast<int64_t>(rank) - own + i);
  return dims;
}

SmallVector<int64_t> otherDims(int64_t rank, ArrayRef<int64_t> a,
                               ArrayRef<int64_t> b) {
  SmallVector<int64_t> dims;
  for (int64_t i = 0; i < rank; ++i)
    if (!llvm::is_contained(a, i) && !llvm::is_contained(b, i))
      dims.push_back(i);
  return dims;
}

bool sameShapeAndElement(Type a, Type b) {
  auto first = cast<RankedTensorType>(a), second = cast<RankedTensorType>(b);
  return first.getShape() == second.getShape() &&
         first.getElementType() == second.getElementType();
}

int64_t floatToInteger(IntegerType type, double value) {
  if (type.getWidth() == 1)
    return value != 0;
  if (std::isnan(value))
    return 0;
  unsigned width = type.getWidth();
  APInt low = type.isUnsigned() ? APInt::getMinValue(width)
                                : APInt::getSignedMinValue(width);
  APInt high = type.isUnsigned() ? APInt::getMaxValue(width)
                                 : APInt::getSignedMaxValue(width);
  int64_t lowest = type.isUnsigned() ? 0 : low.getSExtValue();
  int64_t highest = static_cast<int64_t>(high.getZExtValue());
  double whole = std::trunc(value);
  if (whole <= static_cast<double>(lowest))
    return lowest;
  if (whole >= static_cast<double>(highest)) // 2^63 for i64
    return highest;
  return static_cast<int64_t>(whole);
}

DenseElementsAttr splatOf(RankedTensorType type, double value) {
  Type element = type.getElementType();
  if (auto integer = dyn_cast<IntegerType>(element))
    return splatOf(type, floatToInteger(integer, value));
  return DenseElementsAttr::get(type,
                                Attribute(FloatAttr::get(element, value)));
}

DenseElementsAttr splatOf(RankedTensorType type, int64_t value) {
  auto integer = dyn_cast<IntegerType>(type.getElementType());
  if (!integer)
    return splatOf(type, static_cast<double>(value));
  unsigned width = integer.getWidth();
  if (width == 1)
    value = value != 0;
  return DenseElementsAttr::get(type, APInt(width, static_cast<uint64_t>(value),
                                            /*isSigned=*/true,
                                            /*implicitTrunc=*/true));
}

int64_t sizeBytes(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  int64_t bits = tensor.getElementType().getIntOrFloatBitWidth();
  return tensor.getNumElements() * ((bits + 7) / 8);
}

} // namespace mlc::graph
