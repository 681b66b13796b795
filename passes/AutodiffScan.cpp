//===- AutodiffScan.cpp - The gradient of a loop is a loop ----------------===//
//
//   %h, %hs = graph.scan 8 carry(%c = %h0) over(%x = %xs) same(%w = %w0) {
//     ... graph.yield %next, %next }
// becomes, with the cotangents %dh and %dhs,
//   %h, %hs, %kept = graph.scan 8 ... { ... graph.yield %next, %next, %c }
//   %dh0, %dxs = graph.scan 8 reverse carry(%dc = %dh)
//       over(%dy = %dhs, %c = %kept, %x = %xs) same(%w = %w0) { ... }
//
// The backward body holds a copy of the forward one and its reverse sweep. What
// the sweep reads of the forward iteration is kept by the forward loop, or
// computed again where that takes nothing but cheap ops (elementwise, moves) on
// what is kept anyway; with `remat` all of it is, from the carried values.
//
// The cotangent of a value that is the same in every iteration is a sum over
// the iterations. It is not carried: a product is contracted, and a sum
// reduced, over the iterations after the loop, from its stacked operands. So
// the gradient of a recurrent weight matrix is one large product.
//
// After Bradbury et al., JAX, `lax.scan`; the sums as in Appleyard et al.,
// "Optimizing Performance of Recurrent Neural Networks on GPUs", 2016, 3.1.
//
//===----------------------------------------------------------------------===//

#include "passes/ReverseSweep.h"

#include "ir/graph/OpFactory.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace mlc {

namespace {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// Is an op worth computing again rather than keeping its result.
bool isCheap(Operation *op) {
  auto fusion = dyn_cast<graph::FusionOpInterface>(op);
  auto cost = dyn_cast<graph::CostOpInterface>(op);
  if (!fusion || !cost || op->getNumRegions() != 0)
    return false;
  return fusion.getFusionRole() != graph::FusionRole::Anchor ||
         cost.getFlops() == 0;
}

class ScanGradient {
public:
  ScanGradient(graph::ScanOp scan, ValueRange resultCotangents,
               const llvm::DenseSet<Value> &active, OpBuilder &builder)
      : scan(scan), forward(scan.getBody().front()),
        resultCotangents(resultCotangents), active(active), builder(builder),
        ops{builder, scan.getLoc()} {}

  LogicalResult run(SmallVectorImpl<Value> &operandCotangents);

private:
  void findActiveArguments();
  LogicalResult sweepBackwards();
  LogicalResult sweepOnce();
  void chooseKept();
  bool isKept(Value value) const { return kept.contains(value); }
  void keepLeaves(Value value);
  void collectLeaves(Value value, llvm::SetVector<Value> &leaves);
  void extendForward();
  void buildBackward();

  /// The sum over the iterations of `value` of the backward body, built after
  /// the loop; with `collecting`, only finds what has to be stacked for it.
  Value sumIterations(Value value, bool collecting);
  Value stackOf(Value value, bool collecting);
  Value constantOutside(Value value);

  graph::ScanOp scan;
  Block &forward;
  ValueRange resultCotangents;
  const llvm::DenseSet<Value> &active;
  OpBuilder &builder;
  graph::OpFactory ops;

  /// Of the forward body.
  llvm::DenseSet<Value> activeArguments, activeBody;
  /// The carried values with a cotangent, and the stacked results with one.
  llvm::SetVector<unsigned> carries;
  SmallVector<unsigned> stacks;

  Region region;
  Block *back = nullptr;
  /// The forward ops and arguments in the backward body, and back.
  IRMapping copies;
  llvm::DenseMap<Value, Value> originals;
  SmallVector<Value> nextCarries, sliceCotangents, sameCotangents;
  SmallVector<Value> sliceResults; ///< the stacked slice cotangents

  /// Copies in the backward body that the forward loop keeps, and their stacks.
  llvm::MapVector<Value, Value> kept;
  /// Values of the backward body that it stacks, and their stacks.
  llvm::MapVector<Value, Value> stacked;
  graph::ScanOp backward;
};

void ScanGradient::findActiveArguments() {
  for (auto [argument, operand] :
       llvm::zip_equal(forward.getArguments(), scan->getOperands()))
    if (active.contains(operand))
      activeArguments.insert(argument);
  // What a carried value becomes, it is in the next iteration.
  for (bool changed = true; changed;) {
    changed = false;
    SmallVector<Value> from(activeArguments.begin(), activeArguments.end());
    activeBody = activeValues(forward, from);
    for (auto [argument, next] :
         llvm::zip(scan.getCarryArguments(), scan.getYield().getValues()))
      if (activeBody.contains(next))
        changed |= activeArguments.insert(argument).second;
  }
}

/// Sweeps until no more carried values turn out to have a cotangent.
LogicalResult ScanGradient::sweepBackwards() {
  for (unsigned k = 0; k < scan.getNumCarries(); ++k)
    if (resultCotangents[k] &&
        activeArguments.contains(scan.getCarryArguments()[k]))
      carries.insert(k);
  for (auto [j, value] : llvm::enumerate(scan.getYieldedSlices()))
    if (resultCotangents[scan.getNumCarries() + j] &&
        activeBody.contains(value))
      stacks.push_back(j);
  size_t known;
  do {
    known = carries.size();
    if (failed(sweepOnce()))
      return failure();
  } while (carries.size() > known);
  for (Value cotangent : sameCotangents)
    if (cotangent)
      sumIterations(cotangent, /*collecting=*/true);
  return success();
}

LogicalResult ScanGradient::sweepOnce() {
  region.dropAllReferences();
  region.getBlocks().clear();
  copies.clear();
  originals.clear();
  nextCarries.clear();
  sliceCotangents.clear();
  sameCotangents.clear();
  back = &region.emplaceBlock();
  Location loc = scan.getLoc();
  unsigned count = scan.getNumCarries();
  SmallVector<Value> seeds;
  for (unsigned k : carries)
    seeds.push_back(
        back->addArgument(scan.getCarryArguments()[k].getType(), loc));
  for (unsigned j : stacks)
    seeds.push_back(
        back->addArgument(scan.getYieldedSlices()[j].getType(), loc));
  for (BlockArgument argument : forward.getArguments())
    copies.map(argument,
               back->addArgument(argument.getType(), argument.getLoc()));
  OpBuilder inside(scan.getContext());
  inside.setInsertionPointToEnd(back);
  for (Operation &op : forward.without_terminator())
    inside.clone(op, copies);
  auto remember = [&](Value value) { originals[copies.lookup(value)] = value; };
  llvm::for_each(forward.getArguments(), remember);
  for (Operation &op : forward.without_terminator())
    llvm::for_each(op.getResults(), remember);

  llvm::DenseSet<Value> activeCopies;
  for (Value value : activeBody)
    activeCopies.insert(copies.lookup(value));
  ReverseSweep sweep(*back, std::move(activeCopies), inside);
  OperandRange yields = scan.getYield().getValues();
  for (auto [i, k] : llvm::enumerate(carries))
    sweep.seed(copies.lookup(yields[k]), seeds[i]);
  for (auto [seed, j] :
       llvm::zip(ArrayRef(seeds).drop_front(carries.size()), stacks))
    sweep.seed(copies.lookup(yields[count + j]), seed);
  if (failed(sweep.run()))
    return failure();

  inside.setInsertionPointToEnd(back);
  auto cotangentOf = [&](BlockArgument argument) {
    return activeArguments.contains(argument)
               ? sweep.cotangentOf(copies.lookup(argument))
               : Value();
  };
  for (auto [k, argument] : llvm::enumerate(scan.getCarryArguments()))
    if (cotangentOf(argument))
      carries.insert(k);
  if (carries.size() > seeds.size() - stacks.size())
    return success(); // again, with these
  for (unsigned k : carries) {
    BlockArgument argument = scan.getCarryArguments()[k];
    Value next = cotangentOf(argument);
    nextCarries.push_back(
        next ? next
             : graph::OpFactory{inside, loc}.splat(typeOf(argument), 0.0));
  }
  for (BlockArgument argument : scan.getSliceArguments())
    sliceCotangents.push_back(cotangentOf(argument));
  for (BlockArgument argument : scan.getSameArguments())
    sameCotangents.push_back(cotangentOf(argument));
  return success();
}

//===----------------------------------------------------------------------===//
// What the forward loop keeps
//===----------------------------------------------------------------------===//

/// The values that a copy is computed from with cheap ops alone and that are
/// not kept yet: results of other ops, and carried values.
void ScanGradient::collectLeaves(Value value, llvm::SetVector<Value> &leaves) {
  llvm::SetVector<Value> open;
  open.insert(value);
  for (unsigned i = 0; i < open.size(); ++i) {
    Value next = open[i];
    if (isKept(next))
      continue;
    if (!originals.contains(next)) { // of an inner loop, which runs again
      open.insert_range(next.getDefiningOp()->getOperands());
      continue;
    }
    if (auto argument = dyn_cast<BlockArgument>(next)) {
      // Slices and values that stay the same are there in the backward loop.
      if (cast<BlockArgument>(originals.lookup(argument)).getArgNumber() <
          scan.getNumCarries())
        leaves.insert(next);
    } else if (scan.getRemat() || isCheap(next.getDefiningOp())) {
      open.insert_range(next.getDefiningOp()->getOperands());
    } else {
      leaves.insert(next);
    }
  }
}

/// Makes the copy `value` available: it is kept, or what it is computed from.
void ScanGradient::keepLeaves(Value value) {
  llvm::SetVector<Value> leaves;
  collectLeaves(value, leaves);
  int64_t bytes = 0;
  for (Value leaf : leaves)
    bytes += graph::sizeBytes(leaf.getType());
  if (!scan.getRemat() && bytes > graph::sizeBytes(value.getType())) {
    kept[value];
    return;
  }
  for (Value leaf : leaves)
    kept[leaf];
}

/// Walks from what the backward body yields to the copies that it reads.
void ScanGradient::chooseKept() {
  llvm::SetVector<Value> open, read;
  auto root = [&](Value value) {
    if (value)
      open.insert(value);
  };
  llvm::for_each(nextCarries, root);
  llvm::for_each(sliceCotangents, root);
  for (auto &[value, stack] : stacked)
    root(value);
  for (unsigned i = 0; i < open.size(); ++i) {
    Value value = open[i];
    if (originals.contains(value))
      read.insert(value);
    else if (Operation *op = value.getDefiningOp())
      open.insert_range(op->getOperands());
  }
  // First what has to be kept: the rest may be computed from it.
  for (Value value : read) {
    llvm::SetVector<Value> leaves;
    collectLeaves(value, leaves);
    if (leaves.size() == 1 && leaves[0] == value)
      kept[value];
  }
  for (Value value : read)
    keepLeaves(value);
}

/// Replaces the forward loop by one that stacks what is kept, too. The old one
/// is dead, and stays for the moment: tables have its results.
void ScanGradient::extendForward() {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(scan);
  SmallVector<Type> types(scan.getResultTypes());
  auto count = static_cast<int64_t>(scan.getCount());
  graph::YieldOp yield = scan.getYield();
  for (auto &[copy, stack] : kept) {
    types.push_back(graph::stackedType(copy.getType(), count));
    yield.getValuesMutable().append(originals.lookup(copy));
  }
  auto extended = graph::ScanOp::create(
      builder, scan.getLoc(), types, scan.getCount(), scan.getReverse(),
      scan.getRemat(), scan.getInits(), scan.getSequences(), scan.getSame());
  extended.getBody().takeBody(scan.getBody());
  for (auto [i, each] : llvm::enumerate(kept))
    each.second = extended.getResult(scan.getNumResults() + i);
  scan->replaceAllUsesWith(
      extended->getResults().take_front(scan.getNumResults()));
  scan = extended;
}

//===----------------------------------------------------------------------===//
// Sums over the iterations
//===----------------------------------------------------------------------===//

/// `value` of all iterations along a new dimension 0.
Value ScanGradient::stackOf(Value value, bool collecting) {
  if (auto original = dyn_cast_or_null<BlockArgument>(originals.lookup(value)))
    for (auto [argument, sequence] :
         llvm::zip_equal(scan.getSliceArguments(), scan.getSequences()))
      if (argument == original)
        return sequence;
  if (collecting) {
    stacked[value];
    return {};
  }
  if (isKept(value))
    return kept.lookup(value);
  // Stands for a result of the backward loop until there is one.
  Value &stack = stacked[value];
  if (!stack)
    stack = ops.splat(graph::stackedType(value.getType(),
                                         static_cast<int64_t>(scan.getCount())),
                      0.0);
  return stack;
}

/// What a value that is an operand, and the same in every iteration, is
/// outside.
Value ScanGradient::constantOutside(Value value) {
  if (auto original = dyn_cast_or_null<BlockArgument>(originals.lookup(value)))
    for (auto [argument, operand] :
         llvm::zip_equal(scan.getSameArguments(), scan.getSame()))
      if (argument == original)
        return operand;
  return {};
}

Value ScanGradient::sumIterations(Value value, bool collecting) {
  Operation *op = originals.contains(value) ? nullptr : value.getDefiningOp();
  if (auto add = dyn_cast_or_null<graph::AddOp>(op)) {
    Value lhs = sumIterations(add.getLhs(), collecting);
    Value rhs = sumIterations(add.getRhs(), collecting);
    return collecting ? Value() : ops.add(lhs, rhs);
  }
  if (auto transpose = dyn_cast_or_null<graph::TransposeOp>(op)) {
    Value inner = sumIterations(transpose.getOperand(), collecting);
    return collecting ? Value() : ops.transpose(inner, transpose.getPerm());
  }
  if (auto reshape = dyn_cast_or_null<graph::ReshapeOp>(op)) {
    Value inner = sumIterations(reshape.getOperand(), collecting);
    return collecting ? Value()
                      : ops.reshape(inner, reshape.getType().getShape(),
                                    reshape.getKeepFrom(), reshape.getKeepTo());
  }
  auto shifted = [](ArrayRef<int64_t> dims, bool iterations) {
    SmallVector<int64_t> result;
    if (iterations)
      result.push_back(0);
    for (int64_t dim : dims)
      result.push_back(dim + 1);
    return result;
  };
  if (auto reduce = dyn_cast_or_null<graph::ReduceOp>(op);
      reduce && reduce.getKind() == graph::ReductionKind::sum) {
    Value stack = stackOf(reduce.getOperand(), collecting);
    return collecting ? Value()
                      : ops.reduceSum(stack, shifted(reduce.getDims(), true));
  }
  if (auto dot = dyn_cast_or_null<graph::DotOp>(op)) {
    Value lhs = constantOutside(dot.getLhs());
    Value rhs = constantOutside(dot.getRhs());
    bool both = !lhs && !rhs;
    if (!lhs)
      lhs = both ? stackOf(dot.getLhs(), collecting)
                 : sumIterations(dot.getLhs(), collecting);
    if (!rhs)
      rhs = both ? stackOf(dot.getRhs(), collecting)
                 : sumIterations(dot.getRhs(), collecting);
    if (collecting)
      return {};
    auto dims = [&](ArrayRef<int64_t> own, bool iterations) {
      return both ? shifted(own, iterations) : SmallVector<int64_t>(own);
    };
    return graph::DotOp::create(
        builder, op->getLoc(), lhs, rhs, dims(dot.getLhsBatch(), false),
        dims(dot.getRhsBatch(), false), dims(dot.getLhsContract(), true),
        dims(dot.getRhsContract(), true));
  }
  Value stack = stackOf(value, collecting);
  return collecting ? Value() : ops.reduceSum(stack, {0});
}

//===----------------------------------------------------------------------===//
// The backward loop
//===----------------------------------------------------------------------===//

void ScanGradient::buildBackward() {
  unsigned count = scan.getNumCarries();
  SmallVector<Value> inits, sequences, same, results;
  SmallVector<Type> types;
  Block *body = new Block;
  auto move = [&](Value from, Type type) {
    from.replaceAllUsesWith(body->addArgument(type, from.getLoc()));
  };
  // Yields first: what is kept may be yielded itself.
  for (Value value : nextCarries) {
    results.push_back(value);
    types.push_back(value.getType());
  }
  // And each value once.
  llvm::MapVector<Value, unsigned> stackedHere;
  auto stack = [&](Value value) {
    if (!stackedHere.try_emplace(value, results.size()).second)
      return;
    results.push_back(value);
    types.push_back(graph::stackedType(value.getType(),
                                       static_cast<int64_t>(scan.getCount())));
  };
  for (Value value : sliceCotangents)
    if (value)
      stack(value);
  for (auto &[value, unused] : stacked)
    if (!isKept(value))
      stack(value);
  OpBuilder inside(scan.getContext());
  inside.setInsertionPointToEnd(back);
  graph::YieldOp::create(inside, scan.getLoc(), results);

  for (auto [i, k] : llvm::enumerate(carries)) {
    Value argument = back->getArgument(i);
    Value init = resultCotangents[k];
    inits.push_back(init ? init : ops.splat(typeOf(argument), 0.0));
    move(argument, argument.getType());
  }
  for (auto [i, j] : llvm::enumerate(stacks)) {
    Value argument = back->getArgument(carries.size() + i);
    sequences.push_back(resultCotangents[count + j]);
    move(argument, argument.getType());
  }
  for (auto &[copy, keptStack] : kept) {
    sequences.push_back(keptStack);
    move(copy, copy.getType());
  }
  eraseDeadOps(*back);
  for (auto [argument, sequence] :
       llvm::zip_equal(scan.getSliceArguments(), scan.getSequences()))
    if (Value copy = copies.lookup(argument); !copy.use_empty()) {
      sequences.push_back(sequence);
      move(copy, copy.getType());
    }
  for (auto [argument, operand] :
       llvm::zip_equal(scan.getSameArguments(), scan.getSame()))
    if (Value copy = copies.lookup(argument); !copy.use_empty()) {
      same.push_back(operand);
      move(copy, copy.getType());
    }
  body->getOperations().splice(body->end(), back->getOperations());
  backward = graph::ScanOp::create(builder, scan.getLoc(), types,
                                   scan.getCount(), !scan.getReverse(),
                                   /*remat=*/false, inits, sequences, same);
  backward.getBody().push_back(body);
  for (auto [value, standIn] : stacked)
    if (auto found = stackedHere.find(value); found != stackedHere.end()) {
      standIn.replaceAllUsesWith(backward.getResult(found->second));
      standIn.getDefiningOp()->erase();
    }
  for (Value value : sliceCotangents)
    sliceResults.push_back(value ? backward.getResult(stackedHere.lookup(value))
                                 : Value());
}

LogicalResult ScanGradient::run(SmallVectorImpl<Value> &operandCotangents) {
  findActiveArguments();
  if (failed(sweepBackwards()))
    return failure();
  chooseKept();
  extendForward();
  // The sums come behind the loop, but read its body before that is finished.
  Block *block = builder.getInsertionBlock();
  auto place = builder.getInsertionPoint();
  Operation *before = place == block->begin() ? nullptr : &*std::prev(place);
  SmallVector<Value> sums;
  for (Value cotangent : sameCotangents)
    sums.push_back(cotangent ? sumIterations(cotangent, /*collecting=*/false)
                             : Value());
  {
    OpBuilder::InsertionGuard guard(builder);
    if (before)
      builder.setInsertionPointAfter(before);
    else
      builder.setInsertionPointToStart(block);
    buildBackward();
  }
  operandCotangents.assign(scan.getNumCarries(), Value());
  unsigned next = 0;
  for (unsigned k : carries)
    operandCotangents[k] = backward.getResult(next++);
  llvm::append_range(operandCotangents, sliceResults);
  llvm::append_range(operandCotangents, sums);
  return success();
}

} // namespace

LogicalResult differentiateScan(graph::ScanOp scan, ValueRange resultCotangents,
                                const llvm::DenseSet<Value> &active,
                                OpBuilder &builder,
                                SmallVectorImpl<Value> &operandCotangents) {
  return ScanGradient(scan, resultCotangents, active, builder)
      .run(operandCotangents);
}

} // namespace mlc
