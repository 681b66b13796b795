//===- ParseExprs.cpp - Expressions ---------------------------------------===//
//
// Precedence climbing, loosest first: `|>`, `or`, `and`, `not`, `..`,
// comparisons, `+ -`, `* / % @`, unary `-`, `^` (right).
//
//===----------------------------------------------------------------------===//
#include "frontend/ParserImpl.h"

#include <charconv>

namespace mlc::frontend {

using namespace ast;

namespace {

enum Level : int {
  kOrLevel = 1,
  kAndLevel,
  kNotLevel,
  kRangeLevel,
  kCompareLevel,
  kAddLevel,
  kMulLevel,
  kTightest,
};

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

int levelOf(BinaryOp op) {
  switch (op) {
  case BinaryOp::Or:
    return kOrLevel;
  case BinaryOp::And:
    return kAndLevel;
  case BinaryOp::Add:
  case BinaryOp::Sub:
    return kAddLevel;
  case BinaryOp::Mul:
  case BinaryOp::Div:
  case BinaryOp::Mod:
  case BinaryOp::MatMul:
    return kMulLevel;
  case BinaryOp::Pow:
    return kTightest;
  default:
    return kCompareLevel;
  }
}

} // namespace

template <class E> ExprPtr Parser::finish(std::unique_ptr<E> expr, Span begin) {
  expr->span = from(begin);
  expr->depth = depthOf(static_cast<const Expr &>(*expr)) + 1;
  if (expr->depth > kMaxDepth && tooDeep(expr->span))
    return nullptr;
  return expr;
}

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

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

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
  else
    binary->op = *binaryOp(op.kind);
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
    return op && *op != BinaryOp::Pow ? levelOf(*op) : 0;
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
    if (level < loosest || level == 0)
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

//===----------------------------------------------------------------------===//
// Calls, indices, members
//===----------------------------------------------------------------------===//

ExprPtr Parser::parsePostfix() {
  ExprPtr expr = parsePrimary();
  while (expr && !lineEnded()) {
    Span begin = expr->span;
    if (at(TokenKind::kLeftParen)) {
      expr = parseCall(std::move(expr));
    } else if (at(TokenKind::kLeftBracket)) {
      expr = parseIndex(std::move(expr));
    } else if (accept(TokenKind::kDot)) {
      auto member = std::make_unique<MemberExpr>();
      std::optional<Name> name = parseName("a name after `.`");
      if (!name)
        return nullptr;
      member->base = std::move(expr);
      member->member = std::move(*name);
      expr = finish(std::move(member), begin);
    } else if (atWord("as")) {
      auto *call = llvm::dyn_cast<CallExpr>(expr.get());
      if (!call || call->instance) {
        diagnostics
            .error(Code::AsNeedsCall, current().span,
                   call ? "this call has a name already"
                        : "`as` names a call, and this is none")
            .help("write `f(x) as name` or `x |> f as name`");
        return nullptr;
      }
      if (!parseInstance(*call))
        return nullptr;
      call->span = from(begin);
    } else {
      break;
    }
  }
  return expr;
}

ExprPtr Parser::parseCall(ExprPtr callee) {
  auto *name = llvm::dyn_cast<NameExpr>(callee.get());
  if (!name) {
    diagnostics
        .error(Code::NotCallable, callee->span,
               "only a layer or a function can be called, by its name")
        .help(llvm::isa<MemberExpr>(callee.get())
                  ? "there are no methods: write `f(x)` or `x |> f`"
                  : "`*` multiplies");
    return nullptr;
  }
  auto call = std::make_unique<CallExpr>();
  call->callee = {std::move(name->name), name->span};
  call->parentheses = true;
  if (!parseArguments(call->arguments))
    return nullptr;
  return finish(std::move(call), callee->span);
}

bool Parser::parseArguments(std::vector<Argument> &arguments) {
  Token open = take();
  Inside inside(brackets, brackets + 1);
  while (!at(TokenKind::kRightParen) && !at(TokenKind::kEnd)) {
    if (!parseArgument(arguments))
      return false;
    if (!accept(TokenKind::kComma))
      break;
  }
  return close(TokenKind::kRightParen, open, "`,` or `)`") &&
         distinct(
             arguments,
             [](const Argument &a) { return a.name ? &*a.name : nullptr; },
             "the argument");
}

bool Parser::parseArgument(std::vector<Argument> &arguments) {
  Argument argument;
  Span begin = current().span;
  if (at(TokenKind::kIdentifier) && ahead().kind == TokenKind::kAssign) {
    argument.name = parseName("a name");
    if (!argument.name)
      return false;
    take();
  }
  if (!(argument.value = parseExpr()))
    return false;
  argument.span = from(begin);
  if (!argument.name && !arguments.empty() && arguments.back().name) {
    diagnostics
        .error(Code::PositionalAfterNamed, argument.span,
               "an argument without a name follows one with a name")
        .note(arguments.back().span, "this one has a name")
        .help("put it before, or give it its name");
    return false;
  }
  arguments.push_back(std::move(argument));
  return true;
}

bool Parser::parseInstance(CallExpr &call) {
  take();
  Instance instance;
  std::optional<Name> name = parseName("a name after `as`");
  if (!name)
    return false;
  instance.name = std::move(*name);
  Token open = current();
  if (!lineEnded() && accept(TokenKind::kLeftBracket)) {
    Inside inside(brackets, brackets + 1);
    do {
      ExprPtr index = parseExpr();
      if (!index)
        return false;
      instance.indices.push_back(std::move(index));
    } while (accept(TokenKind::kComma));
    if (!close(TokenKind::kRightBracket, open, "`,` or `]`"))
      return false;
  }
  instance.span = from(instance.name.span);
  call.instance = std::move(instance);
  return true;
}

ExprPtr Parser::parseIndex(ExprPtr base) {
  Span begin = base->span;
  Token open = take();
  auto index = std::make_unique<IndexExpr>();
  index->base = std::move(base);
  Inside inside(brackets, brackets + 1);
  if (at(TokenKind::kRightBracket)) {
    expected("an index", Code::ExpectedExpression);
    return nullptr;
  }
  do {
    if (at(TokenKind::kRightBracket))
      break; // after a last comma
    ExprPtr item = parseIndexItem();
    if (!item)
      return nullptr;
    index->items.push_back(std::move(item));
  } while (accept(TokenKind::kComma));
  if (!close(TokenKind::kRightBracket, open, "`,` or `]`"))
    return nullptr;
  return finish(std::move(index), begin);
}

ExprPtr Parser::parseIndexItem() {
  Span begin = current().span;
  if (accept(TokenKind::kEllipsis))
    return finish(std::make_unique<EllipsisExpr>(), begin);
  if (at(TokenKind::kStar)) {
    if (!inParallel) {
      diagnostics
          .error(Code::MisplacedWildcard, begin,
                 "`*` for all instances stands only in the `parallel` block")
          .help("`:` takes all of a dimension");
      return nullptr;
    }
    take();
    auto star = std::make_unique<WildcardExpr>();
    star->star = true;
    return finish(std::move(star), begin);
  }
  ExprPtr start;
  if (!at(TokenKind::kColon) && !(start = parseExpr()))
    return nullptr;
  if (!accept(TokenKind::kColon))
    return start;
  auto slice = std::make_unique<SliceExpr>();
  slice->start = std::move(start);
  auto atPart = [&] {
    return !at(TokenKind::kColon) && !at(TokenKind::kComma) &&
           !at(TokenKind::kRightBracket);
  };
  if (atPart() && !(slice->stop = parseExpr()))
    return nullptr;
  if (accept(TokenKind::kColon) && atPart() && !(slice->step = parseExpr()))
    return nullptr;
  return finish(std::move(slice), begin);
}

//===----------------------------------------------------------------------===//
// Primary expressions
//===----------------------------------------------------------------------===//

ExprPtr Parser::parsePrimary() {
  Span begin = current().span;
  if (!lineEnded())
    switch (current().kind) {
    case TokenKind::kInt: {
      auto literal = std::make_unique<IntExpr>();
      literal->text = text(take());
      std::from_chars(literal->text.data(),
                      literal->text.data() + literal->text.size(),
                      literal->value);
      return finish(std::move(literal), begin);
    }
    case TokenKind::kFloat: {
      auto literal = std::make_unique<FloatExpr>();
      literal->text = text(take());
      std::from_chars(literal->text.data(),
                      literal->text.data() + literal->text.size(),
                      literal->value);
      return finish(std::move(literal), begin);
    }
    case TokenKind::kString: {
      auto literal = std::make_unique<StringExpr>();
      literal->value = unescape(text(take()));
      return finish(std::move(literal), begin);
    }
    case TokenKind::kIdentifier:
      return parseWordExpr();
    case TokenKind::kLeftParen:
      return parseParenthesised();
    case TokenKind::kLeftBracket:
      return parseList();
    case TokenKind::kEllipsis:
      diagnostics
          .error(Code::MisplacedEllipsis, begin,
                 "`...` stands only in a type or an index")
          .help("a range is `a..b`, with two dots");
      return nullptr;
    default:
      break;
    }
  auto error = expected("an expression", Code::ExpectedExpression);
  if (lineEnded() && !at(TokenKind::kEnd))
    error.help("a statement ends with its line; begin the next line with the "
               "operator, or open a parenthesis");
  else if (at(TokenKind::kStar) || at(TokenKind::kPlus))
    error.help("an operator stands between two values");
  return nullptr;
}

ExprPtr Parser::parseWordExpr() {
  Span begin = current().span;
  if (atWord("true") || atWord("false")) {
    auto literal = std::make_unique<BoolExpr>();
    literal->value = text(take()) == "true";
    return finish(std::move(literal), begin);
  }
  if (acceptWord("None"))
    return finish(std::make_unique<NoneExpr>(), begin);
  if (atWord("_")) {
    if (inParallel) {
      take();
      return finish(std::make_unique<WildcardExpr>(), begin);
    }
    diagnostics
        .error(Code::MisplacedWildcard, begin,
               "`_` stands only in the axes of `shard`")
        .help("every value has a name");
    return nullptr;
  }
  if (atWord("and") || atWord("or") || atWord("not")) {
    auto error = expected("an expression", Code::ExpectedExpression);
    if (atWord("not"))
      error.help("put it in parentheses: `(not x)`");
    return nullptr;
  }
  if (atScan())
    return parseScan();
  const Token &next = ahead();
  if (atWord("if") && !next.startsLine && next.kind == TokenKind::kIdentifier) {
    expected("an expression", Code::ExpectedExpression)
        .help("`if` is a statement; `where(c, a, b)` chooses between values");
    return nullptr;
  }
  auto name = std::make_unique<NameExpr>();
  name->name = text(take());
  return finish(std::move(name), begin);
}

ExprPtr Parser::parseParenthesised() {
  Token open = take();
  auto tuple = std::make_unique<TupleExpr>();
  bool comma = false;
  {
    Inside inside(brackets, brackets + 1);
    while (!at(TokenKind::kRightParen) && !at(TokenKind::kEnd)) {
      if (!parseArgument(tuple->elements))
        return nullptr;
      comma = accept(TokenKind::kComma);
      if (!comma)
        break;
    }
    if (!close(TokenKind::kRightParen, open, "`,` or `)`") ||
        !distinct(
            tuple->elements,
            [](const Argument &a) { return a.name ? &*a.name : nullptr; },
            "the element"))
      return nullptr;
  }
  if (tuple->elements.size() != 1 || comma || tuple->elements[0].name)
    return finish(std::move(tuple), open.span);
  ExprPtr inner = std::move(tuple->elements[0].value);
  inner->span = from(open.span);
  return inner;
}

ExprPtr Parser::parseList() {
  Token open = take();
  auto items = std::make_unique<ListExpr>();
  Inside inside(brackets, brackets + 1);
  while (!at(TokenKind::kRightBracket) && !at(TokenKind::kEnd)) {
    ExprPtr item = parseExpr();
    if (!item)
      return nullptr;
    items->elements.push_back(std::move(item));
    if (!accept(TokenKind::kComma))
      break;
  }
  if (!close(TokenKind::kRightBracket, open, "`,` or `]`"))
    return nullptr;
  return finish(std::move(items), open.span);
}

/// At `scan x in` or `scan (a, b) in`.
bool Parser::atScan() const {
  if (!atWord("scan"))
    return false;
  size_t i = 1;
  if (ahead(i).kind == TokenKind::kIdentifier)
    return isWord(ahead(i + 1), "in");
  if (ahead(i).kind != TokenKind::kLeftParen)
    return false;
  ++i;
  while (ahead(i).kind == TokenKind::kIdentifier ||
         ahead(i).kind == TokenKind::kComma)
    ++i;
  return ahead(i).kind == TokenKind::kRightParen && isWord(ahead(i + 1), "in");
}

ExprPtr Parser::parseScan() {
  Span begin = take().span;
  auto scan = std::make_unique<ScanExpr>();
  if (!parseTargets(scan->tuple, scan->variables) || !expectWord("in") ||
      !(scan->source = parseExpr()))
    return nullptr;
  if (acceptWord("carry")) {
    Token open = current();
    if (!expect(TokenKind::kLeftParen, "`(`"))
      return nullptr;
    Inside inside(brackets, brackets + 1);
    while (!at(TokenKind::kRightParen) && !at(TokenKind::kEnd)) {
      Carry carry;
      std::optional<Name> name = parseName("the name of a carried value");
      if (!name)
        return nullptr;
      carry.name = std::move(*name);
      if (!accept(TokenKind::kAssign)) {
        expected("`=` and the first value")
            .help("write `carry (h = zeros([B, D]))`");
        return nullptr;
      }
      if (!(carry.init = parseExpr()))
        return nullptr;
      scan->carries.push_back(std::move(carry));
      if (!accept(TokenKind::kComma))
        break;
    }
    if (!close(TokenKind::kRightParen, open, "`,` or `)`") ||
        !distinct(
            scan->carries, [](const Carry &c) { return &c.name; },
            "the carried value"))
      return nullptr;
  }
  if (!parseBlock(scan->body))
    return nullptr;
  return finish(std::move(scan), begin);
}

} // namespace mlc::frontend
