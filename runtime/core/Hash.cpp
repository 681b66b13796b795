//===- Hash.cpp - XXH3-64 -------------------------------------------------===//

#include "runtime/core/Hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstdlib>
#include <new>

namespace mlrt {

uint64_t hash64(const void *data, size_t sizeBytes) {
  return sizeBytes == 0 ? XXH3_64bits("", 0) : XXH3_64bits(data, sizeBytes);
}

std::string toHex(uint64_t value) {
  std::string text(16, '0');
  for (size_t i = 16; i-- > 0; value >>= 4)
    text[i] = "0123456789abcdef"[value & 15];
  return text;
}

struct Hasher::State {
  XXH3_state_t xxh;
};

// XXH3_state_t is 64-byte aligned; new honours that since C++17.
Hasher::Hasher() : state(new State) { XXH3_64bits_reset(&state->xxh); }
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher &&) noexcept = default;
Hasher &Hasher::operator=(Hasher &&) noexcept = default;

void Hasher::update(const void *data, size_t sizeBytes) {
  if (sizeBytes != 0)
    XXH3_64bits_update(&state->xxh, data, sizeBytes);
}

uint64_t Hasher::digest() const { return XXH3_64bits_digest(&state->xxh); }

} // namespace mlrt
