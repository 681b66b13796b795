//===- LocalGroup.h - Ranks of one host: threads or processes -------------===//
//
// A piece of anonymous shared memory with all that ranks of one host share:
// who failed, what each rank does, and a channel for each ordered pair. Made
// before the ranks start, and inherited by threads and forked processes alike;
// nothing of it has a name that could be left behind.
//
// Waiting spins for some microseconds when every rank can have a core, then
// sleeps on a futex of the waiting rank.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_COMM_LOCALGROUP_H
#define MLC_RUNTIME_COMM_LOCALGROUP_H

#include "runtime/comm/CollectiveHeader.h"
#include "runtime/schema/Memory.h"

#include <memory>

namespace mlrt {

struct LocalRegion;

class LocalGroup : public std::enable_shared_from_this<LocalGroup> {
public:
  enum class Mode : uint8_t {
    threads,   ///< messages are pointers into the sender's memory
    processes, ///< messages go through a ring in shared memory
    watched,   ///< no communicator here: only progress and failure
  };
  struct Options {
    int ranks = 1; ///< at most 1024
    Mode mode = Mode::threads;
    double timeoutSeconds = 30;            ///< longest silence of a peer
    size_t ringBytes = schema::kRingBytes; ///< per pair; a multiple of 4096
  };

  static Result<std::shared_ptr<LocalGroup>> create(const Options &options);
  ~LocalGroup();
  LocalGroup(const LocalGroup &) = delete;
  LocalGroup &operator=(const LocalGroup &) = delete;

  /// The communicator of one rank, to be made and used by that rank's thread or
  /// process, which must not fork afterwards.
  std::unique_ptr<Communicator> communicator(int rank);

  int ranks() const;
  Progress &progress(int rank);
  /// Ends the group with `status`, unless it has ended; wakes every waiting
  /// rank, which returns `status`. From any thread or process.
  void fail(const Status &status);
  /// The first failure; ok while there is none.
  Status failure() const;

private:
  explicit LocalGroup(LocalRegion *newRegion) : region(newRegion) {}
  LocalRegion *region;
};

} // namespace mlrt

#endif // MLC_RUNTIME_COMM_LOCALGROUP_H
