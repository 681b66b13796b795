//===- CpuTarget.cpp - Which processor the kernels are for ----------------===//
//
// The features are those that generated code can use: vector extensions of the
// named processor. For `native` the machine's own flags decide, so that a
// hypervisor that hides AVX-512 is believed.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/CpuTarget.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <algorithm>
#include <memory>

using namespace llvm;

namespace mlc {

namespace {

constexpr const char *kTriple = "x86_64-unknown-linux-gnu";

// What kernels may use beyond the x86-64 baseline. Sorted. Everything else that
// a processor has stays out of the code and of the plan's requirements.
constexpr const char *kUsable[] = {
    "avx",      "avx2",   "avx512bw", "avx512cd", "avx512dq", "avx512f",
    "avx512vl", "bmi",    "bmi2",     "f16c",     "fma",      "lzcnt",
    "movbe",    "popcnt", "sse3",     "sse4.1",   "sse4.2",   "ssse3"};

void initializeX86() {
  static const bool done = [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    return true;
  }();
  (void)done;
}

} // namespace

std::string CpuTarget::featureString() const {
  std::string text;
  for (const std::string &feature : features)
    text += (text.empty() ? "+" : ",+") + feature;
  return text;
}

std::optional<CpuTarget> CpuTarget::resolve(const std::string &name,
                                            std::string &error) {
  initializeX86();
  Triple triple(kTriple);
  const Target *target = TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return std::nullopt;

  CpuTarget result;
  result.triple = kTriple;
  bool native = name == "native";
  result.cpu = native ? sys::getHostCPUName().str() : name;
  if (native && Triple(sys::getProcessTriple()).getArch() != Triple::x86_64) {
    error = "--mcpu native: this machine is no x86-64; name a processor, such "
            "as x86-64-v3";
    return std::nullopt;
  }
  // An unknown name makes LLVM print to stderr, so ask with an empty one first.
  std::unique_ptr<MCSubtargetInfo> info(
      target->createMCSubtargetInfo(triple, "", ""));
  if (!info || !info->isCPUStringValid(result.cpu)) {
    error = "unknown processor \"" + result.cpu +
            "\"; use native, x86-64-v3, x86-64-v4 or a name that `llc "
            "-march=x86-64 -mcpu=help` lists";
    return std::nullopt;
  }
  info.reset(target->createMCSubtargetInfo(triple, result.cpu, ""));

  StringMap<bool> host;
  if (native)
    host = sys::getHostCPUFeatures();
  auto machineHas = [&](StringRef feature) {
    auto known = host.find(feature);
    return !native || known == host.end() || known->second;
  };
  for (const char *feature : kUsable)
    if (info->checkFeatures(std::string("+") + feature) && machineHas(feature))
      result.features.push_back(feature);

  auto has = [&](StringRef feature) {
    return std::find(result.features.begin(), result.features.end(), feature) !=
           result.features.end();
  };
  for (const char *needed : {"avx2", "fma", "f16c", "bmi2"})
    if (!has(needed)) {
      error = "the processor \"" + result.cpu + "\" has no " + needed +
              "; kernels need AVX2, FMA and F16C: use x86-64-v3 or newer";
      return std::nullopt;
    }
  bool wide =
      has("avx512f") && has("avx512bw") && has("avx512dq") && has("avx512vl");
  result.lanes = wide ? 16 : 8;
  result.registers = wide ? 32 : 16;
  return result;
}

} // namespace mlc
