#include "SyntaxTestSupport.h"

#include <gtest/gtest.h>

using namespace mlc::frontend;
using namespace mlc::frontend::testing;

namespace {

/// Parses statements inside a model; the error's first line, or "".
std::string inModel(const std::string &body) {
  std::string text = errorsOf("model m {\n" + body + "\n}\n");
  return text.substr(0, text.find('\n'));
}

TEST(Parser, bindsAsTheDesignSays) {
  auto same = [](const char *a, const char *b) {
    EXPECT_EQ(canonical(a), canonical(b));
  };
  same("a or b and c", "a or (b and c)");
  same("not a == b", "not (a == b)");
  same("0..a + 1", "0..(a + 1)");
  same("a .. b < c", "a..(b < c)");
  same("a + b * c ^ d", "a + (b * (c ^ d))");
  same("a ^ b ^ c", "a ^ (b ^ c)");
  same("-a ^ b", "-(a ^ b)");
  same("-a * b", "(-a) * b");
  same("a - b - c", "(a - b) - c");
  same("a @ b / c % d", "((a @ b) / c) % d");
  same("x |> f |> g", "(x |> f) |> g");
  same("f(x) as g + 1", "(f(x) as g) + 1");
}

TEST(Parser, asBindsToItsCall) {
  Parsed parsed("model m { let y = f(x |> g as a, 1) as b[i] }");
  ASSERT_TRUE(parsed.file) << parsed.messages;
  const auto *model = parsed.file->find<ast::ModelDecl>();
  const auto *let = llvm::cast<ast::LetStmt>(model->body.statements[0].get());
  const auto *outer = llvm::cast<ast::CallExpr>(let->value.get());
  ASSERT_TRUE(outer->instance);
  EXPECT_EQ(outer->instance->name.text, "b");
  EXPECT_EQ(outer->instance->indices.size(), 1u);
  const auto *inner =
      llvm::cast<ast::CallExpr>(outer->arguments[0].value.get());
  EXPECT_TRUE(inner->piped);
  EXPECT_EQ(inner->instance->name.text, "a");
  EXPECT_EQ(parsed.sources.text(outer->span), "f(x |> g as a, 1) as b[i]");
  EXPECT_EQ(parsed.sources.text(inner->span), "x |> g as a");
  EXPECT_EQ(parsed.sources.text(inner->callee.span), "g");
}

TEST(Parser, statementsEndWithTheirLine) {
  EXPECT_EQ(inModel("let a = b\n  + c\n  |> f\nlet d = 1"), "");
  EXPECT_EQ(inModel("let a = f(b,\n  c\n)\nlet d = [1,\n2]"), "");
  EXPECT_EQ(inModel("let a = 1; let b = 2;"), "");
  EXPECT_EQ(inModel("let a = (scan x in y {\nlet b = 1\nyield b\n})"), "");
  EXPECT_EQ(inModel("let a = b\n(c, d) = f(a)"), "");
  EXPECT_EQ(inModel("let a = 1 let b = 2"),
            "error[E0115]: expected the end of the statement, found `let`");
  EXPECT_EQ(inModel("let a = b +\n  c"),
            "error[E0111]: expected an expression, found the end of the line");
  EXPECT_EQ(inModel("let a = b\n[0]"),
            "error[E0112]: expected a statement, found `[`");
}

TEST(Parser, keywordsAreContextual) {
  EXPECT_EQ(inModel("let input = 1\nlet model = input\nloss = 2\n"
                    "output layer = scan + carry + repeat\n"
                    "let y = state(output = 3)"),
            "");
  EXPECT_EQ(inModel("let not = 1"),
            "error[E0125]: `not` is reserved and can't be a name");
}

TEST(Parser, everyStatementIsUnderstood) {
  Parsed parsed("layer l(x: f32[B], n: int = 1) -> (f32[B], f32[]) {\n"
                "  param w: float[n] = zeros\n  return (x, sum(w))\n"
                "} gradient(a, b) { return a }\n"
                "model m(k: int = 1) {\n"
                "  input x: f32[B, k]; state s: f32[] = zeros\n"
                "  let (a, b) = l(x)\n  (a, b) = l(a)\n"
                "  if k > 1 { a = b } else if training { b = a } else {}\n"
                "  repeat i in 0..k remat { a = a |> l as h[i] }\n"
                "  over dataset { update s = a }\n"
                "  output a; output c = b; loss a; metric d = b\n}\n");
  ASSERT_TRUE(parsed.file) << parsed.messages;
  const auto *model = parsed.file->find<ast::ModelDecl>();
  std::vector<ast::StmtKind> kinds;
  for (const auto &stmt : model->body.statements)
    kinds.push_back(stmt->kind);
  using K = ast::StmtKind;
  EXPECT_EQ(kinds, (std::vector{K::Input, K::State, K::Let, K::Assign, K::If,
                                K::Repeat, K::OverDataset, K::Output, K::Output,
                                K::Loss, K::Metric}));
  EXPECT_EQ(parsed.sources.text(model->body.statements[3]->span),
            "(a, b) = l(a)");
  EXPECT_TRUE(parsed.file->find<ast::LayerDecl>()->gradient);
}

std::string repeated(const std::string &piece, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += piece;
  return text;
}

TEST(Parser, deepNestingIsAnError) {
  const size_t kMany = 100000;
  for (const std::string &text :
       {repeated("(", kMany), repeated("[", kMany), repeated("-", kMany),
        repeated("not ", kMany), repeated("f(", kMany), repeated("a[", kMany),
        repeated("a^", kMany), repeated("a + ", kMany) + "a",
        "a" + repeated(" |> f", kMany), "a" + repeated(".b", kMany),
        "a" + repeated("[0]", kMany), repeated("(a = ", kMany),
        "a" + repeated("^a", kMany), "a" + repeated("\n+ a", kMany)})
    EXPECT_EQ(inModel("let y = " + text).substr(0, 12), "error[E0120]")
        << text.substr(0, 20);
  for (const std::string &text :
       {repeated("if a {", kMany), repeated("repeat i in 0..1 {", kMany),
        "if a {}" + repeated(" else if a {}", kMany),
        repeated("let y = scan a in b {", kMany)})
    EXPECT_EQ(inModel(text).substr(0, 12), "error[E0120]")
        << text.substr(0, 20);
  EXPECT_EQ(inModel("let y = " + repeated("(", 150) + "a" + repeated(")", 150)),
            "");
  EXPECT_EQ(inModel("let y = a" + repeated(" + a", 350)), "");
}

TEST(Parser, importsAreLoadedOnceRelativeToTheirFile) {
  std::map<std::string, std::string> disk = {
      {"d/main.mlg", "import \"a.mlg\"\nimport \"lib/b.mlg\"\nmodel m {}"},
      {"d/a.mlg", "import \"./lib/b.mlg\""},
      {"d/lib/b.mlg", "import \"../c.mlg\""},
      {"d/c.mlg", ""},
      {"loop.mlg", "import \"loop2.mlg\""},
      {"loop2.mlg", "import \"loop.mlg\""},
      {"missing.mlg", "import \"nowhere.mlg\""},
      {"two.mlg", "import \"d/main.mlg\""}};
  auto reader = [&](const std::string &path, std::string &text,
                    std::string &error) {
    auto found = disk.find(path);
    error = "no such file";
    text = found == disk.end() ? "" : found->second;
    return found != disk.end();
  };
  auto load = [&](const std::string &path, size_t *files = nullptr) {
    SourceManager sources;
    std::string messages;
    llvm::raw_string_ostream stream(messages);
    DiagnosticEngine diagnostics(sources, stream, ColorMode::kNever);
    auto program = parseProgram(path, sources, diagnostics, reader);
    if (files)
      *files = program ? program->files.size() : 0;
    return messages.substr(0, messages.find("\n  |"));
  };
  size_t files = 0;
  EXPECT_EQ(load("d/main.mlg", &files), "");
  EXPECT_EQ(files, 4u);
  EXPECT_EQ(load("loop.mlg"), "error[E0131]: `loop.mlg` imports this file, and "
                              "this file imports it\n --> loop2.mlg:1:8");
  EXPECT_EQ(load("missing.mlg"), "error[E0130]: can't read `nowhere.mlg`: no "
                                 "such file\n --> missing.mlg:1:8");
  EXPECT_EQ(load("gone.mlg"),
            "error[E0130]: can't read `gone.mlg`: no such file\n");
  EXPECT_EQ(load("two.mlg"), "error[E0132]: an imported file holds layers "
                             "only, and this is a `model`\n --> "
                             "d/main.mlg:3:1");
}

TEST(Parser, readsFilesFromDisk) {
  std::string text, error;
  EXPECT_TRUE(readFile(MLC_MODELS "/mlp.mlg", text, error));
  EXPECT_FALSE(readFile(MLC_MODELS, text, error));
  EXPECT_EQ(error, "it is a folder");
  EXPECT_FALSE(readFile(MLC_MODELS "/none.mlg", text, error));
  EXPECT_EQ(error, "no such file or directory");
}

} // namespace
