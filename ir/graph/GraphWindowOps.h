//===- GraphWindowOps.h - Ops with a moving window --------------*- C++ -*-===//
//
// Not part of GraphOps.h: only what names these ops needs it.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_IR_GRAPH_GRAPHWINDOWOPS_H
#define MLC_IR_GRAPH_GRAPHWINDOWOPS_H

#include "ir/graph/GraphOps.h"
#include "ir/graph/ReadsMemory.h"
#include "ir/graph/Window.h"

#define GET_OP_CLASSES
#include "ir/graph/GraphWindowOps.h.inc"

namespace mlc::graph {

/// Taps that meet an element, over all places of a window.
int64_t countTaps(const Window &window);

} // namespace mlc::graph

#endif // MLC_IR_GRAPH_GRAPHWINDOWOPS_H
