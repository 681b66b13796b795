//===- CpuCodegen.h - Fusion groups to machine code -----------------------===//
//
// The front door of codegen/cpu.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_CODEGEN_CPU_CPUCODEGEN_H
#define MLC_CODEGEN_CPU_CPUCODEGEN_H

#include "codegen/cpu/CpuTarget.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>

namespace llvm {
class raw_ostream;
} // namespace llvm

namespace mlc {

/// Gives every `plan.kernel` with a body an `llvm.func` of the signature of
/// runtime/schema/KernelAbi.h, named `getCodeSymbol()`; sets the kernel's
/// `tasks` and drops its body. Phase schedule -> kernels. Where memory is
/// planned, the kernel's `scratch_bytes` must be what the code for `target`
/// needs, otherwise they are set.
mlir::LogicalResult lowerKernels(mlir::ModuleOp module,
                                 const CpuTarget &target);

/// Sets the `scratch_bytes` that the kernels' code will need, before memory is
/// planned.
mlir::LogicalResult setScratchBytes(mlir::ModuleOp module,
                                    const CpuTarget &target);

/// Compiles and links the `llvm.func`s of `module`: the bytes of an ELF shared
/// object that needs no other one. The same module and target give the same
/// bytes.
mlir::FailureOr<std::string> emitSharedObject(mlir::ModuleOp module,
                                              const CpuTarget &target);

/// Replaces the `llvm.func`s of `module` by a `plan.binary` with their shared
/// object. Phase kernels -> plan.
mlir::LogicalResult linkKernels(mlir::ModuleOp module, const CpuTarget &target);

/// Prints the LLVM IR of the `llvm.func`s of `module`, optimized.
mlir::LogicalResult printLlvm(mlir::ModuleOp module, const CpuTarget &target,
                              llvm::raw_ostream &os);

/// Dialects that `lowerKernels` creates; load them before running it in a pass.
void registerCpuCodegenDialects(mlir::DialectRegistry &registry);

} // namespace mlc

#endif // MLC_CODEGEN_CPU_CPUCODEGEN_H
