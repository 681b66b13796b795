//===- Optimizers.h - From gradients to new values ------------------------===//
//
// One table: an optimizer is added by an entry in Optimizers.cpp, which the
// language, its groups and the pass graph-insert-optimizer read.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_IR_GRAPH_OPTIMIZERS_H
#define MLC_IR_GRAPH_OPTIMIZERS_H

#include "ir/graph/Schedules.h"

namespace mlc::graph {

/// What the update of one parameter is built with.
class OptimizerUpdate {
public:
  OptimizerUpdate(StepMath math, mlir::Value parameter,
                  mlir::Value learningRate, const HyperparameterValues &values,
                  int64_t stackedDims)
      : math(math), ops(math.ops), parameter(parameter),
        learningRate(learningRate), values(values), stackedDims(stackedDims),
        type(llvm::cast<mlir::RankedTensorType>(parameter.getType())) {}
  virtual ~OptimizerUpdate() = default;

  /// The state `name`, in the parameter's type, as it was before this step,
  /// and what it becomes. The first state() makes it, with `initial`.
  virtual mlir::Value state(llvm::StringRef name, double initial) = 0;
  virtual void setState(llvm::StringRef name, mlir::Value value) = 0;

  double operator[](llvm::StringRef name) const { return values[name]; }
  mlir::Value scaled(mlir::Value tensor, double factor) {
    return ops.mul(tensor, ops.splat(type, factor));
  }
  mlir::Value sqrt(mlir::Value x);
  /// An f64 scalar, or one for each of the tensors that are stacked, cast to
  /// the parameter's type and broadcast to its shape.
  mlir::Value spread(mlir::Value scalar);
  /// old * kept + added * (1 - kept), as it is the state's new value.
  mlir::Value average(llvm::StringRef name, double kept, mlir::Value added);
  /// 1 - beta ^ (step + 1).
  mlir::Value biasCorrection(double beta);
  /// The gradient with an L2 penalty.
  mlir::Value withDecay(mlir::Value gradient);
  /// The parameter after a decay of its own: parameter * (1 - lr * decay).
  mlir::Value decayedParameter();
  /// The parameter's new value: from - learning rate * direction.
  mlir::Value descend(mlir::Value from, mlir::Value direction);
  /// The L2 norm, in f64 if the tensor is, else in f32: of each of the tensors
  /// that are stacked for a loop, a scalar where there is none.
  mlir::Value norm(mlir::Value tensor);

  StepMath math;
  OpFactory ops;
  mlir::Value parameter;
  mlir::Value learningRate; ///< f64 scalar
  const HyperparameterValues &values;
  int64_t stackedDims; ///< the first ones, over the iterations of loops
  mlir::RankedTensorType type;
};

struct OptimizerKind {
  llvm::StringLiteral name;
  /// The first is `lr`; its standard is that of a constant rate.
  llvm::ArrayRef<Hyperparameter> hyperparameters;
  /// Builds the parameter's new value.
  mlir::Value (*update)(OptimizerUpdate &update, mlir::Value gradient);
  /// Which values exclude each other, in words; "" where they don't. Null: all
  /// fit together.
  llvm::StringRef (*conflict)(const HyperparameterValues &values) = nullptr;

  const Hyperparameter *find(llvm::StringRef name) const;
};

llvm::ArrayRef<OptimizerKind> optimizerKinds();
/// Null where there is none of that name.
const OptimizerKind *findOptimizer(llvm::StringRef name);

} // namespace mlc::graph

#endif // MLC_IR_GRAPH_OPTIMIZERS_H
