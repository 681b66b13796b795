//===- LineForwarder.cpp - Output of workers with their rank in front -----===//

#include "runtime/launch/LineForwarder.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace mlrt {

static constexpr size_t kLongestLine = 65536;

LineForwarder::LineForwarder(int newSource, int newTarget,
                             std::string newPrefix)
    : source(newSource), target(newTarget), prefix(std::move(newPrefix)) {
  fcntl(source, F_SETFL, fcntl(source, F_GETFL) | O_NONBLOCK);
}

LineForwarder::LineForwarder(LineForwarder &&other) noexcept
    : source(std::exchange(other.source, -1)), target(other.target),
      prefix(std::move(other.prefix)), pending(std::move(other.pending)) {}

LineForwarder::~LineForwarder() {
  if (source >= 0)
    close(source);
}

void LineForwarder::writeLine(size_t begin, size_t end) {
  std::string line = prefix;
  line.append(pending, begin, end - begin);
  line += '\n';
  const char *at = line.data();
  for (size_t left = line.size(); left > 0;) {
    ssize_t written = write(target, at, left);
    if (written < 0 && errno == EINTR)
      continue;
    if (written <= 0)
      return; // nobody reads our output: go on without
    at += written;
    left -= static_cast<size_t>(written);
  }
}

void LineForwarder::forward() {
  char buffer[8192];
  while (source >= 0) {
    ssize_t length = read(source, buffer, sizeof(buffer));
    if (length < 0 && errno == EINTR)
      continue;
    if (length < 0)
      return; // nothing more for now
    if (length == 0) {
      close(std::exchange(source, -1));
      return;
    }
    pending.append(buffer, static_cast<size_t>(length));
    size_t begin = 0;
    for (size_t end; (end = pending.find('\n', begin)) != std::string::npos;
         begin = end + 1)
      writeLine(begin, end);
    pending.erase(0, begin);
    if (pending.size() >= kLongestLine) {
      writeLine(0, pending.size());
      pending.clear();
    }
  }
}

void LineForwarder::finish() {
  forward();
  if (!pending.empty())
    writeLine(0, pending.size());
  pending.clear();
}

} // namespace mlrt
