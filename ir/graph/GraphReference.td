//===- GraphReference.td - Every op of graph, for docs/reference ----------===//

#ifndef MLC_IR_GRAPH_GRAPHREFERENCE
#define MLC_IR_GRAPH_GRAPHREFERENCE

include "ir/graph/GraphOps.td"
// One line for each family of ops with files of its own.
include "ir/graph/GraphAttentionOps.td"
include "ir/graph/GraphBatchNormOps.td"
include "ir/graph/GraphGradientOps.td"
include "ir/graph/GraphIndexOps.td"
include "ir/graph/GraphLoopOps.td"
include "ir/graph/GraphRandomOps.td"
include "ir/graph/GraphWindowOps.td"

#endif // MLC_IR_GRAPH_GRAPHREFERENCE
