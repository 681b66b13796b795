//===- GraphOps.h - The ops of graph ----------------------------*- C++ -*-===//

#ifndef MLC_IR_GRAPH_GRAPHOPS_H
#define MLC_IR_GRAPH_GRAPHOPS_H

#include "ir/graph/GraphDialect.h"
#include "ir/graph/GraphInterfaces.h"
#include "ir/graph/GraphTypes.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_OP_CLASSES
#include "ir/graph/GraphOps.h.inc"

#endif // MLC_IR_GRAPH_GRAPHOPS_H
