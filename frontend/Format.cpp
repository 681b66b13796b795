//===- Format.cpp - The one style of a model file -------------------------===//
//
// Works on tokens, with the tree for what they mean, so that nothing that the
// author wrote gets lost: tokens and comments stay as they are, in order; only
// a `;` at the end of a line goes. Line ends are the author's where the style
// has a place for them (between statements, before an operator, after an
// opening bracket or a comma, before a closing one); a line that is too long is
// broken at the loosest such place. What a second run reads is what the first
// one decided, so that it changes nothing.
//
//===----------------------------------------------------------------------===//
#include "frontend/Format.h"
#include "frontend/FormatImpl.h"
#include "frontend/Parser.h"
#include "frontend/Precedence.h"

#include <algorithm>
#include <set>
#include <utility>

namespace mlc::frontend {

using namespace ast;

size_t charactersOf(std::string_view text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

size_t widthOf(const std::vector<FormatItem> &items, const FormatLine &line) {
  size_t width = line.indent;
  for (size_t i = line.begin; i < line.end && !items[i].comment; ++i) {
    width += items[i].width;
    if (i != line.begin)
      width += (items[i].space ? 1 : 0) + (items[i].separated ? 1 : 0);
    if (!line.padding.empty())
      width += line.padding[i - line.begin];
  }
  return width;
}

namespace {

/// What the tree knows about tokens, by where they begin or end.
struct Meaning {
  std::map<uint32_t, std::string_view> statements; ///< begin -> keyword or "="
  std::set<uint32_t> declarations, imports;
  std::map<uint32_t, int> operators; ///< begin -> level
  std::set<uint32_t> called;         ///< end of a name before its `(`
  std::set<uint32_t> lists;          ///< begin of a list

  template <class T> void operator()(const char *, const T &node) {
    walk(node);
  }
  template <class T>
  void operator()(const char *, const T &node, OptionalChild) {
    walk(node);
  }

  void walk(const ExprPtr &expr) {
    if (expr)
      visit(static_cast<const Expr &>(*expr),
            [&](const auto &node) { enter(node); });
  }
  void walk(const StmtPtr &stmt) {
    statements[stmt->span.begin] =
        llvm::isa<AssignStmt>(stmt.get()) ? "=" : "statement";
    visit(static_cast<const Stmt &>(*stmt),
          [&](const auto &node) { node.fields(node, *this); });
  }
  void walk(const DeclPtr &decl) {
    declarations.insert(decl->span.begin);
    if (llvm::isa<ImportDecl>(decl.get()))
      imports.insert(decl->span.begin);
    visit(static_cast<const Decl &>(*decl),
          [&](const auto &node) { enter(node); });
  }
  void walk(const Setting &setting) {
    statements[setting.span.begin] = "=";
    walk(setting.value);
  }
  void walk(const Group &group) { part(group); }
  void walk(const Shard &shard) { part(shard); }
  void walk(const Pipeline &pipeline) { part(pipeline); }
  template <class T> void part(const T &node) {
    statements[node.span.begin] = "part";
    node.fields(node, *this);
  }
  template <class T> void walk(const std::optional<T> &node) {
    if (node)
      walk(*node);
  }
  template <class T> void walk(const std::vector<T> &list) {
    for (const T &node : list)
      walk(node);
  }
  template <class T> void walk(const T &node) {
    if constexpr (requires { node.fields(node, *this); })
      node.fields(node, *this);
  }

  template <class T> void enter(const T &node) {
    if constexpr (std::is_same_v<T, BinaryExpr>)
      operators[node.opSpan.begin] = levelOf(node.op);
    if constexpr (std::is_same_v<T, CallExpr>)
      called.insert(node.callee.span.end);
    if constexpr (std::is_same_v<T, ListExpr>)
      lists.insert(node.span.begin);
    if constexpr (std::is_same_v<T, LayerDecl> || std::is_same_v<T, ModelDecl>)
      called.insert(node.name.span.end);
    node.fields(node, *this);
  }
};

bool isOpening(TokenKind kind) {
  return kind == TokenKind::kLeftParen || kind == TokenKind::kLeftBracket ||
         kind == TokenKind::kLeftBrace;
}
bool isClosing(TokenKind kind) {
  return kind == TokenKind::kRightParen || kind == TokenKind::kRightBracket ||
         kind == TokenKind::kRightBrace;
}

class Formatter {
public:
  Formatter(const SourceManager &sources, const File &file, TokenList list)
      : text(sources.file(file.id).text()) {
    meaning.walk(file.declarations);
    gather(std::move(list));
    nest();
    for (size_t i = 0; i < items.size(); ++i)
      placeFirst(i);
    separateDeclarations();
  }

  std::string run() {
    layOut();
    while (breakLongLines())
      layOut();
    alignColumns(items, lines);
    std::string result;
    for (const FormatLine &line : lines)
      print(line, result);
    return result;
  }

private:
  using Kind = TokenKind;

  //===--------------------------------------------------------------------===//
  // Items
  //===--------------------------------------------------------------------===//

  void gather(TokenList list) {
    size_t comment = 0;
    bool semicolon = false;
    auto takeComments = [&](uint32_t before) {
      for (; comment < list.comments.size() &&
             list.comments[comment].span.begin < before;
           ++comment) {
        FormatItem &item = add(list.comments[comment].span);
        item.comment = true;
        item.text = item.text.substr(0, item.text.find_last_not_of(" \t") + 1);
        item.width = charactersOf(item.text);
      }
    };
    for (const Token &token : list.tokens) {
      takeComments(token.kind == Kind::kEnd ? ~0u : token.span.begin);
      if (token.kind == Kind::kSemicolon || token.kind == Kind::kEnd) {
        semicolon = true;
        continue;
      }
      FormatItem &item = add(token.span);
      item.kind = token.kind;
      learn(item);
      item.separated =
          item.statement && !item.declaration && semicolon && !token.startsLine;
      semicolon = false;
    }
  }

  FormatItem &add(Span span) {
    FormatItem &item = items.emplace_back();
    item.span = span;
    item.text =
        std::string_view(text).substr(span.begin, span.end - span.begin);
    item.width = charactersOf(item.text);
    size_t line = text.rfind('\n', span.begin ? span.begin - 1 : 0);
    line = line == std::string::npos || span.begin == 0 ? 0 : line + 1;
    std::string_view before =
        std::string_view(text).substr(line, span.begin - line);
    item.column = charactersOf(before);
    size_t last = before.find_last_not_of(" \t");
    item.gap = last != std::string_view::npos && before.size() - last > 2;
    return item;
  }

  /// What the tree says about the token.
  void learn(FormatItem &item) {
    uint32_t begin = item.span.begin;
    if (auto found = meaning.statements.find(begin);
        found != meaning.statements.end() && !isWord(item, "if", "else")) {
      item.statement = true;
      item.keyword = found->second == "statement" ? item.text : found->second;
    }
    item.declaration = meaning.declarations.count(begin) > 0;
    item.statement |= item.declaration;
    item.binary = item.kind == Kind::kPipe || meaning.operators.count(begin);
    if (item.kind == Kind::kMinus)
      item.glued = !item.binary;
    if (items.size() < 2)
      return;
    const FormatItem &previous = items[items.size() - 2];
    if (item.kind == Kind::kLeftParen)
      item.glued = meaning.called.count(previous.span.end) ||
                   (previous.text == "gradient" && items.size() > 2 &&
                    lastToken(items.size() - 2, Kind::kRightBrace));
    if (item.kind == Kind::kLeftBracket)
      item.glued = !meaning.lists.count(begin);
  }

  /// `word` right behind the token `before`.
  bool isWord(const FormatItem &item, std::string_view word,
              std::string_view before) const {
    if (item.text != word)
      return false;
    size_t i = items.size() - 1;
    while (i > 0 && items[i - 1].comment)
      --i;
    return i > 0 && items[i - 1].text == before;
  }

  /// The last token before item `i` is of that kind.
  bool lastToken(size_t i, Kind kind) const {
    while (i > 0 && items[i - 1].comment)
      --i;
    return i > 0 && items[i - 1].kind == kind;
  }

  void nest() {
    std::vector<size_t> open;
    for (size_t i = 0; i < items.size(); ++i) {
      if (isClosing(items[i].kind)) {
        items[i].match = open.back();
        items[open.back()].match = i;
        bool flat =
            i > open.back() + 1 && items[i].kind == Kind::kRightBrace &&
            between(open.back(), i).find('\n') == std::string_view::npos;
        items[i].flat = items[open.back()].flat = flat;
        open.pop_back();
      }
      items[i].depth = open.size();
      items[i].enclosing = open.empty() ? i : open.back();
      if (isOpening(items[i].kind))
        open.push_back(i);
    }
  }

  /// The text from the end of one item to the beginning of another.
  std::string_view between(size_t first, size_t last) const {
    return std::string_view(text).substr(
        items[first].span.end, items[last].span.begin - items[first].span.end);
  }

  bool in(size_t i, Kind kind) const {
    return items[i].enclosing != i && items[items[i].enclosing].kind == kind;
  }

  bool hasBlankLine(size_t i) const {
    std::string_view space = between(i - 1, i);
    size_t first = space.find('\n');
    while (first != std::string_view::npos) {
      size_t next = space.find_first_not_of(" \t\r", first + 1);
      if (next != std::string_view::npos && space[next] == '\n')
        return true;
      first = space.find('\n', first + 1);
    }
    return false;
  }

  /// What stands before item `i`, as the author has it.
  void placeFirst(size_t i) {
    FormatItem &item = items[i];
    item.space = i > 0 && wantsSpace(i);
    item.newLine = i == 0 || endsLine(i);
    if (!item.newLine)
      return;
    item.separated = false;
    bool first = i == 0 || isOpening(items[i - 1].kind);
    item.blankLine =
        !first && !isClosing(item.kind) && !item.binary && hasBlankLine(i);
  }

  bool endsLine(size_t i) const {
    const FormatItem &item = items[i], &previous = items[i - 1];
    bool startsLine = between(i - 1, i).find('\n') != std::string_view::npos;
    if (item.comment)
      return startsLine;
    if (previous.comment || item.declaration)
      return true;
    if (item.kind == Kind::kRightBrace)
      return !item.flat && previous.kind != Kind::kLeftBrace;
    if (item.statement)
      return startsLine ||
             (previous.kind == Kind::kLeftBrace && !previous.flat);
    if (isOpening(previous.kind) && isClosing(item.kind))
      return false;
    return startsLine &&
           (item.binary || isClosing(item.kind) || isOpening(previous.kind) ||
            previous.kind == Kind::kComma);
  }

  bool wantsSpace(size_t i) const {
    const FormatItem &item = items[i], &previous = items[i - 1];
    Kind left = previous.kind, right = item.kind;
    if (item.comment)
      return true;
    if (left == Kind::kLeftBrace || right == Kind::kRightBrace)
      return left != Kind::kLeftBrace || right != Kind::kRightBrace;
    if (left == Kind::kLeftParen || left == Kind::kLeftBracket ||
        right == Kind::kRightParen || right == Kind::kRightBracket ||
        right == Kind::kComma)
      return false;
    if ((right == Kind::kColon && left != Kind::kComma) ||
        (left == Kind::kColon && in(i, Kind::kLeftBracket)))
      return false;
    if (right == Kind::kDot) // `3.w` would be a number
      return left == Kind::kInt || left == Kind::kFloat;
    if (left == Kind::kDot || left == Kind::kDotDot || right == Kind::kDotDot)
      return false;
    if (left == Kind::kMinus && previous.glued)
      return false;
    return !(item.glued && isOpening(right));
  }

  /// An empty line between two declarations, imports aside.
  void separateDeclarations() {
    size_t first = 0; // of the comments before a declaration
    bool afterImport = false;
    for (size_t i = 0; i < items.size(); ++i) {
      if (!items[i].declaration) {
        if (!items[i].comment || items[i].depth > 0 || !items[i].newLine)
          first = i + 1;
        continue;
      }
      bool import = meaning.imports.count(items[i].span.begin) > 0;
      bool separate = i > 0 && !(import && afterImport);
      for (size_t j = first; j <= i; ++j)
        separate &= !items[j].blankLine;
      // Comments that open the file belong to its first declaration.
      if (separate && first > 0)
        items[first].blankLine = true;
      afterImport = import;
      first = i + 1;
    }
  }

  //===--------------------------------------------------------------------===//
  // Lines
  //===--------------------------------------------------------------------===//

  struct Open {
    size_t indent;        ///< of the line of the bracket, or of the block
    size_t statement = 0; ///< of the statement in a block
    bool brace = false, broken = false;
  };

  void layOut() {
    lines.clear();
    std::vector<Open> open = {{0, 0, true, false}};
    for (size_t i = 0; i < items.size(); ++i) {
      const FormatItem &item = items[i];
      if (isClosing(item.kind)) {
        size_t indent = open.back().indent;
        open.pop_back();
        if (item.newLine)
          lines.push_back({i, i, indent, {}});
      } else if (item.newLine) {
        lines.push_back({i, i, indentOf(i, open), {}});
      }
      lines.back().end = i + 1;
      size_t here = lines.back().indent;
      if (item.statement)
        open.back().statement = here;
      if (!isOpening(item.kind))
        continue;
      bool brace = item.kind == Kind::kLeftBrace;
      open.push_back({brace && open.back().brace ? open.back().statement : here,
                      0, brace, i + 1 < items.size() && items[i + 1].newLine});
    }
  }

  size_t indentOf(size_t i, const std::vector<Open> &open) const {
    const Open &top = open.back();
    size_t inner = open.size() == 1 ? 0 : top.indent + 2;
    size_t next = i; // a comment stands as what it is about
    while (next < items.size() && items[next].comment)
      ++next;
    if (next == items.size())
      return 0;
    const FormatItem &item = items[next];
    if (item.statement || isClosing(item.kind))
      return inner;
    if (top.brace) {
      bool head = item.kind == Kind::kLeftBrace ||
                  (lastToken(next, Kind::kRightBrace) && !item.binary);
      return top.statement + (head ? 0 : 2);
    }
    bool begins = lastToken(next, Kind::kComma) ||
                  lastToken(next, Kind::kLeftParen) ||
                  lastToken(next, Kind::kLeftBracket);
    return inner + (top.broken && !begins ? 2 : 0);
  }

  //===--------------------------------------------------------------------===//
  // Long lines
  //===--------------------------------------------------------------------===//

  bool breakLongLines() {
    bool changed = false;
    for (const FormatLine &line : lines)
      if (widthOf(items, line) > kWidest)
        changed |= breakLine(line);
    return changed;
  }

  void breakBefore(size_t i) {
    items[i].newLine = true;
    items[i].separated = false;
  }

  /// Ends lines at the loosest place of this one.
  bool breakLine(const FormatLine &line) {
    size_t least = ~size_t(0), most = 0;
    for (size_t i = line.begin; i < line.end; ++i) {
      least = std::min(least, items[i].depth);
      most = std::max(most, items[i].depth);
    }
    for (size_t depth = least; depth <= most; ++depth)
      if (breakWhere(line, depth,
                     [&](size_t i) { return items[i].separated; }) ||
          expandBlocks(line, depth) ||
          breakWhere(line, depth,
                     [&](size_t i) {
                       return items[i - 1].kind == Kind::kComma &&
                              items[i].enclosing < line.begin;
                     }) ||
          breakWhere(line, depth,
                     [&](size_t i) { return items[i].kind == Kind::kPipe; }) ||
          breakBracket(line, depth) || breakOperators(line, depth))
        return true;
    return false;
  }

  template <class Test>
  bool breakWhere(const FormatLine &line, size_t depth, Test test) {
    bool changed = false;
    for (size_t i = line.begin + 1; i < line.end; ++i)
      if (items[i].depth == depth && !items[i].comment && test(i)) {
        breakBefore(i);
        changed = true;
      }
    return changed;
  }

  bool expandBlocks(const FormatLine &line, size_t depth) {
    bool changed = false;
    for (size_t i = line.begin; i < line.end; ++i) {
      if (!items[i].flat || items[i].depth != depth ||
          items[i].kind != Kind::kLeftBrace)
        continue;
      size_t last = items[i].match;
      items[i].flat = items[last].flat = false;
      breakBefore(i + 1);
      breakBefore(last);
      for (size_t j = i + 1; j < last; ++j)
        if (items[j].separated && items[j].enclosing == i)
          breakBefore(j);
      changed = true;
    }
    return changed;
  }

  /// Puts what stands in the longest bracket on lines of its own.
  bool breakBracket(const FormatLine &line, size_t depth) {
    constexpr size_t kWorthIt = 16;
    size_t longest = kWorthIt, found = line.end;
    for (size_t i = line.begin; i + 1 < line.end; ++i) {
      const FormatItem &item = items[i];
      bool bracket = item.kind == Kind::kLeftParen ||
                     (item.kind == Kind::kLeftBracket && !item.glued);
      if (!bracket || item.depth != depth)
        continue;
      size_t width =
          widthOf(items, {i + 1, std::min(item.match, line.end), 0, {}});
      if (width > longest) {
        longest = width;
        found = i;
      }
    }
    if (found == line.end)
      return false;
    breakBefore(found + 1);
    breakBefore(items[found].match);
    for (size_t i = found + 2; i < items[found].match; ++i)
      if (items[i].enclosing == found && items[i - 1].kind == Kind::kComma &&
          !items[i].comment)
        breakBefore(i);
    return true;
  }

  /// Before the operators that bind loosest.
  bool breakOperators(const FormatLine &line, size_t depth) {
    auto levelAt = [&](size_t i) {
      auto found = meaning.operators.find(items[i].span.begin);
      return found == meaning.operators.end() ? int(kPostfixLevel)
                                              : found->second;
    };
    int loosest = kPowLevel;
    for (size_t i = line.begin + 1; i < line.end; ++i)
      if (items[i].depth == depth && !items[i].comment)
        loosest = std::min(loosest, levelAt(i));
    return loosest < kPowLevel &&
           breakWhere(
               line, depth, [&](size_t i) { return levelAt(i) == loosest; });
  }

  //===--------------------------------------------------------------------===//
  // Text
  //===--------------------------------------------------------------------===//

  void print(const FormatLine &line, std::string &result) const {
    if (items[line.begin].blankLine)
      result += "\n";
    result.append(line.indent, ' ');
    for (size_t i = line.begin; i < line.end; ++i) {
      if (i != line.begin) {
        if (items[i].separated)
          result += ';';
        result.append((items[i].space ? 1 : 0) + line.padding[i - line.begin],
                      ' ');
      }
      result += items[i].text;
    }
    result += "\n";
  }

  const std::string &text;
  Meaning meaning;
  std::vector<FormatItem> items;
  std::vector<FormatLine> lines;
};

} // namespace

std::optional<std::string> formatSource(const SourceManager &sources, FileId id,
                                        DiagnosticEngine &diagnostics) {
  std::optional<File> file = parse(sources, id, diagnostics);
  if (!file)
    return std::nullopt;
  std::optional<TokenList> tokens = lex(sources, id, diagnostics);
  return Formatter(sources, *file, std::move(*tokens)).run();
}

} // namespace mlc::frontend
