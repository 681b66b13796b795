//===- PlanWriter.h - Phase plan to the bytes of a plan ---------*- C++ -*-===//

#ifndef MLC_CODEGEN_PLANWRITER_H
#define MLC_CODEGEN_PLANWRITER_H

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace mlc {

/// What FlatBuffers' verifier takes.
inline constexpr uint64_t kMostPlanBytes = (uint64_t{1} << 31) - 2;

/// Writes a module of the phase `plan` as the FlatBuffer of
/// runtime/schema/plan.fbs, one to one. The same module gives the same bytes,
/// in any directory. Fails with a diagnostic where the module lacks something
/// that a plan needs, or needs a plan of more than `mostBytes`, of which
/// constants may take seven eighths.
mlir::FailureOr<std::string> writePlan(mlir::ModuleOp module,
                                       uint64_t mostBytes = kMostPlanBytes);

/// Writes what the plan of a module of any phase will say of the model, its
/// training, inputs, data and parameters, without anything to run: what
/// `mlc --interpret` reads as mlrun would.
mlir::FailureOr<std::string> writeConfiguration(mlir::ModuleOp module);

} // namespace mlc

#endif // MLC_CODEGEN_PLANWRITER_H
