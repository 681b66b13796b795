//===- Importer.h - Checked model -> graph IR -----------------------------===//
#ifndef MLC_FRONTEND_IMPORTER_H
#define MLC_FRONTEND_IMPORTER_H

#include "frontend/Model.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mlc::frontend {

class SourceManager;

/// The module at phase `graph` of a model that the checker has passed, so that
/// nothing can be wrong any more; see docs/architecture.md. A function exists
/// where it has something to compute: `@train` with a loss, `@eval` with a loss
/// or a metric, `@infer` with an output. Its arguments are what it uses.
/// Loads the dialects it needs.
mlir::OwningOpRef<mlir::ModuleOp> importModel(mlir::MLIRContext &context,
                                              const CheckedModel &model,
                                              const SourceManager &sources);

} // namespace mlc::frontend

#endif // MLC_FRONTEND_IMPORTER_H
