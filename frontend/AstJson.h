//===- AstJson.h - Tree <-> JSON ------------------------------------------===//
//
// The phase `ast`: every node with its kind, its span as [begin, end) byte
// offsets, and its fields, beside the names and texts of the files, so that
// what is compiled from it gives the same plan and the same diagnostics.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_FRONTEND_ASTJSON_H
#define MLC_FRONTEND_ASTJSON_H

#include "frontend/Ast.h"
#include "frontend/Diagnostics.h"

#include <optional>
#include <string>
#include <string_view>

namespace mlc::frontend {

std::string toJson(const ast::Program &program, const SourceManager &sources);

/// Reads what `toJson` wrote, and adds its files to `sources`. Anything else is
/// one error without a place (it names the JSON path), never a crash: a tree
/// that the parser could not have made is refused too.
std::optional<ast::Program> fromJson(std::string_view json,
                                     SourceManager &sources,
                                     DiagnosticEngine &diagnostics);

} // namespace mlc::frontend

#endif // MLC_FRONTEND_ASTJSON_H
