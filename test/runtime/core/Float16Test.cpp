//===- Float16Test.cpp - bf16 and f16 conversions -------------------------===//

#include "runtime/core/Float16.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace mlrt;

TEST(Float16, EveryHalfSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits <= 0xffff; ++bits) {
    auto half = static_cast<uint16_t>(bits);
    float f16 = f16ToFloat(half), bf16 = bf16ToFloat(half);
    if (std::isnan(f16))
      EXPECT_TRUE(std::isnan(f16ToFloat(floatToF16(f16))));
    else
      EXPECT_EQ(floatToF16(f16), half);
    if (std::isnan(bf16))
      EXPECT_TRUE(std::isnan(bf16ToFloat(floatToBf16(bf16))));
    else
      EXPECT_EQ(floatToBf16(bf16), half);
  }
}

TEST(Float16, RoundsToNearestEven) {
  EXPECT_EQ(floatToF16(1.0f + 0x1p-11f), 0x3c00); // a tie, to even
  EXPECT_EQ(floatToF16(1.0f + 3 * 0x1p-11f), 0x3c02);
  EXPECT_EQ(floatToF16(0x1p-25f), 0x0000); // half of the least subnormal
  EXPECT_EQ(floatToF16(0x1.8p-25f), 0x0001);
  EXPECT_EQ(floatToF16(65519.0f), 0x7bff);
  EXPECT_EQ(floatToF16(65520.0f), 0x7c00);
  EXPECT_EQ(floatToBf16(1.0f + 0x1p-8f), 0x3f80);
  EXPECT_EQ(floatToBf16(1.0f + 3 * 0x1p-8f), 0x3f82);
}
