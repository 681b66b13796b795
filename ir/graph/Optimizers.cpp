//===- Optimizers.cpp - From gradients to new values ----------------------===//
//
// Formulas, their order and defaults are PyTorch's (SGD, Adam, AdamW, RMSprop,
// Adagrad), for Lion those of Chen et al., "Symbolic Discovery of Optimization
// Algorithms", NeurIPS 2023, and for LAMB those of You et al., "Large Batch
// Optimization for Deep Learning", ICLR 2020, algorithm 2, with phi(z) = z, a
// trust ratio of 1 where a norm is 0, and a ratio for every tensor, without
// exceptions.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/Optimizers.h"

using namespace mlir;

namespace mlc::graph {

namespace {

using Kind = Hyperparameter::Kind;
using Update = OptimizerUpdate;

constexpr Hyperparameter rate(double standard) {
  return {"lr", Kind::rate, standard};
}
constexpr Hyperparameter number(llvm::StringLiteral name, double standard) {
  return {name, Kind::number, standard};
}
/// The share of an average that a step keeps.
constexpr Hyperparameter share(llvm::StringLiteral name, double standard) {
  return {name, Kind::number, standard, 0.0, 1.0, /*below=*/true};
}
constexpr Hyperparameter flag(llvm::StringLiteral name) {
  return {name, Kind::flag, 0.0};
}

//===----------------------------------------------------------------------===//
// SGD
//===----------------------------------------------------------------------===//

constexpr Hyperparameter kSgd[] = {rate(1e-3), number("momentum", 0),
                                   number("dampening", 0),
                                   number("weight_decay", 0), flag("nesterov")};

Value sgd(Update &u, Value gradient) {
  OpFactory &ops = u.ops;
  gradient = u.withDecay(gradient);
  if (u["momentum"] != 0.0) {
    Value kept = u.scaled(u.state("momentum", 0.0), u["momentum"]);
    Value moment = ops.add(kept, u.scaled(gradient, 1.0 - u["dampening"]));
    if (u["dampening"] != 0.0) { // the first step is not dampened
      Value first =
          ops.compare(ComparePredicate::eq, u.math.step, u.math.constant(0.0));
      Value everywhere = ops.broadcast(first, u.type.getShape(), {});
      moment = ops.select(everywhere, gradient, moment);
    }
    u.setState("momentum", moment);
    gradient = u["nesterov"] != 0.0
                   ? ops.add(gradient, u.scaled(moment, u["momentum"]))
                   : moment;
  }
  return u.descend(u.parameter, gradient);
}

/// PyTorch's rule: without momentum there is nothing to look ahead with.
StringRef sgdConflict(const HyperparameterValues &values) {
  bool fine = values["nesterov"] == 0.0 ||
              (values["momentum"] > 0.0 && values["dampening"] == 0.0);
  return fine ? ""
              : "`nesterov` needs a `momentum` above 0, and no `dampening`";
}

//===----------------------------------------------------------------------===//
// Adam and AdamW
//===----------------------------------------------------------------------===//

constexpr Hyperparameter kAdam[] = {rate(1e-3), share("beta1", 0.9),
                                    share("beta2", 0.999), number("eps", 1e-8),
                                    number("weight_decay", 0)};
constexpr Hyperparameter kAdamW[] = {rate(1e-3), share("beta1", 0.9),
                                     share("beta2", 0.999), number("eps", 1e-8),
                                     number("weight_decay", 1e-2)};

/// The two moments of Adam, as they are after this step.
std::pair<Value, Value> moments(Update &u, Value gradient) {
  return {u.average("m", u["beta1"], gradient),
          u.average("v", u["beta2"], u.ops.mul(gradient, gradient))};
}

/// sqrt(v / correction) + eps. The correction is multiplied in, so that a
/// division per step and not per element is left.
Value adamDenominator(Update &u, Value second) {
  OpFactory &ops = u.ops;
  Value inverse =
      ops.div(u.math.constant(1.0), u.sqrt(u.biasCorrection(u["beta2"])));
  return ops.add(ops.mul(u.sqrt(second), u.spread(inverse)),
                 ops.splat(u.type, u["eps"]));
}

Value adamStep(Update &u, Value from, Value gradient) {
  auto [first, second] = moments(u, gradient);
  OpFactory &ops = u.ops;
  Value rate = ops.div(u.learningRate, u.biasCorrection(u["beta1"]));
  Value denominator = adamDenominator(u, second);
  return ops.sub(from, ops.mul(u.spread(rate), ops.div(first, denominator)));
}

Value adam(Update &u, Value gradient) {
  return adamStep(u, u.parameter, u.withDecay(gradient));
}

Value adamw(Update &u, Value gradient) {
  return adamStep(u, u.decayedParameter(), gradient);
}

//===----------------------------------------------------------------------===//
// RMSprop and Adagrad
//===----------------------------------------------------------------------===//

constexpr Hyperparameter kRmsprop[] = {rate(1e-2),
                                       share("alpha", 0.99),
                                       number("eps", 1e-8),
                                       number("weight_decay", 0),
                                       number("momentum", 0),
                                       flag("centered")};

Value rmsprop(Update &u, Value gradient) {
  OpFactory &ops = u.ops;
  gradient = u.withDecay(gradient);
  Value spread = u.average("square", u["alpha"], ops.mul(gradient, gradient));
  if (u["centered"] != 0.0) {
    Value mean = u.average("mean", u["alpha"], gradient);
    spread = ops.sub(spread, ops.mul(mean, mean));
  }
  Value denominator = ops.add(u.sqrt(spread), ops.splat(u.type, u["eps"]));
  Value direction = ops.div(gradient, denominator);
  if (u["momentum"] != 0.0) {
    direction =
        ops.add(u.scaled(u.state("momentum", 0.0), u["momentum"]), direction);
    u.setState("momentum", direction);
  }
  return u.descend(u.parameter, direction);
}

constexpr Hyperparameter kAdagrad[] = {
    rate(1e-2), number("lr_decay", 0), number("weight_decay", 0),
    number("eps", 1e-10), number("initial_accumulator_value", 0)};

Value adagrad(Update &u, Value gradient) {
  OpFactory &ops = u.ops;
  gradient = u.withDecay(gradient);
  Value sum = ops.add(u.state("sum", u["initial_accumulator_value"]),
                      ops.mul(gradient, gradient));
  u.setState("sum", sum);
  Value denominator = ops.add(u.sqrt(sum), ops.splat(u.type, u["eps"]));
  if (u["lr_decay"] != 0.0)
    u.learningRate =
        ops.div(u.learningRate,
                u.math.plus(u.math.times(u.math.step, u["lr_decay"]), 1.0));
  return u.descend(u.parameter, ops.div(gradient, denominator));
}

//===----------------------------------------------------------------------===//
// LAMB and Lion
//===----------------------------------------------------------------------===//

constexpr Hyperparameter kLamb[] = {rate(1e-3), share("beta1", 0.9),
                                    share("beta2", 0.999), number("eps", 1e-6),
                                    number("weight_decay", 0)};

Value lamb(Update &u, Value gradient) {
  OpFactory &ops = u.ops;
  auto [first, second] = moments(u, gradient);
  Value inverse = ops.div(u.math.constant(1.0), u.biasCorrection(u["beta1"]));
  Value direction =
      ops.div(ops.mul(first, u.spread(inverse)), adamDenominator(u, second));
  if (u["weight_decay"] != 0.0)
    direction = ops.add(direction, u.scaled(u.parameter, u["weight_decay"]));
  Value length = u.norm(u.parameter), step = u.norm(direction);
  Value zero = ops.zeroLike(length);
  // Not a division by 0 that a selection forgets: its slope is nobody's, but
  // 1 / 0 would be seen by whoever looks for what is not finite.
  Value moves = ops.compare(ComparePredicate::gt, step, zero);
  Value ratio =
      ops.div(length, ops.select(moves, step, ops.splatLike(step, 1.0)));
  Value counts = AndOp::create(ops.builder, ops.loc, moves,
                               ops.compare(ComparePredicate::gt, length, zero));
  ratio = ops.select(counts, ratio, ops.splatLike(ratio, 1.0));
  auto wide = withElementType(cast<RankedTensorType>(ratio.getType()),
                              ops.builder.getF64Type());
  Value rate = ops.broadcast(u.learningRate, wide.getShape(), {});
  u.learningRate = ops.mul(rate, ops.castTo(ratio, wide));
  return u.descend(u.parameter, direction);
}

constexpr Hyperparameter kLion[] = {rate(1e-4), share("beta1", 0.9),
                                    share("beta2", 0.99),
                                    number("weight_decay", 0)};

Value lion(Update &u, Value gradient) {
  OpFactory &ops = u.ops;
  Value mixed = ops.add(u.scaled(u.state("m", 0.0), u["beta1"]),
                        u.scaled(gradient, 1.0 - u["beta1"]));
  Value direction = SignOp::create(ops.builder, ops.loc, mixed);
  u.average("m", u["beta2"], gradient);
  return u.descend(u.decayedParameter(), direction);
}

constexpr OptimizerKind kKinds[] = {
    {"sgd", kSgd, sgd, sgdConflict}, {"adam", kAdam, adam},
    {"adamw", kAdamW, adamw},        {"rmsprop", kRmsprop, rmsprop},
    {"adagrad", kAdagrad, adagrad},  {"lamb", kLamb, lamb},
    {"lion", kLion, lion},
};

} // namespace

//===----------------------------------------------------------------------===//
// What they have in common
//===----------------------------------------------------------------------===//

Value OptimizerUpdate::sqrt(Value x) {
  return SqrtOp::create(ops.builder, ops.loc, x);
}

Value OptimizerUpdate::spread(Value scalar) {
  auto own = cast<RankedTensorType>(scalar.getType());
  auto leading = llvm::to_vector(llvm::seq<int64_t>(0, own.getRank()));
  Type element = withElementType(own, type.getElementType());
  return ops.broadcast(ops.castTo(scalar, element), type.getShape(), leading);
}

Value OptimizerUpdate::average(StringRef name, double kept, Value added) {
  Value next =
      ops.add(scaled(state(name, 0.0), kept), scaled(added, 1.0 - kept));
  setState(name, next);
  return next;
}

Value OptimizerUpdate::biasCorrection(double beta) {
  Value power = PowOp::create(ops.builder, ops.loc, math.constant(beta),
                              math.plus(math.step, 1.0));
  return ops.sub(math.constant(1.0), power);
}

Value OptimizerUpdate::withDecay(Value gradient) {
  double decay = values["weight_decay"];
  return decay == 0.0 ? gradient : ops.add(gradient, scaled(parameter, decay));
}

Value OptimizerUpdate::decayedParameter() {
  double decay = values["weight_decay"];
  if (decay == 0.0)
    return parameter;
  Value factor = ops.sub(math.constant(1.0), math.times(learningRate, decay));
  return ops.mul(parameter, spread(factor));
}

Value OptimizerUpdate::descend(Value from, Value direction) {
  return ops.sub(from, ops.mul(spread(learningRate), direction));
}

Value OptimizerUpdate::norm(Value tensor) {
  auto own = cast<RankedTensorType>(tensor.getType());
  Type element = own.getElementType().isF64() ? ops.builder.getF64Type()
                                              : Type(ops.builder.getF32Type());
  Value wide = ops.castTo(tensor, withElementType(own, element));
  auto within = llvm::to_vector(llvm::seq<int64_t>(stackedDims, own.getRank()));
  return sqrt(ops.reduceSum(ops.mul(wide, wide), within));
}

const Hyperparameter *OptimizerKind::find(StringRef wanted) const {
  for (const Hyperparameter &each : hyperparameters)
    if (each.name == wanted)
      return &each;
  return nullptr;
}

ArrayRef<OptimizerKind> optimizerKinds() { return kKinds; }

const OptimizerKind *findOptimizer(StringRef name) {
  for (const OptimizerKind &kind : kKinds)
    if (kind.name == name)
      return &kind;
  return nullptr;
}

} // namespace mlc::graph
