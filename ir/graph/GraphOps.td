//===- GraphOps.td - All ops of graph -------------------------------------===//

#ifndef MLC_IR_GRAPH_GRAPHOPS
#define MLC_IR_GRAPH_GRAPHOPS

include "ir/graph/GraphElementwiseOps.td"
include "ir/graph/GraphTensorOps.td"

#endif // MLC_IR_GRAPH_GRAPHOPS
