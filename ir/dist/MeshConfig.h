//===- MeshConfig.h - The mesh of the configuration -------------*- C++ -*-===//
//
// The module attribute `mlc.mesh`, a list of {name = "data", size = 4 : i64},
// which is there in every phase; `dist.mesh` is made from it.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_IR_DIST_MESHCONFIG_H
#define MLC_IR_DIST_MESHCONFIG_H

#include "mlir/IR/BuiltinOps.h"

namespace mlc::dist {

struct MeshAxis {
  llvm::StringRef name;
  int64_t size; ///< at least 1, or MeshOp::kElastic
};

/// The axes of `mlc.mesh`; none where a module has no such attribute.
///
/// \returns failure, with a diagnostic, where it is not a list of axes, has two
///   of one name, or two whose size is left open.
mlir::FailureOr<llvm::SmallVector<MeshAxis>> readMesh(mlir::ModuleOp module);

} // namespace mlc::dist

#endif // MLC_IR_DIST_MESHCONFIG_H
