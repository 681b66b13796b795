//===- Train.cpp - The training run ---------------------------------------===//

#include "runtime/checkpoint/Checkpoint.h"
#include "runtime/core/File.h"
#include "runtime/core/Log.h"
#include "runtime/data/PlanSplits.h"
#include "runtime/exec/PlanChecks.h"
#include "runtime/run/Commands.h"
#include "runtime/run/MetricsLog.h"
#include "runtime/run/Progress.h"
#include "runtime/run/Session.h"
#include "runtime/run/Watches.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

namespace mlrt {

namespace {

/// What every rank needs, made before the ranks start.
struct TrainJob {
  const Plan &plan;
  const RunOptions &options;
  const Dataset &data;
  const Dataset *test; ///< null: no evaluation
  const SafetensorsFile *weights;
  const Checkpoint *resume; ///< opened by the process that has rank 0
  const Watches &watches;
};

/// Where a run begins; plain, so that it can be broadcast.
struct Start {
  uint64_t step = 0, seed = 0;
  WatchState best, stop;
};

/// What a checkpoint of `plan` says, as far as it does not depend on the run.
CheckpointInfo plannedInfo(const Plan &plan) {
  CheckpointInfo info;
  info.batch = plan->training()->batch();
  info.modelDigest = plan->model_digest();
  info.model = printable(textOf(plan->model()));
  info.producer = printable(textOf(plan->producer()));
  return info;
}

class Trainer {
public:
  Trainer(const TrainJob &what, WorkerContext &where)
      : job(what), plan(what.plan), options(what.options),
        watches(what.watches), context(where) {}

  Status run();

private:
  Status prepare();
  Status prepareLoader();
  Status steps();
  Status oneStep();
  Status afterEpoch();
  Status checkpoint();
  Status interrupted();
  Status log(std::string_view split, const Measured &measured);
  CheckpointInfo info() const;
  bool leads() const { return context.rank() == 0; }
  /// Nothing better than after this step was evaluated.
  bool isBest() const {
    return !watches.best.metric.empty() && step > 0 &&
           watches.best.seen.bestStep == step;
  }
  uint64_t epochNumber() const { return (step + perEpoch - 1) / perEpoch; }

  const TrainJob &job;
  const Plan &plan;
  const RunOptions &options;
  Watches watches;
  WorkerContext &context;
  std::unique_ptr<Session> session;
  Executor *executor = nullptr;
  std::unique_ptr<BatchLoader> loader;
  std::unique_ptr<LoaderFeed> feed;
  std::optional<MetricsLog> metricsLog;
  std::optional<Measured> measured, tested;
  std::optional<Progress> progress;
  std::string lineBuffer;
  Start start;
  uint64_t step = 0, total = 0, perEpoch = 1, batch = 1;
  uint64_t microbatches = 1, nextMicrobatch = 0, firstRow = 0;
  uint64_t savedStep = ~uint64_t{0}, testedStep = ~uint64_t{0};
  uint64_t examples = 0;  ///< trained on in this run
  double stepSeconds = 0; ///< spent in its steps
};

CheckpointInfo Trainer::info() const {
  CheckpointInfo info = plannedInfo(plan);
  info.step = step;
  info.epoch = step / perEpoch;
  info.stepInEpoch = step % perEpoch;
  info.seed = start.seed;
  info.best = watches.best;
  info.stop = watches.stop;
  return info;
}

Status Trainer::prepare() {
  const schema::Training &training = *plan->training();
  batch = training.batch();
  perEpoch = stepsPerEpoch(job.data.rows(), batch);
  std::vector<ProgramNeed> needs = {{"train", training.microbatches()}};
  if (job.test)
    needs.push_back({"eval", stepsPerEpoch(job.test->rows(),
                                           plan.program("eval")->rows())});
  Result<std::unique_ptr<Session>> made = Session::create(
      plan, &context, deviceOptions(options, context.localSize()), needs);
  if (!made.ok())
    return made.status();
  session = std::move(*made);
  executor = session->executor("train");

  start.seed = options.seed.value_or(training.seed());
  if (leads() && job.resume) {
    goOnFrom(job.resume->info.best, watches.best);
    goOnFrom(job.resume->info.stop, watches.stop);
    start = {job.resume->info.step, job.resume->info.seed, watches.best.seen,
             watches.stop.seen};
    MLRT_RETURN_IF_ERROR(session->load(job.resume->weights, true));
  } else if (leads()) {
    MLRT_RETURN_IF_ERROR(session->initialize(start.seed));
    if (job.weights)
      MLRT_RETURN_IF_ERROR(
          session->load(*job.weights, false, !options.ignoreAverages));
  }
  if (context.size() > 1)
    context.communicator().bePatient(); // until rank 0 has read them
  MLRT_RETURN_IF_ERROR(
      session->broadcast(&start, sizeof start, "where to begin"));
  MLRT_RETURN_IF_ERROR(session->broadcastParameters());

  step = start.step;
  watches.best.seen = start.best;
  watches.stop.seen = start.stop;
  if (options.steps)
    total = *options.steps;
  else if (options.epochs)
    total = *options.epochs * perEpoch;
  else
    total = training.steps() ? training.steps() : training.epochs() * perEpoch;
  if (watches.stopIsDue()) // the run that this one goes on from has stopped
    total = std::min(total, step);
  savedStep = job.resume ? step : savedStep;
  measured.emplace(*executor);
  if (job.test)
    tested.emplace(*session->executor("eval"));
  if (leads() && !options.log.empty()) {
    Result<MetricsLog> log = job.resume ? MetricsLog::resume(options.log, step)
                                        : MetricsLog::create(options.log);
    if (!log.ok())
      return log.status();
    metricsLog.emplace(std::move(*log));
  }
  if (leads())
    progress.emplace(Progress::Plan{step, total, perEpoch, batch},
                     options.quiet);
  lineBuffer.reserve(4096);
  return prepareLoader();
}

Status Trainer::prepareLoader() {
  Result<LoaderOptions> loading = loaderOptions(*executor, job.data);
  if (!loading.ok())
    return loading.status();
  MicrobatchRange range = microbatchRange(plan->training()->microbatches(),
                                          context.rank(), context.size());
  microbatches = range.size();
  firstRow = range.first * executor->rows();
  loading->seed = start.seed;
  loading->shuffle = job.data.spec().shuffle;
  loading->batch = batch;
  loading->firstMicrobatch = range.first;
  loading->microbatches = range.size();
  if (step >= total)
    return {}; // nothing left to do
  Result<std::unique_ptr<BatchLoader>> made =
      BatchLoader::create(job.data, *loading, step / perEpoch, step % perEpoch);
  if (!made.ok())
    return made.status();
  loader = std::move(*made);
  feed = std::make_unique<LoaderFeed>(*loader, *executor);
  return {};
}

Status Trainer::log(std::string_view split, const Measured &values) {
  if (!metricsLog)
    return {};
  lineBuffer.clear();
  appendMetricsJson(lineBuffer, step, epochNumber(), split, values);
  return metricsLog->write(lineBuffer);
}

Status Trainer::oneStep() {
  auto begin = std::chrono::steady_clock::now();
  RunArguments run;
  run.step = step;
  run.rows = std::min(batch, job.data.rows() - step % perEpoch * batch);
  run.microbatches = microbatches;
  run.firstMicrobatch = nextMicrobatch;
  run.firstRow = firstRow;
  run.seed = start.seed;
  run.feed = feed.get();
  MLRT_RETURN_IF_ERROR(executor->run(run));
  nextMicrobatch += microbatches;
  ++step;
  measured->read(*executor);
  double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();
  examples += run.rows;
  stepSeconds += seconds;
  measured->examplesPerSecond = static_cast<double>(run.rows) / seconds;
  MLRT_RETURN_IF_ERROR(log(job.data.spec().name, *measured));
  if (measured->loss && !std::isfinite(*measured->loss))
    return {StatusCode::kRunFailed,
            "the loss became " +
                std::string(std::isnan(*measured->loss) ? "nan" : "infinite") +
                " at step " + std::to_string(step) + " (epoch " +
                std::to_string(epochNumber()) +
                "); lower the learning rate, set train.clip_norm, or look for "
                "a log or a division of 0 in the model"};
  if (progress)
    progress->step(step, *measured);
  return {};
}

Status Trainer::checkpoint() {
  if (options.checkpoint.empty() || savedStep == step)
    return {};
  savedStep = step;
  if (!leads()) {
    context.communicator().bePatient(); // until it is written
    return {};
  }
  context.heartbeat(step, "writes a checkpoint");
  if (metricsLog) // a resumed run goes on behind the lines of this step
    MLRT_RETURN_IF_ERROR(metricsLog->flush());
  return writeCheckpoint(options.checkpoint, info(),
                         session->tensors(/*optimizer=*/true));
}

Status Trainer::afterEpoch() {
  if (job.test && testedStep != step) {
    testedStep = step;
    context.heartbeat(step, "evaluates " + job.test->spec().name);
    MLRT_RETURN_IF_ERROR(
        evaluate(*session, *job.test, step, start.seed, *tested));
    observe(watches.best, *tested, step);
    // The end of a run may lie inside an epoch, and would be no evaluation of
    // a run that goes on: what stops a run must not depend on it.
    if (step % perEpoch == 0)
      observe(watches.stop, *tested, step);
    const std::string &split = job.test->spec().name;
    if (!metricsLog || !metricsLog->endsWith(step, epochNumber(), split))
      MLRT_RETURN_IF_ERROR(log(split, *tested));
  }
  if (metricsLog)
    MLRT_RETURN_IF_ERROR(metricsLog->flush());
  if (!progress)
    return {};
  std::string text = "epoch " + std::to_string(epochNumber()) + ", step " +
                     std::to_string(step);
  if (examples > 0)
    text += ": last batch" + metricsText(*measured);
  if (job.test)
    text += (examples > 0 ? "; " : ": ") + job.test->spec().name +
            metricsText(*tested);
  progress->line(text);
  return {};
}

Status Trainer::interrupted() {
  MLRT_RETURN_IF_ERROR(checkpoint());
  if (metricsLog)
    MLRT_RETURN_IF_ERROR(metricsLog->flush());
  return {StatusCode::kInterrupted,
          "interrupted after step " + std::to_string(step) +
              (options.checkpoint.empty()
                   ? "; with --checkpoint DIR the run could go on later"
                   : "; a checkpoint is in " + options.checkpoint +
                         ", go on with --resume")};
}

Status Trainer::steps() {
  while (step < total) {
    MLRT_RETURN_IF_ERROR(oneStep());
    bool epochEnds = step % perEpoch == 0;
    if (epochEnds || step == total)
      MLRT_RETURN_IF_ERROR(afterEpoch());
    bool due = options.checkpointEvery > 0 ? step % options.checkpointEvery == 0
                                           : epochEnds;
    if (due || step == total || isBest() || watches.stopIsDue())
      MLRT_RETURN_IF_ERROR(checkpoint());
    if (watches.stopIsDue())
      return {};
    if (context.agreedStop() != 0 && step < total)
      return interrupted();
  }
  return {};
}

Status Trainer::run() {
  MLRT_RETURN_IF_ERROR(prepare());
  auto begin = std::chrono::steady_clock::now();
  uint64_t first = step;
  MLRT_RETURN_IF_ERROR(steps());
  bool nothingLeft = first >= total; // resumed at the end
  if (nothingLeft) {
    bool wasBest = isBest();
    MLRT_RETURN_IF_ERROR(afterEpoch());
    if (isBest() && !wasBest) { // it was not watched before
      savedStep = ~uint64_t{0};
      MLRT_RETURN_IF_ERROR(checkpoint());
    }
  }
  if (!leads())
    return {};
  if (!options.output.empty())
    MLRT_RETURN_IF_ERROR(writeSafetensors(
        options.output, session->weights(!options.ignoreAverages)));
  double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
          .count();
  std::string text =
      nothingLeft && watches.stopIsDue()
          ? "already at step " + std::to_string(step) +
                ", where training stopped: " + reasonToStop(watches) +
                "; give a larger --patience to go on"
      : nothingLeft && job.resume
          ? "already at step " + std::to_string(step) +
                ": nothing left to train, give a larger --epochs or --steps"
          : "trained " + std::to_string(step - first) + " steps in " +
                elapsedText(seconds);
  if (stepSeconds > 0)
    text += ", " +
            std::to_string(
                std::llround(static_cast<double>(examples) / stepSeconds)) +
            " examples/s";
  if (!nothingLeft && watches.stopIsDue())
    text += "; stopped early: " + reasonToStop(watches);
  if (!options.output.empty())
    text += "; weights in " + options.output;
  if (!options.checkpoint.empty())
    text += "; checkpoint in " + options.checkpoint;
  if (!options.checkpoint.empty() && watches.best.seen.bestStep > 0)
    text += ", the best of step " + std::to_string(watches.best.seen.bestStep) +
            " in " + options.checkpoint + "/best";
  if (!options.log.empty())
    text += "; metrics in " + options.log;
  progress->line(text);
  return {};
}

/// The checkpoint to go on from; none with --resume but nothing there yet.
Status openResume(const Plan &plan, const RunOptions &options,
                  std::optional<Checkpoint> &opened) {
  if (!options.resume)
    return {};
  if (!hasCheckpoint(options.checkpoint)) {
    logInfo("no checkpoint in " + options.checkpoint +
            " yet: beginning from the start");
    return {};
  }
  Result<Checkpoint> checkpoint = openCheckpoint(options.checkpoint);
  if (!checkpoint.ok())
    return checkpoint.status();
  CheckpointInfo now = plannedInfo(plan);
  now.seed = options.seed.value_or(checkpoint->info.seed);
  MLRT_RETURN_IF_ERROR(checkResume(checkpoint->info, now));
  if (now.seed != checkpoint->info.seed)
    return {StatusCode::kInvalidArgument,
            "--seed " + std::to_string(now.seed) +
                " is not the checkpoint's seed " +
                std::to_string(checkpoint->info.seed) +
                "; leave --seed away to go on with it"};
  std::error_code ignored;
  if (!std::filesystem::is_directory(
          std::filesystem::path(options.checkpoint) / "latest", ignored) ||
      checkpoint->info.best.seen.bestStep == checkpoint->info.step)
    MLRT_RETURN_IF_ERROR(markLatest(*checkpoint));
  opened.emplace(std::move(*checkpoint));
  return {};
}

/// Takes the folder of checkpoints, if there is one, for this run alone.
Status lockCheckpointFolder(const RunOptions &options,
                            std::optional<FileLock> &lock) {
  std::error_code ignored; // what is wrong with it, checkOutputs says
  if (!std::filesystem::is_directory(options.checkpoint, ignored))
    return {};
  lock.emplace(std::filesystem::path(options.checkpoint) / ".lock",
               FileLock::Mode::tryOnce);
  return lock->isOurs()
             ? Status()
             : Status(StatusCode::kRunFailed,
                      "--checkpoint " + options.checkpoint +
                          ": another run writes there; wait for its end, or "
                          "give another folder");
}

Status checkCheckpointOptions(const RunOptions &options) {
  if (options.resume && options.checkpoint.empty())
    return {StatusCode::kInvalidArgument,
            "--resume needs --checkpoint DIR, the folder to go on from"};
  if (options.resume && !options.weights.empty())
    return {StatusCode::kInvalidArgument,
            "--resume and --weights exclude each other: a checkpoint holds "
            "the weights"};
  if (!options.checkpoint.empty() && isCheckpoint(options.checkpoint))
    return {StatusCode::kInvalidArgument,
            "--checkpoint " + options.checkpoint +
                ": it is a checkpoint itself; give the folder that it is in"};
  return {};
}

/// A run must not remove the checkpoints of another one unasked.
Status checkCheckpointFolder(const Plan &plan, const RunOptions &options) {
  return options.checkpoint.empty() || options.resume
             ? Status()
             : checkUnused(options.checkpoint, plannedInfo(plan));
}

/// Hours of training must not end at a path that cannot be written.
Status checkOutputs(const RunOptions &options, std::optional<FileLock> &lock) {
  if (!options.output.empty())
    MLRT_RETURN_IF_ERROR(checkWritable(options.output));
  if (options.checkpoint.empty())
    return {};
  std::error_code error;
  std::filesystem::create_directories(options.checkpoint, error);
  if (error)
    return fileError("make the checkpoint folder", options.checkpoint,
                     error.value());
  if (!lock)
    MLRT_RETURN_IF_ERROR(lockCheckpointFolder(options, lock));
  return checkWritable(std::filesystem::path(options.checkpoint) / ".writable");
}

Result<Dataset> openSplit(const Plan &plan, const RunOptions &options,
                          std::string_view name) {
  Result<SplitSpec> spec = splitOfPlan(plan.root(), name);
  if (!spec.ok())
    return spec.status();
  return Dataset::open(*spec, dataFolder(options),
                       options.cache.empty()
                           ? defaultCacheDirectory()
                           : std::filesystem::path(options.cache));
}

bool hasSplit(const Plan &plan, std::string_view name) {
  for (uint32_t i = 0; i < sizeOfVector(plan->splits()); ++i)
    if (textOf(plan->splits()->Get(i)->name()) == name)
      return true;
  return false;
}

} // namespace

CommandResult trainCommand(const RunOptions &options) {
  Result<Plan> plan = Plan::load(options.plan);
  if (!plan.ok())
    return plan.status();
  if (!plan->program("train"))
    return Status(StatusCode::kInvalidArgument,
                  options.plan +
                      ": does not train: the model has no optimizer; use "
                      "mlrun infer, or give it a train block");
  Result<World> world =
      findWorld(*plan, options, (*plan)->training()->microbatches());
  if (!world.ok())
    return world.status();
  if (options.checkpointEvery > 0 && options.checkpoint.empty())
    return Status(StatusCode::kInvalidArgument,
                  "--checkpoint-every needs --checkpoint DIR");
  // Opened here, so that what is wrong with a file is said once, before any
  // rank starts; forked ranks share the mappings.
  std::optional<SafetensorsFile> weights;
  if (!options.weights.empty()) {
    Result<Checkpoint> from = openWeights(options.weights);
    if (!from.ok())
      return from.status();
    weights.emplace(std::move(from->weights));
  }
  if (Status status = checkCheckpointOptions(options); !status.ok())
    return status;
  // Until the run is over, and before it reads what is there: another run may
  // still write to it.
  std::optional<FileLock> lock;
  std::optional<Checkpoint> resume;
  if (world->rank == 0)
    if (Status status = lockCheckpointFolder(options, lock); !status.ok())
      return status;
  if (world->rank == 0)
    if (Status status = checkCheckpointFolder(*plan, options); !status.ok())
      return status;
  if (world->rank == 0)
    if (Status status = openResume(*plan, options, resume); !status.ok())
      return status;
  Result<Dataset> data = openSplit(*plan, options, "train");
  if (!data.ok())
    return data.status();
  std::optional<Dataset> test;
  if (plan->program("eval") && hasSplit(*plan, "test")) {
    Result<Dataset> opened = openSplit(*plan, options, "test");
    if (!opened.ok())
      return opened.status();
    test.emplace(std::move(*opened));
  }
  Result<Watches> watches = watchesOf(*plan, options, test.has_value());
  if (!watches.ok())
    return watches.status();
  if (Status status = plan->checkMachine(); !status.ok())
    return status;
  if (Status status = checkDevice(options); !status.ok())
    return status;
  if (world->rank == 0)
    if (Status status = checkOutputs(options, lock); !status.ok())
      return status;
  TrainJob job{*plan,
               options,
               *data,
               test ? &*test : nullptr,
               weights ? &*weights : nullptr,
               resume ? &*resume : nullptr,
               *watches};
  return launch(*world, launchOptions(options), [&](WorkerContext &context) {
    return Trainer(job, context).run();
  });
}

} // namespace mlrt
