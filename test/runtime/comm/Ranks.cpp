//===- Ranks.cpp - Run ranks over any transport, for tests ----------------===//

#include "test/runtime/comm/Ranks.h"
#include "runtime/comm/GlooCommunicator.h"
#include "runtime/comm/LocalGroup.h"
#include "runtime/launch/Store.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace mlrt::test {

namespace {

struct Slot {
  bool done;
  StatusCode code;
  char message[2048];
};

std::shared_ptr<LocalGroup> makeGroup(LocalGroup::Mode mode, int ranks,
                                      double timeout) {
  LocalGroup::Options options;
  options.ranks = ranks;
  options.mode = mode;
  options.timeoutSeconds = timeout;
  return *LocalGroup::create(options);
}

std::vector<RankResult> runThreads(int ranks, const RankMain &main,
                                   double timeout) {
  auto group = makeGroup(LocalGroup::Mode::threads, ranks, timeout);
  std::vector<RankResult> results(ranks);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < ranks; ++rank)
    threads.emplace_back([&, rank] {
      Status status = main(*group->communicator(rank));
      results[rank] = {status.code(), status.message()};
    });
  for (std::thread &thread : threads)
    thread.join();
  return results;
}

Status runGlooRank(const StoreOptions &options, int rank, int ranks,
                   double timeout, const RankMain &main) {
  Result<std::unique_ptr<StoreClient>> store = StoreClient::connect(options);
  if (!store.ok())
    return store.status();
  Progress progress;
  GlooOptions gloo;
  gloo.rank = rank;
  gloo.size = ranks;
  gloo.timeoutSeconds = timeout;
  gloo.masterAddress = "127.0.0.1";
  gloo.progress = &progress;
  Result<std::unique_ptr<Communicator>> communicator =
      connectGloo(gloo, **store);
  return communicator.ok() ? main(**communicator) : communicator.status();
}

} // namespace

std::vector<RankResult> runRanks(std::string_view transport, int ranks,
                                 const RankMain &main, double timeout) {
  if (transport == "threads")
    return runThreads(ranks, main, timeout);
  auto group = makeGroup(LocalGroup::Mode::processes, ranks, timeout);
  StoreOptions options;
  options.address = "127.0.0.1";
  options.secret = "of this test";
  options.ranks = ranks;
  std::unique_ptr<StoreServer> server;
  if (transport == "gloo") {
    server = std::move(*StoreServer::listen(options));
    options.port = server->port();
  }
  size_t bytes = sizeof(Slot) * static_cast<size_t>(ranks);
  auto *slots = static_cast<Slot *>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                         MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  if (slots == MAP_FAILED)
    std::abort();
  std::fflush(nullptr);
  std::vector<pid_t> processes;
  for (int rank = 0; rank < ranks; ++rank) {
    processes.push_back(fork());
    if (processes.back() != 0)
      continue;
    alarm(120); // a hang ends the test, and nothing is left behind
    Status status = transport == "gloo"
                        ? runGlooRank(options, rank, ranks, timeout, main)
                        : main(*group->communicator(rank));
    Slot &slot = slots[rank];
    slot.code = status.code();
    std::strncpy(slot.message, status.message().c_str(),
                 sizeof(slot.message) - 1);
    slot.done = true;
    _exit(0);
  }
  if (server)
    server->serve();
  std::vector<RankResult> results(ranks);
  for (int rank = 0; rank < ranks; ++rank) {
    int waitStatus = 0;
    waitpid(processes[rank], &waitStatus, 0);
    const Slot &slot = slots[rank];
    results[rank] = {slot.code, slot.message, !slot.done};
  }
  munmap(slots, bytes);
  return results;
}

} // namespace mlrt::test
