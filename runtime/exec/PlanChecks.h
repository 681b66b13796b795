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
/// The same, safe to print: long text is cut, and in one that is not clean
/// control characters and what is beyond ASCII become '?'.
std::string printable(std::string_view text);

/// UTF-8 without control characters; JSON takes no other.
bool isCleanText(std::string_view text);
inline bool isName(std::string_view text) {
  return !text.empty() && isCleanText(text);
}

template <typename T> uint32_t sizeOfVector(const flatbuffers::Vector<T> *v) {
  return v ? v->size() : 0;
}

/// FlatBuffers' verifier looks at the alignment of a vector's length alone.
template <typename T> bool isAligned(const flatbuffers::Vector<T> *vector) {
  return !vector ||
         reinterpret_cast<uintptr_t>(vector->Data()) % sizeof(T) == 0;
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

/// The input of that name, or null.
const schema::Input *findInput(const schema::Plan &plan, std::string_view name);

/// Equal extents; a shape that is absent is that of a scalar.
bool sameShape(const flatbuffers::Vector<int64_t> *a,
               const flatbuffers::Vector<int64_t> *b);

/// The part of verifyMeaning about programs and their steps
/// (PlanVerifyPrograms).
Status verifyPrograms(const schema::Plan &plan);

} // namespace mlrt

#endif // MLC_RUNTIME_EXEC_PLANCHECKS_H
