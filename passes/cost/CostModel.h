//===- CostModel.h - Seconds from flops, bytes and messages -----*- C++ -*-===//
//
// A machine as a handful of numbers, and the time it takes for kernels and
// collectives: the roofline of Williams et al. (CACM 2009), and latency plus
// bytes over bandwidth for messages (Thakur et al., IJHPCA 2005).
//
//===----------------------------------------------------------------------===//

#ifndef MLC_PASSES_COST_COSTMODEL_H
#define MLC_PASSES_COST_COSTMODEL_H

#include <cstdint>

namespace mlc {

/// What one device and the links between devices do. The defaults are one core
/// of a server CPU with AVX-512, and ranks of one host that exchange through
/// shared memory.
struct MachineDescription {
  /// Scalar operations per second of one device.
  double flopsPerSecond = 60e9;
  /// Bytes per second to and from memory.
  double memoryBytesPerSecond = 12e9;
  /// Seconds from the start of a kernel to its first operation.
  double kernelLatencySeconds = 0.5e-6;
  /// Seconds for one message of no bytes.
  double linkLatencySeconds = 5e-6;
  /// Bytes per second that a rank sends.
  double linkBytesPerSecond = 4e9;
};

/// Elements that `rank` of `ranks` sends in an all-reduce of `count`, as the
/// runtime does it (runtime/comm/PeerCommunicator.cpp): 2(N-1)/N of them where
/// N is a power of two, up to the parts of an odd count; all ranks together
/// send 2(N-1) times `count` for every N.
int64_t allReduceSentElements(int64_t count, int64_t rank, int64_t ranks);

/// What the rank that sends most does.
int64_t allReduceSentElements(int64_t count, int64_t ranks);

/// Messages one after another in an all-reduce by halving and doubling:
/// 2 ceil(log2 N).
int64_t allReduceMessages(int64_t ranks);

/// Seconds that an all-reduce of `count` elements of `width` bytes takes.
double allReduceSeconds(const MachineDescription &machine, int64_t count,
                        int64_t width, int64_t ranks);

/// Seconds that kernels take: the larger of arithmetic and memory, and one
/// latency each.
double computeSeconds(const MachineDescription &machine, int64_t flops,
                      int64_t bytes, int64_t kernels);

/// The payload from which a larger bucket gains little: the messages' latency
/// is 5 % of the time. Taken for 8 ranks, so that the buckets, and with them
/// the plan, do not depend on how many there are.
int64_t saturatingPayloadBytes(const MachineDescription &machine);

} // namespace mlc

#endif // MLC_PASSES_COST_COSTMODEL_H
