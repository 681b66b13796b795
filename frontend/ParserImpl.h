//===- ParserImpl.h - The recursive-descent parser ------------------------===//
//
// Shared by ParseDecls.cpp, ParseStmts.cpp, ParseOperators.cpp and
// ParseExprs.cpp. A function that meets a mistake reports it and returns null,
// nothing or false; its callers pass that on, and nothing is reported twice.
//
// A statement ends with its line, except inside ( or [, or when the next line
// begins with a binary operator. `brackets` counts the open ones; a block
// inside a bracket starts from 0 again.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_FRONTEND_PARSERIMPL_H
#define MLC_FRONTEND_PARSERIMPL_H

#include "frontend/AstDepth.h"
#include "frontend/Lexer.h"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace mlc::frontend {

class Parser {
public:
  Parser(const SourceManager &sources, FileId id, TokenList list,
         DiagnosticEngine &diagnostics)
      : sources(sources), id(id), list(std::move(list)),
        diagnostics(diagnostics) {}

  std::optional<ast::File> parseFile();
  ast::ExprPtr parseWholeExpression();

private:
  //===--------------------------------------------------------------------===//
  // Tokens
  //===--------------------------------------------------------------------===//

  const Token &current() const { return list.tokens[position]; }
  const Token &ahead(size_t count = 1) const {
    return list.tokens[std::min(position + count, list.tokens.size() - 1)];
  }
  bool at(TokenKind kind) const { return current().kind == kind; }
  std::string_view text(const Token &token) const {
    return sources.text(token.span);
  }
  bool isWord(const Token &token, std::string_view word) const {
    return token.kind == TokenKind::kIdentifier && text(token) == word;
  }
  bool atWord(std::string_view word) const { return isWord(current(), word); }
  /// At `word` used as a keyword: what follows is not `=`.
  bool atKeyword(std::string_view word) const {
    return atWord(word) && ahead().kind != TokenKind::kAssign;
  }
  Token take() {
    Token token = current();
    if (token.kind != TokenKind::kEnd)
      ++position;
    return token;
  }
  bool accept(TokenKind kind) { return at(kind) && (take(), true); }
  bool acceptWord(std::string_view word) {
    return atWord(word) && (take(), true);
  }
  /// The statement has ended before the current token.
  bool lineEnded() const { return brackets == 0 && current().startsLine; }
  Span lastSpan() const {
    return position ? list.tokens[position - 1].span : Span{id, 0, 0};
  }
  Span from(Span begin) const { return join(begin, lastSpan()); }

  //===--------------------------------------------------------------------===//
  // Errors
  //===--------------------------------------------------------------------===//

  /// "`)`", "the number `3`", "the end of the file".
  std::string describe(const Token &token) const;
  /// "expected WHAT, found ...", at the current token, or behind the last one
  /// if the line has ended.
  DiagnosticBuilder expected(std::string_view what,
                             Code code = Code::UnexpectedToken);
  bool expect(TokenKind kind, std::string_view what);
  bool expectWord(std::string_view word);
  /// Closes what `open` opened; `more` says what else could stand there.
  bool close(TokenKind kind, const Token &open, std::string_view more);
  bool reservedName(const Token &token) const;
  std::optional<ast::Name> parseName(std::string_view what);
  /// Reports the second of two equal names.
  template <class List, class GetName>
  bool distinct(const List &items, GetName getName, std::string_view what);

  /// Counts one level of nesting; false if that is one too many.
  class Nest {
  public:
    explicit Nest(Parser &parser);
    ~Nest() { --parser.nesting; }
    explicit operator bool() const { return fine; }

  private:
    Parser &parser;
    bool fine;
  };
  bool tooDeep(Span span);

  /// Opens a bracket for the length of a scope.
  class Inside {
  public:
    Inside(unsigned &place, unsigned value) : counter(place), old(place) {
      counter = value;
    }
    ~Inside() { counter = old; }

  private:
    unsigned &counter;
    unsigned old;
  };

  //===--------------------------------------------------------------------===//
  // Declarations (ParseDecls.cpp)
  //===--------------------------------------------------------------------===//

  ast::DeclPtr parseDecl();
  ast::DeclPtr parseImport();
  ast::DeclPtr parseLayer();
  ast::DeclPtr parseModel();
  ast::DeclPtr parseData();
  ast::DeclPtr parseTrain();
  ast::DeclPtr parseParallel();
  bool parseParameters(std::vector<ast::Parameter> &parameters);
  bool parseResults(ast::LayerDecl &layer);
  bool parseGradient(ast::LayerDecl &layer);
  bool parseGroup(std::vector<ast::Group> &groups);
  bool parseShard(std::vector<ast::Shard> &shards);
  bool parsePipeline(std::optional<ast::Pipeline> &pipeline);
  /// `{ entry entry ... }`, where `entry` parses one.
  template <class Entry> bool parseEntries(Entry entry);
  bool parseSetting(std::vector<ast::Setting> &settings, std::string_view what);

  //===--------------------------------------------------------------------===//
  // Statements and types (ParseStmts.cpp)
  //===--------------------------------------------------------------------===//

  bool parseBlock(ast::Block &block);
  bool endStatement();
  ast::StmtPtr parseStmt();
  ast::StmtPtr parseStmtKind();
  template <class S> ast::StmtPtr parseDeclared();
  template <class S> ast::StmtPtr parseNamed();
  template <class S> ast::StmtPtr parseValue();
  ast::StmtPtr parseOutput();
  ast::StmtPtr parseLet();
  ast::StmtPtr parseAssign();
  ast::StmtPtr parseRepeat();
  ast::StmtPtr parseOver();
  ast::StmtPtr parseIf();
  ast::StmtPtr notAStatement();
  /// `a` or `(a, b)`.
  bool parseTargets(bool &tuple, std::vector<ast::Name> &names);
  bool atTupleAssign() const;
  std::optional<ast::Type> parseType();

  //===--------------------------------------------------------------------===//
  // Operators (ParseOperators.cpp)
  //===--------------------------------------------------------------------===//

  ast::ExprPtr parseExpr();
  ast::ExprPtr parsePipe(ast::ExprPtr value);
  ast::ExprPtr parseBinary(int loosest);
  ast::ExprPtr parseUnary();
  ast::ExprPtr makeBinary(const Token &op, ast::ExprPtr lhs, ast::ExprPtr rhs);

  //===--------------------------------------------------------------------===//
  // Calls, indices and primary expressions (ParseExprs.cpp)
  //===--------------------------------------------------------------------===//

  ast::ExprPtr parsePostfix();
  ast::ExprPtr parseCall(ast::ExprPtr callee);
  bool parseArguments(std::vector<ast::Argument> &arguments);
  bool parseArgument(std::vector<ast::Argument> &arguments);
  bool parseInstance(ast::CallExpr &call);
  ast::ExprPtr parseIndex(ast::ExprPtr base);
  ast::ExprPtr parseIndexItem();
  ast::ExprPtr parsePrimary();
  ast::ExprPtr parseWordExpr();
  ast::ExprPtr parseParenthesised();
  ast::ExprPtr parseList();
  bool atScan() const;
  ast::ExprPtr parseScan();

  /// Sets span and depth of a finished node; null if it is too deep.
  template <class E> ast::ExprPtr finish(std::unique_ptr<E> expr, Span begin);

  const SourceManager &sources;
  FileId id;
  TokenList list;
  DiagnosticEngine &diagnostics;
  size_t position = 0;
  size_t statement = 0;    ///< position where the statement began
  unsigned brackets = 0;   ///< open ( and [ around the current token
  unsigned nesting = 0;    ///< see kMaxNesting
  bool inParallel = false; ///< where `*` and `_` may stand
  bool inResult = false;   ///< of a layer: where `_` may stand
};

template <class E>
ast::ExprPtr Parser::finish(std::unique_ptr<E> expr, Span begin) {
  expr->span = from(begin);
  expr->depth = depthOf(static_cast<const ast::Expr &>(*expr)) + 1;
  if (expr->depth > kMaxDepth && tooDeep(expr->span))
    return nullptr;
  return expr;
}

template <class List, class GetName>
bool Parser::distinct(const List &items, GetName getName,
                      std::string_view what) {
  for (size_t i = 0; i < items.size(); ++i) {
    const ast::Name *second = getName(items[i]);
    for (size_t j = 0; second && j < i; ++j) {
      const ast::Name *first = getName(items[j]);
      if (!first || first->text != second->text)
        continue;
      diagnostics
          .error(Code::RepeatedName, second->span,
                 std::string(what) + " `" + second->text + "` is given twice")
          .note(first->span, "it is given here first")
          .help("keep one of the two");
      return false;
    }
  }
  return true;
}

} // namespace mlc::frontend

#endif // MLC_FRONTEND_PARSERIMPL_H
