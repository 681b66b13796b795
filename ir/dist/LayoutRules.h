//===- LayoutRules.h - Layouts that follow from sharding rules --*- C++ -*-===//
//
// One place for the question "given these operand layouts, what are the
// layouts of the results": the verifier of every op in the phases dist and
// local asks it, and so do the passes.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_IR_DIST_LAYOUTRULES_H
#define MLC_IR_DIST_LAYOUTRULES_H

#include "ir/dist/DistDialect.h"
#include "ir/graph/ShardingRule.h"

#include <string>

namespace mlc::dist {

/// Why operand layouts do not fit a rule.
struct LayoutConflict {
  /// What is wrong, without the op's name.
  std::string message;
  /// The operand that should change, and what the note there says; -1: none.
  int64_t operand = -1;
  std::string note;
};

/// The layouts of the results of an op with this rule.
///
/// A factor that only results have (the new dimension of a broadcast, all of a
/// constant) may be sharded or not: it is taken from `resultHints`, where a
/// null entry means replicated.
///
/// \returns nothing where the operand layouts do not fit, and fills `conflict`.
std::optional<llvm::SmallVector<LayoutAttr>> inferResultLayouts(
    const graph::ShardingRule &rule, mlir::FlatSymbolRefAttr mesh,
    llvm::ArrayRef<LayoutAttr> operands, llvm::ArrayRef<LayoutAttr> resultHints,
    LayoutConflict &conflict);

/// Checks an op's operands and results against `rule`; emits the diagnostic.
llvm::LogicalResult verifyLayouts(mlir::Operation *op,
                                  const graph::ShardingRule &rule);

/// `type` with another layout; null takes it away.
mlir::RankedTensorType withLayout(mlir::RankedTensorType type,
                                  LayoutAttr layout);

} // namespace mlc::dist

#endif // MLC_IR_DIST_LAYOUTRULES_H
