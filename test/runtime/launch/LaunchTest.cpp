//===- LaunchTest.cpp - Ranks that run, fail, stop and are interrupted ----===//

#include "runtime/launch/Launch.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <map>
#include <new>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace mlrt;

namespace {

const char *noVariable(const char *) { return nullptr; }

/// Numbers that all workers of a test can write, in threads or processes.
struct Board {
  std::atomic<int> lastStep[8];
  std::atomic<int> failed[8];
};

class LaunchTest : public testing::TestWithParam<CommKind> {
protected:
  void SetUp() override {
    void *memory = mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(memory, MAP_FAILED);
    board = new (memory) Board();
  }
  void TearDown() override { munmap(board, sizeof(Board)); }

  LaunchResult run(int ranks, const WorkerMain &main, double timeout = 20) {
    LaunchOptions options;
    options.ranks = ranks;
    options.comm = GetParam();
    options.timeoutSeconds = timeout;
    Result<World> world = detectWorld(options, 1, noVariable);
    EXPECT_TRUE(world.ok()) << world.status().message();
    auto begin = std::chrono::steady_clock::now();
    LaunchResult result = launch(*world, options, main);
    seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin)
            .count();
    return result;
  }

  /// One all-reduce, as a step has it.
  Status reduceStep(WorkerContext &context, uint64_t step) {
    float values[64] = {1};
    Status status = context.communicator().allReduce(
        values, 64, DType::f32, ReductionKind::sum, true,
        {3, step, "gradients of head.w", "digits.mlg:10:8"});
    if (!status.ok())
      board->failed[context.rank()] = static_cast<int>(status.code());
    return status;
  }

  void expectNoChildren() {
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
  }

  void expectNames(const LaunchResult &result,
                   std::initializer_list<const char *> parts) {
    for (const char *part : parts)
      EXPECT_NE(result.status.message().find(part), std::string::npos)
          << "'" << part << "' is not in: " << result.status.message();
  }

  Board *board = nullptr;
  double seconds = 0;
};

TEST_P(LaunchTest, runsEveryRankOnce) {
  LaunchResult result = run(4, [&](WorkerContext &context) {
    EXPECT_EQ(context.size(), 4);
    board->lastStep[context.rank()] += 1;
    return reduceStep(context, 1);
  });
  EXPECT_EQ(result.exitCode, 0) << result.status.message();
  for (int rank = 0; rank < 4; ++rank)
    EXPECT_EQ(board->lastStep[rank], 1);
  expectNoChildren();
}

TEST_P(LaunchTest, oneRankStaysInItsProcess) {
  pid_t process = getpid();
  LaunchResult result = run(1, [&](WorkerContext &context) {
    if (GetParam() != CommKind::gloo)
      EXPECT_EQ(getpid(), process);
    return reduceStep(context, 1);
  });
  EXPECT_EQ(result.exitCode, 0) << result.status.message();
}

TEST_P(LaunchTest, anErrorOfOneRankEndsAll) {
  LaunchResult result = run(3, [&](WorkerContext &context) {
    for (uint64_t step = 0;; ++step) {
      if (context.rank() == 1 && step == 5)
        return Status(StatusCode::kRunFailed, "the loss is NaN");
      MLRT_RETURN_IF_ERROR(reduceStep(context, step));
    }
  });
  EXPECT_EQ(result.exitCode, 1);
  EXPECT_EQ(result.status.message(), "rank 1: the loss is NaN");
  EXPECT_LT(seconds, 5);
  expectNoChildren();
}

TEST_P(LaunchTest, anExceptionIsABug) {
  LaunchResult result = run(2, [&](WorkerContext &context) -> Status {
    if (context.rank() == 1)
      throw std::runtime_error("surprise");
    return reduceStep(context, 1);
  });
  EXPECT_EQ(result.exitCode, 70);
  expectNames(result, {"rank 1", "surprise"});
}

TEST_P(LaunchTest, ranksThatDisagreeAreNamed) {
  LaunchResult result = run(4, [&](WorkerContext &context) {
    std::vector<float> values(100);
    return context.communicator().allReduce(
        values.data(), context.rank() == 2 ? 99 : 100, DType::f32,
        ReductionKind::sum, true, {1, 7, "loss", "a.mlg:1:1"});
  });
  EXPECT_EQ(result.exitCode, 5);
  expectNames(result, {"rank 2", "99 f32", "100 f32", "step 7"});
}

TEST_P(LaunchTest, aRankThatDoesNotComeIsNamed) {
  LaunchResult result = run(
      2,
      [&](WorkerContext &context) {
        MLRT_RETURN_IF_ERROR(reduceStep(context, 6));
        if (context.rank() == 1) {
          context.heartbeat(7, "computes for ever");
          while (board->failed[0] == 0)
            usleep(1000);
        }
        return reduceStep(context, 7);
      },
      2);
  EXPECT_EQ(result.exitCode, 5);
  expectNames(result, {"rank 1", "all-reduce #3", "gradients of head.w",
                       "step 7", "digits.mlg:10:8"});
  EXPECT_LT(seconds, 6);
}

class ProcessTest : public LaunchTest {};

TEST_P(ProcessTest, aKilledRankIsNamed) {
  LaunchResult result = run(4, [&](WorkerContext &context) {
    for (uint64_t step = 0;; ++step) {
      if (context.rank() == 2 && step == 120)
        raise(SIGKILL);
      MLRT_RETURN_IF_ERROR(reduceStep(context, step));
    }
  });
  EXPECT_EQ(result.exitCode, 5);
  expectNames(result, {"rank 2", "signal 9", "all-reduce #3",
                       "gradients of head.w", "digits.mlg:10:8"});
  // Rank 2 had left step 119; a survivor may still wait for what its killed
  // process had not sent of it.
  EXPECT_THAT(result.status.message(), testing::ContainsRegex("step 1(19|20)"));
  EXPECT_LT(seconds, 5);
  for (int rank : {0, 1, 3}) // woken, not killed
    EXPECT_NE(board->failed[rank], 0);
  expectNoChildren();
}

TEST_P(ProcessTest, aStoppedRankIsNamedInTime) {
  LaunchResult result = run(
      3,
      [&](WorkerContext &context) {
        for (uint64_t step = 0;; ++step) {
          if (context.rank() == 1 && step == 9)
            raise(SIGSTOP);
          MLRT_RETURN_IF_ERROR(reduceStep(context, step));
        }
      },
      3);
  EXPECT_EQ(result.exitCode, 5);
  expectNames(result, {"rank 1", "all-reduce #3", "gradients of head.w",
                       "step 9", "digits.mlg:10:8"});
  EXPECT_LT(seconds, 3);
  expectNoChildren();
}

TEST_P(ProcessTest, aRankThatLeavesEarlyIsNamed) {
  LaunchResult result = run(2, [&](WorkerContext &context) {
    MLRT_RETURN_IF_ERROR(reduceStep(context, 4));
    if (context.rank() == 1)
      _exit(0);
    return reduceStep(context, 5);
  });
  EXPECT_EQ(result.exitCode, 5);
  expectNames(result, {"rank 1", "exit code 0", "all-reduce #3"});
}

// Whoever started us may have left SIGCHLD ignored; then the system reaps.
TEST_P(ProcessTest, aRankReapedByTheSystemIsNamed) {
  auto before = std::signal(SIGCHLD, SIG_IGN);
  LaunchResult result = run(2, [&](WorkerContext &context) {
    MLRT_RETURN_IF_ERROR(reduceStep(context, 4));
    if (context.rank() == 1)
      raise(SIGKILL);
    return reduceStep(context, 5);
  });
  std::signal(SIGCHLD, before);
  EXPECT_EQ(result.exitCode, 5);
  expectNames(result,
              {"rank 1", "its exit status is unknown", "all-reduce #3"});
}

TEST_P(ProcessTest, aSignalStopsAllRanksAtOneStep) {
  LaunchResult result = run(4, [&](WorkerContext &context) {
    for (uint64_t step = 0; step < 1'000'000; ++step) {
      if (context.rank() == 0 && step == 50)
        kill(getppid(), SIGTERM);
      MLRT_RETURN_IF_ERROR(reduceStep(context, step));
      board->lastStep[context.rank()] = static_cast<int>(step);
      if (int signal = context.agreedStop())
        return Status(StatusCode::kInterrupted,
                      "stopped by signal " + std::to_string(signal));
    }
    return Status();
  });
  EXPECT_EQ(result.exitCode, 143) << result.status.message();
  EXPECT_GE(board->lastStep[0], 50);
  for (int rank = 1; rank < 4; ++rank)
    EXPECT_EQ(board->lastStep[rank], board->lastStep[0]);
  expectNoChildren();
}

TEST_P(ProcessTest, ranksThatIgnoreASignalAreKilled) {
  LaunchResult result = run(
      2,
      [&](WorkerContext &context) {
        if (context.rank() == 0)
          kill(getppid(), SIGINT);
        for (uint64_t step = 0;; ++step)
          MLRT_RETURN_IF_ERROR(reduceStep(context, step));
      },
      1);
  EXPECT_EQ(result.exitCode, 130) << result.status.message();
  expectNoChildren();
}

TEST_P(ProcessTest, linesComeWithTheirRank) {
  std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::tmpfile(),
                                                        std::fclose);
  ASSERT_NE(file, nullptr);
  int saved = dup(STDOUT_FILENO);
  dup2(fileno(file.get()), STDOUT_FILENO);
  LaunchResult result = run(2, [&](WorkerContext &context) {
    if (context.rank() == 1)
      std::printf("one\nhalf");
    return Status();
  });
  dup2(saved, STDOUT_FILENO);
  close(saved);
  char text[100] = {};
  EXPECT_EQ(std::fseek(file.get(), 0, SEEK_SET), 0);
  (void)std::fread(text, 1, sizeof(text) - 1, file.get());
  EXPECT_EQ(result.exitCode, 0);
  EXPECT_STREQ(text, "[rank 1] one\n[rank 1] half\n");
}

TEST_P(ProcessTest, workersDieWithTheirSupervisor) {
  pid_t supervisor = fork();
  if (supervisor == 0) {
    run(2, [&](WorkerContext &context) {
      board->lastStep[context.rank()] = getpid();
      for (;;)
        usleep(1000);
      return Status();
    });
    _exit(0);
  }
  while (board->lastStep[0] == 0 || board->lastStep[1] == 0)
    usleep(1000);
  kill(supervisor, SIGKILL);
  waitpid(supervisor, nullptr, 0);
  for (int rank : {0, 1}) {
    int tries = 0;
    // Orphans that nobody has reaped yet still answer to signal 0.
    auto gone = [&] {
      char path[64];
      std::snprintf(path, sizeof(path), "/proc/%d/stat",
                    board->lastStep[rank].load());
      std::FILE *file = std::fopen(path, "r");
      if (file == nullptr)
        return true;
      char state = '?';
      int matched = std::fscanf(file, "%*d (%*[^)]) %c", &state);
      std::fclose(file);
      return matched == 1 && (state == 'Z' || state == 'X');
    };
    while (!gone() && ++tries < 2000)
      usleep(1000);
    EXPECT_TRUE(gone());
  }
}

std::string paramName(const testing::TestParamInfo<CommKind> &info) {
  return std::string(nameOf(info.param));
}

INSTANTIATE_TEST_SUITE_P(All, LaunchTest,
                         testing::Values(CommKind::threads, CommKind::shm,
                                         CommKind::gloo),
                         paramName);
INSTANTIATE_TEST_SUITE_P(All, ProcessTest,
                         testing::Values(CommKind::shm, CommKind::gloo),
                         paramName);

} // namespace
