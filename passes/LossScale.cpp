//===- LossScale.cpp - Dynamic loss scaling -------------------------------===//

#include "passes/LossScale.h"

#include "ir/graph/Program.h"

#include "llvm/ADT/APFloat.h"

using namespace mlir;

namespace mlc {

using graph::OpFactory;

static constexpr StringLiteral kScale = "loss#scale";
static constexpr StringLiteral kGoodSteps = "loss#good_steps";
static constexpr StringLiteral kSteps = "loss#steps";
static constexpr double kInitial = 65536.0, kGrowth = 2.0, kBackoff = 0.5;
static constexpr double kGrowthInterval = 2000.0;
static constexpr double kLargest = 0x1p127;

/// The argument that is the scalar `name`, declared when it is missing.
static Value scalar(func::FuncOp function, StringRef name, Type element,
                    double initial) {
  auto module = function->getParentOfType<ModuleOp>();
  auto symbol = FlatSymbolRefAttr::get(function.getContext(), name);
  for (BlockArgument argument : function.getArguments())
    if (graph::parameterOf(function, argument.getArgNumber()) == symbol)
      return argument;
  auto type = RankedTensorType::get({}, element);
  OpBuilder builder(module.getContext());
  Operation *last = nullptr;
  for (auto parameter : module.getOps<graph::ParameterOp>())
    last = parameter;
  builder.setInsertionPointAfter(last);
  auto init = graph::InitAttr::get(builder.getContext(),
                                   graph::InitKind::constant, initial);
  graph::ParameterOp::create(builder, function.getLoc(), name, type, init,
                             graph::ParameterRole::optimizer);
  return graph::appendArgument(function, type, graph::kParamAttr, symbol,
                               function.getLoc());
}

static Value scaleOf(func::FuncOp function) {
  return scalar(function, kScale, Builder(function.getContext()).getF32Type(),
                kInitial);
}

bool scalesLoss(ModuleOp module) {
  auto train = module->getAttrOfType<DictionaryAttr>("mlc.train");
  auto precision = train ? train.getAs<StringAttr>("precision") : StringAttr();
  return precision && precision.getValue() == "f16";
}

Value scaleOfLoss(func::FuncOp function, OpFactory ops, RankedTensorType type) {
  return ops.castTo(scaleOf(function), type);
}

/// f32 scalar: 1 if every element of `x` is finite, else 0.
static Value allFinite(OpFactory ops, Value x) {
  auto type = cast<RankedTensorType>(x.getType());
  auto element = cast<FloatType>(type.getElementType());
  double largest =
      APFloat::getLargest(element.getFloatSemantics()).convertToDouble();
  Value size = graph::AbsOp::create(ops.builder, ops.loc, x);
  Value flags =
      ops.compare(graph::ComparePredicate::le, size, ops.splatLike(x, largest));
  flags =
      ops.castTo(flags, graph::withElementType(type, ops.builder.getF32Type()));
  auto all = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
  if (all.empty())
    return flags;
  return graph::ReduceOp::create(ops.builder, ops.loc,
                                 graph::ReductionKind::min, flags, all);
}

ScaledStep::ScaledStep(func::FuncOp inFunction, OpFactory factory,
                       MutableArrayRef<Value> gradients)
    : function(inFunction), ops(factory), scale(scaleOf(inFunction)),
      goodBefore(scalar(inFunction, kGoodSteps, ops.builder.getF32Type(), 0)),
      stepsBefore(scalar(inFunction, kSteps, ops.builder.getF64Type(), 0)) {
  Value inverse = ops.div(ops.splatLike(scale, 1.0), scale);
  Value flag;
  for (Value &gradient : gradients) {
    auto type = cast<RankedTensorType>(gradient.getType());
    Value own =
        ops.castTo(inverse, RankedTensorType::get({}, type.getElementType()));
    gradient = ops.mul(gradient, ops.broadcast(own, type.getShape(), {}));
    Value finite = allFinite(ops, gradient);
    flag = flag ? graph::MinimumOp::create(ops.builder, ops.loc, flag, finite)
                : finite;
  }
  isFinite =
      ops.compare(graph::ComparePredicate::gt, flag, ops.splatLike(flag, 0.5));
}

Value ScaledStep::unlessSkipped(Value next, Value before) {
  auto type = cast<RankedTensorType>(next.getType());
  return ops.select(ops.broadcast(isFinite, type.getShape(), {}), next, before);
}

void ScaledStep::finish() {
  Value good = ops.add(goodBefore, ops.splatLike(goodBefore, 1.0));
  Value grows = ops.compare(graph::ComparePredicate::ge, good,
                            ops.splatLike(good, kGrowthInterval));
  Value grown = ops.mul(scale, ops.splatLike(scale, kGrowth));
  grown = graph::MinimumOp::create(ops.builder, ops.loc, grown,
                                   ops.splatLike(scale, kLargest));
  Value shrunk = ops.mul(scale, ops.splatLike(scale, kBackoff));
  Value zero = ops.zeroLike(good);
  auto set = [&](StringRef name, Value value) {
    graph::appendResult(function, value, graph::kUpdateAttr,
                        FlatSymbolRefAttr::get(function.getContext(), name));
  };
  set(kScale, unlessSkipped(ops.select(grows, grown, scale), shrunk));
  set(kGoodSteps, unlessSkipped(ops.select(grows, zero, good), zero));
  set(kSteps,
      unlessSkipped(ops.add(stepsBefore, ops.splatLike(stepsBefore, 1.0)),
                    stepsBefore));
}

} // namespace mlc
