//===- Float16.h - bf16 and f16 to and from f32 ---------------------------===//
//
// Round to nearest, ties to even; a NaN stays a NaN. Plain integer code, so
// that every CPU gives the same bits.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_RUNTIME_CORE_FLOAT16_H
#define MLC_RUNTIME_CORE_FLOAT16_H

#include <bit>
#include <cstdint>

namespace mlrt {

inline float bf16ToFloat(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

inline uint16_t floatToBf16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u)
    return static_cast<uint16_t>((bits >> 16) | 0x40u); // a quiet NaN
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline float f16ToFloat(uint16_t half) {
  uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  uint32_t exponent = (half >> 10) & 0x1fu, mantissa = half & 0x3ffu;
  if (exponent == 0x1f)
    return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent == 0) { // zero or subnormal: mantissa * 2^-24, exact in f32
    float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return sign ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | ((exponent + 112u) << 23) |
                              (mantissa << 13));
}

inline uint16_t floatToF16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  bits &= 0x7fffffffu;
  if (bits > 0x7f800000u)
    return sign | 0x7e00u;
  if (bits >= 0x477ff000u) // rounds to 65536 or more
    return sign | 0x7c00u;
  if (bits < 0x38800000u) { // below 2^-14: subnormal, in units of 2^-24
    // Adding 0.5 puts the unit 2^-24 at the last bit of the mantissa, so that
    // the addition itself rounds to nearest even.
    float shifted = std::bit_cast<float>(bits) + 0.5f;
    return sign | static_cast<uint16_t>(std::bit_cast<uint32_t>(shifted) -
                                        0x3f000000u);
  }
  bits += 0xfffu + ((bits >> 13) & 1u);
  return sign | static_cast<uint16_t>((bits - 0x38000000u) >> 13);
}

} // namespace mlrt

#endif // MLC_RUNTIME_CORE_FLOAT16_H
