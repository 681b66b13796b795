//===- Worker.h - One rank, inside its process or thread ------------------===//
#ifndef MLC_RUNTIME_LAUNCH_WORKER_H
#define MLC_RUNTIME_LAUNCH_WORKER_H

#include "runtime/comm/CollectiveHeader.h"
#include "runtime/launch/Launch.h"

#include <atomic>
#include <string>
#include <thread>

namespace mlrt {

/// The context of a rank whose communicator and progress exist.
class Worker final : public WorkerContext {
public:
  Worker(Communicator &newCommunicator, Progress &newProgress, int newLocalRank,
         int newLocalSize)
      : comm(newCommunicator), state(newProgress), local(newLocalRank),
        locals(newLocalSize) {}

  int localRank() const override { return local; }
  int localSize() const override { return locals; }
  Communicator &communicator() const override { return comm; }
  void heartbeat(uint64_t step, std::string_view activity) override;
  int agreedStop() const override;

private:
  Communicator &comm;
  Progress &state;
  int local, locals;
};

/// Catches SIGINT, SIGTERM and SIGHUP (as SIGTERM; ignored under nohup) while
/// it lives: the first is told to `communicator` (null: only remembered), a
/// second ends the process at once.
class StopOnSignal {
public:
  StopOnSignal();
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal &) = delete;
  StopOnSignal &operator=(const StopOnSignal &) = delete;

  void tell(Communicator *communicator);
  static int received();
};

/// Adds a beat to `progress`, and calls `tick` where there is one, ten times a
/// second while it lives. A stopped process does not beat; a slow one does.
class Heart {
public:
  explicit Heart(Progress &progress, std::function<void()> tick = {});
  ~Heart();
  Heart(const Heart &) = delete;
  Heart &operator=(const Heart &) = delete;

private:
  std::atomic<uint32_t> ended{0};
  std::thread thread;
};

/// What `main` returns, with an exception that escapes it as kInternal.
Status runWorker(const WorkerMain &main, WorkerContext &context);

/// `status` of `rank` as it is reported for the run: with the rank in front
/// where it is not the same for every rank.
Status reported(const Status &status, int rank, int size);

/// The result of a run that ended with `status`, after `signal` or 0.
LaunchResult resultOf(Status status, int signal);

/// Runs all ranks as threads of this process; for one rank, the caller's.
LaunchResult launchThreads(const World &world, const LaunchOptions &options,
                           const WorkerMain &main);

/// Runs this process's rank of a world that another launcher started; rank 0
/// serves the store. A failed rank is named on every other.
LaunchResult launchExternal(const World &world, const LaunchOptions &options,
                            const WorkerMain &main);

} // namespace mlrt

#endif // MLC_RUNTIME_LAUNCH_WORKER_H
