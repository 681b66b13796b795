//===- OptimizerConfig.h - The optimizer of one parameter -----------------===//
//
// Reads `mlc.train` of the module (docs/architecture.md, "Module attributes"),
// with the groups that match a parameter's path; a later group wins.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_PASSES_ANALYSIS_OPTIMIZERCONFIG_H
#define MLC_PASSES_ANALYSIS_OPTIMIZERCONFIG_H

#include "mlir/IR/BuiltinOps.h"

namespace mlc {

/// A learning-rate schedule over the steps of a training.
struct LearningRate {
  enum class Kind { constant, step, linear, cosine };
  Kind kind = Kind::constant;
  double peak = 1e-3; ///< after the warm-up; the value of a constant one
  double floor = 0.0; ///< linear, cosine: the value at `total`
  double gamma = 0.1; ///< step: the factor of one drop
  int64_t every = 1;  ///< step: steps between drops
  int64_t warmup = 0; ///< steps of linear climb
  int64_t total = 0;  ///< linear, cosine: steps of the whole training
};

/// Hyper-parameters as PyTorch names and defaults them.
struct OptimizerConfig {
  enum class Kind { sgd, adam, adamw };
  Kind kind = Kind::sgd;
  LearningRate learningRate;
  double weightDecay = 0.0;
  double momentum = 0.0;
  double dampening = 0.0;
  bool nesterov = false;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;

  mlir::StringRef name() const {
    return kind == Kind::sgd ? "sgd" : kind == Kind::adam ? "adam" : "adamw";
  }
};

/// The optimizer of the parameter `path`. Emits an error at the module for a
/// configuration that cannot be read.
mlir::FailureOr<OptimizerConfig> optimizerFor(mlir::ModuleOp module,
                                              mlir::StringRef path);

/// The largest global L2 norm of the gradients; 0 where they are not clipped.
double clipNorm(mlir::ModuleOp module);

} // namespace mlc

#endif // MLC_PASSES_ANALYSIS_OPTIMIZERCONFIG_H
