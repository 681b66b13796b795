//===- SourceLines.h - The source places behind a location ------*- C++ -*-===//
//
// An op that comes from inside a layer has the location
//
//   "hidden"(callsite("linear"("layers.mlg":9:12) at "digits.mlg":9:8))
//
// the instance, the layer's name and line, and who called it, which may be a
// place in another layer of the same form. What people look for is the last
// caller: the line of their model.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_IR_GRAPH_SOURCELINES_H
#define MLC_IR_GRAPH_SOURCELINES_H

#include "mlir/IR/Location.h"
#include "llvm/ADT/SmallVector.h"

#include <string>

namespace mlc {

/// The places in files that `loc` stands for, in order and each once: of a call
/// the caller's.
llvm::SmallVector<mlir::FileLineColLoc> getSourceLines(mlir::Location loc);

/// For the first of these places, the layer it calls: `in layer linear
/// (layers.mlg:9:12)`, of nested ones the innermost; empty outside of layers.
std::string getLayerText(mlir::Location loc);

/// `digits.mlg:9:7`.
std::string toString(mlir::FileLineColLoc loc);

} // namespace mlc

#endif // MLC_IR_GRAPH_SOURCELINES_H
