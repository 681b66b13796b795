//===- Schedules.cpp - Learning rates over the steps ----------------------===//

#include "ir/graph/Schedules.h"

using namespace mlir;

namespace mlc::graph {

namespace {

constexpr double kPi = 3.14159265358979323846;

using Kind = Hyperparameter::Kind;
using Values = HyperparameterValues;

constexpr Hyperparameter kWarmup = {"warmup", Kind::count, 0.0};

constexpr Hyperparameter kConstant[] = {{"value"}, kWarmup};
constexpr Hyperparameter kStep[] = {{"value"},
                                    {"every", Kind::count, {}, 1.0},
                                    {"gamma", Kind::number, 0.1},
                                    kWarmup};
constexpr Hyperparameter kFalling[] = {{"peak"},
                                       kWarmup,
                                       {"floor", Kind::number, 0.0},
                                       {"total", Kind::total, {}, 1.0}};
constexpr Hyperparameter kOneCycle[] = {
    {"peak"},
    {"total", Kind::total, {}, 1.0},
    {"pct_start", Kind::number, 0.3, 0.0, 1.0},
    {"div", Kind::number, 25.0, 1.0},
    {"final_div", Kind::number, 1e4, 1.0}};

Value constantRate(StepMath &math, const Values &values) {
  return math.constant(values["value"]);
}

Value stepRate(StepMath &math, const Values &values) {
  OpFactory &ops = math.ops;
  Value drops = FloorOp::create(
      ops.builder, ops.loc,
      math.over(math.plus(math.step, -values["warmup"]), values["every"]));
  Value factor = PowOp::create(ops.builder, ops.loc,
                               math.constant(values["gamma"]), drops);
  return math.times(factor, values["value"]);
}

/// How far the steps that the warm-up leaves are done.
Value afterWarmup(StepMath &math, const Values &values) {
  return math.progress(values["warmup"], values["total"] - values["warmup"]);
}

Value linearRate(StepMath &math, const Values &values) {
  double span = values["peak"] - values["floor"];
  return math.plus(math.times(afterWarmup(math, values), -span),
                   values["peak"]);
}

Value cosineRate(StepMath &math, const Values &values) {
  return math.halfWave(values["peak"], values["floor"],
                       afterWarmup(math, values));
}

/// torch.optim.lr_scheduler.OneCycleLR, in two phases with cosines: up to
/// `peak` at step pct_start * total - 1, down from there to the last step.
/// Where the first phase has no length, its place is the second one's.
Value oneCycleRate(StepMath &math, const Values &values) {
  double peak = values["peak"];
  double initial = peak / values["div"];
  double top = values["pct_start"] * values["total"] - 1.0;
  double last = values["total"] - 1.0;
  Value down = math.halfWave(peak, initial / values["final_div"],
                             math.progress(top, last - top));
  if (top <= 0.0)
    return down;
  Value up = math.halfWave(initial, peak, math.progress(0.0, top));
  Value climbs =
      math.ops.compare(ComparePredicate::le, math.step, math.constant(top));
  return math.ops.select(climbs, up, down);
}

constexpr ScheduleKind kKinds[] = {
    {"constant", kConstant, constantRate},  {"step", kStep, stepRate},
    {"linear", kFalling, linearRate},       {"cosine", kFalling, cosineRate},
    {"one_cycle", kOneCycle, oneCycleRate},
};

} // namespace

Value StepMath::progress(double shift, double length) {
  // No length at all: what the schedule has to do is done after it.
  Value done = over(plus(step, -shift), length > 0.0 ? length : 1.0);
  return MinimumOp::create(ops.builder, ops.loc, done, constant(1.0));
}

Value StepMath::halfWave(double first, double last, Value progress) {
  Value wave = CosOp::create(ops.builder, ops.loc, times(progress, kPi));
  return plus(times(plus(wave, 1.0), 0.5 * (first - last)), last);
}

const Hyperparameter *ScheduleKind::find(StringRef wanted) const {
  for (const Hyperparameter &each : hyperparameters)
    if (each.name == wanted)
      return &each;
  return nullptr;
}

ArrayRef<ScheduleKind> scheduleKinds() { return kKinds; }

const ScheduleKind *findSchedule(StringRef name) {
  for (const ScheduleKind &kind : kKinds)
    if (kind.name == name)
      return &kind;
  return nullptr;
}

Value learningRate(StepMath &math, const ScheduleKind &kind,
                   const HyperparameterValues &values) {
  Value rate = kind.rate(math, values);
  double warmup = kind.find("warmup") ? values["warmup"] : 0.0;
  if (warmup == 0.0)
    return rate;
  double peak = values[kind.hyperparameters.front().name];
  Value climb = math.times(math.plus(math.step, 1.0), peak / warmup);
  return math.ops.select(math.isBefore(warmup), climb, rate);
}

} // namespace mlc::graph
