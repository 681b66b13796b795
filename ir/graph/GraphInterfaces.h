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

/// What an op does in a group of ops that become one kernel.
enum class FusionRole {
  Anchor,      ///< the one op of a group that combines elements
  Elementwise, ///< element i of the result needs elements i of the operands
  Copied,      ///< every group that reads the result has a copy of the op
  Immediate,   ///< the same, and known at compile time: never computed
  Constant,    ///< known at compile time, and read from memory
  View,        ///< the memory of operand 0 under another shape
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
