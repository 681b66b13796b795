//===- GradientCheck.cpp - The gradient against central differences -------===//

#include "test/random/Check.h"

#include "ir/graph/Program.h"
#include "ir/interpreter/GradientCheck.h"
#include "passes/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;

namespace mlc::randomgraph {

LogicalResult checkGradients(ModuleOp module, const Inputs &inputs,
                             Report &report) {
  constexpr int64_t kElements = 2; // of each parameter
  auto forward = module.lookupSymbol<func::FuncOp>("train");
  if (!graph::findResult(forward, graph::kLossAttr))
    return success();
  OwningOpRef<ModuleOp> backward = module.clone();
  PassManager manager(module.getContext());
  manager.addPass(createGraphAutodiff());
  if (failed(manager.run(*backward)))
    return failure();
  auto function = backward->lookupSymbol<func::FuncOp>("train");
  auto draw = [](StringRef, int64_t index) {
    return static_cast<double>(index * 7 % 16) / 16; // 0 and 7/16 at first
  };
  auto checked = interpreter::checkGradients(
      function, bindArguments(function, inputs, 0), draw, kElements);
  if (failed(checked))
    return failure();
  for (const interpreter::CheckedGradient &one : *checked) {
    report.gradients += one.checked;
    report.kinks += one.kinks;
    if (one.error > interpreter::kTolerance && !report.failure)
      report.failure = Failure{
          "gradient", llvm::formatv("d loss / d {0} is {1:e12}, but the "
                                    "central difference is {2:e12}",
                                    one.place(), one.gradient, one.difference)};
  }
  return success();
}

} // namespace mlc::randomgraph
