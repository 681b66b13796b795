//===- MathKernels.cpp - Elementary functions of f32, and the dispatch ----===//
//
// Argument reduction as usual (Muller, "Elementary Functions", 3rd ed.);
// polynomials are Chebyshev fits computed for this file with 50 digits, their
// error is stated beside them. Rounding to an integer adds 1.5 * 2^23: no
// conversion that a NaN could spoil.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/MathKernels.h"

#include <cmath>
#include <limits>

namespace mlc::cpu {

namespace detail {

Value polynomial(KernelBuilder &k, Value x, llvm::ArrayRef<double> c) {
  Value sum = k.cf(x.getType(), c.back());
  for (double coefficient : llvm::reverse(c.drop_back()))
    sum = k.fma(sum, x, k.cf(x.getType(), coefficient));
  return sum;
}

Value scaleByPowerOfTwo(KernelBuilder &k, Value value, Value n) {
  Type integers = n.getType();
  bool wide = KernelBuilder::element(integers).isInteger(64);
  Value bias = k.ci(integers, wide ? 1023 : 127);
  Value shift = k.ci(integers, wide ? 52 : 23);
  Value half = k.ashr(n, k.ci(integers, 1));
  Type scalar = KernelBuilder::element(value.getType());
  for (Value part : {half, k.sub(n, half)})
    value = k.fmul(value, k.bitcast(k.shl(k.add(part, bias), shift), scalar));
  return value;
}

} // namespace detail

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kMagic = 12582912.0; // 1.5 * 2^23
constexpr int64_t kMagicBits = 0x4b400000;
constexpr double kLog2E = 1.4426950408889634;
constexpr double kLn2High = 0.693145751953125; // 16 bits
constexpr double kLn2Low = 1.42860682030941723212e-6;

// (exp(r) - 1 - r) / r^2 on |r| <= ln(2)/2, error 1.4e-9.
constexpr double kExpm1[] = {
    0.50000000134658092001,  0.16666666681623231402,
    0.041666464925285905408, 0.0083333109254809008349,
    0.001393364999630925043, 0.00019890990824673653848};

// (log(1+f) - f + f^2/2) / f^3 on sqrt(1/2)-1 <= f <= sqrt(2)-1, error 2.9e-8.
constexpr double kLog[] = {
    0.33333331180030048052,  -0.24999996957950882045, 0.20000715748892101743,
    -0.16667802319501254074, 0.14249057645697480404,  -0.12425687331451106113,
    0.11685419923486739308,  -0.11479733846637635556, 0.069716114714511778317};

bool isF64(Value x) { return KernelBuilder::element(x.getType()).isF64(); }

struct Reduced {
  Value n;            // integer, in the float's width
  Value tail;         // exp(r) - 1, r = x - n * ln(2)
  Value rounded = {}; // n as a float, of f32
};

// For |x| < 200.
Reduced reduceExp32(KernelBuilder &k, Value x) {
  Type type = x.getType();
  Value magic = k.cf(type, kMagic);
  Value shifted = k.fma(x, k.cf(type, kLog2E), magic);
  Value rounded = k.fsub(shifted, magic);
  Value n = k.bitcast(shifted, k.i32());
  n = k.sub(n, k.ci(n.getType(), kMagicBits));
  Value r = k.fma(rounded, k.cf(type, -kLn2High), x);
  r = k.fma(rounded, k.cf(type, -kLn2Low), r);
  Value q = detail::polynomial(k, r, kExpm1);
  return {n, k.fma(k.fmul(r, r), q, r), rounded};
}

// value * 2^n for a whole float n, rounded once; 16 lanes, needs AVX-512.
Value scaleByFloat(KernelBuilder &k, Value value, Value n) {
  Value all = k.ci(k.b.getI16Type(), -1);
  Value direction = k.ci(k.i32(), 4); // as the control register says
  return mlir::LLVM::CallIntrinsicOp::create(
             k.b, k.loc, value.getType(),
             k.b.getStringAttr("llvm.x86.avx512.mask.scalef.ps.512"),
             ValueRange{value, n, k.zero(value.getType()), all, direction})
      ->getResult(0);
}

Value clampAbove(KernelBuilder &k, Value x, double limit) {
  Value bound = k.cf(x.getType(), limit);
  return k.select(k.fcmp(FPred::ogt, x, bound), bound, x); // NaN stays
}

Value exp32(KernelBuilder &k, Value x) {
  Type type = x.getType();
  Value low = k.cf(type, -104.0); // exp(-104) rounds to 0, exp(89) to infinity
  Value bounded = k.select(k.fcmp(FPred::olt, x, low), low, x);
  Reduced reduced = reduceExp32(k, clampAbove(k, bounded, 89.0));
  Value p = k.fadd(k.cf(type, 1.0), reduced.tail);
  if (KernelBuilder::lanesOf(type) == 16 && k.target.lanes == 16)
    return scaleByFloat(k, p, reduced.rounded);
  return detail::scaleByPowerOfTwo(k, p, reduced.n);
}

Value log32(KernelBuilder &k, Value x) {
  Type type = x.getType();
  Value tiny = k.fcmp(FPred::olt, x, k.cf(type, 0x1p-126));
  Value normal = k.select(tiny, k.fmul(x, k.cf(type, 0x1p23)), x);
  Value bits = k.bitcast(normal, k.i32());
  Type integers = bits.getType();
  Value root = k.ci(integers, 0x3f3504f3); // sqrt(1/2)
  Value offset = k.sub(bits, root);
  Value exponent = k.ashr(offset, k.ci(integers, 23));
  exponent =
      k.add(exponent, k.select(tiny, k.ci(integers, -23), k.ci(integers, 0)));
  Value mantissa = k.add(k.andi(offset, k.ci(integers, 0x7fffff)), root);
  Value f = k.fsub(k.bitcast(mantissa, k.f32()), k.cf(type, 1.0));
  Value e = k.sitofp(exponent, k.f32());

  Value square = k.fmul(f, f);
  Value sum = k.fmul(k.fmul(square, f), detail::polynomial(k, f, kLog));
  sum = k.fma(e, k.cf(type, kLn2Low), sum);
  sum = k.fma(square, k.cf(type, -0.5), sum);
  sum = k.fma(e, k.cf(type, kLn2High), k.fadd(f, sum));

  Value finite = k.fcmp(FPred::olt, x, k.cf(type, kInfinity));
  sum = k.select(finite, sum, x); // infinity and NaN
  sum = k.select(k.fcmp(FPred::oeq, x, k.cf(type, 0.0)), k.cf(type, -kInfinity),
                 sum);
  return k.select(k.fcmp(FPred::olt, x, k.cf(type, 0.0)), k.cf(type, kNaN),
                  sum);
}

// tanh(x) = t / (t + 2), t = exp(2x) - 1 = 2^n * (exp(r) - 1) + (2^n - 1).
template <typename Reduce>
Value tanhOf(KernelBuilder &k, Value x, double limit, Type integer,
             unsigned mantissaBits, int64_t bias, Reduce reduce) {
  Type type = x.getType();
  Value magnitude = clampAbove(k, k.fabs(x), limit);
  Reduced reduced = reduce(k, k.fadd(magnitude, magnitude));
  Type integers = k.like(integer, type);
  Value power = k.bitcast(k.shl(k.add(reduced.n, k.ci(integers, bias)),
                                k.ci(integers, mantissaBits)),
                          KernelBuilder::element(type));
  Value t = k.fma(power, reduced.tail, k.fsub(power, k.cf(type, 1.0)));
  // Above tanh = 1/2 the difference 1 - 2 / (t + 2) is the accurate one. Below,
  // one step of refinement takes back what the sum and the quotient rounded
  // away; there 1 / (t + 2) is near enough to (1 - tanh) / 2.
  Value two = k.cf(type, 2.0), half = k.cf(type, 0.5);
  Value d = k.fadd(t, two);
  Value twoPart = k.fsub(d, t);
  Value dLow = k.fadd(k.fsub(t, k.fsub(d, twoPart)), k.fsub(two, twoPart));
  Value large = k.fcmp(FPred::oge, t, two);
  Value quotient = k.fdiv(k.select(large, two, t), d);
  Value q = quotient;
  Value negative = k.fneg(q);
  Value rest = k.fma(negative, dLow, k.fma(negative, d, t));
  q = k.fma(rest, k.fma(negative, half, half), q);
  q = k.select(large, k.fsub(k.cf(type, 1.0), quotient), q);
  return k.fcopysign(q, x);
}

Reduced reduceExp64(KernelBuilder &k, Value x) {
  Type type = x.getType();
  Value magic = k.cf(type, 6755399441055744.0); // 1.5 * 2^52
  Value shifted = k.fma(x, k.cf(type, kLog2E), magic);
  Value rounded = k.fsub(shifted, magic);
  Value n = k.bitcast(shifted, k.i64());
  n = k.sub(n, k.ci(n.getType(), 0x4338000000000000));
  Value r = k.fma(rounded, k.cf(type, -6.93147180369123816490e-01), x);
  r = k.fma(rounded, k.cf(type, -1.90821492927058770002e-10), r);
  return {n, detail::expm1Reduced64(k, r)};
}

// 2/pi in pieces of 24 bits: the product of an f32 with one is exact in f64.
constexpr double kTwoOverPi[] = {0xa2f983p-24,  0x6e4e44p-48,  0x1529fcp-72,
                                 0x2757d1p-96,  0xf534ddp-120, 0xc0db62p-144,
                                 0x95993cp-168, 0x439041p-192};

// cos(x + quarters * pi/2) for an f32 in an f64. Quarter turns are taken off
// each product at once, so that what is left of the sum is as precise for 1e38
// as for 1 (after Payne and Hanek, "Radian Reduction for Trigonometric
// Functions", 1983).
Value cosOfF32(KernelBuilder &k, Value x, double quarters) {
  Type type = x.getType();
  Value turns = k.cf(type, quarters), rest = k.cf(type, 0.0);
  for (double piece : kTwoOverPi) {
    Value product = k.fmul(x, k.cf(type, piece));
    Value whole = k.froundeven(product);
    rest = k.fadd(rest, k.fsub(product, whole));
    Value carry = k.froundeven(rest);
    rest = k.fsub(rest, carry);
    Value fours = k.ffloor(k.fmul(whole, k.cf(type, 0.25)));
    whole = k.fma(fours, k.cf(type, -4.0), whole);
    turns = k.fadd(turns, k.fadd(whole, carry));
  }
  Value r = k.fmul(rest, k.cf(type, 1.5707963267948966));
  return detail::cosReduced64(k, r, turns);
}

// f(x), and x where it is a zero of either sign.
Value keepZero(KernelBuilder &k, Value x, Value result) {
  return k.select(k.fcmp(FPred::oeq, x, k.zero(x.getType())), x, result);
}

// exp(x) - 1 = 2^n * (exp(r) - 1 + (1 - 2^-n)). From n = `bits` on 2^-n is not
// felt, below `low` the result is -1.
template <typename Reduce>
Value expm1Of(KernelBuilder &k, Value x, double low, double high, Type integer,
              int64_t bits, unsigned mantissaBits, int64_t bias,
              Reduce reduce) {
  Type type = x.getType();
  Value floor = k.cf(type, low);
  Value bounded = k.select(k.fcmp(FPred::olt, x, floor), floor, x);
  Reduced reduced = reduce(k, clampAbove(k, bounded, high));
  Type integers = k.like(integer, type);
  Value exponent =
      k.sub(k.ci(integers, bias), k.smin(reduced.n, k.ci(integers, bits)));
  Value inverse = k.bitcast(k.shl(exponent, k.ci(integers, mantissaBits)),
                            KernelBuilder::element(type));
  Value sum = k.fadd(reduced.tail, k.fsub(k.cf(type, 1.0), inverse));
  return keepZero(k, x, detail::scaleByPowerOfTwo(k, sum, reduced.n));
}

Value through64(KernelBuilder &k, llvm::ArrayRef<Value> arguments,
                llvm::function_ref<Value(llvm::ArrayRef<Value>)> function) {
  llvm::SmallVector<Value> wide;
  for (Value argument : arguments)
    wide.push_back(k.fpext(argument, k.f64()));
  return k.fptrunc(function(wide), k.f32());
}

} // namespace

Value emitExp(KernelBuilder &k, Value x) {
  return isF64(x) ? detail::exp64(k, x) : exp32(k, x);
}

Value emitExpm1(KernelBuilder &k, Value x) {
  return isF64(x)
             ? expm1Of(k, x, -40.0, 710.0, k.i64(), 60, 52, 1023, reduceExp64)
             : expm1Of(k, x, -20.0, 89.0, k.i32(), 30, 23, 127, reduceExp32);
}

Value emitLog(KernelBuilder &k, Value x) {
  return isF64(x) ? detail::log64(k, x) : log32(k, x);
}

// log(u) + e / u, where u is 1 + x rounded, and e what that takes away:
// exactly, by Knuth's sum of two.
Value emitLog1p(KernelBuilder &k, Value x) {
  Type type = x.getType();
  Value one = k.cf(type, 1.0), zero = k.cf(type, 0.0);
  Value u = k.fadd(one, x);
  Value part = k.fsub(u, one);
  Value e = k.fadd(k.fsub(one, k.fsub(u, part)), k.fsub(x, part));
  Value log = emitLog(k, u);
  Value exact = k.fcmp(FPred::oeq, e, zero); // 0 / 0 for x = -1
  log = k.select(exact, log, k.fadd(log, k.fdiv(e, u)));
  Value infinity = k.cf(type, kInfinity);
  Value same =
      k.ori(k.fcmp(FPred::oeq, u, one), k.fcmp(FPred::oeq, u, infinity));
  return k.select(same, x, log);
}

Value emitTanh(KernelBuilder &k, Value x) {
  // Beyond the limits the quotient rounds to 1.
  return isF64(x) ? tanhOf(k, x, 22.0, k.i64(), 52, 1023, reduceExp64)
                  : tanhOf(k, x, 10.0, k.i32(), 23, 127, reduceExp32);
}

Value emitSigmoid(KernelBuilder &k, Value x) {
  Type type = x.getType();
  Value one = k.cf(type, 1.0);
  Value e = emitExp(k, k.fneg(k.fabs(x)));
  Value positive = k.fcmp(FPred::oge, x, k.cf(type, 0.0));
  return k.fdiv(k.select(positive, one, e), k.fadd(one, e));
}

Value emitCos(KernelBuilder &k, Value x) {
  if (isF64(x))
    return detail::cos64(k, x, 0.0);
  return through64(k, {x}, [&](auto a) { return cosOfF32(k, a[0], 0.0); });
}

// A quarter turn behind the cosine.
Value emitSin(KernelBuilder &k, Value x) {
  Value sine =
      isF64(x)
          ? detail::cos64(k, x, -1.0)
          : through64(k, {x}, [&](auto a) { return cosOfF32(k, a[0], -1.0); });
  return keepZero(k, x, sine);
}

Value emitPow(KernelBuilder &k, Value x, Value y) {
  if (isF64(x))
    return detail::pow64(k, x, y);
  return through64(k, {x, y},
                   [&](auto a) { return detail::pow64(k, a[0], a[1]); });
}

// One Newton step from 14 bits, for the root and half its inverse at once, and
// a last correction with the exact rest, after Markstein, "Computation of
// elementary functions on the IBM RISC System/6000", 1990. The result is the
// nearest float for every x: the test can compare them all.
Value emitSqrt(KernelBuilder &k, Value x) {
  Type type = x.getType();
  if (KernelBuilder::lanesOf(type) != 16 || k.target.lanes != 16 ||
      !KernelBuilder::element(type).isF32())
    return k.fsqrt(x);
  // Small numbers are scaled, so that the rest does not underflow.
  Value small = k.fcmp(FPred::olt, x, k.cf(type, 0x1p-64));
  Value scaled = k.select(small, k.fmul(x, k.cf(type, 0x1p64)), x);
  Value inverse = k.rsqrt14(scaled);
  Value half = k.cf(type, 0.5);
  Value root = k.fmul(scaled, inverse), halfInverse = k.fmul(inverse, half);
  Value error = k.fma(k.fneg(root), halfInverse, half);
  root = k.fma(root, error, root);
  halfInverse = k.fma(halfInverse, error, halfInverse);
  Value rest = k.fma(k.fneg(root), root, scaled);
  root = k.fma(rest, halfInverse, root);
  root = k.select(small, k.fmul(root, k.cf(type, 0x1p-32)), root);
  // 0 and infinity have no inverse.
  Value same = k.ori(k.fcmp(FPred::oeq, scaled, k.zero(type)),
                     k.fcmp(FPred::oeq, scaled, k.cf(type, kInfinity)));
  return k.select(same, x, root);
}

} // namespace mlc::cpu
