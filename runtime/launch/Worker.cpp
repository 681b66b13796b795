//===- Worker.cpp - One rank, inside its process or thread ----------------===//

#include "runtime/launch/Worker.h"
#include "runtime/core/Thread.h"

#include <cerrno>
#include <climits>
#include <csignal>
#include <exception>
#include <iterator>
#include <linux/futex.h>
#include <new>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace mlrt {

void Worker::heartbeat(uint64_t step, std::string_view activity) {
  CollectiveHeader header;
  header.kind = CollectiveKind::activity;
  header.step = step;
  header.sender = comm.rank();
  header.setText(activity, "");
  state.set(header, false);
}

int Worker::agreedStop() const {
  // A single rank has nobody to agree with.
  return comm.size() == 1 ? StopOnSignal::received() : comm.agreedStop();
}

static std::atomic<int> receivedSignal{0};
static std::atomic<Communicator *> toldCommunicator{nullptr};
static constexpr int kStopSignals[] = {SIGINT, SIGTERM, SIGHUP};
static struct sigaction previousActions[std::size(kStopSignals)];

static void onSignal(int signal) {
  if (signal == SIGHUP)
    signal = SIGTERM; // the terminal is gone
  int none = 0;
  if (!receivedSignal.compare_exchange_strong(none, signal))
    _exit(128 + signal); // asked twice
  if (Communicator *communicator = toldCommunicator.load())
    communicator->requestStop(signal);
}

StopOnSignal::StopOnSignal() {
  receivedSignal.store(0);
  struct sigaction action = {};
  action.sa_handler = onSignal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < std::size(kStopSignals); ++i) {
    sigaction(kStopSignals[i], &action, &previousActions[i]);
    if (kStopSignals[i] == SIGHUP && previousActions[i].sa_handler == SIG_IGN)
      sigaction(SIGHUP, &previousActions[i], nullptr); // under nohup
  }
}

StopOnSignal::~StopOnSignal() {
  toldCommunicator.store(nullptr);
  for (size_t i = 0; i < std::size(kStopSignals); ++i)
    sigaction(kStopSignals[i], &previousActions[i], nullptr);
}

void StopOnSignal::tell(Communicator *communicator) {
  toldCommunicator.store(communicator);
  if (communicator != nullptr && received() != 0)
    communicator->requestStop(received());
}

int StopOnSignal::received() { return receivedSignal.load(); }

Heart::Heart(Progress &progress, std::function<void()> tick)
    : thread([this, &progress, tick = std::move(tick)] {
        nameThisThread("heart");
        while (ended.load() == 0) {
          progress.beat();
          if (tick)
            tick();
          timespec pause = {0, 100'000'000};
          syscall(SYS_futex, &ended, FUTEX_WAIT, 0, &pause, nullptr, 0);
        }
      }) {}

Heart::~Heart() {
  ended.store(1);
  syscall(SYS_futex, &ended, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  thread.join();
}

Status runWorker(const WorkerMain &main, WorkerContext &context) {
  try {
    return main(context);
  } catch (const std::bad_alloc &) {
    return Status(StatusCode::kRunFailed, "out of memory");
  } catch (const std::exception &error) {
    return Status(StatusCode::kInternal,
                  std::string("unexpected exception: ") + error.what());
  }
}

Status reported(const Status &status, int rank, int size) {
  bool ofOneRank = status.code() == StatusCode::kRunFailed ||
                   status.code() == StatusCode::kInternal;
  if (!ofOneRank || size == 1)
    return status;
  return Status(status.code(),
                "rank " + std::to_string(rank) + ": " + status.message());
}

LaunchResult resultOf(Status status, int signal) {
  LaunchResult result;
  result.exitCode = exitCode(status.code());
  if (status.code() == StatusCode::kInterrupted && signal != 0)
    result.exitCode = 128 + signal;
  result.status = std::move(status);
  return result;
}

} // namespace mlrt
