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

/// A file of lines, kept in memory up to 64 KiB.
class MetricsLog {
public:
  /// \param append  go on behind what is there (a resumed run).
  /// \returns kRunFailed where the file cannot be written.
  static Result<MetricsLog> open(const std::string &path, bool append);
  MetricsLog(MetricsLog &&other) noexcept;
  MetricsLog &operator=(MetricsLog &&) = delete;
  ~MetricsLog();

  Status write(std::string_view line);
  Status flush();

private:
  MetricsLog(int descriptor, std::string path);

  int fd;
  std::string name, buffer;
};

} // namespace mlrt

#endif // MLC_RUNTIME_RUN_METRICSLOG_H
