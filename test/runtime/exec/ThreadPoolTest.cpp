//===- ThreadPoolTest.cpp - Every thread works, and the caller sees it ----===//

#include "runtime/exec/ThreadPool.h"
#include "runtime/exec/Sums.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace mlrt {
namespace {

/// Plain numbers, so that a missing order between threads is a race.
struct Work {
  std::vector<uint64_t> byThread;
  uint64_t round = 0;
};

void addRound(void *context, int thread) {
  Work &work = *static_cast<Work *>(context);
  work.byThread[static_cast<size_t>(thread)] += work.round;
}

class ThreadPoolTest : public testing::TestWithParam<int> {};

TEST_P(ThreadPoolTest, everyThreadRunsOnceARound) {
  ThreadPool pool(GetParam());
  ASSERT_EQ(pool.size(), GetParam());
  Work work;
  work.byThread.resize(static_cast<size_t>(pool.size()));
  uint64_t sum = 0;
  for (work.round = 1; work.round <= 2000; ++work.round) {
    pool.run(addRound, &work);
    sum += work.round;
    for (uint64_t each : work.byThread)
      ASSERT_EQ(each, sum);
  }
}

TEST_P(ThreadPoolTest, poolsComeAndGo) {
  for (int i = 0; i < 50; ++i) {
    ThreadPool pool(GetParam());
    Work work{std::vector<uint64_t>(static_cast<size_t>(GetParam())), 1};
    if (i % 2)
      pool.run(addRound, &work);
  }
}

/// More threads than CPUs: none may spin, and none may be left behind.
TEST_P(ThreadPoolTest, sleepsBetweenRounds) {
  ThreadPool pool(GetParam(), 0, /*localRanks=*/1000);
  Work work{std::vector<uint64_t>(static_cast<size_t>(GetParam())), 1};
  for (int i = 0; i < 200; ++i)
    pool.run(addRound, &work);
  for (uint64_t each : work.byThread)
    EXPECT_EQ(each, 200u);
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, testing::Values(1, 2, 3, 8));

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
      ThreadPool pool(threads);
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
        sum.addTree(i, m, pending, pool);
      }
      EXPECT_EQ(pending, 0u);
      for (size_t at : {size_t{0}, size_t{50'000}, size_t{kCount - 1}})
        EXPECT_EQ(result[at], expected) << m << " with " << threads;
    }
  }
}

} // namespace
} // namespace mlrt
