//===- ExecutorBuild.cpp - Resolve a program's steps ----------------------===//

#include "runtime/core/Hash.h"
#include "runtime/exec/ExecutorParts.h"
#include "runtime/exec/PlanChecks.h"
#include "runtime/schema/Memory.h"

namespace mlrt {

uint64_t sumLevelsBytes(const schema::Program &program, uint64_t m) {
  return program.sum_level_bytes() * schema::sumLevels(m);
}

/// The plan's part of the arena in whole lines, so that the levels of the sums
/// are aligned.
static uint64_t planBytes(const Plan &plan) {
  return (plan->arena_bytes() + 63) / 64 * 64;
}

uint64_t Executor::arenaBytes(const Plan &plan, const schema::Program &program,
                              uint64_t maxMicrobatches) {
  return planBytes(plan) + sumLevelsBytes(program, maxMicrobatches);
}

class ExecutorBuilder {
public:
  ExecutorBuilder(Executor &e, const Plan &p, const schema::Program &source,
                  const DeviceKernels &library, DeviceMemory &memory,
                  const Executor::Options &chosen)
      : executor(e), parts(*e.parts), plan(p), program(source),
        kernels(library), arena(memory),
        levels(chosen.levels ? chosen.levels->data()
                             : memory.data() + planBytes(p)),
        options(chosen) {}

  Status build();

private:
  using Steps = flatbuffers::Vector<flatbuffers::Offset<schema::Step>>;

  const schema::Buffer &buffer(uint32_t index) const {
    return *plan->buffers()->Get(index);
  }
  bool isInput(uint32_t index) const;
  Address resolve(const schema::Ref &ref) const;
  InputRing ring(std::string name, uint32_t index) const;
  NamedValue value(const schema::NamedBuffer &named) const;
  std::byte *scalar(int index) const;
  std::string_view keep(std::string text);
  ResolvedStep resolve(const schema::Step &step);
  ResolvedStep resolveCall(const schema::Call &call);
  ResolvedStep resolveAllReduce(const schema::AllReduce &reduce);
  void resolveLoopSums(const schema::Loop &loop, ResolvedStep &step);
  /// Appends `steps` in a row, then the bodies of its loops.
  void append(const Steps *steps);

  Executor &executor;
  Executor::Parts &parts;
  const Plan &plan;
  const schema::Program &program;
  const DeviceKernels &kernels;
  DeviceMemory &arena;
  std::byte *levels; ///< of the sums
  const Executor::Options &options;
  uint64_t levelOffset = 0;
};

bool ExecutorBuilder::isInput(uint32_t index) const {
  if (program.mask() >= 0 && index == static_cast<uint32_t>(program.mask()))
    return true;
  for (uint32_t i = 0; i < sizeOfVector(program.inputs()); ++i)
    if (program.inputs()->Get(i)->buffer() == index)
      return true;
  return false;
}

Address ExecutorBuilder::resolve(const schema::Ref &ref) const {
  const schema::Buffer &target = buffer(ref.buffer());
  Address address;
  address.base = arena.data() + target.offset() + ref.byte_offset();
  for (uint32_t d = 0; d < sizeOfVector(ref.strides()); ++d) {
    address.strides[d] = ref.strides()->Get(d);
    address.moves |= address.strides[d] != 0;
  }
  if (isInput(ref.buffer())) {
    address.slots = target.slots();
    address.slotStride = target.slot_stride();
  }
  return address;
}

InputRing ExecutorBuilder::ring(std::string name, uint32_t index) const {
  const schema::Buffer &bound = buffer(index);
  uint64_t bytes = 0;
  bytesOfShape(bound.shape(), dtypeOf(bound.dtype()), bytes);
  return {std::move(name),        dtypeOf(bound.dtype()),
          bytes / program.rows(), arena.data() + bound.offset(),
          bound.slots(),          bound.slot_stride()};
}

NamedValue ExecutorBuilder::value(const schema::NamedBuffer &named) const {
  const schema::Buffer &bound = buffer(named.buffer());
  NamedValue value{std::string(textOf(named.name())),
                   dtypeOf(bound.dtype()),
                   {},
                   arena.data() + bound.offset(),
                   0};
  if (bound.shape())
    value.shape.assign(bound.shape()->begin(), bound.shape()->end());
  bytesOfShape(bound.shape(), value.dtype, value.sizeBytes);
  return value;
}

std::byte *ExecutorBuilder::scalar(int index) const {
  return index < 0
             ? nullptr
             : arena.data() + buffer(static_cast<uint32_t>(index)).offset();
}

std::string_view ExecutorBuilder::keep(std::string text) {
  parts.texts.push_back(std::make_unique<std::string>(std::move(text)));
  return *parts.texts.back();
}

ResolvedStep ExecutorBuilder::resolveCall(const schema::Call &call) {
  const schema::Kernel &kernel = *plan->kernels()->Get(call.kernel());
  ResolvedStep step;
  step.op = StepOp::call;
  step.function = kernels.handle(call.kernel());
  step.tasks = kernel.tasks();
  step.kernel = call.kernel();
  step.location = call.location() >= 0 ? call.location() : kernel.location();
  step.firstArgument = static_cast<uint32_t>(parts.arguments.size());
  step.argumentCount = kernel.arguments();
  for (uint32_t i = 0; i < step.argumentCount; ++i) {
    Address address = resolve(*call.args()->Get(i));
    step.fixedArguments &= address.isFixed();
    parts.arguments.push_back(address);
    parts.pointers.push_back(address.base);
  }
  return step;
}

ResolvedStep
ExecutorBuilder::resolveAllReduce(const schema::AllReduce &reduce) {
  ResolvedStep step;
  step.op = StepOp::allReduce;
  step.target = resolve(*reduce.data());
  step.amount = reduce.count();
  step.reduction = static_cast<ReductionKind>(reduce.reduction());
  step.dtype = dtypeOf(reduce.dtype());
  step.tag.id = reduce.id();
  step.tag.name = keep(printable(textOf(reduce.name())));
  step.tag.location = keep(plan.describeLocation(reduce.location()));
  // The plan was checked: the axis `data` is the only one there is.
  step.communicator = options.communicator;
  return step;
}

void ExecutorBuilder::resolveLoopSums(const schema::Loop &loop,
                                      ResolvedStep &step) {
  step.firstSum = static_cast<uint32_t>(parts.sums.size());
  step.sumCount = sizeOfVector(loop.sums());
  for (uint32_t i = 0; i < step.sumCount; ++i) {
    const schema::LoopSum &sum = *loop.sums()->Get(i);
    ResolvedSum resolved;
    resolved.source = resolve(*sum.source());
    resolved.sum = {static_cast<ReductionKind>(sum.reduction()),
                    dtypeOf(sum.dtype()),
                    sum.count(),
                    resolved.source.base,
                    resolve(*sum.result()).base,
                    levels + levelOffset,
                    program.sum_level_bytes()};
    levelOffset += (resolved.sum.bytes() + 63) / 64 * 64;
    parts.sums.push_back(resolved);
  }
}

ResolvedStep ExecutorBuilder::resolve(const schema::Step &step) {
  switch (step.kind_type()) {
  case schema::StepKind::Call:
    return resolveCall(*step.kind_as_Call());
  case schema::StepKind::AllReduce:
    return resolveAllReduce(*step.kind_as_AllReduce());
  case schema::StepKind::Copy: {
    const schema::Copy &copy = *step.kind_as_Copy();
    ResolvedStep resolved;
    resolved.op = StepOp::copy;
    resolved.source = resolve(*copy.source());
    resolved.target = resolve(*copy.target());
    resolved.amount = copy.bytes();
    return resolved;
  }
  case schema::StepKind::Fill: {
    const schema::Fill &fill = *step.kind_as_Fill();
    ResolvedStep resolved;
    resolved.op = StepOp::fill;
    resolved.target = resolve(*fill.target());
    resolved.amount = fill.bytes();
    resolved.value = fill.value();
    return resolved;
  }
  case schema::StepKind::Loop:
  default: {
    const schema::Loop &loop = *step.kind_as_Loop();
    ResolvedStep resolved;
    resolved.op = StepOp::loop;
    resolved.count = loop.count();
    parts.hasRankLoop |= loop.count() == 0;
    return resolved;
  }
  }
}

void ExecutorBuilder::append(const Steps *steps) {
  auto begin = static_cast<uint32_t>(parts.steps.size());
  for (uint32_t i = 0; i < sizeOfVector(steps); ++i)
    parts.steps.push_back(resolve(*steps->Get(i)));
  for (uint32_t i = 0; i < sizeOfVector(steps); ++i) {
    if (parts.steps[begin + i].op != StepOp::loop)
      continue;
    const schema::Loop &loop = *steps->Get(i)->kind_as_Loop();
    resolveLoopSums(loop, parts.steps[begin + i]);
    parts.steps[begin + i].bodyBegin =
        static_cast<uint32_t>(parts.steps.size());
    parts.steps[begin + i].bodyEnd =
        parts.steps[begin + i].bodyBegin + sizeOfVector(loop.body());
    append(loop.body());
  }
}

Status ExecutorBuilder::build() {
  uint64_t ofLevels = sumLevelsBytes(program, options.maxMicrobatches);
  uint64_t ofArena = planBytes(plan) + (options.levels ? 0 : ofLevels);
  if (arena.sizeBytes() < ofArena ||
      (options.levels && options.levels->sizeBytes() < ofLevels))
    return {StatusCode::kInternal, "the arena is too small for its program"};
  append(program.steps());
  parts.topLevel = sizeOfVector(program.steps());
  executor.rowsOfMicrobatch = program.rows();
  for (uint32_t i = 0; i < sizeOfVector(program.inputs()); ++i) {
    const schema::InputBinding &binding = *program.inputs()->Get(i);
    executor.inputRings.push_back(
        ring(std::string(textOf(binding.name())), binding.buffer()));
  }
  if (program.mask() >= 0)
    executor.maskRing = ring("mask", static_cast<uint32_t>(program.mask()));
  parts.stepScalar = scalar(program.step());
  parts.countScalar = scalar(program.count());
  parts.seedScalar = scalar(program.seed());
  parts.rowNumbers = scalar(program.row());
  if (program.loss() >= 0) {
    const schema::Buffer &loss = buffer(static_cast<uint32_t>(program.loss()));
    executor.lossData = arena.data() + loss.offset();
    executor.lossType = dtypeOf(loss.dtype());
  }
  for (uint32_t i = 0; i < sizeOfVector(program.metrics()); ++i)
    executor.metricValues.push_back(value(*program.metrics()->Get(i)));
  for (uint32_t i = 0; i < sizeOfVector(program.outputs()); ++i)
    executor.outputValues.push_back(value(*program.outputs()->Get(i)));
  executor.times.resize(sizeOfVector(plan->kernels()));
  return {};
}

std::string codeSymbol(const schema::Kernel &kernel) {
  std::vector<KernelArgument> arguments;
  for (uint32_t i = 0; i < kernel.arguments(); ++i)
    arguments.push_back(
        {kernel.argument_bytes()->Get(i), kernel.written()->Get(i) != 0});
  return std::string(textOf(kernel.symbol())) + "." +
         toHex(hash64(kernelSignature(kernel.tasks(), arguments)));
}

Result<std::unique_ptr<DeviceKernels>> loadKernels(const Plan &plan,
                                                   Device &device) {
  std::vector<std::string> symbols;
  for (uint32_t i = 0; i < sizeOfVector(plan->kernels()); ++i)
    symbols.push_back(codeSymbol(*plan->kernels()->Get(i)));
  Result<std::unique_ptr<DeviceKernels>> kernels =
      device.load(plan.code(), symbols);
  if (kernels.ok())
    return kernels;
  std::string what = printable(kernels.status().message());
  if (kernels.status().code() != StatusCode::kBadInput)
    return Status(kernels.status().code(), plan.path() + ": " + what);
  return damaged(plan.path() + ": the plan is damaged: " + what +
                 "; compile the model again with mlc");
}

Result<std::unique_ptr<Executor>>
Executor::create(const Plan &plan, const schema::Program &program,
                 const DeviceKernels &kernels, DeviceMemory &arena,
                 Stream &stream, const Options &options) {
  std::unique_ptr<Executor> executor(new Executor);
  executor->parts->plan = &plan;
  executor->parts->stream = &stream;
  executor->parts->tree = plan->sum() == schema::SumOrder::tree;
  executor->parts->profile = options.profile;
  executor->parts->maxMicrobatches = options.maxMicrobatches;
  Status status =
      ExecutorBuilder(*executor, plan, program, kernels, arena, options)
          .build();
  if (!status.ok())
    return status;
  return executor;
}

} // namespace mlrt
