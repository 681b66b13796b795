//===- CostModel.cpp - Seconds from flops, bytes and messages -------------===//

#include "passes/cost/CostModel.h"

#include <algorithm>
#include <bit>

namespace mlc {

int64_t allReduceSentElements(int64_t count, int64_t rank, int64_t ranks) {
  auto core =
      static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(ranks)));
  int64_t folded = ranks - core;
  if (rank < 2 * folded && rank % 2 == 1)
    return count; // gives all to its neighbour, and gets the result
  int64_t own = rank < 2 * folded ? rank / 2 : rank - folded;
  int64_t sent = rank < 2 * folded ? count : 0;
  for (int64_t distance = 1, range = count; distance < core; distance *= 2) {
    // The half that it gives away on the way down, and on the way up the half
    // that it kept.
    sent += range;
    range = (own & distance) == 0 ? range / 2 : range - range / 2;
  }
  return sent;
}

int64_t allReduceSentElements(int64_t count, int64_t ranks) {
  int64_t most = 0;
  for (int64_t rank = 0; rank < ranks; ++rank)
    most = std::max(most, allReduceSentElements(count, rank, ranks));
  return most;
}

int64_t allReduceMessages(int64_t ranks) {
  return 2 * std::bit_width(static_cast<uint64_t>(ranks - 1));
}

double allReduceSeconds(const MachineDescription &machine, int64_t count,
                        int64_t width, int64_t ranks) {
  return static_cast<double>(allReduceMessages(ranks)) *
             machine.linkLatencySeconds +
         static_cast<double>(allReduceSentElements(count, ranks) * width) /
             machine.linkBytesPerSecond;
}

double computeSeconds(const MachineDescription &machine, int64_t flops,
                      int64_t bytes, int64_t kernels) {
  return std::max(static_cast<double>(flops) / machine.flopsPerSecond,
                  static_cast<double>(bytes) / machine.memoryBytesPerSecond) +
         static_cast<double>(kernels) * machine.kernelLatencySeconds;
}

int64_t saturatingPayloadBytes(const MachineDescription &machine) {
  constexpr int64_t kRanks = 8;
  constexpr double kLatencyShare = 0.05;
  double latency = static_cast<double>(allReduceMessages(kRanks)) *
                   machine.linkLatencySeconds;
  double transfer = latency * (1 - kLatencyShare) / kLatencyShare;
  return static_cast<int64_t>(transfer * machine.linkBytesPerSecond * kRanks /
                              (2 * (kRanks - 1)));
}

} // namespace mlc
