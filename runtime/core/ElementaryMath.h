//===- ElementaryMath.h - log, sin and cos alike on every machine ---------===//
//
// C libraries differ in the last bits of these, and one library differs between
// processors with and without fused multiply-add. Here they are sums and
// products of doubles alone, so that what is drawn at random is the same
// everywhere; files that include this are compiled with -ffp-contract=off.
// Errors stay below 2 units of the last place (RandomTest).
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_CORE_ELEMENTARYMATH_H
#define MLC_RUNTIME_CORE_ELEMENTARYMATH_H

#include <cstdint>

namespace mlrt {

/// ln(n * 2^-32) for 1 <= n <= 2^32.
double logOfFraction(uint64_t n);

struct SinCos {
  double sin, cos;
};

/// Of the angle 2 pi n * 2^-32.
SinCos sinCosOfTurn(uint32_t n);

} // namespace mlrt

#endif // MLC_RUNTIME_CORE_ELEMENTARYMATH_H
