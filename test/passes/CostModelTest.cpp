//===- CostModelTest.cpp - Seconds and bytes by hand ----------------------===//

#include "passes/cost/CostModel.h"

#include <gtest/gtest.h>

namespace mlc {
namespace {

TEST(CostModel, RankSendsTwoTimesTheOthersShare) {
  EXPECT_EQ(allReduceSentElements(1000, 1), 0);
  EXPECT_EQ(allReduceSentElements(1000, 2), 1000); // 2 * 1/2
  EXPECT_EQ(allReduceSentElements(1000, 4), 1500); // 2 * 3/4
  EXPECT_EQ(allReduceSentElements(0, 8), 0);
  // 7 in halves 3 | 4: rank 1 has 7 and then 4.
  EXPECT_EQ(allReduceSentElements(7, 0, 4), 7 + 3);
  EXPECT_EQ(allReduceSentElements(7, 1, 4), 7 + 4);
  // Rank 1 goes through rank 0, which shares the rest with rank 2.
  EXPECT_EQ(allReduceSentElements(1000, 0, 3), 1000 + 1000);
  EXPECT_EQ(allReduceSentElements(1000, 1, 3), 1000);
  EXPECT_EQ(allReduceSentElements(1000, 2, 3), 1000);
}

TEST(CostModel, AllRanksTogetherSendAsMuchForEveryNumber) {
  for (int64_t ranks = 1; ranks <= 40; ++ranks)
    for (int64_t count : {0, 1, 7, 64, 1001}) {
      int64_t sent = 0;
      for (int64_t rank = 0; rank < ranks; ++rank)
        sent += allReduceSentElements(count, rank, ranks);
      EXPECT_EQ(sent, 2 * (ranks - 1) * count) << ranks << " ranks";
    }
}

TEST(CostModel, HalvingAndDoublingTakesTwoMessagesPerLevel) {
  EXPECT_EQ(allReduceMessages(1), 0);
  EXPECT_EQ(allReduceMessages(2), 2);
  EXPECT_EQ(allReduceMessages(4), 4);
  EXPECT_EQ(allReduceMessages(5), 6);
  EXPECT_EQ(allReduceMessages(8), 6);
}

TEST(CostModel, OneRankSendsNothing) {
  EXPECT_EQ(allReduceSeconds({}, 1 << 18, 4, 1), 0);
}

TEST(CostModel, TimeIsTheLargerOfArithmeticAndMemory) {
  MachineDescription machine;
  machine.flopsPerSecond = 100;
  machine.memoryBytesPerSecond = 10;
  machine.kernelLatencySeconds = 2;
  EXPECT_DOUBLE_EQ(computeSeconds(machine, 1000, 10, 1), 10 + 2);
  EXPECT_DOUBLE_EQ(computeSeconds(machine, 10, 1000, 3), 100 + 6);
}

TEST(CostModel, SaturatingPayloadLeavesFivePercentToLatency) {
  MachineDescription machine;
  int64_t bytes = saturatingPayloadBytes(machine);
  double total = allReduceSeconds(machine, bytes / 4, 4, 8);
  double latency = 6 * machine.linkLatencySeconds;
  EXPECT_NEAR(latency / total, 0.05, 1e-6);
  machine.linkLatencySeconds *= 2; // a slower start wants larger buckets
  EXPECT_NEAR(static_cast<double>(saturatingPayloadBytes(machine)),
              2.0 * static_cast<double>(bytes), 2);
}

} // namespace
} // namespace mlc
