//===- Checker.h - From trees to a checked model --------------------------===//

#ifndef MLC_FRONTEND_CHECKER_H
#define MLC_FRONTEND_CHECKER_H

#include "frontend/Ast.h"
#include "frontend/Diagnostics.h"
#include "frontend/Frontend.h"
#include "frontend/Model.h"

namespace mlc::frontend {

/// Checks `program` with the options' overrides and mesh. Reports at most one
/// error. `usageError` is set where the command line is to blame.
/// \returns nothing on an error, or for a library that `needModel` refuses.
std::optional<CheckedModel>
checkProgram(const ast::Program &program, const ast::Program &library,
             SourceManager &sources, DiagnosticEngine &diagnostics,
             const CompileOptions &options, bool needModel, bool &usageError);

} // namespace mlc::frontend

#endif // MLC_FRONTEND_CHECKER_H
