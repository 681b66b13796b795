//===- ReduceTest.cpp - Elementwise combination, type by type -------------===//

#include "runtime/core/Reduce.h"

#include "gtest/gtest.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

using namespace mlrt;

namespace {

/// What a binary16 is worth; exact in double.
double halfValue(uint16_t bits) {
  int exponent = (bits >> 10) & 31, mantissa = bits & 1023;
  double sign = bits & 0x8000 ? -1 : 1;
  if (exponent == 31)
    return mantissa ? NAN : sign * INFINITY;
  if (exponent == 0)
    return sign * std::ldexp(mantissa, -24);
  return sign * std::ldexp(1024 + mantissa, exponent - 25);
}

double brainValue(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

/// Checks that `result` is a nearest representable value of `exact`.
void expectNearest(double exact, uint16_t result, double (*valueOf)(uint16_t)) {
  if (std::isnan(exact)) {
    EXPECT_TRUE(std::isnan(valueOf(result)));
    return;
  }
  double error = std::abs(valueOf(result) - exact);
  if (valueOf(result) == exact)
    return;
  for (int step : {-1, 1}) {
    auto other = static_cast<uint16_t>(result + step);
    double distance = std::abs(valueOf(other) - exact);
    if (!std::isfinite(distance))
      continue;
    EXPECT_LE(error, distance) << exact;
    if (error == distance) {
      EXPECT_EQ(result % 2, 0) << exact;
    }
  }
}

/// a + b for values whose f32 sum is exact, so that one rounding is seen.
TEST(ReduceTest, halfSumsRoundToNearestEven) {
  for (uint32_t a = 0; a < 0x10000; a += 7)
    for (uint16_t b : {0x0001, 0x03ff, 0x0400, 0x1400, 0x3c01, 0x7bff, 0x8001,
                       0xbc00, 0xfbff}) {
      auto target = static_cast<uint16_t>(a);
      double exact = halfValue(target) + halfValue(b);
      if (!std::isfinite(exact) || std::abs(exact) >= 65520)
        continue;
      combine(DType::f16, ReductionKind::sum, &target, &b, 1, false);
      expectNearest(static_cast<float>(exact), target, halfValue);
    }
}

TEST(ReduceTest, brainSumsRoundToNearestEven) {
  for (uint32_t a = 0x3000; a < 0x5000; a += 3)
    for (uint16_t b : {0x3f80, 0x3f81, 0x4001, 0xbf80, 0xbf83}) {
      auto target = static_cast<uint16_t>(a);
      double exact = static_cast<float>(brainValue(target)) +
                     static_cast<float>(brainValue(b));
      combine(DType::bf16, ReductionKind::sum, &target, &b, 1, false);
      expectNearest(exact, target, brainValue);
    }
}

TEST(ReduceTest, halfLimits) {
  struct Case {
    uint16_t a, b, sum;
  };
  for (Case c :
       {Case{0x7bff, 0x7bff, 0x7c00}, // 65504 * 2 = infinity
        Case{0x7c00, 0x3c00, 0x7c00}, Case{0x0001, 0x0001, 0x0002}, // subnormal
        Case{0x03ff, 0x0001, 0x0400}, // to the smallest normal
        Case{0x8000, 0x8000, 0x8000}, // -0 + -0 = -0
        Case{0x3c00, 0xbc00, 0x0000}}) {
    uint16_t target = c.a;
    combine(DType::f16, ReductionKind::sum, &target, &c.b, 1, false);
    EXPECT_EQ(target, c.sum);
  }
  uint16_t nan = 0x7e00, one = 0x3c00;
  combine(DType::f16, ReductionKind::sum, &one, &nan, 1, false);
  EXPECT_TRUE(std::isnan(halfValue(one)));
}

TEST(ReduceTest, integersWrapAround) {
  int32_t a = std::numeric_limits<int32_t>::max(), one = 1;
  combine(DType::i32, ReductionKind::sum, &a, &one, 1, false);
  EXPECT_EQ(a, std::numeric_limits<int32_t>::min());
  uint8_t b = 250, ten = 10;
  combine(DType::u8, ReductionKind::sum, &b, &ten, 1, false);
  EXPECT_EQ(b, 4);
}

TEST(ReduceTest, boolsAreOrAndAnd) {
  for (int a : {0, 1})
    for (int b : {0, 1, 2}) { // a byte from elsewhere may hold more than 1
      auto source = static_cast<uint8_t>(b);
      auto target = static_cast<uint8_t>(a);
      combine(DType::boolean, ReductionKind::sum, &target, &source, 1, false);
      EXPECT_EQ(target, a || b);
      target = static_cast<uint8_t>(a);
      combine(DType::boolean, ReductionKind::min, &target, &source, 1, false);
      EXPECT_EQ(target, a && b);
    }
}

/// Values in which a wrong neutral value shows: zero, and what lies on both
/// sides of it and at both ends of the type.
template <typename T> std::vector<T> telling() {
  using Limits = std::numeric_limits<T>;
  if constexpr (std::is_signed_v<T>)
    return {T(0), T(1), T(-1), Limits::lowest(), Limits::max()};
  return {T(0), T(1), Limits::max()};
}

template <typename T>
void expectNeutral(DType dtype, const std::vector<T> &values) {
  for (ReductionKind kind :
       {ReductionKind::sum, ReductionKind::max, ReductionKind::min})
    for (T value : values) {
      T neutral[3];
      fillNeutral(dtype, kind, reinterpret_cast<std::byte *>(neutral), 3);
      combine(dtype, kind, &neutral[2], &value, 1, false);
      EXPECT_EQ(neutral[2], value)
          << nameOf(dtype) << " " << static_cast<int>(kind);
    }
}

TEST(ReduceTest, theNeutralValueChangesNothing) {
  expectNeutral(DType::f32, telling<float>());
  expectNeutral(DType::f64, telling<double>());
  expectNeutral(DType::i32, telling<int32_t>());
  expectNeutral(DType::i64, telling<int64_t>());
  expectNeutral(DType::u8, telling<uint8_t>());
  expectNeutral<uint8_t>(DType::boolean, {0, 1});
  // 0, 1, -1, the lowest and the largest.
  expectNeutral<uint16_t>(DType::f16, {0, 0x3c00, 0xbc00, 0xfbff, 0x7bff});
  expectNeutral<uint16_t>(DType::bf16, {0, 0x3f80, 0xbf80, 0xff7f, 0x7f7f});
}

} // namespace
