//===- SourceLines.h - The source places behind a location ------*- C++ -*-===//

#ifndef MLC_PASSES_ANALYSIS_SOURCELINES_H
#define MLC_PASSES_ANALYSIS_SOURCELINES_H

#include "mlir/IR/Location.h"
#include "llvm/ADT/SmallVector.h"

#include <string>

namespace mlc {

/// The places in files that `loc` stands for, in order and each once.
llvm::SmallVector<mlir::FileLineColLoc> getSourceLines(mlir::Location loc);

/// `digits.mlg:9:7`.
std::string toString(mlir::FileLineColLoc loc);

} // namespace mlc

#endif // MLC_PASSES_ANALYSIS_SOURCELINES_H
