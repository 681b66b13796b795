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
    shape.push_back(stride > 0 && limit > start
                        ? (limit - start + stride - 1) / stride
                        : 1);
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

DenseElementsAttr splatOf(RankedTensorType type, double value) {
  Type element = type.getElementType();
  if (isa<FloatType>(element))
    return DenseElementsAttr::get(type,
                                  Attribute(FloatAttr::get(element, value)));
  auto integer = cast<IntegerType>(element);
  unsigned width = integer.getWidth();
  auto whole = width == 1 ? static_cast<int64_t>(value != 0)
                          : static_cast<int64_t>(value);
  return DenseElementsAttr::get(type, APInt(width, static_cast<uint64_t>(whole),
                                            /*isSigned=*/true,
                                            /*implicitTrunc=*/true));
}

int64_t sizeBytes(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  int64_t bits = tensor.getElementType().getIntOrFloatBitWidth();
  return tensor.getNumElements() * ((bits + 7) / 8);
}

} // namespace mlc::graph
