//===- GraphGradientOps.cpp - Gradients that a model gives itself ---------===//

#include "ir/graph/GraphGradientOps.h"
#include "ir/graph/Literal.h"
#include "ir/graph/OpFactory.h"

#include "mlir/IR/IRMapping.h"

using namespace mlir;

#define GET_OP_CLASSES
#include "ir/graph/GraphGradientOps.cpp.inc"

namespace mlc::graph {

void replaceByOperands(Operation *root) {
  root->walk([](Operation *op) {
    if (!op->hasTrait<ReplacedByOperands>())
      return;
    op->replaceAllUsesWith(op->getOperands().take_front(op->getNumResults()));
    op->erase();
  });
}

LogicalResult CustomGradientOp::verifyRegions() {
  Block &body = getGradient().front();
  SmallVector<Type> expected(getInputs().getTypes());
  llvm::append_range(expected, getResultTypes());
  if (body.getArgumentTypes() != TypeRange(expected)) // (C2)
    return emitOpError("has a region with the arguments (")
           << body.getArgumentTypes() << "), and its inputs and results are ("
           << expected << ")";
  auto end = dyn_cast<CotangentsOp>(body.getTerminator());
  if (!end) // (C3)
    return emitOpError("has a region that does not end with graph.cotangents");
  TypeRange given = end.getCotangents().getTypes();
  if (given.size() > getInputs().size() ||
      given != getInputs().take_front(given.size()).getTypes()) { // (C3)
    InFlightDiagnostic diag = emitOpError("has a region that gives (")
                              << given << "), and its inputs are ("
                              << getInputs().getTypes() << ")";
    diag.attachNote(end.getLoc()) << "they are given here";
    return diag;
  }
  return success();
}

LogicalResult CustomGradientOp::evaluate(ArrayRef<const Literal *> operands,
                                         MutableArrayRef<Literal> results,
                                         EvalOptions) {
  for (auto [index, result] : llvm::enumerate(results))
    result = *operands[index];
  return success();
}

LogicalResult
CustomGradientOp::buildGradient(OpBuilder &builder, ValueRange cotangents,
                                SmallVectorImpl<Value> &operands) {
  OpFactory make{builder, getLoc()};
  Block &body = getGradient().front();
  IRMapping mapping;
  size_t inputs = getInputs().size();
  for (auto [argument, input] :
       llvm::zip(body.getArguments().take_front(inputs), getInputs()))
    mapping.map(argument, input);
  for (auto [argument, cotangent, result] : llvm::zip(
           body.getArguments().drop_front(inputs), cotangents, getResults()))
    mapping.map(argument, cotangent ? cotangent : make.zeroLike(result));
  for (Operation &op : body.without_terminator())
    builder.clone(op, mapping);
  operands.assign(getNumOperands(), Value());
  for (auto [index, given] :
       llvm::enumerate(body.getTerminator()->getOperands()))
    operands[getValues().size() + index] = mapping.lookupOrDefault(given);
  return success();
}

} // namespace mlc::graph
