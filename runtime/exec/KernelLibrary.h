//===- KernelLibrary.h - The machine code of a plan -----------------------===//
#ifndef MLC_RUNTIME_EXEC_KERNELLIBRARY_H
#define MLC_RUNTIME_EXEC_KERNELLIBRARY_H

#include "runtime/exec/KernelAbi.h"
#include "runtime/exec/Plan.h"

#include <vector>

namespace mlrt {

/// Checks that `code` is a shared object for x86-64 whose segments lie inside
/// it, so that the dynamic loader reads no byte outside.
Status verifyElf(std::span<const std::byte> code);

/// The kernels of a plan, loaded from memory. The functions live as long as
/// the library.
class KernelLibrary {
public:
  KernelLibrary() = default;
  KernelLibrary(KernelLibrary &&other) noexcept;
  KernelLibrary &operator=(KernelLibrary &&other) noexcept;
  ~KernelLibrary();

  /// \returns kBadInput for damaged code or a missing symbol, kRunFailed where
  ///   the system refuses to load it.
  static Result<KernelLibrary> load(const Plan &plan);

  /// By the index of Plan.kernels.
  KernelFunction kernel(uint32_t index) const { return functions[index]; }

private:
  void *handle = nullptr;
  std::vector<KernelFunction> functions;
};

} // namespace mlrt

#endif // MLC_RUNTIME_EXEC_KERNELLIBRARY_H
