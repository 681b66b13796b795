//===- GlooTransport.cpp - Messages over Gloo -----------------------------===//

#include "runtime/comm/GlooTransport.h"

#include <gloo/common/error.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <unistd.h>

namespace mlrt {

static constexpr uint64_t kMessageSlot = 1;
static constexpr uint64_t kPieceSlot = 2;

GlooTransport::GlooTransport(const GlooOptions &newOptions,
                             KeyValueStore &newStore, std::string newPrefix,
                             std::shared_ptr<gloo::Context> connected)
    : options(newOptions), store(newStore), prefix(std::move(newPrefix)),
      context(std::move(connected)),
      peers(static_cast<size_t>(newOptions.size)) {
  for (size_t i = 0; i < staging.size(); ++i) {
    staging[i].resize(kPieceBytes);
    stagingBuffers[i] =
        context->createUnboundBuffer(staging[i].data(), kPieceBytes);
  }
  for (int i = 0; i < options.size; ++i) {
    if (i == options.rank)
      continue;
    Peer &peer = peers[i];
    peer.outgoing.resize(kMessageBytes);
    peer.incoming.resize(kMessageBytes);
    peer.sends =
        context->createUnboundBuffer(peer.outgoing.data(), kMessageBytes);
    peer.receives =
        context->createUnboundBuffer(peer.incoming.data(), kMessageBytes);
    peer.receives->recv(i, kMessageSlot);
  }
}

GlooTransport::~GlooTransport() {
  // Gloo's thread writes to the buffers until the connections are closed.
  peers.clear();
  stagingBuffers = {};
  context.reset();
}

size_t GlooTransport::stagingBytes() const {
  return staging.size() * kPieceBytes +
         2 * kMessageBytes * static_cast<size_t>(options.size - 1);
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
      static_cast<int64_t>(options.timeoutSeconds * 1000));
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
  std::memcpy(peer.outgoing.data(), &header, sizeof(header));
  if (eager && exchange.sendBytes > 0)
    std::memcpy(peer.outgoing.data() + sizeof(header), exchange.data,
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
    exchange.sink.take(staging[turn].data(), at, pieceBytes(at));
  }
  return Status();
}

Status GlooTransport::receiveMessage(CollectiveHeader &header,
                                     const Exchange &exchange) {
  Peer &peer = peers[exchange.from];
  MLRT_RETURN_IF_ERROR(waitFor(*peer.receives, true));
  CollectiveHeader theirs;
  std::memcpy(&theirs, peer.incoming.data(), sizeof(theirs));
  if (!header.matches(theirs))
    return mismatch(header, theirs);
  header.stop = std::max(header.stop, theirs.stop);
  if (exchange.receiveBytes <= kEagerBytes)
    exchange.sink.take(peer.incoming.data() + sizeof(theirs), 0,
                       exchange.receiveBytes);
  peer.receives->recv(exchange.from, kMessageSlot);
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

/// Who is silent when `peer` is: it may itself wait for another rank, and says
/// so in the store.
std::string GlooTransport::silentRank(int peer) {
  std::string own = std::to_string(options.rank);
  std::string silent = std::to_string(peer);
  (void)store.set(key("waits/" + own), silent);
  double pause = std::min(0.5, options.timeoutSeconds / 4);
  for (int i = 0; i < options.size; ++i) {
    Result<std::string> next = store.get(key("waits/" + silent), pause);
    if (!next.ok() || *next == own)
      break;
    silent = *next;
    pause = 0;
  }
  return silent;
}

Status GlooTransport::explain(const std::string &what, int peer) {
  Status seen = failure();
  if (!seen.ok())
    return seen; // another thread knew before us
  std::string where = progress().text();
  if (what.find("imed out") != std::string::npos) {
    char seconds[32];
    std::snprintf(seconds, sizeof(seconds), "%.1f", options.timeoutSeconds);
    return Status(StatusCode::kTimeout,
                  "rank " + silentRank(peer) + " has not answered for " +
                      seconds + " s; rank " + std::to_string(options.rank) +
                      " waited " + where);
  }
  // Gloo's text begins with "[file:line] ".
  size_t begin = what.find("] ");
  return Status(StatusCode::kPeerFailed,
                "rank " + std::to_string(peer) + " is gone (" +
                    what.substr(begin == std::string::npos ? 0 : begin + 2) +
                    "); rank " + std::to_string(options.rank) + " waited " +
                    where);
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
    if (space != std::string::npos)
      status = Status(static_cast<StatusCode>(std::atoi(first->c_str())),
                      first->substr(space + 1));
  }
  fail(status);
  try {
    context->closeConnections();
  } catch (const std::exception &) {
    // They are broken already.
  }
  return status;
}

} // namespace mlrt
