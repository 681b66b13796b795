//===- Philox.h - Counter-based random numbers ----------------------------===//
//
// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011): a number is a function of key and counter alone, so that neither
// the split over devices nor the order of evaluation changes it. The runtime,
// the reference evaluation and the kernels all draw from here.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_SCHEMA_PHILOX_H
#define MLC_RUNTIME_SCHEMA_PHILOX_H

#include <array>
#include <cstdint>

namespace mlrt {

using PhiloxCounter = std::array<uint32_t, 4>;
using PhiloxKey = std::array<uint32_t, 2>;

inline constexpr int kPhiloxRounds = 10;
inline constexpr uint32_t kPhiloxFactors[2] = {0xD2511F53u, 0xCD9E8D57u};
inline constexpr uint32_t kPhiloxWeyl[2] = {0x9E3779B9u, 0xBB67AE85u};

/// One block of four random words.
constexpr PhiloxCounter philox4x32(PhiloxCounter c, PhiloxKey k) {
  for (int round = 0; round < kPhiloxRounds; ++round) {
    uint64_t p0 = uint64_t{kPhiloxFactors[0]} * c[0];
    uint64_t p1 = uint64_t{kPhiloxFactors[1]} * c[2];
    c = {static_cast<uint32_t>(p1 >> 32) ^ c[1] ^ k[0],
         static_cast<uint32_t>(p1),
         static_cast<uint32_t>(p0 >> 32) ^ c[3] ^ k[1],
         static_cast<uint32_t>(p0)};
    k[0] += kPhiloxWeyl[0];
    k[1] += kPhiloxWeyl[1];
  }
  return c;
}

constexpr PhiloxKey splitKey(uint64_t value) {
  return {static_cast<uint32_t>(value), static_cast<uint32_t>(value >> 32)};
}

// The numbers of a tensor that a program draws (graph.random_uniform).
//
// The key is `seed ^ site`, where `site` is a hash of the place in the model,
// with the step and the indices of the loops around folded in, one by one. The
// counter is {block, row low, row high, 0}: `row` is that of the global batch.
// Of 64 elements of a row, the one at 16 w + i has word w of their block i: so
// 16 lanes that compute 16 blocks use all their words.

/// A key for each value of `index`, independent of one another.
constexpr PhiloxKey foldIn(PhiloxKey key, uint64_t index) {
  auto [low, high] = splitKey(index);
  PhiloxCounter words = philox4x32({low, high, 0, 1}, key);
  return {words[0], words[1]};
}

inline constexpr uint32_t kRandomGroup = 64;  ///< elements of a row
inline constexpr uint32_t kRandomBlocks = 16; ///< that hold them

/// The random word of element `position` of row `row`.
constexpr uint32_t randomWord(PhiloxKey key, uint64_t row, uint32_t position) {
  uint32_t block =
      position / kRandomGroup * kRandomBlocks + position % kRandomBlocks;
  auto [low, high] = splitKey(row);
  return philox4x32({block, low, high, 0},
                    key)[position % kRandomGroup / kRandomBlocks];
}

inline constexpr int kUniformBits = 24; ///< of a word, the upper ones

/// A multiple of 2^-24 in [0, 1).
constexpr double toUniform(uint32_t word) {
  return static_cast<double>(word >> (32 - kUniformBits)) * 0x1p-24;
}

/// `toUniform(word) >= rate` is `word >> 8 >= dropThreshold(rate)`, for a rate
/// in [0, 1).
constexpr uint32_t dropThreshold(double rate) {
  double scaled = rate * 0x1p24;
  auto whole = static_cast<uint32_t>(scaled);
  return whole + (static_cast<double>(whole) < scaled ? 1 : 0);
}

} // namespace mlrt

#endif // MLC_RUNTIME_SCHEMA_PHILOX_H
