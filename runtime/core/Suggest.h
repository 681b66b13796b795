//===- Suggest.h - "did you mean" -----------------------------------------===//
#ifndef MLC_RUNTIME_CORE_SUGGEST_H
#define MLC_RUNTIME_CORE_SUGGEST_H

#include <span>
#include <string>
#include <string_view>

namespace mlrt {

/// The candidate nearest to `word` by edit distance (a swap of neighbours
/// counts one), or empty where none is within a third of its length.
std::string nearestName(std::string_view word,
                        std::span<const std::string> candidates);

/// "; did you mean 'x'?" or nothing.
std::string didYouMean(std::string_view word,
                       std::span<const std::string> candidates);

} // namespace mlrt

#endif // MLC_RUNTIME_CORE_SUGGEST_H
