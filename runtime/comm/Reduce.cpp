//===- Reduce.cpp - Combine two arrays elementwise ------------------------===//

#include "runtime/comm/Reduce.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

namespace mlrt {

namespace {

/// IEEE binary16 as stored; arithmetic happens in f32.
struct Half {
  uint16_t bits;
};
/// The upper half of an f32.
struct Brain {
  uint16_t bits;
};

float widen(Brain value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

float widen(Half value) {
  uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000u) << 16;
  uint32_t exponent = (value.bits >> 10) & 0x1fu;
  uint32_t mantissa = value.bits & 0x3ffu;
  if (exponent == 0) { // zero and subnormals: mantissa * 2^-24
    float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
  }
  uint32_t wide = exponent == 31 ? 255u : exponent + 112u;
  return std::bit_cast<float>(sign | (wide << 23) | (mantissa << 13));
}

void narrow(float value, Brain &result) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if (std::isnan(value)) {
    result.bits = static_cast<uint16_t>((bits >> 16) | 0x40u);
    return;
  }
  bits += 0x7fffu + ((bits >> 16) & 1u); // to nearest, ties to even
  result.bits = static_cast<uint16_t>(bits >> 16);
}

void narrow(float value, Half &result) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t sign = (bits >> 16) & 0x8000u;
  uint32_t magnitude = bits & 0x7fffffffu;
  uint32_t half;
  if (magnitude > 0x7f800000u) {
    half = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  } else if (magnitude >= 0x477ff000u) { // rounds to 2^16 or above
    half = 0x7c00u;
  } else if (magnitude < 0x38800000u) { // below 2^-14: a multiple of 2^-24
    // Adding 0.5 leaves the rounded multiple of 2^-24 in the low bits.
    float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    half = std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(0.5f);
  } else {
    uint32_t odd = (magnitude >> 13) & 1u;
    half = (magnitude - (112u << 23) + 0xfffu + odd) >> 13;
  }
  result.bits = static_cast<uint16_t>(sign | half);
}

template <ReductionKind kind, typename T> T apply(T a, T b) {
  if constexpr (kind == ReductionKind::max) {
    if constexpr (std::is_floating_point_v<T>)
      return a > b || a != a ? a : b;
    return a > b ? a : b;
  }
  if constexpr (kind == ReductionKind::min) {
    if constexpr (std::is_floating_point_v<T>)
      return a < b || a != a ? a : b;
    return a < b ? a : b;
  }
  if constexpr (std::is_floating_point_v<T>)
    return a + b;
  else if constexpr (std::is_same_v<T, bool>)
    return a || b;
  else { // wraps around
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(static_cast<Unsigned>(static_cast<Unsigned>(a) +
                                                static_cast<Unsigned>(b)));
  }
}

template <typename T, ReductionKind kind, bool sourceFirst>
void combineLoop(T *__restrict target, const T *__restrict source,
                 size_t count) {
  for (size_t i = 0; i < count; ++i) {
    T a = sourceFirst ? source[i] : target[i];
    T b = sourceFirst ? target[i] : source[i];
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, Brain>)
      narrow(apply<kind>(widen(a), widen(b)), target[i]);
    else
      target[i] = apply<kind>(a, b);
  }
}

template <typename T, ReductionKind kind>
void combineOrdered(void *target, const void *source, size_t count,
                    bool sourceFirst) {
  if (sourceFirst)
    combineLoop<T, kind, true>(static_cast<T *>(target),
                               static_cast<const T *>(source), count);
  else
    combineLoop<T, kind, false>(static_cast<T *>(target),
                                static_cast<const T *>(source), count);
}

template <typename T>
void combineTyped(ReductionKind kind, void *target, const void *source,
                  size_t count, bool sourceFirst) {
  switch (kind) {
  case ReductionKind::sum:
    return combineOrdered<T, ReductionKind::sum>(target, source, count,
                                                 sourceFirst);
  case ReductionKind::max:
    return combineOrdered<T, ReductionKind::max>(target, source, count,
                                                 sourceFirst);
  case ReductionKind::min:
    return combineOrdered<T, ReductionKind::min>(target, source, count,
                                                 sourceFirst);
  }
}

/// A bool is a byte, 0 or 1; a byte from a file or a peer may hold more, which
/// a C++ bool may not.
void combineBool(ReductionKind kind, uint8_t *target, const uint8_t *source,
                 size_t count) {
  for (size_t i = 0; i < count; ++i) {
    bool a = target[i] != 0, b = source[i] != 0;
    target[i] = kind == ReductionKind::min ? a && b : a || b;
  }
}

} // namespace

void combine(DType dtype, ReductionKind kind, void *target, const void *source,
             size_t count, bool sourceFirst) {
  switch (dtype) {
  case DType::f32:
    return combineTyped<float>(kind, target, source, count, sourceFirst);
  case DType::bf16:
    return combineTyped<Brain>(kind, target, source, count, sourceFirst);
  case DType::f16:
    return combineTyped<Half>(kind, target, source, count, sourceFirst);
  case DType::f64:
    return combineTyped<double>(kind, target, source, count, sourceFirst);
  case DType::i32:
    return combineTyped<int32_t>(kind, target, source, count, sourceFirst);
  case DType::i64:
    return combineTyped<int64_t>(kind, target, source, count, sourceFirst);
  case DType::u8:
    return combineTyped<uint8_t>(kind, target, source, count, sourceFirst);
  case DType::boolean:
    return combineBool(kind, static_cast<uint8_t *>(target),
                       static_cast<const uint8_t *>(source), count);
  }
}

} // namespace mlrt
