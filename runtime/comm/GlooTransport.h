//===- GlooTransport.h - Inside of GlooCommunicator -----------------------===//
#ifndef MLC_RUNTIME_COMM_GLOOTRANSPORT_H
#define MLC_RUNTIME_COMM_GLOOTRANSPORT_H

#include "runtime/comm/GlooCommunicator.h"
#include "runtime/comm/Transport.h"
#include "runtime/schema/Memory.h"

#include <gloo/context.h>
#include <gloo/transport/unbound_buffer.h>

#include <array>
#include <atomic>
#include <mutex>
#include <vector>

namespace mlrt {

/// Messages over Gloo's unbound buffers. A message is one small Gloo message
/// with the header and up to kEagerBytes of data, for which the receiver is
/// always ready; longer data follows in pieces, once the receiver has checked
/// the header and therefore knows their size. (Gloo ends the process when a
/// message does not fit its buffer.)
class GlooTransport final : public Transport {
public:
  GlooTransport(const GlooOptions &newOptions, KeyValueStore &newStore,
                std::string newPrefix,
                std::shared_ptr<gloo::Context> connected);
  ~GlooTransport() override;

  int rank() const override { return options.rank; }
  int size() const override { return options.size; }
  std::string_view name() const override { return "gloo"; }
  Status exchange(CollectiveHeader &header, const Exchange &exchange) override;
  uint64_t wireBytes() const override { return wire; }
  size_t stagingBytes() const override;
  void fail(const Status &status) override;
  Progress &progress() override { return *options.progress; }

private:
  using Buffer = gloo::transport::UnboundBuffer;
  static constexpr size_t kMessageBytes = schema::kGlooMessageBytes;
  static constexpr size_t kEagerBytes =
      kMessageBytes - sizeof(CollectiveHeader);
  static constexpr size_t kPieceBytes = schema::kGlooPieceBytes;

  struct Peer {
    std::byte *outgoing = nullptr, *incoming = nullptr; ///< kMessageBytes each
    std::unique_ptr<Buffer> sends, receives;
    std::string lost; ///< why it will send no more; "": it may
  };

  void sendMessage(const CollectiveHeader &header, const Exchange &exchange,
                   std::vector<std::unique_ptr<Buffer>> &pieces);
  Status receiveMessage(CollectiveHeader &header, const Exchange &exchange);
  Status receivePieces(const Exchange &exchange);
  Status exchangeOrThrow(CollectiveHeader &header, const Exchange &exchange);
  /// Waits for one buffer; abort() from another thread ends it.
  Status waitFor(Buffer &buffer, bool receiving);
  /// The failure of the run, given what this rank saw of it.
  Status explain(const std::string &what, int peer);
  Status explainSilence(int peer, const std::string &gone);
  Status failure();
  std::string key(const std::string &name) const { return prefix + name; }

  GlooOptions options;
  KeyValueStore &store;
  std::string prefix; ///< of keys in the store
  std::shared_ptr<gloo::Context> context;
  std::unique_ptr<std::byte[]> memory; ///< stagingBytes()
  std::vector<Peer> peers;
  std::array<std::byte *, 2> staging = {}; ///< kPieceBytes each
  std::array<std::unique_ptr<Buffer>, 2> stagingBuffers;

  uint64_t wire = 0;

  std::mutex mutex; ///< guards the rest
  Buffer *waiting = nullptr;
  Status failed;
};

} // namespace mlrt

#endif // MLC_RUNTIME_COMM_GLOOTRANSPORT_H
