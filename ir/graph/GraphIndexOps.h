//===- GraphIndexOps.h - Ops whose indices are values -----------*- C++ -*-===//

#ifndef MLC_IR_GRAPH_GRAPHINDEXOPS_H
#define MLC_IR_GRAPH_GRAPHINDEXOPS_H

#include "ir/graph/GraphOps.h"

namespace mlc::graph {

/// The type of `graph.gather`. Arguments that the verifier refuses give some
/// type, never a crash.
mlir::RankedTensorType gatheredType(mlir::Type operand, mlir::Type indices,
                                    int64_t dim);

} // namespace mlc::graph

#define GET_OP_CLASSES
#include "ir/graph/GraphIndexOps.h.inc"

#endif // MLC_IR_GRAPH_GRAPHINDEXOPS_H
