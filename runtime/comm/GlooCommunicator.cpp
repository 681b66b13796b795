//===- GlooCommunicator.cpp - Connecting ranks over Gloo ------------------===//

#include "runtime/comm/GlooCommunicator.h"
#include "runtime/comm/GlooTransport.h"
#include "runtime/comm/ThreadedCommunicator.h"

#include <gloo/rendezvous/context.h>
#include <gloo/rendezvous/store.h>
#include <gloo/transport/tcp/device.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <netdb.h>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace mlrt {

namespace {

/// Our store as Gloo wants it; its failures become exceptions, which
/// connectGloo catches.
class StoreForGloo final : public gloo::rendezvous::Store {
public:
  StoreForGloo(KeyValueStore &newStore, std::string newPrefix,
               double newSeconds)
      : store(newStore), prefix(std::move(newPrefix)), seconds(newSeconds) {}

  void set(const std::string &key, const std::vector<char> &data) override {
    check(store.set(prefix + key, std::string_view(data.data(), data.size())));
  }
  std::vector<char> get(const std::string &key) override {
    Result<std::string> value = store.get(prefix + key, seconds);
    if (!value.ok())
      check(value.status());
    return std::vector<char>(value->begin(), value->end());
  }
  void wait(const std::vector<std::string> &keys) override {
    for (const std::string &key : keys)
      (void)get(key);
  }
  void wait(const std::vector<std::string> &keys,
            const std::chrono::milliseconds &) override {
    wait(keys);
  }

  Status failure; ///< what the last exception was about

private:
  void check(const Status &status) {
    if (status.ok())
      return;
    failure = status;
    throw std::runtime_error(status.message());
  }

  KeyValueStore &store;
  std::string prefix;
  double seconds;
};

/// Names the machine: two hosts may have the same name, two boots not.
std::string hostIdentity() {
  std::string identity;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), identity);
  char name[256] = {};
  gethostname(name, sizeof(name) - 1);
  return identity + "/" + name;
}

/// "rank 1 of 4 has", "ranks 1, 3 of 4 have"
std::string listed(const std::vector<int> &ranks, int size) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (size_t i = 0; i < ranks.size(); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(ranks[i]);
  return text + " of " + std::to_string(size) +
         (ranks.size() == 1 ? " has" : " have");
}

/// Sets `own` under `key` and waits until all ranks have, for the timeout in
/// all. \returns what each set; kTimeout naming all who have not, and that they
/// have not `done` it.
Result<std::vector<std::string>>
meet(const GlooOptions &options, KeyValueStore &store, const std::string &key,
     const std::string &own, const std::string &done) {
  using Clock = std::chrono::steady_clock;
  MLRT_RETURN_IF_ERROR(store.set(key + std::to_string(options.rank), own));
  std::vector<std::string> values;
  std::vector<int> missing;
  auto begin = Clock::now();
  for (int i = 0; i < options.size; ++i) {
    std::chrono::duration<double> waited = Clock::now() - begin;
    Result<std::string> value =
        store.get(key + std::to_string(i),
                  std::max(0.0, options.timeoutSeconds - waited.count()));
    if (!value.ok() && value.status().code() != StatusCode::kTimeout)
      return value.status();
    if (!value.ok())
      missing.push_back(i);
    values.push_back(value.ok() ? *value : std::string());
  }
  if (missing.empty())
    return values;
  char seconds[32];
  std::snprintf(seconds, sizeof(seconds), "%.1f", options.timeoutSeconds);
  return Status(StatusCode::kTimeout, listed(missing, options.size) + " not " +
                                          done + " within " + seconds + " s");
}

/// Every rank says where it is; a loopback address is no use to another host.
Status checkAddresses(const GlooOptions &options, KeyValueStore &store,
                      const std::string &prefix, const std::string &address) {
  std::string own = hostIdentity();
  Result<std::vector<std::string>> hosts =
      meet(options, store, prefix + "host/", own, "come to connect");
  if (!hosts.ok())
    return Status(hosts.status().code(),
                  hosts.status().message() +
                      ": start every rank, with the same WORLD_SIZE, "
                      "MASTER_ADDR and MASTER_PORT");
  for (int i = 0; i < options.size; ++i) {
    if ((*hosts)[static_cast<size_t>(i)] != own && isLoopback(address))
      return Status(StatusCode::kRunFailed,
                    "rank " + std::to_string(options.rank) +
                        " would use the address " + address + ", which rank " +
                        std::to_string(i) +
                        " on another machine cannot reach: set MASTER_ADDR to "
                        "an address of rank 0's machine, or "
                        "MLRUN_SOCKET_IFNAME to an interface of this one");
  }
  return Status();
}

} // namespace

/// Waits until every rank has all its connections. A rank that went on before
/// could fail and close them while others still connect, and they would report
/// the connection instead of the failure.
static Status awaitAllConnected(const GlooOptions &options,
                                KeyValueStore &store,
                                const std::string &prefix) {
  Result<std::vector<std::string>> connected =
      meet(options, store, prefix + "connected/", "1",
           "connected with the other ranks");
  return connected.ok() ? Status() : connected.status();
}

bool isLoopback(const std::string &address) {
  return address == "localhost" || address == "::1" ||
         address.starts_with("127.");
}

Result<std::string> addressTowards(const std::string &host) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo *found = nullptr;
  int error = getaddrinfo(host.c_str(), "9", &hints, &found);
  if (error != 0)
    return Status(StatusCode::kRunFailed,
                  "cannot find the machine '" + host +
                      "' (MASTER_ADDR): " + gai_strerror(error));
  std::string address;
  for (addrinfo *at = found; at != nullptr && address.empty();
       at = at->ai_next) {
    int file = socket(at->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (file < 0)
      continue;
    // Connecting a UDP socket sends nothing; it only asks for the route.
    sockaddr_storage local = {};
    socklen_t length = sizeof(local);
    char text[256];
    if (connect(file, at->ai_addr, at->ai_addrlen) == 0 &&
        getsockname(file, reinterpret_cast<sockaddr *>(&local), &length) == 0 &&
        getnameinfo(reinterpret_cast<sockaddr *>(&local), length, text,
                    sizeof(text), nullptr, 0, NI_NUMERICHOST) == 0)
      address = text;
    close(file);
  }
  freeaddrinfo(found);
  if (address.empty())
    return Status(StatusCode::kRunFailed,
                  "this machine has no route to '" + host + "' (MASTER_ADDR)");
  return address;
}

static Result<std::unique_ptr<Communicator>> connect(const GlooOptions &options,
                                                     KeyValueStore &store) {
  // Gloo writes to sockets whose other side may be gone.
  signal(SIGPIPE, SIG_IGN);
  gloo::transport::tcp::attr attributes;
  std::string prefix = "comm/";
  if (!options.interfaceName.empty()) {
    attributes.iface = options.interfaceName;
  } else {
    Result<std::string> address = addressTowards(options.masterAddress);
    if (!address.ok())
      return address.status();
    attributes.hostname = *address;
  }
  MLRT_RETURN_IF_ERROR(
      checkAddresses(options, store, prefix, attributes.hostname));
  StoreForGloo adapted(store, prefix + "gloo/", options.timeoutSeconds);
  try {
    auto device = gloo::transport::tcp::CreateDevice(attributes);
    auto context =
        std::make_shared<gloo::rendezvous::Context>(options.rank, options.size);
    context->setTimeout(std::chrono::milliseconds(
        static_cast<int64_t>(options.timeoutSeconds * 1000)));
    context->connectFullMesh(adapted, device);
    Result<std::unique_ptr<Communicator>> communicator = makeCommunicator(
        std::make_shared<GlooTransport>(options, store, prefix, context));
    MLRT_RETURN_IF_ERROR(awaitAllConnected(options, store, prefix));
    return communicator;
  } catch (const std::exception &error) {
    if (!adapted.failure.ok())
      return adapted.failure;
    return Status(StatusCode::kPeerFailed,
                  "rank " + std::to_string(options.rank) +
                      " cannot connect with the other ranks from " +
                      (attributes.iface.empty() ? attributes.hostname
                                                : attributes.iface) +
                      ": " + error.what());
  }
}

Result<std::unique_ptr<Communicator>> connectGloo(const GlooOptions &options,
                                                  KeyValueStore &store) {
  // Gloo allocates for each message, in its own thread (which gets the name of
  // the one that connects) and in the one that sends or receives.
  auto thread = std::make_shared<ThreadOfItsOwn>("communication");
  std::optional<Result<std::unique_ptr<Communicator>>> made;
  thread->run([&] { made.emplace(connect(options, store)); });
  if (!made->ok())
    return std::move(*made);
  return makeThreadedCommunicator(std::move(thread), std::move(**made));
}

} // namespace mlrt
