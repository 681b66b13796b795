//===- Launch.h - Start and supervise the ranks of a run ------------------===//
//
// detectWorld() finds out how many ranks there are and which of them this
// process is; launch() starts the ranks and runs a callback in each:
//
//   Result<World> world = detectWorld(options, mesh size);
//   LaunchResult result = launch(*world, options, [&](WorkerContext &context) {
//     ... context.communicator().allReduce(...) ...
//     return Status();
//   });
//   print result.status.message(); exit(result.exitCode);
//
// With processes as ranks (shm, gloo), launch() forks: call it before the
// process starts a thread, and write no output in the caller afterwards but
// the result. A failed rank is named in one message, every other is woken and
// ended, and no process is left behind.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_LAUNCH_LAUNCH_H
#define MLC_RUNTIME_LAUNCH_LAUNCH_H

#include "runtime/comm/Communicator.h"
#include "runtime/core/Status.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace mlrt {

/// How ranks talk. `automatic`: threads for one rank, shm for several ranks of
/// this host, gloo for ranks that another launcher started.
enum class CommKind : uint8_t { automatic, threads, shm, gloo };

/// The name in `--comm`: threads, shm, gloo; `automatic` is "auto".
std::string_view nameOf(CommKind kind);

struct LaunchOptions {
  int ranks = 0; ///< `-n`; 0: not given
  CommKind comm = CommKind::automatic;
  double timeoutSeconds = 30; ///< longest silence of a peer, above 0
  bool verbose = false;       ///< say on standard error how ranks were found
};

/// What this process is among the ranks of the run.
struct World {
  int size = 1;
  int rank = 0;      ///< of this process; 0 where launch() starts the ranks
  int localRank = 0; ///< among the ranks of this host
  int localSize = 1; ///< ranks of this host
  CommKind comm = CommKind::threads; ///< never automatic
  bool external = false;     ///< another launcher started each rank's process
  std::string source;        ///< "-n", "RANK and WORLD_SIZE", "Slurm", ...
  std::string masterAddress; ///< of rank 0's host, where external
  int masterPort = 0;        ///< of the store; 0: any free one
};

/// Reads one variable of the environment; null where it is not set.
using ReadVariable = std::function<const char *(const char *name)>;

/// Finds the world from the options, then RANK and WORLD_SIZE, then Slurm's
/// and Open MPI's variables; else `defaultRanks` ranks on this host.
///
/// \param defaultRanks  ranks where nobody says: the mesh's size, 1 if elastic.
/// \param variable      the environment; tests give their own.
///
/// \returns kInvalidArgument for a partial or contradicting set of variables,
///   naming them and what to change.
Result<World> detectWorld(const LaunchOptions &options, int defaultRanks,
                          const ReadVariable &variable = {});

/// What a rank's code has of the run.
class WorkerContext {
public:
  virtual ~WorkerContext() = default;

  int rank() const { return communicator().rank(); }
  int size() const { return communicator().size(); }
  virtual int localRank() const = 0;
  virtual int localSize() const = 0;
  /// Collectives report themselves: no call of heartbeat() is needed for them.
  virtual Communicator &communicator() const = 0;

  /// Says what this rank does now, for the report when it fails; some stores
  /// to memory. `activity`: "evaluates test", "writes a checkpoint".
  virtual void heartbeat(uint64_t step, std::string_view activity) = 0;

  /// The signal (SIGINT, SIGTERM) after which the run should end, or 0. All
  /// ranks get the same answer after the same all-reduce or barrier, so
  /// that they stop at the same step: ask once a step, after its last
  /// all-reduce. Then write a checkpoint and return kInterrupted.
  virtual int agreedStop() const = 0;
};

/// Runs in every rank, in a process or thread of its own.
using WorkerMain = std::function<Status(WorkerContext &)>;

struct LaunchResult {
  /// The first failure: of this rank's code, or of a peer, named with its
  /// rank, collective, step and model line.
  Status status;
  /// exitCode(status.code()); 130 or 143 after a signal.
  int exitCode = 0;
};

/// Runs `worker` in every rank of `world` that this process has to start, and
/// returns when all have ended. In a forked worker it does not return.
LaunchResult launch(const World &world, const LaunchOptions &options,
                    const WorkerMain &worker);

} // namespace mlrt

#endif // MLC_RUNTIME_LAUNCH_LAUNCH_H
