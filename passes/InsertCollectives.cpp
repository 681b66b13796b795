//===- InsertCollectives.cpp - Turn layout changes into collectives -------===//
//
//   %a1 = dist.reshard %a : #partial to #whole
//   %b1 = dist.reshard %b : #partial to #whole
//   %s = graph.add %a1, %b1
// becomes
//   %s0 = graph.add %a, %b : #partial
//   %s = dist.all_reduce sum %s0 over ["data"]
//
// A reshard moves behind linear ops only where the bytes become fewer: two
// gradients of one parameter are added before they are reduced, a gradient that
// is only scaled is reduced as it is. A reshard with another use stays, so no
// value is reduced twice. Division stays behind the all-reduce: a mean is a sum
// that is divided once.
//
//===----------------------------------------------------------------------===//

#include "ir/dist/LayoutRules.h"
#include "ir/graph/GraphDialect.h"
#include "ir/graph/GraphTypes.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SetVector.h"

namespace mlc {

#define GEN_PASS_DEF_INSERTCOLLECTIVES
#include "passes/Passes.h.inc"

namespace {

using namespace mlir;
using dist::LayoutAttr;
using dist::ReductionKind;
using dist::ReshardOp;
using graph::PartialRule;
using graph::ShardingOpInterface;
using graph::ShardingRule;

/// The reshards that a linear op's operands come from.
class PartialSources {
public:
  /// Can `op` run on the partial sums instead of on the whole values.
  bool collect(ShardingOpInterface op) {
    ShardingRule rule = op.getShardingRule();
    if (rule.partial == PartialRule::bilinear)
      return collectOne(op);
    if (rule.partial != PartialRule::linear)
      return false;
    for (auto [index, operand] : llvm::enumerate(op->getOperands()))
      if (!llvm::is_contained(rule.replicatedOperands, index) &&
          !collect(operand))
        return false;
    ops.push_back(op);
    return true;
  }

  ArrayRef<ReshardOp> getReshards() const { return reshards; }
  /// Ops to be typed again, operands before users.
  ArrayRef<ShardingOpInterface> getOps() const { return ops; }

private:
  bool collect(Value value) {
    if (!value.hasOneUse())
      return false;
    if (auto reshard = value.getDefiningOp<ReshardOp>()) {
      LayoutAttr from = LayoutAttr::of(reshard.getInput());
      if (from.isSharded() || !from.getPartialMax().empty() ||
          !from.getPartialMin().empty())
        return false;
      if (!reshards.empty() &&
          LayoutAttr::of(reshards.front().getInput()).getPartialSum() !=
              from.getPartialSum())
        return false;
      reshards.push_back(reshard);
      return true;
    }
    auto op = dyn_cast_if_present<ShardingOpInterface>(value.getDefiningOp());
    // What moves on must not grow on the way.
    return op && op->getNumResults() == 1 && collect(op) &&
           graph::sizeBytes(value.getType()) <= largestOperand(op);
  }

  /// A product: one operand is partial, the others stay as they are.
  bool collectOne(ShardingOpInterface op) {
    PartialSources found;
    for (Value operand : op->getOperands()) {
      PartialSources candidate;
      if (!candidate.collect(operand))
        continue;
      if (!found.reshards.empty())
        return false;
      found = candidate;
    }
    if (found.reshards.empty())
      return false;
    llvm::append_range(reshards, found.reshards);
    llvm::append_range(ops, found.ops);
    ops.push_back(op);
    return true;
  }

  static int64_t largestOperand(Operation *op) {
    int64_t bytes = 0;
    for (Type type : op->getOperandTypes())
      bytes = std::max(bytes, graph::sizeBytes(type));
    return bytes;
  }

  SmallVector<ReshardOp> reshards;
  SmallVector<ShardingOpInterface> ops;
};

/// Types `op` again after its operands changed.
void retype(ShardingOpInterface op) {
  SmallVector<LayoutAttr> operands, hints;
  for (Value operand : op->getOperands())
    operands.push_back(LayoutAttr::of(operand));
  for (Value result : op->getResults())
    hints.push_back(LayoutAttr::of(result));
  dist::LayoutConflict conflict;
  auto layouts =
      dist::inferResultLayouts(op.getShardingRule(), operands.front().getMesh(),
                               operands, hints, conflict);
  assert(layouts && "collected ops are linear");
  SmallVector<Type> types;
  for (auto [result, layout] : llvm::zip_equal(op->getResults(), *layouts))
    types.push_back(
        dist::withLayout(cast<RankedTensorType>(result.getType()), layout));
  LogicalResult typed = op.retypeResults(types);
  assert(succeeded(typed) && "an op with operands has every layout");
  (void)typed;
}

/// Moves the reshards behind `op` where that saves bytes.
void moveBehind(ShardingOpInterface op, OpBuilder &builder) {
  PartialSources sources;
  if (op->getNumResults() != 1 || op->getNumOperands() == 0 ||
      !sources.collect(op) || sources.getReshards().empty())
    return;
  int64_t bytes = 0;
  for (ReshardOp reshard : sources.getReshards())
    bytes += graph::sizeBytes(reshard.getInput().getType());
  Value result = op->getResult(0);
  if (graph::sizeBytes(result.getType()) >= bytes)
    return;
  Type whole = result.getType();
  for (ReshardOp reshard : sources.getReshards()) {
    reshard.getResult().replaceAllUsesWith(reshard.getInput());
    reshard.erase();
  }
  for (ShardingOpInterface moved : sources.getOps())
    retype(moved);
  builder.setInsertionPointAfter(op);
  auto reshard = ReshardOp::create(builder, op->getLoc(), whole, result);
  result.replaceAllUsesExcept(reshard.getResult(), reshard);
}

/// Turns one reshard into collectives.
LogicalResult lower(ReshardOp reshard, OpBuilder &builder) {
  LayoutAttr from = LayoutAttr::of(reshard.getInput());
  LayoutAttr to = LayoutAttr::of(reshard.getResult());
  if (from.getDims() != to.getDims())
    return reshard.emitOpError("moves parts between devices, which is not "
                               "supported yet");
  builder.setInsertionPoint(reshard);
  Value value = reshard.getInput();
  for (ReductionKind kind :
       {ReductionKind::sum, ReductionKind::max, ReductionKind::min}) {
    SmallVector<Attribute> axes;
    for (Attribute axis : from.getPartial(kind))
      if (!llvm::is_contained(to.getPartial(kind), axis))
        axes.push_back(axis);
    if (!axes.empty())
      value = dist::AllReduceOp::create(builder, reshard.getLoc(), kind, value,
                                        builder.getArrayAttr(axes))
                  .getResult(0);
  }
  reshard.getResult().replaceAllUsesWith(value);
  reshard.erase();
  return success();
}

/// What result `index` of a function is called in reports.
StringRef nameOfResult(func::FuncOp func, unsigned index) {
  if (auto update = func.getResultAttrOfType<FlatSymbolRefAttr>(
          index, graph::kUpdateAttr))
    return update.getValue().split('#').first; // w#adam.m belongs to w
  if (auto metric =
          func.getResultAttrOfType<StringAttr>(index, graph::kMetricAttr))
    return metric.getValue();
  return func.getResultAttr(index, graph::kLossAttr) ? "loss" : "";
}

/// Labels a sum with the function result that is the fewest ops away: a
/// gradient reaches its own parameter's update before, through the norm of all
/// gradients, those of others.
void setLabel(func::FuncOp func, dist::AllReduceOp op) {
  llvm::SetVector<Operation *> reached;
  reached.insert(op);
  for (unsigned next = 0; next < reached.size(); ++next)
    for (OpOperand &use : reached[next]->getUses()) {
      if (!isa<func::ReturnOp>(use.getOwner())) {
        reached.insert(use.getOwner());
        continue;
      }
      StringRef name = nameOfResult(func, use.getOperandNumber());
      if (!name.empty())
        return op.setLabel(name);
    }
}

struct InsertCollectives : impl::InsertCollectivesBase<InsertCollectives> {
  using InsertCollectivesBase::InsertCollectivesBase;

  void runOnOperation() override {
    for (auto func : getOperation().getOps<func::FuncOp>()) {
      if (func.isExternal())
        continue;
      OpBuilder builder(func.getContext());
      mergeEqual(func);
      for (Operation &op : llvm::make_early_inc_range(func.getBody().front()))
        if (auto sharding = dyn_cast<ShardingOpInterface>(op))
          moveBehind(sharding, builder);
      SmallVector<ReshardOp> reshards(func.getOps<ReshardOp>());
      for (ReshardOp reshard : reshards)
        if (failed(lower(reshard, builder)))
          return signalPassFailure();
      for (auto op : func.getOps<dist::AllReduceOp>())
        if (!op.getLabel())
          setLabel(func, op);
    }
  }

  /// A value is reduced once, however many reshards ask for it.
  static void mergeEqual(func::FuncOp func) {
    llvm::DenseMap<std::pair<Value, Type>, ReshardOp> first;
    for (ReshardOp op : llvm::make_early_inc_range(func.getOps<ReshardOp>())) {
      auto [found, isNew] =
          first.try_emplace({op.getInput(), op.getType()}, op);
      if (isNew)
        continue;
      op.replaceAllUsesWith(found->second.getResult());
      op.erase();
    }
  }
};

} // namespace
} // namespace mlc
