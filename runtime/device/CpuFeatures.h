//===- CpuFeatures.h - What this CPU can run ------------------------------===//
#ifndef MLC_RUNTIME_DEVICE_CPUFEATURES_H
#define MLC_RUNTIME_DEVICE_CPUFEATURES_H

#include <string_view>

namespace mlrt {

/// Whether CPU and operating system support `feature`, named as in LLVM
/// (avx512f). False for a name that is not known here.
bool cpuHas(std::string_view feature);

} // namespace mlrt

#endif // MLC_RUNTIME_DEVICE_CPUFEATURES_H
