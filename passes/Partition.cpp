//===- Partition.cpp - Global shapes -> one device, one micro-batch -------===//
//
//   %g = graph.reduce sum %x dims = [0]
//       : tensor<32x4xf32, #rows> to tensor<4xf32, #partial>
//   %w = dist.all_reduce sum %g over ["data"] : tensor<4xf32, #partial>
// becomes, with 4 micro-batches of 8 rows,
//   %g = dist.microbatch_loop (%rows = %x : tensor<8x4xf32, #rows>) {
//     %s = graph.reduce sum %rows dims = [0]
//         : tensor<8x4xf32, #rows> to tensor<4xf32, #partial>
//     dist.yield %s : tensor<4xf32, #partial>
//   } : tensor<4xf32, #partial>
//   %w = dist.all_reduce sum %g over ["data"] : tensor<4xf32, #partial>
//
// What is sharded or partial goes into the loop, what it needs before it, and
// the rest after it: first the all-reduces, large values in the order in which
// the backward pass makes them, then scalars, which share the last bucket.
// A whole value that the loop needs and that depends on one of its sums is an
// error: that is a nonlinear use of a batch reduction.
//
// Whole values that a scan over rows computes beside them, and that are needed
// outside of the rows, come from a copy of the scan without what has rows.
//
// A program that needs no rows has no loop, but its arguments still have the
// rows of one micro-batch.
//
// Rows come from `mlc.train`; in @eval and @infer the batch is one micro-batch.
// @infer has no loop: nothing in it may be partial.
//
//===----------------------------------------------------------------------===//

#include "ir/dist/LayoutRules.h"
#include "ir/graph/GraphLoopOps.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/SetVector.h"

namespace mlc {

#define GEN_PASS_DEF_PARTITION
#include "passes/Passes.h.inc"

namespace {

using namespace mlir;
using dist::AllReduceOp;
using dist::LayoutAttr;
using graph::ShardingOpInterface;

/// `type` on one device and for one of `parts` micro-batches.
FailureOr<RankedTensorType> localType(Operation *op, Type type, int64_t parts) {
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(tensor.getShape());
  LayoutAttr layout = LayoutAttr::of(type);
  for (auto [dim, extent] : llvm::enumerate(shape)) {
    if (layout.getAxes(dim).empty())
      continue;
    if (extent % parts != 0)
      return op->emitOpError("cannot cut ")
             << extent << " rows into " << parts << " micro-batches";
    extent /= parts;
  }
  return RankedTensorType::get(shape, tensor.getElementType(), layout);
}

/// One function with a loop.
class LoopPartition {
public:
  LoopPartition(func::FuncOp func, int64_t parts)
      : func(func), block(func.getBody().front()), parts(parts) {}

  LogicalResult run() {
    splitWholeValues();
    if (failed(classify()))
      return failure();
    if (!inLoop.empty()) {
      collectPrologue();
      buildLoop();
      orderEpilogue();
    }
    return localize();
  }

private:
  static bool isBatched(Operation &op) {
    auto batched = [](Type type) {
      return !LayoutAttr::of(type).isReplicated();
    };
    return (isa<ShardingOpInterface>(op) || isa<graph::ScanOp>(op)) &&
           (llvm::any_of(op.getOperandTypes(), batched) ||
            llvm::any_of(op.getResultTypes(), batched));
  }

  LogicalResult classify() {
    llvm::DenseMap<Operation *, AllReduceOp> after; // and the sum it is after
    for (Operation &op : block.without_terminator()) {
      AllReduceOp sum = dyn_cast<AllReduceOp>(op);
      Value reason;
      for (Value operand : op.getOperands())
        if (auto found = after.find(operand.getDefiningOp());
            !sum && found != after.end()) {
          sum = found->second;
          reason = operand;
        }
      if (isBatched(op)) {
        if (sum)
          return emitNonlinear(op, sum);
        inLoop.insert(&op);
      } else if (sum) {
        after.try_emplace(&op, sum);
      }
    }
    return success();
  }

  LogicalResult emitNonlinear(Operation &op, AllReduceOp sum) {
    InFlightDiagnostic diag =
        emitError(op.getLoc(), "nonlinear use of a batch reduction: every row "
                               "would need the sum over the whole batch, which "
                               "is known only after the last micro-batch");
    diag.attachNote(sum.getLoc()) << "the batch reduction is here";
    return diag;
  }

  /// A scan over rows may compute whole values beside them. Those that are
  /// needed outside of the rows come from a scan of their own.
  void splitWholeValues() {
    auto needsWhole = [](Value result) {
      return LayoutAttr::of(result).isReplicated() &&
             llvm::any_of(result.getUsers(),
                          [](Operation *user) { return !isBatched(*user); });
    };
    SmallVector<graph::ScanOp> scans(block.getOps<graph::ScanOp>());
    for (graph::ScanOp scan : scans)
      if (isBatched(*scan) && llvm::any_of(scan.getResults(), needsWhole))
        splitWholeValues(scan);
  }

  void splitWholeValues(graph::ScanOp scan) {
    auto isWhole = [](Value value) {
      return LayoutAttr::of(value).isReplicated();
    };
    Region region;
    Block *body = &region.emplaceBlock();
    IRMapping copies;
    SmallVector<Value> operands[3]; // inits, sequences, same
    for (auto [i, argument] : llvm::enumerate(scan.getBody().getArguments())) {
      if (!isWhole(argument))
        continue;
      unsigned sequences = scan.getNumCarries() + scan.getSequences().size();
      operands[i < scan.getNumCarries() ? 0
               : i < sequences          ? 1
                                        : 2]
          .push_back(scan->getOperand(i));
      copies.map(argument,
                 body->addArgument(argument.getType(), argument.getLoc()));
    }
    OpBuilder inside(scan.getContext());
    inside.setInsertionPointToEnd(body);
    for (Operation &op : scan.getBody().front().without_terminator())
      if (llvm::all_of(op.getOperands(), isWhole) &&
          llvm::all_of(op.getResults(), isWhole))
        inside.clone(op, copies);
    SmallVector<Value> yields, replaced;
    SmallVector<Type> types;
    for (auto [value, result] :
         llvm::zip_equal(scan.getYield().getValues(), scan.getResults()))
      if (isWhole(result)) {
        yields.push_back(copies.lookup(value));
        replaced.push_back(result);
        types.push_back(result.getType());
      }
    graph::YieldOp::create(inside, scan.getLoc(), yields);
    OpBuilder builder(scan);
    auto whole = graph::ScanOp::create(
        builder, scan.getLoc(), types, scan.getCount(), scan.getReverse(),
        scan.getRemat(), operands[0], operands[1], operands[2]);
    whole.getBody().takeBody(region);
    for (auto [from, to] : llvm::zip_equal(replaced, whole.getResults()))
      from.replaceUsesWithIf(
          to, [](OpOperand &use) { return !isBatched(*use.getOwner()); });
  }

  /// Whole values that the loop needs.
  void collectPrologue() {
    SmallVector<Operation *> worklist(inLoop.begin(), inLoop.end());
    while (!worklist.empty()) {
      Operation *op = worklist.pop_back_val();
      for (Value operand : op->getOperands())
        if (Operation *def = operand.getDefiningOp();
            def && !inLoop.contains(def) && prologue.insert(def).second)
          worklist.push_back(def);
    }
  }

  void buildLoop() {
    SmallVector<Value> inputs;
    for (BlockArgument argument : block.getArguments())
      if (LayoutAttr::of(argument).isSharded() && !argument.use_empty())
        inputs.push_back(argument);
    SmallVector<Value> results;
    SmallVector<Location> locations;
    for (Operation *op : inLoop)
      for (Value result : op->getResults())
        if (llvm::any_of(result.getUsers(), [&](Operation *user) {
              return !inLoop.contains(user);
            })) {
          results.push_back(result);
          locations.push_back(result.getLoc());
        }
    Location loc = FusedLoc::get(func.getContext(), locations);
    OpBuilder builder(func.getContext());
    builder.setInsertionPointToStart(&block);
    loop = dist::MicrobatchLoopOp::create(builder, loc, ValueRange(results),
                                          inputs);
    Block &body = loop.getBody().front();
    builder.setInsertionPointToEnd(&body);
    auto yield = dist::YieldOp::create(builder, loc, results);
    for (Operation *op : inLoop)
      op->moveBefore(yield);
    for (auto [input, argument] : llvm::zip_equal(inputs, body.getArguments()))
      input.replaceUsesWithIf(
          argument, [&](OpOperand &use) { return use.getOwner() != loop; });
    for (auto [value, result] : llvm::zip_equal(results, loop.getResults()))
      value.replaceUsesWithIf(result, [&](OpOperand &use) {
        return use.getOwner()->getBlock() == &block;
      });
    for (Operation &op : llvm::make_early_inc_range(block))
      if (prologue.contains(&op))
        op.moveBefore(loop);
  }

  /// The all-reduces of the loop's results come first, scalars last.
  void orderEpilogue() {
    SmallVector<AllReduceOp> sums, scalars;
    for (AllReduceOp op : block.getOps<AllReduceOp>()) {
      if (op.getOperand(0).getDefiningOp() != loop)
        continue;
      auto type = cast<RankedTensorType>(op.getOperand(0).getType());
      (type.getRank() == 0 ? scalars : sums).push_back(op);
    }
    llvm::append_range(sums, scalars);
    Operation *last = loop;
    for (AllReduceOp op : sums) {
      op->moveAfter(last);
      last = op;
    }
  }

  /// A sharded factor can be cut into the micro-batches: a row that is reshaped
  /// together with its neighbours cannot.
  LogicalResult verifyCuts(Operation &op) {
    if (auto scan = dyn_cast<graph::ScanOp>(op)) {
      for (Operation &inner : scan.getBody().front().without_terminator())
        if (failed(verifyCuts(inner)))
          return failure();
      return success();
    }
    graph::ShardingRule rule = cast<ShardingOpInterface>(op).getShardingRule();
    for (auto [result, factors] :
         llvm::zip_equal(op.getResults(), rule.resultFactors))
      for (auto [dim, factor] : llvm::enumerate(factors))
        if (!LayoutAttr::of(result).getAxes(dim).empty() &&
            rule.sizes[factor] % parts != 0)
          return emitError(op.getLoc(),
                           "mixes rows of the batch: it can be cut "
                           "into at most ")
                 << rule.sizes[factor] << " parts, but there are " << parts
                 << " micro-batches";
    return success();
  }

  /// Gives everything the shapes of one device and one micro-batch.
  LogicalResult localize() {
    SmallVector<BlockArgument> arguments(block.getArguments());
    if (loop) {
      for (Operation *op : inLoop)
        if (failed(verifyCuts(*op)))
          return failure();
      llvm::append_range(arguments, loop.getBody().getArguments());
    }
    if (failed(localizeArguments(func, arguments)))
      return failure();
    for (Operation *op : inLoop)
      if (failed(localizeOp(op)))
        return failure();
    Operation *terminator = block.getTerminator();
    for (OpOperand &operand : terminator->getOpOperands())
      if (!LayoutAttr::of(operand.get()).isReplicated())
        return emitError(operand.get().getLoc(), "result #")
               << operand.getOperandNumber() << " of @" << func.getName()
               << " has a value for every row; only @infer may give one";
    func.setType(FunctionType::get(func.getContext(), block.getArgumentTypes(),
                                   terminator->getOperandTypes()));
    return success();
  }

  LogicalResult localizeArguments(Operation *owner,
                                  ArrayRef<BlockArgument> arguments) {
    for (BlockArgument argument : arguments) {
      auto type = localType(owner, argument.getType(), parts);
      if (failed(type))
        return failure();
      argument.setType(*type);
    }
    return success();
  }

  LogicalResult localizeOp(Operation *op) {
    SmallVector<Type> types;
    for (Type result : op->getResultTypes()) {
      auto type = localType(op, result, parts);
      if (failed(type))
        return failure();
      types.push_back(*type);
    }
    auto scan = dyn_cast<graph::ScanOp>(op);
    if (!scan) {
      if (failed(cast<ShardingOpInterface>(op).retypeResults(types)))
        return op->emitOpError("cannot have the shape of one micro-batch");
      return success();
    }
    if (failed(localizeArguments(scan, scan.getBody().getArguments())))
      return failure();
    for (Operation &inner : scan.getBody().front().without_terminator())
      if (failed(localizeOp(&inner)))
        return failure();
    for (auto [result, type] : llvm::zip_equal(scan.getResults(), types))
      result.setType(type);
    return success();
  }

  func::FuncOp func;
  Block &block;
  int64_t parts;
  llvm::SetVector<Operation *> inLoop;
  llvm::DenseSet<Operation *> prologue;
  dist::MicrobatchLoopOp loop;
};

/// A program without a loop works row by row.
LogicalResult verifyRowwise(func::FuncOp func) {
  for (AllReduceOp op : func.getOps<AllReduceOp>()) {
    InFlightDiagnostic diag = emitError(
        op.getLoc(), "an output reduces over the batch; the outputs of a row "
                     "may depend on that row only");
    diag.attachNote(func.getLoc()) << "in @" << func.getName();
    return diag;
  }
  return success();
}

/// The phase before is done: every value has a layout.
LogicalResult verifyHasLayouts(func::FuncOp func) {
  auto hasLayout = [](Type type) { return !!LayoutAttr::of(type); };
  WalkResult walk = func.walk([&](Operation *op) -> WalkResult {
    if (llvm::all_of(op->getResultTypes(), hasLayout) &&
        (op != func || llvm::all_of(func.getArgumentTypes(), hasLayout)))
      return WalkResult::advance();
    return op->emitOpError(
        "has a value without a layout; run dist-propagate-layouts before");
  });
  return failure(walk.wasInterrupted());
}

struct Partition : impl::PartitionBase<Partition> {
  using PartitionBase::PartitionBase;

  void runOnOperation() override {
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      if (func.isExternal())
        continue;
      if (failed(verifyHasLayouts(func)))
        return signalPassFailure();
      if (func.getName() == "infer") {
        if (failed(verifyRowwise(func)))
          return signalPassFailure();
        continue;
      }
      if (failed(LoopPartition(func, getParts(func)).run()))
        return signalPassFailure();
    }
  }

  /// How many micro-batches the batch dimension of `func` holds.
  int64_t getParts(func::FuncOp func) {
    auto train = getOperation()->getAttrOfType<DictionaryAttr>("mlc.train");
    auto count = train ? train.getAs<IntegerAttr>("microbatches") : nullptr;
    return func.getName() == "train" && count ? count.getInt() : 1;
  }
};

} // namespace
} // namespace mlc
