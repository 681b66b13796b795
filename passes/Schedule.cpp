//===- Schedule.cpp - Functions to kernels, buffers and steps -------------===//
//
// Turns every function of the phase `local` into a `plan.program`: groups ops
// into kernels (analysis/FusionGroups.h), deduplicates them (ScheduleKernels.h)
// and lists calls, loops, all-reduces and copies in order (ScheduleProgram.h).
// Layouts are gone afterwards. Offsets come from plan-memory.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/ScheduleProgram.h"

#include "ir/graph/GraphOps.h"

namespace mlc {

#define GEN_PASS_DEF_PLANSCHEDULE
#include "passes/Passes.h.inc"

namespace {

class SchedulePass : public impl::PlanScheduleBase<SchedulePass> {
public:
  using PlanScheduleBase::PlanScheduleBase;

  void runOnOperation() override {
    mlir::ModuleOp module = getOperation();
    FusionMode mode = FusionMode::All;
    if (fusion == "none") {
      mode = FusionMode::None;
    } else if (fusion == "elementwise") {
      mode = FusionMode::Elementwise;
    } else if (fusion != "all") {
      module.emitError("unknown fusion \"")
          << fusion << "\"; it is none, elementwise or all";
      return signalPassFailure();
    }
    ScheduleArena arena(module);
    for (auto parameter : module.getOps<graph::ParameterOp>())
      arena.add(parameter.getSymName(),
                parameter.getRole() == graph::ParameterRole::trained
                    ? plan::Section::Parameters
                    : plan::Section::State,
                parameter.getTensorType(), parameter.getLoc());
    KernelOutliner kernels(module);
    int64_t nextId = 0;
    for (auto func :
         llvm::make_early_inc_range(module.getOps<mlir::func::FuncOp>())) {
      prepareForKernels(func);
      ProgramBuilder program(func, mode, arena, kernels);
      if (mlir::failed(program.build(nextId)))
        return signalPassFailure();
    }
    for (auto mesh : llvm::make_early_inc_range(module.getOps<dist::MeshOp>()))
      mesh.erase();
    arena.finish();
  }
};

} // namespace
} // namespace mlc
