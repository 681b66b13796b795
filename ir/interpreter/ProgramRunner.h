//===- ProgramRunner.h - Runs a program step by step ------------*- C++ -*-===//
//
// Binds the arguments of @train, @eval or @infer by their attributes, and feeds
// the updates back to the parameters.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_IR_INTERPRETER_PROGRAMRUNNER_H
#define MLC_IR_INTERPRETER_PROGRAMRUNNER_H

#include "ir/interpreter/Interpreter.h"
#include <map>
#include <optional>
#include <string>

namespace mlc::interpreter {

using NamedLiterals = std::map<std::string, graph::Literal>;

/// A batch: its columns by the names of the inputs, [rows, ...] each.
struct Batch {
  NamedLiterals inputs;
  /// 1 for a real row, 0 for padding; without it every row is real.
  std::optional<graph::Literal> mask;
  /// Real rows of the global batch; without it, the mask's sum.
  std::optional<int64_t> count;
  /// What `graph.row` begins with.
  int64_t firstRow = 0;
};

struct StepResult {
  std::optional<double> loss;
  NamedLiterals metrics;
  NamedLiterals outputs;
};

class ProgramRunner {
public:
  explicit ProgramRunner(mlir::ModuleOp module, Options options = {})
      : module(module), options(options) {}

  /// Parameters by path, optimizer state included. Those that nobody sets have
  /// the value of a `zeros`, `ones` or `constant` initializer; for a random one
  /// `run` fails.
  NamedLiterals parameters;
  /// What `graph.step` reads: steps done before the next one.
  int64_t step = 0;
  /// What `graph.seed` reads.
  int64_t seed = 0;

  /// Runs the function `name` once and stores its updates; with `train`, the
  /// step counts.
  mlir::FailureOr<StepResult> run(llvm::StringRef name, const Batch &batch);

private:
  mlir::FailureOr<graph::Literal> bind(mlir::func::FuncOp function,
                                       unsigned index, const Batch &batch);
  mlir::FailureOr<graph::Literal> findParameter(mlir::func::FuncOp function,
                                                llvm::StringRef path);

  mlir::ModuleOp module;
  Options options;
};

} // namespace mlc::interpreter

#endif // MLC_IR_INTERPRETER_PROGRAMRUNNER_H
