//===- Autodiff.cpp - Add the backward graph ------------------------------===//
//
// Reverse-mode differentiation of a program's loss with respect to its trained
// parameters, over one basic block of graph ops.
//
//   func @train(%w {graph.param = @w}, ...) -> (f32 {graph.loss})
// becomes
//   func @train(%w {graph.param = @w}, ...)
//       -> (f32 {graph.loss}, tensor<..> {graph.gradient = @w})
//
// Ops are visited from last to first; each turns its results' cotangents into
// those of its operands (GradientOpInterface), and the cotangents of a value
// with several uses are added up. Values that no parameter reaches, and integer
// ones, get none. Nor does a parameter that does not reach the loss: nothing
// updates it, as in PyTorch, where its gradient is None. One that reaches it
// with slope 0 alone (floor, sign) gets zeros. After Griewank and Walther,
// "Evaluating Derivatives", 2008, section 3.2.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/OpFactory.h"
#include "ir/graph/Program.h"
#include "passes/Passes.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;

namespace mlc {

#define GEN_PASS_DEF_GRAPHAUTODIFF
#include "passes/Passes.h.inc"

namespace {

/// The values that depend on one of `parameters`, and so need a cotangent.
llvm::DenseSet<Value> activeValues(Block &body,
                                   ArrayRef<BlockArgument> parameters) {
  llvm::DenseSet<Value> active;
  active.insert(parameters.begin(), parameters.end());
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

/// Those of `active` that `loss` is computed from.
llvm::DenseSet<Value> reachingValues(Value loss,
                                     const llvm::DenseSet<Value> &active) {
  llvm::DenseSet<Value> reaching;
  SmallVector<Value> open = {loss};
  while (!open.empty()) {
    Value value = open.pop_back_val();
    if (!active.contains(value) || !reaching.insert(value).second)
      continue;
    if (Operation *op = value.getDefiningOp())
      llvm::append_range(open, op->getOperands());
  }
  return reaching;
}

/// One backward sweep over a block.
class Sweep {
public:
  Sweep(Block &body, llvm::DenseSet<Value> active)
      : body(body), active(std::move(active)), builder(body.getTerminator()) {}

  void seed(Value value, Value cotangent) { cotangents[value] = cotangent; }
  Value cotangentOf(Value value) const { return cotangents.lookup(value); }
  LogicalResult run();

private:
  LogicalResult visit(Operation &op);

  Block &body;
  llvm::DenseSet<Value> active;
  OpBuilder builder;
  llvm::DenseMap<Value, Value> cotangents;
};

LogicalResult Sweep::visit(Operation &op) {
  SmallVector<Value> results;
  for (Value result : op.getResults())
    results.push_back(cotangents.lookup(result));
  if (llvm::none_of(results,
                    [](Value value) { return static_cast<bool>(value); }))
    return success();
  auto differentiable = dyn_cast<graph::GradientOpInterface>(op);
  if (!differentiable)
    return op.emitOpError("has no gradient, and the loss depends on it");

  SmallVector<Value> operands;
  if (failed(differentiable.buildGradient(builder, results, operands)))
    return failure();
  for (auto [operand, cotangent] :
       llvm::zip_equal(op.getOperands(), operands)) {
    if (!cotangent || !active.contains(operand))
      continue;
    Value &sum = cotangents[operand];
    sum = sum ? graph::AddOp::create(builder, op.getLoc(), sum, cotangent)
                    .getResult()
              : cotangent;
  }
  return success();
}

LogicalResult Sweep::run() {
  SmallVector<Operation *> forward;
  for (Operation &op : body.without_terminator())
    if (llvm::any_of(op.getResults(),
                     [&](Value result) { return active.contains(result); }))
      forward.push_back(&op);
  for (Operation *op : llvm::reverse(forward))
    if (failed(visit(*op)))
      return failure();
  return success();
}

/// Erases ops whose results nobody reads, last first.
void eraseDeadOps(Block &body) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(body)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

struct GraphAutodiff : impl::GraphAutodiffBase<GraphAutodiff> {
  void runOnOperation() override;
};

void GraphAutodiff::runOnOperation() {
  auto function = getOperation().lookupSymbol<func::FuncOp>("train");
  if (!function)
    return;
  std::optional<unsigned> lossIndex =
      graph::findResult(function, graph::kLossAttr);
  if (!lossIndex || graph::findResult(function, graph::kGradientAttr))
    return;
  SmallVector<BlockArgument> parameters = graph::trainedParameters(function);
  if (parameters.empty())
    return;

  Block &body = function.getBody().front();
  auto terminator = cast<func::ReturnOp>(body.getTerminator());
  Value loss = terminator.getOperand(*lossIndex);
  auto lossType = cast<RankedTensorType>(loss.getType());
  OpBuilder builder(terminator);
  Value one = graph::ConstantOp::create(builder, loss.getLoc(), lossType, 1.0);
  llvm::DenseSet<Value> active = activeValues(body, parameters);
  llvm::DenseSet<Value> reaching = reachingValues(loss, active);
  Sweep sweep(body, std::move(active));
  sweep.seed(loss, one);
  if (failed(sweep.run()))
    return signalPassFailure();

  builder.setInsertionPoint(terminator);
  for (BlockArgument parameter : parameters) {
    if (!reaching.contains(parameter))
      continue;
    Value gradient = sweep.cotangentOf(parameter);
    if (!gradient)
      gradient = graph::ConstantOp::create(
          builder, parameter.getLoc(),
          cast<RankedTensorType>(parameter.getType()), 0.0);
    graph::appendResult(function, gradient, graph::kGradientAttr,
                        graph::parameterOf(function, parameter.getArgNumber()));
  }
  eraseDeadOps(body);
}

} // namespace
} // namespace mlc
