//===- ReverseSweep.cpp - Reverse mode over one block ---------------------===//

#include "passes/ReverseSweep.h"

#include "ir/graph/OpFactory.h"

using namespace mlir;

namespace mlc {

llvm::DenseSet<Value> activeValues(Block &body, ValueRange from) {
  llvm::DenseSet<Value> active;
  active.insert(from.begin(), from.end());
  auto isFloat = [](Value value) {
    return isa<FloatType>(getElementTypeOrSelf(value.getType()));
  };
  for (Operation &op : body)
    if (llvm::any_of(op.getOperands(),
                     [&](Value operand) { return active.contains(operand); }))
      for (Value result : op.getResults())
        if (isFloat(result))
          active.insert(result);
  return active;
}

void ReverseSweep::seed(Value value, Value cotangent) {
  Value &sum = cotangents[value];
  sum = sum ? graph::AddOp::create(builder, value.getLoc(), sum, cotangent)
                  .getResult()
            : cotangent;
}

LogicalResult ReverseSweep::visit(Operation &op) {
  SmallVector<Value> results;
  for (Value result : op.getResults())
    results.push_back(cotangents.lookup(result));
  if (llvm::none_of(results,
                    [](Value value) { return static_cast<bool>(value); }))
    return success();
  SmallVector<Value> operands(op.getOperands()), found;
  Location loc = op.getLoc();
  if (auto scan = dyn_cast<graph::ScanOp>(op)) {
    for (Value result : op.getResults())
      cotangents.erase(result);
    if (failed(differentiateScan(scan, results, active, builder, found)))
      return failure();
  } else {
    auto differentiable = dyn_cast<graph::GradientOpInterface>(op);
    if (!differentiable)
      return op.emitOpError("has no gradient, and the loss depends on it");
    if (failed(differentiable.buildGradient(builder, results, found)))
      return failure();
  }
  for (auto [operand, cotangent] : llvm::zip_equal(operands, found)) {
    if (!cotangent || !active.contains(operand))
      continue;
    Value &sum = cotangents[operand];
    sum = sum ? graph::AddOp::create(builder, loc, sum, cotangent).getResult()
              : cotangent;
  }
  return success();
}

LogicalResult ReverseSweep::run() {
  SmallVector<Operation *> forward;
  for (Operation &op : body)
    if (llvm::any_of(op.getResults(),
                     [&](Value result) { return active.contains(result); }))
      forward.push_back(&op);
  for (Operation *op : llvm::reverse(forward))
    if (failed(visit(*op)))
      return failure();
  return success();
}

void eraseDeadOps(Block &body) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

} // namespace mlc
