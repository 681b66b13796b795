//===- Apart.cpp - Work in a process of its own ---------------------------===//

#include "test/random/Apart.h"

#include <csignal>
#include <cstring>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace mlc::randomgraph {

static void send(int fd, const std::string &text) {
  for (size_t done = 0; done < text.size();) {
    ssize_t count = ::write(fd, text.data() + done, text.size() - done);
    if (count <= 0)
      _exit(3);
    done += static_cast<size_t>(count);
  }
}

/// Limits this process: to so much time of a processor, and to eight times that
/// on the clock, on which a busy machine may be slow.
static void limitTime(unsigned seconds) {
  rlimit limit{seconds, seconds + 5};
  setrlimit(RLIMIT_CPU, &limit);
  alarm(8 * seconds);
}

Apart::Apart(const std::function<std::string(const Say &)> &work,
             unsigned timeoutSeconds) {
  int ends[2];
  if (pipe(ends) != 0) {
    death = "crash";
    reason = "no pipe";
    return;
  }
  pid = fork();
  if (pid == 0) {
    close(ends[0]);
    for (int number :
         {SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE, SIGALRM, SIGXCPU})
      signal(number, SIG_DFL); // the parent reports; no stack dump
    limitTime(timeoutSeconds);
    send(ends[1], work([&](const std::string &text) { send(ends[1], text); }));
    _exit(0);
  }
  close(ends[1]);
  fd = ends[0];
}

Apart::~Apart() {
  if (pid > 0) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  if (fd >= 0)
    close(fd);
}

bool Apart::receive() {
  char buffer[4096];
  ssize_t count = fd < 0 ? 0 : ::read(fd, buffer, sizeof buffer);
  if (count > 0) {
    text.append(buffer, static_cast<size_t>(count));
    return false;
  }
  int status = 0;
  if (pid > 0 && waitpid(pid, &status, 0) == pid) {
    if (WIFSIGNALED(status)) {
      int number = WTERMSIG(status);
      bool late = number == SIGALRM || number == SIGXCPU;
      death = late ? "hang" : "crash";
      reason = strsignal(WTERMSIG(status));
    } else if (WEXITSTATUS(status) != 0) {
      death = "crash";
      reason = "exit code " + std::to_string(WEXITSTATUS(status));
    }
  }
  pid = -1;
  return true;
}

void Apart::wait() {
  while (!receive()) {
  }
}

} // namespace mlc::randomgraph
