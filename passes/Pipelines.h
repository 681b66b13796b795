//===- Pipelines.h - The order of passes ------------------------*- C++ -*-===//
//
// One pipeline per phase of docs/architecture.md: each takes a module of the
// phase before and ends with that phase's verifier.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_PASSES_PIPELINES_H
#define MLC_PASSES_PIPELINES_H

namespace mlir {
class OpPassManager;
} // namespace mlir

namespace mlc {

struct ScheduleOptions {
  /// Gives every operation a kernel of its own.
  bool noFusion = false;
  /// Gives every buffer an address of its own.
  bool noMemoryReuse = false;
};

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
