//===- Lexer.cpp - Text -> tokens -----------------------------------------===//
#include "frontend/Lexer.h"

#include "llvm/Support/ConvertUTF.h"

#include <array>
#include <charconv>
#include <utility>

namespace mlc::frontend {

namespace {

constexpr size_t kLargestFile = 16u << 20;

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool isNamePart(char c) { return isNameStart(c) || isDigit(c); }

/// Operators and brackets, the longest of a common prefix first.
constexpr std::pair<std::string_view, TokenKind> kPunctuation[] = {
    {"...", TokenKind::kEllipsis},
    {"..", TokenKind::kDotDot},
    {".", TokenKind::kDot},
    {"|>", TokenKind::kPipe},
    {"->", TokenKind::kArrow},
    {"==", TokenKind::kEqual},
    {"=", TokenKind::kAssign},
    {"!=", TokenKind::kNotEqual},
    {"<=", TokenKind::kLessEqual},
    {"<", TokenKind::kLess},
    {">=", TokenKind::kGreaterEqual},
    {">", TokenKind::kGreater},
    {"(", TokenKind::kLeftParen},
    {")", TokenKind::kRightParen},
    {"[", TokenKind::kLeftBracket},
    {"]", TokenKind::kRightBracket},
    {"{", TokenKind::kLeftBrace},
    {"}", TokenKind::kRightBrace},
    {",", TokenKind::kComma},
    {";", TokenKind::kSemicolon},
    {":", TokenKind::kColon},
    {"+", TokenKind::kPlus},
    {"-", TokenKind::kMinus},
    {"*", TokenKind::kStar},
    {"/", TokenKind::kSlash},
    {"%", TokenKind::kPercent},
    {"@", TokenKind::kAt},
    {"^", TokenKind::kCaret},
};

/// What people write who come from other languages, and what it is here.
constexpr std::pair<std::string_view, std::string_view> kForeign[] = {
    {"&&", "write `and`"},
    {"||", "write `or`"},
    {"!", "write `not`"},
    {"#", "a comment begins with `//`"},
    {"'", "text stands in double quotes"},
    {"|", "a pipe is `|>`"},
    {"\\", "a statement goes on when the next line begins with an operator"},
};

class Lexer {
public:
  Lexer(const SourceManager &sources, FileId id, DiagnosticEngine &diagnostics)
      : text(sources.file(id).text()), id(id), diagnostics(diagnostics) {}

  std::optional<TokenList> run() {
    if (!checkText())
      return std::nullopt;
    if (text.starts_with("\xEF\xBB\xBF")) // a byte order mark
      position = 3;
    while (true) {
      skipSpace();
      if (position == text.size()) {
        startsLine = true;
        push(TokenKind::kEnd, position);
        return std::move(result);
      }
      if (!next())
        return std::nullopt;
    }
  }

private:
  Span span(size_t begin, size_t end) const {
    return {id, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)};
  }

  void push(TokenKind kind, size_t begin) {
    result.tokens.push_back({kind, startsLine, span(begin, position)});
    startsLine = false;
  }

  char peek(size_t ahead = 0) const {
    return position + ahead < text.size() ? text[position + ahead] : '\0';
  }

  bool checkText() {
    if (text.size() > kLargestFile) {
      diagnostics.error(Code::FileTooLarge, span(0, 0),
                        "the file has " + std::to_string(text.size()) +
                            " bytes, and at most " +
                            std::to_string(kLargestFile) + " are accepted");
      return false;
    }
    const auto *begin = reinterpret_cast<const llvm::UTF8 *>(text.data());
    const llvm::UTF8 *at = begin;
    if (llvm::isLegalUTF8String(&at, begin + text.size()))
      return true;
    auto offset = static_cast<size_t>(at - begin);
    diagnostics
        .error(Code::NotUtf8, span(offset, offset + 1),
               "the file is not UTF-8 text")
        .help("save it as UTF-8; is it a model file at all?");
    return false;
  }

  void skipSpace() {
    while (position < text.size()) {
      char c = text[position];
      if (c == '\n') {
        startsLine = true;
        ++position;
      } else if (c == ' ' || c == '\t' || c == '\r') {
        ++position;
      } else if (c == '/' && peek(1) == '/') {
        size_t begin = position;
        position = std::min(text.find('\n', position), text.size());
        size_t end = position;
        if (text[end - 1] == '\r')
          --end;
        result.comments.push_back(
            {span(begin, end), std::string(text.substr(begin, end - begin))});
      } else {
        return;
      }
    }
  }

  bool next() {
    char c = peek();
    if (isNameStart(c)) {
      size_t begin = position;
      while (isNamePart(peek()))
        ++position;
      push(TokenKind::kIdentifier, begin);
      return true;
    }
    if (isDigit(c) || (c == '.' && isDigit(peek(1))))
      return number();
    if (c == '"')
      return string();
    if (text.substr(position).starts_with("/*"))
      return unexpected(2, "a comment begins with `//` and ends with its line");
    if (text.substr(position).starts_with("**"))
      return unexpected(2, "a power is `a ^ b`");
    for (auto [symbol, kind] : kPunctuation)
      if (text.substr(position).starts_with(symbol)) {
        size_t begin = position;
        position += symbol.size();
        push(kind, begin);
        return true;
      }
    for (auto [symbol, advice] : kForeign)
      if (text.substr(position).starts_with(symbol))
        return unexpected(symbol.size(), advice);
    auto lead = static_cast<unsigned char>(c);
    return unexpected(llvm::getNumBytesForUTF8(lead), "");
  }

  bool unexpected(size_t length, std::string_view advice) {
    Span where = span(position, std::min(position + length, text.size()));
    auto lead = static_cast<unsigned char>(peek());
    std::string shown(text.substr(position, length));
    if (lead < 0x20 || lead == 0x7F)
      shown = "\\x" + std::string(1, "0123456789abcdef"[lead >> 4]) +
              "0123456789abcdef"[lead & 15];
    auto error = diagnostics.error(Code::UnexpectedCharacter, where,
                                   "unexpected `" + shown + "`");
    if (!advice.empty())
      error.help(std::string(advice));
    return false;
  }

  bool malformed(size_t begin, std::string message, std::string help) {
    while (isNamePart(peek()))
      ++position;
    diagnostics
        .error(Code::MalformedNumber, span(begin, position), std::move(message))
        .help(std::move(help));
    return false;
  }

  /// A digit stands on both sides of a dot; `1..2` is a range.
  bool number() {
    size_t begin = position;
    bool isFloat = false;
    while (isDigit(peek()))
      ++position;
    std::string whole(text.substr(begin, position - begin));
    if (peek() == '.' && peek(1) != '.') {
      ++position;
      isFloat = true;
      if (whole.empty() || !isDigit(peek())) {
        std::string fraction;
        for (size_t i = 0; isDigit(peek(i)); ++i)
          fraction += peek(i);
        std::string proper = (whole.empty() ? "0" : whole) + "." +
                             (fraction.empty() ? "0" : fraction);
        return malformed(begin,
                         "a float needs a digit on both sides of the dot",
                         "write `" + proper + "`");
      }
      while (isDigit(peek()))
        ++position;
    }
    if (peek() == 'e' || peek() == 'E') {
      size_t digits = peek(1) == '+' || peek(1) == '-' ? 2 : 1;
      if (!isDigit(peek(digits))) {
        position += digits;
        return malformed(begin, "the exponent has no digits",
                         "write it as in `1e-3`");
      }
      isFloat = true;
      position += digits;
      while (isDigit(peek()))
        ++position;
    }
    if (isNamePart(peek()))
      return malformed(
          begin, "a letter follows the number",
          "numbers are decimal, such as `16` or `1e-3`, and a name "
          "can't begin with a digit");
    return inRange(begin, isFloat);
  }

  bool inRange(size_t begin, bool isFloat) {
    const char *first = text.data() + begin, *last = text.data() + position;
    int64_t integer = 0;
    double real = 0;
    std::errc error = isFloat ? std::from_chars(first, last, real).ec
                              : std::from_chars(first, last, integer).ec;
    if (error == std::errc()) {
      push(isFloat ? TokenKind::kFloat : TokenKind::kInt, begin);
      return true;
    }
    diagnostics
        .error(Code::NumberOutOfRange, span(begin, position),
               isFloat ? "the number does not fit into an f64"
                       : "the number does not fit into an i64")
        .help(isFloat ? "an f64 holds magnitudes from 5e-324 to 1.8e308"
                      : "the largest integer is 9223372036854775807");
    return false;
  }

  bool string() {
    size_t begin = position++;
    while (peek() != '"') {
      if (position >= text.size() || peek() == '\n') {
        diagnostics
            .error(Code::UnterminatedString, span(begin, position),
                   "the text is not closed on its line")
            .help("end it with `\"`");
        return false;
      }
      if (static_cast<unsigned char>(peek()) < 0x20 && peek() != '\t')
        return unexpected(1, "text holds no control characters");
      if (peek() == '\\') {
        if (std::string_view("\"\\nt").find(peek(1)) ==
                std::string_view::npos ||
            position + 1 >= text.size()) {
          size_t length = 1;
          if (position + 1 < text.size() && peek(1) != '\n')
            length +=
                llvm::getNumBytesForUTF8(static_cast<unsigned char>(peek(1)));
          diagnostics
              .error(Code::UnknownEscape, span(position, position + length),
                     "unknown escape in text")
              .help("the escapes are `\\\"`, `\\\\`, `\\n` and `\\t`");
          return false;
        }
        ++position;
      }
      ++position;
    }
    ++position;
    push(TokenKind::kString, begin);
    return true;
  }

  std::string_view text;
  FileId id;
  DiagnosticEngine &diagnostics;
  TokenList result;
  size_t position = 0;
  bool startsLine = true;
};

} // namespace

std::optional<TokenList> lex(const SourceManager &sources, FileId id,
                             DiagnosticEngine &diagnostics) {
  return Lexer(sources, id, diagnostics).run();
}

std::string unescape(std::string_view literal) {
  std::string value;
  for (size_t i = 1; i + 1 < literal.size(); ++i) {
    char c = literal[i];
    if (c == '\\')
      switch (c = literal[++i]) {
      case 'n':
        c = '\n';
        break;
      case 't':
        c = '\t';
        break;
      default: // a quote or a backslash stands for itself
        break;
      }
    value += c;
  }
  return value;
}

} // namespace mlc::frontend
