//===- PropagateLayouts.cpp - Give every tensor a layout ------------------===//
//
// Shards dimension 0 of every `graph.input`, of the mask and of the rows'
// numbers over the axis `data`, replicates the other arguments, and walks
// forward through the sharding rules:
//
//   %s = graph.reduce sum %x dims = [0] : tensor<8x4xf32> to tensor<4xf32>
//   %e = graph.exp %s : tensor<4xf32>
// becomes, with #rows on %x,
//   %s = graph.reduce sum %x dims = [0] : ... to tensor<4xf32, #partial>
//   %r = dist.reshard %s : tensor<4xf32, #partial> to tensor<4xf32, #whole>
//   %e = graph.exp %r : tensor<4xf32, #whole>
//
// So a value is whole as soon as it exists; dist-insert-collectives moves the
// reshard where that saves bytes. What an op needs sharded and is made from
// nothing (a splat, the broadcast of a scalar, and ops on these) is made again
// in parts; the whole one stays for those who need it.
//
// An op that needs all rows of the batch is an error at its place.
//
// A loop (graph.scan) is entered: a carried value has the layout that it has
// after an iteration, and nothing in a body is made whole, since the rows of
// other micro-batches are not there. A whole value that is added to a partial
// sum there becomes one: zero is a sum of zeros, what is a sum over the batch
// is taken before it is made whole, and of another value each row has its
// share.
//
// After Xu et al., "GSPMD", 2021, and openxla/shardy; there is one axis, so
// that no conflict is to be resolved.
//
//===----------------------------------------------------------------------===//

#include "ir/dist/LayoutRules.h"
#include "ir/graph/GraphLoopOps.h"
#include "ir/graph/OpFactory.h"
#include "ir/graph/Program.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Iterators.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/MapVector.h"

namespace mlc {

#define GEN_PASS_DEF_PROPAGATELAYOUTS
#include "passes/Passes.h.inc"

namespace {

using namespace mlir;
using dist::LayoutAttr;
using graph::ShardingOpInterface;
using graph::ShardingRule;

/// Layouts of one function.
class Propagation {
public:
  Propagation(func::FuncOp func, FlatSymbolRefAttr mesh)
      : func(func), mesh(mesh), builder(func.getContext()),
        dataAxis(builder.getStrArrayAttr({dist::DistDialect::kDataAxis})) {}

  LogicalResult run() {
    if (failed(setArguments()))
      return failure();
    for (Operation &op : llvm::make_early_inc_range(
             func.getBody().front().without_terminator()))
      if (failed(visit(&op)))
        return failure();
    eraseUnused();
    return setFunctionType();
  }

private:
  LayoutAttr replicated(Value value) {
    return LayoutAttr::getReplicated(
        mesh, cast<RankedTensorType>(value.getType()).getRank());
  }

  /// The layout of a tensor whose dimensions `axes` says.
  LayoutAttr sharded(ArrayRef<Attribute> axes) {
    ArrayAttr none = builder.getArrayAttr({});
    return LayoutAttr::get(mesh.getContext(), mesh, builder.getArrayAttr(axes),
                           none, none, none);
  }

  LogicalResult setArguments() {
    for (BlockArgument argument : func.getArguments()) {
      auto type = dyn_cast<RankedTensorType>(argument.getType());
      if (!type)
        return func.emitError("argument #")
               << argument.getArgNumber() << " is not a tensor";
      unsigned index = argument.getArgNumber();
      bool rows = func.getArgAttr(index, graph::kInputAttr) ||
                  func.getArgAttr(index, graph::kMaskAttr) ||
                  func.getArgAttr(index, graph::kRowAttr);
      LayoutAttr layout = replicated(argument);
      if (rows) {
        if (type.getRank() == 0)
          return func.emitError("argument #")
                 << index << " has no dimension for the batch";
        SmallVector<Attribute> dims(layout.getDims().getValue());
        dims[0] = dataAxis;
        layout = sharded(dims);
      }
      argument.setType(dist::withLayout(type, layout));
    }
    return success();
  }

  LogicalResult visit(Operation *op) {
    if (auto scan = dyn_cast<graph::ScanOp>(op))
      return visitScan(scan);
    auto sharding = dyn_cast<ShardingOpInterface>(op);
    if (!sharding)
      return op->emitOpError("has no sharding rule");
    ShardingRule rule = sharding.getShardingRule();
    shardOperands(op, rule);
    if (inLoop)
      shareOperands(op, rule);
    bool isAfter = llvm::any_of(op->getOperands(), [&](Value operand) {
      return afterBatch.contains(operand);
    });
    if (failed(setResults(op, rule, {})))
      return failure();
    if (isAfter)
      afterBatch.insert_range(op->getResults());
    return success();
  }

  /// Sets the types of the results, and makes partial ones whole.
  LogicalResult setResults(Operation *op, const ShardingRule &rule,
                           ArrayRef<LayoutAttr> hints) {
    SmallVector<LayoutAttr> operands, noHints(op->getNumResults());
    for (Value operand : op->getOperands())
      operands.push_back(LayoutAttr::of(operand));
    dist::LayoutConflict conflict;
    auto layouts = dist::inferResultLayouts(
        rule, mesh, operands, hints.empty() ? ArrayRef(noHints) : hints,
        conflict);
    if (!layouts) {
      InFlightDiagnostic diag =
          emitError(op->getLoc(),
                    "cannot be computed from parts of the batch: ")
          << conflict.message;
      if (conflict.operand >= 0)
        diag.attachNote(op->getOperand(conflict.operand).getLoc())
            << conflict.note;
      return diag;
    }
    SmallVector<Type> types;
    for (auto [result, layout] : llvm::zip_equal(op->getResults(), *layouts))
      types.push_back(
          dist::withLayout(cast<RankedTensorType>(result.getType()), layout));
    if (failed(cast<ShardingOpInterface>(op).retypeResults(types)))
      return op->emitOpError("cannot have the layout ") << layouts->front();
    for (OpResult result : op->getResults())
      makeWhole(result);
    return success();
  }

  //===--------------------------------------------------------------------===//
  // Loops
  //===--------------------------------------------------------------------===//

  LogicalResult visitScan(graph::ScanOp scan) {
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

  LogicalResult visitBody(graph::ScanOp scan) {
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
    for (Operation &op : llvm::make_early_inc_range(
             scan.getBody().front().without_terminator()))
      if (succeeded(visited))
        visited = visit(&op);
    inLoop = wasInLoop;
    parts = std::move(outer);
    return visited;
  }

  /// Visits the body of `trial`, a copy of `scan`, and makes operands of `scan`
  /// again with the layouts that are asked for there, and inits with those of
  /// their next values. What does not fit is reported by the visit after it.
  bool adaptOperands(graph::ScanOp scan, graph::ScanOp trial) {
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
      Value made = layout.isPartial() ? makePartial(operand)
                                      : makeParts(operand, layout);
      if (!made)
        continue;
      scan->setOperand(index, made);
      changed = true;
    }
    return changed;
  }

  //===--------------------------------------------------------------------===//
  // Whole values in sums of a loop
  //===--------------------------------------------------------------------===//

  LayoutAttr partialLayout(Value value) {
    LayoutAttr whole = replicated(value);
    ArrayAttr none = builder.getArrayAttr({});
    return LayoutAttr::get(mesh.getContext(), mesh, whole.getDims(), dataAxis,
                           none, none);
  }

  /// What is added to partial sums, partial as well.
  void shareOperands(Operation *op, const ShardingRule &rule) {
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
  Value makePartial(Value value) {
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
  Value shareIn(Block *block, Type element) {
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
  void sumOperands(graph::ScanOp scan) {
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
  Value sumAgain(Value value) {
    Operation *op = value.getDefiningOp();
    LayoutAttr layout = partialLayout(value);
    if (auto reshard = dyn_cast_if_present<dist::ReshardOp>(op))
      return LayoutAttr::of(reshard.getOperand()) == layout
                 ? reshard.getOperand()
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
  LogicalResult adaptYields(graph::ScanOp scan) {
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
            emitError(next.getLoc(),
                      "a loop begins with a value of the layout ")
            << wanted << " and goes on with one of " << LayoutAttr::of(next);
        diag.attachNote(scan.getInits()[k].getLoc()) << "it begins with this";
        return diag;
      }
      yield.getValuesMutable()[k].set(made);
    }
    return success();
  }

  void makeWhole(OpResult value) {
    LayoutAttr layout = LayoutAttr::of(value);
    if (!layout.isPartial() || inLoop)
      return;
    builder.setInsertionPointAfter(value.getOwner());
    Type whole = dist::withLayout(cast<RankedTensorType>(value.getType()),
                                  sharded(layout.getDims().getValue()));
    auto reshard =
        dist::ReshardOp::create(builder, value.getLoc(), whole, value);
    value.replaceAllUsesExcept(reshard.getResult(), reshard);
    afterBatch.insert(reshard);
  }

  /// Where some operands have a factor sharded, makes the others so too, if
  /// they can be made again in parts.
  void shardOperands(Operation *op, const ShardingRule &rule) {
    SmallVector<ArrayAttr> axes(rule.kinds.size());
    for (auto [operand, factors] :
         llvm::zip_equal(op->getOperands(), rule.operandFactors))
      for (auto [dim, factor] : llvm::enumerate(factors))
        if (ArrayAttr dimAxes = LayoutAttr::of(operand).getAxes(dim);
            factor != ShardingRule::kNoFactor && !dimAxes.empty())
          axes[factor] = dimAxes;
    for (auto [index, factors] : llvm::enumerate(rule.operandFactors)) {
      LayoutAttr wanted = wantedLayout(factors, axes);
      Value operand = op->getOperand(index);
      if (LayoutAttr::of(operand) != wanted)
        if (Value made = makeParts(operand, wanted))
          op->setOperand(index, made);
    }
  }

  LayoutAttr wantedLayout(ArrayRef<int64_t> factors, ArrayRef<ArrayAttr> axes) {
    SmallVector<Attribute> dims;
    for (int64_t factor : factors)
      dims.push_back(factor != ShardingRule::kNoFactor && axes[factor]
                         ? axes[factor]
                         : builder.getArrayAttr({}));
    return sharded(dims);
  }

  /// The replicated `value` again with the layout `wanted`, made in parts from
  /// the start; null where it depends on something that is whole.
  Value makeParts(Value value, LayoutAttr wanted) {
    if (auto argument = dyn_cast<BlockArgument>(value);
        argument && isa<graph::ScanOp>(argument.getOwner()->getParentOp()))
      wishes[argument] = wanted;
    if (auto found = parts.find({value, wanted}); found != parts.end())
      return found->second;
    if (value.getDefiningOp<graph::ScanOp>())
      return parts[{value, wanted}] =
                 makeScanParts(cast<OpResult>(value), wanted);
    auto sharding =
        dyn_cast_if_present<ShardingOpInterface>(value.getDefiningOp());
    if (!sharding || sharding->getNumResults() != 1 ||
        !LayoutAttr::of(value).isReplicated())
      return {};
    ShardingRule rule = sharding.getShardingRule();
    SmallVector<ArrayAttr> axes(rule.kinds.size());
    for (auto [dim, factor] : llvm::enumerate(rule.resultFactors[0])) {
      if (wanted.getAxes(dim).empty())
        continue;
      if (factor == ShardingRule::kNoFactor ||
          rule.kinds[factor] != graph::FactorKind::parallel)
        return {};
      axes[factor] = wanted.getAxes(dim);
    }
    SmallVector<Value> operands(sharding->getOperands());
    for (auto [operand, factors] :
         llvm::zip_equal(operands, rule.operandFactors)) {
      LayoutAttr layout = wantedLayout(factors, axes);
      if (LayoutAttr::of(operand) != layout)
        operand = makeParts(operand, layout);
      if (!operand)
        return {};
    }
    builder.setInsertionPointAfter(sharding);
    Operation *copy = builder.clone(*sharding);
    copy->setOperands(operands);
    if (failed(setResults(copy, rule, wanted))) {
      copy->erase();
      return {};
    }
    return parts[{value, wanted}] = copy->getResult(0);
  }

  /// The loop again, beginning with parts.
  Value makeScanParts(OpResult value, LayoutAttr wanted) {
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

  /// Wholes that only their parts were needed of.
  void eraseUnused() {
    func.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
      if (isOpTriviallyDead(op))
        op->erase();
    });
  }

  LogicalResult setFunctionType() {
    auto returnOp =
        cast<func::ReturnOp>(func.getBody().front().getTerminator());
    for (OpOperand &operand : returnOp->getOpOperands()) {
      LayoutAttr layout = LayoutAttr::of(operand.get());
      unsigned index = operand.getOperandNumber();
      if (layout.isReplicated() ||
          func.getResultAttr(index, graph::kOutputAttr))
        continue;
      InFlightDiagnostic diag =
          emitError(operand.get().getLoc(), "result #")
          << index << " of @" << func.getName()
          << " has a value for every row of the batch, but only an output may";
      diag.attachNote(returnOp.getLoc()) << "returned here";
      return diag;
    }
    func.setType(FunctionType::get(func.getContext(),
                                   func.getBody().getArgumentTypes(),
                                   returnOp.getOperandTypes()));
    return success();
  }

  func::FuncOp func;
  FlatSymbolRefAttr mesh;
  OpBuilder builder;
  ArrayAttr dataAxis;
  bool inLoop = false; ///< the ops in hand are in a graph.scan
  /// Arguments of loops' bodies that are whole and should be in parts.
  llvm::MapVector<BlockArgument, LayoutAttr> wishes;
  llvm::DenseMap<std::pair<Value, Attribute>, Value> parts;
  /// Whole values that a sum over the batch is in.
  llvm::DenseSet<Value> afterBatch;
  /// One as a sum over the rows, by element type.
  llvm::DenseMap<Type, Value> shares;
};

struct PropagateLayouts : impl::PropagateLayoutsBase<PropagateLayouts> {
  using PropagateLayoutsBase::PropagateLayoutsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto mesh = module.lookupSymbol<dist::MeshOp>(dist::DistDialect::kMeshName);
    if (!mesh || !mesh.getAxisSize(dist::DistDialect::kDataAxis)) {
      module.emitError("needs a dist.mesh @mesh with the axis \"data\"; run "
                       "dist-create-mesh before");
      return signalPassFailure();
    }
    auto symbol = FlatSymbolRefAttr::get(mesh.getSymNameAttr());
    for (auto func : module.getOps<func::FuncOp>())
      if (!func.isExternal() && failed(Propagation(func, symbol).run()))
        return signalPassFailure();
  }
};

} // namespace
} // namespace mlc
