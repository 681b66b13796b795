//===- Arena.cpp - The one allocation of a rank ---------------------------===//

#include "runtime/exec/Arena.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace mlrt {

Arena::Arena(Arena &&other) noexcept
    : start(std::exchange(other.start, nullptr)),
      size(std::exchange(other.size, 0)) {}

Arena &Arena::operator=(Arena &&other) noexcept {
  std::swap(start, other.start);
  std::swap(size, other.size);
  return *this;
}

Arena::~Arena() {
  if (start)
    ::munmap(start, size);
}

Result<Arena> Arena::create(uint64_t sizeBytes) {
  Arena arena;
  arena.size = sizeBytes == 0 ? 64 : sizeBytes;
  void *memory = ::mmap(nullptr, arena.size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return Status(StatusCode::kRunFailed,
                  "cannot allocate the arena of " + std::to_string(arena.size) +
                      " bytes: " + std::strerror(errno) +
                      "; use a smaller train.microbatch or more devices");
  arena.start = static_cast<std::byte *>(memory);
  return arena;
}

} // namespace mlrt
