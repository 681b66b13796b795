//===- DistDialect.h - Meshes, layouts, collectives -------------*- C++ -*-===//
//
// The dialect `dist`: see DistDialect.td for what a layout means, and
// LayoutRules.h for how layouts follow from sharding rules.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_IR_DIST_DISTDIALECT_H
#define MLC_IR_DIST_DISTDIALECT_H

#include "ir/graph/GraphInterfaces.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include <optional>

#include "ir/dist/DistDialect.h.inc"
#include "ir/dist/DistEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "ir/dist/DistAttrs.h.inc"

#define GET_OP_CLASSES
#include "ir/dist/DistOps.h.inc"

#endif // MLC_IR_DIST_DISTDIALECT_H
