//===- StoreState.h - What the store holds, apart from sockets ------------===//
#ifndef MLC_RUNTIME_LAUNCH_STORESTATE_H
#define MLC_RUNTIME_LAUNCH_STORESTATE_H

#include "runtime/comm/CollectiveHeader.h"
#include "runtime/launch/Cause.h"
#include "runtime/launch/StoreProtocol.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mlrt {

class StoreState {
public:
  /// \param silenceNs  a rank without a beat for this long has failed.
  StoreState(int ranks, uint64_t silenceNs)
      : lives(static_cast<size_t>(ranks)), limitNs(silenceNs) {}

  /// Answers a request, whatever its bytes are.
  ///
  /// \param client    which connection, where from.
  /// \param askedNs   when the request came.
  /// \returns nothing while the request has to wait: ask again later.
  std::optional<std::string> answer(std::string_view request, int client,
                                    const std::string &place, uint64_t askedNs,
                                    uint64_t nowNs);
  /// The connection has ended; a rank that has not said goodbye has died.
  void closed(int client, uint64_t nowNs);
  /// Finds who has died or fallen silent.
  void checkLives(uint64_t nowNs);
  /// The clock has jumped: this process was stopped, not the ranks.
  void forgive(uint64_t nowNs);
  /// Ranks that have been heard of and have not ended.
  int living() const;

private:
  struct Life {
    bool seen = false;
    bool ended = false;
    int client = -1;
    std::string place;
    uint64_t lastBeatNs = 0;
    uint64_t diedNs = 0; ///< its connection ended then
    Doing doing;
  };

  std::string set(store::Reader &reader, bool first);
  std::optional<std::string> get(store::Reader &reader, uint64_t askedNs,
                                 uint64_t nowNs);
  std::string add(store::Reader &reader);
  std::string beat(store::Reader &reader, int client, const std::string &place,
                   uint64_t nowNs);
  std::string report(store::Reader &reader);
  std::string bye(store::Reader &reader);
  std::string failureAnswer() const;
  Life *lifeOf(int32_t rank);
  void died(size_t rank, StatusCode code, const std::string &how);
  void failed(const Status &status, Cause cause);
  std::string whereabouts(size_t rank) const;

  std::map<std::string, std::string, std::less<>> values;
  size_t storedBytes = 0;
  std::vector<Life> lives;
  uint64_t limitNs;
  Status failure;
  Cause failureCause = Cause::none;
};

} // namespace mlrt

#endif // MLC_RUNTIME_LAUNCH_STORESTATE_H
