//===- SyntaxTestSupport.h - Parsing text in tests ------------------------===//
#ifndef MLC_TEST_FRONTEND_SYNTAXTESTSUPPORT_H
#define MLC_TEST_FRONTEND_SYNTAXTESTSUPPORT_H

#include "frontend/AstJson.h"
#include "frontend/Format.h"
#include "frontend/Parser.h"
#include "frontend/Printer.h"

#include "llvm/Support/raw_ostream.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace mlc::frontend::testing {

/// A parsed text, with what its engine printed.
struct Parsed {
  SourceManager sources;
  std::string messages;
  llvm::raw_string_ostream stream{messages};
  DiagnosticEngine diagnostics{sources, stream, ColorMode::kNever};
  std::optional<ast::File> file;

  explicit Parsed(std::string text) {
    FileId id = sources.add("test.mlg", std::move(text));
    file = parse(sources, id, diagnostics);
  }
};

/// What goes wrong in `text`, as printed; empty if nothing does.
inline std::string errorsOf(std::string text) {
  return Parsed(std::move(text)).messages;
}

/// One expression, printed in canonical form; or the error.
inline std::string canonical(std::string text) {
  SourceManager sources;
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  DiagnosticEngine diagnostics(sources, stream, ColorMode::kNever);
  FileId id = sources.add("expression", std::move(text));
  ast::ExprPtr expr = parseExpression(sources, id, diagnostics);
  return expr ? printSource(*expr) : messages;
}

/// A file in the formatter's style; or the error.
inline std::string format(std::string text) {
  SourceManager sources;
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  DiagnosticEngine diagnostics(sources, stream, ColorMode::kNever);
  FileId id = sources.add("test.mlg", std::move(text));
  return formatSource(sources, id, diagnostics).value_or(messages);
}

inline std::string slurp(const std::filesystem::path &path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// The model files, by name and in order.
inline std::vector<std::filesystem::path> modelFiles() {
  std::vector<std::filesystem::path> files;
  for (const auto &entry : std::filesystem::directory_iterator(MLC_MODELS))
    if (entry.path().extension() == ".mlg")
      files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

} // namespace mlc::frontend::testing

#endif // MLC_TEST_FRONTEND_SYNTAXTESTSUPPORT_H
