//===- Schedules.h - Learning rates over the steps ------------------------===//
//
// One table: a schedule is added by an entry in Schedules.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_IR_GRAPH_SCHEDULES_H
#define MLC_IR_GRAPH_SCHEDULES_H

#include "ir/graph/Hyperparameters.h"
#include "ir/graph/OpFactory.h"

namespace mlc::graph {

/// Builds f64 scalars that depend on the step, as PyTorch computes them in
/// Python.
struct StepMath {
  OpFactory ops;
  mlir::Value step; ///< f64 scalar: steps done before this one

  mlir::RankedTensorType type() {
    return mlir::RankedTensorType::get({}, ops.builder.getF64Type());
  }
  mlir::Value constant(double value) { return ops.splat(type(), value); }
  mlir::Value times(mlir::Value a, double b) { return ops.mul(a, constant(b)); }
  mlir::Value plus(mlir::Value a, double b) { return ops.add(a, constant(b)); }
  /// A quotient, not a product with 1 / b: 49 * (1 / 49.0) is below 1.
  mlir::Value over(mlir::Value a, double b) { return ops.div(a, constant(b)); }
  /// Whether `step` is below `limit`.
  mlir::Value isBefore(double limit) {
    return ops.compare(ComparePredicate::lt, step, constant(limit));
  }
  /// step - shift, over `length`, at most 1.
  mlir::Value progress(double shift, double length);
  /// From `first`, at progress 0, to `last` along half a wave.
  mlir::Value halfWave(double first, double last, mlir::Value progress);
};

/// A kind of schedule. Its first hyper-parameter is the highest rate. One that
/// has `warmup` climbs to it first, as (step + 1) / warmup.
struct ScheduleKind {
  llvm::StringLiteral name;
  llvm::ArrayRef<Hyperparameter> hyperparameters;
  /// The rate after the warm-up.
  mlir::Value (*rate)(StepMath &math, const HyperparameterValues &values);

  const Hyperparameter *find(llvm::StringRef name) const;
};

llvm::ArrayRef<ScheduleKind> scheduleKinds();
/// Null where there is none of that name.
const ScheduleKind *findSchedule(llvm::StringRef name);

/// The learning rate of this step, an f64 scalar.
mlir::Value learningRate(StepMath &math, const ScheduleKind &kind,
                         const HyperparameterValues &values);

} // namespace mlc::graph

#endif // MLC_IR_GRAPH_SCHEDULES_H
