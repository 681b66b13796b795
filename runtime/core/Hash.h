//===- Hash.h - XXH3-64 ---------------------------------------------------===//
//
// The one hash of plans, checkpoints and caches: XXH3-64 (Collet). It finds
// damage, not malice.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_CORE_HASH_H
#define MLC_RUNTIME_CORE_HASH_H

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace mlrt {

/// XXH3-64 of `sizeBytes` bytes with seed 0.
uint64_t hash64(const void *data, size_t sizeBytes);
inline uint64_t hash64(std::string_view text) {
  return hash64(text.data(), text.size());
}

/// Sixteen lower-case hexadecimal digits.
std::string toHex(uint64_t value);

/// The same hash over pieces.
class Hasher {
public:
  Hasher();
  ~Hasher();
  Hasher(Hasher &&) noexcept;
  Hasher &operator=(Hasher &&) noexcept;

  void update(const void *data, size_t sizeBytes);
  void update(std::string_view text) { update(text.data(), text.size()); }
  /// Adds the bytes of a plain value.
  template <typename T> void updateValue(const T &value) {
    static_assert(std::is_trivially_copyable_v<T>);
    update(&value, sizeof value);
  }
  uint64_t digest() const;

private:
  struct State;
  std::unique_ptr<State> state;
};

} // namespace mlrt

#endif // MLC_RUNTIME_CORE_HASH_H
