//===- GraphRandomOps.h - Tensors of random numbers -------------*- C++ -*-===//
//
// Not part of GraphOps.h: only what names these ops needs it.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_IR_GRAPH_GRAPHRANDOMOPS_H
#define MLC_IR_GRAPH_GRAPHRANDOMOPS_H

#include "ir/graph/GraphOps.h"

#define GET_OP_CLASSES
#include "ir/graph/GraphRandomOps.h.inc"

#endif // MLC_IR_GRAPH_GRAPHRANDOMOPS_H
