//===- ImporterConfig.h - Attributes of the module, locations -------------===//

#ifndef MLC_FRONTEND_IMPORTERCONFIG_H
#define MLC_FRONTEND_IMPORTERCONFIG_H

#include "frontend/Model.h"

#include "mlir/IR/BuiltinOps.h"

namespace mlc::frontend {

mlir::Type elementTypeOf(mlir::MLIRContext *context, DType dtype);

/// The base name of the file, line and column; inside of layers, the call site
/// of ir/graph/SourceLines.h. `calls`: from the innermost, as Graph::chainOf.
mlir::Location locationOf(mlir::MLIRContext *context,
                          const SourceManager &sources, Span span,
                          llvm::ArrayRef<LayerCall> calls = {});

/// Sets `mlc.source`, `mlc.train`, `mlc.mesh`, `mlc.inputs`, `mlc.splits`.
void addConfiguration(mlir::ModuleOp module, const CheckedModel &model,
                      const std::string &sourceName,
                      const SourceManager &sources);

} // namespace mlc::frontend

#endif // MLC_FRONTEND_IMPORTERCONFIG_H
