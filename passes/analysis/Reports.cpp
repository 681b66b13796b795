//===- Reports.cpp - What a step sends and how long it takes --------------===//
//
// What is sent is read from the schedule, where a bucket has the gaps that
// align its members; time from the local module, whose ops know their costs.
//
//===----------------------------------------------------------------------===//

#include "passes/analysis/Reports.h"

#include "ir/dist/DistDialect.h"
#include "ir/dist/MeshConfig.h"
#include "ir/graph/GraphLoopOps.h"
#include "ir/graph/SourceLines.h"
#include "ir/plan/PlanOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace mlc {

namespace {

constexpr int64_t kSchemaVersion = 1;

/// The numbers of ranks to report for: the mesh's, or examples where elastic.
SmallVector<int64_t> getRanks(ModuleOp module) {
  int64_t size = 1;
  if (auto mesh =
          module.lookupSymbol<dist::MeshOp>(dist::DistDialect::kMeshName))
    size = mesh.getAxisSize(dist::DistDialect::kDataAxis).value_or(1);
  else if (auto axes = dist::readMesh(module); succeeded(axes))
    for (const dist::MeshAxis &axis : *axes)
      if (axis.name == dist::DistDialect::kDataAxis)
        size = axis.size;
  if (size != dist::MeshOp::kElastic)
    return {size};
  SmallVector<int64_t> ranks;
  int64_t microbatches = 8;
  if (auto train = module->getAttrOfType<DictionaryAttr>("mlc.train"))
    if (auto count = train.getAs<IntegerAttr>("microbatches"))
      microbatches = count.getInt();
  for (int64_t n = 1; n <= std::min<int64_t>(microbatches, 64); n *= 2)
    ranks.push_back(n);
  return ranks;
}

llvm::json::Array locationsOf(Operation *op) {
  llvm::json::Array places;
  for (FileLineColLoc loc : getSourceLines(op->getLoc()))
    places.push_back(
        llvm::json::Object{{"file", loc.getFilename().getValue()},
                           {"line", static_cast<int64_t>(loc.getLine())},
                           {"column", static_cast<int64_t>(loc.getColumn())}});
  return places;
}

void printSeconds(llvm::raw_ostream &os, double seconds) {
  if (seconds < 1e-3)
    os << llvm::format("%.1f us", seconds * 1e6);
  else
    os << llvm::format("%.3f ms", seconds * 1e3);
}

llvm::json::Object describeMachine(const MachineDescription &machine) {
  return llvm::json::Object{
      {"flops_per_second", machine.flopsPerSecond},
      {"memory_bytes_per_second", machine.memoryBytesPerSecond},
      {"kernel_latency_seconds", machine.kernelLatencySeconds},
      {"link_latency_seconds", machine.linkLatencySeconds},
      {"link_bytes_per_second", machine.linkBytesPerSecond}};
}

/// Arithmetic of some ops.
struct Work {
  int64_t flops = 0;
  int64_t bytes = 0;
  int64_t kernels = 0;

  void add(Operation *op) {
    auto cost = dyn_cast<graph::CostOpInterface>(op);
    if (!cost || isa<graph::ScanOp>(op)) // its body is
      return;
    int64_t times = 1;
    for (auto scan = op->getParentOfType<graph::ScanOp>(); scan;
         scan = scan->getParentOfType<graph::ScanOp>())
      times *= static_cast<int64_t>(scan.getCount());
    flops += times * cost.getFlops();
    if (op->hasTrait<graph::Elementwise>() || op->getNumOperands() == 0)
      return;
    bytes += times * cost.getBytes();
    kernels += times;
  }
};

} // namespace

Report reportCommunication(ModuleOp module, const MachineDescription &machine) {
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::json::Array collectives;
  SmallVector<int64_t> ranks = getRanks(module);
  os << "Communication (for N a power of two, each rank sends 2(N-1)/N times "
        "the payload)\n";
  module.walk([&](plan::AllReduceOp op) {
    StringRef program = op->getParentOfType<plan::ProgramOp>().getSymName();
    auto type = cast<RankedTensorType>(op.getType());
    int64_t width = plan::getElementBytes(type.getElementType());
    int64_t count = type.getNumElements(), payload = count * width;
    os << "  @" << program << " all_reduce "
       << plan::stringifyReduction(op.getReduction()) << " #" << op.getId()
       << " (" << op.getName() << "): " << payload << " bytes\n";
    llvm::json::Array byRanks;
    for (int64_t n : ranks) {
      llvm::json::Array byRank;
      int64_t most = 0;
      for (int64_t rank = 0; rank < n; ++rank) {
        int64_t sent = allReduceSentElements(count, rank, n) * width;
        byRank.push_back(sent);
        most = std::max(most, sent);
      }
      double seconds = allReduceSeconds(machine, count, width, n);
      os << "    N = " << n << ": a rank sends at most " << most << " bytes, ";
      printSeconds(os, seconds);
      os << "\n";
      byRanks.push_back(
          llvm::json::Object{{"ranks", n},
                             {"sent_bytes", most},
                             {"sent_bytes_by_rank", std::move(byRank)},
                             {"seconds", seconds}});
    }
    for (FileLineColLoc loc : getSourceLines(op.getLoc()))
      os << "    from " << toString(loc) << "\n";
    collectives.push_back(llvm::json::Object{
        {"program", program},
        {"id", static_cast<int64_t>(op.getId())},
        {"name", op.getName()},
        {"reduction", plan::stringifyReduction(op.getReduction())},
        {"payload_bytes", payload},
        {"by_ranks", std::move(byRanks)},
        {"locations", locationsOf(op)}});
  });
  if (collectives.empty())
    os << "  none\n";
  return {text, llvm::json::Object{{"schema_version", kSchemaVersion},
                                   {"report", "comm"},
                                   {"machine", describeMachine(machine)},
                                   {"collectives", std::move(collectives)}}};
}

namespace {
/// The work of one training step.
struct StepWork {
  Work loop, rest; ///< of a micro-batch; of what is outside the loop
  int64_t microbatches = 1;
  /// Of each bucket, which has one element type.
  struct Payload {
    int64_t count, width;
  };
  SmallVector<Payload> payloads;

  explicit StepWork(ModuleOp module) {
    if (auto train = module->getAttrOfType<DictionaryAttr>("mlc.train"))
      if (auto count = train.getAs<IntegerAttr>("microbatches"))
        microbatches = count.getInt();
    if (auto func = module.lookupSymbol<func::FuncOp>("train"))
      func.walk([&](Operation *op) {
        bool inLoop = op->getParentOfType<dist::MicrobatchLoopOp>() != nullptr;
        (inLoop ? loop : rest).add(op);
        if (auto sum = dyn_cast<dist::AllReduceOp>(op))
          addPayloads(sum);
      });
  }

  int64_t microbatchesOf(int64_t ranks) const {
    return (microbatches + ranks - 1) / ranks;
  }
  double compute(const MachineDescription &machine, int64_t ranks) const {
    return static_cast<double>(microbatchesOf(ranks)) *
               computeSeconds(machine, loop.flops, loop.bytes, loop.kernels) +
           computeSeconds(machine, rest.flops, rest.bytes, rest.kernels);
  }
  double communicate(const MachineDescription &machine, int64_t ranks) const {
    double seconds = 0;
    for (const Payload &payload : payloads)
      seconds += allReduceSeconds(machine, payload.count, payload.width, ranks);
    return seconds;
  }

private:
  void addPayloads(dist::AllReduceOp sum) {
    llvm::MapVector<Type, int64_t> counts;
    for (Type each : sum.getOperandTypes()) {
      auto type = cast<RankedTensorType>(each);
      counts[type.getElementType()] += type.getNumElements();
    }
    for (auto [element, count] : counts)
      payloads.push_back({count, plan::getElementBytes(element)});
  }
};
} // namespace

double predictStepSeconds(ModuleOp module, const MachineDescription &machine) {
  StepWork work(module);
  int64_t ranks = getRanks(module).front();
  return work.compute(machine, ranks) + work.communicate(machine, ranks);
}

Report reportTime(ModuleOp module, const MachineDescription &machine) {
  StepWork work(module);
  const Work &loop = work.loop, &rest = work.rest;
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "Time of a training step (prediction)\n  micro-batch: " << loop.flops
     << " operations, " << loop.bytes
     << " bytes\n  after the loop: " << rest.flops << " operations, "
     << rest.bytes << " bytes\n";
  llvm::json::Array byRanks;
  for (int64_t n : getRanks(module)) {
    int64_t perRank = work.microbatchesOf(n);
    double compute = work.compute(machine, n);
    double comm = work.communicate(machine, n);
    os << "  N = " << n << ": " << perRank
       << " micro-batches per rank, compute ";
    printSeconds(os, compute);
    os << " + communication ";
    printSeconds(os, comm);
    os << " = ";
    printSeconds(os, compute + comm);
    os << "\n";
    byRanks.push_back(llvm::json::Object{{"ranks", n},
                                         {"microbatches_per_rank", perRank},
                                         {"compute_seconds", compute},
                                         {"communication_seconds", comm},
                                         {"step_seconds", compute + comm}});
  }
  return {text, llvm::json::Object{{"schema_version", kSchemaVersion},
                                   {"report", "time"},
                                   {"machine", describeMachine(machine)},
                                   {"flops_per_microbatch", loop.flops},
                                   {"bytes_per_microbatch", loop.bytes},
                                   {"flops_per_step", rest.flops},
                                   {"bytes_per_step", rest.bytes},
                                   {"by_ranks", std::move(byRanks)}}};
}

} // namespace mlc
