//===- MemoryReport.cpp - What the arena holds ----------------------------===//
//
// arena(N) = arena_bytes + sum_level_bytes * levels(ceil(M / N)), as plan.fbs
// has it, with M the micro-batches of a global batch.
//
//===----------------------------------------------------------------------===//

#include "tools/mlc/MemoryReport.h"

#include "ir/plan/PlanOps.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mlc::driver {

static int64_t levels(int64_t microbatches) {
  return microbatches <= 1 ? 0 : llvm::Log2_64(microbatches - 1) + 2;
}

static int64_t integerOf(DictionaryAttr dict, StringRef name, int64_t missing) {
  auto attr = dict ? dict.getAs<IntegerAttr>(name) : IntegerAttr();
  return attr ? attr.getInt() : missing;
}

Report reportMemory(ModuleOp module) {
  plan::ArenaOp arena = plan::ArenaOp::of(module);
  int64_t arenaBytes = *arena.getBytes();
  // Bytes of each section, with what alignment adds between buffers; the
  // transient buffers share theirs.
  llvm::MapVector<StringRef, int64_t> sections;
  SmallVector<plan::BufferOp> kept;
  int64_t transientBegin = arenaBytes;
  for (auto buffer : arena.getOps<plan::BufferOp>())
    if (buffer.getSection() == plan::Section::Transient)
      transientBegin = std::min<int64_t>(transientBegin, *buffer.getOffset());
  for (auto buffer : arena.getOps<plan::BufferOp>())
    if (buffer.getSection() != plan::Section::Transient)
      sections[plan::stringifySection(buffer.getSection())] +=
          plan::alignToArena(buffer.getTotalBytes());
  sections["transient"] = arenaBytes - transientBegin;

  auto train = module->getAttrOfType<DictionaryAttr>("mlc.train");
  int64_t microbatches = integerOf(train, "microbatches", 1);
  int64_t ranks = 1;
  if (auto mesh = module->getAttrOfType<ArrayAttr>("mlc.mesh"))
    for (Attribute axis : mesh)
      ranks *= integerOf(dyn_cast<DictionaryAttr>(axis), "size", 1);
  int64_t levelBytes = 0;
  for (auto program : module.getOps<plan::ProgramOp>())
    if (program.getSymName() == "train")
      levelBytes = program.getSumLevelBytes();

  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::Object sectionsJson;
  os << "memory of a rank, in bytes\n";
  for (auto &[name, bytes] : sections) {
    os << llvm::format("  %-16s %14lld\n", name.str().c_str(),
                       static_cast<long long>(bytes));
    sectionsJson[name] = bytes;
  }
  os << llvm::format("  %-16s %14lld\n", "arena",
                     static_cast<long long>(arenaBytes));
  llvm::json::Array byRanks;
  auto total = [&](int64_t n) {
    int64_t sums = levelBytes * levels(llvm::divideCeil(microbatches, n));
    byRanks.push_back(llvm::json::Object{{"ranks", n},
                                         {"running_sum_bytes", sums},
                                         {"total_bytes", arenaBytes + sums}});
    return sums;
  };
  if (ranks > 0) {
    int64_t sums = total(ranks);
    os << llvm::format("  %-16s %14lld\n", "running sums",
                       static_cast<long long>(sums))
       << llvm::format("  %-16s %14lld\n", "total",
                       static_cast<long long>(arenaBytes + sums));
  } else {
    os << "  total(N) = " << arenaBytes << " + " << levelBytes
       << " * levels(ceil(" << microbatches
       << " / N)), levels(m) = m <= 1 ? 0 : floor(log2(m - 1)) + 2\n";
    for (int64_t n = 1; n <= std::min<int64_t>(microbatches, 64); n *= 2) {
      int64_t sums = total(n);
      os << llvm::format("  total at N = %-3lld %14lld\n",
                         static_cast<long long>(n),
                         static_cast<long long>(arenaBytes + sums));
    }
  }
  return {text, llvm::json::Object{{"schema_version", 1},
                                   {"report", "memory"},
                                   {"sections", std::move(sectionsJson)},
                                   {"arena_bytes", arenaBytes},
                                   {"sum_level_bytes", levelBytes},
                                   {"by_ranks", std::move(byRanks)}}};
}

} // namespace mlc::driver
