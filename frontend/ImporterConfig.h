//===- ImporterConfig.h - The blocks as attributes of the module ----------===//
#ifndef MLC_FRONTEND_IMPORTERCONFIG_H
#define MLC_FRONTEND_IMPORTERCONFIG_H

#include "frontend/Model.h"

#include "mlir/IR/BuiltinOps.h"

namespace mlc::frontend {

class SourceManager;

mlir::Type elementTypeOf(mlir::MLIRContext &context, DType dtype);

/// Sets `mlc.source`, `mlc.train`, `mlc.mesh`, `mlc.inputs`, `mlc.splits`
/// (docs/architecture.md, "Module attributes").
void setConfiguration(mlir::ModuleOp module, const CheckedModel &model,
                      const SourceManager &sources);

} // namespace mlc::frontend

#endif // MLC_FRONTEND_IMPORTERCONFIG_H
