//===- FlushDenormalsTest.cpp - Every compute thread computes alike -------===//

#include "runtime/core/FlushDenormals.h"

#include "runtime/device/ThreadPool.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>

using namespace mlrt;

namespace {

float halfOfSmallest() {
  volatile float smallest = std::numeric_limits<float>::min();
  return smallest * 0.5F;
}

void store(void *context, int thread) {
  (*static_cast<std::array<float, 3> *>(context))[static_cast<size_t>(thread)] =
      halfOfSmallest();
}

} // namespace

TEST(FlushDenormals, EndsWithItsScope) {
  EXPECT_GT(halfOfSmallest(), 0.0F);
  {
    FlushDenormals flush;
    EXPECT_EQ(halfOfSmallest(), 0.0F);
  }
  EXPECT_GT(halfOfSmallest(), 0.0F);
}

TEST(FlushDenormals, HoldsOnTheThreadsOfAPool) {
  ThreadPool pool(3);
  std::array<float, 3> results{1, 1, 1};
  FlushDenormals flush; // of the caller, thread 0
  pool.run(store, &results);
  for (float result : results)
    EXPECT_EQ(result, 0.0F);
}
