//===- StoreProtocol.h - Frames between the store and its clients ---------===//
//
// A frame is a u32 length, little endian, then that many bytes. The server
// begins with a hello (magic, version, 32 random bytes); the client answers
// with 32 random bytes of its own and an HMAC of both under the shared secret;
// the server answers with its HMAC, so that each side has proved that it knows
// the secret, which was never sent. Then come requests, each with one answer:
// first byte the operation or the outcome, then its fields. Nothing after the
// handshake is encrypted or signed: a trusted network is assumed.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_LAUNCH_STOREPROTOCOL_H
#define MLC_RUNTIME_LAUNCH_STOREPROTOCOL_H

#include "runtime/launch/Sha256.h"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace mlrt::store {

inline constexpr std::string_view kMagic = "mlrun store 1\n";
inline constexpr size_t kNonceBytes = 32;
inline constexpr size_t kMaxKeyBytes = 1024;
inline constexpr size_t kMaxValueBytes = 1 << 20;
inline constexpr size_t kMaxFrameBytes = kMaxValueBytes + kMaxKeyBytes + 64;
/// Before the handshake is done.
inline constexpr size_t kMaxHelloBytes = 256;
inline constexpr size_t kMaxStoredBytes = 256 << 20;
inline constexpr size_t kMaxClients = 4096;

enum class Operation : uint8_t {
  set = 1,
  get,
  setFirst,
  add,
  beat,
  report,
  bye
};
enum class Outcome : uint8_t { ok = 0, timeout = 1, refused = 2 };

/// Builds a frame; data() has the length in front.
class Writer {
public:
  Writer() : bytes(4, '\0') {}
  template <typename T> Writer &number(T value) {
    bytes.append(reinterpret_cast<const char *>(&value), sizeof(value));
    return *this;
  }
  Writer &text(std::string_view value) {
    number(static_cast<uint32_t>(value.size()));
    bytes += value;
    return *this;
  }
  Writer &raw(std::string_view value) {
    bytes += value;
    return *this;
  }
  const std::string &data() {
    auto length = static_cast<uint32_t>(bytes.size() - 4);
    std::memcpy(bytes.data(), &length, 4);
    return bytes;
  }

private:
  std::string bytes;
};

/// Reads fields of a frame's body. After the first field that is not there,
/// ok() is false and every value zero or empty.
class Reader {
public:
  explicit Reader(std::string_view newBytes) : bytes(newBytes) {}
  template <typename T> T number() {
    T value = {};
    std::string_view field = raw(sizeof(T));
    if (valid)
      std::memcpy(&value, field.data(), sizeof(T));
    return value;
  }
  std::string_view text() { return raw(number<uint32_t>()); }
  std::string_view raw(size_t length) {
    if (!valid || length > bytes.size()) {
      valid = false;
      return {};
    }
    std::string_view field = bytes.substr(0, length);
    bytes.remove_prefix(length);
    return field;
  }
  std::string_view rest() { return raw(bytes.size()); }
  bool ok() const { return valid; }
  bool finished() const { return valid && bytes.empty(); }

private:
  std::string_view bytes;
  bool valid = true;
};

/// The proof of one side; `who` is "client" or "server".
inline Digest proof(std::string_view secret, std::string_view who,
                    std::string_view serverNonce,
                    std::string_view clientNonce) {
  std::string text(who);
  text += serverNonce;
  text += clientNonce;
  return hmacSha256(secret, text);
}

inline std::string_view view(const Digest &digest) {
  return {reinterpret_cast<const char *>(digest.data()), digest.size()};
}

} // namespace mlrt::store

#endif // MLC_RUNTIME_LAUNCH_STOREPROTOCOL_H
