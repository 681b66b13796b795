//===- Store.h - A key-value store over TCP, and who is alive -------------===//
//
// Rank 0's machine serves it. Ranks find each other through it, and tell it
// several times a second that they are alive; its answers carry the first
// failure of the run, so that all ranks learn of it.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_LAUNCH_STORE_H
#define MLC_RUNTIME_LAUNCH_STORE_H

#include "runtime/comm/CollectiveHeader.h"
#include "runtime/comm/KeyValueStore.h"

#include <memory>
#include <mutex>
#include <string>

namespace mlrt {

struct StoreOptions {
  std::string address; ///< to listen at or to connect with; "": every address
  int port = 0;        ///< 0: any free one, to listen
  std::string secret;
  double timeoutSeconds = 30; ///< a rank silent for this long has failed
  int ranks = 1;
};

class StoreServer {
public:
  /// Takes the port, without serving it yet: made before a fork, serve() after.
  /// \returns kRunFailed when the port is in use.
  static Result<std::unique_ptr<StoreServer>>
  listen(const StoreOptions &options);
  ~StoreServer();
  StoreServer(const StoreServer &) = delete;
  StoreServer &operator=(const StoreServer &) = delete;

  int port() const;
  /// Serves in a thread of its own until destroyed.
  void serve();
  /// Stays until every rank said goodbye or failed, at most `seconds`.
  void waitForGoodbyes(double seconds);

private:
  class Loop;
  explicit StoreServer(std::unique_ptr<Loop> newLoop);
  std::unique_ptr<Loop> loop;
};

/// One connection; one request at a time, from any thread.
class StoreClient final : public KeyValueStore {
public:
  /// Tries until the server answers, at most `timeoutSeconds`.
  /// \returns kTimeout when it does not, kRunFailed when it has another secret.
  static Result<std::unique_ptr<StoreClient>>
  connect(const StoreOptions &options);
  ~StoreClient() override;

  Status set(std::string_view key, std::string_view value) override;
  Result<std::string> get(std::string_view key, double seconds) override;
  Result<std::string> setFirst(std::string_view key,
                               std::string_view value) override;
  Result<int64_t> add(std::string_view key, int64_t delta) override;

  /// Says that `rank` lives and what it does.
  /// \returns the run's first failure; kTimeout or kPeerFailed about the server
  ///   itself when it does not answer; ok otherwise.
  Status beat(int rank, const Doing &doing);
  /// Tells the run how `rank` failed; the run's failure, which may be another
  /// that explains this one.
  Status report(int rank, const Status &failure);
  /// True once the server itself has not answered.
  bool isLost() {
    std::lock_guard lock(mutex);
    return !broken.ok();
  }
  /// `rank` has ended as it should: its connection may close.
  Status bye(int rank);

private:
  StoreClient(int newSocket, const StoreOptions &newOptions)
      : socket(newSocket), options(newOptions) {}
  Status handshake();
  /// Sends a frame and receives one, within `seconds`.
  Result<std::string> request(const std::string &frame, double seconds);
  Result<std::string> value(const std::string &frame, double seconds);
  Status sendAll(std::string_view bytes, double seconds);
  Status receiveAll(char *bytes, size_t length, double seconds);
  Result<std::string> receiveFrame(double seconds);
  Status lost(StatusCode code, const std::string &why);

  int socket;
  StoreOptions options;
  std::mutex mutex;
  Status broken;
};

} // namespace mlrt

#endif // MLC_RUNTIME_LAUNCH_STORE_H
