//===- Reports.h - What a step sends and how long it takes ------*- C++ -*-===//
//
// The reports `comm` and `time`, and `--explain`, read off a module of the
// phase `local`. Nothing runs: payloads are exact, seconds are a prediction
// from a machine description (passes/cost/CostModel.h).
//
//===----------------------------------------------------------------------===//

#ifndef MLC_PASSES_ANALYSIS_REPORTS_H
#define MLC_PASSES_ANALYSIS_REPORTS_H

#include "passes/cost/CostModel.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/JSON.h"

#include <string>

namespace mlc {

struct Report {
  /// For people; ends with a line break.
  std::string text;
  /// For programs: docs/schema/report.schema.json.
  llvm::json::Value json = nullptr;
};

/// Every collective of a schedule: payload, bytes that each rank sends and
/// predicted seconds, with the source lines behind it. For an elastic mesh, for
/// several N.
Report reportCommunication(mlir::ModuleOp module,
                           const MachineDescription &machine = {});

/// Predicted seconds of a training step: arithmetic, memory and messages.
/// Elementwise ops count as fused into their producers: they add operations
/// and no bytes.
Report reportTime(mlir::ModuleOp module,
                  const MachineDescription &machine = {});

/// The same in one number: for the mesh's size, or for one rank where it is
/// elastic.
double predictStepSeconds(mlir::ModuleOp module,
                          const MachineDescription &machine = {});

/// What a parameter, its optimizer state, an input, a metric or an output is,
/// how it lies over the devices and why, and its collectives.
///
/// \returns the text; fails where no value of this path exists, with
///   `suggestion` the nearest path there is.
llvm::FailureOr<std::string> explainValue(mlir::ModuleOp module,
                                          llvm::StringRef path,
                                          std::string &suggestion);

} // namespace mlc

#endif // MLC_PASSES_ANALYSIS_REPORTS_H
