//===- Log.cpp - Messages for people --------------------------------------===//

#include "runtime/core/Log.h"

#include <cerrno>
#include <cstdlib>
#include <unistd.h>

namespace mlrt {

void writeStandardError(std::string_view text) {
  while (!text.empty()) {
    ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return; // nobody listens
    text.remove_prefix(static_cast<size_t>(written));
  }
}

static bool isSet(const char *name) {
  const char *value = std::getenv(name);
  return value && *value;
}

bool wantsColor(int fd) {
  if (isSet("NO_COLOR"))
    return false;
  if (const char *force = std::getenv("CLICOLOR_FORCE");
      force && *force && std::string_view(force) != "0")
    return true;
  const char *term = std::getenv("TERM");
  return isatty(fd) && !(term && std::string_view(term) == "dumb");
}

void logMessage(LogLevel level, std::string_view message) {
  std::string line;
  bool color = level < LogLevel::info && wantsColor(STDERR_FILENO);
  switch (level) {
  case LogLevel::error:
    line += color ? "\033[1;31merror:\033[0m " : "error: ";
    break;
  case LogLevel::warning:
    line += color ? "\033[1;35mwarning:\033[0m " : "warning: ";
    break;
  case LogLevel::info:
    break;
  }
  line += message;
  line += '\n';
  writeStandardError(line);
}

} // namespace mlrt
