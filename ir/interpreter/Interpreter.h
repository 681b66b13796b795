//===- Interpreter.h - Evaluates functions, op by op ------------*- C++ -*-===//
//
// The reference that every pass and backend is compared with. Runs functions of
// the phases graph, grad, dist and local:
//
// - Without layouts, the function runs once.
// - With layouts, N simulated devices run it in lockstep: an op on all devices,
//   then the next op. A value has one literal per device: its shard, its
//   partial sum, or the whole where it is replicated.
// - At phase local, shapes are those of one micro-batch. `dist.microbatch_loop`
//   runs the micro-batches of each device, cut from the whole inputs.
//
// Devices take contiguous, near-equal ranges of rows or micro-batches. Sums
// over micro-batches and over devices follow the range-halving tree.
//
//===----------------------------------------------------------------------===//

#ifndef MLC_IR_INTERPRETER_INTERPRETER_H
#define MLC_IR_INTERPRETER_INTERPRETER_H

#include "ir/graph/Literal.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlc::interpreter {

struct Options {
  /// Compute in f64 whatever the types say.
  bool f64 = false;
  /// Simulated devices along the mesh's axes, all of them together.
  int64_t devices = 1;
};

/// Runs `function` on whole (global) values and gives whole results.
///
/// At phase local, an input has as many rows as its micro-batches have
/// together; every other argument has the argument's shape.
///
/// \returns failure, with a diagnostic at the op, where an argument has the
///   wrong type, an op has no meaning for its values (a label out of range),
///   there are more devices than rows or micro-batches, or a replicated value
///   is not the same on every device.
mlir::FailureOr<std::vector<graph::Literal>>
evaluate(mlir::func::FuncOp function, llvm::ArrayRef<graph::Literal> arguments,
         Options options = {});

} // namespace mlc::interpreter

#endif // MLC_IR_INTERPRETER_INTERPRETER_H
