//===- DType.h - Element types --------------------------------------------===//
#ifndef MLC_RUNTIME_CORE_DTYPE_H
#define MLC_RUNTIME_CORE_DTYPE_H

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mlrt {

/// Element types of plans and tensors; the values are those of plan.fbs.
enum class DType : uint8_t { f32, bf16, f16, f64, i32, i64, u8, boolean };

inline constexpr size_t kDTypeCount = 8;

/// Bytes of one element.
constexpr size_t sizeOf(DType dtype) {
  constexpr size_t kSizes[kDTypeCount] = {4, 2, 2, 8, 4, 8, 1, 1};
  return kSizes[static_cast<size_t>(dtype)];
}

/// The name in the language: f32, bool, ...
constexpr std::string_view nameOf(DType dtype) {
  constexpr std::string_view kNames[kDTypeCount] = {
      "f32", "bf16", "f16", "f64", "i32", "i64", "u8", "bool"};
  return kNames[static_cast<size_t>(dtype)];
}

enum class ReductionKind : uint8_t { sum, max, min };

} // namespace mlrt

#endif // MLC_RUNTIME_CORE_DTYPE_H
