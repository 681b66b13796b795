//===- RandomTest.cpp - Philox, initial values, shuffling -----------------===//

#include "runtime/core/Random.h"
#include "runtime/core/ElementaryMath.h"
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

// From the description in Philox.h, written again in Python.
TEST(Random, WordsOfARowFollowTheFormula) {
  PhiloxKey key = foldIn(splitKey(5 ^ 7), 3);
  const std::pair<uint32_t, uint32_t> expected[] = {
      {0, 0x535a136e},  {15, 0x79356d6f}, {16, 0x5f9487a5}, {17, 0x27fd15c3},
      {63, 0x91b7bb10}, {64, 0xa39834d5}, {200, 0xaa7a16e0}};
  for (auto [position, word] : expected)
    EXPECT_EQ(randomWord(key, 9, position), word) << position;
  EXPECT_EQ(randomWord(key, uint64_t{1} << 40, 0), 0x43210d14u);
  uint64_t seed = (uint64_t{1} << 63) + 11, site = (uint64_t{1} << 60) + 3;
  key = foldIn(foldIn(splitKey(seed ^ site), uint64_t{1} << 33), 4);
  EXPECT_EQ(randomWord(key, 9, 70), 0xe1985219u);
}

TEST(Random, ThresholdIsTheComparisonOfNumbers) {
  for (double rate :
       {0.0, 0x1p-25, 0x1p-24, 0.1, 0.5, 0.7, 1 - 0x1p-24, 1 - 0x1p-53})
    for (uint32_t bits : {0u, 1u, 2u, 1677721u, 1677722u, 8388607u, 8388608u,
                          11744050u, 11744051u, 16777214u, 16777215u})
      EXPECT_EQ(toUniform(bits << 8) >= rate, bits >= dropThreshold(rate))
          << rate << " " << bits;
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

TEST(Random, ElementaryFunctionsAreThoseOfTheLibrary) {
  for (uint64_t i = 0; i < 100000; ++i) {
    // Every size of n, and the fractions next to 1.
    uint64_t word = uint64_t{philox4x32({uint32_t(i), 0, 0, 0}, {1, 2})[0]};
    uint64_t n = i % 3 ? (word >> (i % 32)) + 1 : (uint64_t{1} << 32) - i / 3;
    auto exact = std::log(static_cast<long double>(n) * 0x1p-32L);
    EXPECT_NEAR(logOfFraction(n), static_cast<double>(exact),
                static_cast<double>(std::fabs(exact)) * 0x1p-52)
        << n;
    auto turn = static_cast<uint32_t>(word);
    long double angle = 6.283185307179586476925L * turn * 0x1p-32L;
    SinCos both = sinCosOfTurn(turn);
    EXPECT_NEAR(both.sin, static_cast<double>(std::sin(angle)), 0x1p-52);
    EXPECT_NEAR(both.cos, static_cast<double>(std::cos(angle)), 0x1p-52);
  }
  EXPECT_EQ(logOfFraction(uint64_t{1} << 32), 0);
  EXPECT_EQ(sinCosOfTurn(1u << 31).cos, -1);
  EXPECT_EQ(sinCosOfTurn(0).sin, 0);
}

TEST(Random, OrthogonalIsTheFactorQOfTheNormalMatrix) {
  for (auto [rows, columns] : {std::pair<uint64_t, uint64_t>{1, 1},
                               {1, 7},
                               {7, 1},
                               {5, 3},
                               {3, 5},
                               {64, 64},
                               {130, 33},
                               {33, 130},
                               {16, 17}}) {
    std::vector<double> q(rows * columns);
    InitialValue how{"orthogonal", 1.5, static_cast<double>(columns)};
    ASSERT_TRUE(fillInitial(how, 5, "wh", DType::f64, q.size(), q.data()).ok());
    // As columns: of the matrix, or of its transpose where that is taller.
    uint64_t length = std::max(rows, columns), count = std::min(rows, columns);
    auto at = [&](uint64_t i, uint64_t j) {
      return rows < columns ? j * columns + i : i * columns + j;
    };
    auto normal = [&](uint64_t i, uint64_t j) {
      return initialElement({"normal", 0, 1}, 5, "wh", at(i, j));
    };
    for (uint64_t j = 0; j < count; ++j)
      for (uint64_t k = 0; k < count; ++k) {
        double product = 0, r = 0; // Q^T Q, and R = Q^T A
        for (uint64_t i = 0; i < length; ++i) {
          product += q[at(i, j)] * q[at(i, k)];
          r += q[at(i, j)] * normal(i, k);
        }
        EXPECT_NEAR(product, j == k ? 2.25 : 0.0, 1e-13);
        if (j == k)
          EXPECT_GT(r, 0.0);
        else if (j > k)
          EXPECT_NEAR(r, 0.0, 1e-12);
      }
  }
}

// Bits that depend on no C library and no fused multiply-add.
TEST(Random, NormalAndOrthogonalHaveTheSameBitsEverywhere) {
  std::vector<double> values(67 * 41);
  auto hashOf = [&](const InitialValue &how) {
    EXPECT_TRUE(
        fillInitial(how, 0, "w", DType::f64, values.size(), values.data())
            .ok());
    return hash64({reinterpret_cast<const char *>(values.data()),
                   values.size() * sizeof(double)});
  };
  EXPECT_EQ(hashOf({"normal", 0, 1}), 0x38f0429ce045d6deu);
  EXPECT_EQ(hashOf({"orthogonal", 1, 41}), 0xd9d172696a182c51u);
}

TEST(Random, UnknownInitializerIsAnError) {
  float values[6];
  auto codeOf = [&](const InitialValue &how) {
    return fillInitial(how, 0, "w", DType::f32, 6, values).code();
  };
  EXPECT_EQ(codeOf({"gaussian"}), StatusCode::kBadInput);
  for (double columns : {0.0, 4.0, 1.5, 12.0, -3.0, 1e300, double(NAN)})
    EXPECT_EQ(codeOf({"orthogonal", 1, columns}), StatusCode::kBadInput)
        << columns;
  EXPECT_EQ(codeOf({"orthogonal", 1, 3}), StatusCode::kOk);
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
