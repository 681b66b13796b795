//===- CpuKernels.h - Machine code from memory ----------------------------===//
#ifndef MLC_RUNTIME_DEVICE_CPUKERNELS_H
#define MLC_RUNTIME_DEVICE_CPUKERNELS_H

#include "runtime/device/Device.h"

#include <vector>

namespace mlrt {

/// Checks that `code` is a shared object for x86-64 whose segments lie inside
/// it, so that the dynamic loader reads no byte outside.
Status verifyElf(std::span<const std::byte> code);

/// Functions of a shared object, loaded from memory.
class CpuKernels final : public DeviceKernels {
public:
  ~CpuKernels() override;

  /// As Device::load.
  static Result<std::unique_ptr<DeviceKernels>>
  load(std::span<const std::byte> code, std::span<const std::string> symbols);

  KernelHandle handle(uint32_t index) const override {
    return functions[index];
  }

private:
  CpuKernels() = default;

  void *object = nullptr;
  std::vector<KernelHandle> functions;
};

} // namespace mlrt

#endif // MLC_RUNTIME_DEVICE_CPUKERNELS_H
