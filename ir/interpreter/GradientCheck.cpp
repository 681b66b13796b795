//===- GradientCheck.cpp - Gradients against differences ------------------===//

#include "ir/interpreter/GradientCheck.h"
#include "ir/graph/Program.h"
#include "ir/interpreter/Interpreter.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/DenseSet.h"
#include <cmath>
#include <limits>

using namespace mlir;
using mlc::graph::Literal;

namespace mlc::interpreter {

//===----------------------------------------------------------------------===//
// One derivative
//===----------------------------------------------------------------------===//

namespace {
/// The differences of one step h.
struct Stencil {
  double central = 0;      ///< (f(x + h) - f(x - h)) / 2h
  double curve = 0;        ///< the right difference minus the left one
  double slope = 0;        ///< the steeper of the two
  double noise = 0;        ///< of each
  double extrapolated = 0; ///< with the step before it, free of h^2
};
} // namespace

/// The loss goes through a few thousand roundings, which partly cancel; this
/// many units in its last place are more than is seen in practice.
static constexpr double kRoundings = 8;

static FailureOr<Stencil>
takeDifferences(function_ref<FailureOr<double>(double)> f, double x,
                double middle, double h) {
  FailureOr<double> below = f(x - h), above = f(x + h);
  if (failed(below) || failed(above))
    return failure();
  double size =
      std::max({std::fabs(middle), std::fabs(*below), std::fabs(*above)});
  double left = (middle - *below) / h, right = (*above - middle) / h;
  Stencil result;
  result.central = (*above - *below) / (2 * h);
  result.curve = right - left;
  result.slope = std::max(std::fabs(left), std::fabs(right));
  result.noise = kRoundings * std::numeric_limits<double>::epsilon() * size / h;
  return result;
}

// Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", 1982: halve the
// step, extrapolate, and stop where two extrapolations agree.
//
// A kink of size s at distance d < h changes them by 0.3 s d / h, and the curve
// beside twice the next one by s |1 - 1.5 d / h|: never both by little.
FailureOr<Difference> differentiate(function_ref<FailureOr<double>(double)> f,
                                    double x) {
  FailureOr<double> middle = f(x);
  if (failed(middle))
    return failure();
  Difference best;
  double least = std::numeric_limits<double>::infinity();
  double scale = std::max(1.0, std::fabs(x));
  Stencil last;
  for (int halvings = 0; halvings < 12; ++halvings) {
    auto next =
        takeDifferences(f, x, *middle, std::ldexp(scale, -9 - halvings));
    if (failed(next))
      return failure();
    next->extrapolated = (4 * next->central - last.central) / 3;
    double apart = std::fabs(next->extrapolated - last.extrapolated);
    double bend = std::fabs(last.curve - 2 * next->curve);
    double doubt = std::max(apart, bend) + next->noise;
    if (halvings > 1 && doubt < least) { // never where f is NaN
      least = doubt;
      best = {next->extrapolated, next->noise,
              std::max(apart, bend) <= 1e-6 * next->slope + 4 * next->noise};
      if (std::max(apart, bend) <= 1e-8 * next->slope + next->noise)
        break;
    }
    last = *next;
  }
  return best;
}

double relativeError(double gradient, const Difference &difference,
                     double largest) {
  double apart = std::fabs(gradient - difference.value);
  if (apart == 0)
    return 0;
  double size = std::max({std::fabs(gradient), std::fabs(difference.value),
                          largest / 100, difference.noise / kTolerance});
  return std::isfinite(apart) ? apart / size
                              : std::numeric_limits<double>::infinity();
}

//===----------------------------------------------------------------------===//
// All gradients of a program
//===----------------------------------------------------------------------===//

std::string CheckedGradient::place() const {
  std::string text;
  int64_t rest = element;
  for (int64_t stride : graph::stridesOf(type.getShape())) {
    text += (text.empty() ? "" : ", ") + std::to_string(rest / stride);
    rest %= stride;
  }
  return path + "[" + text + "]";
}

/// `function` with its loss alone, so that a difference costs no gradient.
static OwningOpRef<func::FuncOp> keepOnlyLoss(func::FuncOp function,
                                              unsigned lossIndex) {
  OwningOpRef<func::FuncOp> copy(function.clone());
  Block &body = copy->getBody().front();
  Operation *terminator = body.getTerminator();
  Value loss = terminator->getOperand(lossIndex);
  terminator->setOperands(loss);
  copy->setFunctionType(FunctionType::get(
      function.getContext(), function.getArgumentTypes(), loss.getType()));
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body)))
    if (isOpTriviallyDead(&op))
      op.erase();
  return copy;
}

namespace {
class Checker {
public:
  Checker(func::FuncOp lossOnly, ArrayRef<Literal> given)
      : function(lossOnly), arguments(given) {}

  FailureOr<CheckedGradient> check(unsigned argument, StringRef path,
                                   const Literal &gradient, DrawFunction draw,
                                   int64_t maxElements);

private:
  FailureOr<Difference> differentiateAt(unsigned argument, int64_t element);

  func::FuncOp function;
  std::vector<Literal> arguments;
};
} // namespace

FailureOr<Difference> Checker::differentiateAt(unsigned argument,
                                               int64_t element) {
  double &x = arguments[argument].floats[element];
  double before = x;
  auto loss = [&](double value) -> FailureOr<double> {
    x = value;
    auto results = evaluate(function, arguments, {.f64 = true, .devices = 1});
    if (failed(results))
      return failure();
    return results->front().at(0);
  };
  FailureOr<Difference> difference = differentiate(loss, before);
  x = before;
  return difference;
}

FailureOr<CheckedGradient> Checker::check(unsigned argument, StringRef path,
                                          const Literal &gradient,
                                          DrawFunction draw,
                                          int64_t maxElements) {
  CheckedGradient result;
  result.path = path.str();
  result.type = gradient.getType();
  int64_t size = gradient.size();
  bool all = size <= maxElements;
  // A drawn element may be taken already, or have a kink.
  int64_t draws = all ? size : 16 * maxElements;
  llvm::DenseSet<int64_t> seen;
  std::vector<std::pair<int64_t, Difference>> differences;
  double largest = 0;
  for (int64_t i = 0; i < draws && result.checked < maxElements; ++i) {
    int64_t element =
        all ? i
            : std::min(size - 1,
                       static_cast<int64_t>(draw(path, i) *
                                            static_cast<double>(size)));
    if (!seen.insert(element).second)
      continue;
    FailureOr<Difference> difference = differentiateAt(argument, element);
    if (failed(difference))
      return failure();
    if (!difference->smooth) {
      ++result.kinks;
      continue;
    }
    ++result.checked;
    largest = std::max(largest, std::fabs(difference->value));
    differences.emplace_back(element, *difference);
  }
  for (const auto &[element, difference] : differences) {
    double own = gradient.floats[element];
    double error = relativeError(own, difference, largest);
    if (error < result.error || (error == result.error && result.error > 0))
      continue;
    result.error = error;
    result.element = element;
    result.gradient = own;
    result.difference = difference.value;
  }
  return result;
}

FailureOr<std::vector<CheckedGradient>>
checkGradients(func::FuncOp function, ArrayRef<Literal> arguments,
               DrawFunction draw, int64_t maxElements) {
  std::optional<unsigned> loss = graph::findResult(function, graph::kLossAttr);
  if (!loss)
    return function.emitError("has no loss to compare gradients with");
  auto results = evaluate(function, arguments, {.f64 = true, .devices = 1});
  if (failed(results))
    return failure();
  OwningOpRef<func::FuncOp> lossOnly = keepOnlyLoss(function, *loss);
  Checker checker(*lossOnly, arguments);
  std::vector<CheckedGradient> checked;
  llvm::DenseSet<unsigned> done;
  auto check = [&](unsigned argument, const Literal &gradient) {
    done.insert(argument);
    StringRef path = graph::parameterOf(function, argument).getValue();
    auto one = checker.check(argument, path, gradient, draw, maxElements);
    if (succeeded(one))
      checked.push_back(std::move(*one));
    return LogicalResult(one);
  };
  for (auto [index, gradient] : llvm::enumerate(*results)) {
    auto symbol = function.getResultAttrOfType<FlatSymbolRefAttr>(
        index, graph::kGradientAttr);
    for (unsigned i = 0; symbol && i < arguments.size(); ++i)
      if (graph::parameterOf(function, i) == symbol &&
          failed(check(i, gradient)))
        return failure();
  }
  // The loss must not depend on a parameter that autodiff gave no gradient.
  for (BlockArgument parameter : graph::trainedParameters(function))
    if (unsigned i = parameter.getArgNumber(); !done.contains(i))
      if (failed(check(i, Literal(arguments[i].getType()))))
        return failure();
  return checked;
}

} // namespace mlc::interpreter
