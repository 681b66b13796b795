//===- GraphGradients.cpp - How cotangents flow through the graph ops -----===//
//
// One rule per op: the cotangents of the operands from that of the result.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphOps.h"
#include "mlir/IR/Builders.h"

using namespace mlir;

namespace mlc::graph {

using Cotangents = SmallVectorImpl<Value>;

LogicalResult AddOp::buildGradient(OpBuilder &, ValueRange cotangents,
                                   Cotangents &operands) {
  operands.assign({cotangents[0], cotangents[0]});
  return success();
}

LogicalResult SubOp::buildGradient(OpBuilder &builder, ValueRange cotangents,
                                   Cotangents &operands) {
  Value d = cotangents[0];
  operands.assign({d, d ? NegOp::create(builder, getLoc(), d) : Value()});
  return success();
}

LogicalResult MulOp::buildGradient(OpBuilder &builder, ValueRange cotangents,
                                   Cotangents &operands) {
  Value d = cotangents[0];
  if (!d) {
    operands.assign(2, Value());
    return success();
  }
  operands.assign({MulOp::create(builder, getLoc(), d, getRhs()),
                   MulOp::create(builder, getLoc(), d, getLhs())});
  return success();
}

LogicalResult NegOp::buildGradient(OpBuilder &builder, ValueRange cotangents,
                                   Cotangents &operands) {
  Value d = cotangents[0];
  operands.assign({d ? NegOp::create(builder, getLoc(), d) : Value()});
  return success();
}

// Constant between their steps.
LogicalResult SignOp::buildGradient(OpBuilder &, ValueRange,
                                    Cotangents &operands) {
  operands.assign(1, Value());
  return success();
}

LogicalResult FloorOp::buildGradient(OpBuilder &, ValueRange,
                                     Cotangents &operands) {
  operands.assign(1, Value());
  return success();
}

LogicalResult DivOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult PowOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult MaximumOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult MinimumOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult ModOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult AbsOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult ExpOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult LogOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult SqrtOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult TanhOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult SigmoidOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult ReluOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult CosOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult SelectOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult CastOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult BroadcastOp::buildGradient(OpBuilder &, ValueRange,
                                         Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult ReshapeOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult TransposeOp::buildGradient(OpBuilder &, ValueRange,
                                         Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult ConcatOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult SliceOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult ReduceOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult DotOp::buildGradient(OpBuilder &, ValueRange, Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult SoftmaxCrossEntropyOp::buildGradient(OpBuilder &, ValueRange,
                                                   Cotangents &) {
  return emitOpError("has no gradient rule");
}

LogicalResult SoftmaxCrossEntropyGradOp::buildGradient(OpBuilder &, ValueRange,
                                                       Cotangents &) {
  return emitOpError("has no gradient rule");
}

} // namespace mlc::graph
