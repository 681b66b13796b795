//===- SumsTest.cpp - The order of sums over micro-batches ----------------===//

#include "runtime/exec/Sums.h"

#include <gtest/gtest.h>

#include <vector>

namespace mlrt {
namespace {

/// The sum in the order of the tree, by its definition.
float treeSum(const std::vector<float> &leaves, size_t low, size_t high) {
  if (high - low == 1)
    return leaves[low];
  size_t middle = low + (high - low) / 2;
  return treeSum(leaves, low, middle) + treeSum(leaves, middle, high);
}

TEST(SumsTest, theTreeIsTheSameForAnyThreads) {
  constexpr uint64_t kCount = 100'003; // above what one thread takes
  for (uint64_t m : {1u, 2u, 3u, 5u, 8u, 13u}) {
    std::vector<float> leaves;
    for (uint64_t i = 0; i < m; ++i)
      leaves.push_back(1.0f / static_cast<float>(3 * i + 1));
    float expected = treeSum(leaves, 0, m);
    for (int threads : {1, 3}) {
      std::unique_ptr<Device> device =
          std::move(*openDevice({"cpu", threads, 0, 1}));
      std::vector<float> source(kCount), result(kCount), levels(kCount * 6);
      RunningSum sum{ReductionKind::sum,
                     DType::f32,
                     kCount,
                     reinterpret_cast<std::byte *>(source.data()),
                     reinterpret_cast<std::byte *>(result.data()),
                     reinterpret_cast<std::byte *>(levels.data()),
                     kCount * sizeof(float)};
      uint32_t pending = 0;
      for (uint64_t i = 0; i < m; ++i) {
        std::fill(source.begin(), source.end(), leaves[i]);
        sum.addTree(i, m, pending, device->stream());
      }
      EXPECT_EQ(pending, 0u);
      for (size_t at : {size_t{0}, size_t{50'000}, size_t{kCount - 1}})
        EXPECT_EQ(result[at], expected) << m << " with " << threads;
    }
  }
}

} // namespace
} // namespace mlrt
