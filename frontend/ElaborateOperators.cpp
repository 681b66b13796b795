//===- ElaborateOperators.cpp - Arithmetic, comparison, matrix product ----===//

#include "frontend/Elaborator.h"

#include <algorithm>
#include <cmath>

namespace mlc::frontend {

using ast::BinaryOp;

namespace {
bool isComparison(BinaryOp op) {
  return op >= BinaryOp::Eq && op <= BinaryOp::Ge;
}
std::string predicateOf(BinaryOp op) {
  static const char *const kNames[] = {"eq", "ne", "lt", "le", "gt", "ge"};
  return kNames[static_cast<int>(op) - static_cast<int>(BinaryOp::Eq)];
}
template <class T> bool compareNumbers(BinaryOp op, T x, T y) {
  switch (op) {
  case BinaryOp::Eq:
    return x == y;
  case BinaryOp::Ne:
    return x != y;
  case BinaryOp::Lt:
    return x < y;
  case BinaryOp::Le:
    return x <= y;
  case BinaryOp::Gt:
    return x > y;
  default:
    return x >= y;
  }
}
std::string_view opOf(BinaryOp op) {
  switch (op) {
  case BinaryOp::Add:
    return "add";
  case BinaryOp::Sub:
    return "sub";
  case BinaryOp::Mul:
    return "mul";
  case BinaryOp::Div:
    return "div";
  case BinaryOp::Mod:
    return "mod";
  case BinaryOp::And:
    return "and";
  case BinaryOp::Or:
    return "or";
  default:
    return "pow";
  }
}
} // namespace

Value Elaborator::evalUnary(const ast::UnaryExpr &expr, Body &body) {
  Value value = eval(*expr.operand, body);
  build.span = expr.span;
  if (!isOperand(value, expr.operand->span))
    return {};
  if (expr.op == ast::UnaryOp::Not) {
    if (value.is(Value::Kind::Bool))
      return Value::of(!value.truth);
    if (value.is(Value::Kind::Tensor) && value.node->type.dtype == DType::Bool)
      return Value::tensor(build.unary("not", value.node));
    context
        .error(Code::WrongElementType, expr.operand->span,
               "`not` needs a bool, found " + value.describe())
        .help("compare first: `x != 0`");
    return {};
  }
  if (value.is(Value::Kind::Int)) {
    int64_t negative = 0;
    if (!__builtin_sub_overflow(0, value.integer, &negative))
      return Value::of(negative);
    context.error(Code::CompileTimeArithmetic, expr.span,
                  "the negation overflows i64");
    return {};
  }
  if (value.is(Value::Kind::Float))
    return Value::of(-value.number);
  if (value.is(Value::Kind::Bool) || value.node->type.dtype == DType::Bool ||
      value.node->type.dtype == DType::U8) {
    context
        .error(Code::WrongElementType, expr.span,
               "`-` needs a number that can be negative, found " +
                   value.describe())
        .help("convert it first: `i32(x)` or `float(x)`");
    return {};
  }
  return Value::tensor(build.unary("neg", value.node));
}

Value Elaborator::foldBinary(BinaryOp op, const Value &a, const Value &b,
                             Span span) {
  if (op == BinaryOp::And || op == BinaryOp::Or) {
    if (!a.is(Value::Kind::Bool) || !b.is(Value::Kind::Bool)) {
      context.error(Code::WrongElementType, span,
                    std::string("`") + ast::spelling(op) +
                        "` needs two bools, "
                        "found " +
                        a.describe() + " and " + b.describe());
      return {};
    }
    return Value::of(op == BinaryOp::And ? a.truth && b.truth
                                         : a.truth || b.truth);
  }
  if (a.is(Value::Kind::Bool) || b.is(Value::Kind::Bool)) {
    if (a.kind == b.kind && (op == BinaryOp::Eq || op == BinaryOp::Ne))
      return Value::of((a.truth == b.truth) == (op == BinaryOp::Eq));
    context.error(Code::WrongElementType, span,
                  std::string("`") + ast::spelling(op) +
                      "` needs numbers, found " + a.describe() + " and " +
                      b.describe());
    return {};
  }
  if (a.is(Value::Kind::Int) && b.is(Value::Kind::Int))
    if (std::optional<Value> folded =
            foldIntegers(op, a.integer, b.integer, span))
      return *folded;
  double x = a.asDouble(), y = b.asDouble();
  auto bad = [&](const char *why) {
    context.error(Code::CompileTimeArithmetic, span, why);
    return Value();
  };
  if (isComparison(op))
    return Value::of(compareNumbers(op, x, y));
  switch (op) {
  case BinaryOp::Add:
    return Value::of(x + y);
  case BinaryOp::Sub:
    return Value::of(x - y);
  case BinaryOp::Mul:
    return Value::of(x * y);
  case BinaryOp::Div:
    return y == 0 ? bad("division by zero") : Value::of(x / y);
  case BinaryOp::Mod: {
    if (y == 0)
      return bad("division by zero");
    double rest = std::fmod(x, y); // exact, as in the op
    return Value::of(rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest);
  }
  case BinaryOp::Pow: {
    double r = std::pow(x, y);
    return std::isfinite(r) ? Value::of(r) : bad("the power is not finite");
  }
  default:
    context.error(Code::ExpectedTensor, span,
                  "`@` is the matrix product, and these are two numbers");
    return {};
  }
}

/// Nothing where the result is a float.
std::optional<Value> Elaborator::foldIntegers(BinaryOp op, int64_t i, int64_t j,
                                              Span span) {
  auto bad = [&](const char *why) {
    context.error(Code::CompileTimeArithmetic, span, why);
    return Value();
  };
  if (isComparison(op))
    return Value::of(compareNumbers(op, i, j));
  int64_t r = 0;
  switch (op) {
  case BinaryOp::Add:
    return __builtin_add_overflow(i, j, &r) ? bad("the sum overflows i64")
                                            : Value::of(r);
  case BinaryOp::Sub:
    return __builtin_sub_overflow(i, j, &r)
               ? bad("the difference overflows i64")
               : Value::of(r);
  case BinaryOp::Mul:
    return __builtin_mul_overflow(i, j, &r) ? bad("the product overflows i64")
                                            : Value::of(r);
  case BinaryOp::Mod:
    if (j == 0)
      return bad("division by zero");
    r = j == -1 ? 0 : i % j;
    return Value::of(r != 0 && (r < 0) != (j < 0) ? r + j : r);
  case BinaryOp::Pow: {
    if (j < 0)
      return std::nullopt;
    int64_t power = 1;
    for (int64_t k = 0; k < j && power != 0 && (power != 1 || k == 0); ++k)
      if (__builtin_mul_overflow(power, i, &power))
        return bad("the power overflows i64");
    if (i == -1)
      power = j % 2 ? -1 : 1;
    return Value::of(power);
  }
  default:
    return std::nullopt;
  }
}

std::optional<DType> Elaborator::literalType(DType other, const Value &literal,
                                             Span span, Span otherSpan) {
  if (literal.is(Value::Kind::Bool) || other == DType::Bool) {
    context
        .error(Code::WrongElementType, other == DType::Bool ? otherSpan : span,
               "arithmetic needs numbers, and this is a bool")
        .help("convert it first: `float(x)` or `i32(x)`");
    return std::nullopt;
  }
  if (literal.is(Value::Kind::Float))
    return isFloat(other) ? other : context.compute;
  if (isInteger(other)) {
    auto [low, high] = integerRange(other);
    if (literal.integer < low || literal.integer > high) {
      context
          .error(Code::LiteralOutOfRange, span,
                 std::to_string(literal.integer) + " is not a `" +
                     std::string(spell(other)) + "`")
          .note(otherSpan, "the other operand is one")
          .help("convert the other operand first: `i32(x)`");
      return std::nullopt;
    }
  }
  return other;
}

bool Elaborator::stretch(Node *&a, Node *&b, Span aSpan, Span bSpan,
                         Span span) {
  std::optional<Shape> shape = broadcastShapes(a->type.shape, b->type.shape);
  if (!shape) {
    context
        .error(Code::ShapeMismatch, span,
               "shapes `" + spell(a->type.shape) + "` and `" +
                   spell(b->type.shape) + "` don't fit together")
        .note(aSpan, "this is a `" + spell(a->type) + "`")
        .note(bSpan, "this is a `" + spell(b->type) + "`")
        .help("shapes are aligned at the right; dimensions are equal or 1");
    return false;
  }
  if (std::count(shape->begin(), shape->end(), Dim::batch()) > 1) {
    context
        .error(Code::BatchMixed, span,
               "shapes `" + spell(a->type.shape) + "` and `" +
                   spell(b->type.shape) +
                   "` would pair every example with every other")
        .note(aSpan, "this is a `" + spell(a->type) + "`")
        .note(bSpan, "this is a `" + spell(b->type) + "`");
    return false;
  }
  a = build.broadcast(a, *shape);
  b = build.broadcast(b, *shape);
  return true;
}

bool Elaborator::unite(Value &a, Value &b, Span aSpan, Span bSpan, Span span,
                       bool divides, bool boolsToo, Node *&x, Node *&y) {
  std::optional<DType> dtype;
  bool aIs = a.is(Value::Kind::Tensor), bIs = b.is(Value::Kind::Tensor);
  if (aIs && bIs) {
    DType s = a.node->type.dtype, t = b.node->type.dtype;
    dtype = boolsToo && s == t ? s : promote(s, t);
    if (!dtype && (s == DType::Bool || t == DType::Bool)) {
      context
          .error(Code::WrongElementType, s == DType::Bool ? aSpan : bSpan,
                 "a number is needed here, and this is a bool")
          .help("convert it first: `float(x)` or `i32(x)`");
      return false;
    }
    if (!dtype) {
      context
          .error(Code::ElementTypeMismatch, span,
                 "`" + std::string(spell(s)) + "` and `" +
                     std::string(spell(t)) + "` don't mix")
          .note(aSpan, "this is a `" + spell(a.node->type) + "`")
          .note(bSpan, "this is a `" + spell(b.node->type) + "`")
          .help("convert one of them: `" + std::string(spell(s)) + "(...)`");
      return false;
    }
  } else if (boolsToo && (a.is(Value::Kind::Bool) || b.is(Value::Kind::Bool)) &&
             (aIs ? a.node : b.node)->type.dtype == DType::Bool) {
    dtype = DType::Bool;
  } else {
    dtype = aIs ? literalType(a.node->type.dtype, b, bSpan, aSpan)
                : literalType(b.node->type.dtype, a, aSpan, bSpan);
  }
  if (!dtype)
    return false;
  if (divides && !isFloat(*dtype))
    dtype = context.compute;
  x = toTensor(a, *dtype);
  y = toTensor(b, *dtype);
  return stretch(x, y, aSpan, bSpan, span);
}

/// By squaring: exact for integers, and for small powers as good as any.
static Node *wholePower(GraphBuilder &build, Node *base, int64_t exponent) {
  if (exponent == 0)
    return build.constant(base->type.dtype, base->type.shape, int64_t{1});
  Node *square = base, *result = nullptr;
  for (int64_t n = exponent; n; n >>= 1) {
    if (n & 1)
      result = result ? build.binary("mul", result, square) : square;
    if (n > 1)
      square = build.binary("mul", square, square);
  }
  return result;
}

Value Elaborator::power(Value base, Value exponent, Span span, Span baseSpan,
                        Span exponentSpan) {
  // What the exponent is, decides: unite would make it of the base's type.
  DType dtype = base.node->type.dtype;
  double number = exponent.isNumber() ? exponent.asDouble() : -1;
  bool whole = exponent.is(Value::Kind::Int) && exponent.integer >= 0;
  if (isInteger(dtype) && whole)
    return finish(wholePower(build, base.node, exponent.integer), span);
  if (isFloat(dtype) && number >= 1 && number <= 8 &&
      number == std::floor(number))
    return finish(wholePower(build, base.node, static_cast<int64_t>(number)),
                  span);
  if (exponent.is(Value::Kind::Float) && isInteger(dtype))
    return power(Value::tensor(build.cast(base.node, context.compute)),
                 exponent, span, baseSpan, exponentSpan);
  if (isFloat(dtype) && number == 0.5)
    return finish(build.unary("sqrt", base.node), span);
  Node *x = nullptr, *y = nullptr;
  if (!unite(base, exponent, baseSpan, exponentSpan, span, false, false, x, y))
    return {};
  if (isFloat(x->type.dtype))
    return finish(build.binary("pow", x, y), span);
  context
      .error(Code::WrongElementType, span,
             "a power of integers has a whole exponent, known at compile time "
             "and at least 0")
      .note(baseSpan, "the base is " + base.describe())
      .note(exponentSpan, "the exponent is " + exponent.describe())
      .help("convert one of them first: `float(x)`");
  return {};
}

Value Elaborator::evalBinary(const ast::BinaryExpr &expr, Body &body) {
  Value a = eval(*expr.lhs, body), b = eval(*expr.rhs, body);
  build.span = expr.span;
  Span aSpan = expr.lhs->span, bSpan = expr.rhs->span;
  if (a.isPoison() || b.isPoison())
    return {};
  if (!isOperand(a, aSpan) || !isOperand(b, bSpan))
    return {};
  bool aIs = a.is(Value::Kind::Tensor), bIs = b.is(Value::Kind::Tensor);
  if (!aIs && !bIs)
    return foldBinary(expr.op, a, b, expr.span);
  if (expr.op == BinaryOp::MatMul) {
    Node *x = requireTensor(a, aSpan, "`@`");
    Node *y = x ? requireTensor(b, bSpan, "`@`") : nullptr;
    if (!y || x->type.rank() == 0 || y->type.rank() == 0 ||
        !promote(x->type.dtype, y->type.dtype)) {
      Node *p = nullptr, *q = nullptr;
      if (y && (x->type.rank() == 0 || y->type.rank() == 0))
        context
            .error(Code::RankMismatch, expr.span,
                   "`@` needs a vector or matrix on both sides")
            .note(x->type.rank() ? bSpan : aSpan, "this is a scalar");
      else if (y)
        unite(a, b, aSpan, bSpan, expr.opSpan, false, false, p, q);
      return {};
    }
    return matmul(x, y, expr.opSpan);
  }
  if (expr.op == BinaryOp::Pow && aIs)
    return power(a, b, expr.span, aSpan, bSpan);
  Node *x = nullptr, *y = nullptr;
  bool logic = expr.op == BinaryOp::And || expr.op == BinaryOp::Or;
  if (logic) {
    for (const auto &[value, span] : {std::pair(a, aSpan), std::pair(b, bSpan)})
      if (!value.is(Value::Kind::Bool) &&
          !(value.is(Value::Kind::Tensor) &&
            value.node->type.dtype == DType::Bool)) {
        context
            .error(Code::WrongElementType, span,
                   std::string("`") + ast::spelling(expr.op) +
                       "` needs a bool, found " + value.describe())
            .help("compare first: `x != 0`");
        return {};
      }
  }
  bool equality = expr.op == BinaryOp::Eq || expr.op == BinaryOp::Ne;
  bool floats = expr.op == BinaryOp::Div || expr.op == BinaryOp::Pow;
  if (!unite(a, b, aSpan, bSpan, expr.opSpan, floats, logic || equality, x, y))
    return {};
  if (isComparison(expr.op))
    return finish(build.compare(predicateOf(expr.op), x, y), expr.span);
  return finish(build.binary(opOf(expr.op), x, y), expr.span);
}

Value Elaborator::matmul(Node *a, Node *b, Span span) {
  DType dtype = *promote(a->type.dtype, b->type.dtype);
  int64_t aContract = a->type.rank() - 1;
  int64_t bContract = b->type.rank() == 1 ? 0 : b->type.rank() - 2;
  if (a->type.shape[aContract] != b->type.shape[bContract]) {
    context
        .error(Code::MatMulMismatch, span,
               "inner dimensions of `@` differ: " +
                   spell(a->type.shape[aContract]) + " and " +
                   spell(b->type.shape[bContract]))
        .note(a->span, "the left side is a `" + spell(a->type) + "`")
        .note(b->span, "the right side is a `" + spell(b->type) + "`")
        .help("`[m, k] @ [k, n]` gives `[m, n]`; `transpose(w)` swaps two");
    return {};
  }
  auto product = [&](const std::vector<int64_t> &batch) {
    Node *dot = build.dot(build.cast(a, dtype), build.cast(b, dtype), batch,
                          batch, {a->type.rank() - 1}, {bContract});
    const Shape &shape = dot->type.shape;
    if (std::count(shape.begin(), shape.end(), Dim::batch()) <= 1)
      return finish(dot, span);
    context
        .error(Code::BatchMixed, span,
               "`@` would pair every example with every other")
        .note(a->span, "the left side is a `" + spell(a->type) + "`")
        .note(b->span, "the right side is a `" + spell(b->type) + "`");
    return Value();
  };
  if (b->type.rank() <= 2)
    return product({});
  // NumPy: leading dimensions are broadcast against each other.
  Shape aLead(a->type.shape.begin(),
              a->type.shape.end() - std::min<int64_t>(2, a->type.rank()));
  Shape bLead(b->type.shape.begin(), b->type.shape.end() - 2);
  std::optional<Shape> lead = broadcastShapes(aLead, bLead);
  if (!lead) {
    context
        .error(Code::ShapeMismatch, span,
               "leading dimensions `" + spell(aLead) + "` and `" +
                   spell(bLead) + "` of `@` don't fit together")
        .note(a->span, "the left side is a `" + spell(a->type) + "`")
        .note(b->span, "the right side is a `" + spell(b->type) + "`");
    return {};
  }
  auto extend = [&](Node *x, int64_t inner) {
    Shape shape = *lead;
    shape.insert(shape.end(), x->type.shape.end() - inner, x->type.shape.end());
    return build.broadcast(x, shape);
  };
  a = extend(a, std::min<int64_t>(2, a->type.rank()));
  b = extend(b, 2);
  bContract = b->type.rank() - 2;
  std::vector<int64_t> batch;
  for (size_t i = 0; i < lead->size(); ++i)
    batch.push_back(static_cast<int64_t>(i));
  return product(batch);
}

} // namespace mlc::frontend
