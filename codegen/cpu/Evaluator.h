//===- Evaluator.h - Any value of a fusion group, element by element ------===//
//
// Emits code that computes `lanes` elements of a value of a kernel's body at an
// Index: elementwise ops on vectors, changes of shape as changes of the index,
// arguments as loads. Reductions and products that are not the kernel's own
// business become loops at the place of use: correct everywhere, fast where the
// lanes run along a dimension that is kept.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_CODEGEN_CPU_EVALUATOR_H
#define MLC_CODEGEN_CPU_EVALUATOR_H

#include "codegen/cpu/Index.h"

#include "ir/graph/GraphIndexOps.h"
#include "ir/graph/GraphOps.h"
#include "runtime/schema/KernelAbi.h"

namespace mlc::cpu {

inline mlir::RankedTensorType typeOf(Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType());
}

/// How elements of a type lie in memory and in registers.
///   i1: a byte 0 or 1; held as i1.  ui8: i8.  f16, bf16: held as f32, always
///   a representable value.
Type storageType(KernelBuilder &k, Type element);
Type heldType(KernelBuilder &k, Type element);
bool isNarrowFloat(Type element);
/// The f32 or f64 vector `x` rounded to the values of `element`.
Value roundTo(KernelBuilder &k, Value x, Type element);
/// Between what is held and what is stored.
Value toStorage(KernelBuilder &k, Value held, Type element);
Value fromStorage(KernelBuilder &k, Value stored, Type element);

/// The value of one elementwise op, given its operands as held; the element
/// types are those of the op.
Value emitElementwise(KernelBuilder &k, mlir::Operation *op,
                      llvm::ArrayRef<Value> operands);
Value emitCast(KernelBuilder &k, Value x, Type from, Type to);
/// One step of a reduction in the accumulator's type.
Value emitCombine(KernelBuilder &k, graph::ReductionKind kind, Value x, Value y,
                  Type element);
/// The neutral value, in the accumulator's type of `like`'s shape.
Value emitNeutral(KernelBuilder &k, graph::ReductionKind kind, Type held,
                  Type element);
/// Combines the lanes of a vector, in a fixed tree.
Value emitCombineLanes(KernelBuilder &k, graph::ReductionKind kind, Value x,
                       Type element);

/// Does an op draw random numbers.
bool isRandom(mlir::Operation *op);

class Evaluator {
public:
  Evaluator(KernelBuilder &builder, unsigned lanes, bool wideIndex)
      : k(builder), math(builder, lanes, wideIndex) {}

  KernelBuilder &k;
  IndexMath math;
  /// Lanes that count; the others load nothing and give 0.
  unsigned active = ~0u;
  /// Where the arguments lie.
  llvm::DenseMap<Value, Value> pointers;
  /// Values that are already computed at the index in use.
  llvm::DenseMap<Value, Value> known;
  /// Of a gather: the index in use, an i64 that is checked already.
  llvm::DenseMap<Value, Value> checkedIndex;
  /// Loads that could not be contiguous or a broadcast; a measure of cost.
  unsigned gathers = 0;
  /// Of the ops that draw random numbers; see Random.cpp.
  llvm::DenseMap<mlir::Operation *, std::pair<Value, Value>> *randomKeys =
      nullptr;
  /// KernelContext, for errors.
  Value context;

  unsigned lanes() const { return math.lanes; }
  /// The elements of `value` at `index`, as held.
  Value evaluate(Value value, const Index &index);
  /// Stores what is held to memory that has the shape `shape`.
  void store(Value held, Value pointer, mlir::RankedTensorType type,
             const Index &index);
  /// Loads elements, as held, at element `at` behind `pointer`.
  Value load(Value pointer, Type element, const Coord &at);

  /// Forgets what was computed inside when it ends; open one in every loop
  /// body.
  class Scope {
  public:
    explicit Scope(Evaluator &e)
        : e(e), memo(e.memo), coordinates(e.math.memo) {}
    ~Scope() {
      e.memo = std::move(memo);
      e.math.memo = std::move(coordinates);
    }

  private:
    Evaluator &e;
    llvm::DenseMap<Value, llvm::SmallVector<std::pair<Index, Value>, 1>> memo;
    IndexMath::Memo coordinates;
  };

  /// Operand indices of ops that only move elements.
  Index throughReshape(const Index &index, llvm::ArrayRef<int64_t> from,
                       llvm::ArrayRef<int64_t> to);
  Index throughTranspose(const Index &index, graph::TransposeOp op);
  Index throughBroadcast(const Index &index, graph::BroadcastOp op);
  Index throughSlice(const Index &index, graph::SliceOp op);

private:
  llvm::DenseMap<Value, llvm::SmallVector<std::pair<Index, Value>, 1>> memo;

  Value compute(mlir::Operation *op, const Index &index);
  Value constant(graph::ConstantOp op, const Index &index);
  Value iota(graph::IotaOp op, const Index &index);
  Value random(mlir::Operation *op, const Index &index);
  Value concat(graph::ConcatOp op, const Index &index);
  Value reduce(graph::ReduceOp op, const Index &index);
  Value argReduce(graph::ArgReduceOp op, const Index &index);
  Value dot(graph::DotOp op, const Index &index);
  Value gather(graph::GatherOp op, const Index &index);
  Value loss(graph::SoftmaxCrossEntropyOp op, const Index &index);
  Value lossGradient(graph::SoftmaxCrossEntropyGradOp op, const Index &index);
};

/// A table in the shared object's read-only data.
Value emitConstantTable(KernelBuilder &k, mlir::DenseElementsAttr dense);

/// Integers of the type `element`, as i64.
Value widenIndex(KernelBuilder &k, Value integers, Type element);

/// Reports integers outside [0, limit) in the KernelContext as `error`, for the
/// active lanes; `places` are where in their tensor they are.
/// `source` is the value of the kernel's body that they are of.
///
/// \returns them as i64, 0 where they are out of range: the error stops the
///   run.
Value emitRangeCheck(Evaluator &e, Value source, Value integers, int64_t limit,
                     const Coord &places, mlrt::KernelError error);

} // namespace mlc::cpu

#endif // MLC_CODEGEN_CPU_EVALUATOR_H
