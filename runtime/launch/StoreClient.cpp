//===- StoreClient.cpp - One rank's connection with the store -------------===//

#include "runtime/launch/Store.h"
#include "runtime/launch/StoreProtocol.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

namespace mlrt {

using namespace store;
using Clock = std::chrono::steady_clock;

/// How long the server may take beyond what it was asked to wait.
static constexpr double kSlackSeconds = 5;

namespace {

double secondsUntil(Clock::time_point end) {
  return std::chrono::duration<double>(end - Clock::now()).count();
}

Clock::time_point after(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(
                            std::chrono::duration<double>(seconds));
}

bool waitFor(int socket, short events, double seconds) {
  Clock::time_point end = after(seconds);
  for (;;) {
    double left = secondsUntil(end);
    if (left <= 0)
      return false;
    pollfd polled = {socket, events, 0};
    int ready =
        poll(&polled, 1, static_cast<int>(std::min(left, 60.0) * 1000) + 1);
    if (ready > 0)
      return true;
    if (ready < 0 && errno != EINTR)
      return false;
  }
}

/// One try; the error's text when it fails.
int connectOnce(const addrinfo &address, double seconds, std::string &error) {
  int file =
      socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (file < 0) {
    error = strerror(errno);
    return -1;
  }
  int result = ::connect(file, address.ai_addr, address.ai_addrlen);
  int code = result == 0 ? 0 : errno;
  if (code == EINPROGRESS) {
    socklen_t length = sizeof(code);
    code = ETIMEDOUT;
    if (waitFor(file, POLLOUT, seconds))
      getsockopt(file, SOL_SOCKET, SO_ERROR, &code, &length);
  }
  if (code == 0) {
    int on = 1;
    setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return file;
  }
  error = strerror(code);
  close(file);
  return -1;
}

std::string placeOf(const StoreOptions &options) {
  return options.address + ":" + std::to_string(options.port);
}

} // namespace

Result<std::unique_ptr<StoreClient>>
StoreClient::connect(const StoreOptions &options) {
  Clock::time_point end = after(options.timeoutSeconds);
  std::string error = "no address";
  while (secondsUntil(end) > 0) {
    addrinfo hints = {};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo *found = nullptr;
    int code =
        getaddrinfo(options.address.c_str(),
                    std::to_string(options.port).c_str(), &hints, &found);
    if (code != 0)
      error = gai_strerror(code);
    int file = -1;
    for (addrinfo *at = found; at != nullptr && file < 0; at = at->ai_next)
      file = connectOnce(*at, secondsUntil(end), error);
    if (found != nullptr)
      freeaddrinfo(found);
    if (file < 0) { // not there yet, perhaps
      usleep(50'000);
      continue;
    }
    std::unique_ptr<StoreClient> client(new StoreClient(file, options));
    MLRT_RETURN_IF_ERROR(client->handshake());
    return client;
  }
  return Status(StatusCode::kTimeout,
                "rank 0 does not answer at " + placeOf(options) +
                    " (MASTER_ADDR and MASTER_PORT): " + error +
                    "; is it running, and can this machine reach it?");
}

StoreClient::~StoreClient() { close(socket); }

Status StoreClient::lost(StatusCode code, const std::string &why) {
  if (broken.ok())
    broken = Status(code, "rank 0's store at " + placeOf(options) + " " + why);
  return broken;
}

Status StoreClient::sendAll(std::string_view bytes, double seconds) {
  Clock::time_point end = after(seconds);
  while (!bytes.empty()) {
    ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<size_t>(sent));
      continue;
    }
    if (sent < 0 && errno == EINTR)
      continue;
    if (sent < 0 && errno != EAGAIN)
      return lost(StatusCode::kPeerFailed,
                  std::string("is gone: ") + strerror(errno));
    if (!waitFor(socket, POLLOUT, secondsUntil(end)))
      return lost(StatusCode::kTimeout, "does not answer");
  }
  return Status();
}

Status StoreClient::receiveAll(char *bytes, size_t length, double seconds) {
  Clock::time_point end = after(seconds);
  while (length > 0) {
    // The socket doesn't block, and the caller's lock is held up to `seconds`.
    // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection)
    ssize_t got = recv(socket, bytes, length, 0);
    if (got > 0) {
      bytes += got;
      length -= static_cast<size_t>(got);
      continue;
    }
    if (got == 0)
      return lost(StatusCode::kPeerFailed, "closed the connection");
    if (errno == EINTR)
      continue;
    if (errno != EAGAIN)
      return lost(StatusCode::kPeerFailed,
                  std::string("is gone: ") + strerror(errno));
    if (!waitFor(socket, POLLIN, secondsUntil(end)))
      return lost(StatusCode::kTimeout, "does not answer");
  }
  return Status();
}

Result<std::string> StoreClient::receiveFrame(double seconds) {
  uint32_t length = 0;
  MLRT_RETURN_IF_ERROR(
      receiveAll(reinterpret_cast<char *>(&length), sizeof(length), seconds));
  if (length > kMaxFrameBytes)
    return lost(StatusCode::kPeerFailed,
                "does not speak our language: is another program there?");
  std::string body(length, '\0');
  MLRT_RETURN_IF_ERROR(receiveAll(body.data(), length, seconds));
  return body;
}

Status StoreClient::handshake() {
  double seconds = std::max(kSlackSeconds, options.timeoutSeconds);
  Result<std::string> hello = receiveFrame(seconds);
  if (!hello.ok())
    return hello.status();
  if (hello->size() != kMagic.size() + kNonceBytes ||
      !hello->starts_with(kMagic))
    return lost(StatusCode::kRunFailed,
                "is another program, or mlrun of another version: choose a "
                "free MASTER_PORT");
  std::string_view serverNonce = std::string_view(*hello).substr(kMagic.size());
  char nonceBytes[kNonceBytes];
  if (getrandom(nonceBytes, sizeof(nonceBytes), 0) != sizeof(nonceBytes))
    return Status(StatusCode::kRunFailed, "no random numbers from the system");
  std::string_view nonce(nonceBytes, sizeof(nonceBytes));
  Digest mine = proof(options.secret, "client", serverNonce, nonce);
  MLRT_RETURN_IF_ERROR(
      sendAll(Writer().raw(nonce).raw(view(mine)).data(), seconds));
  Result<std::string> answer = receiveFrame(seconds);
  Digest expected = proof(options.secret, "server", serverNonce, nonce);
  Digest got = {};
  if (answer.ok() && answer->size() == got.size())
    std::memcpy(got.data(), answer->data(), got.size());
  if (!answer.ok() || !sameDigest(got, expected))
    return Status(StatusCode::kRunFailed,
                  "rank 0's store at " + placeOf(options) +
                      " has another secret: give every rank the same "
                      "MLRUN_SECRET, or a free MASTER_PORT if two runs meet "
                      "there");
  return Status();
}

Result<std::string> StoreClient::request(const std::string &frame,
                                         double seconds) {
  std::lock_guard lock(mutex);
  if (!broken.ok())
    return broken;
  MLRT_RETURN_IF_ERROR(sendAll(frame, seconds));
  return receiveFrame(seconds);
}

/// The value of an answer; a refusal becomes an error.
Result<std::string> StoreClient::value(const std::string &frame,
                                       double seconds) {
  Result<std::string> answer = request(frame, seconds);
  if (!answer.ok())
    return answer;
  Reader reader(*answer);
  auto outcome = static_cast<Outcome>(reader.number<uint8_t>());
  std::string text(reader.rest());
  if (!reader.ok())
    return Status(StatusCode::kPeerFailed, "the store sent an empty answer");
  if (outcome == Outcome::ok)
    return text;
  return Status(outcome == Outcome::timeout ? StatusCode::kTimeout
                                            : StatusCode::kInternal,
                "the store says: " + text);
}

static Writer begin(Operation operation) {
  Writer writer;
  writer.number(static_cast<uint8_t>(operation));
  return writer;
}

Status StoreClient::set(std::string_view key, std::string_view newValue) {
  return value(begin(Operation::set).text(key).text(newValue).data(),
               options.timeoutSeconds)
      .status();
}

Result<std::string> StoreClient::get(std::string_view key, double seconds) {
  return value(begin(Operation::get).text(key).number(seconds).data(),
               seconds + kSlackSeconds);
}

Result<std::string> StoreClient::setFirst(std::string_view key,
                                          std::string_view newValue) {
  return value(begin(Operation::setFirst).text(key).text(newValue).data(),
               std::min(options.timeoutSeconds, kSlackSeconds));
}

Result<int64_t> StoreClient::add(std::string_view key, int64_t delta) {
  Result<std::string> sum =
      value(begin(Operation::add).text(key).number(delta).data(),
            options.timeoutSeconds);
  if (!sum.ok())
    return sum.status();
  Reader reader(*sum);
  return reader.number<int64_t>();
}

/// An answer that carries the run's failure: a code, then its text.
static Status failureOf(const Result<std::string> &answer) {
  if (!answer.ok())
    return answer.status();
  Reader reader(*answer);
  auto code = static_cast<StatusCode>(reader.number<uint8_t>());
  if (!reader.ok() || code > StatusCode::kInternal)
    return Status(StatusCode::kPeerFailed, "the store sent a broken answer");
  return code == StatusCode::kOk ? Status()
                                 : Status(code, std::string(reader.rest()));
}

Status StoreClient::beat(int rank, const Doing &doing) {
  Writer writer = begin(Operation::beat);
  writer.number(static_cast<int32_t>(rank))
      .number(static_cast<uint8_t>(doing.inside))
      .number(doing.header);
  return failureOf(value(writer.data(), options.timeoutSeconds * 0.5));
}

Status StoreClient::report(int rank, const Status &failure) {
  Writer writer = begin(Operation::report);
  writer.number(static_cast<int32_t>(rank))
      .number(static_cast<uint8_t>(failure.code()))
      .text(failure.message().substr(0, 4096));
  return failureOf(
      value(writer.data(), std::min(options.timeoutSeconds, kSlackSeconds)));
}

Status StoreClient::bye(int rank) {
  return value(begin(Operation::bye).number(static_cast<int32_t>(rank)).data(),
               std::min(options.timeoutSeconds, kSlackSeconds))
      .status();
}

} // namespace mlrt
