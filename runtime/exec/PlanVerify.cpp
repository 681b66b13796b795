//===- PlanVerify.cpp - Meaning of a plan: memory, kernels, data ----------===//
//
// FlatBuffers' verifier has shown that every offset inside the file is sound.
// Here: that numbers which become addresses, sizes and indices are sound too.
//
//===----------------------------------------------------------------------===//

#include "runtime/core/Random.h"
#include "runtime/exec/Plan.h"
#include "runtime/exec/PlanChecks.h"

#include <algorithm>
#include <bit>
#include <unordered_set>

namespace mlrt {

namespace {

constexpr uint64_t kMaxArenaBytes = uint64_t{1} << 46;
constexpr uint32_t kMaxArguments = 4096, kMaxSlots = 1024;
constexpr uint64_t kMaxRows = uint64_t{1} << 31;

std::string named(const char *what, const flatbuffers::String *name) {
  return std::string(what) + " '" + printable(textOf(name)) + "' ";
}

Status verifyMesh(const schema::Plan &plan) {
  int elastic = 0;
  for (uint32_t i = 0; i < sizeOfVector(plan.mesh()); ++i) {
    const schema::Axis *axis = plan.mesh()->Get(i);
    elastic += axis->size() == -1;
    if (axis->size() < -1 || axis->size() == 0 || axis->size() > 65536)
      return damaged(named("axis", axis->name()) + "has the size " +
                     std::to_string(axis->size()));
  }
  if (elastic > 1)
    return damaged("more than one axis is elastic");
  return {};
}

Status verifyBuffers(const schema::Plan &plan) {
  uint64_t arena = plan.arena_bytes(), constantsEnd = 0;
  if (arena > kMaxArenaBytes || !std::has_single_bit(plan.arena_alignment()) ||
      plan.arena_alignment() > 4096)
    return damaged("its arena has an impossible size or alignment");
  if (!addChecked(plan.constants_offset(), sizeOfVector(plan.constants()),
                  constantsEnd) ||
      constantsEnd > arena)
    return damaged("its constants lie outside the arena");
  for (uint32_t i = 0; i < sizeOfVector(plan.buffers()); ++i) {
    const schema::Buffer *buffer = plan.buffers()->Get(i);
    uint64_t shapeBytes = 0, rest = 0, end = 0;
    if (!isValid(buffer->dtype()) ||
        buffer->section() > schema::Section::communication ||
        !bytesOfShape(buffer->shape(), dtypeOf(buffer->dtype()), shapeBytes) ||
        shapeBytes > buffer->slot_bytes())
      return damaged(named("buffer", buffer->name()) +
                     "has a shape that does not fit its bytes");
    if (buffer->slots() == 0 || buffer->slots() > kMaxSlots ||
        (buffer->slots() > 1 && (buffer->slot_stride() < buffer->slot_bytes() ||
                                 buffer->slot_stride() % 16 != 0)))
      return damaged(named("buffer", buffer->name()) + "has impossible slots");
    if (!mulChecked(buffer->slots() - 1, buffer->slot_stride(), rest) ||
        !addChecked(rest, buffer->slot_bytes(), rest) ||
        !addChecked(buffer->offset(), rest, end) || end > arena)
      return damaged(named("buffer", buffer->name()) +
                     "lies outside the arena of " + std::to_string(arena) +
                     " bytes");
    if (buffer->offset() % 16 != 0)
      return damaged(named("buffer", buffer->name()) + "is not aligned");
  }
  return {};
}

Status verifyParameters(const schema::Plan &plan) {
  std::unordered_set<std::string_view> paths;
  for (uint32_t i = 0; i < sizeOfVector(plan.parameters()); ++i) {
    const schema::Parameter *parameter = plan.parameters()->Get(i);
    std::string_view path = textOf(parameter->path());
    if (path.empty() || !paths.insert(path).second)
      return damaged(named("parameter", parameter->path()) +
                     "has no name of its own");
    if (parameter->buffer() >= sizeOfVector(plan.buffers()))
      return damaged(named("parameter", parameter->path()) + "has no buffer");
    const schema::Buffer *buffer = plan.buffers()->Get(parameter->buffer());
    uint64_t bytes = 0;
    if (!isValid(parameter->dtype()) ||
        !bytesOfShape(parameter->shape(), dtypeOf(parameter->dtype()), bytes) ||
        bytes > buffer->slot_bytes() || buffer->slots() != 1)
      return damaged(named("parameter", parameter->path()) +
                     "does not fit its buffer");
    if (parameter->role() > schema::ParameterRole::optimizer)
      return damaged(named("parameter", parameter->path()) +
                     "has an unknown role");
    if (!parameter->initializer() ||
        !isInitialValueKind(textOf(parameter->initializer()->kind())))
      return damaged(named("parameter", parameter->path()) +
                     "has no known initializer");
    for (uint32_t dim = 0; dim < sizeOfVector(parameter->layout()); ++dim)
      if (sizeOfVector(parameter->layout()->Get(dim)->axes()) > 0)
        return damaged(named("parameter", parameter->path()) +
                       "is sharded, which this mlrun cannot do");
  }
  return {};
}

Status verifyKernels(const schema::Plan &plan) {
  for (uint32_t i = 0; i < sizeOfVector(plan.kernels()); ++i) {
    const schema::Kernel *kernel = plan.kernels()->Get(i);
    if (textOf(kernel->symbol()).empty() ||
        kernel->arguments() > kMaxArguments ||
        sizeOfVector(kernel->written()) != kernel->arguments() ||
        sizeOfVector(kernel->argument_bytes()) != kernel->arguments())
      return damaged(named("kernel", kernel->symbol()) +
                     "does not describe its arguments");
    if (kernel->tasks() < 0 || kernel->tasks() > int64_t{1} << 40)
      return damaged(named("kernel", kernel->symbol()) +
                     "has an impossible number of tasks");
  }
  return {};
}

Status verifyTraining(const schema::Plan &plan) {
  const schema::Training *training = plan.training();
  if (!training)
    return damaged("it does not describe the training");
  uint64_t rows = uint64_t{training->microbatch()} * training->microbatches();
  if (training->batch() == 0 || training->microbatch() == 0 ||
      rows < training->batch() || rows > kMaxRows)
    return damaged("batch, micro-batch and their number do not fit");
  return {};
}

Status verifyInputs(const schema::Plan &plan) {
  for (uint32_t i = 0; i < sizeOfVector(plan.inputs()); ++i) {
    const schema::Input *input = plan.inputs()->Get(i);
    uint64_t bytes = 0;
    if (textOf(input->name()).empty() || !isValid(input->dtype()) ||
        !bytesOfShape(input->shape(), dtypeOf(input->dtype()), bytes) ||
        bytes == 0 || bytes > kMaxRows || input->limit() < 0)
      return damaged(named("input", input->name()) + "has an impossible type");
  }
  return {};
}

const schema::Input *findInput(const schema::Plan &plan,
                               std::string_view name) {
  for (uint32_t i = 0; i < sizeOfVector(plan.inputs()); ++i)
    if (textOf(plan.inputs()->Get(i)->name()) == name)
      return plan.inputs()->Get(i);
  return nullptr;
}

Status verifySplit(const schema::Plan &plan, const schema::Split &split) {
  if (textOf(split.name()).empty() || split.reader() > schema::Reader::idx)
    return damaged(named("data split", split.name()) + "has an unknown reader");
  if (split.first_row() < 0 ||
      (split.last_row() != -1 && split.last_row() < split.first_row()))
    return damaged(named("data split", split.name()) +
                   "has an impossible range of rows");
  if (sizeOfVector(split.columns()) == 0)
    return damaged(named("data split", split.name()) + "has no column");
  for (const schema::Column *column : *split.columns()) {
    const schema::Input *input = findInput(plan, textOf(column->input()));
    if (!input)
      return damaged(named("data split", split.name()) +
                     "binds a column to no input");
    uint64_t bytes = 0;
    DType dtype = dtypeOf(input->dtype());
    if (split.reader() == schema::Reader::idx) {
      if (textOf(column->file()).empty())
        return damaged(named("data split", split.name()) +
                       "has a column without a file");
      continue;
    }
    if (column->first() < 0 || column->last() <= column->first() ||
        !bytesOfShape(input->shape(), dtype, bytes) ||
        static_cast<uint64_t>(column->last() - column->first()) !=
            bytes / sizeOf(dtype))
      return damaged(named("data split", split.name()) +
                     "has columns that do not fit the input's shape");
  }
  return {};
}

} // namespace

std::string printable(std::string_view text) {
  std::string out(text.substr(0, 200));
  for (char &c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      c = '?';
  return out;
}

bool bytesOfShape(const flatbuffers::Vector<int64_t> *shape, DType dtype,
                  uint64_t &bytes) {
  bytes = sizeOf(dtype);
  if (shape)
    for (int64_t extent : *shape)
      if (extent < 0 ||
          !mulChecked(bytes, static_cast<uint64_t>(extent), bytes))
        return false;
  return true;
}

Status verifyMeaning(const schema::Plan &plan) {
  if (!isValid(plan.compute_dtype()) || plan.sum() > schema::SumOrder::fast)
    return damaged("its compute type or order of sums is unknown");
  if (!plan.programs() || !plan.kernels() || !plan.buffers() || !plan.code())
    return damaged("a part is missing");
  MLRT_RETURN_IF_ERROR(verifyMesh(plan));
  MLRT_RETURN_IF_ERROR(verifyBuffers(plan));
  MLRT_RETURN_IF_ERROR(verifyParameters(plan));
  MLRT_RETURN_IF_ERROR(verifyKernels(plan));
  MLRT_RETURN_IF_ERROR(verifyTraining(plan));
  MLRT_RETURN_IF_ERROR(verifyInputs(plan));
  for (uint32_t i = 0; i < sizeOfVector(plan.splits()); ++i)
    MLRT_RETURN_IF_ERROR(verifySplit(plan, *plan.splits()->Get(i)));
  return verifyPrograms(plan);
}

} // namespace mlrt
