//===- GlooTransport.cpp - Messages over Gloo -----------------------------===//

#include "runtime/comm/GlooTransport.h"

#include <gloo/common/error.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <unistd.h>
#include <utility>

namespace mlrt {

static constexpr uint64_t kMessageSlot = 1;
static constexpr uint64_t kPieceSlot = 2;

GlooTransport::GlooTransport(const GlooOptions &newOptions,
                             KeyValueStore &newStore, std::string newPrefix,
                             std::shared_ptr<gloo::Context> connected)
    : options(newOptions), store(newStore), prefix(std::move(newPrefix)),
      context(std::move(connected)),
      memory(std::make_unique<std::byte[]>(stagingBytes())),
      peers(static_cast<size_t>(newOptions.size)) {
  std::byte *free = memory.get();
  auto take = [&free](size_t bytes) {
    return std::exchange(free, free + bytes);
  };
  for (size_t i = 0; options.size > 1 && i < staging.size(); ++i) {
    staging[i] = take(kPieceBytes);
    stagingBuffers[i] = context->createUnboundBuffer(staging[i], kPieceBytes);
  }
  for (int i = 0; i < options.size; ++i) {
    if (i == options.rank)
      continue;
    Peer &peer = peers[i];
    peer.outgoing = take(kMessageBytes);
    peer.incoming = take(kMessageBytes);
    peer.sends = context->createUnboundBuffer(peer.outgoing, kMessageBytes);
    peer.receives = context->createUnboundBuffer(peer.incoming, kMessageBytes);
    peer.receives->recv(i, kMessageSlot);
  }
}

static void closeConnections(gloo::Context &context) {
  try {
    context.closeConnections();
  } catch (const std::exception &) { // NOLINT(bugprone-empty-catch)
    // They are broken already.
  }
}

GlooTransport::~GlooTransport() {
  // Gloo's thread writes to the buffers until the connections are closed.
  closeConnections(*context);
  peers.clear();
  stagingBuffers = {};
  context.reset();
}

size_t GlooTransport::stagingBytes() const {
  return schema::glooStagingBytes(static_cast<uint64_t>(options.size));
}

Status GlooTransport::failure() {
  std::lock_guard lock(mutex);
  return failed;
}

void GlooTransport::fail(const Status &status) {
  std::lock_guard lock(mutex);
  if (failed.ok())
    failed = status;
  if (waiting != nullptr) {
    waiting->abortWaitRecv();
    waiting->abortWaitSend();
  }
}

Status GlooTransport::waitFor(Buffer &buffer, bool receiving) {
  {
    std::lock_guard lock(mutex);
    if (!failed.ok())
      return failed;
    waiting = &buffer;
  }
  auto timeout = std::chrono::milliseconds(
      static_cast<int64_t>(options.timeoutSeconds * patience * 1000));
  bool done = false;
  try {
    done = receiving ? buffer.waitRecv(timeout) : buffer.waitSend(timeout);
  } catch (...) {
    std::lock_guard lock(mutex);
    waiting = nullptr;
    throw;
  }
  std::lock_guard lock(mutex);
  waiting = nullptr;
  return done ? Status() : failed;
}

void GlooTransport::sendMessage(const CollectiveHeader &header,
                                const Exchange &exchange,
                                std::vector<std::unique_ptr<Buffer>> &pieces) {
  Peer &peer = peers[exchange.to];
  bool eager = exchange.sendBytes <= kEagerBytes;
  wire += sizeof(header) + exchange.sendBytes;
  std::memcpy(peer.outgoing, &header, sizeof(header));
  if (eager && exchange.sendBytes > 0)
    std::memcpy(peer.outgoing + sizeof(header), exchange.data,
                exchange.sendBytes);
  peer.sends->send(exchange.to, kMessageSlot, 0,
                   sizeof(header) + (eager ? exchange.sendBytes : 0));
  if (eager)
    return;
  auto *data =
      static_cast<std::byte *>(const_cast<void *>(exchange.data)); // only read
  for (size_t at = 0; at < exchange.sendBytes; at += kPieceBytes) {
    size_t bytes = std::min(kPieceBytes, exchange.sendBytes - at);
    pieces.push_back(context->createUnboundBuffer(data + at, bytes));
    pieces.back()->send(exchange.to, kPieceSlot);
  }
}

/// Receives one piece while it works on the one before.
Status GlooTransport::receivePieces(const Exchange &exchange) {
  size_t total = exchange.receiveBytes;
  auto pieceBytes = [total](size_t at) {
    return std::min(kPieceBytes, total - at);
  };
  stagingBuffers[0]->recv(exchange.from, kPieceSlot, 0, pieceBytes(0));
  int turn = 0;
  for (size_t at = 0; at < total; at += kPieceBytes, turn ^= 1) {
    size_t next = at + kPieceBytes;
    if (next < total)
      stagingBuffers[turn ^ 1]->recv(exchange.from, kPieceSlot, 0,
                                     pieceBytes(next));
    MLRT_RETURN_IF_ERROR(waitFor(*stagingBuffers[turn], true));
    exchange.sink.take(staging[turn], at, pieceBytes(at));
  }
  return Status();
}

Status GlooTransport::receiveMessage(CollectiveHeader &header,
                                     const Exchange &exchange) {
  Peer &peer = peers[exchange.from];
  if (!peer.lost.empty())
    throw std::runtime_error(peer.lost);
  MLRT_RETURN_IF_ERROR(waitFor(*peer.receives, true));
  CollectiveHeader theirs;
  std::memcpy(&theirs, peer.incoming, sizeof(theirs));
  if (!header.matches(theirs))
    return mismatch(header, theirs);
  header.stop = std::max(header.stop, theirs.stop);
  if (exchange.receiveBytes <= kEagerBytes)
    exchange.sink.take(peer.incoming + sizeof(theirs), 0,
                       exchange.receiveBytes);
  try {
    peer.receives->recv(exchange.from, kMessageSlot);
  } catch (const std::exception &error) {
    peer.lost = error.what(); // this was its last message, perhaps rightly
  }
  return exchange.receiveBytes > kEagerBytes ? receivePieces(exchange)
                                             : Status();
}

Status GlooTransport::exchangeOrThrow(CollectiveHeader &header,
                                      const Exchange &exchange) {
  std::vector<std::unique_ptr<Buffer>> pieces;
  CollectiveHeader mine = header;
  if (exchange.to >= 0)
    sendMessage(mine, exchange, pieces);
  if (exchange.from >= 0)
    MLRT_RETURN_IF_ERROR(receiveMessage(header, exchange));
  if (exchange.to >= 0)
    MLRT_RETURN_IF_ERROR(waitFor(*peers[exchange.to].sends, false));
  for (std::unique_ptr<Buffer> &piece : pieces)
    MLRT_RETURN_IF_ERROR(waitFor(*piece, false));
  return Status();
}

/// `peer` has not answered, or closed its connections because another had not
/// (then `gone` says how that looked). It may wait for another rank, or be in
/// another collective: ranks that give up say so in the store.
Status GlooTransport::explainSilence(int peer, const std::string &gone) {
  CollectiveHeader mine = progress().get().header;
  std::string entry(sizeof(peer) + sizeof(mine), '\0');
  std::memcpy(entry.data(), &peer, sizeof(peer));
  std::memcpy(entry.data() + sizeof(peer), &mine, sizeof(mine));
  (void)store.set(key("waits/" + std::to_string(options.rank)), entry);
  usleep(
      static_cast<useconds_t>(std::min(0.5, options.timeoutSeconds / 4) * 1e6));
  std::vector<int> waitsFor(static_cast<size_t>(options.size), -1);
  for (int rank = 0; rank < options.size; ++rank) {
    if (rank == options.rank)
      continue;
    Result<std::string> other =
        store.get(key("waits/" + std::to_string(rank)), 0);
    if (!other.ok() && other.status().code() != StatusCode::kTimeout)
      break; // the store is gone too
    if (!other.ok() || other->size() != entry.size())
      continue;
    CollectiveHeader theirs;
    std::memcpy(&waitsFor[rank], other->data(), sizeof(int));
    std::memcpy(&theirs, other->data() + sizeof(int), sizeof(theirs));
    if (theirs.group == mine.group && theirs.sequence == mine.sequence &&
        !mine.matches(theirs))
      return mismatch(mine, theirs);
  }
  std::string waiter =
      "; rank " + std::to_string(options.rank) + " waited " + progress().text();
  if (!gone.empty() && waitsFor[static_cast<size_t>(peer)] < 0)
    return Status(StatusCode::kPeerFailed, "rank " + std::to_string(peer) +
                                               " is gone (" + gone + ")" +
                                               waiter);
  int silent = peer;
  for (int i = 0; i < options.size; ++i) {
    int next = waitsFor[static_cast<size_t>(silent)];
    if (next < 0 || next >= options.size || next == options.rank)
      break;
    silent = next;
  }
  char seconds[32];
  std::snprintf(seconds, sizeof(seconds), "%.1f",
                options.timeoutSeconds * patience);
  return Status(StatusCode::kTimeout, "rank " + std::to_string(silent) +
                                          " has not answered for " + seconds +
                                          " s" + waiter);
}

Status GlooTransport::explain(const std::string &what, int peer) {
  Status seen = failure();
  if (!seen.ok())
    return seen; // another thread knew before us
  if (what.find("imed out") != std::string::npos)
    return explainSilence(peer, "");
  size_t begin = what.find("] "); // Gloo's text begins with "[file:line] "
  return explainSilence(
      peer, what.substr(begin == std::string::npos ? 0 : begin + 2));
}

Status GlooTransport::exchange(CollectiveHeader &header,
                               const Exchange &exchange) {
  MLRT_RETURN_IF_ERROR(failure());
  Status status;
  try {
    status = exchangeOrThrow(header, exchange);
  } catch (const std::exception &error) {
    status =
        explain(error.what(), exchange.from >= 0 ? exchange.from : exchange.to);
  }
  if (status.ok())
    return status;
  // The first to fail tells the others why, before its connections close and
  // they see no more than that.
  std::string code = std::to_string(static_cast<int>(status.code()));
  Result<std::string> first =
      store.setFirst(key("failure"), code + " " + status.message());
  if (first.ok()) {
    size_t space = first->find(' ');
    int known = 0;
    if (space != std::string::npos &&
        std::from_chars(first->data(), first->data() + space, known).ec ==
            std::errc())
      status = Status(static_cast<StatusCode>(known), first->substr(space + 1));
  }
  fail(status);
  closeConnections(*context);
  return status;
}

} // namespace mlrt
