//===- Pipelines.h - The order of passes ------------------------*- C++ -*-===//
//
// One pipeline per phase of docs/architecture.md: each takes a module of the
// phase before and ends with that phase's verifier.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_PASSES_PIPELINES_H
#define MLC_PASSES_PIPELINES_H

#include "mlir/IR/BuiltinOps.h"

#include <functional>
#include <string>

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace mlc {

struct ScheduleOptions {
  /// Which ops share a kernel: none, elementwise or all.
  std::string fusion = "all";
  /// Lets transient buffers share memory.
  bool reuse = true;
  /// Sets `scratch_bytes` of the module's kernels, for the code generator,
  /// before memory is planned. May be empty.
  std::function<llvm::LogicalResult(mlir::ModuleOp)> prepareKernels;
};

/// The part of `buildGradPipeline` before the optimizer: the results of @train
/// are its gradients.
void buildGradientsOnlyPipeline(mlir::OpPassManager &manager);

/// Checks what a phase promises (docs/architecture.md); every pipeline ends
/// with it. By itself for text that comes from outside.
void verifyPhase(mlir::OpPassManager &manager, llvm::StringRef phase);

/// graph -> grad: gradients and the optimizer's updates in `@train`.
void buildGradPipeline(mlir::OpPassManager &manager);

/// grad -> dist: layouts on every tensor, all-reduces where a sum is needed.
void buildDistPipeline(mlir::OpPassManager &manager);

/// dist -> local: per-device shapes, the micro-batch loop, buckets.
void buildLocalPipeline(mlir::OpPassManager &manager);

/// local -> schedule: kernels, steps in order, arena offsets.
void buildSchedulePipeline(mlir::OpPassManager &manager,
                           const ScheduleOptions &options);

/// Makes every pass and pipeline known by name, for mlc-opt.
void registerPasses();

} // namespace mlc

#endif // MLC_PASSES_PIPELINES_H
