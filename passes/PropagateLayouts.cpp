//===- PropagateLayouts.cpp - Give every tensor a layout ------------------===//
//
// Shards dimension 0 of every `graph.input` and of the mask over the axis
// `data`, replicates the other arguments, and walks forward through the
// sharding rules:
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
// other micro-batches are not there.
//
// After Xu et al., "GSPMD", 2021, and openxla/shardy; there is one axis, so
// that no conflict is to be resolved.
//
//===----------------------------------------------------------------------===//

#include "ir/dist/LayoutRules.h"
#include "ir/graph/GraphLoopOps.h"
#include "ir/graph/GraphOps.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
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
                  func.getArgAttr(index, graph::kMaskAttr);
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
    return setResults(op, rule, {});
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
      Value made = layout.isPartial() ? makePartialZero(operand, layout)
                                      : makeParts(operand, layout);
      if (!made)
        continue;
      scan->setOperand(index, made);
      changed = true;
    }
    return changed;
  }

  /// A zero is a sum of zeros.
  Value makePartialZero(Value init, LayoutAttr layout) {
    auto constant = init.getDefiningOp<graph::ConstantOp>();
    auto elements = constant
                        ? dyn_cast<DenseFPElementsAttr>(constant.getValue())
                        : DenseFPElementsAttr();
    if (!elements || !elements.isSplat() ||
        !elements.getSplatValue<APFloat>().isZero())
      return {};
    auto copy = cast<graph::ConstantOp>(builder.clone(*constant));
    RankedTensorType type =
        dist::withLayout(cast<RankedTensorType>(init.getType()), layout);
    if (succeeded(copy.retypeResults(type)))
      return copy;
    copy.erase();
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
      Value made = wanted.isPartial() ? Value() : makeParts(next, wanted);
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

  /// Wholes that only their parts were needed of.
  void eraseUnused() {
    for (Operation &op :
         llvm::make_early_inc_range(llvm::reverse(func.getBody().front())))
      if (isOpTriviallyDead(&op))
        op.erase();
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
