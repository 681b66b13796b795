//===- PlanOps.h - The plan dialect ---------------------------------------===//
//
// Buffers, kernels and steps; see PlanOps.td.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_IR_PLAN_PLANOPS_H
#define MLC_IR_PLAN_PLANOPS_H

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "ir/plan/PlanDialect.h.inc"
#include "ir/plan/PlanEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "ir/plan/PlanAttrs.h.inc"

namespace mlc::plan {
class BufferOp;
class KernelOp;

/// Bytes of one element in the arena (`i1` takes one), 0 if the plan has no
/// such type.
int64_t getElementBytes(mlir::Type elementType);

/// Bytes of a row-major tensor of static shape.
int64_t getTensorBytes(mlir::Type tensorType);

/// The next multiple of the arena's alignment.
int64_t alignToArena(int64_t bytes);

} // namespace mlc::plan

#define GET_OP_CLASSES
#include "ir/plan/PlanOps.h.inc"

#endif // MLC_IR_PLAN_PLANOPS_H
