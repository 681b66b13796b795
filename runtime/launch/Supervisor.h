//===- Supervisor.h - Ranks as processes that this one watches ------------===//
#ifndef MLC_RUNTIME_LAUNCH_SUPERVISOR_H
#define MLC_RUNTIME_LAUNCH_SUPERVISOR_H

#include "runtime/launch/Launch.h"

namespace mlrt {

/// Forks a worker for each rank of `world` and watches them: their exits and,
/// since a stopped or swapped-out process does not exit, their heartbeats. When
/// one fails, the others are woken out of their collectives with its name, get
/// two seconds to end, and are then killed with their process groups. Workers
/// die with the supervisor (PR_SET_PDEATHSIG).
///
/// Rank 0 writes to the caller's standard output and error; lines of the others
/// come with `[rank i]` in front. SIGINT and SIGTERM go to all workers; a
/// second one kills them.
LaunchResult supervise(const World &world, const LaunchOptions &options,
                       const WorkerMain &worker);

} // namespace mlrt

#endif // MLC_RUNTIME_LAUNCH_SUPERVISOR_H
