//===- KernelAbi.h - How the executor calls generated code ----------------===//
//
// Shared by generated code (codegen/cpu emits against it) and the executor.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_SCHEMA_KERNELABI_H
#define MLC_RUNTIME_SCHEMA_KERNELABI_H

#include <cstdint>
#include <string>
#include <vector>

namespace mlrt {

/// What went wrong inside a kernel.
enum class KernelError : int32_t {
  kNone = 0,
  kLabelOutOfRange = 1, ///< `value` is not in [0, limit)
  kIndexOutOfRange = 2, ///< the same, of an index
};

/// One per compute thread; kernels write it only on error. Its form is part of
/// the contract with generated code.
struct KernelContext {
  KernelError error = KernelError::kNone;
  int32_t argument = -1; ///< where the value comes from; -1: not one of them
  int64_t value = 0;
  int64_t limit = 0;
  int64_t row = 0; ///< where in its tensor `value` is, in row-major order
};
static_assert(sizeof(KernelContext) == 32);

/// Runs the tasks [begin, end). `args` point to the arguments' first bytes,
/// 64-byte aligned unless the argument is a slice of a bucket (then 16) or
/// moves with the iterations of a loop (then as its elements are).
using KernelFunction = void (*)(void *const *args, KernelContext *context,
                                int64_t begin, int64_t end);

/// What a kernel may do with one of its pointers.
struct KernelArgument {
  uint64_t bytes;
  bool written;
};

/// What the code of a kernel was made for. The name of its machine code is its
/// name, a dot and 16 hexadecimal digits, the XXH3-64 of this text; so code is
/// never called with other sizes than it has.
inline std::string
kernelSignature(int64_t tasks, const std::vector<KernelArgument> &arguments) {
  std::string text = std::to_string(tasks) + " tasks";
  for (const KernelArgument &argument : arguments)
    text += (argument.written ? ", writes " : ", reads ") +
            std::to_string(argument.bytes);
  return text;
}

} // namespace mlrt

#endif // MLC_RUNTIME_SCHEMA_KERNELABI_H
