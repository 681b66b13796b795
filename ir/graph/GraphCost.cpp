//===- GraphCost.cpp - Operations and bytes of the graph ops --------------===//
//
// Operations are counted as in the sum or product that defines the op, so that
// a matrix product [M, K] x [K, N] has 2 M N K of them.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphOps.h"

using namespace mlir;

namespace mlc::graph {

int64_t countResultElements(Operation *op) {
  int64_t count = 0;
  for (Type type : op->getResultTypes())
    count += cast<ShapedType>(type).getNumElements();
  return count;
}

int64_t countBytes(Operation *op) {
  int64_t bytes = 0;
  for (Type type : op->getOperandTypes())
    bytes += sizeBytes(type);
  for (Type type : op->getResultTypes())
    bytes += sizeBytes(type);
  return bytes;
}

// Data that only moves.
int64_t ConstantOp::getFlops() { return 0; }
int64_t IotaOp::getFlops() { return 0; }
int64_t BroadcastOp::getFlops() { return 0; }
int64_t ReshapeOp::getFlops() { return 0; }
int64_t TransposeOp::getFlops() { return 0; }
int64_t ConcatOp::getFlops() { return 0; }
int64_t SliceOp::getFlops() { return 0; }

// One operation per element read.
int64_t ReduceOp::getFlops() { return getOperand().getType().getNumElements(); }
int64_t ArgReduceOp::getFlops() {
  return getOperand().getType().getNumElements();
}

int64_t DotOp::getFlops() {
  int64_t flops = 2 * getType().getNumElements();
  for (int64_t dim : getLhsContract())
    flops *= getLhs().getType().getDimSize(dim);
  return flops;
}

// Per logit: maximum, difference, exp, sum; per row: log, sum, difference.
int64_t SoftmaxCrossEntropyOp::getFlops() {
  return getLogits().getType().getNumElements() * (3 + kFunctionFlops) +
         getLoss().getType().getNumElements() * (2 + kFunctionFlops);
}

// Per logit: maximum, difference, exp, sum, quotient, difference, product.
int64_t SoftmaxCrossEntropyGradOp::getFlops() {
  return getLogits().getType().getNumElements() * (6 + kFunctionFlops);
}

} // namespace mlc::graph
