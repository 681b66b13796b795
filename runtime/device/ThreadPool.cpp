//===- ThreadPool.cpp - The compute threads of a rank ---------------------===//

#include "runtime/device/ThreadPool.h"

#include "runtime/core/FlushDenormals.h"
#include "runtime/core/Thread.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <pthread.h>
#include <sched.h>
#include <string>
#include <string_view>

namespace mlrt {

// About 20 us of polling: longer than the gap between two kernels of a step.
static constexpr int kSpins = 2000;

/// The numbers in a file, up to the first word that is none.
static std::vector<long long> numbersIn(const char *path) {
  std::ifstream file(path);
  std::vector<long long> numbers;
  for (long long number = 0; file >> number;)
    numbers.push_back(number);
  return numbers;
}

/// The quota of cgroup v2 or v1 in CPUs, rounded up; 0 where there is none.
static int quotaCpus() {
  std::vector<long long> limits = numbersIn("/sys/fs/cgroup/cpu.max");
  if (limits.empty()) { // v1, or "max": none
    limits = numbersIn("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
    for (long long period : numbersIn("/sys/fs/cgroup/cpu/cpu.cfs_period_us"))
      limits.push_back(period);
  }
  if (limits.size() != 2 || limits[0] <= 0 || limits[1] <= 0)
    return 0;
  return static_cast<int>((limits[0] + limits[1] - 1) / limits[1]);
}

std::vector<int> availableCpus() {
  std::vector<int> cpus;
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (int i = 0; i < CPU_SETSIZE; ++i)
      if (CPU_ISSET(i, &set))
        cpus.push_back(i);
  if (cpus.empty())
    cpus.push_back(0);
  if (int quota = quotaCpus(); quota > 0 && cpus.size() > size_t(quota))
    cpus.resize(static_cast<size_t>(quota));
  return cpus;
}

static constexpr const char *kThreadsVariable = "MLRUN_NUM_THREADS";

/// What MLRUN_NUM_THREADS says; 0 where it is not set or no number from 1 to
/// 1024.
static int threadsOfEnvironment() {
  const char *text = std::getenv(kThreadsVariable);
  std::string_view word = text ? text : "";
  int threads = 0;
  auto [end, error] =
      std::from_chars(word.data(), word.data() + word.size(), threads);
  bool whole = error == std::errc() && end == word.data() + word.size();
  return whole && threads >= 1 && threads <= 1024 ? threads : 0;
}

Status checkThreadsOfEnvironment() {
  const char *text = std::getenv(kThreadsVariable);
  if (!text || !*text || threadsOfEnvironment() > 0)
    return {};
  return {StatusCode::kInvalidArgument,
          std::string(kThreadsVariable) + "=" + text +
              " is not a whole number from 1 to 1024"};
}

int chooseThreads(int requested, int localRanks) {
  if (requested > 0)
    return requested;
  if (int threads = threadsOfEnvironment(); threads > 0)
    return threads;
  return std::max(1, static_cast<int>(availableCpus().size()) /
                         std::max(1, localRanks));
}

static void pinTo(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

static void relax() { __builtin_ia32_pause(); }

ThreadPool::ThreadPool(int count, int localRank, int localRanks)
    : threadCount(std::max(1, count)) {
  std::vector<int> available = availableCpus();
  size_t wanted = static_cast<size_t>(threadCount) *
                  static_cast<size_t>(std::max(1, localRanks));
  if (wanted <= available.size()) {
    spins = kSpins;
    for (int i = 0; i < threadCount; ++i)
      cpus.push_back(
          available[static_cast<size_t>(localRank * threadCount + i) %
                    available.size()]);
  }
  for (int i = 1; i < threadCount; ++i)
    threads.emplace_back([this, i] { work(i); });
}

ThreadPool::~ThreadPool() {
  stopping = true;
  generation.fetch_add(1);
  generation.notify_all();
  for (std::thread &thread : threads)
    thread.join();
}

void ThreadPool::work(int thread) {
  nameThisThread("compute");
  if (!cpus.empty())
    pinTo(cpus[static_cast<size_t>(thread)]);
  FlushDenormals flush; // as the executor does
  uint32_t seen = 0;
  while (true) {
    for (int i = 0; i < spins && generation.load() == seen; ++i)
      relax();
    generation.wait(seen);
    ++seen;
    if (stopping)
      return;
    currentTask(currentContext, thread);
    if (pending.fetch_sub(1) == 1)
      pending.notify_one();
  }
}

void ThreadPool::run(void (*task)(void *, int), void *context) {
  if (threadCount == 1) {
    task(context, 0);
    return;
  }
  currentTask = task;
  currentContext = context;
  pending = static_cast<uint32_t>(threadCount - 1);
  generation.fetch_add(1);
  generation.notify_all();
  task(context, 0);
  for (int i = 0; i < spins && pending.load() != 0; ++i)
    relax();
  for (uint32_t left = pending.load(); left != 0; left = pending.load())
    pending.wait(left);
}

} // namespace mlrt
