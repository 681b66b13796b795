//===- Bounds.h - How far a correct result may be off -----------*- C++ -*-===//
//
// The rule by which compiled values are judged. Every op of a function is
// evaluated in f64, and with each element goes a bound of the error that a
// correct program may make there, whatever the order of its sums and with or
// without contraction:
//
// - Elementwise: the op is evaluated again with every operand at both ends of
//   its interval; the largest deviation is the operands' part. To it comes the
//   rounding of the result, `ulps` of the op's row. A result that is exact (a
//   whole number, say) has none. What is below the normal range may be 0.
// - Ops that only move elements move the bounds.
// - A sum of n terms, or a product with n terms each: the terms' errors, and
//   n units of rounding of the sum of the absolute values (Higham, "Accuracy
//   and Stability of Numerical Algorithms", 2002, section 4.2).
// - Losses: the gradient of the logarithm of a sum is a distribution, so errors
//   of logits pass at most twice.
//
// Discontinuous ops need no rule of their own: a comparison of two numbers that
// are closer than their errors has both results in its interval, a select has
// then both values, and so on. Integers and bools without an error are exact.
// An element whose bound is infinite is not judged; the tester counts those.
//
// Beside |compiled - f64| <= bound, the f32 interpreter must stay within the
// same bound: so the rule itself is tested by every graph.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_TEST_RANDOM_BOUNDS_H
#define MLC_TEST_RANDOM_BOUNDS_H

#include "ir/graph/Literal.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include <limits>

namespace mlc::randomgraph {

inline constexpr double kUnknown = std::numeric_limits<double>::infinity();

struct Bounded {
  Bounded() = default;
  explicit Bounded(graph::Literal exact)
      : value(std::move(exact)), error(value.size(), 0.0) {}

  graph::Literal value;
  std::vector<double> error; ///< per element; kUnknown: not judged
  bool summed = false;       ///< depends on a sum, which may be made in parts

  bool isExact() const;
};

/// The unit of rounding of a float type: half the distance of 1 to the next.
double roundingUnit(mlir::Type element);

/// Evaluates one op. `parts` is how many partial sums a sum may be made of.
mlir::FailureOr<std::vector<Bounded>>
evaluateBounded(mlir::Operation *op, llvm::ArrayRef<const Bounded *> operands,
                int64_t parts);

/// Evaluates a function of graph ops.
mlir::FailureOr<std::vector<Bounded>>
evaluateBounded(mlir::func::FuncOp function, std::vector<Bounded> arguments,
                int64_t parts);

} // namespace mlc::randomgraph

#endif // MLC_TEST_RANDOM_BOUNDS_H
