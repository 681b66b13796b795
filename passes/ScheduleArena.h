//===- ScheduleArena.h - Collects the buffers of a schedule -----*- C++ -*-===//

#ifndef MLC_PASSES_SCHEDULEARENA_H
#define MLC_PASSES_SCHEDULEARENA_H

#include "ir/plan/PlanOps.h"

#include "llvm/ADT/StringMap.h"

namespace mlc {

/// Adds buffers to the module's `plan.arena`, kept in the order of sections.
/// Offsets are the business of plan-memory.
class ScheduleArena {
public:
  explicit ScheduleArena(mlir::ModuleOp module);

  /// Adds a buffer; `name` gets a number where it is taken.
  plan::RefAttr add(llvm::StringRef name, plan::Section section,
                    mlir::RankedTensorType type, mlir::Location loc,
                    int64_t slots = 1, mlir::ElementsAttr value = {});

  /// The constant `value`, one buffer for equal values.
  plan::RefAttr addConstant(mlir::ElementsAttr value, mlir::Location loc);

  /// Sorts the buffers by section.
  void finish();

private:
  plan::ArenaOp arena;
  llvm::StringMap<unsigned> taken;
  llvm::DenseMap<mlir::Attribute, plan::RefAttr> constants;
};

} // namespace mlc

#endif // MLC_PASSES_SCHEDULEARENA_H
