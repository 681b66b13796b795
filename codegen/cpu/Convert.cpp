//===- Convert.cpp - Element types in memory and in registers -------------===//
#include "codegen/cpu/Evaluator.h"

#include <limits>

using namespace mlir;

namespace mlc::cpu {

bool isNarrowFloat(Type element) { return element.isF16() || element.isBF16(); }

Type storageType(KernelBuilder &k, Type element) {
  if (isNarrowFloat(element))
    return k.b.getI16Type();
  if (element.isInteger(1) || element.isUnsignedInteger(8))
    return k.i8();
  return element;
}

Type heldType(KernelBuilder &k, Type element) {
  if (isNarrowFloat(element))
    return k.f32();
  return element.isUnsignedInteger(8) ? k.i8() : element;
}

namespace {

// f64 to f32, rounded to odd: a second rounding to fewer bits is then exact.
Value roundToOdd(KernelBuilder &k, Value x) {
  Value narrow = k.fptrunc(x, k.f32());
  Value back = k.fpext(narrow, k.f64());
  Value bits = k.bitcast(narrow, k.i32());
  Value one = k.ci(bits.getType(), 1);
  Value tooLarge = k.fcmp(FPred::ogt, k.fabs(back), k.fabs(x));
  Value inexact = k.fcmp(FPred::one, back, x);
  Value down = k.select(tooLarge, k.sub(bits, one), bits);
  Value odd = k.select(inexact, k.ori(down, one), bits);
  return k.bitcast(odd, k.f32());
}

// The upper half of an f32, rounded to nearest even; NaN stays NaN.
Value bfloatBits(KernelBuilder &k, Value x) {
  Value bits = k.bitcast(x, k.i32());
  Type type = bits.getType();
  Value sixteen = k.ci(type, 16);
  Value odd = k.andi(k.lshr(bits, sixteen), k.ci(type, 1));
  Value rounded = k.add(bits, k.add(odd, k.ci(type, 0x7fff)));
  Value quiet = k.ori(bits, k.ci(type, 0x400000));
  Value isNan = k.fcmp(FPred::uno, x, x);
  return k.lshr(k.select(isNan, quiet, rounded), sixteen);
}

Value floatToInteger(KernelBuilder &k, Value x, Type to) {
  unsigned bits = to.getIntOrFloatBitWidth();
  bool isSigned = !to.isUnsignedInteger();
  Type scalar = isSigned ? to : k.i32();
  Type result = k.like(scalar, x.getType());
  double below = isSigned ? -std::ldexp(1.0, int(bits) - 1) : 0.0;
  double above = std::ldexp(1.0, isSigned ? int(bits) - 1 : int(bits));
  int64_t smallest =
      isSigned ? std::numeric_limits<int64_t>::min() >> (64 - bits) : 0;
  int64_t largest = isSigned ? ~smallest : (int64_t(1) << bits) - 1;
  Value low = k.fcmp(FPred::olt, x, k.cf(x.getType(), below));
  Value high = k.fcmp(FPred::oge, x, k.cf(x.getType(), above));
  Value undefined = k.fcmp(FPred::uno, x, x);
  Value outside = k.ori(k.ori(low, high), undefined);
  Value value = k.fptosi(k.select(outside, k.zero(x.getType()), x), scalar);
  value = k.select(low, k.ci(result, smallest), value);
  value = k.select(high, k.ci(result, largest), value);
  return isSigned ? value : k.trunc(value, k.i8());
}

Value resizeInteger(KernelBuilder &k, Value x, Type from, Type to) {
  unsigned have = from.getIntOrFloatBitWidth();
  unsigned want = to.getIntOrFloatBitWidth();
  Type held = heldType(k, to);
  if (want == have)
    return x;
  if (want < have)
    return k.trunc(x, held);
  bool isUnsigned = from.isUnsignedInteger() || from.isInteger(1);
  return isUnsigned ? k.zext(x, held) : k.sext(x, held);
}

Value integerToFloat(KernelBuilder &k, Value x, Type from, Type to) {
  if (from.isUnsignedInteger() || from.isInteger(1))
    x = k.zext(x, k.i32());
  if (!isNarrowFloat(to))
    return k.sitofp(x, to);
  return roundTo(k, k.sitofp(x, k.f64()), to);
}

} // namespace

Value roundTo(KernelBuilder &k, Value x, Type element) {
  if (!isNarrowFloat(element))
    return x;
  if (KernelBuilder::element(x.getType()).isF64())
    x = roundToOdd(k, x);
  if (element.isF16())
    return k.fpext(k.fptrunc(x, element), k.f32());
  Value bits = bfloatBits(k, x);
  return k.bitcast(k.shl(bits, k.ci(bits.getType(), 16)), k.f32());
}

Value toStorage(KernelBuilder &k, Value held, Type element) {
  if (element.isInteger(1))
    return k.zext(held, k.i8());
  if (element.isF16())
    return k.bitcast(k.fptrunc(held, element), k.b.getI16Type());
  if (element.isBF16())
    return k.trunc(bfloatBits(k, held), k.b.getI16Type());
  return held;
}

Value fromStorage(KernelBuilder &k, Value stored, Type element) {
  if (element.isInteger(1))
    return k.icmp(IPred::ne, stored, k.zero(stored.getType()));
  if (element.isF16())
    return k.fpext(k.bitcast(stored, element), k.f32());
  if (element.isBF16()) {
    Value bits = k.zext(stored, k.i32());
    return k.bitcast(k.shl(bits, k.ci(bits.getType(), 16)), k.f32());
  }
  return stored;
}

Value emitCast(KernelBuilder &k, Value x, Type from, Type to) {
  if (from == to)
    return x;
  bool fromFloat = isa<FloatType>(from), toFloat = isa<FloatType>(to);
  if (to.isInteger(1))
    return fromFloat ? k.fcmp(FPred::une, x, k.zero(x.getType()))
                     : k.icmp(IPred::ne, x, k.zero(x.getType()));
  if (!fromFloat && !toFloat)
    return resizeInteger(k, x, from, to);
  if (!fromFloat)
    return integerToFloat(k, x, from, to);
  if (!toFloat)
    return floatToInteger(k, x, to);
  if (isNarrowFloat(to))
    return roundTo(k, x, to);
  bool wide = KernelBuilder::element(x.getType()).isF64();
  if (to.isF64())
    return wide ? x : k.fpext(x, to);
  return wide ? k.fptrunc(x, to) : x;
}

} // namespace mlc::cpu
