//===- GraphInterfaces.h - What passes may ask of an op ---------*- C++ -*-===//

#ifndef MLC_IR_GRAPH_GRAPHINTERFACES_H
#define MLC_IR_GRAPH_GRAPHINTERFACES_H

#include "ir/graph/ShardingRule.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

namespace mlc::graph {

class Literal;

/// How the reference evaluation computes.
struct EvalOptions {
  /// Evaluate every float type in double, without rounding to it.
  bool f64 = false;
};

/// Scalar operations that one exp, log, tanh, ... counts as.
inline constexpr int64_t kFunctionFlops = 10;

/// Elements of all results of `op`.
int64_t countResultElements(mlir::Operation *op);

/// Bytes of all operands and results of `op`.
int64_t countBytes(mlir::Operation *op);

/// The rule of an op whose operands and results have one shape: one parallel
/// factor per dimension.
ShardingRule buildElementwiseRule(mlir::Operation *op, PartialRule partial);

namespace detail {
llvm::LogicalResult verifyLayouts(mlir::Operation *op);
llvm::LogicalResult verifyElementwise(mlir::Operation *op);
} // namespace detail

/// The layouts of operands and results are what the sharding rule gives.
template <typename ConcreteOp>
class CheckedLayouts
    : public mlir::OpTrait::TraitBase<ConcreteOp, CheckedLayouts> {
public:
  static llvm::LogicalResult verifyRegionTrait(mlir::Operation *op) {
    return detail::verifyLayouts(op);
  }
};

/// Operands and results have one shape, and element i of a result depends on
/// elements i of the operands alone.
template <typename ConcreteOp>
class Elementwise : public mlir::OpTrait::TraitBase<ConcreteOp, Elementwise> {
public:
  static llvm::LogicalResult verifyTrait(mlir::Operation *op) {
    return detail::verifyElementwise(op);
  }
};

} // namespace mlc::graph

#include "ir/graph/GraphAttrInterfaces.h.inc"
#include "ir/graph/GraphOpInterfaces.h.inc"

#endif // MLC_IR_GRAPH_GRAPHINTERFACES_H
