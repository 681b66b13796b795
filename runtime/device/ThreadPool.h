//===- ThreadPool.h - The compute threads of a rank -----------------------===//
#ifndef MLC_RUNTIME_DEVICE_THREADPOOL_H
#define MLC_RUNTIME_DEVICE_THREADPOOL_H

#include "runtime/core/Status.h"

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace mlrt {

/// CPUs that this process may use: its affinity, at most the quota of its
/// cgroup (rounded up, at least one).
std::vector<int> availableCpus();

/// Threads of each of `localRanks` ranks on this host: `requested` where > 0,
/// else MLRUN_NUM_THREADS, else an equal share of the CPUs, at least one.
int chooseThreads(int requested, int localRanks);

/// kInvalidArgument where MLRUN_NUM_THREADS is set to something else than a
/// whole number from 1 to 1024.
Status checkThreadsOfEnvironment();

/// A fixed number of threads, the caller's among them. Between two runs the
/// others spin briefly, then sleep on a futex; they do not spin where the ranks
/// of the host have more threads than it has CPUs.
class ThreadPool {
public:
  /// \param threads    at least one.
  /// \param localRank  decides which CPUs its threads are pinned to, where the
  ///   `localRanks` ranks of the host fit its CPUs.
  ThreadPool(int threads, int localRank = 0, int localRanks = 1);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int size() const { return threadCount; }

  /// Calls `task(context, thread)` once on every thread, on the caller's as
  /// thread 0, and returns when all have returned. Allocates nothing.
  void run(void (*task)(void *context, int thread), void *context);

private:
  void work(int thread);

  int threadCount;
  int spins = 0; // polls before a thread sleeps
  void (*currentTask)(void *, int) = nullptr;
  void *currentContext = nullptr;
  alignas(64) std::atomic<uint32_t> generation{0};
  alignas(64) std::atomic<uint32_t> pending{0};
  std::atomic<bool> stopping{false};
  std::vector<int> cpus; // pinned to, by thread; empty: not pinned
  std::vector<std::thread> threads;
};

} // namespace mlrt

#endif // MLC_RUNTIME_DEVICE_THREADPOOL_H
