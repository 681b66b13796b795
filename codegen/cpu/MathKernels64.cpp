//===- MathKernels64.cpp - Elementary functions of f64 --------------------===//
//
// Chebyshev fits computed for this file with 50 digits; sine and cosine use
// Taylor's. pow carries the logarithm in two doubles (about 2^-63), with the
// error-free steps of Dekker and Knuth.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/MathKernels.h"

#include <limits>

namespace mlc::cpu::detail {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kMagic = 6755399441055744.0; // 1.5 * 2^52
constexpr int64_t kMagicBits = 0x4338000000000000;
constexpr double kLog2E = 1.4426950408889634;
constexpr double kLn2High = 6.93147180369123816490e-01; // 32 bits
constexpr double kLn2Low = 1.90821492927058770002e-10;

// (exp(r) - 1 - r) / r^2 on |r| <= ln(2)/2, error 1.4e-18.
constexpr double kExpm1[] = {0.5,
                             0.16666666666666670991,
                             0.041666666666666669755,
                             0.0083333333333261351258,
                             0.0013888888888883748305,
                             0.00019841269874820625271,
                             0.000024801587325547741216,
                             2.755725540020642443e-6,
                             2.7557273643110295328e-7,
                             2.5105217004720745164e-8,
                             2.0914686968086877233e-9};

// (log((1+s)/(1-s)) - 2s) / s^3 in z = s^2 on 0 <= z <= 0.02945, error 2.1e-18.
constexpr double kLog[] = {0.66666666666666666464, 0.40000000000000879686,
                           0.28571428570801956942, 0.22222222392089007936,
                           0.18181795600060792441, 0.15386241881938595507,
                           0.13268714792348096667, 0.13087236196659622326};

constexpr double kCos[] = {1.0 / 24,
                           -1.0 / 720,
                           1.0 / 40320,
                           -1.0 / 3628800,
                           1.0 / 479001600,
                           -1.0 / 87178291200.0,
                           1.0 / 20922789888000.0};
constexpr double kSin[] = {-1.0 / 6,
                           1.0 / 120,
                           -1.0 / 5040,
                           1.0 / 362880,
                           -1.0 / 39916800,
                           1.0 / 6227020800.0,
                           -1.0 / 1307674368000.0,
                           1.0 / 355687428096000.0};

struct Split {
  Value exponent; // f64
  Value mantissa; // [sqrt(1/2), sqrt(2))
};

// For positive finite x.
Split splitExponent(KernelBuilder &k, Value x) {
  Type type = x.getType();
  Value tiny = k.fcmp(FPred::olt, x, k.cf(type, 0x1p-1022));
  Value normal = k.select(tiny, k.fmul(x, k.cf(type, 0x1p52)), x);
  Value bits = k.bitcast(normal, k.i64());
  Type integers = bits.getType();
  Value root = k.ci(integers, 0x3fe6a09e667f3bcd); // sqrt(1/2)
  Value offset = k.sub(bits, root);
  Value exponent = k.sitofp(k.ashr(offset, k.ci(integers, 52)), k.f64());
  exponent =
      k.fsub(exponent, k.select(tiny, k.cf(type, 52.0), k.cf(type, 0.0)));
  Value mantissa =
      k.add(k.andi(offset, k.ci(integers, 0x000fffffffffffff)), root);
  return {exponent, k.bitcast(mantissa, k.f64())};
}

struct Pair {
  Value high, low;
};

// a + b exactly, for |a| >= |b| or a = 0.
Pair fastTwoSum(KernelBuilder &k, Value a, Value b) {
  Value sum = k.fadd(a, b);
  return {sum, k.fsub(b, k.fsub(sum, a))};
}

Pair multiply(KernelBuilder &k, Pair a, Pair b) {
  Value high = k.fmul(a.high, b.high);
  Value low = k.fma(a.high, b.high, k.fneg(high));
  low = k.fma(a.high, b.low, low);
  return {high, k.fma(a.low, b.high, low)};
}

// log(x) as a pair, for positive finite x.
Pair logPair(KernelBuilder &k, Value x) {
  Type type = x.getType();
  Split split = splitExponent(k, x);
  Value one = k.cf(type, 1.0);
  Value f = k.fsub(split.mantissa, one);
  Value d = k.fadd(split.mantissa, one);
  Value dLow = k.fsub(split.mantissa, k.fsub(d, one));
  Value sHigh = k.fdiv(f, d);
  Value rest = k.fma(k.fneg(sHigh), d, f);
  Pair s = {sHigh, k.fdiv(k.fma(k.fneg(sHigh), dLow, rest), d)};

  // log = 2s + s * z * (2/3 + z * tail), z = s^2.
  Pair z = multiply(k, s, s);
  Value tail =
      k.fmul(z.high, polynomial(k, z.high, llvm::ArrayRef(kLog).drop_front()));
  Pair series = fastTwoSum(k, k.cf(type, 2.0 / 3.0), tail);
  // 2/3 is 2.0 / 3.0 + 3.7e-17.
  series.low = k.fadd(series.low, k.cf(type, 3.70074341541718826e-17));
  Pair cubic = multiply(k, s, multiply(k, z, series));

  Pair sum = fastTwoSum(k, k.fmul(split.exponent, k.cf(type, kLn2High)),
                        k.fadd(s.high, s.high));
  Pair more = fastTwoSum(k, sum.high, cubic.high);
  Value low = k.fma(split.exponent, k.cf(type, kLn2Low),
                    k.fadd(k.fadd(s.low, s.low), cubic.low));
  return fastTwoSum(k, more.high, k.fadd(k.fadd(sum.low, more.low), low));
}

// exp(x + low) for |low| far below |x|; `low` may be null.
Value expWithTail(KernelBuilder &k, Value x, Value low) {
  Type type = x.getType();
  Value floor =
      k.cf(type, -746.0); // exp(-746) rounds to 0, exp(710) to infinity
  Value ceiling = k.cf(type, 710.0);
  x = k.select(k.fcmp(FPred::olt, x, floor), floor, x);
  x = k.select(k.fcmp(FPred::ogt, x, ceiling), ceiling, x);
  Value magic = k.cf(type, kMagic);
  Value shifted = k.fma(x, k.cf(type, kLog2E), magic);
  Value rounded = k.fsub(shifted, magic);
  Value n = k.bitcast(shifted, k.i64());
  n = k.sub(n, k.ci(n.getType(), kMagicBits));
  Value r = k.fma(rounded, k.cf(type, -kLn2High), x);
  r = k.fma(rounded, k.cf(type, -kLn2Low), r);
  if (low)
    r = k.fadd(r, low);
  Value p = k.fadd(k.cf(type, 1.0), expm1Reduced64(k, r));
  return scaleByPowerOfTwo(k, p, n);
}

} // namespace

Value expm1Reduced64(KernelBuilder &k, Value r) {
  return k.fma(k.fmul(r, r), polynomial(k, r, kExpm1), r);
}

Value exp64(KernelBuilder &k, Value x) { return expWithTail(k, x, Value()); }

Value log64(KernelBuilder &k, Value x) {
  Type type = x.getType();
  Split split = splitExponent(k, x);
  Value f = k.fsub(split.mantissa, k.cf(type, 1.0));
  Value s = k.fdiv(f, k.fadd(split.mantissa, k.cf(type, 1.0)));
  Value z = k.fmul(s, s);
  Value series = k.fmul(z, polynomial(k, z, kLog));
  // log(1 + f) = f - s * (f - series), as 2s = f - s * f.
  Value rest = k.fmul(s, k.fsub(f, series));
  rest = k.fma(split.exponent, k.cf(type, -kLn2Low), rest);
  Value sum = k.fma(split.exponent, k.cf(type, kLn2High), k.fsub(f, rest));

  sum = k.select(k.fcmp(FPred::olt, x, k.cf(type, kInfinity)), sum, x);
  sum = k.select(k.fcmp(FPred::oeq, x, k.cf(type, 0.0)), k.cf(type, -kInfinity),
                 sum);
  return k.select(k.fcmp(FPred::olt, x, k.cf(type, 0.0)), k.cf(type, kNaN),
                  sum);
}

// Up to 2^50 the first step of the reduction is exact, as n * pi/2 is a
// multiple of 2^-52. Beyond, r means nothing, but is kept where the polynomials
// are.
Value cos64(KernelBuilder &k, Value x, double quarters) {
  Type type = x.getType();
  Value n = k.froundeven(k.fmul(x, k.cf(type, 0.63661977236758134308)));
  Value negative = k.fneg(n);
  Value r = k.fma(negative, k.cf(type, 1.5707963267948966), x);
  r = k.fma(negative, k.cf(type, 6.123233995736766e-17), r);
  r = k.fma(negative, k.cf(type, -1.4973849048591833e-33), r);
  Value one = k.cf(type, 1.0), minusOne = k.cf(type, -1.0);
  r = k.select(k.fcmp(FPred::ogt, r, one), one, r);
  r = k.select(k.fcmp(FPred::olt, r, minusOne), minusOne, r);
  return cosReduced64(k, r, k.fadd(n, k.cf(type, quarters)));
}

Value cosReduced64(KernelBuilder &k, Value r, Value n) {
  Type type = r.getType();
  Value z = k.fmul(r, r);
  Value sine = k.fma(k.fmul(z, r), polynomial(k, z, kSin), r);
  Value half = k.fmul(z, k.cf(type, 0.5));
  Value one = k.cf(type, 1.0);
  Value head = k.fsub(one, half);
  Value error = k.fsub(k.fsub(one, head), half);
  Value cosine =
      k.fadd(head, k.fma(k.fmul(z, z), polynomial(k, z, kCos), error));

  Value quarter = k.ffloor(k.fmul(n, k.cf(type, 0.25)));
  Value quadrant = k.fma(quarter, k.cf(type, -4.0), n);
  auto is = [&](double q) {
    return k.fcmp(FPred::oeq, quadrant, k.cf(type, q));
  };
  Value isOne = is(1.0);
  Value result = k.select(k.ori(isOne, is(3.0)), sine, cosine);
  return k.select(k.ori(isOne, is(2.0)), k.fneg(result), result);
}

Value pow64(KernelBuilder &k, Value x, Value y) {
  Type type = x.getType();
  Value zero = k.cf(type, 0.0), one = k.cf(type, 1.0);
  Value infinity = k.cf(type, kInfinity);
  Value magnitude = k.fabs(x);

  Pair log = logPair(k, magnitude);
  Value high = k.fmul(y, log.high);
  Value low = k.fma(y, log.low, k.fma(y, log.high, k.fneg(high)));
  Value bounded = k.fcmp(FPred::olt, k.fabs(high), k.cf(type, 800.0));
  Value power = expWithTail(k, high, k.select(bounded, low, zero));

  // Bases 0 and infinity.
  Value yNegative = k.fcmp(FPred::olt, y, zero);
  Value isZero = k.fcmp(FPred::oeq, magnitude, zero);
  Value isInfinite = k.fcmp(FPred::oeq, magnitude, infinity);
  power = k.select(isZero, k.select(yNegative, infinity, zero), power);
  power = k.select(isInfinite, k.select(yNegative, zero, infinity), power);
  power = k.select(k.fcmp(FPred::oeq, magnitude, one), one, power);

  // Negative bases: an integer exponent decides the sign.
  Value whole = k.fcmp(FPred::oeq, y, k.ffloor(y));
  Value halved = k.fmul(y, k.cf(type, 0.5));
  Value odd = k.andi(whole, k.fcmp(FPred::one, halved, k.ffloor(halved)));
  Value bits = k.bitcast(x, k.i64());
  Value signSet = k.icmp(IPred::slt, bits, k.ci(bits.getType(), 0));
  power = k.select(k.andi(signSet, odd), k.fneg(power), power);
  Value undefined = k.andi(k.fcmp(FPred::olt, x, zero), k.noti(whole));
  undefined = k.andi(undefined, k.noti(isInfinite));
  undefined = k.ori(undefined, k.fcmp(FPred::uno, x, y));
  power = k.select(undefined, k.cf(type, kNaN), power);
  Value isOne = k.ori(k.fcmp(FPred::oeq, x, one), k.fcmp(FPred::oeq, y, zero));
  return k.select(isOne, one, power);
}

} // namespace mlc::cpu::detail
