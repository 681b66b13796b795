#include "SyntaxTestSupport.h"

#include <gtest/gtest.h>

using namespace mlc::frontend;

namespace {

struct Engine {
  SourceManager sources;
  FileId id;
  std::string text;
  llvm::raw_string_ostream stream{text};
  DiagnosticEngine diagnostics;

  explicit Engine(std::string source, ColorMode color = ColorMode::kNever)
      : id(sources.add("m.mlg", std::move(source))),
        diagnostics(sources, stream, color) {}
  Span span(uint32_t begin, uint32_t end) const { return {id, begin, end}; }
};

TEST(Diagnostics, showsLineCaretsNotesAndHelp) {
  Engine engine("let hidden = 1\nlet y = hiden\n");
  engine.diagnostics
      .error(Code::UnexpectedToken, engine.span(23, 28), "no value `hiden`")
      .label("not found")
      .note(engine.span(4, 10), "there is this one")
      .suggest(suggestName("hiden", {"label", "hidden"}));
  EXPECT_EQ(engine.text, "error[E0110]: no value `hiden`\n"
                         " --> m.mlg:2:9\n"
                         "  |\n"
                         "2 | let y = hiden\n"
                         "  |         ^^^^^ not found\n"
                         "  |\n"
                         "note: there is this one\n"
                         " --> m.mlg:1:5\n"
                         "  |\n"
                         "1 | let hidden = 1\n"
                         "  |     ------\n"
                         "  |\n"
                         "help: did you mean `hidden`?\n");
}

TEST(Diagnostics, oneMistakeGivesOneError) {
  Engine engine("a");
  for (int i = 0; i < 3; ++i)
    engine.diagnostics.error(Code::UnexpectedToken, engine.span(0, 1), "x");
  EXPECT_EQ(engine.diagnostics.errors().size(), 1u);
  EXPECT_EQ(engine.text.find("error["), engine.text.rfind("error["));
}

TEST(Diagnostics, columnsCountCharactersAndCaretsCells) {
  // The two wide characters take two cells each; the tab takes four.
  Engine engine("\t\"\xE6\xBC\xA2\xE5\xAD\x97\" x\n");
  engine.diagnostics.error(Code::UnexpectedToken, engine.span(10, 11), "m");
  EXPECT_NE(engine.text.find("m.mlg:1:7\n"), std::string::npos) << engine.text;
  EXPECT_NE(engine.text.find("|            ^\n"), std::string::npos)
      << engine.text;
}

TEST(Diagnostics, damagedTextIsShownSafely) {
  Engine engine("a\x1b[31m\xFF\x01 b");
  engine.diagnostics.error(Code::NotUtf8, engine.span(6, 7), "m");
  EXPECT_EQ(engine.text.find('\x1b'), std::string::npos);
  EXPECT_EQ(engine.text.find('\xFF'), std::string::npos);
}

TEST(Diagnostics, longLinesAreCutAroundTheCarets) {
  Engine engine(std::string(5000, 'a') + "b" + std::string(5000, 'c'));
  engine.diagnostics.error(Code::UnexpectedToken, engine.span(5000, 5001), "m");
  EXPECT_LT(engine.text.size(), 600u);
  size_t line = engine.text.find("1 | ");
  size_t carets = engine.text.find("  | ", line + 4);
  size_t b = engine.text.find('b', line) - line;
  EXPECT_EQ(engine.text.find('^') - carets, b) << engine.text;
}

TEST(Diagnostics, spansPastTheLineAndAtTheEndAreMarked) {
  Engine engine("ab\ncd");
  engine.diagnostics.error(Code::UnexpectedToken, engine.span(1, 5), "m");
  EXPECT_NE(engine.text.find("1 | ab\n  |  ^\n"), std::string::npos);
  Engine end("ab\n");
  end.diagnostics.error(Code::UnexpectedToken, end.span(3, 3), "m");
  EXPECT_NE(end.text.find("m.mlg:2:1"), std::string::npos);
  Engine empty("");
  empty.diagnostics.error(Code::UnexpectedToken, empty.span(0, 0), "m");
  EXPECT_NE(empty.text.find("m.mlg:1:1"), std::string::npos);
  Engine nowhere("");
  nowhere.diagnostics.error(Code::CannotRead, Span(), "m");
  EXPECT_EQ(nowhere.text, "error[E0130]: m\n");
}

TEST(Diagnostics, coloursOnlyWhenAskedFor) {
  Engine plain("a", ColorMode::kAuto); // a string is no terminal
  plain.diagnostics.error(Code::UnexpectedToken, plain.span(0, 1), "m");
  EXPECT_EQ(plain.text.find('\x1b'), std::string::npos);
}

TEST(Diagnostics, suggestsNearNamesOnly) {
  EXPECT_EQ(suggestName("hiden", {"label", "hidden"}), "hidden");
  EXPECT_EQ(suggestName("Linear", {"linear", "lstm"}), "linear");
  EXPECT_EQ(suggestName("lable", {"label"}), "label");
  EXPECT_EQ(suggestName("x", {"y", "z"}), std::nullopt);
  EXPECT_EQ(suggestName("foo", {"bar", "cross_entropy"}), std::nullopt);
  EXPECT_EQ(suggestName("a", {}), std::nullopt);
  EXPECT_EQ(suggestName("batchsize", {"batch", "steps"}), "batch");
  EXPECT_EQ(suggestName("steps_per_epoch", {"lr", "steps"}), "steps");
  EXPECT_EQ(suggestName("crossentropy", {"cross_entropy"}), "cross_entropy");
}

TEST(Diagnostics, everyCodeIsExplained) {
  ASSERT_FALSE(allCodes().empty());
  std::string_view last;
  for (Code code : allCodes()) {
    std::string_view name = codeName(code);
    EXPECT_LT(last, name) << "codes stand in order";
    last = name;
    std::optional<std::string> text = explainCode(name);
    ASSERT_TRUE(text);
    EXPECT_TRUE(text->starts_with(std::string(name) + ": "));
    EXPECT_GT(text->size(), codeTitle(code).size() + 60) << name;
    EXPECT_TRUE(text->ends_with("\n"));
    if (name >= "E0200")
      EXPECT_NE(text->find("\n    "), std::string::npos)
          << name << " has no example";
  }
  EXPECT_TRUE(explainCode("e0101"));
  EXPECT_FALSE(explainCode("E9999"));
}

} // namespace
