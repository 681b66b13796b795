//===- Compilation.h - A module on its way through the phases ---*- C++ -*-===//

#ifndef MLC_TOOLS_MLC_COMPILATION_H
#define MLC_TOOLS_MLC_COMPILATION_H

#include "codegen/cpu/CpuTarget.h"
#include "tools/mlc/Options.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

namespace mlir {
class PassManager;
} // namespace mlir

namespace mlc::driver {

class Compilation {
public:
  explicit Compilation(const Options &options);

  /// Reads and parses the input. Returns an exit code.
  int load();

  /// Runs the passes up to `phase`, at most `plan`. Returns an exit code.
  int advanceTo(Phase phase);

  /// At phase `graph`: adds the gradients of @train, without the optimizer that
  /// the phase `grad` puts in their place. Returns an exit code.
  int addGradients();

  /// The text of the phase reached, with locations, as --compile-from reads it.
  std::string print();
  /// The optimized LLVM IR of the kernels; at phase `kernels`.
  int printLlvm(std::string &text);

  Phase getPhase() const { return phase; }
  mlir::ModuleOp getModule() { return *module; }
  mlir::MLIRContext &getContext() { return context; }
  const std::string &getSource() const { return source; }

private:
  int loadModel();
  int loadPhase();
  int step();
  int runPasses(Phase to);
  /// Checks what the phase reached promises.
  int verifyReached();
  int runPipeline(mlir::PassManager &manager, const char *name);
  int lowerToKernels();
  int linkKernels();
  int resolveTarget();
  void recordTarget();
  void addModelDigest();
  void report(mlir::Diagnostic &diagnostic);
  void showLine(mlir::FileLineColLoc place);

  const Options &options;
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  Phase phase = Phase::Graph;
  std::string source; ///< text of the input
  std::optional<CpuTarget> target;
  unsigned errors = 0;
};

/// Prints `error: ...` to standard error.
void printError(const std::string &message);

} // namespace mlc::driver

#endif // MLC_TOOLS_MLC_COMPILATION_H
