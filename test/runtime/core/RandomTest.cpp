//===- RandomTest.cpp - Philox, initial values, shuffling -----------------===//

#include "runtime/core/Random.h"
#include "runtime/core/Hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace mlrt;

// Known answers of Random123 1.14 (tests/kat_vectors, philox4x32 10).
TEST(Random, PhiloxGivesTheKnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (PhiloxCounter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  uint32_t f = 0xffffffff;
  EXPECT_EQ(philox4x32({f, f, f, f}, {f, f}),
            (PhiloxCounter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                       {0xa4093822, 0x299f31d0}),
            (PhiloxCounter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, KeyIsSeedXorHashOfThePath) {
  uint64_t expected = 7 ^ hash64("hidden.w");
  EXPECT_EQ(keyOf(7, "hidden.w"),
            (PhiloxKey{static_cast<uint32_t>(expected),
                       static_cast<uint32_t>(expected >> 32)}));
}

TEST(Random, UniformStaysInsideAndFollowsTheFormula) {
  std::vector<float> values(1001);
  ASSERT_TRUE(fillInitial({"uniform", -0.125, 0.125}, 3, "w", DType::f32,
                          values.size(), values.data())
                  .ok());
  for (size_t e = 0; e < values.size(); ++e) {
    uint32_t word = philox4x32({static_cast<uint32_t>(e / 4), 0, 0, 0},
                               keyOf(3, "w"))[e % 4];
    EXPECT_EQ(values[e],
              static_cast<float>(-0.125 + 0.25 * ((word >> 8) * 0x1p-24)));
    EXPECT_GE(values[e], -0.125f);
    EXPECT_LT(values[e], 0.125f);
  }
}

TEST(Random, NormalHasItsMomentsAndTruncatedItsBounds) {
  std::vector<double> values(100000);
  for (auto kind : {"normal", "truncated_normal"}) {
    ASSERT_TRUE(fillInitial({kind, 1.0, 0.5}, 0, "w", DType::f64, values.size(),
                            values.data())
                    .ok());
    double mean = 0, square = 0, furthest = 0;
    for (double v : values) {
      mean += v;
      square += (v - 1) * (v - 1);
      furthest = std::max(furthest, std::fabs(v - 1));
    }
    bool truncated = std::string_view(kind) == "truncated_normal";
    EXPECT_NEAR(mean / 1e5, 1.0, 0.01);
    // A normal cut at two deviations has 0.8796 of the deviation.
    EXPECT_NEAR(std::sqrt(square / 1e5), truncated ? 0.4398 : 0.5, 0.005);
    EXPECT_EQ(furthest <= 1.0, truncated);
  }
}

TEST(Random, UnknownInitializerIsAnError) {
  float value;
  EXPECT_EQ(fillInitial({"gaussian"}, 0, "w", DType::f32, 1, &value).code(),
            StatusCode::kBadInput);
}

TEST(Random, ShuffleIsAPermutationKeyedBySeedAndEpoch) {
  auto shuffled = [](uint64_t seed, uint64_t epoch) {
    std::vector<uint32_t> order(1437);
    shuffledOrder(seed, epoch, order);
    return order;
  };
  std::vector<uint32_t> order = shuffled(0, 0), sorted = order;
  EXPECT_EQ(order, shuffled(0, 0));
  EXPECT_NE(order, shuffled(0, 1));
  EXPECT_NE(order, shuffled(1, 0));
  std::sort(sorted.begin(), sorted.end());
  for (uint32_t i = 0; i < sorted.size(); ++i)
    EXPECT_EQ(sorted[i], i);
}
