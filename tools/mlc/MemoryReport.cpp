//===- MemoryReport.cpp - What the arena holds ----------------------------===//
//
// total(N) = arena_bytes + sum_level_bytes * levels(ceil(M / N)) + what the
// loader prepares ahead, with M the micro-batches of a global batch; and what
// messages between N ranks are staged in, for each --comm. All of it as
// runtime/schema/Memory.h has it.
//
//===----------------------------------------------------------------------===//

#include "tools/mlc/MemoryReport.h"

#include "ir/dist/MeshConfig.h"
#include "ir/plan/PlanOps.h"
#include "runtime/schema/Memory.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mlc::driver {

namespace memory = mlrt::schema;

/// What the loader prepares ahead for the training program.
static int64_t inputStagingBytes(plan::ArenaOp arena, plan::ProgramOp train) {
  auto bytesOf = [&](FlatSymbolRefAttr buffer) {
    return plan::getTensorBytes(arena.getBuffer(buffer.getValue()).getType());
  };
  int64_t bytes = train.getMaskAttr() ? bytesOf(train.getMaskAttr())
                                      : train.getRows() * sizeof(float);
  for (auto binding : train.getInputs().getAsRange<plan::BindingAttr>())
    bytes += bytesOf(binding.getBuffer());
  return bytes * static_cast<int64_t>(memory::kBatchesAhead);
}

static int64_t integerOf(DictionaryAttr dict, StringRef name, int64_t missing) {
  auto attr = dict ? dict.getAs<IntegerAttr>(name) : IntegerAttr();
  return attr ? attr.getInt() : missing;
}

/// Bytes of each section, with what alignment adds between buffers; the
/// transient buffers share theirs.
static llvm::MapVector<StringRef, int64_t> sectionBytes(plan::ArenaOp arena) {
  llvm::MapVector<StringRef, int64_t> sections;
  auto arenaBytes = static_cast<int64_t>(*arena.getBytes());
  int64_t transientBegin = arenaBytes;
  for (auto buffer : arena.getOps<plan::BufferOp>()) {
    if (buffer.getSection() == plan::Section::Transient)
      transientBegin = std::min<int64_t>(transientBegin, *buffer.getOffset());
    else
      sections[plan::stringifySection(buffer.getSection())] +=
          plan::alignToArena(buffer.getTotalBytes());
  }
  sections["transient"] = arenaBytes - transientBegin;
  return sections;
}

/// The numbers of ranks to report for.
static SmallVector<int64_t> rankCounts(ModuleOp module, int64_t microbatches) {
  int64_t ranks = 1;
  if (auto mesh = dist::readMesh(module); succeeded(mesh))
    for (const dist::MeshAxis &axis : *mesh)
      ranks *= axis.size;
  if (ranks > 0)
    return {ranks};
  SmallVector<int64_t> counts;
  for (int64_t n = 1; n <= std::min<int64_t>(microbatches, 64); n *= 2)
    counts.push_back(n);
  return counts;
}

Report reportMemory(ModuleOp module) {
  plan::ArenaOp arena = plan::ArenaOp::of(module);
  auto arenaBytes = static_cast<int64_t>(*arena.getBytes());
  int64_t microbatches = integerOf(
      module->getAttrOfType<DictionaryAttr>("mlc.train"), "microbatches", 1);
  int64_t levelBytes = 0, inputBytes = 0;
  for (auto program : module.getOps<plan::ProgramOp>())
    if (program.getSymName() == "train") {
      levelBytes = program.getSumLevelBytes();
      inputBytes = inputStagingBytes(arena, program);
    }

  std::string text;
  llvm::raw_string_ostream os(text);
  auto line = [&os](const Twine &name, int64_t bytes) {
    os << llvm::format("  %-20s %14lld\n", name.str().c_str(),
                       static_cast<long long>(bytes));
  };
  os << "memory of a rank, in bytes\n";
  llvm::json::Object sectionsJson;
  for (auto &[name, bytes] : sectionBytes(arena)) {
    line(name, bytes);
    sectionsJson[name] = bytes;
  }
  line("arena", arenaBytes);
  line("inputs ahead", inputBytes);
  llvm::json::Array byRanks;
  std::string staging;
  SmallVector<int64_t> counts = rankCounts(module, microbatches);
  for (int64_t n : counts) {
    auto levels = static_cast<int64_t>(
        memory::sumLevels(llvm::divideCeil(microbatches, n)));
    int64_t sums = levelBytes * levels, total = arenaBytes + sums + inputBytes;
    std::string of = counts.size() > 1 ? " at N = " + std::to_string(n) : "";
    line("running sums" + of, sums);
    line("total" + of, total);
    llvm::json::Object byTransport;
    for (auto [name, bytes] :
         {std::pair("threads", memory::threadsStagingBytes(n)),
          std::pair("shm", memory::shmStagingBytes(n)),
          std::pair("gloo", memory::glooStagingBytes(n))})
      byTransport[name] = static_cast<int64_t>(bytes);
    staging +=
        llvm::formatv("  N = {0,-3} threads {1}, shm {2}, gloo {3}\n", n,
                      memory::threadsStagingBytes(n),
                      memory::shmStagingBytes(n), memory::glooStagingBytes(n));
    byRanks.push_back(
        llvm::json::Object{{"ranks", n},
                           {"running_sum_bytes", sums},
                           {"total_bytes", total},
                           {"staging_bytes", std::move(byTransport)}});
  }
  if (counts.size() > 1)
    os << "  total(N) = " << arenaBytes + inputBytes << " + " << levelBytes
       << " * levels(ceil(" << microbatches
       << " / N)), levels(m) = m <= 1 ? 0 : floor(log2(m - 1)) + 2\n";
  os << "messages between the ranks are staged in, by --comm: threads and shm "
        "for all ranks of a machine\ntogether, gloo for each\n"
     << staging;
  return {text, llvm::json::Object{{"schema_version", 1},
                                   {"report", "memory"},
                                   {"sections", std::move(sectionsJson)},
                                   {"arena_bytes", arenaBytes},
                                   {"sum_level_bytes", levelBytes},
                                   {"input_staging_bytes", inputBytes},
                                   {"by_ranks", std::move(byRanks)}}};
}

} // namespace mlc::driver
