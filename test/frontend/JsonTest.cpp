#include "SyntaxTestSupport.h"

#include <gtest/gtest.h>

using namespace mlc::frontend;
using namespace mlc::frontend::testing;

namespace {

/// Reads `json`; the error's first line, or "".
std::string readBack(const std::string &json, std::string *again = nullptr) {
  SourceManager sources;
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  DiagnosticEngine diagnostics(sources, stream, ColorMode::kNever);
  std::optional<ast::Program> program = fromJson(json, sources, diagnostics);
  if (program && again)
    *again = toJson(*program, sources);
  EXPECT_NE(program.has_value(), diagnostics.hasErrors());
  return messages.substr(0, messages.find('\n'));
}

std::string jsonOf(const std::string &text) {
  Parsed parsed(text);
  EXPECT_TRUE(parsed.file) << parsed.messages;
  ast::Program program;
  program.files.push_back(std::move(*parsed.file));
  return toJson(program, parsed.sources);
}

std::string replaced(std::string text, const std::string &from,
                     const std::string &to) {
  size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from << " in " << text;
  return text.replace(at, from.size(), to);
}

TEST(AstJson, everyModelComesBackByteForByte) {
  for (const auto &path : modelFiles()) {
    SCOPED_TRACE(path.string());
    std::string json = jsonOf(slurp(path)), again;
    EXPECT_EQ(readBack(json, &again), "");
    EXPECT_EQ(json, again);
  }
}

TEST(AstJson, keepsImportedFilesAndPlaces) {
  SourceManager sources;
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  DiagnosticEngine diagnostics(sources, stream, ColorMode::kNever);
  auto program = parseProgram(MLC_MODELS "/grammar.mlg", sources, diagnostics);
  ASSERT_TRUE(program) << messages;
  ASSERT_EQ(program->files.size(), 2u);
  std::string json = toJson(*program, sources);
  SourceManager others;
  others.add("something else", "");
  DiagnosticEngine again(others, stream, ColorMode::kNever);
  auto back = fromJson(json, others, again);
  ASSERT_TRUE(back) << messages;
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(ast::equal(program->files[i], back->files[i]));
    EXPECT_EQ(others.describe(back->files[i].declarations[0]->span),
              sources.describe(program->files[i].declarations[0]->span));
  }
  EXPECT_EQ(toJson(*back, others), json);
}

TEST(AstJson, refusesWhatTheParserDidNotMake) {
  std::string json = jsonOf("model m { let a = f(1, not x) + 2.5 }");
  auto changed = [&](const char *from, const char *to) {
    return readBack(replaced(json, from, to));
  };
  EXPECT_EQ(changed("mlc-ast", "x"),
            "error[E0133]: this is not what `--emit=ast` writes");
  EXPECT_EQ(changed("\"schema_version\": 1", "\"schema_version\": 2"),
            "error[E0133]: `schema_version` is not 1");
  EXPECT_EQ(changed("\"kind\": \"Model\"", "\"kind\": \"Modle\""),
            "error[E0133]: files[0].declarations.0: `Modle` is no kind of "
            "declaration");
  EXPECT_NE(changed("\"callee\"", "\"calee\"").find("`callee` is missing"),
            std::string::npos);
  EXPECT_NE(changed("\"op\": \"+\"", "\"op\": \"++\"").find("is no operator"),
            std::string::npos);
  EXPECT_NE(changed("\"not\"", "\"nor\"").find("is neither `-` nor `not`"),
            std::string::npos);
  EXPECT_NE(changed("\"2.5\"", "\"2,5\"").find("is no number"),
            std::string::npos);
  EXPECT_NE(changed("\"1\"", "1").find("is no string"), std::string::npos);
  EXPECT_NE(changed("\"text\": \"model", "\"more\": 1, \"text\": \"model")
                .find("it has a field too many"),
            std::string::npos);
  EXPECT_NE(
      changed("\"span\": [0,", "\"span\": [-1,").find("is no range of bytes"),
      std::string::npos);
  EXPECT_NE(
      changed("\"span\": [0,", "\"span\": [90,").find("is no range of bytes"),
      std::string::npos);
  EXPECT_NE(changed("\"text\": \"f\"", "\"text\": \"f f\"")
                .find("this is not a tree that the parser makes"),
            std::string::npos);
}

TEST(AstJson, refusesDamagedJson) {
  std::string json = jsonOf("model m { let a = f(1) + 2 }");
  for (size_t size = 0; size + 2 < json.size(); ++size)
    EXPECT_NE(readBack(json.substr(0, size)), "") << size;
  EXPECT_EQ(readBack(std::string(1000000, '[')),
            "error[E0133]: the JSON is nested too deeply");
  for (const char *text : {"", "null", "[]", "{}", "3", "\"a\"", "nul\xFF"})
    EXPECT_NE(readBack(text), "") << text;
}

TEST(AstJson, refusesTreesThatAreTooHigh) {
  std::string json = jsonOf("model m { let a = -1 }");
  size_t kind = json.find("\"kind\": \"Unary\"");
  ASSERT_NE(kind, std::string::npos) << json;
  size_t at = json.rfind('{', kind);
  std::string open = "{\"kind\": \"Unary\", \"span\": [0, 1], \"op\": \"-\", "
                     "\"operand\": ";
  std::string head = json.substr(0, at), tail = json.substr(at);
  // The operand's brace closes first, then the operator's.
  size_t close = tail.find('}', tail.find('}') + 1) + 1;
  for (int count : {150, 500, 3000}) {
    std::string deep = head, shut;
    for (int i = 0; i < count; ++i) {
      deep += open;
      shut += "}";
    }
    deep += tail.substr(0, close) + shut + tail.substr(close);
    EXPECT_EQ(readBack(deep).empty(), count == 150) << readBack(deep);
  }
}

} // namespace
