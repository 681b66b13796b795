//===- CollectiveHeader.h - What a rank is doing --------------------------===//
//
// Travels in front of every message between ranks, so that ranks which disagree
// about the collective find out instead of mixing data or waiting forever; also
// what the supervisor reads of a rank.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_COMM_COLLECTIVEHEADER_H
#define MLC_RUNTIME_COMM_COLLECTIVEHEADER_H

#include "runtime/comm/Communicator.h"

#include <array>
#include <atomic>
#include <span>

namespace mlrt {

enum class CollectiveKind : uint8_t {
  none,
  allReduce,
  broadcast,
  allGather,
  barrier,
  activity, ///< no collective: `name` says what the rank does
};

/// Plain bytes, the same layout in every process of a run.
struct CollectiveHeader {
  uint64_t sequence = 0; ///< how many collectives the group has begun
  uint64_t count = 0;    ///< elements; bytes for broadcast and all-gather
  uint64_t step = 0;
  uint32_t magic = 0x6d6c7274; ///< "trlm"
  uint32_t group = 0;          ///< 0: all ranks; else a hash of the members
  uint32_t tag = 0;            ///< CollectiveTag::id
  int32_t sender = 0;          ///< rank in the whole world
  int32_t root = 0;            ///< of a broadcast, rank in the group
  CollectiveKind kind = CollectiveKind::none;
  DType dtype = DType::u8;
  ReductionKind reduction = ReductionKind::sum;
  /// The signal after which the sender, or a rank it has heard of in this
  /// collective, wants to stop; 0 for none. Not compared.
  uint8_t stop = 0;
  std::array<char, 80> name = {};     ///< cut to 79 bytes
  std::array<char, 64> location = {}; ///< cut to 63 bytes

  void setText(std::string_view newName, std::string_view newLocation);
  /// True where both headers describe the same collective.
  bool matches(const CollectiveHeader &other) const;
};
static_assert(sizeof(CollectiveHeader) == 192);

/// "all-reduce #3 'gradients of head.w' (sum of 64 f32) of step 120, from
/// digits.mlg:10:8"
std::string describe(const CollectiveHeader &header);

/// Sentence part: "in all-reduce ...", "after all-reduce ...", "before its
/// first collective".
std::string describe(const CollectiveHeader &header, bool isInside);

/// The last collective that a rank is known to have begun; `inside`: it was not
/// known to have left it.
struct Doing {
  CollectiveHeader header;
  bool inside = false;
};

/// describe() of what `rank` did, with what another rank waits for where that
/// is newer: a rank may go on after it was last heard of.
std::string whereabouts(size_t rank, std::span<const Doing> ranks);

/// The error of two ranks whose headers don't match.
Status mismatch(const CollectiveHeader &mine, const CollectiveHeader &theirs);

/// What one rank does and that it is alive, in memory that another thread or
/// process reads at any time: a sequence lock over words.
class alignas(128) Progress {
public:
  /// By the rank alone.
  void set(const CollectiveHeader &header, bool inside);
  /// Leaves the collective: the rank computes.
  void leave() { inside.store(0, std::memory_order_release); }
  void beat() { beats.fetch_add(1, std::memory_order_relaxed); }

  uint64_t beatCount() const { return beats.load(std::memory_order_relaxed); }
  /// What the rank does now.
  Doing get() const;
  /// describe() of what get() gives.
  std::string text() const;

private:
  static constexpr size_t kWords = sizeof(CollectiveHeader) / 8;
  std::atomic<uint64_t> version{0}; ///< odd while being written
  std::atomic<uint64_t> beats{0};
  std::atomic<uint32_t> inside{0};
  std::array<std::atomic<uint64_t>, kWords> words{};
};

} // namespace mlrt

#endif // MLC_RUNTIME_COMM_COLLECTIVEHEADER_H
