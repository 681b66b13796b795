//===- Elementwise.cpp - One op on registers, every element type ----------===//
//
// f16 and bf16 are held as f32 and rounded after every op, as the reference
// interpreter does. Integer division never traps: a zero divisor gives 0.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Evaluator.h"
#include "codegen/cpu/MathKernels.h"

#include "llvm/ADT/TypeSwitch.h"

#include <limits>

using namespace mlir;

namespace mlc::cpu {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

bool isUnsigned(Type element) {
  return element.isUnsignedInteger() || element.isInteger(1);
}

// What is added per element may be contracted with a product before it.
constexpr Rounding kContract = Rounding::Contract;

Value nanOrTrue(KernelBuilder &k, Value condition, Value x) {
  return k.ori(condition, k.fcmp(FPred::uno, x, x));
}

Value extremum(KernelBuilder &k, Value x, Value y, Type element, bool largest) {
  if (isa<FloatType>(element)) {
    Value wins = k.fcmp(largest ? FPred::ogt : FPred::olt, x, y);
    return k.select(nanOrTrue(k, wins, x), x, y); // NaN if either is
  }
  IPred greater = isUnsigned(element) ? IPred::ugt : IPred::sgt;
  IPred less = isUnsigned(element) ? IPred::ult : IPred::slt;
  return k.select(k.icmp(largest ? greater : less, x, y), x, y);
}

struct Division {
  Value quotient, remainder; // rounded down; 0 for a zero divisor
};

Division floorDivide(KernelBuilder &k, Value x, Value y, Type element) {
  Value zero = k.zero(x.getType()), one = k.ci(x.getType(), 1);
  Value byZero = k.icmp(IPred::eq, y, zero);
  if (isUnsigned(element)) {
    Value divisor = k.select(byZero, one, y);
    return {k.select(byZero, zero, k.udiv(x, divisor)),
            k.select(byZero, zero, k.urem(x, divisor))};
  }
  int64_t bits = element.getIntOrFloatBitWidth();
  Value smallest =
      k.ci(x.getType(), std::numeric_limits<int64_t>::min() >> (64 - bits));
  Value overflow = k.andi(k.icmp(IPred::eq, x, smallest),
                          k.icmp(IPred::eq, y, k.ci(y.getType(), -1)));
  Value divisor = k.select(k.ori(byZero, overflow), one, y);
  Value quotient = k.sdiv(x, divisor), remainder = k.srem(x, divisor);
  Value differ = k.icmp(IPred::slt, k.xori(remainder, y), zero);
  Value adjust = k.andi(differ, k.icmp(IPred::ne, remainder, zero));
  quotient = k.select(adjust, k.sub(quotient, one), quotient);
  remainder = k.select(adjust, k.add(remainder, y), remainder);
  return {k.select(byZero, zero, quotient), k.select(byZero, zero, remainder)};
}

// Exact remainder in f64 with the divisor's sign. Every step takes 50 bits off
// the quotient by exact subtraction of a multiple of y * 2^n.
Value floatMod(KernelBuilder &k, Value x, Value y, int64_t steps) {
  Type type = x.getType();
  Value zero = k.zero(type), magnitude = k.fabs(y);
  auto step = [&](Value, ValueRange carried) -> SmallVector<Value> {
    Value rest = carried[0];
    Value overflows =
        k.fcmp(FPred::oeq, k.fdiv(rest, magnitude), k.cf(type, kInfinity));
    Value scaled =
        k.select(overflows, k.fmul(magnitude, k.cf(type, 0x1p1000)), magnitude);
    Value quotient = k.fdiv(rest, scaled);
    Value bits = k.bitcast(quotient, k.i64());
    Value power = k.bitcast(
        k.andi(bits, k.ci(bits.getType(), 0x7ff0000000000000)), k.f64());
    Value large = k.fcmp(FPred::oge, quotient, k.cf(type, 0x1p51));
    power =
        k.select(large, k.fmul(power, k.cf(type, 0x1p-50)), k.cf(type, 1.0));
    scaled = k.fmul(scaled, power);
    Value count = k.ffloor(k.fdiv(rest, scaled));
    rest = k.fma(k.fneg(count), scaled, rest);
    rest = k.select(k.fcmp(FPred::olt, rest, zero), k.fadd(rest, scaled), rest);
    rest =
        k.select(k.fcmp(FPred::oge, rest, scaled), k.fsub(rest, scaled), rest);
    return {rest};
  };
  Value rest = k.loop(k.index(0), k.index(steps), 1, k.fabs(x), step)[0];
  rest = k.select(k.fcmp(FPred::oeq, magnitude, k.cf(type, kInfinity)),
                  k.fabs(x), rest);
  Value result = k.fcopysign(rest, x);
  Value differ = k.fcmp(
      FPred::olt,
      k.fmul(k.fcopysign(k.cf(type, 1.0), x), k.fcopysign(k.cf(type, 1.0), y)),
      zero);
  Value nonzero = k.fcmp(FPred::one, result, zero);
  result = k.select(k.andi(differ, nonzero), k.fadd(result, y),
                    k.select(nonzero, result, k.fcopysign(zero, y)));
  Value undefined =
      k.ori(k.fcmp(FPred::uno, x, y),
            k.ori(k.fcmp(FPred::oeq, y, zero),
                  k.fcmp(FPred::oeq, k.fabs(x), k.cf(type, kInfinity))));
  return k.select(undefined, k.cf(type, kNaN), result);
}

Value modulo(KernelBuilder &k, Value x, Value y, Type element) {
  if (!isa<FloatType>(element))
    return floorDivide(k, x, y, element).remainder;
  if (element.isF64())
    return floatMod(k, x, y, 44);
  Value wide = floatMod(k, k.fpext(x, k.f64()), k.fpext(y, k.f64()), 7);
  return k.fptrunc(wide, k.f32());
}

Value signOf(KernelBuilder &k, Value x, Type element) {
  Type type = x.getType();
  Value zero = k.zero(type);
  if (isa<FloatType>(element))
    return k.select(k.fcmp(FPred::ogt, x, zero), k.cf(type, 1.0),
                    k.select(k.fcmp(FPred::olt, x, zero), k.cf(type, -1.0), x));
  return k.select(k.icmp(IPred::sgt, x, zero), k.ci(type, 1),
                  k.select(k.icmp(IPred::slt, x, zero), k.ci(type, -1), zero));
}

Value compare(KernelBuilder &k, graph::ComparePredicate predicate, Value x,
              Value y, Type element) {
  using P = graph::ComparePredicate;
  bool isFloat = isa<FloatType>(element), u = isUnsigned(element);
  auto emit = [&](FPred f, IPred s, IPred n) {
    return isFloat ? k.fcmp(f, x, y) : k.icmp(u ? n : s, x, y);
  };
  switch (predicate) {
  case P::eq:
    return emit(FPred::oeq, IPred::eq, IPred::eq);
  case P::ne:
    return emit(FPred::une, IPred::ne, IPred::ne);
  case P::lt:
    return emit(FPred::olt, IPred::slt, IPred::ult);
  case P::le:
    return emit(FPred::ole, IPred::sle, IPred::ule);
  case P::gt:
    return emit(FPred::ogt, IPred::sgt, IPred::ugt);
  case P::ge:
    return emit(FPred::oge, IPred::sge, IPred::uge);
  }
  llvm_unreachable("every predicate has a case");
}

// x / c as x * (1/c) with one correction, when that gives the same bits for
// every ui8: an exhaustive check at compile time.
Value divideBytes(KernelBuilder &k, Value x, float divisor) {
  float inverse = 1.0f / divisor;
  for (int i = 0; i < 256; ++i) {
    float product = float(i) * inverse;
    float rest = __builtin_fmaf(-product, divisor, float(i));
    if (__builtin_fmaf(rest, inverse, product) != float(i) / divisor)
      return k.fdiv(x, k.cf(x.getType(), divisor));
  }
  Type type = x.getType();
  Value product = k.fmul(x, k.cf(type, inverse));
  Value rest = k.fma(product, k.cf(type, -divisor), x);
  return k.fma(rest, k.cf(type, inverse), product);
}

// The splat constant behind `value`, through broadcasts.
std::optional<double> splatValue(Value value) {
  while (auto op = value.getDefiningOp<graph::BroadcastOp>())
    value = op.getOperand();
  auto op = value.getDefiningOp<graph::ConstantOp>();
  auto dense = op ? dyn_cast<DenseElementsAttr>(op.getValue()) : nullptr;
  if (!dense || !dense.isSplat() || !isa<FloatType>(dense.getElementType()))
    return std::nullopt;
  return dense.getSplatValue<APFloat>().convertToDouble();
}

bool comesFromByte(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (auto cast = dyn_cast<graph::CastOp>(op))
      return cast.getOperand().getType().getElementType().isUnsignedInteger(8);
    if (!isa<graph::ReshapeOp, graph::BroadcastOp, graph::TransposeOp,
             graph::SliceOp>(op))
      return false;
    value = op->getOperand(0);
  }
  return false;
}

Value divide(KernelBuilder &k, graph::DivOp op, Value x, Value y) {
  if (op.getType().getElementType().isF32() && comesFromByte(op.getLhs()))
    if (std::optional<double> c = splatValue(op.getRhs());
        c && *c != 0 && std::isnormal(float(*c)) &&
        std::isnormal(1.0f / float(*c)))
      return divideBytes(k, x, float(*c));
  return k.fdiv(x, y);
}

} // namespace

Value emitElementwise(KernelBuilder &k, Operation *op, ArrayRef<Value> v) {
  Type element =
      cast<RankedTensorType>(op->getOperand(0).getType()).getElementType();
  Type result =
      cast<RankedTensorType>(op->getResult(0).getType()).getElementType();
  bool isFloat = isa<FloatType>(element);
  Value value =
      llvm::TypeSwitch<Operation *, Value>(op)
          .Case([&](graph::AddOp) {
            return isFloat ? k.fadd(v[0], v[1], kContract) : k.add(v[0], v[1]);
          })
          .Case([&](graph::SubOp) {
            return isFloat ? k.fsub(v[0], v[1], kContract) : k.sub(v[0], v[1]);
          })
          .Case([&](graph::MulOp) {
            return isFloat ? k.fmul(v[0], v[1], kContract) : k.mul(v[0], v[1]);
          })
          .Case([&](graph::DivOp div) { return divide(k, div, v[0], v[1]); })
          .Case([&](graph::PowOp) { return emitPow(k, v[0], v[1]); })
          .Case([&](graph::MaximumOp) {
            return extremum(k, v[0], v[1], element, true);
          })
          .Case([&](graph::MinimumOp) {
            return extremum(k, v[0], v[1], element, false);
          })
          .Case([&](graph::IDivOp) {
            return floorDivide(k, v[0], v[1], element).quotient;
          })
          .Case([&](graph::ModOp) { return modulo(k, v[0], v[1], element); })
          .Case([&](graph::NegOp) {
            return isFloat ? k.fneg(v[0]) : k.sub(k.zero(v[0].getType()), v[0]);
          })
          .Case([&](graph::AbsOp) {
            if (isFloat)
              return k.fabs(v[0]);
            Value zero = k.zero(v[0].getType());
            return k.select(k.icmp(IPred::slt, v[0], zero), k.sub(zero, v[0]),
                            v[0]);
          })
          .Case([&](graph::SignOp) { return signOf(k, v[0], element); })
          .Case([&](graph::ExpOp) { return emitExp(k, v[0]); })
          .Case([&](graph::Expm1Op) { return emitExpm1(k, v[0]); })
          .Case([&](graph::LogOp) { return emitLog(k, v[0]); })
          .Case([&](graph::Log1pOp) { return emitLog1p(k, v[0]); })
          .Case([&](graph::SqrtOp) { return emitSqrt(k, v[0]); })
          .Case([&](graph::TanhOp) { return emitTanh(k, v[0]); })
          .Case([&](graph::SigmoidOp) { return emitSigmoid(k, v[0]); })
          .Case([&](graph::ReluOp) {
            Value zero = k.zero(v[0].getType());
            Value below = isFloat ? k.fcmp(FPred::olt, v[0], zero)
                                  : k.icmp(IPred::slt, v[0], zero);
            return k.select(below, zero, v[0]); // NaN stays
          })
          .Case([&](graph::ErfOp) { return emitErf(k, v[0]); })
          .Case([&](graph::SinOp) { return emitSin(k, v[0]); })
          .Case([&](graph::CosOp) { return emitCos(k, v[0]); })
          .Case([&](graph::FloorOp) { return k.ffloor(v[0]); })
          .Case([&](graph::RoundOp) { return k.froundeven(v[0]); })
          .Case([&](graph::CompareOp compareOp) {
            return compare(k, compareOp.getPredicate(), v[0], v[1], element);
          })
          .Case([&](graph::AndOp) { return k.andi(v[0], v[1]); })
          .Case([&](graph::OrOp) { return k.ori(v[0], v[1]); })
          .Case([&](graph::NotOp) { return k.noti(v[0]); })
          .Case([&](graph::SelectOp) { return k.select(v[0], v[1], v[2]); })
          .Case(
              [&](graph::CastOp) { return emitCast(k, v[0], element, result); })
          .Default([](Operation *) { return Value(); });
  if (value && isNarrowFloat(result) &&
      !isa<graph::CastOp, graph::SelectOp>(op))
    value = roundTo(k, value, result);
  return value;
}

//===----------------------------------------------------------------------===//
// Reduction steps
//===----------------------------------------------------------------------===//

Value emitCombine(KernelBuilder &k, graph::ReductionKind kind, Value x, Value y,
                  Type element) {
  if (kind != graph::ReductionKind::sum)
    return extremum(k, x, y, element, kind == graph::ReductionKind::max);
  return isa<FloatType>(element) ? k.fadd(x, y, kContract) : k.add(x, y);
}

Value emitNeutral(KernelBuilder &k, graph::ReductionKind kind, Type held,
                  Type element) {
  if (kind == graph::ReductionKind::sum)
    return k.zero(held);
  bool largest = kind == graph::ReductionKind::max;
  if (isa<FloatType>(element))
    return k.cf(held, largest ? -kInfinity : kInfinity);
  unsigned bits = element.getIntOrFloatBitWidth();
  if (isUnsigned(element))
    return k.ci(held, largest ? 0 : -1);
  int64_t smallest = std::numeric_limits<int64_t>::min() >> (64 - bits);
  return k.ci(held, largest ? smallest : ~smallest);
}

Value emitCombineLanes(KernelBuilder &k, graph::ReductionKind kind, Value x,
                       Type element) {
  for (unsigned width = KernelBuilder::lanesOf(x.getType()); width > 1;
       width /= 2) {
    SmallVector<int32_t> low, high;
    for (unsigned lane = 0; lane < width / 2; ++lane) {
      low.push_back(lane);
      high.push_back(lane + width / 2);
    }
    if (width == 2)
      return emitCombine(k, kind, k.extract(x, 0), k.extract(x, 1), element);
    x = emitCombine(k, kind, k.shuffle(x, x, low), k.shuffle(x, x, high),
                    element);
  }
  return x;
}

} // namespace mlc::cpu
