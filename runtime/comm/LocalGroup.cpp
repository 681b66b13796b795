//===- LocalGroup.cpp - Ranks of one host: threads or processes -----------===//

#include "runtime/comm/LocalGroup.h"
#include "runtime/comm/LocalTransport.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <linux/futex.h>
#include <new>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace mlrt {

static constexpr int kMaxRanks = 1024;

static int availableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0)
    return 1;
  return CPU_COUNT(&set);
}

LocalRank &LocalRegion::rank(int i) {
  auto *first = reinterpret_cast<LocalRank *>(this + 1);
  return first[i];
}

LocalChannel &LocalRegion::channel(int from, int to) {
  auto *first = reinterpret_cast<LocalChannel *>(
      reinterpret_cast<std::byte *>(this + 1) +
      static_cast<size_t>(ranks) * sizeof(LocalRank));
  return first[from * ranks + to];
}

std::byte *LocalRegion::ring(int from, int to) {
  auto *first = reinterpret_cast<std::byte *>(
      &channel(0, 0) + static_cast<size_t>(ranks) * ranks);
  return first + static_cast<size_t>(from * ranks + to) * ringBytes;
}

size_t LocalRegion::bytesFor(const LocalGroup::Options &options) {
  auto ranks = static_cast<size_t>(options.ranks);
  size_t bytes = sizeof(LocalRegion) + ranks * sizeof(LocalRank);
  if (options.mode != LocalGroup::Mode::watched)
    bytes += ranks * ranks * sizeof(LocalChannel);
  if (options.mode == LocalGroup::Mode::processes)
    bytes += ranks * ranks * options.ringBytes;
  return bytes;
}

void LocalRegion::wake(int i) {
  LocalRank &state = rank(i);
  state.bell.fetch_add(1);
  if (state.sleeping.load() != 0)
    syscall(SYS_futex, &state.bell, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void LocalRegion::fail(const Status &status) {
  uint32_t nobody = 0;
  if (!failing.compare_exchange_strong(nobody, 1))
    return;
  code = status.code();
  size_t length = std::min(status.message().size(), sizeof(message) - 1);
  std::memcpy(message, status.message().data(), length);
  message[length] = '\0';
  failed.store(1);
  for (int i = 0; i < ranks; ++i)
    wake(i);
}

Status LocalRegion::failure() const {
  // Another rank may be about to write the message; if it dies there, say so.
  for (int i = 0; failing.load() != 0 && failed.load() == 0; ++i) {
    if (i == 1000)
      return Status(StatusCode::kPeerFailed,
                    "a rank died while it reported a failure");
    usleep(1000);
  }
  return failed.load() ? Status(code, message) : Status();
}

Result<std::shared_ptr<LocalGroup>> LocalGroup::create(const Options &options) {
  if (options.ranks < 1 || options.ranks > kMaxRanks)
    return Status(StatusCode::kInvalidArgument,
                  std::to_string(options.ranks) +
                      " ranks on one host: from 1 to " +
                      std::to_string(kMaxRanks) + " are possible");
  if (!(options.timeoutSeconds > 0) || options.timeoutSeconds > 1e9)
    return Status(StatusCode::kInvalidArgument,
                  "the timeout must be above 0 seconds");
  size_t bytes = LocalRegion::bytesFor(options);
  void *memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED)
    return Status(StatusCode::kRunFailed, "no shared memory for " +
                                              std::to_string(options.ranks) +
                                              " ranks: " + strerror(errno));
  auto *region = new (memory) LocalRegion();
  region->mappedBytes = bytes;
  region->ringBytes = options.ringBytes;
  region->ranks = options.ranks;
  region->mode = options.mode;
  region->spins = options.ranks <= availableCores() ? 2000 : 20;
  region->timeoutNs = static_cast<uint64_t>(options.timeoutSeconds * 1e9);
  for (int i = 0; i < options.ranks; ++i)
    new (&region->rank(i)) LocalRank();
  if (options.mode == Mode::watched)
    return std::shared_ptr<LocalGroup>(new LocalGroup(region));
  for (int from = 0; from < options.ranks; ++from)
    for (int to = 0; to < options.ranks; ++to)
      new (&region->channel(from, to)) LocalChannel();
  return std::shared_ptr<LocalGroup>(new LocalGroup(region));
}

LocalGroup::~LocalGroup() { munmap(region, region->mappedBytes); }

int LocalGroup::ranks() const { return region->ranks; }
Progress &LocalGroup::progress(int rank) { return region->rank(rank).progress; }
void LocalGroup::fail(const Status &status) { region->fail(status); }
Status LocalGroup::failure() const { return region->failure(); }

std::unique_ptr<Communicator> LocalGroup::communicator(int rank) {
  assert(region->mode != Mode::watched && rank >= 0 && rank < ranks());
  region->rank(rank).process.store(getpid());
  auto self = shared_from_this();
  return makeCommunicator(region->mode == Mode::threads
                              ? makeThreadTransport(self, *region, rank)
                              : makeShmTransport(self, *region, rank));
}

} // namespace mlrt
