//===- Format.cpp - mlc --format ------------------------------------------===//

#include "tools/mlc/Format.h"

#include "frontend/Frontend.h"
#include "tools/mlc/Compilation.h"
#include "tools/mlc/Files.h"

#include "llvm/Support/raw_ostream.h"

#include <algorithm>
#include <filesystem>

namespace mlc::driver {

/// The first line, from 1, in which the texts differ.
static ptrdiff_t firstDifference(const std::string &a, const std::string &b) {
  auto end = std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first;
  return 1 + std::count(a.begin(), end, '\n');
}

static int fail(const std::string &message) {
  printError(message);
  return kModelError;
}

int formatModel(const Options &options) {
  std::string error;
  std::optional<std::string> text = readInput(options.input, error);
  if (!text)
    return fail(error);
  frontend::CompileOptions input;
  input.fileName = options.input == "-" ? "<stdin>" : options.input;
  input.text = *text;
  input.color = wantsColor();
  frontend::TextResult result = frontend::format(input);
  llvm::errs() << result.diagnostics;
  if (result.status != frontend::CompileStatus::Ok)
    return kModelError;
  if (options.check) {
    if (result.text == *text)
      return kDone;
    return fail(input.fileName + " is not in the one style, from line " +
                std::to_string(firstDifference(*text, result.text)) +
                " on; `mlc --format --in-place` mends it");
  }
  std::string path = "-";
  if (options.inPlace) {
    if (result.text == *text)
      return kDone;
    // A link stays one: the file that it names is replaced.
    std::error_code code;
    path = std::filesystem::canonical(options.input, code).string();
    if (code)
      path = options.input;
  }
  return writeOutput(path, result.text, error) ? kDone : fail(error);
}

} // namespace mlc::driver
