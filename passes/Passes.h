//===- Passes.h - Declarations of every pass --------------------*- C++ -*-===//
//
// Generated from Passes.td: `createX()` and `XOptions` for each pass.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_PASSES_PASSES_H
#define MLC_PASSES_PASSES_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <memory>
#include <string>

namespace mlc {

#define GEN_PASS_DECL
#include "passes/Passes.h.inc"

/// plan-memory that first lets `prepareKernels` (which may be empty) set
/// `tasks` and `scratch_bytes` of the kernels.
std::unique_ptr<mlir::Pass> createPlanMemory(
    bool reuse,
    std::function<llvm::LogicalResult(mlir::ModuleOp)> prepareKernels);

} // namespace mlc

#endif // MLC_PASSES_PASSES_H
