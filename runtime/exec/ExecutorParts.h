//===- ExecutorParts.h - The executor's resolved steps --------------------===//
#ifndef MLC_RUNTIME_EXEC_EXECUTORPARTS_H
#define MLC_RUNTIME_EXEC_EXECUTORPARTS_H

#include "runtime/exec/Executor.h"
#include "runtime/exec/Sums.h"

namespace mlrt {

/// An address: base + iteration * stride + slot(number) of a ring.
struct Address {
  std::byte *base = nullptr;
  uint64_t loopStride = 0;
  uint64_t slotStride = 0;
  uint32_t slots = 1;
  bool input = false; ///< a ring that the feed fills: slot by running number

  bool isFixed() const { return loopStride == 0 && slots == 1; }
  std::byte *at(uint64_t iteration, uint64_t number) const {
    uint64_t slot = (input ? number : iteration) % slots;
    return base + iteration * loopStride + slot * slotStride;
  }
};

enum class StepOp : uint8_t { call, loop, allReduce, copy, fill };

/// Which fields hold depends on `op`.
struct ResolvedStep {
  StepOp op = StepOp::call;
  // call
  KernelHandle function = nullptr;
  int64_t tasks = 0;
  uint32_t kernel = 0;
  uint32_t firstArgument = 0, argumentCount = 0;
  bool fixedArguments = true;
  int location = -1;
  // loop: its body is the steps [bodyBegin, bodyEnd); count 0: micro-batches
  uint64_t count = 0;
  uint32_t bodyBegin = 0, bodyEnd = 0;
  uint32_t firstSum = 0, sumCount = 0;
  // all-reduce, copy, fill
  Address target, source;
  uint64_t amount = 0; // elements or bytes
  ReductionKind reduction = ReductionKind::sum;
  DType dtype = DType::f32;
  uint8_t value = 0;
  CollectiveTag tag;
  Communicator *communicator = nullptr;
};

/// A sum of a loop; its place may move with the iteration.
struct ResolvedSum {
  RunningSum sum;
  Address source;
};

struct Executor::Parts {
  const Plan *plan = nullptr;
  Stream *stream = nullptr;
  bool tree = true, profile = false, hasRankLoop = false;
  uint64_t maxMicrobatches = 1;
  std::vector<ResolvedStep> steps; // bodies of loops lie behind `topLevel`
  uint32_t topLevel = 0;
  std::vector<Address> arguments;
  std::vector<void *> pointers; // of every argument, at the current iteration
  std::vector<ResolvedSum> sums;
  std::vector<std::unique_ptr<std::string>> texts;         // that tags point to
  std::byte *stepScalar = nullptr, *countScalar = nullptr; // i64
  const RunArguments *run = nullptr;
  uint64_t number = 0; // of the current micro-batch in the rings
};

} // namespace mlrt

#endif // MLC_RUNTIME_EXEC_EXECUTORPARTS_H
