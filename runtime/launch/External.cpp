//===- External.cpp - One rank of a world that another launcher started ---===//
//
// Nobody here is the parent of all ranks. Each tells the store, several times a
// second, that it lives and what it does, and hears of the first failure in
// the answer; rank 0 serves the store, and misses those who fall silent.
//
//===----------------------------------------------------------------------===//

#include "runtime/comm/GlooCommunicator.h"
#include "runtime/comm/LocalTransport.h"
#include "runtime/core/Log.h"
#include "runtime/launch/Cause.h"
#include "runtime/launch/Store.h"
#include "runtime/launch/Worker.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <unistd.h>

namespace mlrt {

namespace {

Result<std::string> readSecret() {
  if (const char *secret = std::getenv("MLRUN_SECRET"))
    return std::string(secret);
  const char *path = std::getenv("MLRUN_SECRET_FILE");
  if (path == nullptr)
    return std::string();
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty())
    return Status(StatusCode::kInvalidArgument,
                  std::string("cannot read the secret in ") + path +
                      " (MLRUN_SECRET_FILE)");
  return text.str();
}

std::string interfaceName() {
  for (const char *name : {"MLRUN_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"})
    if (const char *value = std::getenv(name))
      return value;
  return "";
}

class ExternalRank {
public:
  ExternalRank(const World &newWorld, const LaunchOptions &newOptions,
               const WorkerMain &newMain)
      : world(newWorld), options(newOptions), main(newMain) {}

  LaunchResult run();

private:
  Status prepare();
  Status work();
  Status finish(Status status);
  void tick();
  Status heardOf();

  const World &world;
  const LaunchOptions &options;
  const WorkerMain &main;
  Progress progress;
  std::unique_ptr<StoreServer> server;       ///< of rank 0
  std::unique_ptr<StoreClient> store, pulse; ///< pulse: beats only
  std::unique_ptr<Communicator> communicator;
  std::atomic<Communicator *> toWake{nullptr};
  std::mutex mutex;
  Status heard; ///< the run's failure, from the store
  uint64_t heardAtNs = 0;
};

Status ExternalRank::prepare() {
  Result<std::string> secret = readSecret();
  if (!secret.ok())
    return secret.status();
  StoreOptions storeOptions;
  storeOptions.port = world.masterPort;
  storeOptions.secret = *secret;
  storeOptions.timeoutSeconds = options.timeoutSeconds;
  storeOptions.ranks = world.size;
  if (world.rank == 0) {
    if (isLoopback(world.masterAddress)) // all ranks are here: serve no others
      storeOptions.address = world.masterAddress == "localhost"
                                 ? "127.0.0.1" // what every client tries
                                 : world.masterAddress;
    else if (secret->empty())
      logWarning("the ranks meet at port " + std::to_string(world.masterPort) +
                 " without a secret, so whoever reaches it can join the run; "
                 "set MLRUN_SECRET to the same text on every rank, or "
                 "MLRUN_SECRET_FILE to a file with it");
    Result<std::unique_ptr<StoreServer>> listening =
        StoreServer::listen(storeOptions);
    if (!listening.ok())
      return listening.status();
    server = std::move(*listening);
    server->serve();
  }
  storeOptions.address = world.masterAddress;
  for (std::unique_ptr<StoreClient> *client : {&store, &pulse}) {
    Result<std::unique_ptr<StoreClient>> made =
        StoreClient::connect(storeOptions);
    if (!made.ok())
      return made.status();
    *client = std::move(*made);
  }
  return Status();
}

Status ExternalRank::heardOf() {
  std::lock_guard lock(mutex);
  return heard;
}

/// In the heart's thread: tells and hears. Ends the process when the rank's
/// code does not come back after a failure.
void ExternalRank::tick() {
  uint64_t now = monotonicNs();
  if (!heardOf().ok()) {
    auto graceNs = static_cast<uint64_t>(
        std::max(2.0, options.timeoutSeconds * 0.25) * 1e9);
    if (now - heardAtNs < graceNs)
      return;
    logError(heardOf().message());
    _exit(exitCode(StatusCode::kPeerFailed));
  }
  Status failure = pulse->beat(world.rank, progress.get());
  if (failure.ok())
    return;
  if (pulse->isLost()) // nobody can say what rank 0 did; say what we did
    failure =
        Status(failure.code(), "rank 0 is gone: " + failure.message() +
                                   "; rank " + std::to_string(world.rank) +
                                   " was " + progress.text());
  {
    std::lock_guard lock(mutex);
    heard = failure;
    heardAtNs = monotonicNs();
  }
  if (Communicator *connected = toWake.load())
    connected->abort(failure.message());
}

Status ExternalRank::work() {
  GlooOptions gloo;
  gloo.rank = world.rank;
  gloo.size = world.size;
  gloo.timeoutSeconds = options.timeoutSeconds;
  gloo.masterAddress = world.masterAddress;
  gloo.interfaceName = interfaceName();
  gloo.progress = &progress;
  Result<std::unique_ptr<Communicator>> made = connectGloo(gloo, *store);
  if (!made.ok())
    return made.status();
  communicator = std::move(*made);
  StopOnSignal stop;
  stop.tell(communicator.get());
  toWake.store(communicator.get());
  Worker worker(*communicator, progress, world.localRank, world.localSize);
  Status status = runWorker(main, worker);
  toWake.store(nullptr);
  stop.tell(nullptr);
  return status;
}

/// Tells the others how this rank ended, and asks what explains it.
Status ExternalRank::finish(Status status) {
  if (status.ok() || status.code() == StatusCode::kInterrupted) {
    (void)pulse->bye(world.rank);
  } else {
    // A dead rank shows in its connections at once, and as dead a little later.
    if (causeOf(status.code()) < Cause::own && heardOf().ok()) {
      (void)pulse->beat(world.rank, progress.get()); // the heart has stopped
      usleep(500'000);
    }
    Status explained =
        pulse->report(world.rank, reported(status, world.rank, world.size));
    bool better = !explained.ok() && heardOf().ok() &&
                  causeOf(status.code()) < Cause::own;
    if (better)
      status = explained;
    else if (!heardOf().ok() && causeOf(status.code()) < Cause::own)
      status = heardOf();
  }
  if (server)
    server->waitForGoodbyes(status.ok() ? options.timeoutSeconds : 2);
  return status;
}

LaunchResult ExternalRank::run() {
  Status status = prepare();
  if (!status.ok())
    return resultOf(status, 0);
  {
    Heart heart(progress, [this] { tick(); });
    status = work();
  }
  communicator.reset(); // only now: the heart may have been waking it
  int signal = StopOnSignal::received();
  return resultOf(finish(status), signal);
}

} // namespace

LaunchResult launchExternal(const World &world, const LaunchOptions &options,
                            const WorkerMain &main) {
  return ExternalRank(world, options, main).run();
}

} // namespace mlrt
