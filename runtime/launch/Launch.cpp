//===- Launch.cpp - Start and supervise the ranks of a run ----------------===//

#include "runtime/launch/Launch.h"
#include "runtime/launch/Supervisor.h"
#include "runtime/launch/Worker.h"

#include <cstdio>

namespace mlrt {

LaunchResult launch(const World &world, const LaunchOptions &options,
                    const WorkerMain &worker) {
  if (options.verbose)
    std::fprintf(stderr, "%d rank%s from %s, joined by %s\n", world.size,
                 world.size == 1 ? "" : "s", world.source.c_str(),
                 std::string(nameOf(world.comm)).c_str());
  if (world.size == 1 || world.comm == CommKind::threads)
    return launchThreads(world, options, worker);
  if (world.external)
    return launchExternal(world, options, worker);
  return supervise(world, options, worker);
}

} // namespace mlrt
