//===- Pipelines.cpp - The order of passes --------------------------------===//
//
// Read it as a table of contents: the passes from the imported graph to the
// schedule, with a verifier after each phase.
//
//===----------------------------------------------------------------------===//

#include "passes/Pipelines.h"

#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

namespace mlc {

namespace {

#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"

} // namespace

void verifyPhase(mlir::OpPassManager &manager, llvm::StringRef phase) {
  VerifyPhaseOptions options;
  options.phase = phase.str();
  manager.addPass(createVerifyPhase(options));
}

void buildGradientsOnlyPipeline(mlir::OpPassManager &manager) {
  manager.addPass(createGraphHoistFromLoops());
  manager.addPass(createGraphAutodiff());
}

void buildGradPipeline(mlir::OpPassManager &manager) {
  manager.addPass(createGraphAutodiff({/*scaleLoss=*/true}));
  manager.addPass(createGraphInsertOptimizer());
  manager.addPass(mlir::createCanonicalizerPass());
  manager.addPass(mlir::createCSEPass());
  verifyPhase(manager, "grad");
}

void buildDistPipeline(mlir::OpPassManager &manager) {
  manager.addPass(createCreateMesh());
  manager.addPass(createPropagateLayouts());
  manager.addPass(createInsertCollectives());
  manager.addPass(mlir::createCSEPass());
  verifyPhase(manager, "dist");
}

void buildLocalPipeline(mlir::OpPassManager &manager) {
  manager.addPass(createPartition());
  manager.addNestedPass<mlir::func::FuncOp>(createBucketCollectives());
  manager.addPass(createCheckCollectiveOrder());
  verifyPhase(manager, "local");
}

void buildSchedulePipeline(mlir::OpPassManager &manager,
                           const ScheduleOptions &options) {
  manager.addPass(mlir::createCSEPass());
  PlanScheduleOptions schedule;
  schedule.fusion = options.fusion;
  manager.addPass(createPlanSchedule(schedule));
  manager.addPass(createPlanMemory(options.reuse, options.prepareKernels));
  verifyPhase(manager, "schedule");
}

void registerPasses() {
  registerPassesPasses();
  mlir::PassPipelineRegistration<>("grad-pipeline", "graph -> grad",
                                   buildGradPipeline);
  mlir::PassPipelineRegistration<>("dist-pipeline", "grad -> dist",
                                   buildDistPipeline);
  mlir::PassPipelineRegistration<>("local-pipeline", "dist -> local",
                                   buildLocalPipeline);
  mlir::PassPipelineRegistration<>(
      "schedule-pipeline", "local -> schedule",
      [](mlir::OpPassManager &manager) { buildSchedulePipeline(manager, {}); });
}

} // namespace mlc
