//===- StoreServer.cpp - Serving the store over TCP -----------------------===//
//
// One thread polls all connections. A client that sends nonsense is
// disconnected, and before the handshake it may send 256 bytes and take 10 s.
//
//===----------------------------------------------------------------------===//

#include "runtime/comm/LocalTransport.h"
#include "runtime/core/Thread.h"
#include "runtime/launch/Store.h"
#include "runtime/launch/StoreProtocol.h"
#include "runtime/launch/StoreState.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace mlrt {

using namespace store;

namespace {

constexpr int kTickMs = 50;
constexpr uint64_t kHandshakeNs = 10'000'000'000;

struct Connection {
  int socket = -1;
  std::string place; ///< the client's address
  std::string nonce;
  bool trusted = false;
  bool hasRequest = false; ///< the frame at the front waits for its answer
  uint64_t sinceNs = 0;    ///< of the request; of the connection before
  std::string incoming, outgoing;
};

} // namespace

class StoreServer::Loop {
public:
  Loop(const StoreOptions &newOptions, int newListener, int newPort)
      : port(newPort), options(newOptions), listener(newListener),
        wakeUp(eventfd(0, EFD_CLOEXEC)),
        state(newOptions.ranks,
              static_cast<uint64_t>(
                  std::min(newOptions.timeoutSeconds * 0.5, 10.0) * 1e9)) {}
  ~Loop();

  void start() {
    thread = std::thread([this] { run(); });
  }

  const int port;
  std::atomic<int> living{0};

private:
  void run();
  void accept();
  /// False when the connection must be closed.
  bool receive(Connection &connection);
  bool progress(int id, Connection &connection);
  bool shakeHands(Connection &connection, std::string_view frame);
  bool flush(Connection &connection);
  void keepTime();

  StoreOptions options;
  int listener;
  int wakeUp;
  StoreState state;
  std::map<int, Connection> connections;
  int nextId = 0;
  uint64_t nowNs = 0;
  std::atomic<bool> ending{false};
  std::thread thread;
};

StoreServer::Loop::~Loop() {
  ending.store(true);
  uint64_t one = 1;
  (void)!write(wakeUp, &one, sizeof(one));
  if (thread.joinable())
    thread.join();
  for (auto &[id, connection] : connections)
    close(connection.socket);
  close(listener);
  close(wakeUp);
}

void StoreServer::Loop::accept() {
  sockaddr_storage address = {};
  socklen_t length = sizeof(address);
  int file = accept4(listener, reinterpret_cast<sockaddr *>(&address), &length,
                     SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (file < 0)
    return;
  if (connections.size() >= kMaxClients) {
    close(file);
    return;
  }
  int on = 1;
  setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  Connection connection;
  connection.socket = file;
  connection.sinceNs = nowNs;
  char text[256] = "?";
  getnameinfo(reinterpret_cast<sockaddr *>(&address), length, text,
              sizeof(text), nullptr, 0, NI_NUMERICHOST);
  connection.place = text;
  if (connection.place.starts_with("::ffff:")) // IPv4 in an IPv6 socket
    connection.place.erase(0, 7);
  connection.nonce.resize(kNonceBytes);
  if (getrandom(connection.nonce.data(), kNonceBytes, 0) !=
      static_cast<ssize_t>(kNonceBytes)) {
    close(file);
    return;
  }
  connection.outgoing = Writer().raw(kMagic).raw(connection.nonce).data();
  connections.emplace(nextId++, std::move(connection));
}

bool StoreServer::Loop::receive(Connection &connection) {
  char buffer[16384];
  for (;;) {
    ssize_t got = recv(connection.socket, buffer, sizeof(buffer), 0);
    if (got < 0)
      return errno == EAGAIN || errno == EINTR;
    if (got == 0)
      return false;
    connection.incoming.append(buffer, static_cast<size_t>(got));
    // One request at a time: a client that sends more does not know how.
    size_t limit = connection.trusted ? kMaxFrameBytes : kMaxHelloBytes;
    if (connection.incoming.size() > limit + 4)
      return false;
  }
}

bool StoreServer::Loop::shakeHands(Connection &connection,
                                   std::string_view frame) {
  Reader reader(frame);
  std::string_view nonce = reader.raw(kNonceBytes);
  auto got = reader.number<Digest>();
  if (!reader.finished() || !sameDigest(got, proof(options.secret, "client",
                                                   connection.nonce, nonce)))
    return false;
  connection.trusted = true;
  connection.outgoing +=
      Writer()
          .raw(view(proof(options.secret, "server", connection.nonce, nonce)))
          .data();
  return true;
}

/// Answers what can be answered.
bool StoreServer::Loop::progress(int id, Connection &connection) {
  std::string &bytes = connection.incoming;
  while (bytes.size() >= 4) {
    uint32_t length = 0;
    std::memcpy(&length, bytes.data(), sizeof(length));
    if (length > (connection.trusted ? kMaxFrameBytes : kMaxHelloBytes))
      return false;
    if (bytes.size() - 4 < length)
      break;
    std::string_view frame = std::string_view(bytes).substr(4, length);
    if (!connection.trusted) {
      if (!shakeHands(connection, frame))
        return false;
    } else {
      if (!connection.hasRequest)
        connection.sinceNs = nowNs;
      connection.hasRequest = true;
      std::optional<std::string> answer =
          state.answer(frame, id, connection.place, connection.sinceNs, nowNs);
      if (!answer)
        break;
      connection.hasRequest = false;
      connection.outgoing += Writer().raw(*answer).data();
    }
    bytes.erase(0, 4 + length);
  }
  return connection.trusted || nowNs - connection.sinceNs < kHandshakeNs;
}

bool StoreServer::Loop::flush(Connection &connection) {
  std::string &bytes = connection.outgoing;
  while (!bytes.empty()) {
    ssize_t sent =
        send(connection.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0)
      return errno == EAGAIN || errno == EINTR;
    bytes.erase(0, static_cast<size_t>(sent));
  }
  return true;
}

void StoreServer::Loop::keepTime() {
  uint64_t now = monotonicNs();
  // Stopped for a while ourselves: the beats lie unread in the sockets.
  if (nowNs != 0 && now - nowNs > 1'000'000'000)
    state.forgive(now);
  nowNs = now;
}

void StoreServer::Loop::run() {
  nameThisThread("store");
  keepTime();
  while (!ending.load()) {
    std::vector<pollfd> polled = {{listener, POLLIN, 0}, {wakeUp, POLLIN, 0}};
    std::vector<int> ids = {-1, -1};
    for (auto &[id, connection] : connections) {
      auto events = static_cast<short>(
          connection.outgoing.empty() ? POLLIN : POLLIN | POLLOUT);
      polled.push_back({connection.socket, events, 0});
      ids.push_back(id);
    }
    poll(polled.data(), polled.size(), kTickMs);
    keepTime();
    for (size_t i = 2; i < polled.size(); ++i) {
      int id = ids[i];
      Connection &connection = connections.at(id);
      bool open = polled[i].revents == 0 || receive(connection);
      // What came before the end of a connection still counts.
      open = progress(id, connection) && open;
      open = flush(connection) && open;
      if (open)
        continue;
      state.closed(id, nowNs);
      close(connection.socket);
      connections.erase(id);
    }
    if (polled[0].revents != 0)
      accept();
    state.checkLives(nowNs);
    living.store(state.living());
  }
}

StoreServer::StoreServer(std::unique_ptr<Loop> newLoop)
    : loop(std::move(newLoop)) {}
StoreServer::~StoreServer() = default;
int StoreServer::port() const { return loop->port; }
void StoreServer::serve() { loop->start(); }

void StoreServer::waitForGoodbyes(double seconds) {
  uint64_t end = monotonicNs() + static_cast<uint64_t>(seconds * 1e9);
  while (loop->living.load() > 0 && monotonicNs() < end)
    usleep(5'000);
}

/// A listening socket at `address`, or -1 and errno.
static int listenAt(const addrinfo &address) {
  int file =
      socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (file < 0)
    return -1;
  int on = 1, off = 0;
  setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (address.ai_family == AF_INET6)
    setsockopt(file, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
  if (bind(file, address.ai_addr, address.ai_addrlen) == 0 &&
      ::listen(file, 1024) == 0)
    return file;
  int error = errno;
  close(file);
  errno = error;
  return -1;
}

static int portOf(int file) {
  sockaddr_storage address = {};
  socklen_t length = sizeof(address);
  getsockname(file, reinterpret_cast<sockaddr *>(&address), &length);
  if (address.ss_family == AF_INET6)
    return ntohs(reinterpret_cast<sockaddr_in6 *>(&address)->sin6_port);
  return ntohs(reinterpret_cast<sockaddr_in *>(&address)->sin_port);
}

Result<std::unique_ptr<StoreServer>>
StoreServer::listen(const StoreOptions &options) {
  int file = -1, error = 0;
  for (int family : {AF_INET6, AF_INET}) {
    addrinfo hints = {};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    addrinfo *found = nullptr;
    if (getaddrinfo(options.address.empty() ? nullptr : options.address.c_str(),
                    std::to_string(options.port).c_str(), &hints, &found) != 0)
      continue;
    file = listenAt(*found);
    error = errno;
    freeaddrinfo(found);
    if (file >= 0 || error == EADDRINUSE)
      break;
  }
  if (file < 0 && error == EADDRINUSE)
    return Status(StatusCode::kRunFailed,
                  "port " + std::to_string(options.port) +
                      " is in use on this machine: set MASTER_PORT to a free "
                      "one, the same on every rank");
  if (file < 0)
    return Status(StatusCode::kRunFailed, "cannot listen at port " +
                                              std::to_string(options.port) +
                                              ": " + strerror(error));
  auto loop = std::make_unique<Loop>(options, file, portOf(file));
  return std::unique_ptr<StoreServer>(new StoreServer(std::move(loop)));
}

} // namespace mlrt
