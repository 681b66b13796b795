//===- Lexer.h - Text -> tokens -------------------------------------------===//
//
// Keywords are contextual, so that the lexer knows only identifiers. Line ends
// are no tokens either: each token says whether it begins its line, and the
// parser decides what that means where it stands.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_FRONTEND_LEXER_H
#define MLC_FRONTEND_LEXER_H

#include "frontend/Ast.h"
#include "frontend/Diagnostics.h"

#include <optional>
#include <vector>

namespace mlc::frontend {

enum class TokenKind : uint8_t {
  kIdentifier,
  kInt,
  kFloat,
  kString,
  kLeftParen,
  kRightParen,
  kLeftBracket,
  kRightBracket,
  kLeftBrace,
  kRightBrace,
  kComma,
  kSemicolon,
  kColon,
  kDot,
  kDotDot,
  kEllipsis,
  kAssign,
  kArrow,
  kPipe,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kPlus,
  kMinus,
  kStar,
  kSlash,
  kPercent,
  kAt,
  kCaret,
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  bool startsLine = false; ///< the first token of its line, or the end
  Span span;
};

struct TokenList {
  std::vector<Token> tokens; ///< the last is kEnd
  std::vector<ast::Comment> comments;
};

/// Splits the file `id` into tokens. On a mistake, reports one error and
/// returns nothing.
std::optional<TokenList> lex(const SourceManager &sources, FileId id,
                             DiagnosticEngine &diagnostics);

/// The text of a string token with its quotes off and its escapes resolved;
/// the lexer has checked them.
std::string unescape(std::string_view literal);

} // namespace mlc::frontend

#endif // MLC_FRONTEND_LEXER_H
