//===- Lowering.h - One plan.kernel on its way to a function --------------===//
//
// A kernel is cut into phases of independent tasks, numbered one after another.
// Each strategy (elementwise, reduction, ...) adds phases.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_CODEGEN_CPU_LOWERING_H
#define MLC_CODEGEN_CPU_LOWERING_H

#include "codegen/cpu/Evaluator.h"

#include "ir/plan/PlanOps.h"

#include <functional>

namespace mlc::cpu {

/// Elements of elementwise work in one task.
constexpr int64_t kTaskElements = 16384;

class Lowering {
public:
  Lowering(KernelBuilder &builder, plan::KernelOp kernel)
      : k(builder), kernel(kernel) {}

  KernelBuilder &k;
  plan::KernelOp kernel;
  llvm::DenseMap<Value, Value> pointers;   ///< of the body's arguments
  llvm::SmallVector<Value> resultPointers; ///
  llvm::SmallVector<Value> results;        ///< what plan.return gives
  llvm::DenseMap<mlir::Operation *, std::pair<Value, Value>> randomKeys;
  Value context;
  bool wideIndex = false;
  Value arguments;          ///< where the pointers lie
  int64_t scratchBytes = 0; ///< set by a phase that needs it

  /// The kernel's scratch memory, 64-byte aligned.
  Value scratch();

  struct Phase {
    int64_t tasks;
    std::function<void(Value task)> emit;
    bool inPlace; ///< writes memory that an argument may share
  };
  llvm::SmallVector<Phase> phases;

  void addPhase(int64_t tasks, llvm::ArrayRef<unsigned> written,
                std::function<void(Value)> emit);
  Evaluator evaluator(unsigned lanes);
  /// Emits code with `emit`, measures it and throws it away.
  int64_t measure(llvm::function_ref<void(Evaluator &)> emit, unsigned lanes);
};

/// One coordinate for all dimensions.
Index wholeIndex(int64_t rank, const Coord &at);
/// Index `at` of a value of shape `from` in a value of the shape `to` that has
/// as many elements.
Index reshapedIndex(Evaluator &e, const Index &at, llvm::ArrayRef<int64_t> from,
                    llvm::ArrayRef<int64_t> to);
/// Whether `value` is elementwise ops and reshapes of `anchor` and of what does
/// not depend on it.
bool followsElementwise(Value value, Value anchor);

/// Adds phases that compute the results numbered `which`. The fast paths return
/// false, and add nothing, where they do not apply. `lowerLoss` takes the loss
/// and its gradient together, either may be null.
void lowerElementwise(Lowering &l, llvm::ArrayRef<unsigned> which);
bool lowerReduce(Lowering &l, graph::ReduceOp op,
                 llvm::ArrayRef<unsigned> which);
bool lowerLoss(Lowering &l, graph::SoftmaxCrossEntropyOp loss,
               graph::SoftmaxCrossEntropyGradOp gradient,
               llvm::ArrayRef<unsigned> which);
bool lowerGather(Lowering &l, graph::GatherOp op,
                 llvm::ArrayRef<unsigned> which);
/// Takes every result: nothing goes on with a sum before all is added.
bool lowerScatterAdd(Lowering &l, graph::ScatterAddOp op,
                     llvm::ArrayRef<unsigned> which);
bool lowerDot(Lowering &l, graph::DotOp op, llvm::ArrayRef<unsigned> which);

} // namespace mlc::cpu

#endif // MLC_CODEGEN_CPU_LOWERING_H
