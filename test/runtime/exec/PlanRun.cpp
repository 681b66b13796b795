//===- PlanRun.cpp - Run a plan and see that it stays inside its arena ----===//

#include "PlanRun.h"

#include "runtime/core/Random.h"
#include "runtime/data/PlanSplits.h"
#include "runtime/device/Device.h"
#include "runtime/exec/Executor.h"
#include "runtime/exec/PlanChecks.h"
#include "runtime/run/Inspect.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size)
#define ASAN_UNPOISON_MEMORY_REGION(address, size)
#endif

namespace mlrt::test {

namespace {

constexpr size_t kMaxKernels = 256;
constexpr uint64_t kMicrobatches = 5;
/// Of each parameter; more takes long, and adds nothing.
constexpr uint64_t kInitialElements = 64;
constexpr size_t kGuardBytes = 4096;

/// The bytes behind the arena: poisoned, and compared where nothing poisons.
class Guard {
public:
  explicit Guard(std::byte *behind) : bytes(behind) {
    std::memset(bytes, 0x5a, kGuardBytes);
    ASAN_POISON_MEMORY_REGION(bytes, kGuardBytes);
  }
  ~Guard() { ASAN_UNPOISON_MEMORY_REGION(bytes, kGuardBytes); }
  Guard(const Guard &) = delete;

  bool isWhole() const {
    ASAN_UNPOISON_MEMORY_REGION(bytes, kGuardBytes);
    return std::all_of(bytes, bytes + kGuardBytes,
                       [](std::byte each) { return each == std::byte{0x5a}; });
  }

private:
  std::byte *bytes;
};

/// What the stubs see; one plan runs at a time.
struct {
  const Plan *plan;
  std::byte *begin, *end;
  std::string problem;
} watched;

void touch(size_t index, void *const *arguments, int64_t first, int64_t last) {
  const schema::Kernel &kernel =
      *(*watched.plan)->kernels()->Get(static_cast<uint32_t>(index));
  if (first < 0 || last > kernel.tasks() || first >= last)
    watched.problem = "a kernel runs tasks that it does not have";
  for (uint32_t i = 0; i < kernel.arguments(); ++i) {
    uint64_t bytes = kernel.argument_bytes()->Get(i);
    auto *at = static_cast<std::byte *>(arguments[i]);
    if (bytes == 0)
      continue;
    if (at < watched.begin || at >= watched.end ||
        bytes > static_cast<uint64_t>(watched.end - at)) {
      watched.problem = "an argument lies outside the arena";
      return;
    }
    volatile std::byte *low = at, *high = at + bytes - 1;
    std::byte a = *low, b = *high;
    if (kernel.written()->Get(i)) {
      *low = a;
      *high = b;
    }
  }
}

template <size_t Index>
void stub(void *const *arguments, KernelContext *, int64_t begin, int64_t end) {
  touch(Index, arguments, begin, end);
}

template <size_t... Index>
constexpr std::array<KernelFunction, sizeof...(Index)>
makeStubs(std::index_sequence<Index...>) {
  return {stub<Index>...};
}

constexpr auto kStubs = makeStubs(std::make_index_sequence<kMaxKernels>());

/// The stubs as the kernels of a device.
class StubKernels final : public DeviceKernels {
public:
  KernelHandle handle(uint32_t index) const override {
    return reinterpret_cast<const void *>(kStubs[index]);
  }
};

void initialize(const Plan &plan, DeviceMemory &arena, std::string &problem) {
  if (sizeOfVector(plan->constants()) > 0)
    std::memcpy(arena.data() + plan->constants_offset(),
                plan->constants()->data(), plan->constants()->size());
  for (uint32_t i = 0; i < sizeOfVector(plan->parameters()); ++i) {
    const schema::Parameter *parameter = plan->parameters()->Get(i);
    const schema::Buffer *buffer = plan->buffers()->Get(parameter->buffer());
    DType dtype = dtypeOf(parameter->dtype());
    uint64_t bytes = 0;
    bytesOfShape(parameter->shape(), dtype, bytes);
    if (bytes == 0)
      continue;
    const schema::Initializer *how = parameter->initializer();
    std::byte *first = arena.data() + buffer->offset();
    Status status = fillInitial(
        {textOf(how->kind()), how->a(), how->b()}, 1, textOf(parameter->path()),
        dtype, std::min(bytes / sizeOf(dtype), kInitialElements), first);
    first[bytes - 1] = std::byte{0};
    if (!status.ok())
      problem = status.message();
  }
}

/// Fills the inputs' rows as a loader does, with zeros.
void fillInputs(const Plan &plan, const Executor &executor) {
  for (const InputRing &ring : executor.inputs()) {
    const schema::Input *input = findInput(plan.root(), ring.name);
    uint64_t bytes = 0;
    bytesOfShape(input->shape(), dtypeOf(input->dtype()), bytes);
    for (uint64_t k = 0; k < ring.slots; ++k)
      std::memset(ring.slot(k), 0, bytes * executor.rows());
  }
  if (const InputRing *mask = executor.mask())
    for (uint64_t k = 0; k < mask->slots; ++k)
      std::memset(mask->slot(k), 0, sizeOf(mask->dtype) * executor.rows());
}

std::string readResults(const Executor &executor) {
  double all = executor.hasLoss() ? executor.loss() : 0;
  for (const NamedValue &metric : executor.metrics())
    for (uint64_t at = 0; at < metric.sizeBytes; at += sizeOf(metric.dtype))
      all += scalarAt(metric.data + at, metric.dtype);
  std::vector<std::byte> rows;
  for (const NamedValue &output : executor.outputs()) {
    rows.resize(output.sizeBytes);
    executor.read(output, rows.data(), rows.size());
  }
  return all == 0.125 && rows.size() == 1 ? " " : ""; // must not be optimized
}

std::string runProgram(const Plan &plan, const schema::Program &program,
                       const DeviceKernels &kernels, Device &device) {
  uint64_t needed = Executor::arenaBytes(plan, program, kMicrobatches);
  Result<std::unique_ptr<DeviceMemory>> memory =
      device.allocate(needed + kGuardBytes);
  if (!memory.ok())
    return memory.status().message();
  DeviceMemory &arena = **memory;
  Guard guard(arena.data() + needed);
  watched = {&plan, arena.data(), arena.data() + needed, ""};
  if (&program == plan->programs()->Get(0)) // they share the parameters
    initialize(plan, arena, watched.problem);
  Executor::Options options;
  options.maxMicrobatches = kMicrobatches;
  Result<std::unique_ptr<Executor>> executor =
      Executor::create(plan, program, kernels, arena, device.stream(), options);
  if (!executor.ok())
    return executor.status().message();
  fillInputs(plan, **executor);
  RunArguments arguments;
  arguments.rows = program.rows();
  for (uint64_t microbatches : {uint64_t{1}, kMicrobatches, uint64_t{0}}) {
    arguments.microbatches = microbatches;
    Status status = (*executor)->run(arguments);
    if (!status.ok() && status.code() != StatusCode::kBadInput) // a label
      return status.message();
    arguments.firstMicrobatch += microbatches;
  }
  std::string problem = watched.problem + readResults(**executor);
  return guard.isWhole() ? problem : "something wrote behind the arena";
}

std::string runPrograms(const Plan &plan, const DeviceKernels &kernels,
                        Device &device) {
  for (const schema::Program *program : *plan->programs())
    if (std::string problem = runProgram(plan, *program, kernels, device);
        !problem.empty())
      return "program " + printable(textOf(program->name())) + ": " + problem;
  return "";
}

} // namespace

std::string runWithStubs(const Plan &plan) {
  nlohmann::ordered_json report = inspectJson(plan);
  if (inspectText(report).empty() || report.dump().empty())
    return "nothing to inspect";
  for (uint32_t i = 0; i < sizeOfVector(plan->splits()); ++i)
    if (Result<SplitSpec> split =
            splitOfPlan(plan.root(), textOf(plan->splits()->Get(i)->name()));
        !split.ok() && split.status().code() != StatusCode::kBadInput)
      return split.status().message();
  if (plan->kernels()->size() > kMaxKernels)
    return "too many kernels for this test";
  return runPrograms(plan, StubKernels(), **openDevice({}));
}

std::string runWithCode(const Plan &plan, int threads) {
  if (!plan.checkMachine().ok())
    return "";
  std::unique_ptr<Device> device =
      std::move(*openDevice({"cpu", threads, 0, 1}));
  Result<std::unique_ptr<DeviceKernels>> kernels = loadKernels(plan, *device);
  if (!kernels.ok())
    return kernels.status().code() == StatusCode::kInternal
               ? kernels.status().message()
               : "";
  return runPrograms(plan, **kernels, *device);
}

} // namespace mlrt::test
