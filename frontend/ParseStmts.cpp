//===- ParseStmts.cpp - Blocks, statements and types ----------------------===//
#include "frontend/ParserImpl.h"

namespace mlc::frontend {

using namespace ast;

//===----------------------------------------------------------------------===//
// Blocks
//===----------------------------------------------------------------------===//

bool Parser::parseBlock(Block &block) {
  Token open = current();
  if (!expect(TokenKind::kLeftBrace, "`{`"))
    return false;
  Nest nest(*this);
  if (!nest)
    return false;
  Inside inside(brackets, 0);
  while (!at(TokenKind::kRightBrace) && !at(TokenKind::kEnd)) {
    if (accept(TokenKind::kSemicolon))
      continue;
    StmtPtr stmt = parseStmt();
    if (!stmt || !endStatement())
      return false;
    block.depth = std::max(block.depth, depthOf(*stmt) + 1);
    block.statements.push_back(std::move(stmt));
  }
  if (!close(TokenKind::kRightBrace, open, "`}`"))
    return false;
  block.span = from(open.span);
  return true;
}

bool Parser::endStatement() {
  if (accept(TokenKind::kSemicolon) || at(TokenKind::kRightBrace) ||
      at(TokenKind::kEnd) || lineEnded())
    return true;
  auto error = expected("the end of the statement", Code::ExpectedStatementEnd);
  if (at(TokenKind::kAssign))
    error.help("`==` compares");
  else if (at(TokenKind::kComma))
    error.help("statements are separated by a new line or `;`; a tuple stands "
               "in parentheses");
  else
    error.help("statements are separated by a new line or `;`");
  return false;
}

StmtPtr Parser::parseStmt() {
  Span begin = current().span;
  statement = position;
  StmtPtr stmt = parseStmtKind();
  if (stmt)
    stmt->span = from(begin);
  return stmt;
}

//===----------------------------------------------------------------------===//
// Statements
//===----------------------------------------------------------------------===//

StmtPtr Parser::parseStmtKind() {
  if (atKeyword("let"))
    return parseLet();
  if (atKeyword("input"))
    return parseDeclared<InputStmt>();
  if (atKeyword("param"))
    return parseDeclared<ParamStmt>();
  if (atKeyword("state"))
    return parseDeclared<StateStmt>();
  if (atKeyword("output"))
    return parseOutput();
  if (atKeyword("metric"))
    return parseNamed<MetricStmt>();
  if (atKeyword("update"))
    return parseNamed<UpdateStmt>();
  if (atKeyword("loss"))
    return parseValue<LossStmt>();
  if (atKeyword("return"))
    return parseValue<ReturnStmt>();
  if (atKeyword("yield"))
    return parseValue<YieldStmt>();
  if (atKeyword("repeat"))
    return parseRepeat();
  if (atKeyword("over"))
    return parseOver();
  if (atKeyword("if"))
    return parseIf();
  bool assigns = at(TokenKind::kIdentifier) &&
                 ahead().kind == TokenKind::kAssign && !ahead().startsLine;
  if (assigns || atTupleAssign())
    return parseAssign();
  return notAStatement();
}

/// `input name: type`, `param name: type = init`.
template <class S> StmtPtr Parser::parseDeclared() {
  std::string keyword(text(take()));
  auto stmt = std::make_unique<S>();
  std::optional<Name> name = parseName("a name");
  if (!name)
    return nullptr;
  stmt->name = std::move(*name);
  if (!accept(TokenKind::kColon)) {
    expected("`:` and a type")
        .help("write `" + keyword + " " + stmt->name.text + ": float[...]`");
    return nullptr;
  }
  std::optional<Type> type = parseType();
  if (!type)
    return nullptr;
  stmt->type = std::move(*type);
  if constexpr (requires { stmt->init; })
    if (accept(TokenKind::kAssign) && !(stmt->init = parseExpr()))
      return nullptr;
  return stmt;
}

/// `metric name = value`, `update name = value`.
template <class S> StmtPtr Parser::parseNamed() {
  std::string keyword(text(take()));
  auto stmt = std::make_unique<S>();
  std::optional<Name> name = parseName("a name");
  if (!name)
    return nullptr;
  stmt->name = std::move(*name);
  if (!accept(TokenKind::kAssign)) {
    expected("`=` and a value").help("write `" + keyword + " NAME = ...`");
    return nullptr;
  }
  if (!(stmt->value = parseExpr()))
    return nullptr;
  return stmt;
}

/// `loss value`, `return value`, `yield value`.
template <class S> StmtPtr Parser::parseValue() {
  take();
  auto stmt = std::make_unique<S>();
  if (!(stmt->value = parseExpr()))
    return nullptr;
  return stmt;
}

StmtPtr Parser::parseOutput() {
  take();
  auto stmt = std::make_unique<OutputStmt>();
  std::optional<Name> name = parseName("a name");
  if (!name)
    return nullptr;
  stmt->name = std::move(*name);
  if (accept(TokenKind::kAssign) && !(stmt->value = parseExpr()))
    return nullptr;
  if (!stmt->value && !lineEnded() && !at(TokenKind::kSemicolon) &&
      !at(TokenKind::kRightBrace) && !at(TokenKind::kEnd)) {
    expected("`=` or the end of the statement", Code::ExpectedStatementEnd)
        .help("an output has a name: `output " + stmt->name.text + " = ...`");
    return nullptr;
  }
  return stmt;
}

bool Parser::parseTargets(bool &tuple, std::vector<Name> &names) {
  Token open = current();
  tuple = accept(TokenKind::kLeftParen);
  Inside inside(brackets, brackets + (tuple ? 1 : 0));
  do {
    if (tuple && !names.empty() && at(TokenKind::kRightParen))
      break; // after a last comma
    std::optional<Name> name = parseName("a name");
    if (!name)
      return false;
    names.push_back(std::move(*name));
  } while (tuple && accept(TokenKind::kComma));
  if (tuple && !close(TokenKind::kRightParen, open, "`,` or `)`"))
    return false;
  return distinct(names, [](const Name &n) { return &n; }, "the name");
}

StmtPtr Parser::parseLet() {
  take();
  auto stmt = std::make_unique<LetStmt>();
  if (!parseTargets(stmt->tuple, stmt->names))
    return nullptr;
  if (!accept(TokenKind::kAssign)) {
    auto error = expected("`=` and a value");
    if (at(TokenKind::kColon))
      error.help("`let` takes no type: it is that of the value");
    else if (at(TokenKind::kComma))
      error.help("several names stand in parentheses: `let (a, b) = ...`");
    return nullptr;
  }
  if (!(stmt->value = parseExpr()))
    return nullptr;
  return stmt;
}

/// At `(a, b) =`.
bool Parser::atTupleAssign() const {
  if (!at(TokenKind::kLeftParen))
    return false;
  size_t i = 1;
  while (ahead(i).kind == TokenKind::kIdentifier ||
         ahead(i).kind == TokenKind::kComma)
    ++i;
  return ahead(i).kind == TokenKind::kRightParen &&
         ahead(i + 1).kind == TokenKind::kAssign;
}

StmtPtr Parser::parseAssign() {
  auto stmt = std::make_unique<AssignStmt>();
  if (!parseTargets(stmt->tuple, stmt->names) ||
      !expect(TokenKind::kAssign, "`=`") || !(stmt->value = parseExpr()))
    return nullptr;
  return stmt;
}

StmtPtr Parser::parseRepeat() {
  take();
  auto stmt = std::make_unique<RepeatStmt>();
  std::optional<Name> name = parseName("the loop's variable");
  if (!name || !expectWord("in") || !(stmt->range = parseExpr()))
    return nullptr;
  stmt->variable = std::move(*name);
  if (at(TokenKind::kEllipsis)) {
    expected("`{`").help("a range has two dots: `0..n`");
    return nullptr;
  }
  stmt->remat = acceptWord("remat");
  if (!parseBlock(stmt->body))
    return nullptr;
  return stmt;
}

StmtPtr Parser::parseOver() {
  take();
  auto stmt = std::make_unique<OverDatasetStmt>();
  if (!expectWord("dataset") || !parseBlock(stmt->body))
    return nullptr;
  return stmt;
}

StmtPtr Parser::parseIf() {
  Nest nest(*this);
  if (!nest)
    return nullptr;
  Span begin = take().span;
  auto stmt = std::make_unique<IfStmt>();
  if (!(stmt->condition = parseExpr()))
    return nullptr;
  if (at(TokenKind::kAssign)) {
    expected("`{`").help("`==` compares");
    return nullptr;
  }
  if (!parseBlock(stmt->then))
    return nullptr;
  if (atWord("else") && ahead().kind != TokenKind::kAssign) {
    take();
    stmt->otherwise.emplace();
    stmt->elseIf = atWord("if");
    if (!stmt->elseIf)
      return parseBlock(*stmt->otherwise) ? std::move(stmt) : nullptr;
    StmtPtr other = parseIf();
    if (!other)
      return nullptr;
    stmt->otherwise->span = other->span;
    stmt->otherwise->depth = depthOf(*other) + 1;
    stmt->otherwise->statements.push_back(std::move(other));
  }
  stmt->span = from(begin);
  return stmt;
}

/// Says what is wrong with what begins no statement.
StmtPtr Parser::notAStatement() {
  static const std::vector<std::string> kKeywords = {
      "let",    "input",  "output", "loss",   "metric", "param", "state",
      "update", "repeat", "over",   "return", "yield",  "if"};
  auto error =
      diagnostics.error(Code::ExpectedStatement, current().span,
                        "expected a statement, found " + describe(current()));
  if (!at(TokenKind::kIdentifier)) {
    if (at(TokenKind::kLeftBracket))
      error.help("a statement ends with its line; indices stand on the same "
                 "line as what they index");
    return nullptr;
  }
  std::string word(text(current()));
  if (atWord("layer") || atWord("model") || atWord("data") || atWord("train") ||
      atWord("parallel") || atWord("import")) {
    error.help("`" + word + "` stands outside; is a `}` missing before it?");
    return nullptr;
  }
  const Token &next = ahead();
  if (atWord("else"))
    error.help("`else` follows the `}` of an `if`");
  else if (atWord("for") || atWord("while"))
    error.help("a loop is `repeat i in 0..n { ... }` or `scan`");
  else if (next.kind == TokenKind::kIdentifier && !next.startsLine)
    error.suggest(suggestName(word, kKeywords));
  else if (next.kind == TokenKind::kColon)
    error.help("declare it: `input " + word + ": ...` or `param " + word +
               ": ...`");
  else if (next.kind == TokenKind::kLeftParen || next.kind == TokenKind::kPipe)
    error.help("an expression alone does nothing: name it with `let`, or "
               "`return` it");
  return nullptr;
}

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

std::optional<Type> Parser::parseType() {
  Type type;
  std::optional<Name> element = parseName("a type");
  if (!element)
    return std::nullopt;
  type.element = std::move(*element);
  Token open = current();
  if (!lineEnded() && accept(TokenKind::kLeftBracket)) {
    type.brackets = true;
    Inside inside(brackets, brackets + 1);
    while (!at(TokenKind::kRightBracket) && !at(TokenKind::kEnd)) {
      if (at(TokenKind::kEllipsis)) {
        if (!type.dims.empty()) {
          diagnostics
              .error(Code::MisplacedEllipsis, current().span,
                     "`...` stands for leading dimensions, and so comes first")
              .help("write `" + type.element.text + "[..., D]`");
          return std::nullopt;
        }
        auto dots = std::make_unique<EllipsisExpr>();
        dots->span = take().span;
        type.dims.push_back(std::move(dots));
      } else if (ExprPtr dim = parseExpr()) {
        type.dims.push_back(std::move(dim));
      } else {
        return std::nullopt;
      }
      if (!accept(TokenKind::kComma))
        break;
    }
    if (!close(TokenKind::kRightBracket, open, "`,` or `]`"))
      return std::nullopt;
  }
  type.span = from(type.element.span);
  return type;
}

} // namespace mlc::frontend
