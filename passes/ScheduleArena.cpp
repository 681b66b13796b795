//===- ScheduleArena.cpp - Collects the buffers of a schedule -------------===//

#include "passes/ScheduleArena.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace mlc {

ScheduleArena::ScheduleArena(ModuleOp module) {
  OpBuilder builder(module.getContext());
  builder.setInsertionPointToEnd(module.getBody());
  arena = plan::ArenaOp::create(builder, module.getLoc(), IntegerAttr());
  arena.getBody().emplaceBlock();
}

plan::RefAttr ScheduleArena::add(StringRef name, plan::Section section,
                                 RankedTensorType type, Location loc,
                                 int64_t slots, ElementsAttr value) {
  std::string unique = name.str();
  while (!taken.try_emplace(unique, 0).second)
    unique = (name + "." + Twine(++taken[name])).str();
  OpBuilder builder(arena.getContext());
  builder.setInsertionPointToEnd(&arena.getBody().front());
  plan::BufferOp::create(builder, loc, unique, section, type, slots, value,
                         IntegerAttr());
  return plan::RefAttr::get(
      FlatSymbolRefAttr::get(builder.getContext(), unique));
}

plan::RefAttr ScheduleArena::addConstant(ElementsAttr value, Location loc) {
  plan::RefAttr &ref = constants[value];
  if (!ref)
    ref = add("constant", plan::Section::Constants,
              cast<RankedTensorType>(value.getShapedType()), loc, 1, value);
  return ref;
}

void ScheduleArena::finish() {
  using plan::Section;
  Block &block = arena.getBody().front();
  SmallVector<plan::BufferOp> buffers(block.getOps<plan::BufferOp>());
  for (Section section :
       {Section::Parameters, Section::State, Section::Inputs, Section::Scalars,
        Section::Constants, Section::Communication, Section::Outputs,
        Section::Transient})
    for (plan::BufferOp buffer : buffers)
      if (buffer.getSection() == section)
        buffer->moveBefore(&block, block.end());
  // The arena, the kernels, the programs.
  auto module = arena->getParentOfType<ModuleOp>();
  SmallVector<Operation *> order{arena};
  for (auto kernel : module.getOps<plan::KernelOp>())
    order.push_back(kernel);
  for (auto program : module.getOps<plan::ProgramOp>())
    order.push_back(program);
  for (Operation *op : order)
    op->moveBefore(module.getBody(), module.getBody()->end());
}

} // namespace mlc
