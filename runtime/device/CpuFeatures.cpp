//===- CpuFeatures.cpp - What this CPU can run ----------------------------===//
//
// By cpuid and xgetbv, as in Intel's Software Developer's Manual, volume 2A,
// CPUID, and volume 1, 14.3 (does the system save the registers).
//
//===----------------------------------------------------------------------===//

#include "runtime/device/CpuFeatures.h"

#include <array>
#include <cpuid.h>
#include <cstdint>

namespace mlrt {

namespace {

enum Register : uint8_t { eax, ebx, ecx, edx };

struct Feature {
  std::string_view name;
  uint32_t leaf, subleaf;
  Register reg;
  uint8_t bit;
  uint32_t savedState; // bits of XCR0 that must be set
};

constexpr uint32_t kAvx = 0x6, kAvx512 = 0xe6;
constexpr uint32_t kExtended = 0x80000001;

constexpr Feature kFeatures[] = {
    {"cx8", 1, 0, edx, 8, 0},
    {"cmov", 1, 0, edx, 15, 0},
    {"mmx", 1, 0, edx, 23, 0},
    {"fxsr", 1, 0, edx, 24, 0},
    {"sse", 1, 0, edx, 25, 0},
    {"sse2", 1, 0, edx, 26, 0},
    {"sse3", 1, 0, ecx, 0, 0},
    {"pclmul", 1, 0, ecx, 1, 0},
    {"ssse3", 1, 0, ecx, 9, 0},
    {"fma", 1, 0, ecx, 12, kAvx},
    {"cx16", 1, 0, ecx, 13, 0},
    {"sse4.1", 1, 0, ecx, 19, 0},
    {"sse4.2", 1, 0, ecx, 20, 0},
    {"crc32", 1, 0, ecx, 20, 0},
    {"movbe", 1, 0, ecx, 22, 0},
    {"popcnt", 1, 0, ecx, 23, 0},
    {"aes", 1, 0, ecx, 25, 0},
    {"xsave", 1, 0, ecx, 26, 0},
    {"avx", 1, 0, ecx, 28, kAvx},
    {"f16c", 1, 0, ecx, 29, kAvx},
    {"rdrnd", 1, 0, ecx, 30, 0},
    {"bmi", 7, 0, ebx, 3, 0},
    {"avx2", 7, 0, ebx, 5, kAvx},
    {"bmi2", 7, 0, ebx, 8, 0},
    {"avx512f", 7, 0, ebx, 16, kAvx512},
    {"avx512dq", 7, 0, ebx, 17, kAvx512},
    {"adx", 7, 0, ebx, 19, 0},
    {"avx512ifma", 7, 0, ebx, 21, kAvx512},
    {"avx512cd", 7, 0, ebx, 28, kAvx512},
    {"sha", 7, 0, ebx, 29, 0},
    {"avx512bw", 7, 0, ebx, 30, kAvx512},
    {"avx512vl", 7, 0, ebx, 31, kAvx512},
    {"avx512vbmi", 7, 0, ecx, 1, kAvx512},
    {"avx512vbmi2", 7, 0, ecx, 6, kAvx512},
    {"gfni", 7, 0, ecx, 8, 0},
    {"vaes", 7, 0, ecx, 9, kAvx},
    {"vpclmulqdq", 7, 0, ecx, 10, kAvx},
    {"avx512vnni", 7, 0, ecx, 11, kAvx512},
    {"avx512bitalg", 7, 0, ecx, 12, kAvx512},
    {"avx512vpopcntdq", 7, 0, ecx, 14, kAvx512},
    {"avx512fp16", 7, 0, edx, 23, kAvx512},
    {"avxvnni", 7, 1, eax, 4, kAvx},
    {"avx512bf16", 7, 1, eax, 5, kAvx512},
    {"sahf", kExtended, 0, ecx, 0, 0},
    {"lzcnt", kExtended, 0, ecx, 5, 0},
    {"sse4a", kExtended, 0, ecx, 6, 0},
    {"64bit", kExtended, 0, edx, 29, 0},
};

uint32_t savedStates() {
  std::array<uint32_t, 4> r{};
  __get_cpuid(1, &r[0], &r[1], &r[2], &r[3]);
  if (!(r[ecx] & (1u << 27))) // the system does not use xsave
    return 0;
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

} // namespace

bool cpuHas(std::string_view name) {
  static const uint32_t saved = savedStates();
  for (const Feature &feature : kFeatures) {
    if (feature.name != name)
      continue;
    std::array<uint32_t, 4> r{};
    return __get_cpuid_count(feature.leaf, feature.subleaf, &r[0], &r[1], &r[2],
                             &r[3]) &&
           (r[feature.reg] >> feature.bit & 1u) &&
           (saved & feature.savedState) == feature.savedState;
  }
  return false;
}

} // namespace mlrt
