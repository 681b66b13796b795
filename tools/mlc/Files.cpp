//===- Files.cpp - Reading models and writing plans -----------------------===//

#include "tools/mlc/Files.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace mlc::driver {

std::optional<std::string> readInput(const std::string &path,
                                     std::string &error) {
  auto fail = [&](int code) {
    error = "cannot read " + path + ": " + std::strerror(code);
    return std::nullopt;
  };
  int fd =
      path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return fail(errno);
  std::string text;
  char block[65536];
  int code = 0;
  while (true) {
    ssize_t got = read(fd, block, sizeof block);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      code = errno;
    if (got <= 0)
      break;
    text.append(block, static_cast<size_t>(got));
  }
  if (fd != STDIN_FILENO)
    close(fd);
  if (code != 0)
    return fail(code);
  return text;
}

static bool writeAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t put = write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return false;
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return true;
}

bool writeOutput(const std::string &path, std::string_view bytes,
                 std::string &error, bool *readerGone) {
  auto fail = [&] {
    error = "cannot write " + path + ": " + std::strerror(errno);
    return false;
  };
  if (path == "-") {
    bool good = writeAll(STDOUT_FILENO, bytes);
    bool gone = !good && errno == EPIPE;
    if (readerGone)
      *readerGone = gone;
    return good || gone || fail();
  }
  // A device or pipe is written as it is; renaming would replace it.
  struct stat status;
  bool exists = stat(path.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode)) {
    int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0)
      return fail();
    bool good = writeAll(fd, bytes);
    int code = errno;
    good = close(fd) == 0 && good;
    errno = code;
    return good || fail();
  }
  std::string aside = path + ".tmp." + std::to_string(getpid());
  int fd = open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0)
    return fail();
  bool good = (!exists || fchmod(fd, status.st_mode & 07777) == 0) &&
              writeAll(fd, bytes) && fsync(fd) == 0;
  int code = errno;
  good = close(fd) == 0 && good;
  if (good && rename(aside.c_str(), path.c_str()) == 0)
    return true;
  if (good)
    code = errno;
  unlink(aside.c_str());
  errno = code;
  return fail();
}

std::optional<std::string> installedLibrary(std::string &error) {
  namespace fs = std::filesystem;
  std::error_code code;
  fs::path program = fs::canonical("/proc/self/exe", code);
  if (code)
    return std::nullopt;
  fs::path layers = program.parent_path() / MLC_LIBRARY_FROM_PROGRAM;
  if (fs::status(layers, code).type() == fs::file_type::not_found)
    return std::nullopt;
  return readInput(layers.string(), error);
}

bool wantsColor() {
  auto isSet = [](const char *name) {
    const char *value = std::getenv(name);
    return value && *value && std::string_view(value) != "0";
  };
  const char *noColor = std::getenv("NO_COLOR");
  if (noColor && *noColor)
    return false;
  if (isSet("CLICOLOR_FORCE"))
    return true;
  const char *term = std::getenv("TERM");
  return isatty(STDERR_FILENO) != 0 &&
         !(term && std::string_view(term) == "dumb");
}

} // namespace mlc::driver
