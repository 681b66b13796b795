//===- RunCompiled.h - Compile a module and run its plan --------*- C++ -*-===//

#ifndef MLC_TEST_RANDOM_RUNCOMPILED_H
#define MLC_TEST_RANDOM_RUNCOMPILED_H

#include "test/random/Build.h"

#include <functional>

namespace mlc::randomgraph {

/// How a module is compiled.
struct Setting {
  std::string fusion = "all"; ///< none, elementwise or all
  bool reuse = true;
  std::string cpu = "native";

  std::string text() const {
    return "fusion=" + fusion + " reuse=" + (reuse ? "on" : "off") +
           " cpu=" + cpu;
  }
};

/// Changes a module of the phase `local` before it is scheduled: the deliberate
/// miscompiles of the tester's own test.
using Fault = std::function<void(mlir::ModuleOp)>;

/// Machine code by the text that it was made of: most of the time goes into
/// making it, and settings of memory do not change it.
using CodeCache = std::map<std::string, std::string>;

/// Continues a module of the phase `local`, which is consumed, to the bytes of
/// a plan. Fails with a diagnostic.
mlir::FailureOr<std::string>
compileToPlan(mlir::ModuleOp local, const Setting &setting, CodeCache &codes);

/// What a run of a plan gives, bytes as they lie in memory, by name: loss,
/// metrics, outputs, and after each step all parameters, as "step1 loss",
/// "step2 p3", "infer o4".
using RawResults = std::map<std::string, std::string>;

/// Runs two training steps, and before them @infer where there is one. Without
/// results `error` says why.
std::optional<RawResults> runPlan(const std::string &plan, const Graph &graph,
                                  const Inputs &inputs, int threads,
                                  std::string &error);

/// Memory of a tensor, and back.
std::string toBytes(const graph::Literal &literal);
graph::Literal fromBytes(mlir::RankedTensorType type, llvm::StringRef bytes);

} // namespace mlc::randomgraph

#endif // MLC_TEST_RANDOM_RUNCOMPILED_H
