//===- ScheduleKernels.h - Fusion groups to plan.kernel ---------*- C++ -*-===//

#ifndef MLC_PASSES_SCHEDULEKERNELS_H
#define MLC_PASSES_SCHEDULEKERNELS_H

#include "ir/plan/PlanOps.h"
#include "passes/analysis/FusionGroups.h"

#include "llvm/ADT/StringMap.h"

#include <string>

namespace mlc {

/// Takes the layouts off every type of the function, and moves reshapes in
/// front of the elementwise ops that nothing else reads, so that they become
/// views of values in memory.
void prepareForKernels(mlir::Operation *func);

/// A group as a kernel and what a call of it reads and writes.
struct OutlinedKernel {
  plan::KernelOp kernel;
  llvm::SmallVector<mlir::Value> inputs;  ///< in the order of the arguments
  llvm::SmallVector<mlir::Value> outputs; ///< in the order of the results
  mlir::Location loc;
};

/// Builds the kernels of a module; groups of one structure share a kernel.
class KernelOutliner {
public:
  explicit KernelOutliner(mlir::ModuleOp module) : module(module) {}

  /// `inPlace` holds for an output the input whose memory it takes.
  OutlinedKernel
  outline(const FusionGroups::Group &group,
          const llvm::DenseMap<mlir::Value, mlir::Value> &inPlace);

private:
  mlir::ModuleOp module;
  llvm::StringMap<plan::KernelOp> byStructure;
};

/// Is element i of `output` computed from element i of `input` alone (of the
/// input, other values aside), wherever the group reads `input`.
bool readsElementwise(const FusionGroups::Group &group, mlir::Value input);

} // namespace mlc

#endif // MLC_PASSES_SCHEDULEKERNELS_H
