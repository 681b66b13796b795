//===- PlanWriter.cpp - Phase plan to the bytes of a plan -----------------===//
//
// Decides nothing: every table of the schema has its op or module attribute.
// What the module calls by name is an index in the file.
//
//===----------------------------------------------------------------------===//

#include "codegen/PlanWriter.h"

#include "codegen/PlanTables.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SaveAndRestore.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace mlc {

namespace schema = mlrt::schema;

/// Arena, kernels and constants.
static LogicalResult writeArena(PlanTables &tables, schema::PlanT &plan,
                                uint64_t mostConstantBytes) {
  plan::ArenaOp arena = tables.arena;
  plan.arena_bytes = *arena.getBytes();
  std::optional<uint64_t> constantsEnd;
  for (auto buffer : arena.getOps<plan::BufferOp>()) {
    auto out = std::make_unique<schema::BufferT>();
    out->name = buffer.getSymName().str();
    out->section = static_cast<schema::Section>(buffer.getSection());
    out->dtype = tables.dtypeOf(buffer.getTensorType().getElementType());
    out->shape.assign(buffer.getTensorType().getShape().begin(),
                      buffer.getTensorType().getShape().end());
    out->offset = *buffer.getOffset();
    out->slot_bytes = buffer.getSlotBytes();
    out->slots = buffer.getSlots();
    out->slot_stride = buffer.getSlotStride();
    out->location = tables.locate(buffer.getLoc());
    if (auto value = buffer.getValue()) {
      if (!constantsEnd)
        plan.constants_offset = out->offset;
      else if (out->offset < *constantsEnd)
        return buffer.emitOpError("begins at byte ")
               << out->offset << ", before the end of the constants above it";
      if (failed(tables.appendBytes(buffer, *value, plan.constants,
                                    out->offset - plan.constants_offset,
                                    mostConstantBytes)))
        return failure();
      constantsEnd = plan.constants_offset + plan.constants.size();
    }
    plan.buffers.push_back(std::move(out));
  }
  for (plan::KernelOp kernel : tables.kernels) {
    auto out = std::make_unique<schema::KernelT>();
    out->symbol = kernel.getSymName().str();
    out->arguments = kernel.getNumPointers();
    for (int64_t i = 0; i < kernel.getNumPointers(); ++i) {
      out->written.push_back(kernel.isPointerWritten(i));
      out->argument_bytes.push_back(kernel.getPointerBytes(i));
    }
    out->tasks = kernel.getTasks();
    out->flops = kernel.getFlops();
    out->bytes = kernel.getBytes();
    out->location = tables.locate(kernel.getLoc());
    plan.kernels.push_back(std::move(out));
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

namespace {
/// Writes one program's steps, and adds up what they cost.
class StepWriter {
public:
  explicit StepWriter(PlanTables &tables) : tables(tables) {}

  std::vector<std::unique_ptr<schema::StepT>> write(Block &block) {
    std::vector<std::unique_ptr<schema::StepT>> steps;
    for (Operation &op : block) {
      auto step = std::make_unique<schema::StepT>();
      if (auto call = dyn_cast<plan::CallOp>(op))
        step->kind.Set(writeCall(call));
      else if (auto loop = dyn_cast<plan::LoopOp>(op))
        step->kind.Set(writeLoop(loop));
      else if (auto reduce = dyn_cast<plan::AllReduceOp>(op))
        step->kind.Set(writeAllReduce(reduce));
      else if (auto copy = dyn_cast<plan::CopyOp>(op))
        step->kind.Set(writeCopy(copy));
      else
        step->kind.Set(writeFill(cast<plan::FillOp>(op)));
      steps.push_back(std::move(step));
    }
    return steps;
  }

  uint64_t loopFlops = 0, loopBytes = 0, stepFlops = 0;
  std::vector<std::unique_ptr<schema::CollectivePredictionT>> collectives;

private:
  std::unique_ptr<schema::RefT> ref(plan::RefAttr attr) {
    auto out = std::make_unique<schema::RefT>();
    out->buffer = tables.bufferIndex.lookup(attr.getBuffer().getAttr());
    out->byte_offset = attr.getOffset();
    out->strides.assign(attr.getStrides().begin(), attr.getStrides().end());
    return out;
  }

  schema::CallT writeCall(plan::CallOp call) {
    schema::CallT out;
    out.kernel = tables.kernelIndex.lookup(call.getKernelAttr().getAttr());
    for (Attribute arg : call.getArgs())
      out.args.push_back(ref(cast<plan::RefAttr>(arg)));
    out.location = tables.locate(call.getLoc());
    plan::KernelOp kernel = tables.kernels[out.kernel];
    (inMicrobatchLoop ? loopFlops : stepFlops) += times * kernel.getFlops();
    if (inMicrobatchLoop)
      loopBytes += times * kernel.getBytes();
    return out;
  }

  schema::LoopT writeLoop(plan::LoopOp loop) {
    schema::LoopT out;
    out.count = loop.getCount();
    llvm::SaveAndRestore microbatches(inMicrobatchLoop,
                                      inMicrobatchLoop || out.count == 0);
    llvm::SaveAndRestore more(times,
                              out.count == 0 ? times : times * out.count);
    out.body = write(loop.getBody().front());
    for (Attribute attr : loop.getSums()) {
      auto sum = cast<plan::LoopSumAttr>(attr);
      auto item = std::make_unique<schema::LoopSumT>();
      item->reduction = static_cast<schema::Reduction>(sum.getReduction());
      item->dtype = tables.dtypeOf(sum.getType().getElementType());
      item->count = sum.getType().getNumElements();
      item->source = ref(sum.getSource());
      item->result = ref(sum.getResult());
      out.sums.push_back(std::move(item));
    }
    return out;
  }

  schema::AllReduceT writeAllReduce(plan::AllReduceOp op) {
    auto type = cast<RankedTensorType>(op.getType());
    schema::AllReduceT out;
    out.id = op.getId();
    for (StringRef axis : op.getAxes().getAsValueRange<StringAttr>())
      out.axes.push_back(tables.axisIndex.lookup(axis));
    out.reduction = static_cast<schema::Reduction>(op.getReduction());
    out.dtype = tables.dtypeOf(type.getElementType());
    out.count = type.getNumElements();
    out.data = ref(op.getData());
    out.location = tables.locate(op.getLoc());
    out.name = op.getName().str();
    auto predicted = std::make_unique<schema::CollectivePredictionT>();
    predicted->id = out.id;
    predicted->name = out.name;
    predicted->payload_bytes = plan::getTensorBytes(type);
    predicted->location = out.location;
    collectives.push_back(std::move(predicted));
    return out;
  }

  schema::CopyT writeCopy(plan::CopyOp copy) {
    schema::CopyT out;
    out.source = ref(copy.getSource());
    out.target = ref(copy.getTarget());
    out.bytes = copy.getBytes();
    return out;
  }

  schema::FillT writeFill(plan::FillOp fill) {
    schema::FillT out;
    out.target = ref(fill.getTarget());
    out.bytes = fill.getBytes();
    out.value = fill.getValue();
    return out;
  }

  PlanTables &tables;
  bool inMicrobatchLoop = false;
  uint64_t times = 1; ///< that the counted loops around run a step
};
} // namespace

static void writeProgram(PlanTables &tables, plan::ProgramOp program,
                         schema::PlanT &plan) {
  auto out = std::make_unique<schema::ProgramT>();
  auto index = [&](FlatSymbolRefAttr name) -> int32_t {
    return name
               ? static_cast<int32_t>(tables.bufferIndex.lookup(name.getAttr()))
               : -1;
  };
  out->name = program.getSymName().str();
  out->rows = program.getRows();
  for (Attribute attr : program.getInputs()) {
    auto binding = cast<plan::BindingAttr>(attr);
    auto input = std::make_unique<schema::InputBindingT>();
    input->name = binding.getName().str();
    input->buffer = index(binding.getBuffer());
    input->location = tables.locate(tables.buffers[input->buffer].getLoc());
    out->inputs.push_back(std::move(input));
  }
  auto named = [&](ArrayAttr list, auto &to) {
    for (Attribute attr : list) {
      auto binding = cast<plan::BindingAttr>(attr);
      auto item = std::make_unique<schema::NamedBufferT>();
      item->name = binding.getName().str();
      item->buffer = index(binding.getBuffer());
      to.push_back(std::move(item));
    }
  };
  named(program.getMetrics(), out->metrics);
  named(program.getOutputs(), out->outputs);
  out->mask = index(program.getMaskAttr());
  out->count = index(program.getCountAttr());
  out->step = index(program.getStepAttr());
  out->row = index(program.getRowAttr());
  out->seed = index(program.getSeedAttr());
  out->loss = index(program.getLossAttr());
  out->sum_level_bytes = program.getSumLevelBytes();
  StepWriter steps(tables);
  out->steps = steps.write(program.getBody().front());
  if (program.getSymName() == "train") {
    plan.prediction->flops_per_microbatch = steps.loopFlops;
    plan.prediction->flops_per_step = steps.stepFlops;
    plan.prediction->bytes_per_microbatch = steps.loopBytes;
  }
  for (auto &collective : steps.collectives)
    plan.prediction->collectives.push_back(std::move(collective));
  plan.programs.push_back(std::move(out));
}

/// Bytes of each part of the arena, as `--report memory` has them.
static void predictMemory(PlanTables &tables, schema::PlanT &plan) {
  uint64_t transientBegin = plan.arena_bytes;
  for (plan::BufferOp buffer : tables.buffers) {
    uint64_t bytes = buffer.getTotalBytes();
    switch (buffer.getSection()) {
    case plan::Section::Parameters:
      plan.prediction->parameter_bytes += bytes;
      break;
    case plan::Section::State:
      plan.prediction->state_bytes += bytes;
      break;
    case plan::Section::Inputs:
      plan.prediction->input_bytes += bytes;
      break;
    case plan::Section::Transient:
      transientBegin = std::min<uint64_t>(transientBegin, *buffer.getOffset());
      break;
    default:
      break;
    }
  }
  plan.prediction->transient_bytes = plan.arena_bytes - transientBegin;
}

FailureOr<std::string> writeConfiguration(ModuleOp module) {
  PlanTables tables;
  tables.module = module;
  schema::PlanT plan;
  plan.prediction = std::make_unique<schema::PredictionT>();
  if (failed(tables.writeConfiguration(plan)))
    return failure();
  plan.locations = std::move(tables.locations);
  flatbuffers::FlatBufferBuilder builder;
  schema::FinishPlanBuffer(builder, schema::Plan::Pack(builder, &plan));
  return std::string(reinterpret_cast<const char *>(builder.GetBufferPointer()),
                     builder.GetSize());
}

FailureOr<std::string> writePlan(ModuleOp module, uint64_t mostBytes) {
  PlanTables tables;
  schema::PlanT plan;
  plan.prediction = std::make_unique<schema::PredictionT>();
  if (failed(tables.collect(module)) ||
      failed(tables.writeConfiguration(plan)) ||
      failed(writeArena(tables, plan, mostBytes - mostBytes / 8)))
    return failure();
  for (auto program : module.getOps<plan::ProgramOp>())
    writeProgram(tables, program, plan);
  predictMemory(tables, plan);
  auto binary = *module.getOps<plan::BinaryOp>().begin();
  std::string code = llvm::fromHex(binary.getCode());
  plan.code.assign(code.begin(), code.end());
  plan.cpu_name = binary.getCpu().str();
  for (Attribute feature : binary.getFeatures())
    plan.cpu_features.push_back(cast<StringAttr>(feature).str());
  plan.locations = std::move(tables.locations);

  // The digest is over the file with the digest zero; 1 makes room for it.
  plan.digest = 1;
  flatbuffers::FlatBufferBuilder builder(code.size() + (64 << 10));
  schema::FinishPlanBuffer(builder, schema::Plan::Pack(builder, &plan));
  if (builder.GetSize() > mostBytes)
    return module.emitError("needs a plan of ")
           << builder.GetSize() << " bytes, more than the " << mostBytes
           << " that one holds";
  std::string bytes(reinterpret_cast<const char *>(builder.GetBufferPointer()),
                    builder.GetSize());
  const auto *table = reinterpret_cast<const flatbuffers::Table *>(
      schema::GetPlan(bytes.data()));
  size_t at = reinterpret_cast<const char *>(
                  table->GetAddressOf(schema::Plan::VT_DIGEST)) -
              bytes.data();
  std::fill_n(bytes.begin() + at, sizeof(uint64_t), '\0');
  uint64_t digest = llvm::xxh3_64bits(llvm::StringRef(bytes));
  flatbuffers::WriteScalar(bytes.data() + at, digest);
  return bytes;
}

} // namespace mlc
