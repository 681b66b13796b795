//===- Commands.cpp - Shared by mlrun's commands --------------------------===//

#include "runtime/run/Commands.h"

#include "runtime/device/ThreadPool.h"
#include "runtime/exec/PlanChecks.h"
#include "runtime/run/Session.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <unistd.h>

namespace mlrt {

std::string dataFolder(const RunOptions &options) {
  if (!options.data.empty())
    return options.data;
  std::filesystem::path folder =
      std::filesystem::path(options.plan).parent_path();
  return folder.empty() ? "." : folder.string();
}

LaunchOptions launchOptions(const RunOptions &options) {
  LaunchOptions launch;
  launch.ranks = options.ranks;
  launch.timeoutSeconds = options.timeoutSeconds;
  launch.verbose = options.verbose;
  if (options.comm == "threads")
    launch.comm = CommKind::threads;
  else if (options.comm == "shm")
    launch.comm = CommKind::shm;
  else if (options.comm == "gloo")
    launch.comm = CommKind::gloo;
  return launch;
}

Result<World> findWorld(const Plan &plan, const RunOptions &options,
                        uint64_t microbatches) {
  for (uint32_t i = 0; i < sizeOfVector(plan->mesh()); ++i) {
    const schema::Axis *axis = plan->mesh()->Get(i);
    if (textOf(axis->name()) != "data" && axis->size() != 1)
      return Status(StatusCode::kUnavailable,
                    plan.path() + ": the mesh has the axis '" +
                        printable(textOf(axis->name())) +
                        "', and this mlrun runs the axis data alone; compile "
                        "with --mesh data=N");
  }
  int size = plan.dataAxisSize();
  Result<World> world =
      detectWorld(launchOptions(options), size < 0 ? 1 : size);
  if (!world.ok())
    return world;
  std::string ranks = std::to_string(world->size);
  if (size > 0 && world->size != size)
    return Status(
        StatusCode::kInvalidArgument,
        "-n " + ranks + " does not fit the plan's mesh data=" +
            std::to_string(size) + "; give -n " + std::to_string(size) +
            ", or compile with --mesh data=" + ranks + " or --mesh data=*");
  if (static_cast<uint64_t>(world->size) > microbatches)
    return Status(StatusCode::kInvalidArgument,
                  "-n " + ranks + " is more than the " +
                      std::to_string(microbatches) +
                      " micro-batches of a batch; give -n " +
                      std::to_string(microbatches) +
                      " at most, or compile with a smaller "
                      "train.microbatch");
  return world;
}

DeviceOptions deviceOptions(const RunOptions &options, int localRanks) {
  DeviceOptions device;
  if (checkDeviceName(options.device).ok())
    device.name = options.device;
  device.threads = chooseThreads(options.threads, localRanks);
  return device;
}

Status checkDevice(const RunOptions &options) {
  if (options.threads == 0)
    MLRT_RETURN_IF_ERROR(checkThreadsOfEnvironment());
  MLRT_RETURN_IF_ERROR(checkDeviceName(options.device));
  if (options.comm == "nccl")
    return {StatusCode::kUnavailable,
            "--comm nccl: NCCL joins CUDA devices, and this mlrun has none; "
            "use --comm shm or --comm gloo"};
  return {};
}

Status printOutput(std::string_view text) {
  while (!text.empty()) {
    ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0 && errno == EPIPE)
      return {}; // the reader has seen enough
    if (written <= 0)
      return {StatusCode::kRunFailed,
              std::string("cannot write to standard output: ") +
                  std::strerror(errno)};
    text.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

CommandResult initCommand(const RunOptions &options) {
  Result<Plan> plan = Plan::load(options.plan);
  if (!plan.ok())
    return plan.status();
  if (options.output.empty())
    return Status(StatusCode::kInvalidArgument,
                  "init needs -o FILE.safetensors");
  // The values need no code: an arena without executors.
  Result<std::unique_ptr<Session>> session =
      Session::create(*plan, nullptr, {}, {});
  if (!session.ok())
    return session.status();
  uint64_t seed = options.seed.value_or((*plan)->training()->seed());
  if (Status status = (*session)->initialize(seed); !status.ok())
    return status;
  return writeSafetensors(options.output,
                          (*session)->tensors(/*optimizer=*/false));
}

} // namespace mlrt
