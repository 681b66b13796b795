//===- Inspect.h - What is inside a plan ----------------------------------===//
#ifndef MLC_RUNTIME_RUN_INSPECT_H
#define MLC_RUNTIME_RUN_INSPECT_H

#include "runtime/exec/Plan.h"

#include <nlohmann/json.hpp>

#include <string>

namespace mlrt {

/// docs/schema/inspect.schema.json.
nlohmann::ordered_json inspectJson(const Plan &plan);

/// The same for people.
std::string inspectText(const nlohmann::ordered_json &report);

} // namespace mlrt

#endif // MLC_RUNTIME_RUN_INSPECT_H
