//===- PlanTables.h - Names of a module as indices of a plan ----*- C++ -*-===//

#ifndef MLC_CODEGEN_PLANTABLES_H
#define MLC_CODEGEN_PLANTABLES_H

#include "ir/plan/PlanOps.h"
#include "plan_generated.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

namespace mlc {

/// Indices of buffers, kernels, axes and locations, and the tables that come
/// from module attributes.
struct PlanTables {
  mlir::ModuleOp module;
  plan::ArenaOp arena;
  llvm::SmallVector<plan::BufferOp> buffers;
  llvm::SmallVector<plan::KernelOp> kernels;
  llvm::DenseMap<mlir::StringAttr, uint32_t> bufferIndex, kernelIndex;
  llvm::StringMap<uint32_t> axisIndex;
  std::vector<std::unique_ptr<mlrt::schema::LocationT>> locations;

  /// Fails where the module is not of the phase `plan`.
  mlir::LogicalResult collect(mlir::ModuleOp from);

  /// Model, mesh, training, inputs, splits and parameters.
  mlir::LogicalResult writeConfiguration(mlrt::schema::PlanT &plan);

  /// The index of the first place behind `loc`, the user's line for what a
  /// layer made; -1 if there is none.
  int32_t locate(mlir::Location loc);

  static mlrt::schema::DType dtypeOf(mlir::Type element);

  /// Appends the elements as they lie in memory, at `offset`, where `bytes`
  /// ends or later. Fails where more than `mostBytes` would be there then.
  mlir::LogicalResult appendBytes(mlir::Operation *op, mlir::ElementsAttr value,
                                  std::vector<uint8_t> &bytes, uint64_t offset,
                                  uint64_t mostBytes);

private:
  llvm::StringMap<int32_t> located; ///< by place and layer
};

} // namespace mlc

#endif // MLC_CODEGEN_PLANTABLES_H
