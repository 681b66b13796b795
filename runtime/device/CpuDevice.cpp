//===- CpuDevice.cpp - The processor as a device --------------------------===//

#include "runtime/device/CpuDevice.h"

#include "runtime/core/Reduce.h"
#include "runtime/device/CpuKernels.h"

#include <cerrno>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace mlrt {

//===----------------------------------------------------------------------===//
// Memory and kernels
//===----------------------------------------------------------------------===//

namespace {

/// A mapping of its own, so that its size is what the process asked for.
class CpuMemory final : public DeviceMemory {
public:
  CpuMemory(std::byte *data, uint64_t sizeBytes)
      : DeviceMemory(data, sizeBytes) {}
  ~CpuMemory() override { ::munmap(data(), sizeBytes()); }
};

} // namespace

Result<std::unique_ptr<DeviceMemory>> CpuDevice::allocate(uint64_t sizeBytes) {
  uint64_t size = sizeBytes == 0 ? 64 : sizeBytes;
  void *memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED)
    return Status(StatusCode::kRunFailed,
                  "cannot allocate the arena of " + std::to_string(size) +
                      " bytes: " + std::strerror(errno) +
                      "; use a smaller train.microbatch or more devices");
  return std::unique_ptr<DeviceMemory>(
      std::make_unique<CpuMemory>(static_cast<std::byte *>(memory), size));
}

Result<std::unique_ptr<DeviceKernels>>
CpuDevice::load(std::span<const std::byte> code,
                std::span<const std::string> symbols) {
  return CpuKernels::load(code, symbols);
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

namespace {

// Below this, waking a thread costs more than it saves.
constexpr uint64_t kParallelBytes = 256 * 1024;

/// The part of `count` things that a thread takes.
struct Part {
  uint64_t begin, end;
  Part(uint64_t count, int thread, int threads)
      : begin(count * static_cast<uint64_t>(thread) /
              static_cast<uint64_t>(threads)),
        end(count * (static_cast<uint64_t>(thread) + 1) /
            static_cast<uint64_t>(threads)) {}
};

/// Calls `task(thread)` on every thread of the pool; allocates nothing.
template <typename Task> void runOnAll(ThreadPool &pool, Task &task) {
  pool.run([](void *context,
              int thread) { (*static_cast<Task *>(context))(thread); },
           &task);
}

} // namespace

CpuStream::CpuStream(ThreadPool &threads)
    : pool(threads), contexts(static_cast<size_t>(threads.size())) {}

bool CpuStream::launch(const KernelLaunch &launch) {
  auto function =
      reinterpret_cast<KernelFunction>(const_cast<void *>(launch.kernel));
  int threads = pool.size();
  if (threads == 1 || launch.tasks <= 1) {
    threads = 1;
    if (launch.tasks > 0)
      function(launch.arguments, contexts.data(), 0, launch.tasks);
  } else {
    auto task = [&](int thread) {
      Part part(static_cast<uint64_t>(launch.tasks), thread, threads);
      if (part.begin < part.end)
        function(launch.arguments, &contexts[static_cast<size_t>(thread)],
                 static_cast<int64_t>(part.begin),
                 static_cast<int64_t>(part.end));
    };
    runOnAll(pool, task);
  }
  for (int t = 0; t < threads; ++t)
    if (KernelContext &context = contexts[static_cast<size_t>(t)];
        context.error != KernelError::kNone) {
      if (!fault)
        fault = context;
      context = {};
    }
  return !fault;
}

void CpuStream::copy(void *to, const void *from, uint64_t sizeBytes) {
  if (sizeBytes == 0 || to == from)
    return;
  auto *target = static_cast<std::byte *>(to);
  auto *source = static_cast<const std::byte *>(from);
  bool overlap = target < source + sizeBytes && source < target + sizeBytes;
  if (pool.size() == 1 || sizeBytes < kParallelBytes || overlap) {
    std::memmove(to, from, sizeBytes);
    return;
  }
  auto task = [&](int thread) {
    Part part(sizeBytes, thread, pool.size());
    std::memcpy(target + part.begin, source + part.begin,
                part.end - part.begin);
  };
  runOnAll(pool, task);
}

void CpuStream::fill(void *to, uint8_t value, uint64_t sizeBytes) {
  if (sizeBytes > 0)
    std::memset(to, value, sizeBytes);
}

void CpuStream::combine(DType dtype, ReductionKind kind, void *left,
                        const void *right, uint64_t count) {
  uint64_t size = sizeOf(dtype);
  if (pool.size() == 1 || count * size < kParallelBytes) {
    mlrt::combine(dtype, kind, left, right, count, false);
    return;
  }
  auto task = [&](int thread) {
    Part part(count, thread, pool.size());
    mlrt::combine(dtype, kind,
                  static_cast<std::byte *>(left) + part.begin * size,
                  static_cast<const std::byte *>(right) + part.begin * size,
                  part.end - part.begin, false);
  };
  runOnAll(pool, task);
}

void CpuStream::fillNeutral(DType dtype, ReductionKind kind, void *to,
                            uint64_t count) {
  mlrt::fillNeutral(dtype, kind, to, count);
}

std::optional<KernelContext> CpuStream::takeFault() {
  return std::exchange(fault, std::nullopt);
}

} // namespace mlrt
