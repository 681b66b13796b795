//===- Progress.h - How far the training is, for people -------------------===//
#ifndef MLC_RUNTIME_RUN_PROGRESS_H
#define MLC_RUNTIME_RUN_PROGRESS_H

#include "runtime/run/Session.h"

#include <chrono>

namespace mlrt {

/// Writes to standard error: on a terminal one line that is redrawn at most ten
/// times a second, elsewhere a line every ten seconds; a line that stays for
/// every evaluation.
class Progress {
public:
  struct Plan {
    uint64_t firstStep = 0, steps = 0, stepsPerEpoch = 1, batch = 1;
  };
  Progress(const Plan &plan, bool quiet);
  ~Progress();

  /// `step` steps are done.
  void step(uint64_t step, const Measured &measured);
  /// A line that stays.
  void line(const std::string &text);

private:
  void draw(uint64_t step, const Measured &measured);
  void clear();

  Plan plan;
  bool quiet, terminal, color, drawn = false;
  std::chrono::steady_clock::time_point start, last;
  uint64_t lastStep;
  double rate = 0; // examples a second, smoothed
};

/// "1:02:03" or "2:03".
std::string durationText(double seconds);

/// Time that has passed: "12.3 s" below a minute, then as durationText.
std::string elapsedText(double seconds);

} // namespace mlrt

#endif // MLC_RUNTIME_RUN_PROGRESS_H
