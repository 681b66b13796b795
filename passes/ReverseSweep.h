//===- ReverseSweep.h - Reverse mode over one block -------------*- C++ -*-===//
//
// Ops are visited from last to first; each turns its results' cotangents into
// those of its operands (GradientOpInterface, or AutodiffScan.cpp for a loop),
// and the cotangents of a value with several uses are added up. After Griewank
// and Walther, "Evaluating Derivatives", 2008, section 3.2.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_PASSES_REVERSESWEEP_H
#define MLC_PASSES_REVERSESWEEP_H

#include "ir/graph/GraphLoopOps.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

namespace mlc {

/// The values of `body` that depend on one of `from`, and so need a cotangent.
llvm::DenseSet<mlir::Value> activeValues(mlir::Block &body,
                                         mlir::ValueRange from);

class ReverseSweep {
public:
  /// Only values of `active` get cotangents. The backward ops go to `builder`'s
  /// place, behind all ops of the block that are there now.
  ReverseSweep(mlir::Block &body, llvm::DenseSet<mlir::Value> active,
               mlir::OpBuilder builder)
      : body(body), active(std::move(active)), builder(builder) {}

  /// Adds to the cotangent of `value`.
  void seed(mlir::Value value, mlir::Value cotangent);
  /// Null where it is zero.
  mlir::Value cotangentOf(mlir::Value value) const {
    return cotangents.lookup(value);
  }
  llvm::LogicalResult run();

private:
  llvm::LogicalResult visit(mlir::Operation &op);

  mlir::Block &body;
  llvm::DenseSet<mlir::Value> active;
  mlir::OpBuilder builder;
  llvm::DenseMap<mlir::Value, mlir::Value> cotangents;
};

/// Builds the loop that runs the iterations of `scan` backwards, and lets
/// `scan` keep what that one needs: `scan` is replaced and erased. Arguments as
/// of GradientOpInterface::buildGradient; only operands in `active` get
/// cotangents.
llvm::LogicalResult
differentiateScan(graph::ScanOp scan, mlir::ValueRange resultCotangents,
                  const llvm::DenseSet<mlir::Value> &active,
                  mlir::OpBuilder &builder,
                  llvm::SmallVectorImpl<mlir::Value> &operandCotangents);

/// Erases ops whose results nobody reads, last first.
void eraseDeadOps(mlir::Block &body);

} // namespace mlc

#endif // MLC_PASSES_REVERSESWEEP_H
