//===- LocalTransport.h - Inside of LocalGroup: layout and waiting --------===//
#ifndef MLC_RUNTIME_COMM_LOCALTRANSPORT_H
#define MLC_RUNTIME_COMM_LOCALTRANSPORT_H

#include "runtime/comm/LocalGroup.h"
#include "runtime/comm/Transport.h"
#include "runtime/schema/Memory.h"

#include <atomic>
#include <cstddef>
#include <type_traits>

namespace mlrt {

/// What a rank shares with all others.
struct alignas(128) LocalRank {
  std::atomic<uint32_t> bell{0};     ///< futex: counts events for this rank
  std::atomic<uint32_t> sleeping{0}; ///< it waits for its bell
  std::atomic<int> waitingFor{-1};   ///< rank, while it waits for long
  std::atomic<int> process{0};       ///< its process, 0 before it has begun
  Progress progress;
};

enum class SlotState : uint32_t { empty, posted, reading };

/// From one rank to one other. Threads use the slot, processes the ring, whose
/// bytes lie elsewhere.
struct alignas(128) LocalChannel {
  std::atomic<SlotState> state{SlotState::empty};
  const void *data = nullptr;
  size_t sizeBytes = 0;
  CollectiveHeader header;
  alignas(128) std::atomic<uint64_t> written{0}; ///< bytes since the start
  alignas(128) std::atomic<uint64_t> read{0};
};

/// The start of the shared memory; LocalRank, LocalChannel and rings follow.
struct alignas(128) LocalRegion {
  size_t mappedBytes = 0;
  size_t ringBytes = 0;
  int ranks = 0;
  LocalGroup::Mode mode = LocalGroup::Mode::threads;
  int spins = 0;
  uint64_t timeoutNs = 0;
  std::atomic<uint32_t> failing{0}; ///< 1: somebody writes the failure
  std::atomic<uint32_t> failed{0};  ///< 1: the failure can be read
  StatusCode code = StatusCode::kOk;
  char message[2048] = {};

  LocalRank &rank(int i);
  LocalChannel &channel(int from, int to);
  std::byte *ring(int from, int to);
  void fail(const Status &status);
  Status failure() const;
  /// Tells `rank` that something it may wait for has happened.
  void wake(int rank);

  static size_t bytesFor(const LocalGroup::Options &options);
};

static_assert(sizeof(LocalRegion) == schema::kRegionBytes &&
                  sizeof(LocalRank) == schema::kRankBytes &&
                  sizeof(LocalChannel) == schema::kChannelBytes,
              "mlc reports other sizes");

/// True when process `process` of this host exists and is not a zombie.
bool processLives(int process);

/// Nanoseconds of a clock that does not jump.
uint64_t monotonicNs();

class LocalTransport : public Transport {
public:
  LocalTransport(std::shared_ptr<LocalGroup> newGroup, LocalRegion &newRegion,
                 int newRank);

  int rank() const override { return own; }
  int size() const override { return region.ranks; }
  /// All of what the ranks share.
  size_t stagingBytes() const override { return region.mappedBytes; }
  void fail(const Status &status) override { region.fail(status); }
  Progress &progress() override { return region.rank(own).progress; }

protected:
  /// Returns once `ready()`; an error when the group failed, or when `peer`,
  /// which has to make it true, is dead or silent.
  template <typename Ready> Status await(int peer, const Ready &ready) {
    for (int i = 0; i <= region.spins; ++i) {
      if (ready())
        return Status();
      pauseProcessor();
    }
    return awaitAsleep(
        peer,
        [](const void *test) { return (*static_cast<const Ready *>(test))(); },
        &ready);
  }
  /// The failure of the group, when there is one.
  Status checked() const {
    return region.failed.load(std::memory_order_acquire) ? region.failure()
                                                         : Status();
  }
  Status failWith(const Status &status) {
    region.fail(status);
    return region.failure();
  }
  static void mergeStop(CollectiveHeader &mine,
                        const CollectiveHeader &theirs) {
    if (theirs.stop > mine.stop)
      mine.stop = theirs.stop;
  }

  std::shared_ptr<LocalGroup> group; ///< keeps the region
  LocalRegion &region;
  int own;

private:
  static void pauseProcessor();
  Status awaitAsleep(int peer, bool (*ready)(const void *), const void *test);
  /// Looks for the reason of a long wait; ok: go on waiting.
  Status diagnose(int peer, uint64_t waitedNs);
  Status silence(int peer, uint64_t waitedNs);
};

std::shared_ptr<Transport>
makeThreadTransport(std::shared_ptr<LocalGroup> group, LocalRegion &region,
                    int rank);
std::shared_ptr<Transport> makeShmTransport(std::shared_ptr<LocalGroup> group,
                                            LocalRegion &region, int rank);

} // namespace mlrt

#endif // MLC_RUNTIME_COMM_LOCALTRANSPORT_H
