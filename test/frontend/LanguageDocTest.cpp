//===- LanguageDocTest.cpp - The examples of docs/language.md -------------===//
#include "SyntaxTestSupport.h"

#include <gtest/gtest.h>

using namespace mlc::frontend;
using namespace mlc::frontend::testing;

namespace {

/// The code blocks of the document that are tagged `tag`.
std::vector<std::string> blocks(const std::string &document,
                                const std::string &tag) {
  std::vector<std::string> found;
  std::string fence = "```" + tag + "\n";
  for (size_t at = 0; (at = document.find(fence, at)) != std::string::npos;) {
    at += fence.size();
    size_t end = document.find("\n```", at);
    found.push_back(document.substr(at, end + 1 - at));
    at = end;
  }
  return found;
}

TEST(LanguageDoc, itsExamplesParse) {
  std::vector<std::string> examples = blocks(slurp(MLC_LANGUAGE_DOC), "mlg");
  EXPECT_GE(examples.size(), 10u);
  for (const std::string &example : examples)
    EXPECT_EQ(errorsOf(example), "") << example;
}

TEST(LanguageDoc, itsErrorsAreErrors) {
  for (const std::string &example :
       blocks(slurp(MLC_LANGUAGE_DOC), "mlg-error"))
    EXPECT_NE(errorsOf(example), "") << example;
}

} // namespace
