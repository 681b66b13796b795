//===- LocalTransport.cpp - Waiting for a rank of this host ---------------===//

#include "runtime/comm/LocalTransport.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace mlrt {

/// How long a rank sleeps before it looks around for dead peers.
static constexpr uint64_t kSliceNs = 100'000'000;

uint64_t monotonicNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u +
         static_cast<uint64_t>(now.tv_nsec);
}

bool processLives(int process) {
  char path[32];
  std::snprintf(path, sizeof(path), "/proc/%d/stat", process);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return errno != ENOENT; // no /proc: believe that it lives
  char text[512];
  ssize_t length = read(file, text, sizeof(text) - 1);
  close(file);
  if (length <= 0)
    return false; // it went away between open and read
  text[length] = '\0';
  // "pid (name) state ..."; the name may hold parentheses.
  const char *end = std::strrchr(text, ')');
  return end == nullptr || (end[1] == ' ' && end[2] != 'Z' && end[2] != 'X');
}

LocalTransport::LocalTransport(std::shared_ptr<LocalGroup> newGroup,
                               LocalRegion &newRegion, int newRank)
    : group(std::move(newGroup)), region(newRegion), own(newRank) {}

void LocalTransport::pauseProcessor() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#else
  sched_yield();
#endif
}

Status LocalTransport::awaitAsleep(int peer, bool (*ready)(const void *),
                                   const void *test) {
  LocalRank &state = region.rank(own);
  uint64_t waited = 0; // awake time only: a stopped process does not wait
  for (;;) {
    uint32_t bell = state.bell.load();
    if (ready(test))
      break;
    if (region.failed.load() != 0)
      return region.failure();
    state.sleeping.store(1);
    timespec slice = {0, kSliceNs};
    uint64_t before = monotonicNs();
    syscall(SYS_futex, &state.bell, FUTEX_WAIT, bell, &slice, nullptr, 0);
    state.sleeping.store(0);
    waited += std::min(monotonicNs() - before, 2 * kSliceNs);
    if (waited < kSliceNs || ready(test))
      continue;
    state.waitingFor.store(peer);
    Status status = diagnose(peer, waited);
    if (!status.ok()) {
      state.waitingFor.store(-1);
      return failWith(status);
    }
  }
  if (state.waitingFor.load(std::memory_order_relaxed) >= 0)
    state.waitingFor.store(-1);
  return Status();
}

Status LocalTransport::diagnose(int peer, uint64_t waitedNs) {
  auto [mine, inside] = region.rank(own).progress.get();
  auto [theirs, peerInside] = region.rank(peer).progress.get();
  if (inside && peerInside && theirs.kind != CollectiveKind::activity &&
      mine.group == theirs.group && mine.sequence == theirs.sequence &&
      !mine.matches(theirs))
    return mismatch(mine, theirs);
  if (region.mode == LocalGroup::Mode::processes) {
    int process = region.rank(peer).process.load();
    if (process != 0 && !processLives(process))
      return Status(StatusCode::kPeerFailed,
                    "rank " + std::to_string(peer) + " (process " +
                        std::to_string(process) + ") died " +
                        region.rank(peer).progress.text());
  }
  double limitNs = patience * static_cast<double>(region.timeoutNs);
  return static_cast<double>(waitedNs) < limitNs ? Status()
                                                 : silence(peer, waitedNs);
}

/// `peer` may itself wait for another rank: names the one at the end.
Status LocalTransport::silence(int peer, uint64_t waitedNs) {
  int silent = peer;
  for (int i = 0; i < region.ranks; ++i) {
    int next = region.rank(silent).waitingFor.load();
    if (next < 0 || next == own)
      break;
    silent = next;
  }
  char seconds[32];
  std::snprintf(seconds, sizeof(seconds), "%.1f",
                static_cast<double>(waitedNs) * 1e-9);
  return Status(StatusCode::kTimeout,
                "rank " + std::to_string(silent) + " has not answered for " +
                    seconds + " s: it was last seen " +
                    region.rank(silent).progress.text() + "; rank " +
                    std::to_string(own) + " waited " +
                    region.rank(own).progress.text());
}

} // namespace mlrt
