//===- LossScale.h - Dynamic loss scaling ---------------------------------===//
//
// With `precision = f16` gradients are small against what f16 can hold. The
// loss is scaled before it is differentiated, and the gradients back when they
// are f32. torch.cuda.amp.GradScaler: a step whose gradients are not all finite
// is skipped and halves the scale; 2000 others in a row double it.
//
//   loss#scale        f32: the scale
//   loss#good_steps   f32: steps since it changed
//   loss#steps        f64: steps that were not skipped
//
//===----------------------------------------------------------------------===//
#ifndef MLC_PASSES_LOSSSCALE_H
#define MLC_PASSES_LOSSSCALE_H

#include "ir/graph/OpFactory.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlc {

/// Whether the loss of this module's training is scaled.
bool scalesLoss(mlir::ModuleOp module);

/// The scale in `type`, a scalar, as the cotangent of the loss.
mlir::Value scaleOfLoss(mlir::func::FuncOp function, graph::OpFactory ops,
                        mlir::RankedTensorType type);

/// A step whose loss was scaled.
class ScaledStep {
public:
  /// Scales `gradients` back.
  ScaledStep(mlir::func::FuncOp function, graph::OpFactory ops,
             llvm::MutableArrayRef<mlir::Value> gradients);

  /// f64 scalar: the steps done before this one, without those skipped.
  mlir::Value steps() const { return stepsBefore; }
  /// `next`, or `before` where the step is skipped.
  mlir::Value unlessSkipped(mlir::Value next, mlir::Value before);
  /// Adds the scale's own update to the program.
  void finish();

private:
  mlir::func::FuncOp function;
  graph::OpFactory ops;
  mlir::Value scale, goodBefore, stepsBefore;
  mlir::Value isFinite; ///< bool scalar: every gradient is
};

} // namespace mlc

#endif // MLC_PASSES_LOSSSCALE_H
