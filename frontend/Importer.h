//===- Importer.h - From a checked model to graph IR ----------------------===//

#ifndef MLC_FRONTEND_IMPORTER_H
#define MLC_FRONTEND_IMPORTER_H

#include "frontend/Model.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace mlc::frontend {

/// Makes the module of phase `graph`; see docs/architecture.md. `sourceName` is
/// the base name of the model's file.
mlir::OwningOpRef<mlir::ModuleOp> importModel(mlir::MLIRContext &context,
                                              const CheckedModel &model,
                                              const SourceManager &sources,
                                              const std::string &sourceName);

} // namespace mlc::frontend

#endif // MLC_FRONTEND_IMPORTER_H
