//===- WorkerProcess.cpp - A forked rank ----------------------------------===//

#include "runtime/launch/WorkerProcess.h"
#include "runtime/launch/Worker.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace mlrt {

void WorkerOutcome::set(const Status &status) {
  code = status.code();
  size_t length = std::min(status.message().size(), sizeof(message) - 1);
  std::memcpy(message, status.message().data(), length);
  message[length] = '\0';
  done.store(1);
}

namespace {

struct Pipe {
  int readEnd = -1, writeEnd = -1;

  bool open() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
      return false;
    readEnd = ends[0];
    writeEnd = ends[1];
    return true;
  }
  void closeBoth() {
    for (int end : {readEnd, writeEnd})
      if (end >= 0)
        close(end);
  }
};

/// Dies with the supervisor, has a process group of its own, and none of the
/// supervisor's signal handling.
void becomeWorker(pid_t supervisor) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor)
    _exit(exitCode(StatusCode::kAborted)); // it died before the line above
  setpgid(0, 0);
  signal(SIGTTOU, SIG_IGN); // rank 0 may write to a terminal it does not own
  int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing >= 0)
    dup2(nothing, STDIN_FILENO);
}

Status runRank(const WorkerPlan &plan, int rank) {
  StopOnSignal stop;
  sigprocmask(SIG_SETMASK, &plan.signals, nullptr); // what came before waits
  Progress &progress = plan.group->progress(rank);
  ConnectedRank connected; // outlives the heart, which may be waking it
  // Shared memory wakes its ranks itself; another transport needs to be told.
  std::atomic<Communicator *> toWake{nullptr};
  Heart heart(progress, [&plan, &toWake] {
    Communicator *communicator = toWake.load();
    if (communicator == nullptr)
      return;
    Status failure = plan.group->failure();
    if (!failure.ok())
      communicator->abort(failure.message());
  });
  Result<ConnectedRank> made = plan.connect(rank);
  if (!made.ok())
    return made.status();
  connected = std::move(*made);
  Communicator &communicator = *connected.communicator;
  stop.tell(&communicator);
  toWake.store(&communicator);
  Worker worker(communicator, progress, rank, plan.world.size);
  Status status = runWorker(plan.main, worker);
  toWake.store(nullptr);
  stop.tell(nullptr);
  return status;
}

[[noreturn]] void runAndExit(const WorkerPlan &plan, int rank) {
  Status status;
  try {
    status = runRank(plan, rank);
  } catch (const std::exception &error) { // a thread that cannot start
    status = {StatusCode::kRunFailed,
              "rank " + std::to_string(rank) + " cannot start: " +
                  error.what() + "; are there limits (ulimit -u, -v)?"};
  }
  int size = plan.world.size;
  plan.outcomes[rank].set(reported(status, rank, size));
  bool endsOthers = !status.ok() && status.code() != StatusCode::kInterrupted;
  if (endsOthers)
    plan.group->fail(
        Status(StatusCode::kAborted, "rank " + std::to_string(rank) +
                                         " failed: " + status.message()));
  std::fflush(nullptr);
  // Not exit(): the destructors of the supervisor's objects are not ours.
  _exit(exitCode(status.code()));
}

} // namespace

Result<WorkerProcess> forkWorker(const WorkerPlan &plan, int rank) {
  Pipe output, errors;
  if (rank > 0 && (!output.open() || !errors.open())) {
    Status status(StatusCode::kRunFailed,
                  std::string("no pipe for a worker: ") + strerror(errno));
    output.closeBoth();
    return status;
  }
  std::fflush(nullptr); // or the child would write it again
  pid_t supervisor = getpid();
  pid_t process = fork();
  if (process < 0) {
    Status status(StatusCode::kRunFailed, "cannot start worker " +
                                              std::to_string(rank) + ": " +
                                              strerror(errno));
    output.closeBoth();
    errors.closeBoth();
    return status;
  }
  if (process == 0) {
    becomeWorker(supervisor);
    if (rank > 0) {
      dup2(output.writeEnd, STDOUT_FILENO);
      dup2(errors.writeEnd, STDERR_FILENO);
      output.closeBoth();
      errors.closeBoth();
    }
    runAndExit(plan, rank);
  }
  setpgid(process, process); // whoever of both comes first
  if (rank > 0) {
    close(output.writeEnd);
    close(errors.writeEnd);
  }
  return WorkerProcess{process, output.readEnd, errors.readEnd};
}

} // namespace mlrt
