//===- Apart.h - Work in a process of its own -------------------*- C++ -*-===//

#ifndef MLC_TEST_RANDOM_APART_H
#define MLC_TEST_RANDOM_APART_H

#include <functional>
#include <string>
#include <sys/types.h>

namespace mlc::randomgraph {

/// A forked process that runs one function and sends its text home.
class Apart {
public:
  /// \param work  what it returns is the text; `say` sends text before that, to
  ///   be there even if the rest crashes.
  using Say = std::function<void(const std::string &)>;
  explicit Apart(const std::function<std::string(const Say &)> &work,
                 unsigned timeoutSeconds);
  Apart(const Apart &) = delete;
  Apart &operator=(const Apart &) = delete;
  ~Apart();

  int file() const { return fd; }
  /// Takes what has arrived. True when the process has ended.
  bool receive();
  /// Waits for the end.
  void wait();

  std::string text;
  /// After the end: "" where the function returned, else "crash" or "hang", and
  /// in `reason` by which signal.
  std::string death, reason;

private:
  pid_t pid = -1;
  int fd = -1;
};

} // namespace mlc::randomgraph

#endif // MLC_TEST_RANDOM_APART_H
