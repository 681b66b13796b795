//===- Format.h - The one style of a model file ---------------------------===//
#ifndef MLC_FRONTEND_FORMAT_H
#define MLC_FRONTEND_FORMAT_H

#include "frontend/Ast.h"
#include "frontend/Diagnostics.h"

#include <optional>
#include <string>

namespace mlc::frontend {

/// The text of the file `id` in the one style: its tokens and comments as they
/// are, spaces and line ends as docs/language.md says. It parses to an equal
/// tree, and formatting it again gives the same text. Nothing after a mistake,
/// of which one error is reported.
std::optional<std::string> formatSource(const SourceManager &sources, FileId id,
                                        DiagnosticEngine &diagnostics);

} // namespace mlc::frontend

#endif // MLC_FRONTEND_FORMAT_H
