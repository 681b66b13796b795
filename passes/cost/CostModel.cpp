//===- CostModel.cpp - Seconds from flops, bytes and messages -------------===//

#include "passes/cost/CostModel.h"

#include <algorithm>
#include <bit>

namespace mlc {

int64_t allReduceSentBytes(int64_t payloadBytes, int64_t ranks) {
  return (2 * (ranks - 1) * payloadBytes + ranks - 1) / ranks;
}

int64_t allReduceMessages(int64_t ranks) {
  return 2 * std::bit_width(static_cast<uint64_t>(ranks - 1));
}

double allReduceSeconds(const MachineDescription &machine, int64_t payloadBytes,
                        int64_t ranks) {
  return static_cast<double>(allReduceMessages(ranks)) *
             machine.linkLatencySeconds +
         static_cast<double>(allReduceSentBytes(payloadBytes, ranks)) /
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
