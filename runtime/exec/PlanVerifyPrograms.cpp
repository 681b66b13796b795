//===- PlanVerifyPrograms.cpp - Meaning of a plan: its programs -----------===//

#include "runtime/exec/Plan.h"
#include "runtime/exec/PlanChecks.h"

#include <algorithm>
#include <vector>

namespace mlrt {

namespace {

constexpr uint64_t kMaxIterations = uint64_t{1} << 20;

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
  Status checkBound(int index, const char *what, uint64_t bytes,
                    bool floating) const;
  Status checkInputs() const;
  /// `bytes` from the reference lie inside its buffer in every iteration, and
  /// begin at a multiple of `alignment`.
  Status checkRef(const schema::Ref *ref, uint64_t bytes, uint64_t alignment,
                  bool written, const char *what) const;
  Status checkSteps(
      const flatbuffers::Vector<flatbuffers::Offset<schema::Step>> *steps,
      int depth);
  Status checkCall(const schema::Call &call) const;
  Status checkLoop(const schema::Loop &loop, int depth);
  Status checkAllReduce(const schema::AllReduce &reduce);

  const schema::Plan &plan;
  const schema::Program &program;
  std::string where;
  std::vector<uint64_t> loops; // around; 0: over the rank's micro-batches
  bool hasRankLoop = false;
  int64_t lastId = -1;
};

Status ProgramChecker::checkBound(int index, const char *what, uint64_t bytes,
                                  bool floating) const {
  if (index == -1)
    return {};
  const schema::Buffer *bound = buffer(static_cast<uint32_t>(index));
  if (index < 0 || !bound)
    return fail(std::string("its ") + what + " has no buffer");
  DType dtype = dtypeOf(bound->dtype());
  bool rightType = floating ? dtype == DType::f32 || dtype == DType::f64
                            : dtype == DType::i64;
  uint64_t needed = 0;
  if (!rightType || !mulChecked(bytes, sizeOf(dtype), needed) ||
      needed > bound->slot_bytes())
    return fail(std::string("its ") + what + " does not fit its buffer");
  return {};
}

Status ProgramChecker::checkInputs() const {
  for (uint32_t i = 0; i < sizeOfVector(program.inputs()); ++i) {
    const schema::InputBinding *binding = program.inputs()->Get(i);
    const schema::Buffer *bound = buffer(binding->buffer());
    const schema::Input *input = nullptr;
    for (uint32_t k = 0; k < sizeOfVector(plan.inputs()); ++k)
      if (textOf(plan.inputs()->Get(k)->name()) == textOf(binding->name()))
        input = plan.inputs()->Get(k);
    uint64_t bytes = 0;
    if (!bound || !input || bound->dtype() != input->dtype() ||
        !bytesOfShape(input->shape(), dtypeOf(input->dtype()), bytes) ||
        !mulChecked(bytes, program.rows(), bytes) ||
        bytes > bound->slot_bytes())
      return fail("its input '" + printable(textOf(binding->name())) +
                  "' does not fit its buffer");
  }
  for (uint32_t i = 0; i < sizeOfVector(program.metrics()); ++i)
    if (!buffer(program.metrics()->Get(i)->buffer()))
      return fail("a metric has no buffer");
  for (uint32_t i = 0; i < sizeOfVector(program.outputs()); ++i) {
    const schema::Buffer *bound = buffer(program.outputs()->Get(i)->buffer());
    if (!bound || sizeOfVector(bound->shape()) == 0 ||
        bound->shape()->Get(0) != program.rows())
      return fail("an output has no buffer of its rows");
  }
  return {};
}

Status ProgramChecker::checkRef(const schema::Ref *ref, uint64_t bytes,
                                uint64_t alignment, bool written,
                                const char *what) const {
  const schema::Buffer *target = ref ? buffer(ref->buffer()) : nullptr;
  if (!target)
    return fail(std::string(what) + " names no buffer");
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
  if (call.kernel() >= plan.kernels()->size())
    return fail("a call names no kernel");
  const schema::Kernel *kernel = plan.kernels()->Get(call.kernel());
  if (sizeOfVector(call.args()) != kernel->arguments())
    return fail("a call gives the kernel '" +
                printable(textOf(kernel->symbol())) + "' " +
                std::to_string(sizeOfVector(call.args())) + " arguments, not " +
                std::to_string(kernel->arguments()));
  for (uint32_t i = 0; i < kernel->arguments(); ++i)
    MLRT_RETURN_IF_ERROR(
        checkRef(call.args()->Get(i), kernel->argument_bytes()->Get(i), 16,
                 kernel->written()->Get(i) != 0, "an argument of a call"));
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
  uint64_t sumBytes = 0;
  for (uint32_t i = 0; i < sizeOfVector(loop.sums()); ++i) {
    const schema::LoopSum *sum = loop.sums()->Get(i);
    uint64_t bytes = 0;
    if (!isValid(sum->dtype()) || sum->dtype() == schema::DType::boolean ||
        sum->reduction() > schema::Reduction::min ||
        !mulChecked(sum->count(), sizeOf(dtypeOf(sum->dtype())), bytes) ||
        bytes > plan.arena_bytes())
      return fail("a sum over micro-batches has an impossible type");
    uint64_t alignment = sizeOf(dtypeOf(sum->dtype()));
    MLRT_RETURN_IF_ERROR(
        checkRef(sum->result(), bytes, alignment, true, "the result of a sum"));
    loops.push_back(loop.count());
    MLRT_RETURN_IF_ERROR(checkRef(sum->source(), bytes, alignment, false,
                                  "the source of a sum"));
    loops.pop_back();
    sumBytes += (bytes + 63) / 64 * 64;
  }
  if (sumBytes > program.sum_level_bytes())
    return fail("its sums over micro-batches do not fit sum_level_bytes");
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
  if (int64_t{reduce.id()} <= lastId)
    return fail("the ids of its all-reduces do not increase");
  lastId = reduce.id();
  if (!loops.empty())
    return fail("an all-reduce stands inside a loop");
  if (!isValid(reduce.dtype()) || reduce.dtype() == schema::DType::boolean ||
      reduce.reduction() > schema::Reduction::min ||
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
  if (program.sum_level_bytes() > uint64_t{1} << 40)
    return fail("its sums over micro-batches are too large");
  if (textOf(program.name()) == "train" &&
      program.rows() != plan.training()->microbatch())
    return fail("its rows are not those of a micro-batch");
  MLRT_RETURN_IF_ERROR(checkInputs());
  MLRT_RETURN_IF_ERROR(
      checkBound(program.mask(), "mask", program.rows(), true));
  MLRT_RETURN_IF_ERROR(checkBound(program.count(), "count", 1, false));
  MLRT_RETURN_IF_ERROR(checkBound(program.step(), "step", 1, false));
  MLRT_RETURN_IF_ERROR(checkBound(program.loss(), "loss", 1, true));
  return checkSteps(program.steps(), 0);
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
