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
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace mlrt {

namespace {

constexpr uint64_t kMaxArenaBytes = uint64_t{1} << 46;
constexpr uint32_t kMaxArguments = 4096, kMaxSlots = 1024;
constexpr uint64_t kAlignment = 64;
constexpr uint64_t kMaxRows = uint64_t{1} << 31;

std::string named(const char *what, const flatbuffers::String *name) {
  return std::string(what) + " '" + printable(textOf(name)) + "' ";
}

/// Of the vectors of 64-bit numbers.
Status verifyAlignment(const schema::Plan &plan) {
  bool aligned = true;
  for (uint32_t i = 0; i < sizeOfVector(plan.parameters()); ++i)
    aligned &= isAligned(plan.parameters()->Get(i)->shape());
  for (uint32_t i = 0; i < sizeOfVector(plan.buffers()); ++i)
    aligned &= isAligned(plan.buffers()->Get(i)->shape());
  for (uint32_t i = 0; i < sizeOfVector(plan.inputs()); ++i)
    aligned &= isAligned(plan.inputs()->Get(i)->shape());
  for (uint32_t i = 0; i < sizeOfVector(plan.kernels()); ++i)
    aligned &= isAligned(plan.kernels()->Get(i)->argument_bytes());
  return aligned ? Status() : damaged("its numbers are not aligned");
}

Status verifyMesh(const schema::Plan &plan) {
  int elastic = 0;
  std::unordered_set<std::string_view> names;
  for (uint32_t i = 0; i < sizeOfVector(plan.mesh()); ++i) {
    const schema::Axis *axis = plan.mesh()->Get(i);
    elastic += axis->size() == -1;
    if (!isName(textOf(axis->name())) ||
        !names.insert(textOf(axis->name())).second)
      return damaged(named("axis", axis->name()) + "has no name of its own");
    if (axis->size() < -1 || axis->size() == 0 || axis->size() > 65536)
      return damaged(named("axis", axis->name()) + "has the size " +
                     std::to_string(axis->size()));
  }
  if (elastic > 1)
    return damaged("more than one axis is elastic");
  return {};
}

/// Bytes of all slots; false on overflow.
bool totalBytes(const schema::Buffer &buffer, uint64_t &bytes) {
  return mulChecked(buffer.slots() - 1, buffer.slot_stride(), bytes) &&
         addChecked(bytes, buffer.slot_bytes(), bytes);
}

Status verifyBuffer(const schema::Plan &plan, const schema::Buffer &buffer,
                    uint64_t &end) {
  uint64_t shapeBytes = 0, total = 0;
  if (!isValid(buffer.dtype()) ||
      buffer.section() > schema::Section::communication ||
      !bytesOfShape(buffer.shape(), dtypeOf(buffer.dtype()), shapeBytes) ||
      shapeBytes != buffer.slot_bytes())
    return damaged(named("buffer", buffer.name()) +
                   "has a shape that does not fit its bytes");
  if (buffer.slots() == 0 || buffer.slots() > kMaxSlots ||
      (buffer.slots() > 1 && (buffer.section() != schema::Section::inputs ||
                              buffer.slot_stride() < buffer.slot_bytes() ||
                              buffer.slot_stride() % kAlignment != 0)))
    return damaged(named("buffer", buffer.name()) + "has impossible slots");
  if (!totalBytes(buffer, total) || !addChecked(buffer.offset(), total, end) ||
      end > plan.arena_bytes())
    return damaged(named("buffer", buffer.name()) +
                   "lies outside the arena of " +
                   std::to_string(plan.arena_bytes()) + " bytes");
  if (buffer.offset() % kAlignment != 0)
    return damaged(named("buffer", buffer.name()) + "is not aligned");
  return {};
}

/// Only transient buffers, whose contents nobody needs later, share bytes.
Status verifyNoOverlap(const schema::Plan &plan) {
  std::vector<const schema::Buffer *> order;
  for (uint32_t i = 0; i < sizeOfVector(plan.buffers()); ++i)
    if (plan.buffers()->Get(i)->slot_bytes() > 0)
      order.push_back(plan.buffers()->Get(i));
  std::sort(order.begin(), order.end(),
            [](const schema::Buffer *a, const schema::Buffer *b) {
              return a->offset() < b->offset();
            });
  uint64_t end = 0, keptEnd = 0;
  for (const schema::Buffer *buffer : order) {
    bool kept = buffer->section() != schema::Section::transient;
    if (buffer->offset() < (kept ? end : keptEnd))
      return damaged(named("buffer", buffer->name()) +
                     "begins inside another one");
    uint64_t bytes = 0;
    totalBytes(*buffer, bytes); // no overflow, as verifyBuffer has shown
    end = std::max(end, buffer->offset() + bytes);
    if (kept)
      keptEnd = std::max(keptEnd, buffer->offset() + bytes);
  }
  return {};
}

/// `plan.constants` fills the constants, and no other buffer.
Status verifyConstants(const schema::Plan &plan) {
  uint64_t begin = plan.constants_offset(), end = 0;
  if (!addChecked(begin, sizeOfVector(plan.constants()), end) ||
      end > plan.arena_bytes())
    return damaged("its constants lie outside the arena");
  for (uint32_t i = 0; i < sizeOfVector(plan.buffers()); ++i) {
    const schema::Buffer *buffer = plan.buffers()->Get(i);
    uint64_t bytes = 0;
    totalBytes(*buffer, bytes);
    bool constant = buffer->section() == schema::Section::constants;
    uint64_t bufferEnd = buffer->offset() + bytes;
    if (bytes > 0 && (constant ? buffer->offset() < begin || bufferEnd > end
                               : buffer->offset() < end && bufferEnd > begin))
      return damaged(named("buffer", buffer->name()) +
                     "is not where its constants are");
  }
  return {};
}

Status verifyBuffers(const schema::Plan &plan) {
  uint64_t last = 0, end = 0;
  if (plan.arena_bytes() > kMaxArenaBytes ||
      plan.arena_alignment() != kAlignment)
    return damaged("its arena has an impossible size or alignment");
  for (uint32_t i = 0; i < sizeOfVector(plan.buffers()); ++i) {
    MLRT_RETURN_IF_ERROR(verifyBuffer(plan, *plan.buffers()->Get(i), end));
    last = std::max(last, end);
  }
  if (plan.arena_bytes() - last >= kAlignment)
    return damaged("its buffers end at byte " + std::to_string(last) +
                   ", but its arena has " + std::to_string(plan.arena_bytes()) +
                   " bytes");
  MLRT_RETURN_IF_ERROR(verifyNoOverlap(plan));
  return verifyConstants(plan);
}

/// Is the shape of a parameter that of its buffer, without the dimensions that
/// count iterations of a `repeat`.
bool isSliceShape(const schema::Parameter &parameter,
                  const schema::Buffer &buffer) {
  uint32_t own = sizeOfVector(parameter.shape());
  uint32_t whole = sizeOfVector(buffer.shape());
  bool fits = own <= whole;
  for (uint32_t i = 0; fits && i < own; ++i)
    fits = parameter.shape()->Get(i) == buffer.shape()->Get(whole - own + i);
  return fits;
}

Status verifyParameters(const schema::Plan &plan) {
  std::unordered_set<std::string_view> paths;
  // The parameters of a buffer fill it one after another.
  std::unordered_map<uint32_t, uint64_t> filled;
  for (uint32_t i = 0; i < sizeOfVector(plan.parameters()); ++i) {
    const schema::Parameter *parameter = plan.parameters()->Get(i);
    std::string_view path = textOf(parameter->path());
    if (!isName(path) || !paths.insert(path).second)
      return damaged(named("parameter", parameter->path()) +
                     "has no name of its own");
    if (parameter->buffer() >= sizeOfVector(plan.buffers()))
      return damaged(named("parameter", parameter->path()) + "has no buffer");
    const schema::Buffer *buffer = plan.buffers()->Get(parameter->buffer());
    uint64_t bytes = 0;
    uint64_t &end = filled[parameter->buffer()];
    if (parameter->dtype() != buffer->dtype() ||
        !isSliceShape(*parameter, *buffer) ||
        !bytesOfShape(parameter->shape(), dtypeOf(parameter->dtype()), bytes) ||
        (buffer->section() != schema::Section::parameters &&
         buffer->section() != schema::Section::state) ||
        parameter->byte_offset() != end || bytes > buffer->slot_bytes() - end)
      return damaged(named("parameter", parameter->path()) +
                     "does not fit its buffer");
    end += bytes;
    if (parameter->role() > schema::ParameterRole::optimizer)
      return damaged(named("parameter", parameter->path()) +
                     "has an unknown role");
    if (parameter->average_of() >= 0) {
      auto of = static_cast<uint32_t>(parameter->average_of());
      const schema::Parameter *averaged = of < sizeOfVector(plan.parameters())
                                              ? plan.parameters()->Get(of)
                                              : nullptr;
      if (!averaged || averaged->average_of() >= 0 ||
          averaged->role() != schema::ParameterRole::trained ||
          parameter->role() != schema::ParameterRole::optimizer ||
          averaged->dtype() != parameter->dtype() ||
          !sameShape(averaged->shape(), parameter->shape()))
        return damaged(named("parameter", parameter->path()) +
                       "is the average of another one that it does not fit");
    }
    const schema::Initializer *how = parameter->initializer();
    if (!how || !isInitialValue({textOf(how->kind()), how->a(), how->b()},
                                bytes / sizeOf(dtypeOf(parameter->dtype()))))
      return damaged(named("parameter", parameter->path()) +
                     "has no known initializer");
    for (uint32_t dim = 0; dim < sizeOfVector(parameter->layout()); ++dim)
      if (sizeOfVector(parameter->layout()->Get(dim)->axes()) > 0)
        return damaged(named("parameter", parameter->path()) +
                       "is sharded, which this mlrun cannot do");
  }
  for (auto [buffer, end] : filled)
    if (end != plan.buffers()->Get(buffer)->slot_bytes())
      return damaged(named("buffer", plan.buffers()->Get(buffer)->name()) +
                     "is not filled by its parameters");
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
  // A fixed data axis has a micro-batch for each device; the last ones may be
  // empty.
  uint64_t devices = 1;
  for (uint32_t i = 0; i < sizeOfVector(plan.mesh()); ++i)
    if (textOf(plan.mesh()->Get(i)->name()) == "data")
      devices = static_cast<uint64_t>(std::max(1, plan.mesh()->Get(i)->size()));
  uint64_t batch = training->batch(), rows = training->microbatch();
  if (batch == 0 || batch > kMaxRows || rows == 0 || rows > kMaxRows ||
      training->microbatches() != std::max((batch + rows - 1) / rows, devices))
    return damaged("batch, micro-batch and their number do not fit");
  return {};
}

/// The largest `limit` of an input of `dtype`: one above its largest value.
int64_t largestLimit(DType dtype) {
  switch (dtype) {
  case DType::i64:
    return std::numeric_limits<int64_t>::max();
  case DType::i32:
    return int64_t{1} << 31;
  case DType::u8:
    return 256;
  case DType::boolean:
    return 2;
  default:
    return 0;
  }
}

Status verifyInputs(const schema::Plan &plan) {
  for (uint32_t i = 0; i < sizeOfVector(plan.inputs()); ++i) {
    const schema::Input *input = plan.inputs()->Get(i);
    uint64_t bytes = 0;
    if (!isName(textOf(input->name())) ||
        findInput(plan, textOf(input->name())) != input ||
        !isValid(input->dtype()) ||
        !bytesOfShape(input->shape(), dtypeOf(input->dtype()), bytes) ||
        bytes == 0 || bytes > kMaxRows || input->limit() < 0 ||
        input->limit() > largestLimit(dtypeOf(input->dtype())))
      return damaged(named("input", input->name()) + "has an impossible type");
  }
  return {};
}

Status verifySplit(const schema::Plan &plan, const schema::Split &split) {
  if (split.reader() > schema::Reader::bin ||
      split.element() > schema::Token::i64)
    return damaged(named("data split", split.name()) + "has an unknown reader");
  if (!(split.part_first() >= 0 && split.part_first() < split.part_last() &&
        split.part_last() <= 1))
    return damaged(named("data split", split.name()) +
                   "has an impossible part of its file");
  if (split.first_row() < 0 ||
      (split.last_row() != -1 && split.last_row() < split.first_row()))
    return damaged(named("data split", split.name()) +
                   "has an impossible range of rows");
  if (sizeOfVector(split.columns()) == 0)
    return damaged(named("data split", split.name()) + "has no column");
  if (split.reader() != schema::Reader::idx && textOf(split.file()).empty())
    return damaged(named("data split", split.name()) + "has no file");
  std::unordered_set<const schema::Input *> bound;
  for (const schema::Column *column : *split.columns()) {
    const schema::Input *input = findInput(plan, textOf(column->input()));
    if (!input || !bound.insert(input).second)
      return damaged(named("data split", split.name()) +
                     "binds a column to no input of its own");
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

Status verifySplits(const schema::Plan &plan) {
  std::unordered_set<std::string_view> names;
  for (uint32_t i = 0; i < sizeOfVector(plan.splits()); ++i) {
    const schema::Split *split = plan.splits()->Get(i);
    if (!isName(textOf(split->name())) ||
        !names.insert(textOf(split->name())).second)
      return damaged(named("data split", split->name()) +
                     "has no name of its own");
    MLRT_RETURN_IF_ERROR(verifySplit(plan, *split));
  }
  return {};
}

} // namespace

const schema::Input *findInput(const schema::Plan &plan,
                               std::string_view name) {
  for (uint32_t i = 0; i < sizeOfVector(plan.inputs()); ++i)
    if (textOf(plan.inputs()->Get(i)->name()) == name)
      return plan.inputs()->Get(i);
  return nullptr;
}

bool sameShape(const flatbuffers::Vector<int64_t> *a,
               const flatbuffers::Vector<int64_t> *b) {
  return sizeOfVector(a) == sizeOfVector(b) &&
         (!a || !b || std::equal(a->begin(), a->end(), b->begin()));
}

bool isCleanText(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x20 || lead == 0x7f)
      return false;
    if (lead < 0x80)
      continue;
    size_t more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || more > text.size() - i)
      return false;
    uint32_t code = lead & (0x3fu >> more);
    for (; more > 0; --more) {
      auto next = static_cast<unsigned char>(text[i++]);
      if ((next & 0xc0) != 0x80)
        return false;
      code = code << 6 | (next & 0x3f);
    }
    bool overlong =
        lead == 0xe0 ? code < 0x800 : lead == 0xf0 && code < 0x10000;
    if (overlong || code > 0x10ffff || (code >= 0xd800 && code < 0xe000))
      return false;
  }
  return true;
}

std::string printable(std::string_view text) {
  std::string out(text.substr(0, 200));
  bool clean = isCleanText(out);
  for (char &c : out)
    if (!clean && (c < 0x20 || c == 0x7f)) // 0x80 and above are negative
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
  if (!plan.programs() || !plan.buffers() ||
      !plan.code()) // kernels: perhaps none
    return damaged("a part is missing");
  MLRT_RETURN_IF_ERROR(verifyAlignment(plan));
  MLRT_RETURN_IF_ERROR(verifyMesh(plan));
  MLRT_RETURN_IF_ERROR(verifyBuffers(plan));
  MLRT_RETURN_IF_ERROR(verifyParameters(plan));
  MLRT_RETURN_IF_ERROR(verifyKernels(plan));
  MLRT_RETURN_IF_ERROR(verifyTraining(plan));
  MLRT_RETURN_IF_ERROR(verifyInputs(plan));
  MLRT_RETURN_IF_ERROR(verifySplits(plan));
  return verifyPrograms(plan);
}

} // namespace mlrt
