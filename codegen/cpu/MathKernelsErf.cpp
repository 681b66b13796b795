//===- MathKernelsErf.cpp - The error function ----------------------------===//
//
// Below 1 an even polynomial times x; above, 1 - erfc(x), of which few digits
// are felt. Chebyshev fits computed for this file with 50 digits.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/MathKernels.h"

namespace mlc::cpu {

namespace {

// erf(x) / x - 1 in z = x^2 <= 1, error 1.3e-9.
constexpr double kSmall32[] = {
    0.12837916584835094603,    -0.37612626666720331023,
    0.11283594715160217732,    -0.026854212010626412443,
    0.0051890874234339739861,  -0.00080168642871658695293,
    0.000078758750626854883411};

// log(erfc(t)) / t on 1 <= t <= 4; erfc to 1.6e-8.
constexpr double kLogErfc32[] = {
    -1.1289572433855557312,      -0.63397144758926452606,
    -0.1080919126255900629,      0.025308601194779257631,
    -0.0043739226248216578883,   0.00051574556381983117248,
    -0.000036593011820437698481, 1.1660325004599571789e-6};

// erf(x) / x - 1 in z = x^2 <= 1, error 7.4e-18.
constexpr double kSmall64[] = {
    0.12837916709551256654,    -0.37612638903183540438,
    0.11283791670945006266,    -0.02686617064323777036,
    0.0052239776071164227321,  -0.00085483259753896920806,
    0.00012055294904839707917, -0.000014924736907419660338,
    1.644742470331736241e-6,   -1.6208483801871705902e-7,
    1.3720064546777685604e-8,  -7.7958988270022422416e-10};

// exp(t^2) erfc(t) in (t - 3) / (t + 3) on 1 <= t <= 6, relative error 1.1e-16.
constexpr double kErfcx64[] = {
    0.17900115118138995023,     -0.32623356004303717477,
    0.24560380171233194479,     -0.15011593650078743912,
    0.071665837197748743386,    -0.024392499318273193125,
    0.0042691363475082563605,   0.00070774644439015373147,
    -0.00059706235170932842794, 0.000045254726354833541373,
    0.000064061820735305467428, -0.000012848894512523528795,
    -8.0080213194126843348e-6,  2.0236031796417566352e-6,
    1.2801900862962661938e-6};

Value erfc32(KernelBuilder &k, Value t) {
  return emitExp(k, k.fmul(t, detail::polynomial(k, t, kLogErfc32)));
}

Value erfc64(KernelBuilder &k, Value t) {
  Value three = k.cf(t.getType(), 3.0);
  Value y = k.fdiv(k.fsub(t, three), k.fadd(t, three));
  Value decay = emitExp(k, k.fneg(k.fmul(t, t)));
  return k.fmul(decay, detail::polynomial(k, y, kErfcx64));
}

} // namespace

Value emitErf(KernelBuilder &k, Value x) {
  Type type = x.getType();
  bool wide = KernelBuilder::element(type).isF64();
  Value magnitude = k.fabs(x), one = k.cf(type, 1.0);
  Value z = k.fmul(x, x);
  Value small = wide ? detail::polynomial(k, z, kSmall64)
                     : detail::polynomial(k, z, kSmall32);
  small = k.fma(x, small, x);
  // Beyond the limit 1 - erfc rounds to 1.
  Value limit = k.cf(type, wide ? 6.0 : 4.0);
  Value t = k.select(k.fcmp(FPred::olt, magnitude, limit), magnitude, limit);
  Value large = k.fsub(one, wide ? erfc64(k, t) : erfc32(k, t));
  // NaN takes the small side, and stays.
  return k.select(k.fcmp(FPred::oge, magnitude, one), k.fcopysign(large, x),
                  small);
}

} // namespace mlc::cpu
