//===- Transport.h - Messages between two ranks ---------------------------===//
//
// What a communicator needs of a transport: one exchange of messages with
// timeouts. The collectives are written once, in PeerCommunicator.cpp, over
// this; hence they give the same bits over every transport.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_COMM_TRANSPORT_H
#define MLC_RUNTIME_COMM_TRANSPORT_H

#include "runtime/comm/CollectiveHeader.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace mlrt {

/// What to do with received bytes, as they come, in pieces of whole elements.
struct Sink {
  std::byte *target = nullptr;
  bool combines = false; ///< else copies
  DType dtype = DType::u8;
  ReductionKind reduction = ReductionKind::sum;
  bool sourceFirst = false; ///< the received value is the left operand

  /// \param offset  bytes from `target`.
  void take(const void *bytes, size_t offset, size_t sizeBytes) const;
};

/// Sends to one rank and receives from one, at the same time; -1 for none. A
/// message without bytes still carries its header. Ranks are of the world.
struct Exchange {
  int to = -1;
  const void *data = nullptr;
  size_t sendBytes = 0;
  int from = -1;
  size_t receiveBytes = 0;
  Sink sink;
};

class Transport {
public:
  virtual ~Transport() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  virtual std::string_view name() const = 0;

  /// Returns when `data` may be written again and everything expected has been
  /// taken. Merges the stop signal of the peer's header into `header`.
  ///
  /// \returns kPeerFailed where the peer's header differs or it died, kTimeout
  ///   where it is silent, kAborted; then this and every later call fails with
  ///   the first failure that any rank of this transport saw.
  virtual Status exchange(CollectiveHeader &header,
                          const Exchange &exchange) = 0;

  /// Communicator::wireBytes.
  virtual uint64_t wireBytes() const = 0;
  virtual size_t stagingBytes() const = 0;
  /// Ends the group with `status`, unless something ended it before; wakes
  /// every waiting rank. From any thread.
  virtual void fail(const Status &status) = 0;
  /// Where this rank says what it does; never null.
  virtual Progress &progress() = 0;

  /// Times the timeout that an exchange may wait; from the thread that
  /// exchanges.
  double patience = 1;
};

/// The collectives over all ranks of `transport`.
std::unique_ptr<Communicator>
makeCommunicator(std::shared_ptr<Transport> transport);

} // namespace mlrt

#endif // MLC_RUNTIME_COMM_TRANSPORT_H
