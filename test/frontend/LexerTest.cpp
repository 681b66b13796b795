#include "frontend/Lexer.h"

#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

using namespace mlc::frontend;

namespace {

/// The tokens of `text`, joined by spaces; `/` before one that begins a line.
std::string tokens(std::string text) {
  SourceManager sources;
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  DiagnosticEngine diagnostics(sources, stream, ColorMode::kNever);
  FileId id = sources.add("t", std::move(text));
  std::optional<TokenList> list = lex(sources, id, diagnostics);
  if (!list)
    return messages.substr(0, messages.find('\n'));
  std::string result;
  for (const Token &token : list->tokens) {
    if (token.kind == TokenKind::kEnd)
      break;
    result += (result.empty() ? "" : " ") +
              std::string(token.startsLine ? "/" : "") +
              std::string(sources.text(token.span));
  }
  return result;
}

TEST(Lexer, dividesRangesFromFloats) {
  EXPECT_EQ(tokens("0..64"), "/0 .. 64");
  EXPECT_EQ(tokens("0.0..0.9"), "/0.0 .. 0.9");
  EXPECT_EQ(tokens("1..T + 1"), "/1 .. T + 1");
  EXPECT_EQ(tokens("1e-3 2E5 3.5e+1"), "/1e-3 2E5 3.5e+1");
}

TEST(Lexer, takesTheLongestOperator) {
  EXPECT_EQ(tokens("a|>b->c==d!=e<=f>=g...h..i.j"),
            "/a |> b -> c == d != e <= f >= g ... h .. i . j");
}

TEST(Lexer, marksTheFirstTokenOfALine) {
  EXPECT_EQ(tokens("a b // c\n\n  d\r\n e"), "/a b /d /e");
  EXPECT_EQ(tokens("\xEF\xBB\xBF"
                   "a"),
            "/a");
}

TEST(Lexer, refusesMalformedNumbers) {
  EXPECT_EQ(tokens("1."), "error[E0105]: a float needs a digit on both sides "
                          "of the dot");
  EXPECT_EQ(tokens("1.w"), "error[E0105]: a float needs a digit on both sides "
                           "of the dot");
  EXPECT_EQ(tokens(".5"), "error[E0105]: a float needs a digit on both sides "
                          "of the dot");
  EXPECT_EQ(tokens("1e"), "error[E0105]: the exponent has no digits");
  EXPECT_EQ(tokens("0x10"), "error[E0105]: a letter follows the number");
  EXPECT_EQ(tokens("9223372036854775807"), "/9223372036854775807");
  EXPECT_EQ(tokens("9223372036854775808"),
            "error[E0106]: the number does not fit into an i64");
  EXPECT_EQ(tokens("1e999"),
            "error[E0106]: the number does not fit into an f64");
}

TEST(Lexer, refusesWhatIsNoText) {
  EXPECT_EQ(tokens("\"a"), "error[E0103]: the text is not closed on its line");
  EXPECT_EQ(tokens("\"a\n\""),
            "error[E0103]: the text is not closed on its line");
  EXPECT_EQ(tokens("\"\\q\""), "error[E0104]: unknown escape in text");
  EXPECT_EQ(tokens("\"\\"), "error[E0104]: unknown escape in text");
  EXPECT_EQ(tokens("a \xFF"), "error[E0102]: the file is not UTF-8 text");
  EXPECT_EQ(tokens("a ? b"), "error[E0101]: unexpected `?`");
  EXPECT_EQ(tokens(std::string("a\0b", 3)), "error[E0101]: unexpected `\\x00`");
  EXPECT_EQ(tokens("\xC3\xA9"), "error[E0101]: unexpected `\xC3\xA9`");
  EXPECT_EQ(tokens("\"\xC3\xA9\" // \xC3\xA9"), "/\"\xC3\xA9\"");
}

TEST(Lexer, resolvesEscapes) {
  EXPECT_EQ(unescape(R"("a\"b\\c\n\t")"), "a\"b\\c\n\t");
}

} // namespace
