//===- Sha256.h - SHA-256 and HMAC, for the store's handshake -------------===//
#ifndef MLC_RUNTIME_LAUNCH_SHA256_H
#define MLC_RUNTIME_LAUNCH_SHA256_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mlrt {

using Digest = std::array<uint8_t, 32>;

/// FIPS 180-4.
Digest sha256(std::string_view bytes);
/// RFC 2104 with SHA-256.
Digest hmacSha256(std::string_view key, std::string_view bytes);
/// Takes the same time wherever the first difference is.
bool sameDigest(const Digest &a, const Digest &b);

} // namespace mlrt

#endif // MLC_RUNTIME_LAUNCH_SHA256_H
