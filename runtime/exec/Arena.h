//===- Arena.h - The one allocation of a rank -----------------------------===//
#ifndef MLC_RUNTIME_EXEC_ARENA_H
#define MLC_RUNTIME_EXEC_ARENA_H

#include "runtime/core/Status.h"

#include <cstddef>
#include <cstdint>

namespace mlrt {

/// Zeroed memory of its own mapping, aligned to a page. Owns it.
class Arena {
public:
  Arena() = default;
  Arena(Arena &&other) noexcept;
  Arena &operator=(Arena &&other) noexcept;
  ~Arena();

  /// \returns kRunFailed where the machine has not that much memory.
  static Result<Arena> create(uint64_t sizeBytes);

  std::byte *data() const { return start; }
  uint64_t sizeBytes() const { return size; }

private:
  std::byte *start = nullptr;
  uint64_t size = 0;
};

} // namespace mlrt

#endif // MLC_RUNTIME_EXEC_ARENA_H
