//===- plan_fuzzer.cpp - Any bytes as a plan ------------------------------===//
//
// The digest is made right first, so that the verifier of meaning is reached;
// what it accepts must run inside its arena.
//
//===----------------------------------------------------------------------===//

#include "test/runtime/exec/PlanRun.h"
#include "test/runtime/exec/SamplePlan.h"

#include "plan_generated.h"

#include <cstdio>
#include <cstdlib>

/// Loops of a million iterations are slow, not wrong.
static bool isQuick(const mlrt::Plan &plan) {
  for (const mlrt::schema::Program *program : *plan->programs()) {
    uint64_t iterations = 1;
    std::vector<const mlrt::schema::Loop *> loops;
    if (program->steps())
      for (const mlrt::schema::Step *step : *program->steps())
        if (const mlrt::schema::Loop *loop = step->kind_as_Loop())
          loops.push_back(loop);
    while (!loops.empty()) {
      const mlrt::schema::Loop *loop = loops.back();
      loops.pop_back();
      iterations += loop->count();
      if (loop->body())
        for (const mlrt::schema::Step *step : *loop->body())
          if (const mlrt::schema::Loop *inner = step->kind_as_Loop())
            loops.push_back(inner);
    }
    if (iterations > 1000)
      return false;
  }
  return plan->arena_bytes() < uint64_t{1} << 26;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const auto *begin = reinterpret_cast<const std::byte *>(data);
  std::vector<std::byte> bytes(begin, begin + size);
  mlrt::test::repairDigest(bytes);
  mlrt::Result<mlrt::Plan> plan =
      mlrt::Plan::fromBytes(std::move(bytes), "fuzzed");
  if (!plan.ok() || !isQuick(*plan))
    return 0;
  std::string problem = mlrt::test::runWithStubs(*plan);
  if (!problem.empty()) {
    std::fprintf(stderr, "an accepted plan: %s\n", problem.c_str());
    std::abort();
  }
  return 0;
}
