//===- Check.h - Compiled against interpreted -------------------*- C++ -*-===//
//
// Two training steps and @infer of one graph. Judged by the bounds of Bounds.h:
//
//   interpreter  the f32 interpreter, phase grad
//   fold         the f64 interpreter, phase graph against phase grad
//   passes       the f32 interpreter, phase local, on 1 and 2 devices
//   value        the plan, under every setting
// and exactly:
//   threads      the plan on 1 and on 3 threads gives the same bits
//   reuse        with and without reuse of memory, the same bits
// and in f64:
//   gradient     central differences of the loss
// besides
//   invalid      the graph cannot be built
//   rejected     a pass or the code generator refuses it
//   run          the runtime refuses the plan, or its run fails
//
//===----------------------------------------------------------------------===//

#ifndef MLC_TEST_RANDOM_CHECK_H
#define MLC_TEST_RANDOM_CHECK_H

#include "test/random/RunCompiled.h"

namespace mlc::randomgraph {

struct CheckOptions {
  std::vector<Setting> settings;
  bool gradients = true; ///< compare with central differences
  Fault fault;           ///< may be empty
};

struct Failure {
  std::string kind; ///< one of those above
  std::string message;

  /// Equal for failures of the same way: the kind, and for what was refused the
  /// reason without its numbers and names.
  std::string signature() const;
};

struct Report {
  std::optional<Failure> failure;
  int64_t plans = 0;
  int64_t judged = 0, unjudged = 0; ///< elements that have a bound, and not
  int64_t gradients = 0, kinks = 0; ///< central differences, and those skipped

  void add(const Report &other);
};

/// Dialects and translations that compiling needs.
mlir::DialectRegistry makeRegistry();

Report check(mlir::MLIRContext &context, const Graph &graph,
             const CheckOptions &options);

/// Compares the gradient of the loss with central differences at a few elements
/// of each parameter, by interpreter::checkGradients. `module` is of the phase
/// graph.
///
/// \returns failure, with a diagnostic, where they cannot be evaluated.
mlir::LogicalResult checkGradients(mlir::ModuleOp module, const Inputs &inputs,
                                   Report &report);

} // namespace mlc::randomgraph

#endif // MLC_TEST_RANDOM_CHECK_H
