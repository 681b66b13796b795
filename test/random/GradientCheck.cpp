//===- GradientCheck.cpp - The gradient against central differences -------===//
//
// In f64, by the interpreter, with two step sizes; their extrapolation
// (Richardson) is exact to the fourth order of the step. At a kink or a jump
// the slope is neither side's, and nothing is compared there: of a smooth loss,
// the change of slope over the step shrinks with the step, and at a kink it
// stays.
//
//===----------------------------------------------------------------------===//

#include "test/random/Check.h"

#include "ir/graph/Program.h"
#include "passes/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using mlc::graph::Literal;

namespace mlc::randomgraph {

namespace {

constexpr interpreter::Options kF64{/*f64=*/true, 1};

/// The loss as a function of its arguments.
class Loss {
public:
  explicit Loss(func::FuncOp function)
      : function(function),
        index(*graph::findResult(function, graph::kLossAttr)) {}

  double at(const std::vector<Literal> &arguments) const {
    auto results = interpreter::evaluate(function, arguments, kF64);
    return succeeded(results) ? (*results)[index].at(0) : std::nan("");
  }

  /// The central difference along one element of one argument, and the change
  /// of slope over the step.
  struct Difference {
    double slope, bend;
  };
  Difference difference(std::vector<Literal> &arguments, unsigned argument,
                        int64_t element, double step, double here) const {
    double &place = arguments[argument].floats[element];
    double before = place;
    place = before + step;
    double above = at(arguments);
    place = before - step;
    double below = at(arguments);
    place = before;
    return {(above - below) / (2 * step), (above + below - 2 * here) / step};
  }

private:
  func::FuncOp function;
  unsigned index;
};

} // namespace

void checkGradients(ModuleOp module, const Inputs &inputs, Report &report) {
  auto forward = module.lookupSymbol<func::FuncOp>("train");
  if (!graph::findResult(forward, graph::kLossAttr))
    return;
  OwningOpRef<ModuleOp> backward = module.clone();
  PassManager manager(module.getContext());
  manager.addPass(createGraphAutodiff());
  if (failed(manager.run(*backward)))
    return; // the grad pipeline has told
  auto function = backward->lookupSymbol<func::FuncOp>("train");
  std::vector<Literal> arguments = bindArguments(function, inputs, 0);
  auto results = interpreter::evaluate(function, arguments, kF64);
  if (failed(results))
    return;
  Loss loss(forward);
  double here = loss.at(arguments);
  constexpr double kStep = 1e-3;
  for (auto [index, gradient] : llvm::enumerate(*results)) {
    auto path = function.getResultAttrOfType<FlatSymbolRefAttr>(
        index, graph::kGradientAttr);
    if (!path)
      continue;
    unsigned argument = 0;
    while (graph::parameterOf(function, argument) != path)
      ++argument;
    for (int64_t element : {int64_t(0), gradient.size() / 2}) {
      auto coarse = loss.difference(arguments, argument, element, kStep, here);
      auto fine =
          loss.difference(arguments, argument, element, kStep / 4, here);
      double own = gradient.floats[element];
      double slope = (16 * fine.slope - coarse.slope) / 15;
      double size = std::max(std::fabs(own), std::fabs(slope));
      double noise = 1e-10 * (1 + std::fabs(here));
      double change = std::fabs(coarse.slope - fine.slope);
      double kink = std::fabs(4 * fine.bend - coarse.bend) / 3;
      if (!(change <= 1e-3 * size + noise && kink <= 1e-7 * size + noise)) {
        ++report.kinks;
        continue;
      }
      ++report.gradients;
      if (std::fabs(slope - own) <= 1e-6 * size + 100 * noise + 0.1 * change)
        continue;
      report.failure = Failure{
          "gradient",
          llvm::formatv("d loss / d {0} at element {1} is {2:e12}, but the "
                        "central difference is {3:e12}",
                        path.getValue(), element, own, slope)};
      return;
    }
  }
}

} // namespace mlc::randomgraph
