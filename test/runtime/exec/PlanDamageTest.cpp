//===- PlanDamageTest.cpp - Damaged plans are refused, or run safely ------===//
//
// Every test runs over the sample plan and over the plans that the environment
// names in MLRUN_TEST_PLANS, separated by ':'. Machine code is trusted like an
// executable: its bytes stay as they are.
//
//===----------------------------------------------------------------------===//

#include "PlanRun.h"
#include "SamplePlan.h"

#include "runtime/device/Device.h"
#include "runtime/exec/Executor.h"
#include "runtime/exec/PlanChecks.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>

namespace mlrt::test {
namespace {

using Bytes = std::vector<std::byte>;

struct Original {
  std::string name;
  Bytes bytes;
  bool hasCode; ///< real kernels
  size_t codeBegin = 0, codeEnd = 0;
};

class PlanDamage : public testing::Test {
protected:
  void SetUp() override {
    originals.push_back({"sample", pack(samplePlan()), false});
    const char *paths = std::getenv("MLRUN_TEST_PLANS");
    std::stringstream list(paths ? paths : "");
    for (std::string path; std::getline(list, path, ':');) {
      std::ifstream in(path, std::ios::binary);
      std::vector<char> text{std::istreambuf_iterator<char>(in), {}};
      ASSERT_FALSE(text.empty()) << "cannot read " << path;
      const auto *begin = reinterpret_cast<const std::byte *>(text.data());
      originals.push_back({path, {begin, begin + text.size()}, true});
    }
    for (Original &original : originals) {
      const schema::Plan *plan = schema::GetPlan(original.bytes.data());
      original.codeBegin = static_cast<size_t>(
          reinterpret_cast<const std::byte *>(plan->code()->data()) -
          original.bytes.data());
      original.codeEnd = original.codeBegin + plan->code()->size();
    }
  }

  /// A byte that is not machine code.
  static size_t anyByte(const Original &original, std::mt19937_64 &random) {
    size_t code = original.codeEnd - original.codeBegin;
    size_t at = random() % (original.bytes.size() - code);
    return at < original.codeBegin ? at : at + code;
  }

  /// Loads `bytes`, with the digest as it is and made right; what is accepted
  /// must run. Returns whether the repaired plan was accepted.
  bool survives(const Original &original, Bytes bytes) {
    if (Result<Plan> plan = Plan::fromBytes(bytes, "damaged"); plan.ok())
      EXPECT_EQ(bytes, original.bytes) << "the digest misses a change";
    repairDigest(bytes);
    Result<Plan> plan = Plan::fromBytes(std::move(bytes), "damaged");
    if (!plan.ok()) {
      EXPECT_EQ(plan.status().code(), StatusCode::kBadInput);
      EXPECT_TRUE(plan.status().message().starts_with("damaged: "))
          << plan.status().message();
      return false;
    }
    EXPECT_EQ(runWithStubs(*plan), "");
    if (original.hasCode && accepted++ % kRunCodeEvery == 0)
      EXPECT_EQ(runWithCode(*plan), "");
    return true;
  }

  std::vector<Original> originals;

private:
  static constexpr int kRunCodeEvery = 10; // it takes longest
  int accepted = 0;
};

TEST_F(PlanDamage, AnIntactPlanRuns) {
  for (const Original &original : originals) {
    Result<Plan> plan = Plan::fromBytes(original.bytes, "intact");
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    EXPECT_EQ(runWithStubs(*plan), "") << original.name;
    if (!original.hasCode)
      continue;
    // Otherwise the code below is not run at all.
    ASSERT_TRUE(plan->checkMachine().ok());
    ASSERT_TRUE(loadKernels(*plan, **openDevice({})).ok());
    for (int threads : {1, 3})
      EXPECT_EQ(runWithCode(*plan, threads), "") << original.name;
  }
}

TEST_F(PlanDamage, TenThousandBitFlips) {
  for (const Original &original : originals) {
    std::mt19937_64 random(20260101);
    int accepted = 0;
    for (int i = 0; i < 10000 && !HasFailure(); ++i) {
      size_t at = anyByte(original, random);
      unsigned bit = random() % 8;
      Bytes bytes = original.bytes;
      bytes[at] ^= std::byte{1} << bit;
      SCOPED_TRACE(original.name + ": bit " + std::to_string(bit) +
                   " of byte " + std::to_string(at));
      accepted += survives(original, std::move(bytes));
    }
    // Names, places in the model and initial values may be anything.
    RecordProperty("accepted", accepted);
    EXPECT_GT(accepted, 0) << "the repaired digest does not help";
    EXPECT_LT(accepted, 7000) << "the loader verifies next to nothing";
  }
}

TEST_F(PlanDamage, NumbersReplaced) {
  constexpr uint64_t kNumbers[] = {
      0,          1,          2,          15,         16,        64,
      4096,       0x7fffffff, 0x80000000, 0xfffffff0, ~0ull,     1ull << 32,
      1ull << 46, 1ull << 62, 1ull << 63, ~0ull << 6, ~0ull >> 1};
  for (const Original &original : originals) {
    std::mt19937_64 random(7);
    for (int i = 0; i < 5000 && !HasFailure(); ++i) {
      size_t width = size_t{1} << random() % 4;
      size_t at = anyByte(original, random) / width * width;
      if ((at < original.codeEnd && at + width > original.codeBegin) ||
          at + width > original.bytes.size())
        continue;
      uint64_t number = kNumbers[random() % std::size(kNumbers)];
      Bytes bytes = original.bytes;
      std::memcpy(bytes.data() + at, &number, width);
      SCOPED_TRACE(original.name + ": " + std::to_string(width) + " bytes " +
                   std::to_string(number) + " at " + std::to_string(at));
      survives(original, std::move(bytes));
    }
  }
}

TEST_F(PlanDamage, CutShortEverywhere) {
  for (const Original &original : originals)
    for (size_t size = 0; size < original.bytes.size();
         size += size < 512 ? 1 : 512) {
      SCOPED_TRACE(original.name + " cut to " + std::to_string(size));
      Bytes bytes(original.bytes.begin(),
                  original.bytes.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_FALSE(survives(original, bytes));
      // The same length with nothing behind the cut.
      bytes.resize(original.bytes.size());
      EXPECT_FALSE(survives(original, bytes) && size < original.codeBegin / 2);
    }
}

TEST_F(PlanDamage, BytesBehindTheEndAreNoticed) {
  for (const Original &original : originals) {
    Bytes bytes = original.bytes;
    bytes.resize(bytes.size() + 512);
    EXPECT_FALSE(Plan::fromBytes(bytes, "longer").ok());
  }
}

} // namespace
} // namespace mlrt::test
