//===- ElementaryMath.cpp - log, sin and cos alike on every machine -------===//

#include "runtime/core/ElementaryMath.h"

#include <bit>
#include <cmath>
#include <span>
#include <utility>

namespace mlrt {

static double polynomial(double x, std::span<const double> c) {
  double sum = 0;
  for (size_t i = c.size(); i-- > 0;)
    sum = sum * x + c[i];
  return sum;
}

// With m in [sqrt(1/2), sqrt(2)) and s = (m - 1) / (m + 1), log(m) is
// 2 (s + s^3/3 + s^5/5 + ...); s^2 is below 0.0295.
double logOfFraction(uint64_t n) {
  constexpr double kLn2High = 6.93147180369123816490e-01; // 32 bits
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  static constexpr double kSeries[] = {2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,
                                       2.0 / 11, 2.0 / 13, 2.0 / 15, 2.0 / 17,
                                       2.0 / 19, 2.0 / 21, 2.0 / 23};
  int exponent = std::bit_width(n) - 1;
  double m = std::ldexp(static_cast<double>(n), -exponent); // [1, 2), exact
  if (m >= 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  double f = m - 1, s = f / (m + 1), z = s * s;
  double e = exponent - 32;
  // log(m) = f - s (f - z (2/3 + ...)), as 2s = f - s f.
  double rest = s * (f - z * polynomial(z, kSeries)) - e * kLn2Low;
  return e * kLn2High + (f - rest);
}

// Eighths of a turn are taken off exactly; Taylor's series up to pi/4.
SinCos sinCosOfTurn(uint32_t n) {
  static constexpr double kSin[] = {
      -1.0 / 6,        1.0 / 120,          -1.0 / 5040,           1.0 / 362880,
      -1.0 / 39916800, 1.0 / 6227020800.0, -1.0 / 1307674368000.0};
  static constexpr double kCos[] = {1.0 / 24,
                                    -1.0 / 720,
                                    1.0 / 40320,
                                    -1.0 / 3628800,
                                    1.0 / 479001600,
                                    -1.0 / 87178291200.0,
                                    1.0 / 20922789888000.0};
  uint32_t quarter = (n + (1u << 29)) >> 30; // the nearest quarter turn
  auto offset = static_cast<int32_t>(n - (quarter << 30));
  double r = offset * (6.283185307179586477 * 0x1p-32), z = r * r;
  double sine = r + r * z * polynomial(z, kSin);
  double cosine = 1 - 0.5 * z + z * z * polynomial(z, kCos);
  switch (quarter % 4) {
  case 0:
    return {sine, cosine};
  case 1:
    return {cosine, -sine};
  case 2:
    return {-sine, -cosine};
  default:
    return {-cosine, sine};
  }
}

} // namespace mlrt
