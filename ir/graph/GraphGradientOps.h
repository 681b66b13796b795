//===- GraphGradientOps.h - Gradients of a model's own ----------*- C++ -*-===//
//
// Not part of GraphOps.h: only what names these ops needs it.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_IR_GRAPH_GRAPHGRADIENTOPS_H
#define MLC_IR_GRAPH_GRAPHGRADIENTOPS_H

#include "ir/graph/GraphOps.h"

namespace mlc::graph {

/// Results are the first operands, one for one: only differentiation sees a
/// difference, and the op is gone after it.
template <typename ConcreteOp>
class ReplacedByOperands
    : public mlir::OpTrait::TraitBase<ConcreteOp, ReplacedByOperands> {};

/// Puts the operands of all such ops inside `root` in their place.
void replaceByOperands(mlir::Operation *root);

} // namespace mlc::graph

#define GET_OP_CLASSES
#include "ir/graph/GraphGradientOps.h.inc"

#endif // MLC_IR_GRAPH_GRAPHGRADIENTOPS_H
