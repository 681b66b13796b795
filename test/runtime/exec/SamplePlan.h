//===- SamplePlan.h - A plan with every construct, and plans to break -----===//
#ifndef MLC_TEST_RUNTIME_EXEC_SAMPLEPLAN_H
#define MLC_TEST_RUNTIME_EXEC_SAMPLEPLAN_H

#include "plan_generated.h"

#include <cstddef>
#include <vector>

namespace mlrt::test {

/// A plan that the loader accepts: three programs, every kind of step, a loop
/// in the loop over micro-batches, sums, an all-reduce, metrics, outputs,
/// constants, splits of both readers. Its code is no code.
schema::PlanT samplePlan();

/// The bytes of `plan`, with the right digest.
std::vector<std::byte> pack(const schema::PlanT &plan);

/// Makes the digest of damaged bytes right, where they still have one.
void repairDigest(std::vector<std::byte> &bytes);

} // namespace mlrt::test

#endif // MLC_TEST_RUNTIME_EXEC_SAMPLEPLAN_H
