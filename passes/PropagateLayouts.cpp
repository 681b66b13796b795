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
// PropagateLoopLayouts.cpp says what happens in loops.
//
// After Xu et al., "GSPMD", 2021, and openxla/shardy; there is one axis, so
// that no conflict is to be resolved.
//
//===----------------------------------------------------------------------===//

#include "passes/LayoutPropagation.h"

#include "ir/graph/OpFactory.h"
#include "ir/graph/Program.h"
#include "passes/Passes.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Iterators.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using mlc::dist::LayoutAttr;
using mlc::graph::ShardingOpInterface;
using mlc::graph::ShardingRule;

namespace mlc {

#define GEN_PASS_DEF_PROPAGATELAYOUTS
#include "passes/Passes.h.inc"

LogicalResult LayoutPropagation::run() {
  if (failed(setArguments()))
    return failure();
  for (Operation &op :
       llvm::make_early_inc_range(func.getBody().front().without_terminator()))
    if (failed(visit(&op)))
      return failure();
  eraseUnused();
  return setFunctionType();
}

LayoutAttr LayoutPropagation::replicated(Value value) {
  return LayoutAttr::getReplicated(
      mesh, cast<RankedTensorType>(value.getType()).getRank());
}

/// The layout of a tensor whose dimensions `axes` says.
LayoutAttr LayoutPropagation::sharded(ArrayRef<Attribute> axes) {
  ArrayAttr none = builder.getArrayAttr({});
  return LayoutAttr::get(mesh.getContext(), mesh, builder.getArrayAttr(axes),
                         none, none, none);
}

LogicalResult LayoutPropagation::setArguments() {
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

LogicalResult LayoutPropagation::visit(Operation *op) {
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
LogicalResult LayoutPropagation::setResults(Operation *op,
                                            const ShardingRule &rule,
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
        emitError(op->getLoc(), "cannot be computed from parts of the batch: ")
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

void LayoutPropagation::makeWhole(OpResult value) {
  LayoutAttr layout = LayoutAttr::of(value);
  if (!layout.isPartial() || inLoop)
    return;
  builder.setInsertionPointAfter(value.getOwner());
  Type whole = dist::withLayout(cast<RankedTensorType>(value.getType()),
                                sharded(layout.getDims().getValue()));
  auto reshard = dist::ReshardOp::create(builder, value.getLoc(), whole, value);
  value.replaceAllUsesExcept(reshard.getResult(), reshard);
  afterBatch.insert(reshard);
}

/// Where some operands have a factor sharded, makes the others so too, if
/// they can be made again in parts.
void LayoutPropagation::shardOperands(Operation *op, const ShardingRule &rule) {
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

LayoutAttr LayoutPropagation::wantedLayout(ArrayRef<int64_t> factors,
                                           ArrayRef<ArrayAttr> axes) {
  SmallVector<Attribute> dims;
  for (int64_t factor : factors)
    dims.push_back(factor != ShardingRule::kNoFactor && axes[factor]
                       ? axes[factor]
                       : builder.getArrayAttr({}));
  return sharded(dims);
}

/// The replicated `value` again with the layout `wanted`, made in parts from
/// the start; null where it depends on something that is whole.
Value LayoutPropagation::makeParts(Value value, LayoutAttr wanted) {
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

/// Wholes that only their parts were needed of.
void LayoutPropagation::eraseUnused() {
  func.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    if (isOpTriviallyDead(op))
      op->erase();
  });
}

LogicalResult LayoutPropagation::setFunctionType() {
  auto returnOp = cast<func::ReturnOp>(func.getBody().front().getTerminator());
  for (OpOperand &operand : returnOp->getOpOperands()) {
    LayoutAttr layout = LayoutAttr::of(operand.get());
    unsigned index = operand.getOperandNumber();
    if (layout.isReplicated() || func.getResultAttr(index, graph::kOutputAttr))
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

namespace {

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
      if (!func.isExternal() && failed(LayoutPropagation(func, symbol).run()))
        return signalPassFailure();
  }
};

} // namespace
} // namespace mlc
