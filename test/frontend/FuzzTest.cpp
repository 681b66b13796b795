//===- FuzzTest.cpp - Damaged models never crash the parser ---------------===//
//
// Every model is cut at each byte, and changed at random places (seeded). The
// parser either reports exactly one error or gives a tree that prints back, and
// a text that the formatter leaves alone from the second time on.
//
//===----------------------------------------------------------------------===//
#include "SyntaxTestSupport.h"

#include <gtest/gtest.h>

#include <random>

using namespace mlc::frontend;
using namespace mlc::frontend::testing;

namespace {

void check(const std::string &text) {
  Parsed first(text);
  ASSERT_NE(first.file.has_value(), first.diagnostics.hasErrors()) << text;
  if (!first.file) {
    ASSERT_NE(first.messages.find("test.mlg:"), std::string::npos) << text;
    return;
  }
  std::string printed = printSource(*first.file, first.sources);
  Parsed second(printed);
  ASSERT_TRUE(second.file) << text << "\n---\n" << printed << second.messages;
  ASSERT_TRUE(ast::equal(*first.file, *second.file)) << text << "\n---\n"
                                                     << printed;
  ASSERT_EQ(printSource(*second.file, second.sources), printed) << text;

  std::string formatted = format(text);
  Parsed third(formatted);
  ASSERT_TRUE(third.file) << text << "\n---\n" << formatted << third.messages;
  ASSERT_TRUE(ast::equal(*first.file, *third.file)) << text << "\n---\n"
                                                    << formatted;
  ASSERT_EQ(first.file->comments.size(), third.file->comments.size()) << text;
  ASSERT_EQ(format(formatted), formatted) << text;
}

TEST(SyntaxFuzz, truncatedModels) {
  for (const auto &path : modelFiles()) {
    std::string text = slurp(path);
    for (size_t size = 0; size < text.size(); ++size)
      ASSERT_NO_FATAL_FAILURE(check(text.substr(0, size)));
  }
}

TEST(SyntaxFuzz, mutatedModels) {
  const std::vector<std::string> pieces = {
      "(",  ")",   "[",  "]",    "{",    "}",  ",",   ";",      ":",   ".",
      "..", "...", "=",  "->",   "|>",   "==", "<",   "+",      "-",   "*",
      "@",  "^",   " ",  "\n",   "//",   "\"", "\\",  "not ",   "or ", "as ",
      "_",  "1",   ".5", "1e9",  "None", "if", "let", "repeat", "B",   "scan",
      "\t", "\r",  "in", "\xFF", "else", "f("};
  std::mt19937_64 random(2);
  for (const auto &path : modelFiles()) {
    std::string original = slurp(path);
    for (int round = 0; round < 700; ++round) {
      std::string text = original;
      for (uint64_t edits = 1 + random() % 4; edits > 0; --edits) {
        size_t at = random() % text.size();
        switch (random() % 4) {
        case 0: // put in
          text.insert(at, pieces[random() % pieces.size()]);
          break;
        case 1: // take out
          text.erase(at, 1 + random() % 8);
          break;
        case 2: // replace
          text.replace(at, 1, pieces[random() % pieces.size()]);
          break;
        default: { // repeat a stretch somewhere else
          std::string stretch = text.substr(at, 1 + random() % 40);
          text.insert(random() % text.size(), stretch);
        }
        }
        if (text.empty())
          text = " ";
      }
      ASSERT_NO_FATAL_FAILURE(check(text));
    }
  }
}

TEST(SyntaxFuzz, mutatedJson) {
  std::mt19937_64 random(3);
  Parsed parsed(slurp(std::string(MLC_MODELS) + "/grammar.mlg"));
  ASSERT_TRUE(parsed.file);
  ast::Program program;
  program.files.push_back(std::move(*parsed.file));
  std::string original = toJson(program, parsed.sources);
  const std::string pieces = "{}[]\":,0129.-e\\ntfu \xFF";
  for (int round = 0; round < 1500; ++round) {
    std::string json = original;
    for (uint64_t edits = 1 + random() % 3; edits > 0; --edits) {
      size_t at = random() % json.size();
      if (random() % 2)
        json[at] = pieces[random() % pieces.size()];
      else
        json.erase(at, 1 + random() % 30);
    }
    SourceManager sources;
    llvm::raw_null_ostream nowhere;
    DiagnosticEngine diagnostics(sources, nowhere, ColorMode::kNever);
    auto read = fromJson(json, sources, diagnostics);
    ASSERT_NE(read.has_value(), diagnostics.hasErrors());
  }
}

} // namespace
