//===- ScheduleProgram.h - One function to one plan.program -----*- C++ -*-===//

#ifndef MLC_PASSES_SCHEDULEPROGRAM_H
#define MLC_PASSES_SCHEDULEPROGRAM_H

#include "ir/dist/DistDialect.h"
#include "ir/graph/GraphLoopOps.h"
#include "passes/ScheduleArena.h"
#include "passes/ScheduleKernels.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlc {

/// Builds the program of a function of the phase `local`.
class ProgramBuilder {
public:
  ProgramBuilder(mlir::func::FuncOp func, FusionMode mode, ScheduleArena &arena,
                 KernelOutliner &kernels)
      : func(func), mode(mode), arena(arena), kernels(kernels),
        builder(func.getContext()) {}

  /// `nextId` numbers the collectives of the module.
  mlir::LogicalResult build(int64_t &nextId);

private:
  using Group = FusionGroups::Group;

  // Memory of values.
  void bindArguments();
  void bindCollectives();
  void bindBucket(dist::AllReduceOp op, unsigned index);
  void bindResults(llvm::ArrayRef<Group> order);
  void bindUpdate(unsigned result, mlir::Value value,
                  llvm::ArrayRef<Group> order);
  bool isLastReader(mlir::Value parameter, const Group &writer,
                    llvm::ArrayRef<Group> order);
  /// Gives `value` the memory `ref` if a group of `block` computes it and it
  /// has none yet; else `ref` needs a copy.
  bool tryBind(mlir::Value value, plan::RefAttr ref, mlir::Block *block);
  plan::RefAttr placeOf(mlir::Value value);

  // Steps.
  void emitGroups(llvm::ArrayRef<Group> order);
  void emitCall(const Group &group);
  void emitLoop(dist::MicrobatchLoopOp loop);
  void emitScan(graph::ScanOp scan);
  /// What `ref` is in iteration i of a loop `depth` deep that runs over slices
  /// of `bytes` bytes.
  plan::RefAttr sliceOf(plan::RefAttr ref, graph::ScanOp scan, int64_t bytes);
  void emitAllReduce(dist::AllReduceOp op, int64_t &nextId);
  void emitCopy(mlir::Value value, plan::RefAttr target, mlir::Location loc);

  std::string named(llvm::StringRef name);

  mlir::func::FuncOp func;
  FusionMode mode;
  ScheduleArena &arena;
  KernelOutliner &kernels;
  mlir::OpBuilder builder;
  plan::ProgramOp program;
  int64_t *nextId = nullptr;

  unsigned loopDepth = 0; ///< plan.loops around the steps in hand
  llvm::DenseMap<mlir::Value, plan::RefAttr> places;
  /// Outputs that take the memory of an input of their kernel.
  llvm::DenseMap<mlir::Value, mlir::Value> inPlace;
  /// What is copied to its place at the end of the program.
  struct PendingCopy {
    mlir::Value value;
    plan::RefAttr target;
    mlir::Location loc;
  };
  llvm::SmallVector<PendingCopy> outputCopies, updateCopies;
  /// The part of a collective with one element type: a range of one buffer.
  struct Bucket {
    plan::RefAttr data;   ///< reduced over the ranks
    plan::RefAttr source; ///< where a micro-batch writes; may equal `data`
    mlir::RankedTensorType type;
    bool fromLoop = false;
    llvm::SmallVector<unsigned> operands;
    llvm::SmallVector<int64_t> offsets;
  };
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<Bucket>> buckets;
  /// At the end of a loop's body: values that were not written in place.
  llvm::SmallVector<PendingCopy> loopCopies;
};

} // namespace mlc

#endif // MLC_PASSES_SCHEDULEPROGRAM_H
