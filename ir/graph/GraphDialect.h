//===- GraphDialect.h - The dialect, its enums and attributes ---*- C++ -*-===//

#ifndef MLC_IR_GRAPH_GRAPHDIALECT_H
#define MLC_IR_GRAPH_GRAPHDIALECT_H

#include "mlir/IR/Attributes.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpImplementation.h"

#include "ir/graph/GraphDialect.h.inc"
#include "ir/graph/GraphEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "ir/graph/GraphAttrs.h.inc"

namespace mlc::graph {

// Names of the attributes of functions' arguments and results; see
// docs/architecture.md.
inline constexpr llvm::StringLiteral kParamAttr = "graph.param";
inline constexpr llvm::StringLiteral kInputAttr = "graph.input";
inline constexpr llvm::StringLiteral kMaskAttr = "graph.mask";
inline constexpr llvm::StringLiteral kCountAttr = "graph.count";
inline constexpr llvm::StringLiteral kStepAttr = "graph.step";
inline constexpr llvm::StringLiteral kLossAttr = "graph.loss";
inline constexpr llvm::StringLiteral kMetricAttr = "graph.metric";
inline constexpr llvm::StringLiteral kOutputAttr = "graph.output";
inline constexpr llvm::StringLiteral kUpdateAttr = "graph.update";

} // namespace mlc::graph

#endif // MLC_IR_GRAPH_GRAPHDIALECT_H
