//===- Memory.h - What a rank of a plan allocates -------------------------===//
//
// What mlc reports before anything runs and mlrun then allocates, to the byte;
// nothing else here, so that the compiler can include it. runtime/ asserts that
// its structures have these sizes.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_SCHEMA_MEMORY_H
#define MLC_RUNTIME_SCHEMA_MEMORY_H

#include <bit>
#include <cstdint>

namespace mlrt::schema {

/// Levels that the tree sum of `m` micro-batches keeps: plan.fbs.
constexpr uint64_t sumLevels(uint64_t m) {
  return m <= 1 ? 0 : static_cast<uint64_t>(std::bit_width(m - 1)) + 1;
}

/// Micro-batches that the loader prepares ahead; each with all its inputs and a
/// mask.
constexpr uint64_t kBatchesAhead = 4;

// Ranks of one host share one mapping: its head, a block for each rank, and a
// channel for each ordered pair of ranks; processes also a ring for each pair.
constexpr uint64_t kRegionBytes = 2176;
constexpr uint64_t kRankBytes = 384;
constexpr uint64_t kChannelBytes = 512;
constexpr uint64_t kRingBytes = 1 << 17;

/// Shared by all ranks with --comm threads; for a rank alone, whatever is
/// given.
constexpr uint64_t threadsStagingBytes(uint64_t ranks) {
  return kRegionBytes + ranks * kRankBytes + ranks * ranks * kChannelBytes;
}
/// Shared by all ranks with --comm shm.
constexpr uint64_t shmStagingBytes(uint64_t ranks) {
  return threadsStagingBytes(ranks) +
         (ranks == 1 ? 0 : ranks * ranks * kRingBytes);
}

/// Two pieces of a long message, one received while the other is combined; and
/// a message each way for every peer, with a header of 192 bytes.
constexpr uint64_t kGlooPieceBytes = 1 << 19;
constexpr uint64_t kGlooMessageBytes = 192 + 8192;

/// Of every rank with --comm gloo.
constexpr uint64_t glooStagingBytes(uint64_t ranks) {
  return ranks == 1 ? threadsStagingBytes(1)
                    : 2 * kGlooPieceBytes + 2 * (ranks - 1) * kGlooMessageBytes;
}

} // namespace mlrt::schema

#endif // MLC_RUNTIME_SCHEMA_MEMORY_H
