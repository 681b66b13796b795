//===- WorkerProcess.h - A forked rank ------------------------------------===//
#ifndef MLC_RUNTIME_LAUNCH_WORKERPROCESS_H
#define MLC_RUNTIME_LAUNCH_WORKERPROCESS_H

#include "runtime/comm/KeyValueStore.h"
#include "runtime/comm/LocalGroup.h"
#include "runtime/launch/Launch.h"

#include <atomic>
#include <memory>
#include <signal.h>
#include <span>
#include <sys/types.h>

namespace mlrt {

/// How a worker ended by itself, in memory that it shares with the supervisor.
struct alignas(128) WorkerOutcome {
  std::atomic<uint32_t> done{0};
  StatusCode code = StatusCode::kOk;
  char message[4096] = {};

  void set(const Status &status);
  Status get() const { return Status(code, message); }
};

/// The communicator of a rank and what it needs to live.
struct ConnectedRank {
  std::unique_ptr<KeyValueStore> store;
  std::unique_ptr<Communicator> communicator;
};
/// Makes it, in that rank's process.
using ConnectRank = std::function<Result<ConnectedRank>(int rank)>;

/// What every worker of a supervisor gets.
struct WorkerPlan {
  const World &world;
  const WorkerMain &main;
  ConnectRank connect;
  std::shared_ptr<LocalGroup> group; ///< progress and failure
  WorkerOutcome *outcomes = nullptr; ///< one per rank
  sigset_t signals;                  ///< the mask to have
};

/// A forked worker as the supervisor sees it.
struct WorkerProcess {
  pid_t process = -1;
  int output = -1; ///< read ends of pipes; -1: the supervisor's own
  int errors = -1;
};

/// Forks rank `rank`; the child runs it and never returns from here.
Result<WorkerProcess> forkWorker(const WorkerPlan &plan, int rank);

} // namespace mlrt

#endif // MLC_RUNTIME_LAUNCH_WORKERPROCESS_H
