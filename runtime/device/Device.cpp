//===- Device.cpp - The devices there are ---------------------------------===//

#include "runtime/device/Device.h"

#include "runtime/device/CpuDevice.h"

namespace mlrt {

Status checkDeviceName(const std::string &name) {
  if (name == "cpu")
    return {};
  return {StatusCode::kUnavailable,
          "--device " + name +
              ": this mlrun has no CUDA device; use --device cpu"};
}

Result<std::unique_ptr<Device>> openDevice(const DeviceOptions &options) {
  if (Status status = checkDeviceName(options.name); !status.ok())
    return status;
  return std::unique_ptr<Device>(std::make_unique<CpuDevice>(
      options.threads, options.localRank, options.localRanks));
}

} // namespace mlrt
