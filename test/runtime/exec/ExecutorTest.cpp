//===- ExecutorTest.cpp - Steps in order, on a device that records them ---===//
//
// The sample plan on a device of its own: it runs nothing, writes down what it
// is given, and may tell of a failed kernel only when it is waited for, as a
// device does that runs behind its caller.
//
//===----------------------------------------------------------------------===//

#include "SamplePlan.h"

#include "runtime/exec/Executor.h"
#include "runtime/exec/PlanChecks.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace mlrt {
namespace {

class RecordingStream final : public Stream {
public:
  bool launch(const KernelLaunch &launch) override {
    const std::byte *first = static_cast<std::byte *>(launch.arguments[0]);
    launches.push_back({reinterpret_cast<uintptr_t>(launch.kernel), first});
    return true;
  }
  void copy(void *, const void *, uint64_t) override { ++copies; }
  void fill(void *, uint8_t, uint64_t) override { ++fills; }
  void upload(void *to, const void *from, uint64_t sizeBytes) override {
    std::memcpy(to, from, sizeBytes);
  }
  void download(void *to, const void *from, uint64_t sizeBytes) override {
    std::memcpy(to, from, sizeBytes);
  }
  void combine(DType, ReductionKind, void *, const void *, uint64_t) override {
    ++combinations;
  }
  void fillNeutral(DType, ReductionKind, void *, uint64_t) override {}
  bool wait() override { return !late; }
  std::optional<KernelContext> takeFault() override {
    return std::exchange(late, std::nullopt);
  }

  struct Launch {
    uintptr_t kernel;
    const std::byte *first; ///< where its first argument lies
  };
  std::vector<Launch> launches;
  int copies = 0, fills = 0, combinations = 0;
  std::optional<KernelContext> late;
};

/// The handle of kernel i is i + 1.
class NumberedKernels final : public DeviceKernels {
public:
  KernelHandle handle(uint32_t index) const override {
    return reinterpret_cast<const void *>(uintptr_t{index} + 1);
  }
};

class ExecutorTest : public testing::Test {
protected:
  ExecutorTest()
      : plan(std::move(
            *Plan::fromBytes(test::pack(test::samplePlan()), "sample.plan"))) {
    const schema::Program &program = *plan.program("train");
    constexpr uint64_t kMicrobatches = 3;
    host = std::move(*openDevice({}));
    arena = std::move(
        *host->allocate(Executor::arenaBytes(plan, program, kMicrobatches)));
    Executor::Options options;
    options.maxMicrobatches = kMicrobatches;
    executor = std::move(
        *Executor::create(plan, program, kernels, *arena, stream, options));
    arguments.microbatches = kMicrobatches;
    arguments.rows = program.rows();
  }

  Plan plan;
  NumberedKernels kernels;
  RecordingStream stream;
  std::unique_ptr<Device> host;
  std::unique_ptr<DeviceMemory> arena;
  std::unique_ptr<Executor> executor;
  RunArguments arguments;
};

TEST_F(ExecutorTest, WalksLoopsInsideLoops) {
  ASSERT_TRUE(executor->run(arguments).ok());
  // 3 micro-batches of 4 pieces and a forward kernel, then the update.
  ASSERT_EQ(stream.launches.size(), 3u * (4 + 1) + 1);
  EXPECT_EQ(stream.fills, 1);
  EXPECT_EQ(stream.combinations, 2); // three terms
  for (size_t micro = 0; micro < 3; ++micro)
    for (size_t piece = 0; piece < 4; ++piece) {
      const auto &launch = stream.launches[micro * 5 + piece];
      EXPECT_EQ(launch.kernel, stream.launches[0].kernel);
      EXPECT_EQ(launch.first - stream.launches[0].first,
                static_cast<ptrdiff_t>(16 * piece))
          << "a stride of 16 bytes, begun anew in every micro-batch";
    }
}

TEST_F(ExecutorTest, AKernelThatFailedLateFailsTheRun) {
  stream.late = KernelContext{KernelError::kLabelOutOfRange, -1, 12, 10, 3};
  Status status = executor->run(arguments);
  EXPECT_EQ(status.code(), StatusCode::kBadInput);
  EXPECT_NE(status.message().find("label 12 is outside [0, 10) in row 3"),
            std::string::npos)
      << status.message();
  EXPECT_TRUE(executor->run(arguments).ok()) << "told once";
}

} // namespace
} // namespace mlrt
