//===- GraphReference.td - All families of ops, for the reference ---------===//

include "ir/graph/GraphOps.td"
include "ir/graph/GraphGradientOps.td"
include "ir/graph/GraphLoopOps.td"
