//===- Commands.h - What mlrun's command line asks for --------------------===//
#ifndef MLC_RUNTIME_RUN_COMMANDS_H
#define MLC_RUNTIME_RUN_COMMANDS_H

#include "runtime/core/Status.h"
#include "runtime/device/Device.h"
#include "runtime/exec/Plan.h"
#include "runtime/launch/Launch.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mlrt {

/// Options as given; empty or 0 stands for "not given".
struct RunOptions {
  std::string plan;
  std::string data;  ///< folder; default: the plan's
  std::string cache; ///< folder of decoded data
  std::string weights, output, checkpoint, log;
  std::string keepBest, earlyStop;  ///< METRIC[:min|max], or none
  std::optional<uint64_t> patience; ///< epochs
  std::string split = "test";
  std::string device = "cpu", comm;
  std::optional<uint64_t> epochs, steps, seed;
  uint64_t checkpointEvery = 0; ///< steps
  bool resume = false, json = false, kernels = false;
  bool ignoreAverages = false; ///< parameters as they are
  bool quiet = false, verbose = false;
  double timeoutSeconds = 30;
  int ranks = 0, threads = 0;
  std::vector<std::pair<std::string, std::string>> inputs, outputs; ///< infer
};

/// How a command ended; the message is not printed yet.
struct CommandResult {
  Status status;
  int exitCode = 0;

  CommandResult() = default;
  CommandResult(Status failure)
      : status(std::move(failure)), exitCode(mlrt::exitCode(status.code())) {}
  CommandResult(LaunchResult ended)
      : status(std::move(ended.status)), exitCode(ended.exitCode) {}
};

CommandResult trainCommand(const RunOptions &options);
CommandResult evalCommand(const RunOptions &options);
CommandResult inferCommand(const RunOptions &options);
CommandResult initCommand(const RunOptions &options);
CommandResult benchCommand(const RunOptions &options);
CommandResult inspectCommand(const RunOptions &options);

/// The folder that data files are relative to.
std::string dataFolder(const RunOptions &options);

/// Finds the ranks, and checks that they fit the plan's mesh and micro-batches.
///
/// \param microbatches  of the program that will run; ranks beyond are refused
///   where the axis data is elastic.
Result<World> findWorld(const Plan &plan, const RunOptions &options,
                        uint64_t microbatches);
LaunchOptions launchOptions(const RunOptions &options);

/// The device of a session, with the threads of one of `localRanks` ranks of
/// this host. A device that is not there is left to checkDevice.
DeviceOptions deviceOptions(const RunOptions &options, int localRanks);

/// kUnavailable for --device cuda and --comm nccl, which this build has not.
/// Called after everything else was checked.
Status checkDevice(const RunOptions &options);

/// Prints what goes to standard output.
/// \returns kRunFailed where it cannot be written.
Status printOutput(std::string_view text);

} // namespace mlrt

#endif // MLC_RUNTIME_RUN_COMMANDS_H
