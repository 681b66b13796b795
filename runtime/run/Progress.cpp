//===- Progress.cpp - How far the training is, for people -----------------===//

#include "runtime/run/Progress.h"

#include "runtime/core/Log.h"
#include "runtime/run/MetricsLog.h"

#include <algorithm>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

namespace mlrt {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

std::string durationText(double seconds) {
  auto total = static_cast<uint64_t>(std::clamp(seconds, 0.0, 1e9) + 0.5);
  char text[40];
  if (total >= 3600)
    std::snprintf(text, sizeof text, "%llu:%02llu:%02llu",
                  static_cast<unsigned long long>(total / 3600),
                  static_cast<unsigned long long>(total / 60 % 60),
                  static_cast<unsigned long long>(total % 60));
  else
    std::snprintf(text, sizeof text, "%llu:%02llu",
                  static_cast<unsigned long long>(total / 60),
                  static_cast<unsigned long long>(total % 60));
  return text;
}

Progress::Progress(const Plan &p, bool silent)
    : plan(p), quiet(silent), terminal(isatty(STDERR_FILENO)),
      color(wantsColor(STDERR_FILENO)), start(Clock::now()), last(start),
      lastStep(p.firstStep) {}

Progress::~Progress() { clear(); }

void Progress::clear() {
  if (drawn)
    writeStandardError("\r\033[K");
  drawn = false;
}

void Progress::step(uint64_t step, const Measured &measured) {
  if (quiet)
    return;
  Clock::time_point now = Clock::now();
  double since = Seconds(now - last).count();
  if (since < (terminal ? 0.1 : 10.0) && step != plan.steps)
    return;
  if (since > 0) {
    double current =
        static_cast<double>((step - lastStep) * plan.batch) / since;
    rate = rate == 0 ? current : 0.7 * rate + 0.3 * current;
  }
  last = now;
  lastStep = step;
  draw(step, measured);
}

void Progress::draw(uint64_t step, const Measured &measured) {
  uint64_t perEpoch = std::max<uint64_t>(1, plan.stepsPerEpoch);
  uint64_t epochs = (plan.steps + perEpoch - 1) / perEpoch;
  uint64_t epoch = std::min(epochs, (step + perEpoch - 1) / perEpoch);
  double left =
      rate > 0 ? static_cast<double>((plan.steps - step) * plan.batch) / rate
               : 0;
  char head[160];
  std::snprintf(head, sizeof head, "epoch %llu/%llu  step %llu/%llu",
                static_cast<unsigned long long>(epoch),
                static_cast<unsigned long long>(epochs),
                static_cast<unsigned long long>(step),
                static_cast<unsigned long long>(plan.steps));
  char tail[160];
  std::snprintf(tail, sizeof tail, "  %.0f examples/s  ETA %s", rate,
                durationText(left).c_str());
  std::string text = head;
  if (terminal) {
    constexpr size_t kWidth = 24;
    uint64_t inEpoch = step - (epoch ? (epoch - 1) * perEpoch : 0);
    size_t full = static_cast<size_t>(
        std::min<uint64_t>(kWidth, inEpoch * kWidth / perEpoch));
    text += "  ";
    text += color ? "\033[32m" : "";
    for (size_t i = 0; i < kWidth; ++i)
      text += i < full ? "\u2501" : i == full ? "\u257a" : " ";
    text += color ? "\033[0m" : "";
  }
  text += tail;
  text += metricsText(measured);
  if (!terminal) {
    writeStandardError(text + "\n");
    return;
  }
  writeStandardError("\r" + text + "\033[K");
  drawn = true;
}

void Progress::line(const std::string &text) {
  if (quiet)
    return;
  clear();
  writeStandardError(text + "\n");
}

} // namespace mlrt
