//===- Log.cpp - Messages for people --------------------------------------===//

#include "runtime/core/Log.h"

#include <cerrno>
#include <cstdio>
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

/// Names from files may hold what a terminal obeys: shown as \xNN. A message of
/// several lines keeps its breaks, and its later lines begin with spaces.
static std::string withoutControls(std::string_view message) {
  std::string text;
  for (size_t i = 0; i < message.size(); ++i) {
    auto c = static_cast<unsigned char>(message[i]);
    bool c1 = c == 0xc2 && i + 1 < message.size() &&
              static_cast<unsigned char>(message[i + 1]) < 0xa0;
    if (c == '\n' && i + 1 < message.size() && message[i + 1] != ' ') {
      text += "\n  ";
    } else if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f || c1) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x",
                    c1 ? static_cast<unsigned char>(message[++i]) : c);
      text += escaped;
    } else {
      text += message[i];
    }
  }
  return text;
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
  line += withoutControls(message);
  line += '\n';
  writeStandardError(line);
}

} // namespace mlrt
