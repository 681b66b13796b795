//===- LanguageDocTest.cpp - docs/language.md says what is so -------------===//
//
// Its examples compile or are refused as they say, and what the checker knows
// by name is on the page.
//
//===----------------------------------------------------------------------===//

#include "SyntaxTestSupport.h"

#include "frontend/Blocks.h"
#include "frontend/Frontend.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

using namespace mlc::frontend;
using namespace mlc::frontend::testing;

namespace {

const std::string &document() {
  static const std::string text = slurp(MLC_LANGUAGE_DOC);
  return text;
}

/// From the heading `name` to the next one.
std::string section(const std::string &name) {
  size_t begin = document().find("\n## " + name + "\n");
  EXPECT_NE(begin, std::string::npos) << name;
  return document().substr(begin, document().find("\n## ", begin + 1) - begin);
}

/// The code blocks that are tagged `tag`.
std::vector<std::string> blocks(const std::string &tag) {
  std::vector<std::string> found;
  std::string fence = "\n```" + tag + "\n";
  for (size_t at = 0; (at = document().find(fence, at)) != std::string::npos;) {
    at += fence.size();
    size_t end = document().find("\n```", at);
    found.push_back(document().substr(at, end + 1 - at));
    at = end;
  }
  return found;
}

bool has(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

/// `name`, or `name(...)`, as code.
bool hasName(const std::string &text, const std::string &name) {
  return has(text, "`" + name + "`") || has(text, "`" + name + "(");
}

const std::string kModel = "model m {\n"
                           "  input x: f32[B, 8]\n"
                           "  let y = x |> linear(8) as embedding\n"
                           "  output y\n"
                           "  loss mean(y ^ 2)\n"
                           "}\n";

/// The codes of the errors in `example`; in `messages` what was printed.
std::vector<std::string> codesOf(std::string example, std::string &messages) {
  CompileOptions options;
  options.fileName = "example.mlg";
  if (!has("\n" + example, "\nmodel ")) {
    example = kModel + example;
    options.overrides = {{"train.batch", "64"}}; // enough for any mesh here
  }
  options.text = std::move(example);
  CompileResult result = check(options);
  messages = result.diagnostics;
  return result.codes;
}

/// The graph IR of `text`.
std::string compiled(const std::string &text) {
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  CompileOptions options;
  options.fileName = "m.mlg";
  options.text = text;
  CompileResult result = compile(context, options);
  EXPECT_EQ(result.status, CompileStatus::Ok) << text << result.diagnostics;
  std::string printed;
  if (result.module) {
    llvm::raw_string_ostream stream(printed);
    result.module->print(stream);
  }
  return printed;
}

const std::vector<std::string> kNotYet = {"E0901"};

TEST(LanguageDoc, ItsExamplesCompile) {
  EXPECT_GE(blocks("mlg").size(), 6u);
  for (const std::string &example : blocks("mlg")) {
    std::string messages;
    EXPECT_TRUE(codesOf(example, messages).empty()) << example << messages;
  }
}

TEST(LanguageDoc, ItsErrorsAreErrors) {
  EXPECT_GE(blocks("mlg-error").size(), 2u);
  for (const std::string &example : blocks("mlg-error"))
    EXPECT_NE(errorsOf(example), "") << example;
}

TEST(LanguageDoc, ItsLaterExamplesAreNotSupportedYet) {
  EXPECT_GE(blocks("mlg-later").size(), 1u);
  for (const std::string &example : blocks("mlg-later")) {
    std::string messages;
    EXPECT_EQ(codesOf(example, messages), kNotYet) << example << messages;
  }
}

TEST(LanguageDoc, ItHasEveryFunctionAsItIsCalled) {
  std::string text = section("Expressions");
  for (const std::string &name : Elaborator::builtinNames()) {
    std::string call = Elaborator::signatureOf(*Elaborator::findBuiltin(name));
    bool found = has(text, "\n" + call) || has(text, "  " + call);
    EXPECT_TRUE(found) << call;
  }
}

TEST(LanguageDoc, ItHasEveryLayerAsItIsDeclared) {
  std::string text = section("The library");
  std::string library = "\n" + std::string(standardLibraryText());
  size_t layers = 0;
  for (size_t at = 0;
       (at = library.find("\nlayer ", at)) != std::string::npos;) {
    at += 7;
    // A long one is broken at its parameters.
    std::string signature = library.substr(at, library.find(" {\n", at) - at);
    for (auto [broken, whole] :
         {std::pair("(\n  ", "("), std::pair(",\n  ", ", "),
          std::pair("\n)", ")")})
      for (size_t place; (place = signature.find(broken)) != std::string::npos;)
        signature.replace(place, std::string_view(broken).size(), whole);
    ++layers;
    EXPECT_TRUE(has(text, "\n" + signature + "\n")) << signature;
  }
  EXPECT_GE(layers, 12u);
}

TEST(LanguageDoc, ItHasEveryName) {
  std::string blocks = section("Blocks");
  for (const std::vector<std::string> &names :
       {BlockChecker::trainFields(), BlockChecker::groupFields(),
        BlockChecker::optimizerNames(), BlockChecker::scheduleNames(),
        BlockChecker::readerNames()})
    for (const std::string &name : names)
      EXPECT_TRUE(hasName(blocks, name)) << name;
  for (const std::string &name : initializerNames())
    EXPECT_TRUE(hasName(section("Statements"), name)) << name;
  for (const std::string &name : Elaborator::laterCallables())
    EXPECT_TRUE(hasName(section("Not yet"), name)) << name;
}

/// `sgd(lr = 1e-3, ...)` on the page is what `sgd()` is.
TEST(LanguageDoc, ItsDefaultsAreTheDefaults) {
  auto written = [](const std::string &text, const std::string &name) {
    size_t begin = text.find("`" + name + "(") + 1;
    return text.substr(begin, text.find('`', begin) - begin);
  };
  for (const std::string &name : BlockChecker::optimizerNames()) {
    std::string head = kModel + "train {\n  steps = 1\n  optimizer = ";
    EXPECT_EQ(compiled(head + written(section("Blocks"), name) + "\n}\n"),
              compiled(head + name + "()\n}\n"))
        << name;
  }
  for (std::string name :
       {"constant", "uniform", "normal", "truncated_normal", "orthogonal"}) {
    std::string head =
        "model m {\n  input x: f32[B, 8]\n  param p: f32[8, 4] = ";
    std::string tail = "\n  output y = x @ p\n}\n";
    EXPECT_EQ(compiled(head + written(section("Statements"), name) + tail),
              compiled(head + name + "()" + tail))
        << name;
  }
}

TEST(LanguageDoc, WhatItCallsNotYetIsNotYet) {
  auto model = [](const std::string &statement) {
    return "model m {\n  input x: f32[B, 8]\n  " + statement +
           "\n  output z = x * 2\n}\n";
  };
  // What the page calls it, and an example.
  std::vector<std::pair<std::string, std::string>> cases = {
      {"`update` in a loop",
       "layer f(x: float[..., D]) -> float[..., D] {\n"
       "  state s: f32[] = zeros\n  update s = s + 1\n  return x\n}\n" +
           model("let y = x\n  repeat j in 0..2 { y = f(y) }")},
      {"`over dataset`", model("over dataset { let t = mean(x) }")},
      {"`f16`", model("input h: f16[B]")},
      {"`bf16`", model("input h: bf16[B]")},
      {"`bool`", model("input h: bool[B]")},
      {"`sample`", model("param p: f32[8, 8] = sample(x)")},
      {"`zero`", kModel + "parallel {\n  zero = 1\n}\n"},
      {"`shard`", kModel + "parallel {\n  mesh = (data = 1)\n"
                           "  shard embedding.w = [_, data]\n}\n"},
      {"`pipeline`", kModel + "parallel {\n  pipeline { stages = 2 }\n}\n"},
      {"mesh axes other than `data`",
       kModel + "parallel {\n  mesh = (model = 2)\n}\n"},
  };
  for (const std::string &name : Elaborator::laterCallables())
    cases.emplace_back("`" + name + "`", model("let y = " + name + "(x)"));
  std::string text = section("Not yet");
  for (const auto &[phrase, example] : cases) {
    std::string messages;
    EXPECT_TRUE(has(text, phrase)) << phrase;
    EXPECT_EQ(codesOf(example, messages), kNotYet) << example << messages;
  }
}

} // namespace
