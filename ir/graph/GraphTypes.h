//===- GraphTypes.h - Types computed from types -----------------*- C++ -*-===//
//
// Shapes and types of results, for builders, verifiers and passes. A layout
// (the encoding) is kept where the shape stays as it is, and dropped elsewhere:
// what it becomes is for the sharding rule to say.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_IR_GRAPH_GRAPHTYPES_H
#define MLC_IR_GRAPH_GRAPHTYPES_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/ValueRange.h"
#include "llvm/ADT/ArrayRef.h"

namespace mlc::graph {

/// The tensor type `type` with another shape. Keeps the layout only if the
/// shape is the same.
mlir::RankedTensorType withShape(mlir::Type type,
                                 llvm::ArrayRef<int64_t> shape);

/// The tensor type `type` with another element type, and its layout.
mlir::RankedTensorType withElementType(mlir::Type type, mlir::Type element);

/// The type of a comparison of values of `type`: i1, with its layout.
mlir::RankedTensorType boolLike(mlir::Type type);

/// `type` without the dimensions `dims`, in any order.
mlir::RankedTensorType withoutDims(mlir::Type type,
                                   llvm::ArrayRef<int64_t> dims);
mlir::RankedTensorType withoutInnermostDim(mlir::Type type);

/// `type` with dimension i taken from dimension `perm[i]`.
mlir::RankedTensorType permuted(mlir::Type type, llvm::ArrayRef<int64_t> perm);

/// The types of `graph.concat`, `graph.slice` and `graph.dot` results.
/// Arguments that the verifiers refuse give some type, never a crash.
mlir::RankedTensorType concatenated(mlir::ValueRange operands, int64_t dim);
mlir::RankedTensorType sliced(mlir::Type type, llvm::ArrayRef<int64_t> starts,
                              llvm::ArrayRef<int64_t> limits,
                              llvm::ArrayRef<int64_t> strides);
mlir::RankedTensorType dotType(mlir::Type lhs, mlir::Type rhs,
                               llvm::ArrayRef<int64_t> lhsBatch,
                               llvm::ArrayRef<int64_t> rhsBatch,
                               llvm::ArrayRef<int64_t> lhsContract,
                               llvm::ArrayRef<int64_t> rhsContract);

/// Dimensions `[rank - n, rank)` for the n dimensions of `type`: how NumPy
/// aligns an operand that is broadcast to `rank` dimensions.
llvm::SmallVector<int64_t> trailingDims(mlir::Type type, size_t rank);

/// The dimensions in `[0, rank)` that are in none of the lists.
llvm::SmallVector<int64_t> otherDims(int64_t rank, llvm::ArrayRef<int64_t> a,
                                     llvm::ArrayRef<int64_t> b = {});

/// Are shape and element type the same, whatever the layouts.
bool sameShapeAndElement(mlir::Type a, mlir::Type b);

/// A tensor of `type` with every element `value`, converted to the element type
/// as `graph.cast` does.
mlir::DenseElementsAttr splatOf(mlir::RankedTensorType type, double value);
mlir::DenseElementsAttr splatOf(mlir::RankedTensorType type, int64_t value);

/// Towards zero; outside of the type's range its nearest end, and 0 for NaN.
int64_t floatToInteger(mlir::IntegerType type, double value);

/// The number of all elements' bytes. An i1 takes one byte.
int64_t sizeBytes(mlir::Type type);

} // namespace mlc::graph

#endif // MLC_IR_GRAPH_GRAPHTYPES_H
