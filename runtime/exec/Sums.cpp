//===- Sums.cpp - Sums over micro-batches in a fixed order ----------------===//

#include "runtime/exec/Sums.h"

namespace mlrt {

uint32_t mergesAfter(uint64_t i, uint64_t m) {
  uint32_t rightEdges = 0;
  for (uint64_t low = 0, high = m; high - low > 1;) {
    uint64_t middle = low + (high - low) / 2;
    if (i < middle) {
      high = middle;
      rightEdges = 0;
    } else {
      low = middle;
      ++rightEdges;
    }
  }
  return rightEdges;
}

void RunningSum::addTree(uint64_t i, uint64_t m, uint32_t &pending,
                         Stream &stream) {
  if (m == 1)
    return stream.copy(result, source, bytes());
  std::byte *right = source; // the subtree that was finished last
  uint32_t merges = mergesAfter(i, m);
  for (; merges > 0; --merges) {
    std::byte *left = levels + --pending * levelStride;
    stream.combine(dtype, reduction, left, right, count);
    right = left;
  }
  if (i + 1 == m)
    return stream.copy(result, right, bytes());
  stream.copy(levels + pending * levelStride, right, bytes());
  ++pending;
}

void RunningSum::addFast(uint64_t i, uint64_t m, Stream &stream) {
  if (m == 1)
    return stream.copy(result, source, bytes());
  // A level accumulates, since the kernel may write its source over the result.
  if (i == 0)
    return stream.copy(levels, source, bytes());
  stream.combine(dtype, reduction, levels, source, count);
  if (i + 1 == m)
    stream.copy(result, levels, bytes());
}

} // namespace mlrt
