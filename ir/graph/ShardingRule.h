//===- ShardingRule.h - Factors shared by operands and results --*- C++ -*-===//
//
// A sharding rule names the index ranges (factors) an op iterates over, and
// says which dimension of which operand and result runs over which factor. Two
// dimensions with the same factor must be sharded alike.
//
//   graph.dot [i, k] x [k, j] -> [i, j]
//     operandFactors = {{0, 1}, {1, 2}}, resultFactors = {{0, 2}}
//     kinds = {parallel, sum, parallel}
//
// After Shardy's sharding rules (openxla/shardy, docs/propagation.md).
//
//===----------------------------------------------------------------------===//

#ifndef MLC_IR_GRAPH_SHARDINGRULE_H
#define MLC_IR_GRAPH_SHARDINGRULE_H

#include "llvm/ADT/SmallVector.h"
#include <cstdint>

namespace mlc::graph {

/// What happens to a result when a factor is sharded over a mesh axis.
enum class FactorKind {
  parallel, ///< the result is sharded, or each device computes its own part
  sum,      ///< the result is a partial sum over the axis
  max,      ///< the result is a partial maximum over the axis
  min,      ///< the result is a partial minimum over the axis
  whole,    ///< the factor must not be sharded
};

/// When an op maps partial sums to a partial sum.
enum class PartialRule {
  none,      ///< never: every operand must be whole
  linear,    ///< when all value operands are partial over the same axes
  bilinear,  ///< when exactly one operand is partial and the rest replicated
  numerator, ///< when operand 0 alone is partial
};

struct ShardingRule {
  /// The factor in this place of `operandFactors` and `resultFactors` for a
  /// dimension that must stay whole.
  static constexpr int64_t kNoFactor = -1;

  /// Per operand and result, the factor of each dimension.
  llvm::SmallVector<llvm::SmallVector<int64_t>> operandFactors;
  llvm::SmallVector<llvm::SmallVector<int64_t>> resultFactors;

  /// Per factor. A size is how many parts the factor may be cut into at most;
  /// the number of devices along an axis must divide it.
  llvm::SmallVector<FactorKind> kinds;
  llvm::SmallVector<int64_t> sizes;

  PartialRule partial = PartialRule::none;

  /// Operands that `linear` does not mean: they are replicated when the others
  /// are partial (the condition of a select).
  llvm::SmallVector<unsigned> replicatedOperands;

  /// Adds a factor and returns its index.
  int64_t addFactor(FactorKind kind, int64_t size) {
    kinds.push_back(kind);
    sizes.push_back(size);
    return static_cast<int64_t>(kinds.size()) - 1;
  }
};

} // namespace mlc::graph

#endif // MLC_IR_GRAPH_SHARDINGRULE_H
