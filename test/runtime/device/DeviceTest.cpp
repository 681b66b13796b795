//===- DeviceTest.cpp - One suite for every device ------------------------===//
//
// A new device adds its name to kDevices, and kernels in its own code for
// `loadKernels`.
//
//===----------------------------------------------------------------------===//

#include "runtime/device/Device.h"

#include "runtime/core/FlushDenormals.h"
#include "runtime/core/Reduce.h"

#include "gtest/gtest.h"

#include <cstring>
#include <fstream>
#include <iterator>
#include <numeric>
#include <tuple>
#include <vector>

using namespace mlrt;

namespace {

constexpr const char *kDevices[] = {"cpu"};

class DeviceTest
    : public testing::TestWithParam<std::tuple<const char *, int>> {
protected:
  void SetUp() override {
    DeviceOptions options;
    options.name = std::get<0>(GetParam());
    options.threads = std::get<1>(GetParam());
    auto opened = openDevice(options);
    ASSERT_TRUE(opened.ok()) << opened.status().message();
    device = std::move(*opened);
  }

  std::unique_ptr<DeviceMemory> allocate(uint64_t sizeBytes) {
    auto memory = device->allocate(sizeBytes);
    EXPECT_TRUE(memory.ok()) << memory.status().message();
    return memory.ok() ? std::move(*memory) : nullptr;
  }
  /// Kernels.c, compiled beside this test.
  void loadKernels() {
    std::ifstream file(MLRT_TEST_KERNELS, std::ios::binary);
    std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    code.assign(reinterpret_cast<std::byte *>(bytes.data()),
                reinterpret_cast<std::byte *>(bytes.data() + bytes.size()));
    std::vector<std::string> symbols = {"count_tasks", "fail_at"};
    auto loaded = device->load(code, symbols);
    ASSERT_TRUE(loaded.ok()) << loaded.status().message();
    kernels = std::move(*loaded);
  }

  std::unique_ptr<Device> device;
  std::unique_ptr<DeviceKernels> kernels;
  std::vector<std::byte> code;
};

TEST_P(DeviceTest, memoryIsZeroedAndAligned) {
  for (uint64_t size :
       {uint64_t{0}, uint64_t{1}, uint64_t{65}, uint64_t{1} << 22}) {
    auto memory = allocate(size);
    ASSERT_TRUE(memory);
    EXPECT_GE(memory->sizeBytes(), size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory->data()) % 64, 0u);
    for (uint64_t i = 0; i < size; ++i)
      ASSERT_EQ(memory->data()[i], std::byte{0}) << i;
  }
}

TEST_P(DeviceTest, tooMuchMemoryIsAnError) {
  auto memory = device->allocate(uint64_t{1} << 60);
  ASSERT_FALSE(memory.ok());
  EXPECT_EQ(memory.status().code(), StatusCode::kRunFailed);
  EXPECT_NE(memory.status().message().find("1152921504606846976 bytes"),
            std::string::npos)
      << memory.status().message();
}

TEST_P(DeviceTest, everyTaskRunsOnce) {
  loadKernels();
  for (int64_t tasks : {0, 1, 2, 3, 7, 64, 1001}) {
    auto memory = allocate(static_cast<uint64_t>(tasks + 1) * 4);
    void *arguments[] = {memory->data()};
    for (int repeat = 1; repeat <= 3; ++repeat) {
      EXPECT_TRUE(
          device->stream().launch({kernels->handle(0), arguments, tasks}));
      EXPECT_TRUE(device->stream().wait());
      std::vector<int32_t> counts(static_cast<size_t>(tasks + 1));
      std::memcpy(counts.data(), memory->data(), counts.size() * 4);
      for (int64_t i = 0; i < tasks; ++i)
        ASSERT_EQ(counts[static_cast<size_t>(i)], repeat) << i;
      EXPECT_EQ(counts.back(), 0);
    }
  }
}

TEST_P(DeviceTest, aFaultIsReportedOnce) {
  loadKernels();
  auto memory = allocate(64);
  int64_t place = 5;
  std::memcpy(memory->data(), &place, sizeof place);
  void *arguments[] = {memory->data()};
  Stream &stream = device->stream();
  (void)stream.launch({kernels->handle(1), arguments, 9});
  EXPECT_FALSE(stream.wait());
  std::optional<KernelContext> fault = stream.takeFault();
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->error, KernelError::kLabelOutOfRange);
  EXPECT_EQ(fault->value, 5);
  EXPECT_EQ(fault->limit, 3);
  EXPECT_EQ(fault->row, 15);
  EXPECT_TRUE(stream.wait());
  EXPECT_FALSE(stream.takeFault());
}

TEST_P(DeviceTest, copiesAnySizeAlsoOverItself) {
  constexpr uint64_t kSize = 1 << 20;
  auto memory = allocate(kSize);
  Stream &stream = device->stream();
  for (uint64_t bytes : {0, 1, 63, 4096, 300001, 700001})
    for (uint64_t shift : {0, 1, 64, 300007}) {
      std::vector<uint8_t> before(kSize), after(kSize);
      std::iota(before.begin(), before.end(), uint8_t{0});
      for (size_t i = 0; i < kSize; i += 251)
        before[i] = static_cast<uint8_t>(i >> 8);
      for (bool forward : {true, false}) {
        std::memcpy(memory->data(), before.data(), kSize);
        uint64_t from = forward ? 0 : shift, to = forward ? shift : 0;
        stream.copy(memory->data() + to, memory->data() + from, bytes);
        ASSERT_TRUE(stream.wait());
        after = before;
        std::memmove(after.data() + to, after.data() + from, bytes);
        ASSERT_EQ(std::memcmp(memory->data(), after.data(), kSize), 0)
            << bytes << " bytes from " << from << " to " << to;
      }
    }
}

TEST_P(DeviceTest, uploadsAndDownloads) {
  auto memory = allocate(100);
  std::vector<uint8_t> sent(90), received(90);
  std::iota(sent.begin(), sent.end(), uint8_t{1});
  device->stream().upload(memory->data() + 5, sent.data(), sent.size());
  device->stream().download(received.data(), memory->data() + 5, 90);
  EXPECT_EQ(sent, received);
}

TEST_P(DeviceTest, fillsExactlyTheRange) {
  auto memory = allocate(256);
  device->stream().fill(memory->data() + 3, 0xa5, 130);
  ASSERT_TRUE(device->stream().wait());
  for (size_t i = 0; i < 256; ++i)
    EXPECT_EQ(memory->data()[i],
              i >= 3 && i < 133 ? std::byte{0xa5} : std::byte{0});
}

TEST_P(DeviceTest, combinesAsTheReference) {
  FlushDenormals flush; // as the executor does, and the threads of a pool
  for (DType dtype : {DType::f32, DType::bf16, DType::f16, DType::f64,
                      DType::i32, DType::i64, DType::u8, DType::boolean})
    for (ReductionKind kind :
         {ReductionKind::sum, ReductionKind::max, ReductionKind::min})
      for (uint64_t count : {0, 1, 17, 300001}) {
        uint64_t bytes = count * sizeOf(dtype);
        uint64_t second = (bytes + 63) / 64 * 64;
        std::vector<std::byte> values(second + bytes + 64);
        for (size_t i = 0; i < values.size(); ++i) // small, finite patterns
          values[i] =
              std::byte(i * 7 % 61 % (dtype == DType::boolean ? 2 : 61));
        auto memory = allocate(values.size());
        std::memcpy(memory->data(), values.data(), values.size());
        device->stream().combine(dtype, kind, memory->data(),
                                 memory->data() + second, count);
        ASSERT_TRUE(device->stream().wait());
        combine(dtype, kind, values.data(), values.data() + second, count,
                false);
        EXPECT_EQ(std::memcmp(memory->data(), values.data(), values.size()), 0)
            << nameOf(dtype) << " " << static_cast<int>(kind) << " " << count;
      }
}

TEST_P(DeviceTest, refusesDamagedCodeAndUnknownKernels) {
  loadKernels();
  std::vector<std::string> symbols = {"count_tasks"}, unknown = {"no_such"};
  auto cut = device->load(std::span(code).first(40), symbols);
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.status().code(), StatusCode::kBadInput);
  auto missing = device->load(code, unknown);
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.status().code(), StatusCode::kBadInput);
  EXPECT_NE(missing.status().message().find("'no_such'"), std::string::npos);
}

TEST(Devices, AnUnknownOneSaysWhatToUse) {
  DeviceOptions options;
  options.name = "cuda:1";
  auto device = openDevice(options);
  ASSERT_FALSE(device.ok());
  EXPECT_EQ(device.status().code(), StatusCode::kUnavailable);
  EXPECT_NE(device.status().message().find("use --device cpu"),
            std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(All, DeviceTest,
                         testing::Combine(testing::ValuesIn(kDevices),
                                          testing::Values(1, 2, 3)),
                         [](const auto &info) {
                           return std::string(std::get<0>(info.param)) + "_" +
                                  std::to_string(std::get<1>(info.param)) +
                                  "_threads";
                         });

} // namespace
