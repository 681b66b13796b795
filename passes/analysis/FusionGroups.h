//===- FusionGroups.h - Which ops share a kernel ----------------*- C++ -*-===//
//
// Cuts the ops of a block into groups, one kernel each, and orders them. Reads
// the block and changes nothing.
//
// What an op may do is its own business (graph::FusionOpInterface). A group has
// at most one *anchor* (dot, reduce, ...; two that do the same work, as a loss
// and its gradient, count as one), elementwise ops of the anchor's result shape
// behind it, and in front of a reduction elementwise ops of its operand's shape
// that nothing else reads. Without an anchor it is a graph of elementwise ops
// of one shape. Splat constants and broadcasts are free: every group that reads
// one has its own copy. A reshape is another view of the same memory.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_PASSES_ANALYSIS_FUSIONGROUPS_H
#define MLC_PASSES_ANALYSIS_FUSIONGROUPS_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

namespace mlc {

enum class FusionMode {
  None,        ///< Every op has a kernel of its own.
  Elementwise, ///< Elementwise ops join one another.
  All,         ///< They join anchors too.
};

/// The value whose memory `value` is a view of: what reshapes were applied to.
mlir::Value getViewedValue(mlir::Value value);

/// Is the result of `op` (may be null) the memory of its operand.
bool isView(mlir::Operation *op);

/// Is `op` known at compile time: in memory before anything runs.
bool isConstant(mlir::Operation *op);

/// Is `op` copied into each group that reads it: a splat constant, a broadcast.
bool isFree(mlir::Operation *op);

/// Must the operand be in memory, so that a free op behind it is not copied
/// into the reader: yields, collectives, operands of most anchors.
bool needsMemory(mlir::OpOperand &use);

/// Calls `fn` for every value from outside of `op` that `op` needs: operands,
/// through free ops and views, and what its regions capture.
void forEachSource(mlir::Operation *op,
                   llvm::function_ref<void(mlir::Value)> fn);

class FusionGroups {
public:
  struct Group {
    /// In the order of the block. One op that is no `graph` op stands alone.
    llvm::SmallVector<mlir::Operation *> ops;
    mlir::Operation *anchor = nullptr;
  };

  FusionGroups(mlir::Block &block, FusionMode mode);

  /// The groups in an order that respects what they read, otherwise as in the
  /// block.
  llvm::ArrayRef<Group> getOrder() const { return order; }

  /// The results of a group that something outside of it reads, in the order
  /// of its ops.
  static llvm::SmallVector<mlir::Value> getOutputs(const Group &group);

private:
  int find(int node) const;
  /// Merges the groups of two nodes unless that makes a cycle, or one reads the
  /// other through a view.
  bool tryMerge(int a, int b);
  bool reaches(int from, int to, llvm::DenseMap<int, bool> &seen) const;
  void joinTrees();
  void joinProducers(int node);
  void joinSharedWork(int node);
  void sortGroups();

  FusionMode mode;
  llvm::SmallVector<mlir::Operation *> nodes;
  llvm::DenseMap<mlir::Operation *, int> indexOf;
  llvm::SmallVector<llvm::SmallVector<int>> sources; ///< per node, node ids
  llvm::SmallVector<llvm::SmallVector<int>>
      viewed;                            ///< those that are read from memory
  mutable llvm::SmallVector<int> parent; ///< union-find
  llvm::SmallVector<llvm::SmallVector<int>> members; ///< per root
  int scalars = -1; ///< a node of the open group of scalar arithmetic
  llvm::SmallVector<Group> order;
};

} // namespace mlc

#endif // MLC_PASSES_ANALYSIS_FUSIONGROUPS_H
