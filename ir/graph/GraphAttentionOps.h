//===- GraphAttentionOps.h - Attention that stores no scores ----*- C++ -*-===//
//
// Not part of GraphOps.h: only what names these ops needs it.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_IR_GRAPH_GRAPHATTENTIONOPS_H
#define MLC_IR_GRAPH_GRAPHATTENTIONOPS_H

#include "ir/graph/GraphOps.h"

#define GET_OP_CLASSES
#include "ir/graph/GraphAttentionOps.h.inc"

#endif // MLC_IR_GRAPH_GRAPHATTENTIONOPS_H
