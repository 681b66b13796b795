//===- mlc-opt.cpp - The pass driver for tests ----------------------------===//

#include "ir/dist/DistDialect.h"
#include "ir/graph/GraphDialect.h"
#include "ir/plan/PlanOps.h"
#include "passes/Pipelines.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<mlir::func::FuncDialect, mlc::graph::GraphDialect,
                  mlc::dist::DistDialect, mlc::plan::PlanDialect>();
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerSymbolDCEPass();
  mlc::registerPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "mlc-opt: runs passes on the dialects graph, dist and plan\n",
      registry));
}
