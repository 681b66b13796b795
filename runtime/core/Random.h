//===- Random.h - Counter-based random numbers ----------------------------===//
//
// First values of parameters and the order of examples, from Philox
// (runtime/schema/Philox.h). mlrun and `mlc --interpret` both draw from here.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_CORE_RANDOM_H
#define MLC_RUNTIME_CORE_RANDOM_H

#include "runtime/core/DType.h"
#include "runtime/core/Status.h"
#include "runtime/schema/Philox.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace mlrt {

/// {low, high} of `seed ^ XXH3-64(path)`.
PhiloxKey keyOf(uint64_t seed, std::string_view path);

/// How a parameter begins; see Initializer in plan.fbs.
struct InitialValue {
  std::string_view kind; ///< zeros ones constant uniform normal
                         ///< truncated_normal orthogonal
  double a = 0;          ///< constant, lower bound, mean, gain
  double b = 0; ///< upper bound (excluded), standard deviation, columns
};

/// Is the kind known, and can a parameter of `count` elements begin so.
bool isInitialValue(const InitialValue &value, uint64_t count);

/// Element `index` of the parameter `path`, before rounding to its type; not
/// for orthogonal, whose elements depend on each other.
///
/// Element e takes lane e % 4 of block e / 4, counter {block low, block high,
/// try, 0}, try 0 but for truncated_normal.
///   uniform:  a + (b - a) * (word >> 8) * 2^-24
///   normal:   a + b * z, z by Box and Muller from the lanes (0, 1) or (2, 3):
///             r = sqrt(-2 ln((first + 1) * 2^-32)), t = 2 pi second * 2^-32;
///             even lanes r cos t, odd lanes r sin t
///   truncated_normal: as normal, tries 0, 1, ... until |z| <= 2
double initialElement(const InitialValue &value, uint64_t seed,
                      std::string_view path, uint64_t index);

/// Writes `count` elements of `dtype` to `out`: initialElement rounded. For
/// orthogonal they are the rows of a matrix of `b` columns: `a` times what
/// `orthonormalize` makes of the numbers of normal with mean 0 and deviation 1.
/// \returns kBadInput where isInitialValue is false.
Status fillInitial(const InitialValue &value, uint64_t seed,
                   std::string_view path, DType dtype, uint64_t count,
                   void *out);

/// The order of the examples of an epoch: Fisher-Yates over 0..n-1, keyed by
/// (seed, epoch) alone. Step i = n-1 .. 1 swaps i with floor(w_i * (i+1) /
/// 2^64), where w_i is the 64-bit word i % 2 (lanes 0, 1 or 2, 3; low first)
/// of block i / 2: counter {block low, block high, epoch low, epoch high}, key
/// keyOf(seed, "shuffle").
void shuffledOrder(uint64_t seed, uint64_t epoch, std::span<uint32_t> order);

} // namespace mlrt

#endif // MLC_RUNTIME_CORE_RANDOM_H
