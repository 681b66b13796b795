//===- KernelAbi.h - How the executor calls generated code ----------------===//
//
// Shared by generated code (codegen/cpu emits against it) and the executor.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_DEVICE_KERNELABI_H
#define MLC_RUNTIME_DEVICE_KERNELABI_H

#include <cstdint>

namespace mlrt {

/// What went wrong inside a kernel.
enum class KernelError : int32_t {
  kNone = 0,
  kLabelOutOfRange = 1, ///< `value` is not in [0, limit); `row` of its tensor
};

/// One per compute thread; kernels write it only on error. Offsets are part of
/// the contract with generated code.
struct KernelContext {
  KernelError error = KernelError::kNone; // offset 0
  int32_t reserved = 0;
  int64_t value = 0; // offset 8
  int64_t limit = 0; // offset 16
  int64_t row = 0;   // offset 24
};

/// Runs the tasks [begin, end). `args` point to the arguments' first bytes,
/// 64-byte aligned unless the argument is a slice of a bucket (then 16).
using KernelFunction = void (*)(void *const *args, KernelContext *context,
                                int64_t begin, int64_t end);

} // namespace mlrt

#endif // MLC_RUNTIME_DEVICE_KERNELABI_H
