//===- Reduce.cpp - Combine two arrays elementwise ------------------------===//

#include "runtime/core/Reduce.h"

#include "runtime/core/Float16.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
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

float widen(Brain value) { return bf16ToFloat(value.bits); }
float widen(Half value) { return f16ToFloat(value.bits); }
void narrow(float value, Brain &result) { result.bits = floatToBf16(value); }
void narrow(float value, Half &result) { result.bits = floatToF16(value); }

template <ReductionKind kind, typename T> T apply(T a, T b) {
  if constexpr (kind == ReductionKind::max) {
    if constexpr (std::is_floating_point_v<T>)
      return a > b || std::isnan(a) ? a : b;
    return a > b ? a : b;
  }
  if constexpr (kind == ReductionKind::min) {
    if constexpr (std::is_floating_point_v<T>)
      return a < b || std::isnan(a) ? a : b;
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

template <typename T> static T neutral(ReductionKind kind) {
  using Limits = std::numeric_limits<T>;
  if (kind == ReductionKind::sum)
    return T{0};
  if (kind == ReductionKind::max)
    return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  return Limits::has_infinity ? Limits::infinity() : Limits::max();
}

void fillNeutral(DType dtype, ReductionKind kind, void *data, size_t count) {
  auto fill = [&]<typename T>(T value) {
    std::fill_n(static_cast<T *>(data), count, value);
  };
  switch (dtype) {
  case DType::f32:
    return fill(neutral<float>(kind));
  case DType::bf16:
    return fill(floatToBf16(neutral<float>(kind)));
  case DType::f16:
    return fill(floatToF16(neutral<float>(kind)));
  case DType::f64:
    return fill(neutral<double>(kind));
  case DType::i32:
    return fill(neutral<int32_t>(kind));
  case DType::i64:
    return fill(neutral<int64_t>(kind));
  case DType::u8:
    return fill(neutral<uint8_t>(kind));
  case DType::boolean:
    return fill(static_cast<uint8_t>(kind == ReductionKind::min));
  }
}

} // namespace mlrt
