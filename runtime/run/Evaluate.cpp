//===- Evaluate.cpp - Loss and metrics over a split -----------------------===//

#include "runtime/run/Commands.h"
#include "runtime/run/MetricsLog.h"
#include "runtime/run/Session.h"

#include "runtime/checkpoint/Checkpoint.h"
#include "runtime/core/Log.h"
#include "runtime/data/PlanSplits.h"
#include "runtime/exec/PlanChecks.h"

#include <chrono>

namespace mlrt {

namespace {

/// Fills the slots itself: an evaluation is short, and its rings may share
/// memory with the training's.
class SplitFeed final : public MicrobatchFeed {
public:
  SplitFeed(const Dataset &rows, const LoaderOptions &chosen,
            const Executor &target)
      : data(rows), options(chosen), executor(target),
        order(rows.rows(), 0, /*shuffle=*/false),
        pointers(target.inputs().size()) {
    order.setEpoch(0);
  }
  Status acquire(uint64_t number) override {
    for (size_t i = 0; i < pointers.size(); ++i)
      pointers[i] = executor.inputs()[i].slot(number);
    fillMicrobatch(
        data, order, options, 0, options.firstMicrobatch + number,
        {pointers, executor.mask() ? executor.mask()->slot(number) : nullptr});
    return {};
  }
  void release(uint64_t) override {}

private:
  const Dataset &data;
  LoaderOptions options;
  const Executor &executor;
  Order order;
  std::vector<std::byte *> pointers;
};

} // namespace

Status evaluate(Session &session, const Dataset &data, uint64_t step,
                uint64_t seed, Measured &measured) {
  auto begin = std::chrono::steady_clock::now();
  Executor &executor = *session.executor("eval");
  Result<LoaderOptions> options = loaderOptions(executor, data);
  if (!options.ok())
    return options.status();
  uint64_t total = stepsPerEpoch(data.rows(), executor.rows());
  MicrobatchRange range =
      microbatchRange(total, session.rank(), session.ranks());
  options->batch = data.rows();
  options->shuffle = false;
  options->firstMicrobatch = range.first;
  options->microbatches = range.size();
  SplitFeed feed(data, *options, executor);
  RunArguments run;
  run.step = step;
  run.rows = data.rows();
  run.microbatches = range.size();
  run.firstRow = range.first * executor.rows();
  run.seed = seed;
  run.feed = &feed;
  MLRT_RETURN_IF_ERROR(executor.run(run));
  measured.read(executor);
  measured.examplesPerSecond =
      static_cast<double>(data.rows()) /
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();
  return {};
}

static Status evalWorker(const Plan &plan, const RunOptions &options,
                         const Dataset &data, const Checkpoint &evaluated,
                         WorkerContext &context) {
  const CheckpointInfo &info = evaluated.info; // zeros for a file of weights
  uint64_t rows = plan.program("eval")->rows();
  ProgramNeed need{"eval", stepsPerEpoch(data.rows(), rows)};
  Result<std::unique_ptr<Session>> session = Session::create(
      plan, &context, deviceOptions(options, context.localSize()), {&need, 1});
  if (!session.ok())
    return session.status();
  MLRT_RETURN_IF_ERROR((*session)->load(evaluated.weights, /*optimizer=*/false,
                                        !options.ignoreAverages));
  MLRT_RETURN_IF_ERROR((*session)->broadcastParameters());
  context.heartbeat(info.step, "evaluates " + data.spec().name);
  Measured measured(*(*session)->executor("eval"));
  MLRT_RETURN_IF_ERROR(
      evaluate(**session, data, info.step, info.seed, measured));
  if (context.rank() != 0)
    return {};
  std::string line;
  appendMetricsJson(line, info.step,
                    info.epoch + (info.stepInEpoch > 0 ? 1 : 0),
                    data.spec().name, measured);
  if (!options.log.empty()) {
    Result<MetricsLog> log = MetricsLog::create(options.log);
    if (!log.ok())
      return log.status();
    MLRT_RETURN_IF_ERROR(log->write(line));
    MLRT_RETURN_IF_ERROR(log->flush());
  }
  if (options.json)
    return printOutput(line);
  return printOutput(data.spec().name + ": " + std::to_string(data.rows()) +
                     " examples," + metricsText(measured) + "\n" +
                     metricsTables(measured));
}

CommandResult evalCommand(const RunOptions &options) {
  Result<Plan> plan = Plan::load(options.plan);
  if (!plan.ok())
    return plan.status();
  if (!plan->program("eval"))
    return Status(StatusCode::kInvalidArgument,
                  options.plan + ": has no program to evaluate: the model "
                                 "has no loss and no metric");
  if (options.weights.empty())
    return Status(StatusCode::kInvalidArgument,
                  "eval needs --weights: a safetensors file or a checkpoint");
  Result<Checkpoint> weights = openWeights(options.weights);
  if (!weights.ok())
    return weights.status();
  Result<SplitSpec> spec = splitOfPlan(plan->root(), options.split);
  if (!spec.ok())
    return spec.status();
  Result<Dataset> data = Dataset::open(
      *spec, dataFolder(options),
      options.cache.empty() ? defaultCacheDirectory()
                            : std::filesystem::path(options.cache));
  if (!data.ok())
    return data.status();
  Result<World> world = findWorld(*plan, options, ~uint64_t{0});
  if (!world.ok())
    return world.status();
  if (Status status = plan->checkMachine(); !status.ok())
    return status;
  if (Status status = checkDevice(options); !status.ok())
    return status;
  return launch(*world, launchOptions(options), [&](WorkerContext &context) {
    return evalWorker(*plan, options, *data, *weights, context);
  });
}

} // namespace mlrt
