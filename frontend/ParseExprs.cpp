//===- ParseExprs.cpp - Calls, indices and primary expressions ------------===//
#include "frontend/ParserImpl.h"

#include <charconv>

namespace mlc::frontend {

using namespace ast;

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
    if (inParallel || inResult) {
      take();
      return finish(std::make_unique<WildcardExpr>(), begin);
    }
    diagnostics
        .error(Code::MisplacedWildcard, begin,
               "`_` stands only in the axes of `shard` and in the shape of a "
               "layer's "
               "result")
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
