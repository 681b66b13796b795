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
// The formulas, their order and the defaults are PyTorch's (SGD, Adam, AdamW,
// clip_grad_norm_). Scalars that depend on the step (learning rate, bias
// corrections) are computed in f64 and cast where they meet a tensor, as
// PyTorch computes them in Python.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/OpFactory.h"
#include "ir/graph/Program.h"
#include "passes/Passes.h"
#include "passes/analysis/OptimizerConfig.h"

using namespace mlir;

namespace mlc {

#define GEN_PASS_DEF_GRAPHINSERTOPTIMIZER
#include "passes/Passes.h.inc"

namespace {

using graph::OpFactory;

constexpr double kPi = 3.14159265358979323846;

/// Scalars in f64 that depend on the step.
struct ScalarMath {
  OpFactory ops;
  Value step; // f64 scalar: steps done before this one

  RankedTensorType type() const {
    return RankedTensorType::get({}, ops.builder.getF64Type());
  }
  Value constant(double value) { return ops.splat(type(), value); }
  Value times(Value a, double b) { return ops.mul(a, constant(b)); }
  Value plus(Value a, double b) { return ops.add(a, constant(b)); }
  /// A quotient, not a product with 1 / b: 49 * (1 / 49.0) is below 1.
  Value over(Value a, double b) { return ops.div(a, constant(b)); }
  /// step - shift, over `length`, at most 1.
  Value progress(double shift, double length) {
    Value done = over(plus(step, -shift), std::max(length, 1.0));
    return graph::MinimumOp::create(ops.builder, ops.loc, done, constant(1.0));
  }
  Value learningRate(const LearningRate &schedule);
};

// With w warm-up steps the rate climbs as (step + 1) / w to `peak`; then it
// follows the schedule over the `total - w` steps that are left.
Value ScalarMath::learningRate(const LearningRate &schedule) {
  double left = static_cast<double>(schedule.total - schedule.warmup);
  double span = schedule.peak - schedule.floor;
  Value rate;
  switch (schedule.kind) {
  case LearningRate::Kind::constant:
    rate = constant(schedule.peak);
    break;
  case LearningRate::Kind::step: {
    Value drops = graph::FloorOp::create(
        ops.builder, ops.loc,
        over(plus(step, -static_cast<double>(schedule.warmup)),
             static_cast<double>(schedule.every)));
    rate = times(graph::PowOp::create(ops.builder, ops.loc,
                                      constant(schedule.gamma), drops),
                 schedule.peak);
    break;
  }
  case LearningRate::Kind::linear:
    rate =
        plus(times(progress(static_cast<double>(schedule.warmup), left), -span),
             schedule.peak);
    break;
  case LearningRate::Kind::cosine: {
    Value angle =
        times(progress(static_cast<double>(schedule.warmup), left), kPi);
    Value wave = graph::CosOp::create(ops.builder, ops.loc, angle);
    rate = plus(times(plus(wave, 1.0), 0.5 * span), schedule.floor);
    break;
  }
  }
  if (schedule.warmup == 0)
    return rate;
  double warmup = static_cast<double>(schedule.warmup);
  Value climb = times(plus(step, 1.0), schedule.peak / warmup);
  Value warm = ops.compare(graph::ComparePredicate::lt, step, constant(warmup));
  return ops.select(warm, climb, rate);
}

/// Builds the update of one parameter.
class Update {
public:
  Update(func::FuncOp function, OpFactory ops, ScalarMath scalars,
         BlockArgument parameter, StringRef path, const OptimizerConfig &config,
         Value learningRate)
      : function(function), ops(ops), scalars(scalars), parameter(parameter),
        path(path), config(config), learningRate(learningRate),
        type(cast<RankedTensorType>(parameter.getType())) {}

  /// Returns the parameter's new value.
  Value build(Value gradient) {
    switch (config.kind) {
    case OptimizerConfig::Kind::sgd:
      return sgd(gradient);
    case OptimizerConfig::Kind::adam:
    case OptimizerConfig::Kind::adamw:
      return adam(gradient);
    }
    llvm_unreachable("every optimizer is above");
  }

private:
  Value scaled(Value tensor, double factor) {
    return ops.mul(tensor, ops.splat(type, factor));
  }
  /// A scalar, cast to the parameter's type and broadcast to its shape.
  Value spread(Value scalar) {
    auto element = RankedTensorType::get({}, type.getElementType());
    return ops.broadcast(ops.castTo(scalar, element), type.getShape(), {});
  }
  BlockArgument state(StringRef name);
  void setState(StringRef name, Value value) {
    graph::appendResult(function, value, graph::kUpdateAttr, stateSymbol(name));
  }
  FlatSymbolRefAttr stateSymbol(StringRef name) {
    return FlatSymbolRefAttr::get(
        function.getContext(), (path + "#" + config.name() + "." + name).str());
  }
  Value sgd(Value gradient);
  Value adam(Value gradient);

  func::FuncOp function;
  OpFactory ops;
  ScalarMath scalars;
  BlockArgument parameter;
  StringRef path;
  const OptimizerConfig &config;
  Value learningRate;
  RankedTensorType type;
};

BlockArgument Update::state(StringRef name) {
  FlatSymbolRefAttr symbol = stateSymbol(name);
  auto module = function->getParentOfType<ModuleOp>();
  // After the parameter and the state that it has already.
  Operation *last = module.lookupSymbol(path);
  auto isState = [](Operation *op) {
    auto next = dyn_cast_or_null<graph::ParameterOp>(op);
    return next && next.getRole() == graph::ParameterRole::optimizer;
  };
  while (isState(last->getNextNode()))
    last = last->getNextNode();
  OpBuilder builder(module.getContext());
  builder.setInsertionPointAfter(last);
  graph::ParameterOp::create(
      builder, parameter.getLoc(), symbol.getValue(), type,
      graph::InitAttr::get(builder.getContext(), graph::InitKind::zeros),
      graph::ParameterRole::optimizer);
  return graph::appendArgument(function, type, graph::kParamAttr, symbol,
                               parameter.getLoc());
}

Value Update::sgd(Value gradient) {
  if (config.weightDecay != 0.0)
    gradient = ops.add(gradient, scaled(parameter, config.weightDecay));
  if (config.momentum != 0.0) {
    Value kept = scaled(state("momentum"), config.momentum);
    Value moment = ops.add(kept, scaled(gradient, 1.0 - config.dampening));
    if (config.dampening != 0.0) { // the first step is not dampened
      Value first = ops.compare(graph::ComparePredicate::eq, scalars.step,
                                scalars.constant(0.0));
      Value everywhere = ops.broadcast(first, type.getShape(), {});
      moment = ops.select(everywhere, gradient, moment);
    }
    setState("momentum", moment);
    gradient = config.nesterov
                   ? ops.add(gradient, scaled(moment, config.momentum))
                   : moment;
  }
  return ops.sub(parameter, ops.mul(spread(learningRate), gradient));
}

Value Update::adam(Value gradient) {
  Value decayed = parameter;
  if (config.weightDecay != 0.0) {
    if (config.kind == OptimizerConfig::Kind::adamw) {
      Value factor = ops.sub(scalars.constant(1.0),
                             scalars.times(learningRate, config.weightDecay));
      decayed = ops.mul(parameter, spread(factor));
    } else {
      gradient = ops.add(gradient, scaled(parameter, config.weightDecay));
    }
  }
  Value first = ops.add(scaled(state("m"), config.beta1),
                        scaled(gradient, 1.0 - config.beta1));
  Value second =
      ops.add(scaled(state("v"), config.beta2),
              scaled(ops.mul(gradient, gradient), 1.0 - config.beta2));
  setState("m", first);
  setState("v", second);

  Value steps = scalars.plus(scalars.step, 1.0);
  auto correction = [&](double beta) {
    Value power = graph::PowOp::create(ops.builder, ops.loc,
                                       scalars.constant(beta), steps);
    return ops.sub(scalars.constant(1.0), power);
  };
  Value rate = ops.div(learningRate, correction(config.beta1));
  // Its inverse, so that a division per step and not per element is left.
  Value inverseCorrection = ops.div(
      scalars.constant(1.0),
      graph::SqrtOp::create(ops.builder, ops.loc, correction(config.beta2)));
  Value root = graph::SqrtOp::create(ops.builder, ops.loc, second);
  Value denominator = ops.add(ops.mul(root, spread(inverseCorrection)),
                              ops.splat(type, config.epsilon));
  return ops.sub(decayed, ops.mul(spread(rate), ops.div(first, denominator)));
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
  for (auto [gradient, symbol] : llvm::zip_equal(gradients, symbols)) {
    StringRef path = symbol.getValue();
    BlockArgument parameter = parameterArgument(function, symbol);
    FailureOr<OptimizerConfig> config = optimizerFor(module, path);
    if (failed(config))
      return signalPassFailure();
    OpFactory own{builder, parameter.getLoc()};
    ScalarMath scalars{own, step};
    Value rate = scalars.learningRate(config->learningRate);
    Update update(function, own, scalars, parameter, path, *config, rate);
    graph::appendResult(function, update.build(gradient), graph::kUpdateAttr,
                        symbol);
  }
}

} // namespace
} // namespace mlc
