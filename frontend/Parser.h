//===- Parser.h - Text -> tree --------------------------------------------===//
#ifndef MLC_FRONTEND_PARSER_H
#define MLC_FRONTEND_PARSER_H

#include "frontend/Ast.h"
#include "frontend/Diagnostics.h"

#include <functional>
#include <optional>
#include <string>

namespace mlc::frontend {

/// Parses the file `id`. On a mistake, reports one error and returns nothing.
std::optional<ast::File> parse(const SourceManager &sources, FileId id,
                               DiagnosticEngine &diagnostics);

/// Parses `text` as one expression, for `--set NAME=VALUE`.
ast::ExprPtr parseExpression(const SourceManager &sources, FileId id,
                             DiagnosticEngine &diagnostics);

/// Reads a file's text; returns false and says why in `error` if it can't.
using FileReader = std::function<bool(const std::string &path,
                                      std::string &text, std::string &error)>;

/// Reads from disk.
bool readFile(const std::string &path, std::string &text, std::string &error);

/// Parses the file at `path` and everything it imports, each file once, with
/// import paths relative to the importing file's folder. Reports an import that
/// can't be read, a cycle, and an imported file that holds more than layers and
/// imports. A main file that can't be read is an error without a place.
std::optional<ast::Program> parseProgram(const std::string &path,
                                         SourceManager &sources,
                                         DiagnosticEngine &diagnostics,
                                         const FileReader &reader = readFile);

} // namespace mlc::frontend

#endif // MLC_FRONTEND_PARSER_H
