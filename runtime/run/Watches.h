//===- Watches.h - The best checkpoint, and when to stop ------------------===//
#ifndef MLC_RUNTIME_RUN_WATCHES_H
#define MLC_RUNTIME_RUN_WATCHES_H

#include "runtime/checkpoint/Checkpoint.h"
#include "runtime/run/Commands.h"
#include "runtime/run/Session.h"

namespace mlrt {

/// What a training run looks for in its evaluations.
struct Watches {
  Watch best;            ///< whose checkpoint is kept as DIR/best
  Watch stop;            ///< without a better one for `patience`, training ends
  uint64_t patience = 0; ///< evaluations; 0: never

  bool stopIsDue() const {
    return !stop.metric.empty() && patience > 0 && stop.seen.since >= patience;
  }
};

/// From --keep-best, --early-stop and --patience, or else the plan.
///
/// \param evaluates  whether the run evaluates at all.
/// \returns kInvalidArgument for a metric that evaluations do not have, or is
///   a table, and for what does not fit together.
Result<Watches> watchesOf(const Plan &plan, const RunOptions &options,
                          bool evaluates);

/// Goes on from what `saved` has seen, if it watched the same.
void goOnFrom(const Watch &saved, Watch &watch);

/// Notes the evaluation after `step`. One that was noted before, as by the run
/// that this one goes on from, changes nothing; nor is what is not finite ever
/// better.
void observe(Watch &watch, const Measured &evaluation, uint64_t step);

/// "accuracy has not been above 0.93 (step 450) for 3 epochs".
std::string reasonToStop(const Watches &watches);

} // namespace mlrt

#endif // MLC_RUNTIME_RUN_WATCHES_H
