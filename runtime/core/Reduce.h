//===- Reduce.h - Combine two arrays elementwise --------------------------===//
#ifndef MLC_RUNTIME_CORE_REDUCE_H
#define MLC_RUNTIME_CORE_REDUCE_H

#include "runtime/core/DType.h"

#include <cstddef>

namespace mlrt {

/// target[i] = op(target[i], source[i]) for `count` elements.
///
/// Floats: f16 and bf16 are converted to f32, combined, and rounded to nearest
/// even each time. A NaN wins in max and min. Integers wrap around. bool: sum
/// and max are `or`, min is `and`.
///
/// \param sourceFirst  source is the left operand, which shows only in the sign
///   bit of equal zeros and in which NaN wins.
void combine(DType dtype, ReductionKind kind, void *target, const void *source,
             size_t count, bool sourceFirst);

/// Fills with the value that changes no other when combined with it.
void fillNeutral(DType dtype, ReductionKind kind, void *data, size_t count);

} // namespace mlrt

#endif // MLC_RUNTIME_CORE_REDUCE_H
