//===- ParseOperators.cpp - Expressions of operators ----------------------===//
//
// Precedence climbing over the levels of Precedence.h; what the operators
// stand between is in ParseExprs.cpp.
//
//===----------------------------------------------------------------------===//
#include "frontend/ParserImpl.h"
#include "frontend/Precedence.h"

namespace mlc::frontend {

using namespace ast;

namespace {

/// The operator of a token; nothing for `..` and what is no operator.
std::optional<BinaryOp> binaryOp(TokenKind kind) {
  switch (kind) {
  case TokenKind::kEqual:
    return BinaryOp::Eq;
  case TokenKind::kNotEqual:
    return BinaryOp::Ne;
  case TokenKind::kLess:
    return BinaryOp::Lt;
  case TokenKind::kLessEqual:
    return BinaryOp::Le;
  case TokenKind::kGreater:
    return BinaryOp::Gt;
  case TokenKind::kGreaterEqual:
    return BinaryOp::Ge;
  case TokenKind::kPlus:
    return BinaryOp::Add;
  case TokenKind::kMinus:
    return BinaryOp::Sub;
  case TokenKind::kStar:
    return BinaryOp::Mul;
  case TokenKind::kSlash:
    return BinaryOp::Div;
  case TokenKind::kPercent:
    return BinaryOp::Mod;
  case TokenKind::kAt:
    return BinaryOp::MatMul;
  case TokenKind::kCaret:
    return BinaryOp::Pow;
  default:
    return std::nullopt;
  }
}

} // namespace

ExprPtr Parser::parseWholeExpression() {
  Inside inside(brackets, 1); // line ends mean nothing
  ExprPtr expr = parseExpr();
  if (expr && !at(TokenKind::kEnd)) {
    expected("the end of the expression");
    return nullptr;
  }
  return expr;
}

ExprPtr Parser::parseExpr() {
  Nest nest(*this);
  if (!nest)
    return nullptr;
  ExprPtr value = parseBinary(kOrLevel);
  while (value && at(TokenKind::kPipe))
    value = parsePipe(std::move(value));
  return value;
}

ExprPtr Parser::parsePipe(ExprPtr value) {
  Token arrow = take();
  Span begin = value->span;
  auto call = std::make_unique<CallExpr>();
  if (!at(TokenKind::kIdentifier) || lineEnded() || reservedName(current())) {
    expected("a layer or a function after `|>`", Code::PipeTarget)
        .help("`x |> f(a)` is `f(x, a)`, and `x |> f` is `f(x)`");
    return nullptr;
  }
  Token callee = take();
  call->callee = {std::string(text(callee)), callee.span};
  call->piped = true;
  Argument first;
  first.span = begin;
  first.value = std::move(value);
  call->arguments.push_back(std::move(first));
  if (at(TokenKind::kLeftParen) && !lineEnded()) {
    call->parentheses = true;
    if (!parseArguments(call->arguments))
      return nullptr;
  }
  if (atWord("as") && !lineEnded() && !parseInstance(*call))
    return nullptr;
  std::optional<BinaryOp> op = binaryOp(current().kind);
  if (op || at(TokenKind::kDotDot) || atWord("and") || atWord("or") ||
      (!lineEnded() && (at(TokenKind::kDot) || at(TokenKind::kLeftBracket) ||
                        at(TokenKind::kLeftParen)))) {
    diagnostics
        .error(Code::PipeTarget, current().span,
               describe(current()) + " can't follow the call after `|>`, which "
                                     "binds loosest of all")
        .note(arrow.span, "the `|>` is here")
        .help("put the pipe in parentheses: `(x |> f) " +
              std::string(text(current())) + " ...`");
    return nullptr;
  }
  return finish(std::move(call), begin);
}

ExprPtr Parser::makeBinary(const Token &op, ExprPtr lhs, ExprPtr rhs) {
  Span begin = lhs->span;
  if (op.kind == TokenKind::kDotDot) {
    auto range = std::make_unique<RangeExpr>();
    range->first = std::move(lhs);
    range->last = std::move(rhs);
    return finish(std::move(range), begin);
  }
  auto binary = std::make_unique<BinaryExpr>();
  if (op.kind == TokenKind::kIdentifier)
    binary->op = text(op) == "or" ? BinaryOp::Or : BinaryOp::And;
  else if (std::optional<BinaryOp> symbol = binaryOp(op.kind))
    binary->op = *symbol;
  binary->opSpan = op.span;
  binary->lhs = std::move(lhs);
  binary->rhs = std::move(rhs);
  return finish(std::move(binary), begin);
}

ExprPtr Parser::parseBinary(int loosest) {
  auto levelHere = [&]() -> int {
    if (atWord("or"))
      return kOrLevel;
    if (atWord("and"))
      return kAndLevel;
    if (at(TokenKind::kDotDot))
      return kRangeLevel;
    std::optional<BinaryOp> op = binaryOp(current().kind);
    return op && *op != BinaryOp::Pow ? levelOf(*op) : kPipeLevel;
  };
  ExprPtr lhs;
  if (loosest <= kNotLevel && atWord("not") && !lineEnded()) {
    Nest nest(*this);
    if (!nest)
      return nullptr;
    Span begin = take().span;
    auto unary = std::make_unique<UnaryExpr>();
    unary->op = UnaryOp::Not;
    if (!(unary->operand = parseBinary(kNotLevel)))
      return nullptr;
    lhs = finish(std::move(unary), begin);
  } else {
    lhs = parseUnary();
  }
  while (lhs) {
    int level = levelHere();
    if (level < loosest)
      return lhs;
    Token op = take();
    ExprPtr rhs = parseBinary(level + 1);
    if (!rhs)
      return nullptr;
    lhs = makeBinary(op, std::move(lhs), std::move(rhs));
    if (level != levelHere() ||
        (level != kCompareLevel && level != kRangeLevel))
      continue;
    auto error = diagnostics.error(Code::ChainedComparison, current().span,
                                   level == kRangeLevel
                                       ? "a range has two ends"
                                       : "comparisons can't be chained");
    if (lhs)
      error.note(op.span, "the first operator is here");
    if (level == kCompareLevel)
      error.help("write `a < b and b < c`");
    return nullptr;
  }
  return nullptr;
}

ExprPtr Parser::parseUnary() {
  if (at(TokenKind::kMinus) && !lineEnded()) {
    Nest nest(*this);
    if (!nest)
      return nullptr;
    Span begin = take().span;
    auto unary = std::make_unique<UnaryExpr>();
    unary->op = UnaryOp::Neg;
    if (!(unary->operand = parseUnary()))
      return nullptr;
    return finish(std::move(unary), begin);
  }
  ExprPtr base = parsePostfix();
  if (!base || !at(TokenKind::kCaret))
    return base;
  Nest nest(*this);
  if (!nest)
    return nullptr;
  Token op = take();
  ExprPtr exponent = parseUnary();
  return exponent ? makeBinary(op, std::move(base), std::move(exponent))
                  : nullptr;
}

} // namespace mlc::frontend
