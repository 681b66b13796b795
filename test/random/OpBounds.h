//===- OpBounds.h - The bound of one op's result ----------------*- C++ -*-===//
//
// How Bounds.cpp and BoundsTensor.cpp share the work; see Bounds.h.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_TEST_RANDOM_OPBOUNDS_H
#define MLC_TEST_RANDOM_OPBOUNDS_H

#include "ir/graph/GraphLoopOps.h"
#include "ir/graph/GraphOps.h"
#include "test/random/Bounds.h"
#include "test/random/OpTable.h"

namespace mlc::graph {
class AttentionOp;
class AttentionGradOp;
} // namespace mlc::graph

namespace mlc::randomgraph {

/// An f64 tensor of the given shape.
mlir::RankedTensorType f64Like(llvm::ArrayRef<int64_t> shape,
                               mlir::MLIRContext *context);
graph::Literal asF64(mlir::RankedTensorType type, std::vector<double> values);

/// What sums of `element` accumulate in: f32 for f16 and bf16.
mlir::Type accumulatorOf(mlir::Type element);

/// The smallest number with all digits: the runtime may take what is below as
/// 0.
double smallestKept(mlir::Type element);

/// The rounding unit; twice it for f64, since the reference is computed in
/// double and is off itself.
double unitOf(mlir::Type element);

/// Evaluates a block whose arguments are known, up to its terminator.
mlir::LogicalResult evaluateBlock(mlir::Block &block,
                                  llvm::DenseMap<mlir::Value, Bounded> &known,
                                  int64_t parts);

/// Evaluates every iteration of a loop (BoundsLoop.cpp).
mlir::FailureOr<std::vector<Bounded>>
evaluateLoop(graph::ScanOp scan, llvm::ArrayRef<const Bounded *> operands,
             int64_t parts);
/// Rounding of a sum of `count` terms with the sum of magnitudes `total`.
double roundingOfSum(mlir::Type element, int64_t count, int64_t parts,
                     double total);

class OpBounds {
public:
  /// Of result `number`.
  OpBounds(mlir::Operation *op, llvm::ArrayRef<const Bounded *> operands,
           int64_t parts, unsigned number)
      : op(op), operands(operands), parts(parts), number(number) {
    for (const Bounded *operand : operands)
      values.push_back(&operand->value);
  }

  mlir::FailureOr<Bounded> run();

private:
  mlir::FailureOr<graph::Literal>
  evaluate(llvm::ArrayRef<const graph::Literal *> inputs,
           mlir::RankedTensorType type);
  mlir::LogicalResult addErrors(const OpRow &row);
  /// No bound where the value is none, or might be too large for its type.
  double settle(double value, double error);
  /// Adds the rounding of the result, unless it is exact.
  void addRounding(double ulps);

  mlir::LogicalResult elementwise(double ulps);
  mlir::LogicalResult corners();
  mlir::LogicalResult move();
  mlir::LogicalResult sum();
  mlir::LogicalResult argReduce(graph::ArgReduceOp arg);
  mlir::LogicalResult dot();
  mlir::LogicalResult window();
  mlir::LogicalResult maxPool();
  /// Sums of at most `count` elements, or products, of the operands.
  mlir::LogicalResult linear(int64_t count);
  mlir::LogicalResult bilinear(int64_t count);
  mlir::LogicalResult loss();
  mlir::LogicalResult lossGradient();
  mlir::LogicalResult gather();
  mlir::LogicalResult scatterAdd();
  mlir::LogicalResult attention(graph::AttentionOp attention);
  mlir::LogicalResult attentionGradient(graph::AttentionGradOp gradient);
  bool isCertainExtremum();
  void markUnknownWhere(const Bounded &operand);

  mlir::Operation *op;
  llvm::ArrayRef<const Bounded *> operands;
  int64_t parts;
  unsigned number;
  llvm::SmallVector<const graph::Literal *> values;
  Bounded result;
  mlir::Type element;
};

} // namespace mlc::randomgraph

#endif // MLC_TEST_RANDOM_OPBOUNDS_H
