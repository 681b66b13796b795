//===- GradientCheck.h - Gradients against differences ----------*- C++ -*-===//
//
// Compares what graph-autodiff made with central differences of the loss, both
// in f64 through the reference interpreter.
//
// A central difference of step h is off by O(h^2) where the loss is smooth, and
// by as much as the gradient where it has a kink (relu, abs, maximum) within h.
// So the step shrinks until the differences of several steps agree; an element
// where they do not sits on a kink, and another one is drawn. This looks at the
// loss alone: a wrong gradient cannot pass for a kink.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_IR_INTERPRETER_GRADIENTCHECK_H
#define MLC_IR_INTERPRETER_GRADIENTCHECK_H

#include "ir/graph/Literal.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <string>

namespace mlc::interpreter {

/// A derivative from values of the function alone.
struct Difference {
  double value = 0;
  /// What rounding in the function's values can add to it.
  double noise = 0;
  /// False: there is a kink, or no step is small enough.
  bool smooth = false;
};

/// The derivative of `f` at `x`, extrapolated from central differences. `f` may
/// fail.
mlir::FailureOr<Difference>
differentiate(llvm::function_ref<mlir::FailureOr<double>(double)> f, double x);

/// How the gradient of one parameter compares.
struct CheckedGradient {
  std::string path;
  mlir::RankedTensorType type;
  int64_t checked = 0; ///< elements compared
  int64_t kinks = 0;   ///< elements passed over, where the loss has a kink
  double error = 0;    ///< the worst relative error
  int64_t element = 0; ///< where, in row-major order
  double gradient = 0, difference = 0;

  /// `path[1, 2]` of `element`.
  std::string place() const;
};

/// What a gradient may differ from a difference, relatively.
inline constexpr double kTolerance = 1e-6;

/// |gradient - difference| over the larger of the two. In a difference, what
/// rounds in the loss is as large for a small element as for a large one; so
/// both count as at least a hundredth of `largest`, the tensor's largest
/// difference, and as at least what the noise lets resolve to kTolerance.
double relativeError(double gradient, const Difference &difference,
                     double largest);

/// A number in [0, 1), the same for the same name and index.
using DrawFunction = llvm::function_ref<double(llvm::StringRef, int64_t)>;

/// Compares every result `graph.gradient` of `function` with differences of its
/// result `graph.loss`, at `arguments`: all elements of a parameter, or
/// `maxElements` that `draw` chooses. Trained parameters without such a result
/// come last, their gradient taken as zero.
///
/// \returns failure, with a diagnostic, where the function cannot be evaluated
///   or has no loss.
mlir::FailureOr<std::vector<CheckedGradient>>
checkGradients(mlir::func::FuncOp function,
               llvm::ArrayRef<graph::Literal> arguments, DrawFunction draw,
               int64_t maxElements = 32);

} // namespace mlc::interpreter

#endif // MLC_IR_INTERPRETER_GRADIENTCHECK_H
