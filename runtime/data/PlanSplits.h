//===- PlanSplits.h - The splits of a plan --------------------------------===//
#ifndef MLC_RUNTIME_DATA_PLANSPLITS_H
#define MLC_RUNTIME_DATA_PLANSPLITS_H

#include "runtime/data/SplitSpec.h"

#include <string_view>

namespace mlrt {

namespace schema {
struct Plan;
} // namespace schema

/// The split `name` of `plan`, its columns in the order of Split.columns.
/// \returns kInvalidArgument, with the names there are, for an unknown one;
/// kBadInput for a column that feeds no input of the plan.
Result<SplitSpec> splitOfPlan(const schema::Plan &plan, std::string_view name);

} // namespace mlrt

#endif // MLC_RUNTIME_DATA_PLANSPLITS_H
