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
// ReverseSweep.h says how. Values that no parameter reaches, and integer ones,
// get no cotangent. Nor does a parameter that does not reach the loss: nothing
// updates it, as in PyTorch, where its gradient is None. One that reaches it
// with slope 0 alone (floor, sign) gets zeros. What a layer gives a gradient of
// its own has it in place of its derivative, and is an ordinary value after
// this.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphGradientOps.h"
#include "ir/graph/OpFactory.h"
#include "ir/graph/Program.h"
#include "passes/LossScale.h"
#include "passes/Passes.h"
#include "passes/ReverseSweep.h"

using namespace mlir;

namespace mlc {

#define GEN_PASS_DEF_GRAPHAUTODIFF
#include "passes/Passes.h.inc"

namespace {

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

struct GraphAutodiff : impl::GraphAutodiffBase<GraphAutodiff> {
  using GraphAutodiffBase::GraphAutodiffBase;

  void runOnOperation() override {
    auto function = getOperation().lookupSymbol<func::FuncOp>("train");
    if (function && failed(differentiate(function)))
      return signalPassFailure();
    // Gradients of a model's own have been asked.
    graph::replaceByOperands(getOperation());
    if (function)
      eraseDeadOps(function.getBody().front());
  }

  LogicalResult differentiate(func::FuncOp function);
};

LogicalResult GraphAutodiff::differentiate(func::FuncOp function) {
  std::optional<unsigned> lossIndex =
      graph::findResult(function, graph::kLossAttr);
  if (!lossIndex || graph::findResult(function, graph::kGradientAttr))
    return success();
  SmallVector<BlockArgument> parameters = graph::trainedParameters(function);
  if (parameters.empty())
    return success();

  Block &body = function.getBody().front();
  auto terminator = cast<func::ReturnOp>(body.getTerminator());
  Value loss = terminator.getOperand(*lossIndex);
  auto lossType = cast<RankedTensorType>(loss.getType());
  OpBuilder builder(terminator);
  graph::OpFactory ops{builder, loss.getLoc()};
  Value seed = scaleLoss && scalesLoss(getOperation())
                   ? scaleOfLoss(function, ops, lossType)
                   : ops.splat(lossType, 1.0);
  llvm::DenseSet<Value> active =
      activeValues(body, ValueRange(ArrayRef(parameters)));
  llvm::DenseSet<Value> reaching = reachingValues(loss, active);
  ReverseSweep sweep(body, std::move(active), builder);
  sweep.seed(loss, seed);
  if (failed(sweep.run()))
    return failure();

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
  return success();
}

} // namespace
} // namespace mlc
