#include "SyntaxTestSupport.h"

#include <gtest/gtest.h>

using namespace mlc::frontend;
using namespace mlc::frontend::testing;

namespace {

std::string print(const std::string &text) {
  Parsed parsed(text);
  return parsed.file ? printSource(*parsed.file, parsed.sources)
                     : parsed.messages;
}

TEST(Printer, everyModelPrintsBackToTheSameTree) {
  ASSERT_EQ(modelFiles().size(), 9u);
  for (const auto &path : modelFiles()) {
    SCOPED_TRACE(path.string());
    Parsed first(slurp(path));
    ASSERT_TRUE(first.file) << first.messages;
    std::string printed = printSource(*first.file, first.sources);
    Parsed second(printed);
    ASSERT_TRUE(second.file) << second.messages << printed;
    EXPECT_TRUE(ast::equal(*first.file, *second.file)) << printed;
    EXPECT_EQ(first.file->comments.size(), second.file->comments.size());
    EXPECT_EQ(printSource(*second.file, second.sources), printed);
    Parsed bare(printSource(*first.file));
    ASSERT_TRUE(bare.file) << bare.messages;
    EXPECT_TRUE(ast::equal(*first.file, *bare.file));
  }
}

TEST(Printer, equalityIsStructural) {
  auto same = [](const char *a, const char *b) {
    return ast::equal(*Parsed(a).file, *Parsed(b).file);
  };
  EXPECT_TRUE(same("model m { let a = (b + c) }", "model m {\nlet a=b+c\n}"));
  EXPECT_TRUE(same("// one\nmodel m {}", "model m {}"));
  EXPECT_FALSE(same("model m { let a = b + c }", "model m { let a = b - c }"));
  EXPECT_FALSE(same("model m { let a = f(x) }", "model m { let a = x |> f }"));
  EXPECT_FALSE(same("model m { let a = 1 }", "model m { let a = 1.0 }"));
  EXPECT_FALSE(same("model m {}", "model n {}"));
}

TEST(Printer, putsParenthesesOnlyWhereTheyAreNeeded) {
  for (const char *text : {"a + b * c",
                           "(a + b) * c",
                           "a - (b - c)",
                           "a - b - c",
                           "-a ^ b",
                           "(-a) ^ b",
                           "a ^ b ^ c",
                           "(a ^ b) ^ c",
                           "a ^ -b",
                           "not a == b",
                           "(not a) == b",
                           "not (a and b)",
                           "a or b and not c",
                           "(a or b) and c",
                           "0..n + 1",
                           "(0..n) + 1",
                           "a < b and b < c",
                           "(a < b) == c",
                           "x |> f |> g(1)",
                           "(x |> f) + 1",
                           "f(x |> g, 2)",
                           "f(x |> g) as h[i]",
                           "(f(x) as g)[0]",
                           "x |> f as g",
                           "-x[0].w",
                           "(-x)[0]",
                           "(a,)",
                           "()",
                           "(a = 1, b = 2)",
                           "[1, 2]",
                           "x[:, None, ..., 1:2:3, ::2]",
                           "a @ b",
                           "h[3].attn.proj.w",
                           "x |> f()",
                           "x % 2",
                           "\"a\\\"b\\\\c\\n\"",
                           "(3).w",
                           "x |> f((y |> g) + 1)"})
    EXPECT_EQ(canonical(text), text);
  EXPECT_EQ(canonical("((a)) + ((b * c))"), "a + b * c");
}

TEST(Printer, keepsCommentsAndSingleBlankLines) {
  EXPECT_EQ(print("// top\n\n\n// of m\nmodel m { // in m\n"
                  "  let a = 1   // one\n\n\n"
                  "  // two\n  let b = 2\n  // last\n}\n// end\n"),
            "// top\n\n// of m\nmodel m {\n  // in m\n  let a = 1 // one\n\n"
            "  // two\n  let b = 2\n  // last\n}\n// end\n");
}

TEST(Printer, breaksLongChainsOfPipes) {
  std::string link = " |> linear(width) as some_layer_with_a_long_name";
  EXPECT_EQ(print("model m { let y = x" + link + link + " }"),
            "model m {\n  let y = x\n   " + link + "\n   " + link + "\n}\n");
}

TEST(Printer, ordersTheEntriesOfABlockAsTheyStood) {
  std::string text = "train {\n  group \"*.b\" {\n    frozen = true\n  }\n"
                     "  steps = 1\n}\n\nparallel {\n"
                     "  shard h[*].w = [_, model]\n  zero = 1\n}\n";
  EXPECT_EQ(print(text), text);
}

TEST(Printer, printsEveryKindOfBlock) {
  std::string text = "layer f(x: float[..., D], hard: bool = true) -> "
                     "(float[..., D], f32[]) {\n"
                     "  if hard {\n    return (x, x)\n  } else if training {\n"
                     "    return (x, -x)\n  } else {\n    return (-x, x)\n  }\n"
                     "} gradient(da, db) {\n  return da + db\n}\n\n"
                     "model m {\n"
                     "  let y = scan (a, b) in (x, x) carry (h = 0) {\n"
                     "    h = a\n    yield h\n  }\n"
                     "  over dataset {\n    update c = y\n  }\n"
                     "  repeat i in 0..3 remat {\n    x = x |> f as h[i]\n"
                     "  }\n}\n";
  EXPECT_EQ(print(text), text);
}

} // namespace
