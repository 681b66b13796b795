//===- Sums.h - Sums over micro-batches in a fixed order ------------------===//
//
// tree: the binary tree that halves the range [0, m) of a rank's micro-batches,
// the left half being floor(m / 2). For N ranks, N a power of two that divides
// their number M, the trees of the ranks are subtrees of the tree over [0, M)
// and the all-reduce joins them by halves; hence the same bits for every such
// N.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_EXEC_SUMS_H
#define MLC_RUNTIME_EXEC_SUMS_H

#include "runtime/device/Device.h"

namespace mlrt {

/// How many pairs of finished subtrees close after micro-batch i of m: the
/// number of right edges above leaf i until the first left one.
uint32_t mergesAfter(uint64_t i, uint64_t m);

/// One running sum. Level k is at levels + k * levelStride.
struct RunningSum {
  ReductionKind reduction;
  DType dtype;
  uint64_t count;
  std::byte *source, *result, *levels;
  uint64_t levelStride;

  uint64_t bytes() const { return count * sizeOf(dtype); }

  /// Takes up micro-batch i of m in the tree's order; `pending` levels hold
  /// subtrees that wait for their right half.
  void addTree(uint64_t i, uint64_t m, uint32_t &pending, Stream &stream);
  /// The same with one accumulator.
  void addFast(uint64_t i, uint64_t m, Stream &stream);
};

} // namespace mlrt

#endif // MLC_RUNTIME_EXEC_SUMS_H
