//===- PlanRun.h - Run a plan and see that it stays inside its arena ------===//
#ifndef MLC_TEST_RUNTIME_EXEC_PLANRUN_H
#define MLC_TEST_RUNTIME_EXEC_PLANRUN_H

#include "runtime/exec/Plan.h"

#include <string>

namespace mlrt::test {

/// Does with an accepted plan what mlrun does: inspects it, reads its splits,
/// computes initial values, and runs every program on a few micro-batches. In
/// place of machine code each kernel touches the first and the last byte of
/// every argument.
/// \returns what went wrong; "" for nothing.
std::string runWithStubs(const Plan &plan);

/// The same programs with the plan's own code on `threads` threads, where this
/// machine can run it. A plan that the kernel library refuses is not run.
std::string runWithCode(const Plan &plan, int threads = 1);

} // namespace mlrt::test

#endif // MLC_TEST_RUNTIME_EXEC_PLANRUN_H
