//===- Executor.cpp - Runs a program of a plan ----------------------------===//

#include "runtime/exec/Executor.h"

#include "runtime/core/Float16.h"
#include "runtime/core/FlushDenormals.h"
#include "runtime/exec/ExecutorParts.h"
#include "runtime/exec/PlanChecks.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <numeric>

namespace mlrt {

MicrobatchRange microbatchRange(uint64_t total, int rank, int ranks) {
  auto r = static_cast<uint64_t>(rank), n = static_cast<uint64_t>(ranks);
  return {total * r / n, total * (r + 1) / n};
}

double scalarAt(const std::byte *data, DType dtype) {
  auto load = [data]<typename T>(T value) {
    std::memcpy(&value, data, sizeof value);
    return value;
  };
  switch (dtype) {
  case DType::f32:
    return load(float{});
  case DType::f64:
    return load(double{});
  case DType::bf16:
    return bf16ToFloat(load(uint16_t{}));
  case DType::f16:
    return f16ToFloat(load(uint16_t{}));
  case DType::i32:
    return load(int32_t{});
  case DType::i64:
    return static_cast<double>(load(int64_t{}));
  case DType::u8:
  case DType::boolean:
    return load(uint8_t{});
  }
  return 0;
}

Executor::Executor() : parts(std::make_unique<Parts>()) {}
Executor::~Executor() = default;

double Executor::loss() const {
  std::byte value[8];
  parts->stream->download(value, lossData, sizeOf(lossType));
  return scalarAt(value, lossType);
}

void Executor::read(const NamedValue &value, void *to,
                    uint64_t sizeBytes) const {
  parts->stream->download(to, value.data, sizeBytes);
}

namespace {

class Stopwatch {
public:
  Stopwatch(bool on, Executor::KernelTime &into) : time(on ? &into : nullptr) {
    if (time)
      start = std::chrono::steady_clock::now();
  }
  ~Stopwatch() {
    if (!time)
      return;
    double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
            .count();
    time->seconds += seconds;
    time->fastest = std::min(time->fastest, seconds);
    ++time->calls;
  }

private:
  Executor::KernelTime *time;
  std::chrono::steady_clock::time_point start;
};

} // namespace

Status Executor::runCall(uint32_t index) {
  const ResolvedStep &step = parts->steps[index];
  Stopwatch watch(parts->profile, times[step.kernel]);
  void **pointers = parts->pointers.data() + step.firstArgument;
  if (!step.fixedArguments)
    for (uint32_t i = 0; i < step.argumentCount; ++i)
      pointers[i] =
          parts->arguments[step.firstArgument + i].at(parts->position);
  if (!parts->stream->launch({step.function, pointers, step.tasks}))
    return kernelFailed(&step);
  return {};
}

Status Executor::kernelFailed(const ResolvedStep *step) const {
  const KernelContext context =
      parts->stream->takeFault().value_or(KernelContext());
  std::string input, where, place = "row " + std::to_string(context.row);
  if (step) {
    where = parts->plan->describeLocation(step->location);
    for (const InputRing &ring : inputRings)
      if (context.argument >= 0 &&
          static_cast<uint32_t>(context.argument) < step->argumentCount &&
          parts->arguments[step->firstArgument +
                           static_cast<uint32_t>(context.argument)]
                  .base == ring.base) {
        input = " of " + printable(ring.name);
        uint64_t elements = ring.rowBytes / sizeOf(ring.dtype);
        auto element = static_cast<uint64_t>(context.row);
        if (elements > 1)
          place = "row " + std::to_string(element / elements) + ", element " +
                  std::to_string(element % elements);
      }
  }
  bool isLabel = context.error != KernelError::kIndexOutOfRange;
  return {StatusCode::kBadInput,
          (isLabel ? "label " : "index ") + std::to_string(context.value) +
              " is outside [0, " + std::to_string(context.limit) + ") in " +
              place + input + ", in a micro-batch of step " +
              std::to_string(parts->run->step + 1) +
              (where.empty() ? "" : " (" + where + ")") +
              (isLabel ? "; correct the data or the number of classes"
                       : "; correct the data or the size of what is indexed")};
}

void Executor::putRows(uint64_t first) {
  std::array<int64_t, 64> numbers; // no memory that the plan does not know of
  for (uint64_t done = 0; parts->rowNumbers && done < rowsOfMicrobatch;) {
    uint64_t count =
        std::min<uint64_t>(numbers.size(), rowsOfMicrobatch - done);
    std::iota(numbers.begin(), numbers.end(),
              static_cast<int64_t>(first + done));
    parts->stream->upload(parts->rowNumbers + done * sizeof(int64_t),
                          numbers.data(), count * sizeof(int64_t));
    done += count;
  }
}

Status Executor::runLoop(uint32_t index) {
  const ResolvedStep &step = parts->steps[index];
  const RunArguments &run = *parts->run;
  bool ofRank = step.count == 0;
  uint64_t count = ofRank ? run.microbatches : step.count;
  std::span<ResolvedSum> sums(parts->sums.data() + step.firstSum,
                              step.sumCount);
  if (count == 0)
    for (ResolvedSum &sum : sums)
      parts->stream->fillNeutral(sum.sum.dtype, sum.sum.reduction,
                                 sum.sum.result, sum.sum.count);
  uint32_t pending = 0;
  Position &position = parts->position;
  auto depth = static_cast<size_t>(position.depth++);
  for (uint64_t i = 0; i < count; ++i) {
    position.iterations[depth] = static_cast<int64_t>(i);
    if (ofRank)
      position.number = run.firstMicrobatch + i;
    uint64_t number = position.number;
    if (ofRank && run.feed)
      MLRT_RETURN_IF_ERROR(run.feed->acquire(number));
    if (ofRank)
      putRows(run.firstRow + i * rowsOfMicrobatch);
    MLRT_RETURN_IF_ERROR(runSteps(step.bodyBegin, step.bodyEnd));
    if (ofRank && run.feed)
      run.feed->release(number);
    uint32_t before = pending, after = pending;
    for (ResolvedSum &sum : sums) {
      sum.sum.source = sum.source.at(position);
      after = before;
      if (parts->tree)
        sum.sum.addTree(i, count, after, *parts->stream);
      else
        sum.sum.addFast(i, count, *parts->stream);
    }
    pending = after;
  }
  --position.depth;
  return {};
}

Status Executor::runSteps(uint32_t begin, uint32_t end) {
  for (uint32_t i = begin; i < end; ++i) {
    ResolvedStep &step = parts->steps[i];
    switch (step.op) {
    case StepOp::call:
      MLRT_RETURN_IF_ERROR(runCall(i));
      break;
    case StepOp::loop:
      MLRT_RETURN_IF_ERROR(runLoop(i));
      break;
    case StepOp::allReduce:
      if (step.communicator && step.communicator->size() > 1) {
        Stopwatch watch(parts->profile, collectives);
        if (!parts->stream->wait())
          return kernelFailed(nullptr);
        step.tag.step = parts->run->step;
        MLRT_RETURN_IF_ERROR(step.communicator->allReduce(
            step.target.at(parts->position), step.amount, step.dtype,
            step.reduction, parts->tree, step.tag));
      }
      break;
    case StepOp::copy:
      parts->stream->copy(step.target.at(parts->position),
                          step.source.at(parts->position), step.amount);
      break;
    case StepOp::fill:
      parts->stream->fill(step.target.at(parts->position), step.value,
                          step.amount);
      break;
    }
  }
  return {};
}

Status Executor::run(const RunArguments &arguments) {
  if (arguments.microbatches > parts->maxMicrobatches)
    return {StatusCode::kInternal, "a run of " +
                                       std::to_string(arguments.microbatches) +
                                       " micro-batches in an executor for " +
                                       std::to_string(parts->maxMicrobatches)};
  FlushDenormals flush; // as the pool's threads do
  parts->run = &arguments;
  parts->position = {};
  parts->position.number = arguments.firstMicrobatch;
  auto put = [this](std::byte *scalar, uint64_t value) {
    if (scalar)
      parts->stream->upload(scalar, &value, sizeof value);
  };
  put(parts->stepScalar, arguments.step);
  put(parts->countScalar, arguments.rows);
  put(parts->seedScalar, arguments.seed);
  putRows(arguments.firstRow);
  // A program without the loop reads its inputs as one micro-batch.
  bool whole = !parts->hasRankLoop && arguments.feed;
  if (whole)
    MLRT_RETURN_IF_ERROR(arguments.feed->acquire(arguments.firstMicrobatch));
  Status status = runSteps(0, parts->topLevel);
  if (whole)
    arguments.feed->release(arguments.firstMicrobatch);
  if (status.ok() && !parts->stream->wait())
    status = kernelFailed(nullptr);
  parts->run = nullptr;
  return status;
}

} // namespace mlrt
