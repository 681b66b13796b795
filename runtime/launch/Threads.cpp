//===- Threads.cpp - Ranks as threads of one process ----------------------===//

#include "runtime/comm/LocalGroup.h"
#include "runtime/launch/Worker.h"

#include <mutex>
#include <vector>

namespace mlrt {

LaunchResult launchThreads(const World &world, const LaunchOptions &options,
                           const WorkerMain &main) {
  LocalGroup::Options groupOptions;
  groupOptions.ranks = world.size;
  groupOptions.mode = LocalGroup::Mode::threads;
  groupOptions.timeoutSeconds = options.timeoutSeconds;
  Result<std::shared_ptr<LocalGroup>> group = LocalGroup::create(groupOptions);
  if (!group.ok())
    return resultOf(group.status(), 0);

  std::vector<std::unique_ptr<Communicator>> communicators;
  communicators.reserve(static_cast<size_t>(world.size));
  for (int rank = 0; rank < world.size; ++rank)
    communicators.push_back((*group)->communicator(rank));

  std::mutex mutex;
  Status first; // failure in time: those that follow from it come later
  auto runRank = [&](int rank) {
    Worker worker(*communicators[rank], (*group)->progress(rank), rank,
                  world.size);
    Status status = runWorker(main, worker);
    if (status.ok())
      return;
    {
      std::lock_guard lock(mutex);
      if (first.ok())
        first = reported(status, rank, world.size);
    }
    if (status.code() != StatusCode::kInterrupted)
      (*group)->fail(
          Status(StatusCode::kAborted, "rank " + std::to_string(rank) +
                                           " failed: " + status.message()));
  };

  StopOnSignal stop;
  stop.tell(communicators[0].get());
  std::vector<std::thread> threads;
  for (int rank = 1; rank < world.size; ++rank)
    threads.emplace_back(runRank, rank);
  runRank(0);
  for (std::thread &thread : threads)
    thread.join();
  stop.tell(nullptr);
  return resultOf(first, StopOnSignal::received());
}

} // namespace mlrt
