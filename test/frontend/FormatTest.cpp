#include "SyntaxTestSupport.h"
#include "frontend/Lexer.h"

#include <gtest/gtest.h>

#include <random>

using namespace mlc::frontend;
using namespace mlc::frontend::testing;

namespace {

/// Every model file of the source tree.
std::vector<std::filesystem::path> allModels() {
  std::vector<std::filesystem::path> files;
  for (const char *folder : {"examples", "frontend", "test"})
    for (const auto &entry : std::filesystem::recursive_directory_iterator(
             std::string(MLC_SOURCE) + "/" + folder))
      if (entry.path().extension() == ".mlg")
        files.push_back(entry.path());
  return files;
}

/// One statement in a model, formatted, without what is around it.
std::string statement(const std::string &text) {
  std::string all = format("model m {\n" + text + "\n}\n");
  std::string head = "model m {\n";
  EXPECT_TRUE(all.starts_with(head)) << all;
  EXPECT_TRUE(all.ends_with("}\n")) << all;
  EXPECT_EQ(format(all), all);
  return all.substr(head.size(), all.size() - head.size() - 2);
}

TEST(Format, theModelsAreInTheStyle) {
  for (const auto &path : modelFiles())
    EXPECT_EQ(format(slurp(path)), slurp(path)) << path;
  for (const char *path :
       {"/frontend/stdlib/layers.mlg", "/examples/digits/digits.mlg",
        "/examples/fashion_mnist/mlp.mlg"}) {
    std::string text = slurp(std::string(MLC_SOURCE) + path);
    EXPECT_EQ(format(text), text) << path;
  }
}

TEST(Format, keepsTheTreeAndIsStable) {
  size_t checked = 0;
  for (const auto &path : allModels()) {
    Parsed before(slurp(path));
    if (!before.file)
      continue;
    ++checked;
    std::string once = format(slurp(path));
    Parsed after(once);
    ASSERT_TRUE(after.file) << path << after.messages;
    EXPECT_TRUE(ast::equal(*before.file, *after.file)) << path;
    EXPECT_EQ(before.file->comments.size(), after.file->comments.size());
    EXPECT_EQ(format(once), once) << path;
  }
  EXPECT_GT(checked, 100u);
}

// Other spaces, line ends and comments at random places where they may be.
TEST(Format, whateverTheSpacesAre) {
  std::mt19937_64 random(4);
  for (const auto &path : modelFiles())
    for (int round = 0; round < 40; ++round) {
      SourceManager sources;
      llvm::raw_null_ostream nowhere;
      DiagnosticEngine diagnostics(sources, nowhere, ColorMode::kNever);
      FileId id = sources.add("", slurp(path));
      auto tokens = lex(sources, id, diagnostics);
      ASSERT_TRUE(tokens);
      std::string text;
      int brackets = 0;
      for (const Token &token : tokens->tokens) {
        std::string_view word = sources.text(token.span);
        bool ends = token.startsLine || brackets > 0 || word == "|>";
        if (ends && (token.startsLine || random() % 8 == 0)) {
          if (random() % 6 == 0)
            text += " // c" + std::to_string(random() % 9);
          text += random() % 4 ? "\n" : "\n\n\n";
          if (random() % 6 == 0)
            text += "  // own\n";
        }
        text += std::string(1 + random() % 3 / 2, ' ') + std::string(word);
        brackets += word == "(" || word == "[";
        brackets -= word == ")" || word == "]";
        if (word == "{") // a scan in brackets would need more
          brackets = 0;
      }
      Parsed before(text);
      ASSERT_TRUE(before.file) << before.messages << text;
      std::string once = format(text);
      Parsed after(once);
      ASSERT_TRUE(after.file) << after.messages << once;
      ASSERT_TRUE(ast::equal(*before.file, *after.file)) << text << once;
      ASSERT_EQ(before.file->comments.size(), after.file->comments.size());
      ASSERT_EQ(format(once), once) << text;
    }
}

TEST(Format, setsSpacesAndLines) {
  EXPECT_EQ(format("import\t\"a.mlg\";import \"b.mlg\"\r\n\r\n\r\n"
                   "layer f(x:float[ ...,D ],n :int=3)->float[...,D]{return "
                   "-x  [0 , : , 1 : 2]@x ;}gradient (dy){\n\n return dy\n\n}"
                   "model m{ }\n\n"),
            "import \"a.mlg\"\nimport \"b.mlg\"\n\n"
            "layer f(x: float[..., D], n: int = 3) -> float[..., D] { return "
            "-x[0, :, 1:2] @ x } gradient(dy) {\n  return dy\n}\n\n"
            "model m {}\n");
  EXPECT_EQ(statement("let  a=( b-c )*-d^- 2;let e = 1 .. n+1"),
            "  let a = (b - c) * -d ^ -2; let e = 1..n + 1\n");
  EXPECT_EQ(
      statement("let (a,b)=f (x)\nloss (a)\nlet c=3 .w\nlet d=h [ 3 ]. w"),
      "  let (a, b) = f(x)\n  loss (a)\n  let c = 3 .w\n"
      "  let d = h[3].w\n");
  EXPECT_EQ(statement("repeat i in 0..n{x=f(x)as h[i]}"),
            "  repeat i in 0..n { x = f(x) as h[i] }\n");
  EXPECT_EQ(statement("if a{b=1\n}\nelse\nif c{d=2}else{e=(3)}"),
            "  if a {\n    b = 1\n  } else if c { d = 2 } else { e = (3) }\n");
  EXPECT_EQ(statement("let y = scan(a,b)in(x,y)carry(h=0){yield h}"),
            "  let y = scan (a, b) in (x, y) carry (h = 0) { yield h }\n");
}

TEST(Format, keepsCommentsWhereTheyAre) {
  std::string text = "// top\n\n"
                     "// of m\n"
                     "model m { // in m\n"
                     "  let a = 1 // one\n\n"
                     "  // two\n"
                     "  let b = f( // of f\n"
                     "    a, // first\n"
                     "    // second\n"
                     "    c\n"
                     "    // last\n"
                     "  )\n"
                     "    // of the pipe\n"
                     "    |> g // end\n"
                     "  if a {\n"
                     "    // nothing\n"
                     "  }\n"
                     "  // else\n"
                     "  else {\n"
                     "  }\n"
                     "  // last\n"
                     "}\n"
                     "// end\n";
  std::string want = text;
  want.replace(want.find("  else {\n  }\n"), 13, "  else {}\n");
  EXPECT_EQ(format(text), want);
  EXPECT_EQ(format(want), want);
  EXPECT_EQ(format("// alone"), "// alone\n");
  EXPECT_EQ(format(""), "");
  EXPECT_EQ(format("\xEF\xBB\xBFmodel m {} // \xC3\xA4  \n"),
            "model m {} // \xC3\xA4\n");
}

TEST(Format, keepsSingleBlankLines) {
  EXPECT_EQ(format("\n\nmodel m {\n\n\n  let a = 1\n\n\n\n  let b = 2\n\n}\n"
                   "data {}\n// of train\ntrain {}\n\n\n"),
            "model m {\n  let a = 1\n\n  let b = 2\n}\n\ndata {}\n\n"
            "// of train\ntrain {}\n");
}

TEST(Format, breaksLongLinesAtPipesThenAtArguments) {
  std::string link =
      " |> linear(width) as some_layer_with_a_very_very_long_name";
  EXPECT_EQ(statement("let y = x" + link + link),
            "  let y = x\n   " + link + "\n   " + link + "\n");
  std::string name(36, 'a');
  EXPECT_EQ(statement("let y = f(" + name + ", g(1, 2), " + name +
                      ", n = " + name + ")"),
            "  let y = f(\n    " + name + ",\n    g(1, 2),\n    " + name +
                ",\n    n = " + name + "\n  )\n");
  std::string shorter(30, 'a'); // 120 characters to the brace
  EXPECT_EQ(format("layer f(" + shorter + ": float[A, B], x" + shorter +
                   ": float[A, B], n: int) -> float[A] { return x }"),
            "layer f(" + shorter + ": float[A, B], x" + shorter +
                ": float[A, B], n: int) -> float[A] {\n  return x\n}\n");
  EXPECT_EQ(format("layer f(" + shorter + ": float[A, B], x" + shorter +
                   ": float[A, B], number: int) -> float[A, B] { return x }"),
            "layer f(\n  " + shorter + ": float[A, B],\n  x" + shorter +
                ": float[A, B],\n  number: int\n) -> float[A, B] {\n"
                "  return x\n}\n");
  EXPECT_EQ(statement("let y = " + name + " * " + name + " + " + name + " * " +
                      name + " - c"),
            "  let y = " + name + " * " + name + "\n    + " + name + " * " +
                name + "\n    - c\n");
  EXPECT_EQ(
      statement("let a = " + name + "; let b = " + name + "; let c = " + name),
      "  let a = " + name + "\n  let b = " + name + "\n  let c = " + name +
          "\n");
}

TEST(Format, keepsTheAuthorsLinesInBrackets) {
  EXPECT_EQ(statement("let b = concat(\n  (a,\n  x),\n\naxis\n= 1)"),
            "  let b = concat(\n    (a,\n      x),\n\n    axis = 1)\n");
  EXPECT_EQ(statement("let a = x\n+ y\n* (z\n+ 1)\n|> f"),
            "  let a = x\n    + y\n    * (z\n      + 1)\n    |> f\n");
}

TEST(Format, alignsWhatTheAuthorBegan) {
  EXPECT_EQ(format("train {\nepochs  = 3\nmicrobatch = 4\n\nlr = 2\nsum = 1\n"
                   "// why\n  seed   = 4\n}"),
            "train {\n  epochs     = 3\n  microbatch = 4\n\n  lr   = 2\n"
            "  sum  = 1\n  // why\n  seed = 4\n}\n");
  EXPECT_EQ(
      statement("output y\nloss   mean(y)\nmetric m = y\nmetric name  = y"),
      "  output y\n  loss   mean(y)\n  metric m    = y\n"
      "  metric name = y\n");
  EXPECT_EQ(statement("param w:  float[A]    = zeros\nparam wx: float[A, B] = "
                      "ones\nparam b: float[] = ones"),
            "  param w:  float[A]    = zeros\n  param wx: float[A, B] = ones\n"
            "  param b:  float[]     = ones\n");
  // Two spaces alone begin no column.
  EXPECT_EQ(statement("let a  = f(x,  y)  // c\nlet bcd  =  g(xyz, y)"),
            "  let a   = f(x, y) // c\n  let bcd = g(xyz, y)\n");
  EXPECT_EQ(statement("let y = x\n|> f(1,  k = 2)        as a |> h // one\n"
                      "|> f(12, k = 3, q = 4) as b |> h // two"),
            "  let y = x\n    |> f(1,  k = 2)        as a |> h // one\n"
            "    |> f(12, k = 3, q = 4) as b |> h // two\n");
}

TEST(Format, reportsWhatDoesNotParse) {
  EXPECT_NE(format("model m { let }").find("error[E"), std::string::npos);
  EXPECT_NE(format("model m { \xFF }").find("error[E"), std::string::npos);
}

} // namespace
