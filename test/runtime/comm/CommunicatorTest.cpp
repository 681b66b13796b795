//===- CommunicatorTest.cpp - One conformance suite for all transports ----===//

#include "test/runtime/comm/Ranks.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstring>
#include <map>
#include <numeric>
#include <thread>
#include <unistd.h>

using namespace mlrt;
using namespace mlrt::test;

namespace {

constexpr DType kTypes[] = {DType::f32, DType::bf16,   DType::f16,
                            DType::f64, DType::i32,    DType::i64,
                            DType::u8,  DType::boolean};
constexpr ReductionKind kKinds[] = {ReductionKind::sum, ReductionKind::max,
                                    ReductionKind::min};

CollectiveTag tag(uint32_t id, uint64_t step = 1) {
  return {id, step, "gradients of head.w", "digits.mlg:10:8"};
}

/// Small integers that every type holds exactly; 0 and 1 for bool.
int valueOf(DType dtype, int rank, size_t i) {
  int value = static_cast<int>((i * 7 + static_cast<size_t>(rank) * 3) % 11);
  return dtype == DType::boolean ? value % 2 : value;
}

void store(DType dtype, std::vector<std::byte> &bytes, size_t i, int value) {
  std::byte *at = bytes.data() + i * sizeOf(dtype);
  auto put = [at](auto number) { std::memcpy(at, &number, sizeof(number)); };
  auto wide = static_cast<float>(value);
  switch (dtype) {
  case DType::f32:
    return put(wide);
  case DType::bf16:
    return put(static_cast<uint16_t>(std::bit_cast<uint32_t>(wide) >> 16));
  case DType::f16: { // exact for integers below 2048
    if (value == 0)
      return put(uint16_t(0));
    int exponent = std::ilogb(wide);
    auto mantissa = static_cast<int>(std::ldexp(wide, 10 - exponent)) - 1024;
    return put(static_cast<uint16_t>((exponent + 15) << 10 | mantissa));
  }
  case DType::f64:
    return put(static_cast<double>(value));
  case DType::i32:
    return put(static_cast<int32_t>(value));
  case DType::i64:
    return put(static_cast<int64_t>(value));
  case DType::u8:
  case DType::boolean:
    return put(static_cast<uint8_t>(value));
  }
}

int reduced(DType dtype, ReductionKind kind, int ranks, size_t i) {
  int result = valueOf(dtype, 0, i);
  for (int rank = 1; rank < ranks; ++rank) {
    int value = valueOf(dtype, rank, i);
    if (kind == ReductionKind::sum)
      result = dtype == DType::boolean ? result | value : result + value;
    else
      result = kind == ReductionKind::max ? std::max(result, value)
                                          : std::min(result, value);
  }
  return result;
}

Status wrong(const std::string &what) {
  return Status(StatusCode::kInternal, what);
}

Status reduceAndCheck(Communicator &communicator, size_t count, DType dtype,
                      ReductionKind kind, uint32_t id) {
  std::vector<std::byte> data(count * sizeOf(dtype)), expected(data.size());
  for (size_t i = 0; i < count; ++i) {
    store(dtype, data, i, valueOf(dtype, communicator.rank(), i));
    store(dtype, expected, i, reduced(dtype, kind, communicator.size(), i));
  }
  MLRT_RETURN_IF_ERROR(
      communicator.allReduce(data.data(), count, dtype, kind, true, tag(id)));
  return data == expected
             ? Status()
             : wrong("wrong all-reduce of " + std::to_string(count) + " " +
                     std::string(nameOf(dtype)));
}

class CommunicatorTest : public testing::TestWithParam<const char *> {
protected:
  std::vector<RankResult> run(int ranks, const RankMain &main,
                              double timeout = 30) {
    auto begin = std::chrono::steady_clock::now();
    std::vector<RankResult> results =
        runRanks(GetParam(), ranks, main, timeout);
    seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
            .count();
    return results;
  }
  bool processes() const { return std::string_view(GetParam()) != "threads"; }
  double seconds = 0;
};

void expectOk(const std::vector<RankResult> &results) {
  for (size_t rank = 0; rank < results.size(); ++rank) {
    EXPECT_FALSE(results[rank].died) << "rank " << rank;
    EXPECT_EQ(results[rank].code, StatusCode::kOk)
        << "rank " << rank << ": " << results[rank].message;
  }
}

void expectFailure(const RankResult &result, StatusCode code,
                   std::initializer_list<const char *> parts) {
  EXPECT_FALSE(result.died);
  EXPECT_EQ(result.code, code) << result.message;
  for (const char *part : parts)
    EXPECT_NE(result.message.find(part), std::string::npos)
        << "'" << part << "' is not in: " << result.message;
}

TEST_P(CommunicatorTest, reducesEverySizeAndType) {
  for (int ranks = 1; ranks <= 9; ++ranks)
    expectOk(run(ranks, [&](Communicator &communicator) {
      auto n = static_cast<size_t>(ranks);
      uint32_t id = 0;
      for (DType dtype : kTypes)
        for (ReductionKind kind : kKinds)
          for (size_t count : {size_t(0), size_t(1), n - 1, n, n + 1,
                               size_t(13), size_t(1000)})
            MLRT_RETURN_IF_ERROR(
                reduceAndCheck(communicator, count, dtype, kind, ++id));
      return Status();
    }));
}

TEST_P(CommunicatorTest, reducesLargeArrays) {
  for (int ranks : {2, 3, 4, 5, 8})
    expectOk(run(ranks, [](Communicator &communicator) {
      MLRT_RETURN_IF_ERROR(reduceAndCheck(communicator, 1'000'003, DType::f32,
                                          ReductionKind::sum, 1));
      return reduceAndCheck(communicator, 300'001, DType::bf16,
                            ReductionKind::max, 2);
    }));
}

/// Not exact in f32, so that another order gives other bits.
float unevenValue(int rank, size_t i) {
  return std::sin(static_cast<float>(i) + 1.0f) *
         std::exp(static_cast<float>((rank * 5 + static_cast<int>(i)) % 7));
}

TEST_P(CommunicatorTest, sumsInTheTreesOrder) {
  expectOk(run(8, [](Communicator &communicator) {
    constexpr size_t kCount = 10'001;
    std::vector<float> data(kCount);
    for (size_t i = 0; i < kCount; ++i)
      data[i] = unevenValue(communicator.rank(), i);
    MLRT_RETURN_IF_ERROR(communicator.allReduce(
        data.data(), kCount, DType::f32, ReductionKind::sum, true, tag(1)));
    for (size_t i = 0; i < kCount; ++i) {
      auto v = [i](int rank) { return unevenValue(rank, i); };
      float expected =
          ((v(0) + v(1)) + (v(2) + v(3))) + ((v(4) + v(5)) + (v(6) + v(7)));
      if (std::bit_cast<uint32_t>(expected) != std::bit_cast<uint32_t>(data[i]))
        return wrong("another order at element " + std::to_string(i));
    }
    return Status();
  }));
}

TEST_P(CommunicatorTest, everyRankGetsTheSameBits) {
  for (int ranks : {3, 5, 6, 7})
    expectOk(run(ranks, [](Communicator &communicator) {
      constexpr size_t kCount = 1'001;
      std::vector<float> data(kCount);
      for (size_t i = 0; i < kCount; ++i)
        data[i] = unevenValue(communicator.rank(), i);
      MLRT_RETURN_IF_ERROR(communicator.allReduce(
          data.data(), kCount, DType::f32, ReductionKind::sum, true, tag(1)));
      std::vector<float> all(kCount * static_cast<size_t>(communicator.size()));
      MLRT_RETURN_IF_ERROR(
          communicator.allGather(data.data(), kCount * 4, all.data(), tag(2)));
      for (int rank = 0; rank < communicator.size(); ++rank)
        if (std::memcmp(all.data() + static_cast<size_t>(rank) * kCount,
                        data.data(), kCount * 4) != 0)
          return wrong("other bits on rank " + std::to_string(rank));
      return Status();
    }));
}

TEST_P(CommunicatorTest, aNaNWinsAndInfinityStays) {
  expectOk(run(4, [](Communicator &communicator) {
    float nan = std::nanf(""), infinity = INFINITY;
    bool second = communicator.rank() == 2;
    for (ReductionKind kind : {ReductionKind::max, ReductionKind::min}) {
      float data[2] = {second ? nan : 1.0f, second ? infinity : 1.0f};
      MLRT_RETURN_IF_ERROR(
          communicator.allReduce(data, 2, DType::f32, kind, true, tag(1)));
      if (!std::isnan(data[0]))
        return wrong("the NaN is lost");
      if (data[1] != (kind == ReductionKind::max ? infinity : 1.0f))
        return wrong("infinity is wrong");
    }
    return Status();
  }));
}

TEST_P(CommunicatorTest, sendsNoMoreThanItMust) {
  for (int ranks : {2, 4, 8})
    expectOk(run(ranks, [ranks](Communicator &communicator) {
      constexpr size_t kCount = 101'770; // parameters of a small network
      std::vector<float> data(kCount);
      MLRT_RETURN_IF_ERROR(communicator.allReduce(
          data.data(), kCount, DType::f32, ReductionKind::sum, true, tag(1)));
      double minimum = 2.0 * (ranks - 1) / ranks * kCount * 4;
      auto sent = static_cast<double>(communicator.sentBytes());
      if (sent > 1.001 * minimum || sent < 0.999 * minimum)
        return wrong("sent " + std::to_string(sent) + " bytes");
      // Headers of 192 bytes, and padding to 64.
      auto wire = static_cast<double>(communicator.wireBytes());
      bool isShared = communicator.transport() == "threads";
      if (isShared ? wire != 0
                   : wire <= sent || wire > sent + 2 * ranks * (192 + 64))
        return wrong("handed on " + std::to_string(wire) + " bytes");
      return Status();
    }));
}

TEST_P(CommunicatorTest, broadcasts) {
  for (int ranks = 1; ranks <= 9; ++ranks)
    expectOk(run(ranks, [](Communicator &communicator) {
      for (int root = 0; root < communicator.size(); ++root)
        for (size_t bytes : {0, 1, 63, 64, 65, 300'001}) {
          std::vector<uint8_t> data(bytes);
          auto value = [&](size_t i) {
            return static_cast<uint8_t>(i * 31 + bytes +
                                        static_cast<size_t>(root));
          };
          if (communicator.rank() == root)
            for (size_t i = 0; i < bytes; ++i)
              data[i] = value(i);
          MLRT_RETURN_IF_ERROR(
              communicator.broadcast(data.data(), bytes, root, tag(1)));
          for (size_t i = 0; i < bytes; ++i)
            if (data[i] != value(i))
              return wrong("wrong broadcast of " + std::to_string(bytes));
        }
      return Status();
    }));
}

TEST_P(CommunicatorTest, gathersAndMeets) {
  for (int ranks = 1; ranks <= 9; ++ranks)
    expectOk(run(ranks, [](Communicator &communicator) {
      auto size = static_cast<size_t>(communicator.size());
      for (size_t bytes : {size_t(0), size_t(1), size_t(67), size_t(200'003)}) {
        std::vector<uint8_t> own(bytes,
                                 static_cast<uint8_t>(communicator.rank() + 1));
        std::vector<uint8_t> all(bytes * size);
        MLRT_RETURN_IF_ERROR(
            communicator.allGather(own.data(), bytes, all.data(), tag(1)));
        for (size_t i = 0; i < all.size(); ++i)
          if (all[i] != i / bytes + 1)
            return wrong("wrong all-gather of " + std::to_string(bytes));
        MLRT_RETURN_IF_ERROR(communicator.barrier(tag(2)));
      }
      return Status();
    }));
}

TEST_P(CommunicatorTest, subgroupsWorkSideBySide) {
  expectOk(run(8, [](Communicator &communicator) {
    bool odd = communicator.rank() % 2 == 1;
    std::vector<int> ranks =
        odd ? std::vector<int>{1, 3, 5, 7} : std::vector<int>{0, 2, 4};
    if (communicator.rank() == 6) // in no group: goes on to the barrier
      return communicator.barrier(tag(9));
    auto group = communicator.subgroup(ranks);
    if (!group.ok())
      return group.status();
    if ((*group)->rank() != communicator.rank() / 2 ||
        (*group)->size() != static_cast<int>(ranks.size()))
      return wrong("ranks are not renumbered");
    MLRT_RETURN_IF_ERROR(
        reduceAndCheck(**group, 1001, DType::i64, ReductionKind::sum, 1));
    return communicator.barrier(tag(9));
  }));
}

TEST_P(CommunicatorTest, rejectsWrongCalls) {
  expectOk(run(2, [](Communicator &communicator) {
    auto expectInvalid = [](const Status &status) {
      return status.code() == StatusCode::kInvalidArgument
                 ? Status()
                 : wrong("accepted: " + status.message());
    };
    MLRT_RETURN_IF_ERROR(expectInvalid(communicator.allReduce(
        nullptr, 1, DType::f32, ReductionKind::sum, true, tag(1))));
    char byte = 0;
    MLRT_RETURN_IF_ERROR(
        expectInvalid(communicator.broadcast(&byte, 1, 2, tag(1))));
    for (std::vector<int> ranks : {std::vector<int>{1, 0},
                                   {0, 0},
                                   {0, 2},
                                   {-1, 0},
                                   {1 - communicator.rank()}})
      MLRT_RETURN_IF_ERROR(
          expectInvalid(communicator.subgroup(ranks).status()));
    return communicator.barrier(tag(2)); // and it still works
  }));
}

struct Call {
  size_t count = 100;
  DType dtype = DType::f32;
  ReductionKind kind = ReductionKind::sum;
  uint32_t id = 3;
  uint64_t step = 7;
};

TEST_P(CommunicatorTest, ranksThatDisagreeAreNamed) {
  const Call calls[] = {{99},
                        {100, DType::i32},
                        {100, DType::f32, ReductionKind::max},
                        {100, DType::f32, ReductionKind::sum, 4},
                        {100, DType::f32, ReductionKind::sum, 3, 8},
                        {100'000}};
  for (const Call &other : calls)
    for (int ranks : {2, 4, 5}) {
      std::vector<RankResult> results =
          run(ranks, [&](Communicator &communicator) {
            Call call = communicator.rank() == 1 ? other : Call();
            std::vector<double> data(call.count);
            return communicator.allReduce(data.data(), call.count, call.dtype,
                                          call.kind, true,
                                          tag(call.id, call.step));
          });
      for (const RankResult &result : results)
        expectFailure(result, StatusCode::kPeerFailed,
                      {"rank 1", "all-reduce #3", "step 7", "digits.mlg:10:8"});
      EXPECT_LT(seconds, 10);
    }
}

TEST_P(CommunicatorTest, ranksInOtherCollectivesAreNamed) {
  using Collective = std::function<Status(Communicator &)>;
  static thread_local char bytes[64], gathered[64 * 8]; // of each rank
  const Collective others[] = {
      [](Communicator &c) { return c.barrier(tag(1)); },
      [](Communicator &c) { return c.broadcast(bytes, 64, 0, tag(1)); },
      [](Communicator &c) { return c.broadcast(bytes, 64, 1, tag(1)); },
      [](Communicator &c) { return c.allGather(bytes, 64, gathered, tag(1)); }};
  for (size_t a = 0; a < std::size(others); ++a)
    for (size_t b = 0; b < a; ++b)
      for (int ranks : {2, 3}) {
        std::vector<RankResult> results = run(
            ranks,
            [&](Communicator &communicator) {
              return others[communicator.rank() == 1 ? a : b](communicator);
            },
            3);
        bool named = false;
        for (const RankResult &result : results) {
          named |= result.message.find("disagree") != std::string::npos;
          EXPECT_NE(result.code, StatusCode::kInternal) << result.message;
        }
        EXPECT_TRUE(named) << a << " against " << b << " with " << ranks << ": "
                           << results[0].message;
        EXPECT_LT(seconds, 6);
      }
}

TEST_P(CommunicatorTest, afterAnErrorItIsBroken) {
  run(2, [&](Communicator &communicator) {
    float data[2] = {};
    size_t count = communicator.rank() == 0 ? 1 : 2;
    Status first = communicator.allReduce(data, count, DType::f32,
                                          ReductionKind::sum, true, tag(1));
    Status second = communicator.barrier(tag(2));
    EXPECT_EQ(second.message(), first.message());
    return first.ok() ? wrong("no error") : Status();
  });
}

TEST_P(CommunicatorTest, aDyingRankIsNamed) {
  if (!processes())
    GTEST_SKIP() << "a thread does not die alone";
  for (int ranks : {2, 4, 7}) {
    std::vector<RankResult> results =
        run(ranks, [](Communicator &communicator) {
          for (uint32_t step = 0; step < 10; ++step) {
            if (communicator.rank() == 1 && step == 5)
              raise(SIGKILL);
            MLRT_RETURN_IF_ERROR(reduceAndCheck(communicator, 5000, DType::f32,
                                                ReductionKind::sum, step));
          }
          return Status();
        });
    for (int rank = 0; rank < ranks; ++rank) {
      EXPECT_EQ(results[rank].died, rank == 1);
      if (rank != 1)
        expectFailure(results[rank], StatusCode::kPeerFailed, {"rank 1"});
    }
    EXPECT_LT(seconds, 10);
  }
}

TEST_P(CommunicatorTest, aSilentRankIsNamedAtTheTimeout) {
  std::vector<RankResult> results = run(
      4,
      [](Communicator &communicator) {
        if (communicator.rank() == 2)
          std::this_thread::sleep_for(std::chrono::milliseconds(2500));
        return communicator.barrier(tag(3, 7));
      },
      1);
  for (int rank : {0, 1, 3}) {
    EXPECT_TRUE(results[rank].code == StatusCode::kTimeout)
        << results[rank].message;
    expectFailure(
        results[rank], results[rank].code,
        {"rank 2 has not answered", "barrier #3", "step 7", "digits.mlg:10:8"});
  }
}

TEST_P(CommunicatorTest, patientRanksWaitOnceForOneThatIsBusy) {
  std::vector<RankResult> results = run(
      3,
      [](Communicator &communicator) {
        for (int round = 0; round < 2; ++round) {
          if (communicator.rank() == 0)
            std::this_thread::sleep_for(std::chrono::milliseconds(1800));
          else if (round == 0)
            communicator.bePatient();
          if (Status status = communicator.barrier(tag(3, 7));
              !status.ok() || round == 1)
            return round == 0 ? status
                              : Status(StatusCode::kInternal,
                                       status.ok() ? "waited twice" : "once");
        }
        return Status();
      },
      1);
  for (int rank : {1, 2})
    EXPECT_NE(results[rank].message.find("once"), std::string::npos)
        << results[rank].message;
}

TEST_P(CommunicatorTest, abortWakesAllRanks) {
  std::vector<RankResult> results = run(4, [](Communicator &communicator) {
    if (communicator.rank() != 2)
      return communicator.barrier(tag(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    communicator.abort("the loss is NaN");
    return communicator.barrier(tag(1));
  });
  for (int rank = 0; rank < 4; ++rank)
    expectFailure(results[rank],
                  rank == 2 || std::string_view(GetParam()) != "gloo"
                      ? StatusCode::kAborted
                      : results[rank].code,
                  {});
  for (const RankResult &result : results)
    EXPECT_NE(result.code, StatusCode::kOk);
  EXPECT_LT(seconds, 5);
}

TEST_P(CommunicatorTest, abortFromAnotherThreadWakesItsRank) {
  std::vector<RankResult> results = run(2, [](Communicator &communicator) {
    if (communicator.rank() == 1) {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      return Status();
    }
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      communicator.abort("enough");
    });
    Status status = communicator.barrier(tag(1));
    other.join();
    return status;
  });
  expectFailure(results[0], StatusCode::kAborted, {"enough"});
}

TEST_P(CommunicatorTest, allRanksAgreeWhenToStop) {
  for (int ranks : {1, 2, 3, 5, 8})
    expectOk(run(ranks, [](Communicator &communicator) {
      int last = communicator.size() - 1;
      for (uint32_t step = 0; step < 8; ++step) {
        if (communicator.rank() == last && step == 5)
          communicator.requestStop(SIGTERM);
        float value = 0;
        MLRT_RETURN_IF_ERROR(communicator.allReduce(
            &value, 1, DType::f32, ReductionKind::sum, true, tag(step)));
        if (communicator.agreedStop() != (step < 5 ? 0 : SIGTERM))
          return wrong("step " + std::to_string(step) + ": stop is " +
                       std::to_string(communicator.agreedStop()));
      }
      return Status();
    }));
}

INSTANTIATE_TEST_SUITE_P(All, CommunicatorTest,
                         testing::Values("threads", "shm", "gloo"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });

} // namespace
