//===- PeerCommunicator.cpp - Collectives over exchanges of messages ------===//
//
// All-reduce: recursive halving (reduce-scatter), then recursive doubling
// (all-gather), neighbours first, so that rank ranges combine as the tree
// (0+1)+(2+3). For R a power of two each rank sends 2*(R-1)/R of the bytes.
// With R = 2^k + r, the ranks 1, 3, .. 2r-1 first give all they have to their
// lower neighbour and get the result back at the end. After Thakur,
// Rabenseifner, Gropp, "Optimization of Collective Communication Operations in
// MPICH", IJHPCA 2005.
//
//===----------------------------------------------------------------------===//

#include "runtime/comm/Transport.h"
#include "runtime/core/Reduce.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <numeric>

namespace mlrt {

void Sink::take(const void *bytes, size_t offset, size_t sizeBytes) const {
  if (sizeBytes == 0)
    return;
  if (combines)
    combine(dtype, reduction, target + offset, bytes, sizeBytes / sizeOf(dtype),
            sourceFirst);
  else
    std::memcpy(target + offset, bytes, sizeBytes);
}

namespace {

constexpr int kMaxLevels = 32;

/// What all communicators over one transport share: a stop request to any of
/// them reaches all.
struct StopRequest {
  std::atomic<int> signal{0};
};

class PeerCommunicator final : public Communicator {
public:
  PeerCommunicator(std::shared_ptr<Transport> newTransport,
                   std::vector<int> newMembers, int newIndex,
                   std::shared_ptr<StopRequest> newStop, uint32_t newGroup)
      : link(std::move(newTransport)), members(std::move(newMembers)),
        index(newIndex), stop(std::move(newStop)), group(newGroup) {}

  int rank() const override { return index; }
  int size() const override { return static_cast<int>(members.size()); }
  std::string_view transport() const override { return link->name(); }
  uint64_t sentBytes() const override { return sent; }
  uint64_t wireBytes() const override { return link->wireBytes(); }
  size_t stagingBytes() const override { return link->stagingBytes(); }
  void bePatient() override { link->patience = kPatience; }
  void abort(const std::string &reason) override {
    link->fail(Status(StatusCode::kAborted, reason));
  }
  void requestStop(int signal) override {
    int none = 0;
    stop->signal.compare_exchange_strong(none, signal & 63);
  }
  int agreedStop() const override { return agreed; }

  Status allReduce(void *data, size_t count, DType dtype,
                   ReductionKind reduction, bool tree,
                   const CollectiveTag &tag) override;
  Status broadcast(void *data, size_t sizeBytes, int root,
                   const CollectiveTag &tag) override;
  Status allGather(const void *data, size_t sizeBytes, void *gathered,
                   const CollectiveTag &tag) override;
  Status barrier(const CollectiveTag &tag) override;
  Result<std::unique_ptr<Communicator>>
  subgroup(std::span<const int> ranks) override;

private:
  CollectiveHeader begin(CollectiveKind kind, const CollectiveTag &tag);
  /// Leaves the collective, keeping the first error.
  Status finish(Status status, const CollectiveHeader &header);
  Status exchangeWith(CollectiveHeader &header, int to, const void *data,
                      size_t sendBytes, int from, size_t receiveBytes,
                      const Sink &sink);
  Status halveAndDouble(CollectiveHeader &header, std::byte *data, size_t count,
                        DType dtype, ReductionKind reduction);
  Status doubleBlocks(CollectiveHeader &header, std::byte *blocks,
                      size_t sizeBytes);
  Status passBlocksRound(CollectiveHeader &header, std::byte *blocks,
                         size_t sizeBytes);
  Status broadcastTree(CollectiveHeader &header, std::byte *data,
                       size_t sizeBytes, int root);

  std::shared_ptr<Transport> link;
  std::vector<int> members; ///< ranks of the world
  int index;                ///< in members
  std::shared_ptr<StopRequest> stop;
  uint32_t group;
  uint64_t sequence = 0;
  uint64_t sent = 0;
  int agreed = 0;
  Status broken;
};

CollectiveHeader PeerCommunicator::begin(CollectiveKind kind,
                                         const CollectiveTag &tag) {
  CollectiveHeader header;
  header.sequence = ++sequence;
  header.step = tag.step;
  header.group = group;
  header.tag = tag.id;
  header.sender = link->rank();
  header.kind = kind;
  header.stop = static_cast<uint8_t>(stop->signal.load());
  header.setText(tag.name, tag.location);
  return header;
}

Status PeerCommunicator::finish(Status status, const CollectiveHeader &header) {
  link->patience = 1;
  if (!status.ok()) { // where it failed is where the rank stays
    broken = status;
    return status;
  }
  link->progress().leave();
  bool heardOfAll = header.kind == CollectiveKind::allReduce ||
                    header.kind == CollectiveKind::barrier;
  if (heardOfAll && agreed == 0)
    agreed = header.stop;
  return status;
}

Status PeerCommunicator::exchangeWith(CollectiveHeader &header, int to,
                                      const void *data, size_t sendBytes,
                                      int from, size_t receiveBytes,
                                      const Sink &sink) {
  Exchange exchange;
  exchange.to = to < 0 ? -1 : members[to];
  exchange.data = data;
  exchange.sendBytes = sendBytes;
  exchange.from = from < 0 ? -1 : members[from];
  exchange.receiveBytes = receiveBytes;
  exchange.sink = sink;
  sent += sendBytes;
  return link->exchange(header, exchange);
}

Status PeerCommunicator::halveAndDouble(CollectiveHeader &header,
                                        std::byte *data, size_t count,
                                        DType dtype, ReductionKind reduction) {
  size_t width = sizeOf(dtype);
  int core = static_cast<int>(std::bit_floor(members.size()));
  int folded = size() - core;
  Sink add{data, true, dtype, reduction, false};
  Sink copy{data};
  if (index < 2 * folded && index % 2 == 1) {
    MLRT_RETURN_IF_ERROR(
        exchangeWith(header, index - 1, data, count * width, -1, 0, Sink()));
    return exchangeWith(header, -1, nullptr, 0, index - 1, count * width, copy);
  }
  if (index < 2 * folded)
    MLRT_RETURN_IF_ERROR(
        exchangeWith(header, -1, nullptr, 0, index + 1, count * width, add));

  // Ranks without the folded ones, in order; member(i) is the other way round.
  int own = index < 2 * folded ? index / 2 : index - folded;
  auto member = [folded](int i) { return i < folded ? 2 * i : i + folded; };

  struct Range {
    size_t begin, end;
  };
  std::array<Range, kMaxLevels> ranges; // before level l
  int level = 0;
  Range range{0, count};
  for (int distance = 1; distance < core; distance *= 2, ++level) {
    ranges[level] = range;
    size_t middle = range.begin + (range.end - range.begin) / 2;
    bool keepsLower = (own & distance) == 0;
    Range kept =
        keepsLower ? Range{range.begin, middle} : Range{middle, range.end};
    Range given =
        keepsLower ? Range{middle, range.end} : Range{range.begin, middle};
    int peer = member(own ^ distance);
    add.target = data + kept.begin * width;
    add.sourceFirst = !keepsLower; // the peer with the lower rank is left
    MLRT_RETURN_IF_ERROR(exchangeWith(header, peer, data + given.begin * width,
                                      (given.end - given.begin) * width, peer,
                                      (kept.end - kept.begin) * width, add));
    range = kept;
  }
  for (int distance = core / 2; distance > 0; distance /= 2) {
    Range whole = ranges[--level];
    Range missing = (own & distance) == 0 ? Range{range.end, whole.end}
                                          : Range{whole.begin, range.begin};
    int peer = member(own ^ distance);
    copy.target = data + missing.begin * width;
    MLRT_RETURN_IF_ERROR(exchangeWith(header, peer, data + range.begin * width,
                                      (range.end - range.begin) * width, peer,
                                      (missing.end - missing.begin) * width,
                                      copy));
    range = whole;
  }
  if (index < 2 * folded)
    return exchangeWith(header, index + 1, data, count * width, -1, 0, Sink());
  return Status();
}

Status PeerCommunicator::allReduce(void *data, size_t count, DType dtype,
                                   ReductionKind reduction, bool /*tree*/,
                                   const CollectiveTag &tag) {
  if (!broken.ok())
    return broken;
  if (data == nullptr && count > 0)
    return Status(StatusCode::kInvalidArgument, "all-reduce of " +
                                                    std::to_string(count) +
                                                    " elements without data");
  CollectiveHeader header = begin(CollectiveKind::allReduce, tag);
  header.count = count;
  header.dtype = dtype;
  header.reduction = reduction;
  link->progress().set(header, true);
  return finish(halveAndDouble(header, static_cast<std::byte *>(data), count,
                               dtype, reduction),
                header);
}

Status PeerCommunicator::barrier(const CollectiveTag &tag) {
  if (!broken.ok())
    return broken;
  CollectiveHeader header = begin(CollectiveKind::barrier, tag);
  link->progress().set(header, true);
  return finish(
      halveAndDouble(header, nullptr, 0, DType::u8, ReductionKind::sum),
      header);
}

/// A binomial tree; ranks relative to the root. Headers go both ways, so that
/// ranks which disagree about the root find out.
Status PeerCommunicator::broadcastTree(CollectiveHeader &header,
                                       std::byte *data, size_t sizeBytes,
                                       int root) {
  int ranks = size();
  int own = (index - root + ranks) % ranks;
  auto member = [&](int i) { return (i + root) % ranks; };
  int distance = 1;
  for (; distance < ranks; distance *= 2) {
    if (own & distance) {
      int parent = member(own - distance);
      MLRT_RETURN_IF_ERROR(exchangeWith(header, parent, nullptr, 0, parent,
                                        sizeBytes, Sink{data}));
      break;
    }
  }
  for (distance /= 2; distance > 0; distance /= 2) {
    if (own + distance >= ranks)
      continue;
    int child = member(own + distance);
    MLRT_RETURN_IF_ERROR(
        exchangeWith(header, child, data, sizeBytes, child, 0, Sink()));
  }
  return Status();
}

Status PeerCommunicator::broadcast(void *data, size_t sizeBytes, int root,
                                   const CollectiveTag &tag) {
  if (!broken.ok())
    return broken;
  if (root < 0 || root >= size() || (data == nullptr && sizeBytes > 0))
    return Status(StatusCode::kInvalidArgument,
                  "broadcast of " + std::to_string(sizeBytes) +
                      " bytes from rank " + std::to_string(root) + " of " +
                      std::to_string(size()));
  CollectiveHeader header = begin(CollectiveKind::broadcast, tag);
  header.count = sizeBytes;
  header.root = root;
  link->progress().set(header, true);
  return finish(
      broadcastTree(header, static_cast<std::byte *>(data), sizeBytes, root),
      header);
}

Status PeerCommunicator::doubleBlocks(CollectiveHeader &header,
                                      std::byte *blocks, size_t sizeBytes) {
  for (int distance = 1; distance < size(); distance *= 2) {
    int peer = index ^ distance;
    size_t first = static_cast<size_t>(index & ~(distance - 1));
    size_t theirs = static_cast<size_t>(peer & ~(distance - 1));
    size_t bytes = static_cast<size_t>(distance) * sizeBytes;
    MLRT_RETURN_IF_ERROR(exchangeWith(header, peer, blocks + first * sizeBytes,
                                      bytes, peer, bytes,
                                      Sink{blocks + theirs * sizeBytes}));
  }
  return Status();
}

Status PeerCommunicator::passBlocksRound(CollectiveHeader &header,
                                         std::byte *blocks, size_t sizeBytes) {
  int ranks = size();
  int right = (index + 1) % ranks, left = (index + ranks - 1) % ranks;
  for (int i = 0; i + 1 < ranks; ++i) {
    size_t given = static_cast<size_t>((index - i + ranks) % ranks);
    size_t taken = static_cast<size_t>((index - i - 1 + ranks) % ranks);
    MLRT_RETURN_IF_ERROR(exchangeWith(header, right, blocks + given * sizeBytes,
                                      sizeBytes, left, sizeBytes,
                                      Sink{blocks + taken * sizeBytes}));
  }
  return Status();
}

Status PeerCommunicator::allGather(const void *data, size_t sizeBytes,
                                   void *gathered, const CollectiveTag &tag) {
  if (!broken.ok())
    return broken;
  if (sizeBytes > 0 && (data == nullptr || gathered == nullptr))
    return Status(StatusCode::kInvalidArgument, "all-gather of " +
                                                    std::to_string(sizeBytes) +
                                                    " bytes without data");
  CollectiveHeader header = begin(CollectiveKind::allGather, tag);
  header.count = sizeBytes;
  link->progress().set(header, true);
  auto *blocks = static_cast<std::byte *>(gathered);
  if (sizeBytes > 0)
    std::memmove(blocks + static_cast<size_t>(index) * sizeBytes, data,
                 sizeBytes);
  return finish(std::has_single_bit(members.size())
                    ? doubleBlocks(header, blocks, sizeBytes)
                    : passBlocksRound(header, blocks, sizeBytes),
                header);
}

Result<std::unique_ptr<Communicator>>
PeerCommunicator::subgroup(std::span<const int> ranks) {
  std::vector<int> chosen;
  uint32_t hash = 2166136261u; // FNV-1a, over the group's own hash first
  hash = (hash ^ group) * 16777619u;
  int place = -1;
  for (int member : ranks) {
    if (member < 0 || member >= size() ||
        (!chosen.empty() && members[member] <= chosen.back()))
      return Status(StatusCode::kInvalidArgument,
                    "the ranks of a sub-group must ascend and be below " +
                        std::to_string(size()));
    if (member == index)
      place = static_cast<int>(chosen.size());
    chosen.push_back(members[member]);
    hash = (hash ^ static_cast<uint32_t>(members[member] + 1)) * 16777619u;
  }
  if (place < 0)
    return Status(StatusCode::kInvalidArgument,
                  "rank " + std::to_string(index) +
                      " is not in the sub-group that it asks for");
  return std::unique_ptr<Communicator>(std::make_unique<PeerCommunicator>(
      link, std::move(chosen), place, stop, hash | 1u));
}

} // namespace

std::unique_ptr<Communicator>
makeCommunicator(std::shared_ptr<Transport> transport) {
  std::vector<int> members(static_cast<size_t>(transport->size()));
  std::iota(members.begin(), members.end(), 0);
  int rank = transport->rank();
  return std::make_unique<PeerCommunicator>(std::move(transport),
                                            std::move(members), rank,
                                            std::make_shared<StopRequest>(), 0);
}

} // namespace mlrt
