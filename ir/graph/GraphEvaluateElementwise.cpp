//===- GraphEvaluateElementwise.cpp - The meaning of elementwise ops ------===//
//
// Each scalar result is computed in double and rounded once to its type. For
// + - * / and sqrt in f32 that is the correctly rounded result, since double
// has more than twice the digits.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphOps.h"
#include "ir/graph/Literal.h"
#include <cmath>
#include <limits>

using namespace mlir;

namespace mlc::graph {

using Operands = ArrayRef<const Literal *>;
using Results = MutableArrayRef<Literal>;

/// Applies `onFloats` or `onInts` to each element of one operand.
template <typename OnFloats, typename OnInts>
static LogicalResult mapUnary(Operands operands, Results results,
                              EvalOptions options, OnFloats onFloats,
                              OnInts onInts) {
  const Literal &x = *operands[0];
  Literal &result = results[0];
  for (int64_t i = 0; i < result.size(); ++i)
    if (result.isFloat())
      result.floats[i] =
          roundFloat(result.getElementType(), onFloats(x.floats[i]), options);
    else
      result.ints[i] = wrapInteger(result.getElementType(), onInts(x.ints[i]));
  return success();
}

/// Applies a function to each element of one float operand.
template <typename OnFloats>
static LogicalResult mapUnary(Operands operands, Results results,
                              EvalOptions options, OnFloats onFloats) {
  return mapUnary(operands, results, options, onFloats,
                  [](int64_t x) { return x; });
}

template <typename OnFloats, typename OnInts>
static LogicalResult mapBinary(Operands operands, Results results,
                               EvalOptions options, OnFloats onFloats,
                               OnInts onInts) {
  const Literal &a = *operands[0], &b = *operands[1];
  Literal &result = results[0];
  for (int64_t i = 0; i < result.size(); ++i)
    if (result.isFloat())
      result.floats[i] = roundFloat(
          result.getElementType(), onFloats(a.floats[i], b.floats[i]), options);
    else
      result.ints[i] =
          wrapInteger(result.getElementType(), onInts(a.ints[i], b.ints[i]));
  return success();
}

/// Two's complement arithmetic on 64 bits.
template <typename Function>
static int64_t wrapping(int64_t a, int64_t b, Function function) {
  return static_cast<int64_t>(
      function(static_cast<uint64_t>(a), static_cast<uint64_t>(b)));
}

static int64_t negate(int64_t x) {
  return wrapping(0, x, [](uint64_t a, uint64_t b) { return a - b; });
}

//===----------------------------------------------------------------------===//
// Two operands
//===----------------------------------------------------------------------===//

LogicalResult AddOp::evaluate(Operands operands, Results results,
                              EvalOptions options) {
  return mapBinary(
      operands, results, options, [](double a, double b) { return a + b; },
      [](int64_t a, int64_t b) { return wrapping(a, b, std::plus<>()); });
}

LogicalResult SubOp::evaluate(Operands operands, Results results,
                              EvalOptions options) {
  return mapBinary(
      operands, results, options, [](double a, double b) { return a - b; },
      [](int64_t a, int64_t b) { return wrapping(a, b, std::minus<>()); });
}

LogicalResult MulOp::evaluate(Operands operands, Results results,
                              EvalOptions options) {
  return mapBinary(
      operands, results, options, [](double a, double b) { return a * b; },
      [](int64_t a, int64_t b) { return wrapping(a, b, std::multiplies<>()); });
}

/// Integers do not come here.
static int64_t noInteger(int64_t, int64_t) { return 0; }
static double noFloat(double, double) { return 0; }

LogicalResult DivOp::evaluate(Operands operands, Results results,
                              EvalOptions options) {
  return mapBinary(
      operands, results, options, [](double a, double b) { return a / b; },
      noInteger);
}

LogicalResult PowOp::evaluate(Operands operands, Results results,
                              EvalOptions options) {
  return mapBinary(
      operands, results, options,
      [](double a, double b) { return std::pow(a, b); }, noInteger);
}

LogicalResult MaximumOp::evaluate(Operands operands, Results results,
                                  EvalOptions options) {
  return mapBinary(
      operands, results, options,
      [](double a, double b) {
        return std::isnan(a) || std::isnan(b) ? std::nan("") : std::max(a, b);
      },
      [](int64_t a, int64_t b) { return std::max(a, b); });
}

LogicalResult MinimumOp::evaluate(Operands operands, Results results,
                                  EvalOptions options) {
  return mapBinary(
      operands, results, options,
      [](double a, double b) {
        return std::isnan(a) || std::isnan(b) ? std::nan("") : std::min(a, b);
      },
      [](int64_t a, int64_t b) { return std::min(a, b); });
}

static int64_t floorDivide(int64_t a, int64_t b) {
  if (b == 0)
    return 0;
  if (b == -1)
    return negate(a);
  int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

LogicalResult IDivOp::evaluate(Operands operands, Results results,
                               EvalOptions options) {
  return mapBinary(operands, results, options, noFloat, floorDivide);
}

LogicalResult ModOp::evaluate(Operands operands, Results results,
                              EvalOptions options) {
  return mapBinary(
      operands, results, options,
      [](double a, double b) {
        double rest = std::fmod(a, b);
        return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
      },
      [](int64_t a, int64_t b) -> int64_t {
        if (b == 0 || b == -1)
          return 0;
        int64_t rest = a % b;
        return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
      });
}

LogicalResult AndOp::evaluate(Operands operands, Results results,
                              EvalOptions options) {
  return mapBinary(operands, results, options, noFloat,
                   [](int64_t a, int64_t b) { return a & b; });
}

LogicalResult OrOp::evaluate(Operands operands, Results results,
                             EvalOptions options) {
  return mapBinary(operands, results, options, noFloat,
                   [](int64_t a, int64_t b) { return a | b; });
}

//===----------------------------------------------------------------------===//
// One operand
//===----------------------------------------------------------------------===//

LogicalResult NegOp::evaluate(Operands operands, Results results,
                              EvalOptions options) {
  return mapUnary(
      operands, results, options, [](double x) { return -x; }, negate);
}

LogicalResult AbsOp::evaluate(Operands operands, Results results,
                              EvalOptions options) {
  return mapUnary(
      operands, results, options, [](double x) { return std::fabs(x); },
      [](int64_t x) { return x < 0 ? negate(x) : x; });
}

LogicalResult SignOp::evaluate(Operands operands, Results results,
                               EvalOptions options) {
  return mapUnary(
      operands, results, options,
      [](double x) {
        return std::isnan(x) ? x : static_cast<double>((x > 0) - (x < 0));
      },
      [](int64_t x) { return static_cast<int64_t>((x > 0) - (x < 0)); });
}

LogicalResult ReluOp::evaluate(Operands operands, Results results,
                               EvalOptions options) {
  return mapUnary(
      operands, results, options,
      [](double x) { return x <= 0 ? 0.0 : x; }, // NaN stays
      [](int64_t x) { return std::max<int64_t>(x, 0); });
}

LogicalResult ExpOp::evaluate(Operands operands, Results results,
                              EvalOptions options) {
  return mapUnary(operands, results, options,
                  [](double x) { return std::exp(x); });
}

LogicalResult Expm1Op::evaluate(Operands operands, Results results,
                                EvalOptions options) {
  return mapUnary(operands, results, options,
                  [](double x) { return std::expm1(x); });
}

LogicalResult LogOp::evaluate(Operands operands, Results results,
                              EvalOptions options) {
  return mapUnary(operands, results, options,
                  [](double x) { return std::log(x); });
}

LogicalResult Log1pOp::evaluate(Operands operands, Results results,
                                EvalOptions options) {
  return mapUnary(operands, results, options,
                  [](double x) { return std::log1p(x); });
}

LogicalResult SqrtOp::evaluate(Operands operands, Results results,
                               EvalOptions options) {
  return mapUnary(operands, results, options,
                  [](double x) { return std::sqrt(x); });
}

LogicalResult TanhOp::evaluate(Operands operands, Results results,
                               EvalOptions options) {
  return mapUnary(operands, results, options,
                  [](double x) { return std::tanh(x); });
}

LogicalResult SigmoidOp::evaluate(Operands operands, Results results,
                                  EvalOptions options) {
  return mapUnary(operands, results, options,
                  [](double x) { return 1 / (1 + std::exp(-x)); });
}

LogicalResult ErfOp::evaluate(Operands operands, Results results,
                              EvalOptions options) {
  return mapUnary(operands, results, options,
                  [](double x) { return std::erf(x); });
}

LogicalResult SinOp::evaluate(Operands operands, Results results,
                              EvalOptions options) {
  return mapUnary(operands, results, options,
                  [](double x) { return std::sin(x); });
}

LogicalResult CosOp::evaluate(Operands operands, Results results,
                              EvalOptions options) {
  return mapUnary(operands, results, options,
                  [](double x) { return std::cos(x); });
}

LogicalResult FloorOp::evaluate(Operands operands, Results results,
                                EvalOptions options) {
  return mapUnary(operands, results, options,
                  [](double x) { return std::floor(x); });
}

LogicalResult RoundOp::evaluate(Operands operands, Results results,
                                EvalOptions options) {
  return mapUnary(operands, results, options,
                  [](double x) { return std::nearbyint(x); });
}

//===----------------------------------------------------------------------===//
// Comparison, choice, conversion
//===----------------------------------------------------------------------===//

template <typename T>
static bool compare(ComparePredicate predicate, T a, T b) {
  switch (predicate) {
  case ComparePredicate::eq:
    return a == b;
  case ComparePredicate::ne:
    return a != b;
  case ComparePredicate::lt:
    return a < b;
  case ComparePredicate::le:
    return a <= b;
  case ComparePredicate::gt:
    return a > b;
  case ComparePredicate::ge:
    return a >= b;
  }
  llvm_unreachable("covered above");
}

LogicalResult CompareOp::evaluate(Operands operands, Results results,
                                  EvalOptions) {
  const Literal &a = *operands[0], &b = *operands[1];
  for (int64_t i = 0; i < a.size(); ++i)
    results[0].ints[i] = a.isFloat()
                             ? compare(getPredicate(), a.floats[i], b.floats[i])
                             : compare(getPredicate(), a.ints[i], b.ints[i]);
  return success();
}

LogicalResult NotOp::evaluate(Operands operands, Results results,
                              EvalOptions options) {
  return mapUnary(
      operands, results, options, [](double x) { return x; },
      [](int64_t x) { return static_cast<int64_t>(x == 0); });
}

LogicalResult SelectOp::evaluate(Operands operands, Results results,
                                 EvalOptions) {
  for (int64_t i = 0; i < results[0].size(); ++i)
    results[0].copyElement(
        i, operands[0]->ints[i] ? *operands[1] : *operands[2], i);
  return success();
}

/// The nearest number of the float type, rounded once.
static double integerToFloat(FloatType type, int64_t value,
                             EvalOptions options) {
  if (options.f64)
    return static_cast<double>(value);
  APFloat number(type.getFloatSemantics());
  number.convertFromAPInt(APInt(64, static_cast<uint64_t>(value), true), true,
                          APFloat::rmNearestTiesToEven);
  bool lossy = false;
  number.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
  return number.convertToDouble();
}

LogicalResult CastOp::evaluate(Operands operands, Results results,
                               EvalOptions options) {
  const Literal &x = *operands[0];
  Literal &result = results[0];
  Type element = result.getElementType();
  for (int64_t i = 0; i < result.size(); ++i) {
    if (x.isFloat() && result.isFloat())
      result.floats[i] = roundFloat(element, x.floats[i], options);
    else if (x.isFloat())
      result.ints[i] = floatToInteger(cast<IntegerType>(element), x.floats[i]);
    else if (result.isFloat())
      result.floats[i] =
          integerToFloat(cast<FloatType>(element), x.ints[i], options);
    else
      result.ints[i] = element.isInteger(1) ? x.ints[i] != 0
                                            : wrapInteger(element, x.ints[i]);
  }
  return success();
}

} // namespace mlc::graph
