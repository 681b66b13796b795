//===- Device.h - What runs the steps of a plan ---------------------------===//
//
// A device has memory, loads the kernels of a plan, and runs what its stream is
// given, in that order. The executor knows devices by this interface only; one
// conformance suite runs against every implementation (test/runtime/device).
//
// For now the host must be able to address a device's memory: Session computes
// the initial values in it, checkpoints and weights are written from it, what
// feeds a program (loader, eval, infer, bench) fills the inputs' rings in it,
// and communicators reduce and broadcast in it, in place.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_DEVICE_DEVICE_H
#define MLC_RUNTIME_DEVICE_DEVICE_H

#include "runtime/core/DType.h"
#include "runtime/core/Status.h"
#include "runtime/schema/KernelAbi.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace mlrt {

/// A range of a device's memory, zeroed at first and aligned to 64 bytes, that
/// the host can address. Owns it.
class DeviceMemory {
public:
  virtual ~DeviceMemory() = default;
  DeviceMemory(const DeviceMemory &) = delete;
  DeviceMemory &operator=(const DeviceMemory &) = delete;

  std::byte *data() const { return start; }
  uint64_t sizeBytes() const { return size; }

protected:
  DeviceMemory(std::byte *data, uint64_t sizeBytes)
      : start(data), size(sizeBytes) {}

private:
  std::byte *start;
  uint64_t size;
};

/// What a device calls one of its kernels.
using KernelHandle = const void *;

/// Kernels that a device has loaded. The handles live as long as this does.
class DeviceKernels {
public:
  virtual ~DeviceKernels() = default;
  /// By the index of the symbols that were loaded.
  virtual KernelHandle handle(uint32_t index) const = 0;
};

/// One launch: the tasks [0, tasks) of a kernel, in any order and at once.
struct KernelLaunch {
  KernelHandle kernel;
  void *const *arguments; ///< read before launch() returns
  int64_t tasks;
};

/// Work in order: what is enqueued later sees what was enqueued before as done.
/// Pointers are into memory of the device, except where a parameter says
/// otherwise. Nothing here allocates.
class Stream {
public:
  virtual ~Stream() = default;

  /// \returns false where a kernel is known to have failed, this one or one
  ///   before; a device that runs behind its caller may know it only in wait().
  virtual bool launch(const KernelLaunch &launch) = 0;
  /// The ranges may overlap.
  virtual void copy(void *to, const void *from, uint64_t sizeBytes) = 0;
  virtual void fill(void *to, uint8_t value, uint64_t sizeBytes) = 0;
  /// Host to device; the source may be reused at once.
  virtual void upload(void *to, const void *fromHost, uint64_t sizeBytes) = 0;
  /// Device to host; returns when the bytes are there.
  virtual void download(void *toHost, const void *from, uint64_t sizeBytes) = 0;
  /// left[i] = left[i] (op) right[i]: runtime/core/Reduce.h. The same bits for
  /// any number of threads, where the caller flushes denormals.
  virtual void combine(DType dtype, ReductionKind kind, void *left,
                       const void *right, uint64_t count) = 0;
  /// Fills with the value that changes no other when combined with it.
  virtual void fillNeutral(DType dtype, ReductionKind kind, void *to,
                           uint64_t count) = 0;
  /// Returns when everything is done; false where a kernel has failed.
  virtual bool wait() = 0;
  /// What the first kernel that failed reported, once; then forgets it.
  virtual std::optional<KernelContext> takeFault() = 0;
};

class Device {
public:
  virtual ~Device() = default;

  /// Host threads that compute; 1 where the device does it all.
  virtual int threads() const = 0;
  /// \returns kRunFailed where there is not that much memory.
  virtual Result<std::unique_ptr<DeviceMemory>>
  allocate(uint64_t sizeBytes) = 0;
  /// \param code  what the code generator for this device made.
  /// \returns kBadInput for damaged code or a symbol that it has not,
  /// kRunFailed
  ///   where the system refuses to load it; the message begins in lower case.
  virtual Result<std::unique_ptr<DeviceKernels>>
  load(std::span<const std::byte> code,
       std::span<const std::string> symbols) = 0;
  virtual Stream &stream() = 0;
};

struct DeviceOptions {
  std::string name = "cpu"; ///< as in --device
  int threads = 1;
  int localRank = 0, localRanks = 1; ///< of this host, which share its CPUs
};

/// Whether this mlrun has such a device.
///
/// \returns kUnavailable, saying what to use instead.
Status checkDeviceName(const std::string &name);

/// \returns kUnavailable as checkDeviceName.
Result<std::unique_ptr<Device>> openDevice(const DeviceOptions &options);

} // namespace mlrt

#endif // MLC_RUNTIME_DEVICE_DEVICE_H
