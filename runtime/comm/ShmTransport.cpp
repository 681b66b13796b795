//===- ShmTransport.cpp - Messages between processes of one host ----------===//
//
// Each ordered pair of ranks has a ring of bytes. A message is its header, then
// its bytes, padded to 64. Sender and receiver work on a long message at the
// same time, a piece each, so that the data is combined while it is in cache.
//
//===----------------------------------------------------------------------===//

#include "runtime/comm/LocalTransport.h"

#include <algorithm>
#include <cstring>

namespace mlrt {

namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kPieceBytes = 16384;
constexpr size_t kHeaderBytes = sizeof(CollectiveHeader);
static_assert(kHeaderBytes % kAlignment == 0);

constexpr size_t padded(size_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// One end of a ring during one message.
struct Stream {
  LocalChannel *channel = nullptr;
  std::byte *ring = nullptr;
  size_t ringBytes = 0;
  size_t done = 0; ///< bytes of the message, header and padding included
  size_t total = 0;

  bool finished() const { return done == total; }
  /// Bytes to write or read at once, from the ring's place `at`.
  size_t piece(uint64_t at, size_t available) const {
    size_t toWrap = ringBytes - at % ringBytes;
    size_t limit = done < kHeaderBytes ? kHeaderBytes - done : total - done;
    return std::min({available, toWrap, limit, kPieceBytes});
  }
  size_t space() const {
    return ringBytes - (channel->written.load(std::memory_order_relaxed) -
                        channel->read.load());
  }
  size_t filled() const {
    return channel->written.load() -
           channel->read.load(std::memory_order_relaxed);
  }
};

class ShmTransport final : public LocalTransport {
public:
  using LocalTransport::LocalTransport;

  std::string_view name() const override { return "shm"; }
  uint64_t wireBytes() const override { return wire; }
  Status exchange(CollectiveHeader &header, const Exchange &exchange) override;

private:
  Stream stream(int from, int to, size_t sizeBytes);
  bool push(Stream &out, const CollectiveHeader &header, const void *data,
            size_t sizeBytes);
  Result<bool> pull(Stream &in, CollectiveHeader &header,
                    const Exchange &exchange);

  CollectiveHeader received; ///< of the message being read
  uint64_t wire = 0;
};

Stream ShmTransport::stream(int from, int to, size_t sizeBytes) {
  Stream stream;
  if (from < 0 || to < 0)
    return stream;
  stream.channel = &region.channel(from, to);
  stream.ring = region.ring(from, to);
  stream.ringBytes = region.ringBytes;
  stream.total = kHeaderBytes + padded(sizeBytes);
  return stream;
}

/// Writes what fits, at most a piece; false when there was no room.
bool ShmTransport::push(Stream &out, const CollectiveHeader &header,
                        const void *data, size_t sizeBytes) {
  uint64_t at = out.channel->written.load(std::memory_order_relaxed);
  size_t bytes = out.piece(at, out.space());
  if (bytes == 0)
    return false;
  std::byte *target = out.ring + at % out.ringBytes;
  if (out.done < kHeaderBytes) {
    std::memcpy(target, reinterpret_cast<const std::byte *>(&header) + out.done,
                bytes);
  } else {
    size_t offset = out.done - kHeaderBytes;
    size_t real = std::min(bytes, sizeBytes - offset);
    std::memcpy(target, static_cast<const std::byte *>(data) + offset, real);
  }
  out.done += bytes;
  out.channel->written.store(at + bytes);
  return true;
}

/// Takes what has come, at most a piece; false when there was nothing.
Result<bool> ShmTransport::pull(Stream &in, CollectiveHeader &header,
                                const Exchange &exchange) {
  uint64_t at = in.channel->read.load(std::memory_order_relaxed);
  size_t bytes = in.piece(at, in.filled());
  if (bytes == 0)
    return false;
  const std::byte *source = in.ring + at % in.ringBytes;
  if (in.done < kHeaderBytes) {
    std::memcpy(reinterpret_cast<std::byte *>(&received) + in.done, source,
                bytes);
    if (in.done + bytes == kHeaderBytes && !header.matches(received))
      return mismatch(header, received);
    if (in.done + bytes == kHeaderBytes)
      mergeStop(header, received);
  } else {
    size_t offset = in.done - kHeaderBytes;
    exchange.sink.take(source, offset,
                       std::min(bytes, exchange.receiveBytes - offset));
  }
  in.done += bytes;
  in.channel->read.store(at + bytes);
  return true;
}

Status ShmTransport::exchange(CollectiveHeader &header,
                              const Exchange &exchange) {
  MLRT_RETURN_IF_ERROR(checked());
  Stream out =
      stream(exchange.to < 0 ? -1 : own, exchange.to, exchange.sendBytes);
  Stream in = stream(exchange.from, exchange.from < 0 ? -1 : own,
                     exchange.receiveBytes);
  wire += out.total;
  CollectiveHeader mine = header; // pull() writes to `header`
  while (!out.finished() || !in.finished()) {
    bool moved = false;
    if (!out.finished() && push(out, mine, exchange.data, exchange.sendBytes)) {
      moved = true;
      // Until the header is whole the receiver has nothing to do.
      if (out.done >= kHeaderBytes)
        region.wake(exchange.to);
    }
    if (!in.finished()) {
      Result<bool> pulled = pull(in, header, exchange);
      if (!pulled.ok())
        return failWith(pulled.status());
      if (*pulled) {
        moved = true;
        if (in.total > kPieceBytes)
          region.wake(exchange.from); // it may wait for room
      }
    }
    if (moved)
      continue;
    MLRT_RETURN_IF_ERROR(
        await(in.finished() ? exchange.to : exchange.from, [&in, &out] {
          return (!in.finished() && in.filled() > 0) ||
                 (!out.finished() && out.space() > 0);
        }));
  }
  return Status();
}

} // namespace

std::shared_ptr<Transport> makeShmTransport(std::shared_ptr<LocalGroup> group,
                                            LocalRegion &region, int rank) {
  return std::make_shared<ShmTransport>(std::move(group), region, rank);
}

} // namespace mlrt
