//===- PropagateLoopLayouts.cpp - Layouts in the bodies of loops ----------===//
//
// A loop (graph.scan) is entered: a carried value has the layout that it has
// after an iteration, and nothing in a body is made whole, since the rows of
// other micro-batches are not there. A whole value that is added to a partial
// sum there becomes one: zero is a sum of zeros, what is a sum over the batch
// is taken before it is made whole, and of another value each row has its
// share.
//
//===----------------------------------------------------------------------===//

#include "passes/LayoutPropagation.h"

#include "ir/graph/OpFactory.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using mlc::dist::LayoutAttr;
using mlc::graph::ShardingOpInterface;
using mlc::graph::ShardingRule;

namespace mlc {

LogicalResult LayoutPropagation::visitScan(graph::ScanOp scan) {
  sumOperands(scan);
  // In each round an operand at least gets the layout that its body needs.
  for (unsigned round = 0; round <= scan->getNumOperands(); ++round) {
    builder.setInsertionPoint(scan);
    auto trial = cast<graph::ScanOp>(builder.clone(*scan));
    bool changed = adaptOperands(scan, trial);
    trial.erase();
    if (!changed)
      break;
  }
  if (failed(visitBody(scan)) || failed(adaptYields(scan)))
    return failure();
  for (auto [i, value] : llvm::enumerate(scan.getYield().getValues())) {
    Type type = value.getType();
    if (i >= scan.getNumCarries())
      type = graph::stackedType(type, static_cast<int64_t>(scan.getCount()));
    scan.getResult(i).setType(cast<RankedTensorType>(type));
  }
  for (OpResult result : scan->getResults())
    makeWhole(result);
  return success();
}

LogicalResult LayoutPropagation::visitBody(graph::ScanOp scan) {
  for (auto [argument, operand] :
       llvm::zip_equal(scan.getBody().getArguments(), scan->getOperands()))
    argument.setType(operand.getType());
  for (auto [i, argument] : llvm::enumerate(scan.getSliceArguments())) {
    Value sequence = scan.getSequences()[i];
    RankedTensorType type = graph::sliceType(sequence.getType());
    if (!type) {
      InFlightDiagnostic diag = emitError(
          scan.getLoc(), "a loop cannot run over the rows of the batch");
      diag.attachNote(sequence.getLoc()) << "these are its steps";
      return diag;
    }
    argument.setType(type);
  }
  // Values of other bodies are no parts here.
  auto outer = std::move(parts);
  parts.clear();
  bool wasInLoop = std::exchange(inLoop, true);
  LogicalResult visited = success();
  for (Operation &op :
       llvm::make_early_inc_range(scan.getBody().front().without_terminator()))
    if (succeeded(visited))
      visited = visit(&op);
  inLoop = wasInLoop;
  parts = std::move(outer);
  return visited;
}

/// Visits the body of `trial`, a copy of `scan`, and makes operands of `scan`
/// again with the layouts that are asked for there, and inits with those of
/// their next values. What does not fit is reported by the visit after it.
bool LayoutPropagation::adaptOperands(graph::ScanOp scan, graph::ScanOp trial) {
  llvm::MapVector<BlockArgument, LayoutAttr> outer;
  std::swap(outer, wishes);
  LogicalResult visited = failure();
  {
    ScopedDiagnosticHandler silence(scan.getContext(),
                                    [](Diagnostic &) { return success(); });
    visited = visitBody(trial);
    // A whole next value that begins in parts.
    auto known = std::move(parts);
    parts.clear();
    for (unsigned k = 0; succeeded(visited) && k < scan.getNumCarries(); ++k)
      if (LayoutAttr wanted = LayoutAttr::of(trial.getInits()[k]);
          !wanted.isReplicated() && !wanted.isPartial())
        makeParts(trial.getYield().getValues()[k], wanted);
    parts = std::move(known);
  }
  std::swap(outer, wishes);
  for (unsigned k = 0; succeeded(visited) && k < scan.getNumCarries(); ++k)
    outer.try_emplace(trial.getCarryArguments()[k],
                      LayoutAttr::of(trial.getYield().getValues()[k]));
  bool changed = false;
  for (auto [argument, layout] : outer) {
    if (argument.getOwner() != &trial.getBody().front())
      continue;
    unsigned index = argument.getArgNumber();
    Value operand = scan->getOperand(index);
    if (llvm::is_contained(trial.getSliceArguments(), argument))
      layout = cast<LayoutAttr>(layout.stack());
    if (layout == LayoutAttr::of(operand) || layout.isReplicated())
      continue;
    builder.setInsertionPoint(scan);
    Value made =
        layout.isPartial() ? makePartial(operand) : makeParts(operand, layout);
    if (!made)
      continue;
    scan->setOperand(index, made);
    changed = true;
  }
  return changed;
}

LayoutAttr LayoutPropagation::partialLayout(Value value) {
  LayoutAttr whole = replicated(value);
  ArrayAttr none = builder.getArrayAttr({});
  return LayoutAttr::get(mesh.getContext(), mesh, whole.getDims(), dataAxis,
                         none, none);
}

/// What is added to partial sums, partial as well.
void LayoutPropagation::shareOperands(Operation *op, const ShardingRule &rule) {
  auto isPartial = [](Value value) {
    return LayoutAttr::of(value).isPartial();
  };
  if (rule.partial != graph::PartialRule::linear ||
      llvm::none_of(op->getOperands(), isPartial))
    return;
  for (OpOperand &operand : op->getOpOperands()) {
    if (llvm::is_contained(rule.replicatedOperands,
                           operand.getOperandNumber()) ||
        !LayoutAttr::of(operand.get()).isReplicated())
      continue;
    builder.setInsertionPoint(op);
    if (Value made = makePartial(operand.get()))
      operand.set(made);
  }
}

/// The whole `value` as a sum over the rows: what it is a sum of, or for each
/// row a share. At the builder's place; null where there is no such sum.
Value LayoutPropagation::makePartial(Value value) {
  if (afterBatch.contains(value))
    return sumAgain(value);
  auto type = cast<RankedTensorType>(value.getType());
  RankedTensorType partial = dist::withLayout(type, partialLayout(value));
  if (auto constant = value.getDefiningOp<graph::ConstantOp>();
      constant && matchPattern(value, m_AnyZeroFloat())) {
    auto copy = cast<graph::ConstantOp>(builder.clone(*constant));
    if (succeeded(copy.retypeResults(partial)))
      return copy;
    copy.erase();
    return {};
  }
  Value share = shareIn(builder.getInsertionBlock(), type.getElementType());
  if (!share) {
    if (auto argument = dyn_cast<BlockArgument>(value);
        argument && isa<graph::ScanOp>(argument.getOwner()->getParentOp()))
      wishes[argument] = partialLayout(value);
    return {};
  }
  graph::OpFactory ops{builder, value.getLoc()};
  Value factor = ops.broadcast(share, type.getShape(), {});
  factor.setType(partial);
  auto product = ops.mul(value, factor);
  product.setType(partial);
  return product;
}

/// One, as a sum over all rows of the batch, padding included: there are as
/// many in every step. Only training has such sums in loops.
Value LayoutPropagation::shareIn(Block *block, Type element) {
  if (auto scan = dyn_cast<graph::ScanOp>(block->getParentOp())) {
    Value outside = shareIn(scan->getBlock(), element);
    for (auto [argument, same] :
         llvm::zip_equal(scan.getSameArguments(), scan.getSame()))
      if (same == outside)
        return argument;
    if (!outside)
      return {};
    scan.getSameMutable().append(outside);
    return block->addArgument(outside.getType(), outside.getLoc());
  }
  if (Value known = shares.lookup(element))
    return known;
  auto rows = llvm::find_if(func.getArguments(), [](Value argument) {
    auto type = cast<RankedTensorType>(argument.getType());
    return type.getRank() > 0 && LayoutAttr::of(argument).isDimSharded(0);
  });
  if (rows == func.getArguments().end() || !isa<FloatType>(element) ||
      func.getName() != "train")
    return {};
  int64_t count = cast<RankedTensorType>((*rows).getType()).getDimSize(0);
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(&func.getBody().front());
  graph::OpFactory ops{builder, (*rows).getLoc()};
  Value each =
      ops.splat(RankedTensorType::get({count}, element, sharded({dataAxis})),
                1.0 / static_cast<double>(count));
  Value sum = ops.reduceSum(each, {0});
  sum.setType(RankedTensorType::get({}, element, partialLayout(sum)));
  return shares[element] = sum;
}

/// A loop over rows cannot wait for what is a sum over the batch, and is
/// linear in it: it takes the parts of the sum.
void LayoutPropagation::sumOperands(graph::ScanOp scan) {
  bool hasRows = llvm::any_of(scan->getOperands(), [](Value operand) {
    return !LayoutAttr::of(operand).isReplicated();
  });
  for (OpOperand &operand : scan->getOpOperands())
    if (hasRows && afterBatch.contains(operand.get()))
      if (Value made = sumAgain(operand.get()))
        operand.set(made);
}

/// `value`, which linear ops make of whole sums over the batch, made of their
/// parts; null where it is not so.
Value LayoutPropagation::sumAgain(Value value) {
  Operation *op = value.getDefiningOp();
  LayoutAttr layout = partialLayout(value);
  if (auto reshard = dyn_cast_if_present<dist::ReshardOp>(op))
    return LayoutAttr::of(reshard.getOperand()) == layout ? reshard.getOperand()
                                                          : Value();
  if (auto found = parts.find({value, layout}); found != parts.end())
    return found->second;
  auto sharding = dyn_cast_if_present<ShardingOpInterface>(op);
  if (!sharding || op->getNumResults() != 1)
    return {};
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfter(op);
  ShardingRule rule = sharding.getShardingRule();
  SmallVector<Value> operands(op->getOperands());
  for (auto [index, operand] : llvm::enumerate(operands)) {
    bool sums = afterBatch.contains(operand);
    if (sums || (rule.partial == graph::PartialRule::linear &&
                 !llvm::is_contained(rule.replicatedOperands, index)))
      operand = makePartial(operand);
    if (!operand)
      return {};
  }
  Operation *copy = builder.clone(*op);
  copy->setOperands(operands);
  bool wasInLoop = std::exchange(inLoop, true); // nothing is made whole
  ScopedDiagnosticHandler silence(op->getContext(),
                                  [](Diagnostic &) { return success(); });
  LogicalResult typed = setResults(copy, rule, {});
  inLoop = wasInLoop;
  if (succeeded(typed) && LayoutAttr::of(copy->getResult(0)) == layout)
    return parts[{value, layout}] = copy->getResult(0);
  copy->erase();
  return {};
}

/// A next value that is whole where its init is not is made in parts.
LogicalResult LayoutPropagation::adaptYields(graph::ScanOp scan) {
  graph::YieldOp yield = scan.getYield();
  for (unsigned k = 0; k < scan.getNumCarries(); ++k) {
    Value next = yield.getValues()[k];
    LayoutAttr wanted = LayoutAttr::of(scan.getInits()[k]);
    if (LayoutAttr::of(next) == wanted)
      continue;
    auto outer = std::move(parts);
    parts.clear();
    builder.setInsertionPoint(yield);
    Value made =
        wanted.isPartial() ? makePartial(next) : makeParts(next, wanted);
    parts = std::move(outer);
    if (!made) {
      InFlightDiagnostic diag =
          emitError(next.getLoc(), "a loop begins with a value of the layout ")
          << wanted << " and goes on with one of " << LayoutAttr::of(next);
      diag.attachNote(scan.getInits()[k].getLoc()) << "it begins with this";
      return diag;
    }
    yield.getValuesMutable()[k].set(made);
  }
  return success();
}

/// The loop again, beginning with parts.
Value LayoutPropagation::makeScanParts(OpResult value, LayoutAttr wanted) {
  auto scan = cast<graph::ScanOp>(value.getOwner());
  unsigned number = value.getResultNumber();
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointAfter(scan);
  auto copy = cast<graph::ScanOp>(builder.clone(*scan));
  if (number < scan.getNumCarries()) {
    if (Value init = makeParts(copy.getInits()[number], wanted))
      copy->setOperand(number, init);
  } else if (auto slice = cast_if_present<LayoutAttr>(wanted.unstack())) {
    llvm::MapVector<BlockArgument, LayoutAttr> asked;
    std::swap(asked, wishes);
    auto outer = std::move(parts);
    parts.clear();
    makeParts(copy.getYield().getValues()[number], slice);
    parts = std::move(outer);
    std::swap(asked, wishes);
    for (auto [argument, layout] : asked) {
      if (argument.getOwner() != &copy.getBody().front())
        continue;
      unsigned index = argument.getArgNumber();
      if (llvm::is_contained(copy.getSliceArguments(), argument))
        layout = cast<LayoutAttr>(layout.stack());
      if (Value made = makeParts(copy->getOperand(index), layout))
        copy->setOperand(index, made);
    }
  }
  if (succeeded(visitScan(copy)) &&
      LayoutAttr::of(copy.getResult(number)) == wanted)
    return copy.getResult(number);
  copy.erase();
  return {};
}

} // namespace mlc
