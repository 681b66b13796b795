//===- Printer.h - Tree -> text -------------------------------------------===//
#ifndef MLC_FRONTEND_PRINTER_H
#define MLC_FRONTEND_PRINTER_H

#include "frontend/Ast.h"

#include <string>

namespace mlc::frontend {

/// The canonical source of `file`, with its comments: parsing it again gives an
/// equal tree, and printing that the same text.
std::string printSource(const ast::File &file, const SourceManager &sources);

/// The same without comments, for trees whose source is not at hand.
std::string printSource(const ast::File &file);

/// The source form of one expression or type, for messages.
std::string printSource(const ast::Expr &expr);
std::string printSource(const ast::Type &type);

} // namespace mlc::frontend

#endif // MLC_FRONTEND_PRINTER_H
