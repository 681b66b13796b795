//===- CpuDevice.h - The processor as a device ----------------------------===//
//
// Runs each step before it returns, on a pool of threads. Kernels get their
// tasks in one contiguous part a thread.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_DEVICE_CPUDEVICE_H
#define MLC_RUNTIME_DEVICE_CPUDEVICE_H

#include "runtime/device/Device.h"
#include "runtime/device/ThreadPool.h"

#include <vector>

namespace mlrt {

class CpuStream final : public Stream {
public:
  explicit CpuStream(ThreadPool &threads);

  bool launch(const KernelLaunch &launch) override;
  void copy(void *to, const void *from, uint64_t sizeBytes) override;
  void fill(void *to, uint8_t value, uint64_t sizeBytes) override;
  void upload(void *to, const void *fromHost, uint64_t sizeBytes) override {
    copy(to, fromHost, sizeBytes);
  }
  void download(void *toHost, const void *from, uint64_t sizeBytes) override {
    copy(toHost, from, sizeBytes);
  }
  void combine(DType dtype, ReductionKind kind, void *left, const void *right,
               uint64_t count) override;
  void fillNeutral(DType dtype, ReductionKind kind, void *to,
                   uint64_t count) override;
  bool wait() override { return !fault; }
  std::optional<KernelContext> takeFault() override;

private:
  ThreadPool &pool;
  std::vector<KernelContext> contexts; // by thread
  std::optional<KernelContext> fault;
};

class CpuDevice final : public Device {
public:
  CpuDevice(int threads, int localRank, int localRanks)
      : pool(threads, localRank, localRanks), order(pool) {}

  int threads() const override { return pool.size(); }
  Result<std::unique_ptr<DeviceMemory>> allocate(uint64_t sizeBytes) override;
  Result<std::unique_ptr<DeviceKernels>>
  load(std::span<const std::byte> code,
       std::span<const std::string> symbols) override;
  Stream &stream() override { return order; }

private:
  ThreadPool pool;
  CpuStream order;
};

} // namespace mlrt

#endif // MLC_RUNTIME_DEVICE_CPUDEVICE_H
