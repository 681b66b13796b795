//===- PlanMemory.cpp - An arena offset for every buffer ------------------===//
//
// Buffers that keep their contents lie one after another. Transient buffers
// share the memory behind them: programs never run at the same time, and within
// one each buffer is live from its first to its last step. What is live into or
// out of a loop, or across its iterations, is live for the whole loop.
//
// Packing is first fit by decreasing size, as in Pisarchyk and Lee, "Efficient
// Memory Management for Deep Neural Net Inference", 2020.
//
//===----------------------------------------------------------------------===//

#include "passes/Passes.h"
#include "passes/analysis/Liveness.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace mlc {

#define GEN_PASS_DEF_PLANMEMORY
#include "passes/Passes.h.inc"

namespace {

class PlanMemoryPass : public impl::PlanMemoryBase<PlanMemoryPass> {
public:
  using PlanMemoryBase::PlanMemoryBase;
  PlanMemoryPass(bool reuseMemory,
                 std::function<LogicalResult(ModuleOp)> prepare)
      : prepareKernels(std::move(prepare)) {
    reuse = reuseMemory;
  }

  void runOnOperation() override {
    if (prepareKernels && failed(prepareKernels(getOperation())))
      return signalPassFailure();
    plan::ArenaOp arena = plan::ArenaOp::of(getOperation());
    if (!arena)
      return;
    if (arena.getBytes())
      return;
    addScratch(arena);
    OpBuilder builder(&getContext());
    int64_t end = 0;
    auto setOffset = [&](plan::BufferOp buffer, int64_t offset) {
      buffer.setOffset(static_cast<uint64_t>(offset));
      return plan::alignToArena(offset + buffer.getTotalBytes());
    };
    for (auto buffer : arena.getOps<plan::BufferOp>())
      if (buffer.getSection() != plan::Section::Transient)
        end = setOffset(buffer, end);
    int64_t base = end;
    for (auto program : getOperation().getOps<plan::ProgramOp>()) {
      SmallVector<LiveBuffer> live = computeLiveness(arena, program);
      if (!reuse) {
        for (LiveBuffer &buffer : live)
          end = setOffset(buffer.buffer, end);
        continue;
      }
      end = std::max(end, base + packBuffers(live));
      for (LiveBuffer &buffer : live)
        setOffset(buffer.buffer, base + buffer.offset);
    }
    // Buffers that no step touches.
    for (auto buffer : arena.getOps<plan::BufferOp>())
      if (!buffer.getOffset())
        end = setOffset(buffer, end);
    arena.setBytes(static_cast<uint64_t>(end));
  }

private:
  /// Passes the scratch memory that a kernel asks for to each of its calls.
  void addScratch(plan::ArenaOp arena) {
    OpBuilder builder(arena.getBody());
    builder.setInsertionPointToEnd(&arena.getBody().front());
    getOperation().walk([&](plan::CallOp call) {
      plan::KernelOp kernel = call.getKernelOp();
      if (!kernel || kernel.getScratchBytes() == 0 ||
          static_cast<int64_t>(call.getArgs().size()) ==
              kernel.getNumPointers())
        return;
      auto program = call->getParentOfType<plan::ProgramOp>();
      std::string name;
      for (unsigned i = 0; name.empty() || arena.getBuffer(name); ++i)
        name = (program.getSymName() + ".scratch." + Twine(i)).str();
      auto type = RankedTensorType::get(
          {static_cast<int64_t>(kernel.getScratchBytes())},
          builder.getIntegerType(8, /*isSigned=*/false));
      plan::BufferOp::create(builder, call.getLoc(), name,
                             plan::Section::Transient, type, 1, ElementsAttr(),
                             IntegerAttr());
      SmallVector<Attribute> args(call.getArgs().getValue());
      args.push_back(
          plan::RefAttr::get(FlatSymbolRefAttr::get(&getContext(), name)));
      call.setArgsAttr(builder.getArrayAttr(args));
    });
  }

  std::function<LogicalResult(ModuleOp)> prepareKernels;
};

} // namespace

std::unique_ptr<Pass>
createPlanMemory(bool reuse,
                 std::function<LogicalResult(ModuleOp)> prepareKernels) {
  return std::make_unique<PlanMemoryPass>(reuse, std::move(prepareKernels));
}

} // namespace mlc
