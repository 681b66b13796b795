//===- LayoutPropagation.h - Layouts of one function ------------*- C++ -*-===//
//
// What PropagateLayouts.cpp says, with a part for loops in
// PropagateLoopLayouts.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_PASSES_LAYOUTPROPAGATION_H
#define MLC_PASSES_LAYOUTPROPAGATION_H

#include "ir/dist/LayoutRules.h"
#include "ir/graph/GraphLoopOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"

namespace mlc {

/// Gives every value of a function its layout.
class LayoutPropagation {
public:
  LayoutPropagation(mlir::func::FuncOp func, mlir::FlatSymbolRefAttr mesh)
      : func(func), mesh(mesh), builder(func.getContext()),
        dataAxis(builder.getStrArrayAttr({dist::DistDialect::kDataAxis})) {}

  llvm::LogicalResult run();

private:
  dist::LayoutAttr replicated(mlir::Value value);
  /// The layout of a tensor whose dimensions `axes` says.
  dist::LayoutAttr sharded(llvm::ArrayRef<mlir::Attribute> axes);
  llvm::LogicalResult setArguments();
  llvm::LogicalResult visit(mlir::Operation *op);
  /// Sets the types of the results, and makes partial ones whole.
  llvm::LogicalResult setResults(mlir::Operation *op,
                                 const graph::ShardingRule &rule,
                                 llvm::ArrayRef<dist::LayoutAttr> hints);
  void makeWhole(mlir::OpResult value);
  /// Where some operands have a factor sharded, makes the others so too, if
  /// they can be made again in parts.
  void shardOperands(mlir::Operation *op, const graph::ShardingRule &rule);
  dist::LayoutAttr wantedLayout(llvm::ArrayRef<int64_t> factors,
                                llvm::ArrayRef<mlir::ArrayAttr> axes);
  /// The replicated `value` again with the layout `wanted`, made in parts from
  /// the start; null where it depends on something that is whole.
  mlir::Value makeParts(mlir::Value value, dist::LayoutAttr wanted);
  /// Wholes that only their parts were needed of.
  void eraseUnused();
  llvm::LogicalResult setFunctionType();

  // Loops (PropagateLoopLayouts.cpp)
  llvm::LogicalResult visitScan(graph::ScanOp scan);
  llvm::LogicalResult visitBody(graph::ScanOp scan);
  /// Visits the body of `trial`, a copy of `scan`, and makes operands of `scan`
  /// again with the layouts that are asked for there, and inits with those of
  /// their next values. What does not fit is reported by the visit after it.
  bool adaptOperands(graph::ScanOp scan, graph::ScanOp trial);
  dist::LayoutAttr partialLayout(mlir::Value value);
  /// What is added to partial sums, partial as well.
  void shareOperands(mlir::Operation *op, const graph::ShardingRule &rule);
  /// The whole `value` as a sum over the rows: what it is a sum of, or for each
  /// row a share. At the builder's place; null where there is no such sum.
  mlir::Value makePartial(mlir::Value value);
  /// One, as a sum over all rows of the batch, padding included: there are as
  /// many in every step. Only training has such sums in loops.
  mlir::Value shareIn(mlir::Block *block, mlir::Type element);
  /// A loop over rows cannot wait for what is a sum over the batch, and is
  /// linear in it: it takes the parts of the sum.
  void sumOperands(graph::ScanOp scan);
  /// `value`, which linear ops make of whole sums over the batch, made of their
  /// parts; null where it is not so.
  mlir::Value sumAgain(mlir::Value value);
  /// A next value that is whole where its init is not is made in parts.
  llvm::LogicalResult adaptYields(graph::ScanOp scan);
  /// The loop again, beginning with parts.
  mlir::Value makeScanParts(mlir::OpResult value, dist::LayoutAttr wanted);

  mlir::func::FuncOp func;
  mlir::FlatSymbolRefAttr mesh;
  mlir::OpBuilder builder;
  mlir::ArrayAttr dataAxis;
  bool inLoop = false; ///< the ops in hand are in a graph.scan
  /// Arguments of loops' bodies that are whole and should be in parts.
  llvm::MapVector<mlir::BlockArgument, dist::LayoutAttr> wishes;
  llvm::DenseMap<std::pair<mlir::Value, mlir::Attribute>, mlir::Value> parts;
  /// Whole values that a sum over the batch is in.
  llvm::DenseSet<mlir::Value> afterBatch;
  /// One as a sum over the rows, by element type.
  llvm::DenseMap<mlir::Type, mlir::Value> shares;
};

} // namespace mlc

#endif // MLC_PASSES_LAYOUTPROPAGATION_H
