//===- Bench.cpp - Step time on made-up data ------------------------------===//

#include "runtime/core/Random.h"
#include "runtime/exec/PlanChecks.h"
#include "runtime/run/Commands.h"
#include "runtime/run/Session.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <numeric>

namespace mlrt {

using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

static double millisecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin)
      .count();
}

/// Fills every slot: floats uniform in [0, 1), integers below the input's limit
/// (256 where there is none, 2 for bool), mask 1.
static void makeUpData(const Plan &plan, const Executor &executor) {
  for (const InputRing &ring : executor.inputs()) {
    uint64_t limit = 256;
    for (const schema::Input *input : *plan->inputs())
      if (textOf(input->name()) == ring.name && input->limit() > 0)
        limit = static_cast<uint64_t>(input->limit());
    if (ring.dtype == DType::boolean)
      limit = 2;
    bool real = ring.dtype <= DType::f64;
    uint64_t count = ring.rowBytes / sizeOf(ring.dtype) * executor.rows();
    std::vector<std::byte> one(sizeOf(ring.dtype));
    for (uint32_t slot = 0; slot < ring.slots; ++slot)
      for (uint64_t i = 0; i < count; ++i) {
        double u = initialElement({"uniform", 0, 1}, slot, ring.name, i);
        double value = real ? u
                            : static_cast<double>(static_cast<uint64_t>(
                                  u * static_cast<double>(limit)));
        Status status = fillInitial({"constant", value, 0}, 0, "", ring.dtype,
                                    1, one.data());
        (void)status; // a known initializer
        std::memcpy(ring.slot(slot) + i * one.size(), one.data(), one.size());
      }
  }
  if (const InputRing *mask = executor.mask())
    for (uint32_t slot = 0; slot < mask->slots; ++slot) {
      Status status = fillInitial({"ones", 0, 0}, 0, "", mask->dtype,
                                  executor.rows(), mask->slot(slot));
      (void)status;
    }
}

static Json kernelReport(const Plan &plan, const Executor &executor,
                         uint64_t steps) {
  Json kernels = Json::array();
  for (uint32_t i = 0; i < executor.kernelTimes().size(); ++i) {
    const Executor::KernelTime &time = executor.kernelTimes()[i];
    const schema::Kernel *kernel = plan->kernels()->Get(i);
    if (time.calls == 0)
      continue;
    double perCall = time.seconds / static_cast<double>(time.calls);
    kernels.push_back(
        {{"symbol", printable(textOf(kernel->symbol()))},
         {"location", plan.location(kernel->location())},
         {"calls_per_step",
          static_cast<double>(time.calls) / static_cast<double>(steps)},
         {"microseconds_per_call", perCall * 1e6},
         {"fastest_microseconds", time.fastest * 1e6},
         {"milliseconds_per_step",
          time.seconds / static_cast<double>(steps) * 1e3},
         {"gflops_per_second",
          static_cast<double>(kernel->flops()) / time.fastest * 1e-9},
         {"gigabytes_per_second",
          static_cast<double>(kernel->bytes()) / time.fastest * 1e-9}});
  }
  std::sort(kernels.begin(), kernels.end(), [](const Json &a, const Json &b) {
    return a["milliseconds_per_step"] > b["milliseconds_per_step"];
  });
  return kernels;
}

static std::string benchText(const Json &report) {
  char line[200];
  std::snprintf(
      line, sizeof line,
      "step time over %llu steps, %d rank(s) x %d thread(s): median "
      "%.4f ms, min %.4f, max %.4f\n%.0f examples/s\n",
      static_cast<unsigned long long>(report["steps"].get<uint64_t>()),
      report["ranks"].get<int>(), report["threads"].get<int>(),
      report["median_ms"].get<double>(), report["min_ms"].get<double>(),
      report["max_ms"].get<double>(),
      report["examples_per_second"].get<double>());
  std::string text = line;
  if (report.contains("communication")) {
    const Json &communication = report["communication"];
    double payload = 0, wire = 0; // of the rank that sends most
    for (const Json &bytes : communication["sent_bytes_per_step"])
      payload = std::max(payload, bytes.get<double>());
    for (const Json &bytes : communication["wire_bytes_per_step"])
      wire = std::max(wire, bytes.get<double>());
    std::snprintf(line, sizeof line,
                  "a rank sends at most %.0f bytes a step over %s (%.0f with "
                  "headers)\n",
                  payload,
                  communication["transport"].get<std::string>().c_str(), wire);
    text += line;
  }
  if (!report.contains("kernels"))
    return text;
  text +=
      "\nGFLOP/s and GB/s are of the fastest call\n"
      "  ms/step  calls     us/call  fastest us   GFLOP/s     GB/s  kernel\n";
  for (const Json &kernel : report["kernels"]) {
    std::snprintf(line, sizeof line, "%9.4f %6.1f %11.3f %11.3f %9.1f %8.1f  ",
                  kernel["milliseconds_per_step"].get<double>(),
                  kernel["calls_per_step"].get<double>(),
                  kernel["microseconds_per_call"].get<double>(),
                  kernel["fastest_microseconds"].get<double>(),
                  kernel["gflops_per_second"].get<double>(),
                  kernel["gigabytes_per_second"].get<double>());
    text += line + kernel["symbol"].get<std::string>() + "  " +
            kernel["location"].get<std::string>() + "\n";
  }
  std::snprintf(line, sizeof line, "%9.4f ms/step in all-reduces\n",
                report["collectives_ms_per_step"].get<double>());
  return text + line;
}

/// What a rank has sent so far.
struct Sent {
  uint64_t payload = 0, wire = 0;
};

static Sent sentSoFar(const WorkerContext &context) {
  if (context.size() == 1)
    return {};
  return {context.communicator().sentBytes(),
          context.communicator().wireBytes()};
}

/// Bytes that every rank sends in a step, by rank.
static Result<Json> communicationReport(WorkerContext &context, Sent before,
                                        uint64_t steps) {
  Sent own = sentSoFar(context);
  own.payload -= before.payload;
  own.wire -= before.wire;
  std::vector<Sent> all(static_cast<size_t>(context.size()));
  CollectiveTag tag;
  tag.name = "bytes sent";
  MLRT_RETURN_IF_ERROR(
      context.communicator().allGather(&own, sizeof own, all.data(), tag));
  Json payload = Json::array(), wire = Json::array();
  for (const Sent &rank : all) {
    payload.push_back(static_cast<double>(rank.payload) /
                      static_cast<double>(steps));
    wire.push_back(static_cast<double>(rank.wire) / static_cast<double>(steps));
  }
  return Json{{"transport", context.communicator().transport()},
              {"sent_bytes_per_step", std::move(payload)},
              {"wire_bytes_per_step", std::move(wire)},
              {"staging_bytes", context.communicator().stagingBytes()}};
}

static Status benchWorker(const Plan &plan, const RunOptions &options,
                          Clock::time_point begin, WorkerContext &context) {
  std::string_view role = plan.program("train") ? "train" : "infer";
  uint64_t all = role == "train" ? plan->training()->microbatches() : 1;
  ProgramNeed need{role, all};
  Result<std::unique_ptr<Session>> session = Session::create(
      plan, &context, deviceOptions(options, context.localSize()), {&need, 1},
      options.kernels);
  if (!session.ok())
    return session.status();
  MLRT_RETURN_IF_ERROR(
      (*session)->initialize(options.seed.value_or(plan->training()->seed())));
  Executor &executor = *(*session)->executor(role);
  makeUpData(plan, executor);
  RunArguments run;
  run.rows = role == "train" ? plan->training()->batch() : executor.rows();
  MicrobatchRange range = microbatchRange(all, context.rank(), context.size());
  run.microbatches = range.size();
  run.firstRow = range.first * executor.rows();
  Sent before = sentSoFar(context);
  MLRT_RETURN_IF_ERROR(executor.run(run));
  double firstStep = millisecondsSince(begin);

  uint64_t steps = options.steps.value_or(100);
  uint64_t warmUp = std::min<uint64_t>(10, steps);
  std::vector<double> times;
  times.reserve(std::min<uint64_t>(steps, 1 << 20));
  for (uint64_t i = 0; i < warmUp + steps; ++i) {
    auto start = Clock::now();
    run.step = i + 1;
    MLRT_RETURN_IF_ERROR(executor.run(run));
    run.firstMicrobatch += run.microbatches;
    if (i >= warmUp)
      times.push_back(millisecondsSince(start));
  }
  uint64_t executed = 1 + warmUp + steps;
  Json communication;
  if (context.size() > 1) {
    Result<Json> gathered = communicationReport(context, before, executed);
    if (!gathered.ok())
      return gathered.status();
    communication = std::move(*gathered);
  }
  if (context.rank() != 0)
    return {};
  std::sort(times.begin(), times.end());
  double median = steps % 2 ? times[steps / 2]
                            : (times[steps / 2 - 1] + times[steps / 2]) / 2;
  Json report = {
      {"schema_version", 1},
      {"plan", options.plan},
      {"program", role},
      {"ranks", context.size()},
      {"threads", (*session)->threads()},
      {"steps", steps},
      {"median_ms", median},
      {"min_ms", times.front()},
      {"max_ms", times.back()},
      {"mean_ms", std::accumulate(times.begin(), times.end(), 0.0) /
                      static_cast<double>(steps)},
      {"examples_per_second", static_cast<double>(run.rows) / median * 1e3},
      {"first_step_ms", firstStep},
      {"arena_bytes", (*session)->arenaBytes()}};
  if (context.size() > 1)
    report["communication"] = std::move(communication);
  if (options.kernels) {
    report["kernels"] = kernelReport(plan, executor, executed);
    report["collectives_ms_per_step"] =
        executor.collectiveTime().seconds / static_cast<double>(executed) * 1e3;
  }
  return printOutput(
      options.json
          ? report.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"
          : benchText(report));
}

CommandResult benchCommand(const RunOptions &options) {
  auto begin = Clock::now();
  Result<Plan> plan = Plan::load(options.plan);
  if (!plan.ok())
    return plan.status();
  if (!plan->program("train") && !plan->program("infer"))
    return Status(StatusCode::kInvalidArgument,
                  options.plan + ": has no program to measure");
  if (options.steps && *options.steps == 0)
    return Status(StatusCode::kInvalidArgument,
                  "--steps 0: give the number of steps to measure");
  Result<World> world = findWorld(
      *plan, options,
      plan->program("train") ? (*plan)->training()->microbatches() : 1);
  if (!world.ok())
    return world.status();
  if (Status status = plan->checkMachine(); !status.ok())
    return status;
  if (Status status = checkDevice(options); !status.ok())
    return status;
  return launch(*world, launchOptions(options), [&](WorkerContext &context) {
    return benchWorker(*plan, options, begin, context);
  });
}

} // namespace mlrt
