//===- GraphBatchNormOps.h - Normalising by micro-batches -------*- C++ -*-===//
//
// Not part of GraphOps.h: only what names these ops needs it.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_IR_GRAPH_GRAPHBATCHNORMOPS_H
#define MLC_IR_GRAPH_GRAPHBATCHNORMOPS_H

#include "ir/graph/GraphOps.h"

#define GET_OP_CLASSES
#include "ir/graph/GraphBatchNormOps.h.inc"

#endif // MLC_IR_GRAPH_GRAPHBATCHNORMOPS_H
