//===- InsertOptimizer.cpp - Turn gradients into updates ------------------===//
//
// Replaces the gradients that a training program returns by the parameters'
// new values, and adds the optimizer's state as parameters of its own.
//
//   return %loss, %dw    {graph.loss}, {graph.gradient = @w}
// becomes
//   return %loss, %w1, %m1    {graph.loss}, {graph.update = @w},
//                             {graph.update = @"w#adam.m"}
//
// The formulas are those of ir/graph/Optimizers.cpp and Schedules.cpp. Scalars
// that depend on the step (learning rate, bias corrections) are computed in f64
// and cast where they meet a tensor, as PyTorch computes them in Python.
//
// With `ema` in mlc.train each parameter that is updated has a running average,
// @"w#ema", which @eval and @infer read in its place.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/OpFactory.h"
#include "ir/graph/Program.h"
#include "passes/LossScale.h"
#include "passes/Passes.h"
#include "passes/analysis/OptimizerConfig.h"

#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace mlc {

#define GEN_PASS_DEF_GRAPHINSERTOPTIMIZER
#include "passes/Passes.h.inc"

namespace {

using graph::OpFactory;

/// Declares the state `symbol` of a parameter, behind those that it has
/// already, and gives the program an argument for it.
std::pair<graph::ParameterOp, Value> addState(func::FuncOp function,
                                              Value parameter, StringRef path,
                                              FlatSymbolRefAttr symbol,
                                              double initial) {
  auto module = function->getParentOfType<ModuleOp>();
  Operation *owner = module.lookupSymbol(path), *last = owner;
  auto isState = [](Operation *op) {
    auto next = dyn_cast_or_null<graph::ParameterOp>(op);
    return next && next.getRole() == graph::ParameterRole::optimizer;
  };
  while (isState(last->getNextNode()))
    last = last->getNextNode();
  OpBuilder builder(module.getContext());
  builder.setInsertionPointAfter(last);
  MLIRContext *context = builder.getContext();
  auto init =
      initial == 0.0
          ? graph::InitAttr::get(context, graph::InitKind::zeros)
          : graph::InitAttr::get(context, graph::InitKind::constant, initial);
  auto declaration =
      graph::ParameterOp::create(builder, parameter.getLoc(), symbol.getValue(),
                                 cast<RankedTensorType>(parameter.getType()),
                                 init, graph::ParameterRole::optimizer);
  if (Attribute first = owner->getAttr(graph::kFirstAttr))
    declaration->setAttr(graph::kFirstAttr, first);
  Value argument =
      graph::appendArgument(function, parameter.getType(), graph::kParamAttr,
                            symbol, parameter.getLoc());
  return {declaration, argument};
}

/// The update of one parameter, whose states are parameters of their own.
class Update final : public graph::OptimizerUpdate {
public:
  Update(func::FuncOp function, graph::StepMath math, BlockArgument parameter,
         StringRef path, const OptimizerConfig &config, Value learningRate,
         ScaledStep *scaledStep)
      : OptimizerUpdate(math, parameter, learningRate, config.values,
                        graph::iterationDims(path)),
        function(function), path(path), kind(*config.kind),
        scaledStep(scaledStep),
        prefix((path + "#" + config.kind->name + ".").str()) {}

  /// The parameter's new value.
  Value build(Value gradient) {
    Value next = kind.update(*this, gradient);
    return scaledStep ? scaledStep->unlessSkipped(next, parameter) : next;
  }

  Value state(StringRef name, double initial) override {
    Value &known = states[name];
    if (!known)
      known =
          addState(function, parameter, path, symbolOf(prefix + name), initial)
              .second;
    return known;
  }
  void setState(StringRef name, Value value) override {
    if (scaledStep)
      value = scaledStep->unlessSkipped(value, states.lookup(name));
    graph::appendResult(function, value, graph::kUpdateAttr,
                        symbolOf(prefix + name));
  }
  /// `step`: f64 scalar, the steps before this one, with those skipped.
  FlatSymbolRefAttr keepAverage(Value next, double decay, Value step);

private:
  FlatSymbolRefAttr symbolOf(const Twine &name) {
    return FlatSymbolRefAttr::get(function.getContext(), name.str());
  }

  func::FuncOp function;
  StringRef path;
  const graph::OptimizerKind &kind;
  ScaledStep *scaledStep; ///< null: the step is never skipped
  std::string prefix;
  llvm::StringMap<Value> states; ///< made so far
};

/// torch.optim.swa_utils.AveragedModel with get_ema_avg_fn: the first step's
/// value is the average as it is.
FlatSymbolRefAttr Update::keepAverage(Value next, double decay, Value step) {
  FlatSymbolRefAttr symbol = symbolOf(path + "#ema");
  auto [declaration, before] =
      addState(function, parameter, path, symbol, /*initial=*/0.0);
  declaration->setAttr(graph::kAverageOfAttr, symbolOf(path));
  Value average = ops.add(scaled(before, decay), scaled(next, 1.0 - decay));
  Value first =
      ops.compare(graph::ComparePredicate::eq, step, math.constant(0.0));
  first = ops.broadcast(first, type.getShape(), {});
  graph::appendResult(function, ops.select(first, next, average),
                      graph::kUpdateAttr, symbol);
  return symbol;
}

/// Lets the programs that only read parameters read their averages.
void readAverages(ModuleOp module,
                  const llvm::StringMap<FlatSymbolRefAttr> &averages) {
  for (StringRef name : {"eval", "infer"})
    if (auto function = module.lookupSymbol<func::FuncOp>(name))
      for (unsigned i = 0; i < function.getNumArguments(); ++i)
        if (FlatSymbolRefAttr symbol = graph::parameterOf(function, i))
          if (FlatSymbolRefAttr average = averages.lookup(symbol.getValue()))
            function.setArgAttr(i, graph::kParamAttr, average);
}

/// The factor of torch.nn.utils.clip_grad_norm_: min(1, max / (norm + 1e-6)),
/// with the L2 norm over all gradients; in f64 if one of them is, else in f32.
Value clipFactor(OpFactory ops, ArrayRef<Value> gradients, double maxNorm) {
  bool wide = llvm::any_of(gradients, [](Value gradient) {
    return getElementTypeOrSelf(gradient.getType()).isF64();
  });
  Type element =
      wide ? ops.builder.getF64Type() : Type(ops.builder.getF32Type());
  Value total;
  for (Value gradient : gradients) {
    auto type = cast<RankedTensorType>(gradient.getType());
    auto all = llvm::to_vector(llvm::seq<int64_t>(0, type.getRank()));
    Value own = ops.castTo(gradient, graph::withElementType(type, element));
    Value sum = ops.reduceSum(ops.mul(own, own), all);
    total = total ? ops.add(total, sum) : sum;
  }
  Value norm = graph::SqrtOp::create(ops.builder, ops.loc, total);
  Value factor = ops.div(ops.splatLike(norm, maxNorm),
                         ops.add(norm, ops.splatLike(norm, 1e-6)));
  return graph::MinimumOp::create(ops.builder, ops.loc, factor,
                                  ops.splatLike(norm, 1.0));
}

/// The argument that holds the number of steps done, added when it is missing.
Value stepArgument(func::FuncOp function) {
  if (std::optional<unsigned> index =
          graph::findArgument(function, graph::kStepAttr))
    return function.getArgument(*index);
  OpBuilder builder(function.getContext());
  return graph::appendArgument(
      function, RankedTensorType::get({}, builder.getI64Type()),
      graph::kStepAttr, builder.getUnitAttr(), function.getLoc());
}

BlockArgument parameterArgument(func::FuncOp function,
                                FlatSymbolRefAttr symbol) {
  for (BlockArgument argument : function.getArguments())
    if (graph::parameterOf(function, argument.getArgNumber()) == symbol)
      return argument;
  llvm_unreachable("autodiff takes gradients of arguments");
}

struct GraphInsertOptimizer
    : impl::GraphInsertOptimizerBase<GraphInsertOptimizer> {
  void runOnOperation() override;
};

void GraphInsertOptimizer::runOnOperation() {
  ModuleOp module = getOperation();
  auto function = module.lookupSymbol<func::FuncOp>("train");
  if (!function)
    return;
  auto terminator =
      cast<func::ReturnOp>(function.getBody().front().getTerminator());
  SmallVector<unsigned> indices;
  SmallVector<Value> gradients;
  SmallVector<FlatSymbolRefAttr> symbols;
  for (unsigned index = 0; index < function.getNumResults(); ++index)
    if (auto symbol = function.getResultAttrOfType<FlatSymbolRefAttr>(
            index, graph::kGradientAttr)) {
      indices.push_back(index);
      gradients.push_back(terminator.getOperand(index));
      symbols.push_back(symbol);
    }
  if (gradients.empty())
    return;

  OpBuilder builder(terminator);
  // The optimizer is the model's line that asks for it.
  OpFactory ops{builder, terminator.getLoc()};
  std::optional<ScaledStep> scaledStep;
  if (scalesLoss(module))
    scaledStep.emplace(function, ops, gradients);
  double maxNorm = clipNorm(module);
  if (maxNorm > 0.0) {
    Value factor = clipFactor(ops, gradients, maxNorm);
    for (Value &gradient : gradients) {
      auto type = cast<RankedTensorType>(gradient.getType());
      auto scalar = RankedTensorType::get({}, type.getElementType());
      Value own = ops.castTo(factor, scalar);
      gradient = ops.mul(gradient, ops.broadcast(own, type.getShape(), {}));
    }
  }

  // Erase the gradients from the results first: the updates are appended.
  llvm::BitVector erased(function.getNumResults());
  for (unsigned index : indices)
    erased.set(index);
  SmallVector<Value> kept;
  for (auto [index, value] : llvm::enumerate(terminator.getOperands()))
    if (!erased.test(index))
      kept.push_back(value);
  (void)function.eraseResults(erased);
  terminator.getOperandsMutable().assign(kept);

  Value step = ops.castTo(stepArgument(function),
                          RankedTensorType::get({}, builder.getF64Type()));
  double decay = averageDecay(module);
  llvm::StringMap<FlatSymbolRefAttr> averages;
  for (auto [gradient, symbol] : llvm::zip_equal(gradients, symbols)) {
    StringRef path = symbol.getValue();
    BlockArgument parameter = parameterArgument(function, symbol);
    FailureOr<OptimizerConfig> config = optimizerFor(module, path);
    if (failed(config))
      return signalPassFailure();
    graph::StepMath math{OpFactory{builder, parameter.getLoc()}, step};
    Value rate =
        graph::learningRate(math, *config->schedule, config->scheduleValues);
    if (config->learningRateScale != 1.0)
      rate = math.times(rate, config->learningRateScale);
    if (scaledStep) // the schedule counts the steps that are skipped
      math.step = scaledStep->steps();
    Update update(function, math, parameter, path, *config, rate,
                  scaledStep ? &*scaledStep : nullptr);
    Value next = update.build(gradient);
    graph::appendResult(function, next, graph::kUpdateAttr, symbol);
    if (decay > 0.0)
      averages[path] = update.keepAverage(next, decay, step);
  }
  if (scaledStep)
    scaledStep->finish();
  readAverages(module, averages);
}

} // namespace
} // namespace mlc
