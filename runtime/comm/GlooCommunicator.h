//===- GlooCommunicator.h - Ranks of several hosts, over Gloo's TCP -------===//
#ifndef MLC_RUNTIME_COMM_GLOOCOMMUNICATOR_H
#define MLC_RUNTIME_COMM_GLOOCOMMUNICATOR_H

#include "runtime/comm/CollectiveHeader.h"
#include "runtime/comm/KeyValueStore.h"

#include <memory>
#include <string>

namespace mlrt {

struct GlooOptions {
  int rank = 0;
  int size = 1;
  double timeoutSeconds = 30; ///< longest silence of a peer
  /// Rank 0's machine: the interface with the route to it is used.
  std::string masterAddress;
  /// An interface by name instead; the variables MLRUN_SOCKET_IFNAME and
  /// GLOO_SOCKET_IFNAME.
  std::string interfaceName;
  /// Where the rank says what it does; outlives the communicator.
  Progress *progress = nullptr;
};

/// Connects with every other rank; called by all. Gloo and its exceptions stay
/// behind this function. Gloo allocates for each message; therefore collectives
/// run on a thread of their own, and the caller's allocates nothing.
///
/// \param store  outlives the communicator.
///
/// \returns kTimeout when a rank does not come, kRunFailed when there is no
///   address that other hosts can reach.
Result<std::unique_ptr<Communicator>> connectGloo(const GlooOptions &options,
                                                  KeyValueStore &store);

/// Whether only this machine reaches an address.
bool isLoopback(const std::string &address);

/// The own address from which packets to `host` leave.
Result<std::string> addressTowards(const std::string &host);

} // namespace mlrt

#endif // MLC_RUNTIME_COMM_GLOOCOMMUNICATOR_H
