//===- Watches.cpp - The best checkpoint, and when to stop ----------------===//

#include "runtime/run/Watches.h"

#include "runtime/exec/PlanChecks.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace mlrt {

static constexpr std::string_view kLoss = "loss";
static constexpr std::string_view kNone = "none";

/// The numbers that an evaluation gives: its loss and scalar metrics.
static std::vector<std::string> numbersOf(const Plan &plan) {
  std::vector<std::string> names;
  const schema::Program *program = plan.program("eval");
  if (!program)
    return names;
  if (program->loss() >= 0)
    names.emplace_back(kLoss);
  for (uint32_t i = 0; i < sizeOfVector(program->metrics()); ++i) {
    const schema::NamedBuffer *metric = program->metrics()->Get(i);
    const schema::Buffer *buffer = plan->buffers()->Get(metric->buffer());
    if (sizeOfVector(buffer->shape()) == 0)
      names.emplace_back(textOf(metric->name()));
  }
  return names;
}

/// METRIC, METRIC:min or METRIC:max of `option`.
static Status parseWatch(const Plan &plan, const std::string &option,
                         const std::string &text, bool evaluates,
                         Watch &watch) {
  auto wrong = [&](const std::string &why) {
    return Status(StatusCode::kInvalidArgument,
                  option + " " + text + ": " + why);
  };
  std::string name = text.substr(0, text.rfind(':'));
  std::string order = name == text ? "" : text.substr(name.size() + 1);
  if (!order.empty() && order != "min" && order != "max")
    return wrong("after the metric stands :min or :max");
  if (!evaluates)
    return wrong("it compares evaluations, and the plan has no split test to "
                 "evaluate on");
  std::vector<std::string> known = numbersOf(plan);
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    std::string list;
    for (const std::string &each : known)
      list += (list.empty() ? "" : ", ") + each;
    return wrong("evaluations have no number of that name; there are " + list);
  }
  watch.metric = name;
  watch.lowest = order.empty() ? name == kLoss : order == "min";
  return {};
}

Result<Watches> watchesOf(const Plan &plan, const RunOptions &options,
                          bool evaluates) {
  Watches watches;
  const schema::Training &training = *plan->training();
  std::string fromPlan(textOf(training.best()));
  if (!fromPlan.empty())
    fromPlan += training.best_is_lowest() ? ":min" : ":max";
  watches.patience = options.patience.value_or(training.patience());

  if (!options.keepBest.empty() && options.checkpoint.empty() &&
      options.keepBest != kNone)
    return Status(StatusCode::kInvalidArgument,
                  "--keep-best needs --checkpoint DIR, where DIR/best will be");
  if (!options.earlyStop.empty() && options.earlyStop != kNone &&
      watches.patience == 0)
    return Status(StatusCode::kInvalidArgument,
                  "--early-stop needs --patience E, how many epochs to wait "
                  "for a better " +
                      options.earlyStop);
  auto parse = [&](const char *option, const std::string &given, Watch &watch) {
    if (given == kNone)
      return Status();
    if (!given.empty())
      return parseWatch(plan, option, given, evaluates, watch);
    return fromPlan.empty()
               ? Status()
               : parseWatch(plan, "train.best =", fromPlan, evaluates, watch);
  };
  if (Status status = parse("--keep-best", options.keepBest, watches.best);
      !status.ok())
    return status;
  // What is kept is what is waited for, unless something else is said.
  const std::string &stop =
      options.earlyStop.empty() ? options.keepBest : options.earlyStop;
  if (watches.patience > 0)
    if (Status status = parse("--early-stop", stop, watches.stop); !status.ok())
      return status;
  if (options.patience.value_or(0) > 0 && watches.stop.metric.empty() &&
      options.earlyStop != kNone)
    return Status(StatusCode::kInvalidArgument,
                  "--patience needs --early-stop METRIC, or `best` in the "
                  "model's train block");
  return watches;
}

void goOnFrom(const Watch &saved, Watch &watch) {
  if (saved.metric == watch.metric && saved.lowest == watch.lowest)
    watch.seen = saved.seen;
}

void observe(Watch &watch, const Measured &evaluation, uint64_t step) {
  WatchState &seen = watch.seen;
  if (watch.metric.empty() || step <= seen.evaluated)
    return;
  seen.evaluated = step;
  double value = std::nan("");
  if (watch.metric == kLoss && evaluation.loss)
    value = *evaluation.loss;
  for (const Measured::Metric &metric : evaluation.metrics)
    if (metric.name == watch.metric)
      value = metric.values[0];
  bool better = std::isfinite(value) &&
                (seen.bestStep == 0 ||
                 (watch.lowest ? value < seen.best : value > seen.best));
  ++seen.since;
  if (better)
    seen = {value, step, step, 0};
}

std::string reasonToStop(const Watches &watches) {
  const Watch &watch = watches.stop;
  std::string text = watch.metric;
  if (watch.seen.bestStep == 0) {
    text += " has not been finite";
  } else {
    text += watch.lowest ? " has not been below " : " has not been above ";
    char number[32];
    std::snprintf(number, sizeof number, "%.6g", watch.seen.best);
    text += std::string(number) + " (step " +
            std::to_string(watch.seen.bestStep) + ")";
  }
  return text + " for " + std::to_string(watch.seen.since) +
         (watch.seen.since == 1 ? " epoch" : " epochs");
}

} // namespace mlrt
