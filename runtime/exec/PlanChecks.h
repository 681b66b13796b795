//===- PlanChecks.h - Helpers of the plan's verifier ----------------------===//
#ifndef MLC_RUNTIME_EXEC_PLANCHECKS_H
#define MLC_RUNTIME_EXEC_PLANCHECKS_H

#include "plan_generated.h"
#include "runtime/core/DType.h"
#include "runtime/core/Status.h"

#include <string>
#include <string_view>

namespace mlrt {

inline Status damaged(std::string message) {
  return {StatusCode::kBadInput, std::move(message)};
}

/// The text of a string field, "" where there is none.
inline std::string_view textOf(const flatbuffers::String *text) {
  return text ? std::string_view(text->data(), text->size())
              : std::string_view();
}
/// The same, safe to print: control characters become '?', long text is cut.
std::string printable(std::string_view text);

template <typename T> uint32_t sizeOfVector(const flatbuffers::Vector<T> *v) {
  return v ? v->size() : 0;
}

/// The runtime's type for one of the plan; only after isValid.
inline DType dtypeOf(schema::DType dtype) { return static_cast<DType>(dtype); }
inline bool isValid(schema::DType dtype) {
  return static_cast<uint8_t>(dtype) < kDTypeCount;
}

/// a + b and a * b; false on overflow.
inline bool addChecked(uint64_t a, uint64_t b, uint64_t &sum) {
  return !__builtin_add_overflow(a, b, &sum);
}
inline bool mulChecked(uint64_t a, uint64_t b, uint64_t &product) {
  return !__builtin_mul_overflow(a, b, &product);
}

/// Bytes of `shape` elements; false for a negative extent or overflow.
bool bytesOfShape(const flatbuffers::Vector<int64_t> *shape, DType dtype,
                  uint64_t &bytes);

/// The part of verifyMeaning about programs and their steps
/// (PlanVerifyPrograms).
Status verifyPrograms(const schema::Plan &plan);

} // namespace mlrt

#endif // MLC_RUNTIME_EXEC_PLANCHECKS_H
