//===- LineForwarder.h - Output of workers with their rank in front -------===//
#ifndef MLC_RUNTIME_LAUNCH_LINEFORWARDER_H
#define MLC_RUNTIME_LAUNCH_LINEFORWARDER_H

#include <cstddef>
#include <string>

namespace mlrt {

/// Reads one end of a pipe and writes whole lines, each behind `prefix`, to
/// another descriptor. A line above 64 KiB is cut into several.
class LineForwarder {
public:
  LineForwarder(int source, int target, std::string prefix);
  ~LineForwarder();
  LineForwarder(LineForwarder &&other) noexcept;
  LineForwarder(const LineForwarder &) = delete;
  LineForwarder &operator=(const LineForwarder &) = delete;

  int descriptor() const { return source; } ///< -1 after the end
  /// Forwards what is there, without waiting.
  void forward();
  /// Forwards what is there and an unfinished last line.
  void finish();

private:
  void writeLine(size_t begin, size_t end);

  int source, target;
  std::string prefix;
  std::string pending;
};

} // namespace mlrt

#endif // MLC_RUNTIME_LAUNCH_LINEFORWARDER_H
