//===- CpuTarget.h - Which processor the kernels are for ------------------===//
//
// `--mcpu` resolved to LLVM's names. The result depends on nothing but the
// name, except for `native`, which asks this machine.
//
//===----------------------------------------------------------------------===//
#ifndef MLC_CODEGEN_CPU_CPUTARGET_H
#define MLC_CODEGEN_CPU_CPUTARGET_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mlc {

/// A micro-architecture with AVX2 and FMA at least.
struct CpuTarget {
  std::string triple;                ///< x86_64-unknown-linux-gnu
  std::string cpu;                   ///< LLVM's name: znver5, x86-64-v3
  std::vector<std::string> features; ///< what the code needs, sorted: avx512f
  unsigned lanes = 8;                ///< f32 elements of one vector: 8 or 16
  unsigned registers = 16;           ///< vector registers

  /// LLVM's feature string: "+avx,+avx2,...".
  std::string featureString() const;

  /// Resolves `native`, `x86-64-v3`, `x86-64-v4` or any x86-64 processor that
  /// LLVM knows. Without a result, `error` says why and what to do.
  static std::optional<CpuTarget> resolve(const std::string &name,
                                          std::string &error);
};

} // namespace mlc

#endif // MLC_CODEGEN_CPU_CPUTARGET_H
