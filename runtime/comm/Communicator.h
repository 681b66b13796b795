//===- Communicator.h - Collectives between ranks -------------------------===//
//
// One interface for every transport: threads, shared memory, Gloo, NCCL. One
// conformance suite (test/runtime/comm) runs against all of them.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_COMM_COMMUNICATOR_H
#define MLC_RUNTIME_COMM_COMMUNICATOR_H

#include "runtime/core/DType.h"
#include "runtime/core/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace mlrt {

/// Ids of collectives from here on are mlrun's own; a plan's are below.
inline constexpr uint32_t kFirstSetupId = 0xffff0000u;

/// Names a collective in errors: which one of the plan, at which step, and the
/// model's line. Points into the plan; nothing is copied on the fast path.
struct CollectiveTag {
  uint32_t id = 0;           ///< plan's AllReduce.id, or from kFirstSetupId
  uint64_t step = 0;         ///< training step
  std::string_view name;     ///< "gradients of head.w, head.b"
  std::string_view location; ///< "digits.mlg:10:8"
};

/// How many times the timeout a rank may wait after bePatient().
inline constexpr double kPatience = 20;

/// A group of ranks. Collectives are called by every rank in one order, from
/// one thread per rank. After the first error a communicator is broken: every
/// later call returns that error.
class Communicator {
public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual std::string_view transport() const = 0; ///< threads shm gloo

  /// Reduces elementwise over all ranks, in place on every rank; returns when
  /// the result is there.
  ///
  /// \param count  elements, not bytes; the same on every rank.
  /// \param order  tree: bit-identical on every rank and for every transport,
  ///   combining rank ranges by halves (0+1)+(2+3); for R a power of two each
  ///   rank sends 2*(R-1)/R of the bytes (Rabenseifner, ICCS 2004). fast: the
  ///   transport's own order.
  ///
  /// \returns kPeerFailed naming both ranks when size, dtype, reduction or
  ///   collective differ between ranks; kTimeout naming the silent rank;
  ///   kAborted after abort().
  virtual Status allReduce(void *data, size_t count, DType dtype,
                           ReductionKind reduction, bool tree,
                           const CollectiveTag &tag) = 0;
  virtual Status broadcast(void *data, size_t sizeBytes, int root,
                           const CollectiveTag &tag) = 0;
  /// `gathered` has size() * sizeBytes bytes, by rank.
  virtual Status allGather(const void *data, size_t sizeBytes, void *gathered,
                           const CollectiveTag &tag) = 0;
  virtual Status barrier(const CollectiveTag &tag) = 0;

  /// The next collective waits `kPatience` times as long for the others: one of
  /// them has something to do before it, such as to write a checkpoint. A rank
  /// that dies or stops meanwhile is noticed as soon as ever.
  virtual void bePatient() = 0;

  /// A communicator of a subset of ranks, sorted ascending, called by exactly
  /// those; ranks are renumbered.
  virtual Result<std::unique_ptr<Communicator>>
  subgroup(std::span<const int> ranks) = 0;

  /// Bytes of payload this rank has sent in collectives so far.
  virtual uint64_t sentBytes() const = 0;
  /// What the transport was given to send for this and all other groups of the
  /// rank: payload, headers and padding; 0 where ranks share their memory.
  /// Below it Gloo and TCP/IP add headers of their own.
  virtual uint64_t wireBytes() const = 0;
  /// What messages of any length are staged in, with threads and shm of all
  /// ranks together; allocated with the communicator, so that a step allocates
  /// nothing.
  virtual size_t stagingBytes() const = 0;
  /// Wakes every rank that waits, which returns kAborted with `reason`. From
  /// any thread.
  virtual void abort(const std::string &reason) = 0;

  /// Asks all ranks to stop because of `signal` (0 < signal < 64). From any
  /// thread, and from a signal handler.
  virtual void requestStop(int signal) = 0;
  /// 0, or the signal after which to stop. The request rides on the headers of
  /// collectives: after an all-reduce or barrier that any rank entered with a
  /// request, every rank of the group has the same answer.
  virtual int agreedStop() const = 0;
};

} // namespace mlrt

#endif // MLC_RUNTIME_COMM_COMMUNICATOR_H
