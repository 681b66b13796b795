//===- Log.h - Messages for people ----------------------------------------===//
//
// One line per message to standard error in one write, so that the lines of
// several ranks do not mix. Data never goes here.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_CORE_LOG_H
#define MLC_RUNTIME_CORE_LOG_H

#include <string>
#include <string_view>

namespace mlrt {

enum class LogLevel { error, warning, info };

void logMessage(LogLevel level, std::string_view message);
inline void logError(std::string_view m) { logMessage(LogLevel::error, m); }
inline void logWarning(std::string_view m) { logMessage(LogLevel::warning, m); }
inline void logInfo(std::string_view m) { logMessage(LogLevel::info, m); }

/// Writes all of `text` to standard error.
void writeStandardError(std::string_view text);

/// Whether to colour what goes to `fd`: NO_COLOR (not empty) wins, then
/// CLICOLOR_FORCE, then whether it is a terminal and TERM is not dumb.
bool wantsColor(int fd);

} // namespace mlrt

#endif // MLC_RUNTIME_CORE_LOG_H
