//===- Progress.cpp - How far the training is, for people -----------------===//

#include "runtime/run/Progress.h"

#include "runtime/core/Log.h"
#include "runtime/run/MetricsLog.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

namespace mlrt {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

std::string durationText(double seconds) {
  auto total =
      static_cast<uint64_t>(std::llround(std::clamp(seconds, 0.0, 1e9)));
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

std::string elapsedText(double seconds) {
  if (seconds >= 59.95) // what rounds to a minute
    return durationText(seconds);
  char text[40];
  std::snprintf(text, sizeof text, "%.1f s", std::max(seconds, 0.0));
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
  if (since < (terminal ? 0.1 : 10.0))
    return; // the end has a line of its own
  if (since > 0) {
    double current =
        static_cast<double>((step - lastStep) * plan.batch) / since;
    rate = rate == 0 ? current : 0.7 * rate + 0.3 * current;
  }
  last = now;
  lastStep = step;
  draw(step, measured);
}

/// Columns of the terminal behind standard error.
static size_t terminalColumns() {
  struct winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return 80;
  return size.ws_col;
}

/// A bar of `width` columns, `done` of `total` full.
static std::string barText(uint64_t done, uint64_t total, size_t width,
                           bool color) {
  auto full = static_cast<size_t>(std::min<uint64_t>(
      width, static_cast<uint64_t>(static_cast<double>(done) /
                                   static_cast<double>(total) *
                                   static_cast<double>(width))));
  std::string text = color ? "\033[32m" : "";
  for (size_t i = 0; i < width; ++i)
    text += i < full ? "\u2501" : i == full ? "\u257a" : " ";
  return text + (color ? "\033[0m" : "");
}

void Progress::draw(uint64_t step, const Measured &measured) {
  uint64_t perEpoch = std::max<uint64_t>(1, plan.stepsPerEpoch);
  uint64_t epochs =
      plan.steps / perEpoch + (plan.steps % perEpoch == 0 ? 0 : 1);
  uint64_t epoch = std::min(epochs, (step + perEpoch - 1) / perEpoch);
  double left = rate > 0 ? static_cast<double>(plan.steps - step) *
                               static_cast<double>(plan.batch) / rate
                         : 0;
  char rateText[64];
  std::snprintf(rateText, sizeof rateText, "%.0f examples/s", rate);
  std::string head =
      "epoch " + std::to_string(epoch) + "/" + std::to_string(epochs);
  std::string steps =
      "  step " + std::to_string(step) + "/" + std::to_string(plan.steps);
  std::string tail = std::string(rateText) + "  ETA " + durationText(left) +
                     " " + metricsText(measured);
  if (!terminal) {
    writeStandardError(head + steps + "  " + tail + "\n");
    return;
  }
  // One line: the steps go first where it is narrow, then the bar.
  constexpr size_t kWidest = 24, kNarrowest = 3, kGaps = 4;
  size_t columns = terminalColumns() - 1;
  if (columns >= head.size() + steps.size() + kGaps + kNarrowest + tail.size())
    head += steps;
  size_t taken = head.size() + kGaps + tail.size();
  std::string text = head;
  if (columns >= taken + kNarrowest)
    text += "  " + barText(step - (epoch ? (epoch - 1) * perEpoch : 0),
                           perEpoch, std::min(kWidest, columns - taken), color);
  else if (columns < head.size() + 2 + tail.size())
    tail.resize(columns > head.size() + 2 ? columns - head.size() - 2 : 0);
  writeStandardError("\r" + text + "  " + tail + "\033[K");
  drawn = true;
}

void Progress::line(const std::string &text) {
  if (quiet)
    return;
  clear();
  writeStandardError(text + "\n");
}

} // namespace mlrt
