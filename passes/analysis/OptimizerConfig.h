//===- OptimizerConfig.h - The optimizer of one parameter -----------------===//
//
// Reads `mlc.train` of the module (docs/architecture.md, "Module attributes"),
// with the groups that match a parameter's path; a later group wins.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_PASSES_ANALYSIS_OPTIMIZERCONFIG_H
#define MLC_PASSES_ANALYSIS_OPTIMIZERCONFIG_H

#include "ir/graph/Optimizers.h"

#include "mlir/IR/BuiltinOps.h"

namespace mlc {

struct OptimizerConfig {
  const graph::OptimizerKind *kind = nullptr;
  graph::HyperparameterValues values;
  const graph::ScheduleKind *schedule = nullptr;
  graph::HyperparameterValues scheduleValues;
  double learningRateScale = 1.0; ///< of the groups
};

/// The optimizer of the parameter `path`. Emits an error at the module for a
/// configuration that cannot be read.
mlir::FailureOr<OptimizerConfig> optimizerFor(mlir::ModuleOp module,
                                              mlir::StringRef path);

/// The largest global L2 norm of the gradients; 0 where they are not clipped.
double clipNorm(mlir::ModuleOp module);

/// What a step keeps of the running averages of the parameters; 0 without any.
double averageDecay(mlir::ModuleOp module);

} // namespace mlc

#endif // MLC_PASSES_ANALYSIS_OPTIMIZERCONFIG_H
