//===- MetricsLog.h - Loss and metrics as JSON lines ----------------------===//
//
// docs/schema/log.schema.json. Numbers are the shortest that read back to the
// same double; what is not finite is null.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_RUN_METRICSLOG_H
#define MLC_RUNTIME_RUN_METRICSLOG_H

#include "runtime/run/Session.h"

#include <string>

namespace mlrt {

/// Appends a number, or null.
void appendJsonNumber(std::string &line, double value);
/// Appends a string in quotes.
void appendJsonString(std::string &line, std::string_view text);
/// Appends one line with its newline. Allocates only while `line` grows.
void appendMetricsJson(std::string &line, uint64_t step, uint64_t epoch,
                       std::string_view split, const Measured &measured);
/// " loss 0.1234, accuracy 0.98" for people.
std::string metricsText(const Measured &measured);
/// The metrics that are tables, a line for each row.
std::string metricsTables(const Measured &measured);

/// A file of lines, kept in memory up to 64 KiB.
class MetricsLog {
public:
  /// Begins a file anew.
  /// \returns kRunFailed where it cannot be written.
  static Result<MetricsLog> create(const std::string &path);
  /// Goes on behind the lines of `step` and before. Later ones are removed: the
  /// run that a resumed one goes on from got further than its checkpoint.
  /// \returns kRunFailed where the file cannot be read or written.
  static Result<MetricsLog> resume(const std::string &path, uint64_t step);
  MetricsLog(MetricsLog &&other) noexcept;
  MetricsLog &operator=(MetricsLog &&) = delete;
  ~MetricsLog();

  /// Whether the file that was resumed ends with a line of this.
  bool endsWith(uint64_t step, uint64_t epoch, std::string_view split) const;
  Status write(std::string_view line);
  Status flush();

private:
  static Result<MetricsLog> open(const std::string &path, int flags);
  MetricsLog(int descriptor, std::string path);

  int fd;
  std::string name, buffer;
  std::string lastLine; ///< of the file that was resumed
};

} // namespace mlrt

#endif // MLC_RUNTIME_RUN_METRICSLOG_H
