//===- GraphLoopOps.h - Loops that stay loops -------------------*- C++ -*-===//

#ifndef MLC_IR_GRAPH_GRAPHLOOPOPS_H
#define MLC_IR_GRAPH_GRAPHLOOPOPS_H

#include "ir/graph/GraphDialect.h"
#include "ir/graph/GraphInterfaces.h"
#include "ir/graph/GraphTypes.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlc::graph {

/// The type of slices along dimension 0; null where a layout cuts that one.
mlir::RankedTensorType sliceType(mlir::Type stacked);
/// The type of `count` values of type `slice`, stacked along a new dimension 0.
mlir::RankedTensorType stackedType(mlir::Type slice, int64_t count);

} // namespace mlc::graph

#define GET_OP_CLASSES
#include "ir/graph/GraphLoopOps.h.inc"

#endif // MLC_IR_GRAPH_GRAPHLOOPOPS_H
