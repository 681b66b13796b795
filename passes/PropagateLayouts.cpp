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
// After Xu et al., "GSPMD", 2021, and openxla/shardy; there is one axis, so
// that no conflict is to be resolved.
//
//===----------------------------------------------------------------------===//

#include "ir/dist/LayoutRules.h"
#include "ir/graph/GraphDialect.h"
#include "passes/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/DenseMap.h"

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

  void makeWhole(OpResult value) {
    LayoutAttr layout = LayoutAttr::of(value);
    if (!layout.isPartial())
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
