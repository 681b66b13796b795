//===- FormatImpl.h - Items and lines of a file being formatted -----------===//
//
// Format.cpp makes the items and decides where lines end, FormatAlign.cpp sets
// the columns.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_FRONTEND_FORMATIMPL_H
#define MLC_FRONTEND_FORMATIMPL_H

#include "frontend/Lexer.h"

#include <map>
#include <string>
#include <vector>

namespace mlc::frontend {

inline constexpr size_t kWidest = 120;

/// A token or a comment, and what stands before it.
struct FormatItem {
  TokenKind kind = TokenKind::kEnd;
  Span span;
  std::string_view text;
  size_t width = 0;     ///< characters
  size_t match = 0;     ///< of a bracket or brace: the other one
  size_t depth = 0;     ///< brackets and braces around it
  size_t enclosing = 0; ///< the innermost of them; itself if there is none
  bool comment = false;
  bool statement = false; ///< begins a statement, a setting or a declaration
  bool declaration = false;
  bool binary = false;    ///< an operator between two values, `|>` among them
  bool glued = false;     ///< `(` or `[` right behind a name, `-` of a number
  bool separated = false; ///< a statement after another on the same line
  bool flat = false;      ///< a brace of a block that stands on one line
  bool newLine = false, blankLine = false;
  bool space = false; ///< on a line, one space before it
  // As the author wrote it:
  size_t column = 0; ///< characters before it on its line
  bool gap = false;  ///< two spaces or more before it, on its line
  /// Of a statement: its first word, `let` or `param`; of a setting `=`.
  std::string_view keyword;
};

/// Items [begin, end) on one line.
struct FormatLine {
  size_t begin = 0, end = 0;
  size_t indent = 0;
  std::vector<size_t> padding; ///< spaces more before each item
};

/// Characters of `text`, in UTF-8.
size_t charactersOf(std::string_view text);

/// Characters of a line, without a comment at its end.
size_t widthOf(const std::vector<FormatItem> &items, const FormatLine &line);

/// Keeps and mends the columns that the author has begun: the padding of
/// `lines`.
void alignColumns(const std::vector<FormatItem> &items,
                  std::vector<FormatLine> &lines);

} // namespace mlc::frontend

#endif // MLC_FRONTEND_FORMATIMPL_H
