//===- OpFactory.h - Short spellings for building graph ops ---------------===//
#ifndef MLC_IR_GRAPH_OPFACTORY_H
#define MLC_IR_GRAPH_OPFACTORY_H

#include "ir/graph/GraphOps.h"

namespace mlc::graph {

/// Builds graph ops at one location, with result types where the operands
/// leave them open.
struct OpFactory {
  mlir::OpBuilder &builder;
  mlir::Location loc;

  mlir::Value splat(mlir::RankedTensorType type, double value) {
    return ConstantOp::create(builder, loc, type, value);
  }
  mlir::Value splatLike(mlir::Value like, double value) {
    return splat(llvm::cast<mlir::RankedTensorType>(like.getType()), value);
  }
  mlir::Value zeroLike(mlir::Value like) { return splatLike(like, 0.0); }
  mlir::Value add(mlir::Value a, mlir::Value b) {
    return AddOp::create(builder, loc, a, b);
  }
  mlir::Value sub(mlir::Value a, mlir::Value b) {
    return SubOp::create(builder, loc, a, b);
  }
  mlir::Value mul(mlir::Value a, mlir::Value b) {
    return MulOp::create(builder, loc, a, b);
  }
  mlir::Value div(mlir::Value a, mlir::Value b) {
    return DivOp::create(builder, loc, a, b);
  }
  mlir::Value neg(mlir::Value x) { return NegOp::create(builder, loc, x); }
  mlir::Value compare(ComparePredicate predicate, mlir::Value a,
                      mlir::Value b) {
    return CompareOp::create(builder, loc, predicate, a, b);
  }
  mlir::Value select(mlir::Value condition, mlir::Value a, mlir::Value b) {
    return SelectOp::create(builder, loc, condition, a, b);
  }
  mlir::Value castTo(mlir::Value x, mlir::Type type) {
    return x.getType() == type ? x : CastOp::create(builder, loc, type, x);
  }
  mlir::Value reduceSum(mlir::Value x, llvm::ArrayRef<int64_t> dims) {
    return dims.empty()
               ? x
               : ReduceOp::create(builder, loc, ReductionKind::sum, x, dims);
  }
  /// Dimension `from[i]` of `x` is dimension `to[i]` of the result.
  mlir::Value reshape(mlir::Value x, llvm::ArrayRef<int64_t> shape,
                      llvm::ArrayRef<int64_t> from = {},
                      llvm::ArrayRef<int64_t> to = {}) {
    auto type = llvm::cast<mlir::RankedTensorType>(x.getType());
    return type.getShape() == shape && from == to
               ? x
               : ReshapeOp::create(builder, loc, x, shape, from, to);
  }
  mlir::Value transpose(mlir::Value x, llvm::ArrayRef<int64_t> perm) {
    return TransposeOp::create(builder, loc, x, perm);
  }
  mlir::Value broadcast(mlir::Value x, llvm::ArrayRef<int64_t> shape,
                        llvm::ArrayRef<int64_t> dims) {
    return BroadcastOp::create(builder, loc, x, shape, dims);
  }
};

} // namespace mlc::graph

#endif // MLC_IR_GRAPH_OPFACTORY_H
