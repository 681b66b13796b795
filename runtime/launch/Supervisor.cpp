//===- Supervisor.cpp - Ranks as processes that this one watches ----------===//

#include "runtime/launch/Supervisor.h"
#include "runtime/comm/GlooCommunicator.h"
#include "runtime/comm/LocalTransport.h"
#include "runtime/launch/Cause.h"
#include "runtime/launch/LineForwarder.h"
#include "runtime/launch/Store.h"
#include "runtime/launch/Worker.h"
#include "runtime/launch/WorkerProcess.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <optional>
#include <poll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace mlrt {

namespace {

constexpr int kTickMs = 50;
/// What survivors of a failure get to come out of a collective and end.
constexpr double kGraceSeconds = 2;

uint64_t nanoseconds(double seconds) {
  return static_cast<uint64_t>(seconds * 1e9);
}

class Supervisor {
public:
  Supervisor(const World &newWorld, const LaunchOptions &newOptions,
             const WorkerMain &newMain)
      : world(newWorld), options(newOptions), main(newMain) {}
  ~Supervisor();

  LaunchResult run();

private:
  struct Child {
    pid_t process = -1;
    bool running = false;
    bool givenUp = false; ///< silent, and killed for it
    uint64_t beats = 0;
    uint64_t lastBeatNs = 0; ///< of the supervisor's clock
  };

  Status prepare();
  Status prepareStore();
  Result<ConnectedRank> connect(int rank);
  Status start();
  void watch();
  void advanceClock();
  void waitForEvents();
  void handleSignals();
  void suspend();
  void reap();
  /// \param waitStatus  none where somebody else has reaped the process.
  void ended(int rank, std::optional<int> waitStatus);
  void checkHearts();
  void failed(const Status &status, Cause cause);
  void killAll();
  std::string whereabouts(int rank) const;
  bool anyRunning() const;
  void send(int signal);

  const World &world;
  const LaunchOptions &options;
  const WorkerMain &main;
  std::shared_ptr<LocalGroup> group;
  StoreOptions storeOptions;
  std::unique_ptr<StoreServer> server; ///< for Gloo
  WorkerOutcome *outcomes = nullptr;
  sigset_t previousMask;
  bool masked = false;
  int signals = -1; ///< signalfd
  std::vector<Child> children;
  std::vector<LineForwarder> forwarders;
  uint64_t clockNs = 0; ///< awake time: stands still while we are stopped
  uint64_t lastNs = 0;
  uint64_t killAtNs = UINT64_MAX;
  bool killed = false;
  int interruptedBy = 0;
  Status failure;
  Cause failureCause = Cause::none;
};

Supervisor::~Supervisor() {
  if (outcomes != nullptr)
    munmap(outcomes, static_cast<size_t>(world.size) * sizeof(WorkerOutcome));
  if (signals >= 0)
    close(signals);
  if (masked)
    sigprocmask(SIG_SETMASK, &previousMask, nullptr);
}

Status Supervisor::prepare() {
  LocalGroup::Options groupOptions;
  groupOptions.ranks = world.size;
  groupOptions.timeoutSeconds = options.timeoutSeconds;
  groupOptions.mode = world.comm == CommKind::gloo
                          ? LocalGroup::Mode::watched
                          : LocalGroup::Mode::processes;
  Result<std::shared_ptr<LocalGroup>> made = LocalGroup::create(groupOptions);
  if (!made.ok())
    return made.status();
  group = *made;
  void *memory =
      mmap(nullptr, static_cast<size_t>(world.size) * sizeof(WorkerOutcome),
           PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return Status(StatusCode::kRunFailed,
                  std::string("no shared memory: ") + strerror(errno));
  outcomes = static_cast<WorkerOutcome *>(memory);
  for (int rank = 0; rank < world.size; ++rank)
    new (&outcomes[rank]) WorkerOutcome();

  sigset_t handled;
  sigemptyset(&handled);
  for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGTSTP})
    sigaddset(&handled, signal);
  struct sigaction hangup = {};
  sigaction(SIGHUP, nullptr, &hangup);
  if (hangup.sa_handler == SIG_IGN) // nohup: a blocked signal would come anyway
    sigdelset(&handled, SIGHUP);
  sigprocmask(SIG_BLOCK, &handled, &previousMask);
  masked = true;
  signals = signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0)
    return Status(StatusCode::kRunFailed,
                  std::string("no signalfd: ") + strerror(errno));
  return world.comm == CommKind::gloo ? prepareStore() : Status();
}

/// The store for Gloo, at an address that only this machine reaches.
Status Supervisor::prepareStore() {
  char secret[32];
  if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
    return Status(StatusCode::kRunFailed, "no random numbers from the system");
  storeOptions.address = "127.0.0.1";
  storeOptions.port = world.masterPort;
  storeOptions.secret.assign(secret, sizeof(secret));
  storeOptions.timeoutSeconds = options.timeoutSeconds;
  storeOptions.ranks = world.size;
  Result<std::unique_ptr<StoreServer>> listening =
      StoreServer::listen(storeOptions);
  if (!listening.ok())
    return listening.status();
  server = std::move(*listening);
  storeOptions.port = server->port();
  return Status();
}

/// In the worker.
Result<ConnectedRank> Supervisor::connect(int rank) {
  ConnectedRank connected;
  if (!server) {
    connected.communicator = group->communicator(rank);
    return connected;
  }
  Result<std::unique_ptr<StoreClient>> store =
      StoreClient::connect(storeOptions);
  if (!store.ok())
    return store.status();
  GlooOptions gloo;
  gloo.rank = rank;
  gloo.size = world.size;
  gloo.timeoutSeconds = options.timeoutSeconds;
  gloo.masterAddress = storeOptions.address;
  gloo.progress = &group->progress(rank);
  Result<std::unique_ptr<Communicator>> communicator =
      connectGloo(gloo, **store);
  if (!communicator.ok())
    return communicator.status();
  connected.store = std::move(*store);
  connected.communicator = std::move(*communicator);
  return connected;
}

Status Supervisor::start() {
  WorkerPlan plan{world, main, {}, group, outcomes, previousMask};
  plan.connect = [this](int rank) { return connect(rank); };
  // The server's thread begins after the forks.
  children.resize(static_cast<size_t>(world.size));
  for (int rank = 0; rank < world.size; ++rank) {
    Result<WorkerProcess> worker = forkWorker(plan, rank);
    if (!worker.ok())
      return worker.status();
    children[rank].process = worker->process;
    children[rank].running = true;
    std::string prefix = "[rank " + std::to_string(rank) + "] ";
    if (worker->output >= 0)
      forwarders.emplace_back(worker->output, STDOUT_FILENO, prefix);
    if (worker->errors >= 0)
      forwarders.emplace_back(worker->errors, STDERR_FILENO, prefix);
  }
  if (server)
    server->serve();
  return Status();
}

bool Supervisor::anyRunning() const {
  return std::any_of(children.begin(), children.end(),
                     [](const Child &child) { return child.running; });
}

void Supervisor::send(int signal) {
  for (const Child &child : children)
    if (child.running)
      kill(child.process, signal);
}

void Supervisor::killAll() {
  killed = true;
  for (const Child &child : children)
    if (child.running)
      kill(-child.process, SIGKILL);
}

/// "in all-reduce #3 ...", with where another rank misses it.
std::string Supervisor::whereabouts(int rank) const {
  std::vector<Doing> doing;
  for (int other = 0; other < world.size; ++other)
    doing.push_back(group->progress(other).get());
  return mlrt::whereabouts(static_cast<size_t>(rank), doing);
}

void Supervisor::failed(const Status &status, Cause cause) {
  if (cause > failureCause) {
    failure = status;
    failureCause = cause;
  }
  // The survivors get the name of the rank that failed, not only an end.
  group->fail(Status(cause == Cause::death ? StatusCode::kPeerFailed
                                           : StatusCode::kAborted,
                     status.message()));
  killAtNs = std::min(
      killAtNs, clockNs + nanoseconds(std::min(kGraceSeconds,
                                               options.timeoutSeconds * 0.25)));
}

void Supervisor::ended(int rank, std::optional<int> waitStatus) {
  const WorkerOutcome &outcome = outcomes[rank];
  if (outcome.done.load() != 0) {
    Status status = outcome.get();
    if (status.code() == StatusCode::kInterrupted) {
      if (causeOf(status.code()) > failureCause) {
        failure = status;
        failureCause = Cause::own;
      }
    } else if (!status.ok()) {
      failed(status, causeOf(status.code()));
    }
    return;
  }
  bool signalled = waitStatus && WIFSIGNALED(*waitStatus);
  if ((killed || children[rank].givenUp) && (signalled || !waitStatus))
    return; // by us
  std::string text = "rank " + std::to_string(rank) + " (process " +
                     std::to_string(children[rank].process) + ") ";
  if (!waitStatus) {
    text += "ended, its exit status is unknown, ";
  } else if (signalled) {
    int signal = WTERMSIG(*waitStatus);
    text += "was killed by signal " + std::to_string(signal) + " (" +
            strsignal(signal) + ") ";
  } else {
    text += "ended with exit code " + std::to_string(WEXITSTATUS(*waitStatus)) +
            " ";
  }
  text += whereabouts(rank);
  if (signalled && WTERMSIG(*waitStatus) == SIGKILL)
    text += "; if nobody killed it, the machine ran out of memory";
  failed(Status(StatusCode::kPeerFailed, text), Cause::death);
}

void Supervisor::reap() {
  for (int rank = 0; rank < world.size; ++rank) {
    Child &child = children[rank];
    if (!child.running)
      continue;
    siginfo_t info = {};
    bool gone = waitid(P_PID, static_cast<id_t>(child.process), &info,
                       WEXITED | WNOHANG | WNOWAIT) != 0 &&
                errno == ECHILD; // reaped by somebody else
    if (!gone && info.si_pid == 0)
      continue;
    child.running = false;
    if (gone) { // its id may be another's by now
      ended(rank, std::nullopt);
      continue;
    }
    kill(-child.process, SIGKILL); // what it may have started itself
    int waitStatus = 0;
    waitpid(child.process, &waitStatus, 0);
    ended(rank, waitStatus);
  }
}

void Supervisor::checkHearts() {
  if (failureCause != Cause::none)
    return;
  auto limitNs =
      static_cast<uint64_t>(std::min(options.timeoutSeconds * 0.5, 10.0) * 1e9);
  for (int rank = 0; rank < world.size; ++rank) {
    Child &child = children[rank];
    uint64_t beats = group->progress(rank).beatCount();
    if (beats != child.beats || !child.running) {
      child.beats = beats;
      child.lastBeatNs = clockNs;
      continue;
    }
    if (clockNs - child.lastBeatNs < limitNs)
      continue;
    char seconds[32];
    std::snprintf(seconds, sizeof(seconds), "%.1f",
                  static_cast<double>(clockNs - child.lastBeatNs) * 1e-9);
    failed(Status(StatusCode::kTimeout,
                  "rank " + std::to_string(rank) + " (process " +
                      std::to_string(child.process) +
                      ") has shown no sign of life for " + seconds +
                      " s, as if it were stopped, " + whereabouts(rank)),
           Cause::death);
    kill(-child.process, SIGKILL); // it would not hear of the failure
    child.givenUp = true;
    return;
  }
}

/// Ctrl-Z: the workers have process groups of their own, so they stop with us.
void Supervisor::suspend() {
  send(SIGSTOP);
  kill(getpid(), SIGSTOP);
  send(SIGCONT);
}

void Supervisor::handleSignals() {
  signalfd_siginfo info;
  while (read(signals, &info, sizeof(info)) == sizeof(info)) {
    int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGCHLD)
      continue; // reap() looks
    if (signal == SIGTSTP) {
      suspend();
      continue;
    }
    if (signal == SIGHUP)
      signal = SIGTERM;
    if (interruptedBy != 0) {
      killAll(); // asked twice
      continue;
    }
    interruptedBy = signal;
    send(signal);
    killAtNs =
        std::min(killAtNs,
                 clockNs + static_cast<uint64_t>(options.timeoutSeconds * 1e9));
  }
}

void Supervisor::waitForEvents() {
  std::vector<pollfd> polled = {{signals, POLLIN, 0}};
  for (const LineForwarder &forwarder : forwarders)
    if (forwarder.descriptor() >= 0)
      polled.push_back({forwarder.descriptor(), POLLIN, 0});
  poll(polled.data(), polled.size(), kTickMs);
  for (LineForwarder &forwarder : forwarders)
    forwarder.forward();
}

void Supervisor::advanceClock() {
  uint64_t now = monotonicNs();
  clockNs += std::min<uint64_t>(now - lastNs, 4'000'000u * kTickMs);
  lastNs = now;
}

void Supervisor::watch() {
  lastNs = monotonicNs();
  while (anyRunning()) {
    waitForEvents();
    advanceClock();
    handleSignals();
    reap();
    checkHearts();
    if (clockNs >= killAtNs && !killed)
      killAll();
  }
  for (LineForwarder &forwarder : forwarders)
    forwarder.finish();
}

LaunchResult Supervisor::run() {
  Status status = prepare();
  if (!status.ok())
    return resultOf(status, 0);
  status = start();
  if (!status.ok()) {
    failed(status, Cause::death);
    killAll();
  }
  watch();
  if (failureCause < Cause::own && interruptedBy != 0)
    failure = Status(StatusCode::kInterrupted,
                     std::string("stopped by ") + strsignal(interruptedBy));
  return resultOf(failure, interruptedBy);
}

} // namespace

LaunchResult supervise(const World &world, const LaunchOptions &options,
                       const WorkerMain &worker) {
  return Supervisor(world, options, worker).run();
}

} // namespace mlrt
