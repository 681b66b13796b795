//===- PlanVerifyPrograms.cpp - Meaning of a plan: its programs -----------===//

#include "runtime/comm/Communicator.h"
#include "runtime/exec/Plan.h"
#include "runtime/exec/PlanChecks.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

namespace mlrt {

namespace {

constexpr uint64_t kMaxIterations = uint64_t{1} << 20;

/// Of a kernel's argument that is no slice of a sequence.
constexpr uint64_t kCallAlignment = 16;
constexpr uint64_t kMaxSumBytes = uint64_t{1} << 46;
constexpr uint64_t kMaxMetricBytes = uint64_t{8} << 20; // a small table

/// Is there a sum, maximum or minimum of this type. Bools have "any" and "all".
bool canReduce(schema::DType dtype, schema::Reduction reduction) {
  return isValid(dtype) && reduction <= schema::Reduction::min &&
         (dtype != schema::DType::boolean ||
          reduction != schema::Reduction::sum);
}

/// Checks one program; `where` begins every message.
class ProgramChecker {
public:
  ProgramChecker(const schema::Plan &p, const schema::Program &checked)
      : plan(p), program(checked),
        where("program '" + printable(textOf(program.name())) + "': ") {}

  Status check();

private:
  Status fail(std::string why) const { return damaged(where + std::move(why)); }
  const schema::Buffer *buffer(uint32_t index) const {
    return index < plan.buffers()->size() ? plan.buffers()->Get(index)
                                          : nullptr;
  }
  using Shape = flatbuffers::Vector<int64_t>;

  Status checkScalar(int index, const char *what, bool floating) const;
  /// An input's buffer: the rows of a micro-batch, each of the shape `row`.
  bool isRing(const schema::Buffer &ring, const Shape *row) const;
  Status checkRow() const;
  Status checkInputs() const;
  Status checkResults() const;
  /// `bytes` from the reference lie inside its buffer in every iteration, and
  /// begin at a multiple of `alignment`.
  Status checkRef(const schema::Ref *ref, uint64_t bytes, uint64_t alignment,
                  bool written, const char *what) const;
  Status checkSteps(
      const flatbuffers::Vector<flatbuffers::Offset<schema::Step>> *steps,
      int depth);
  Status checkCall(const schema::Call &call) const;
  uint64_t alignmentOf(const schema::Ref *argument) const;
  Status checkLoop(const schema::Loop &loop, int depth);
  Status checkSum(const schema::LoopSum &sum, const schema::Loop &loop);
  Status checkAllReduce(const schema::AllReduce &reduce);

  const schema::Plan &plan;
  const schema::Program &program;
  std::string where;
  std::vector<uint64_t> loops; // around; 0: over the rank's micro-batches
  bool hasRankLoop = false;
  uint64_t sumBytes = 0; // of one level
  int64_t lastId = -1;
};

Status ProgramChecker::checkScalar(int index, const char *what,
                                   bool floating) const {
  if (index == -1)
    return {};
  const schema::Buffer *bound = buffer(static_cast<uint32_t>(index));
  if (index < 0 || !bound)
    return fail(std::string("its ") + what + " has no buffer");
  DType dtype = dtypeOf(bound->dtype());
  bool rightType = floating ? dtype == DType::f32 || dtype == DType::f64
                            : dtype == DType::i64;
  if (!rightType || sizeOfVector(bound->shape()) != 0 ||
      bound->section() != schema::Section::scalars)
    return fail(std::string("its ") + what + " does not fit its buffer");
  return {};
}

/// The rows' numbers, where the program wants them.
Status ProgramChecker::checkRow() const {
  if (program.row() == -1)
    return {};
  const schema::Buffer *bound = buffer(static_cast<uint32_t>(program.row()));
  if (program.row() < 0 || !bound || dtypeOf(bound->dtype()) != DType::i64 ||
      sizeOfVector(bound->shape()) != 1 ||
      bound->shape()->Get(0) != program.rows() || bound->slots() != 1 ||
      bound->section() != schema::Section::scalars)
    return fail("its row numbers do not fit their buffer");
  return {};
}

bool ProgramChecker::isRing(const schema::Buffer &ring,
                            const Shape *row) const {
  if (ring.section() != schema::Section::inputs ||
      sizeOfVector(ring.shape()) != sizeOfVector(row) + 1 ||
      ring.shape()->Get(0) != program.rows())
    return false;
  for (uint32_t i = 0; i < sizeOfVector(row); ++i)
    if (ring.shape()->Get(i + 1) != row->Get(i))
      return false;
  return true;
}

Status ProgramChecker::checkInputs() const {
  std::unordered_set<uint32_t> rings;
  std::unordered_set<const schema::Input *> inputs;
  for (uint32_t i = 0; i < sizeOfVector(program.inputs()); ++i) {
    const schema::InputBinding *binding = program.inputs()->Get(i);
    const schema::Buffer *bound = buffer(binding->buffer());
    const schema::Input *input = findInput(plan, textOf(binding->name()));
    if (!bound || !input || bound->dtype() != input->dtype() ||
        !isRing(*bound, input->shape()) || !inputs.insert(input).second ||
        !rings.insert(binding->buffer()).second)
      return fail("its input '" + printable(textOf(binding->name())) +
                  "' does not fit its buffer");
  }
  if (program.mask() == -1)
    return {};
  auto index = static_cast<uint32_t>(program.mask());
  const schema::Buffer *mask = buffer(index);
  if (program.mask() < 0 || !mask || !isRing(*mask, nullptr) ||
      (mask->dtype() != schema::DType::f32 &&
       mask->dtype() != schema::DType::f64) ||
      !rings.insert(index).second)
    return fail("its mask does not fit its buffer");
  return {};
}

Status ProgramChecker::checkResults() const {
  for (uint32_t i = 0; i < sizeOfVector(program.metrics()); ++i) {
    const schema::Buffer *bound = buffer(program.metrics()->Get(i)->buffer());
    if (!isName(textOf(program.metrics()->Get(i)->name())) || !bound ||
        bound->slot_bytes() > kMaxMetricBytes || bound->slots() != 1)
      return fail("a metric has no name, or no buffer that fits");
  }
  for (uint32_t i = 0; i < sizeOfVector(program.outputs()); ++i) {
    const schema::Buffer *bound = buffer(program.outputs()->Get(i)->buffer());
    if (!isName(textOf(program.outputs()->Get(i)->name())) || !bound ||
        bound->slots() != 1 || sizeOfVector(bound->shape()) == 0 ||
        bound->shape()->Get(0) != program.rows())
      return fail("an output has no name, or no buffer of its rows");
  }
  return {};
}

Status ProgramChecker::checkRef(const schema::Ref *ref, uint64_t bytes,
                                uint64_t alignment, bool written,
                                const char *what) const {
  const schema::Buffer *target = ref ? buffer(ref->buffer()) : nullptr;
  if (!target)
    return fail(std::string(what) + " names no buffer");
  if (!isAligned(ref->strides()))
    return fail("its numbers are not aligned");
  if (sizeOfVector(ref->strides()) > loops.size())
    return fail(std::string(what) + " moves with a loop that is not around it");
  __int128 first = ref->byte_offset(), last = first;
  for (uint32_t d = 0; d < sizeOfVector(ref->strides()); ++d) {
    int64_t stride = ref->strides()->Get(d);
    if (stride != 0 && loops[d] == 0)
      return fail(std::string(what) +
                  " moves with a loop whose length is not known");
    if (stride % static_cast<int64_t>(alignment) != 0)
      return fail(std::string(what) + " is not aligned in the buffer '" +
                  printable(textOf(target->name())) + "'");
    (stride < 0 ? first : last) +=
        static_cast<__int128>(stride) * (static_cast<int64_t>(loops[d]) - 1);
  }
  if (first < 0 || last + bytes > target->slot_bytes())
    return fail(std::string(what) + " reaches outside the buffer '" +
                printable(textOf(target->name())) + "'");
  if (ref->byte_offset() % alignment != 0)
    return fail(std::string(what) + " is not aligned in the buffer '" +
                printable(textOf(target->name())) + "'");
  if (written && target->section() == schema::Section::constants)
    return fail(std::string(what) + " writes to the constant '" +
                printable(textOf(target->name())) + "'");
  return {};
}

Status ProgramChecker::checkCall(const schema::Call &call) const {
  if (call.kernel() >= sizeOfVector(plan.kernels()))
    return fail("a call names no kernel");
  const schema::Kernel *kernel = plan.kernels()->Get(call.kernel());
  if (sizeOfVector(call.args()) != kernel->arguments())
    return fail("a call gives the kernel '" +
                printable(textOf(kernel->symbol())) + "' " +
                std::to_string(sizeOfVector(call.args())) + " arguments, not " +
                std::to_string(kernel->arguments()));
  for (uint32_t i = 0; i < kernel->arguments(); ++i)
    MLRT_RETURN_IF_ERROR(
        checkRef(call.args()->Get(i), kernel->argument_bytes()->Get(i),
                 alignmentOf(call.args()->Get(i)),
                 kernel->written()->Get(i) != 0, "an argument of a call"));
  return {};
}

/// What a kernel may expect of an argument: see KernelFunction.
uint64_t ProgramChecker::alignmentOf(const schema::Ref *argument) const {
  const schema::Buffer *target =
      argument ? buffer(argument->buffer()) : nullptr;
  if (!target || !isAligned(argument->strides()))
    return kCallAlignment; // refused in any case
  for (uint32_t d = 0; d < sizeOfVector(argument->strides()); ++d)
    if (argument->strides()->Get(d) != 0)
      return sizeOf(dtypeOf(target->dtype()));
  return kCallAlignment;
}

Status ProgramChecker::checkSum(const schema::LoopSum &sum,
                                const schema::Loop &loop) {
  uint64_t bytes = 0;
  if (!canReduce(sum.dtype(), sum.reduction()) ||
      !mulChecked(sum.count(), sizeOf(dtypeOf(sum.dtype())), bytes) ||
      bytes > plan.arena_bytes())
    return fail("a sum over micro-batches has an impossible type");
  uint64_t alignment = sizeOf(dtypeOf(sum.dtype()));
  MLRT_RETURN_IF_ERROR(
      checkRef(sum.result(), bytes, alignment, true, "the result of a sum"));
  loops.push_back(loop.count());
  MLRT_RETURN_IF_ERROR(
      checkRef(sum.source(), bytes, alignment, false, "the source of a sum"));
  loops.pop_back();
  // One place, or two: half an overlap has no order of copying.
  const schema::Buffer *from = buffer(sum.source()->buffer());
  const schema::Buffer *to = buffer(sum.result()->buffer());
  uint64_t source = from->offset() + sum.source()->byte_offset();
  uint64_t result = to->offset() + sum.result()->byte_offset();
  if (from->slots() != 1 || to->slots() != 1 ||
      (source != result && source < result + bytes && result < source + bytes))
    return fail("source and result of a sum overlap");
  sumBytes += (bytes + 63) / 64 * 64;
  if (sumBytes > kMaxSumBytes)
    return fail("its sums over micro-batches are too large");
  return {};
}

Status ProgramChecker::checkLoop(const schema::Loop &loop, int depth) {
  uint64_t all = std::max<uint64_t>(1, loop.count());
  for (uint64_t outer : loops)
    all *= std::max<uint64_t>(1, outer); // each is at most kMaxIterations
  if (loop.count() == 0) {
    if (depth > 0 || hasRankLoop)
      return fail("has more than one loop over the micro-batches");
    hasRankLoop = true;
  } else if (loop.count() > kMaxIterations || all > kMaxIterations) {
    return fail("a loop is too long");
  }
  // The levels of a sum are as many as a rank has micro-batches.
  if (loop.count() != 0 && sizeOfVector(loop.sums()) != 0)
    return fail("a loop sums that does not run over the micro-batches");
  for (uint32_t i = 0; i < sizeOfVector(loop.sums()); ++i)
    MLRT_RETURN_IF_ERROR(checkSum(*loop.sums()->Get(i), loop));
  loops.push_back(loop.count());
  MLRT_RETURN_IF_ERROR(checkSteps(loop.body(), depth + 1));
  loops.pop_back();
  return {};
}

Status ProgramChecker::checkAllReduce(const schema::AllReduce &reduce) {
  uint64_t bytes = 0;
  if (sizeOfVector(reduce.axes()) != 1 ||
      reduce.axes()->Get(0) >= sizeOfVector(plan.mesh()) ||
      textOf(plan.mesh()->Get(reduce.axes()->Get(0))->name()) != "data")
    return fail("an all-reduce is over other axes than data, which this mlrun "
                "cannot do");
  if (int64_t{reduce.id()} <= lastId || reduce.id() >= kFirstSetupId)
    return fail("the ids of its all-reduces do not increase");
  lastId = reduce.id();
  if (!loops.empty())
    return fail("an all-reduce stands inside a loop");
  if (!canReduce(reduce.dtype(), reduce.reduction()) ||
      !mulChecked(reduce.count(), sizeOf(dtypeOf(reduce.dtype())), bytes))
    return fail("an all-reduce has an impossible type");
  return checkRef(reduce.data(), bytes, sizeOf(dtypeOf(reduce.dtype())), true,
                  "an all-reduce");
}

Status ProgramChecker::checkSteps(
    const flatbuffers::Vector<flatbuffers::Offset<schema::Step>> *steps,
    int depth) {
  if (depth > kMaxLoopDepth)
    return fail("its loops are nested too deep");
  for (uint32_t i = 0; i < sizeOfVector(steps); ++i) {
    const schema::Step *step = steps->Get(i);
    if (!step->kind())
      return fail("a step is empty or of a kind that this mlrun does not know");
    switch (step->kind_type()) {
    case schema::StepKind::Call:
      MLRT_RETURN_IF_ERROR(checkCall(*step->kind_as_Call()));
      break;
    case schema::StepKind::Loop:
      MLRT_RETURN_IF_ERROR(checkLoop(*step->kind_as_Loop(), depth));
      break;
    case schema::StepKind::AllReduce:
      MLRT_RETURN_IF_ERROR(checkAllReduce(*step->kind_as_AllReduce()));
      break;
    case schema::StepKind::Copy: {
      const schema::Copy *copy = step->kind_as_Copy();
      MLRT_RETURN_IF_ERROR(
          checkRef(copy->source(), copy->bytes(), 1, false, "a copy"));
      MLRT_RETURN_IF_ERROR(
          checkRef(copy->target(), copy->bytes(), 1, true, "a copy"));
      break;
    }
    case schema::StepKind::Fill: {
      const schema::Fill *fill = step->kind_as_Fill();
      MLRT_RETURN_IF_ERROR(
          checkRef(fill->target(), fill->bytes(), 1, true, "a fill"));
      break;
    }
    default:
      return fail("a step is of a kind that this mlrun does not know");
    }
  }
  return {};
}

Status ProgramChecker::check() {
  if (program.rows() == 0 || program.rows() > 1u << 30)
    return fail("has an impossible number of rows");
  if (textOf(program.name()) == "train" &&
      program.rows() != plan.training()->microbatch())
    return fail("its rows are not those of a micro-batch");
  MLRT_RETURN_IF_ERROR(checkInputs());
  MLRT_RETURN_IF_ERROR(checkResults());
  MLRT_RETURN_IF_ERROR(checkScalar(program.count(), "count", false));
  MLRT_RETURN_IF_ERROR(checkScalar(program.step(), "step", false));
  MLRT_RETURN_IF_ERROR(checkScalar(program.seed(), "seed", false));
  MLRT_RETURN_IF_ERROR(checkRow());
  MLRT_RETURN_IF_ERROR(checkScalar(program.loss(), "loss", true));
  MLRT_RETURN_IF_ERROR(checkSteps(program.steps(), 0));
  if (sumBytes != program.sum_level_bytes())
    return fail("its sums over micro-batches take " + std::to_string(sumBytes) +
                " bytes a level, not " +
                std::to_string(program.sum_level_bytes()));
  return {};
}

} // namespace

Status verifyPrograms(const schema::Plan &plan) {
  std::string seen = " ";
  for (const schema::Program *program : *plan.programs()) {
    std::string_view name = textOf(program->name());
    if (name != "train" && name != "eval" && name != "infer")
      return damaged("it has a program '" + printable(name) +
                     "' that this mlrun does not know");
    if (seen.find(" " + std::string(name) + " ") != std::string::npos)
      return damaged("it has two programs '" + std::string(name) + "'");
    seen += std::string(name) + " ";
    MLRT_RETURN_IF_ERROR(ProgramChecker(plan, *program).check());
  }
  return {};
}

} // namespace mlrt
