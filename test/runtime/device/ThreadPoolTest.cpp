//===- ThreadPoolTest.cpp - Every thread works, and the caller sees it ----===//

#include "runtime/device/ThreadPool.h"

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

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, testing::Values(1, 2, 3, 8),
                         testing::PrintToStringParamName());

} // namespace
} // namespace mlrt
