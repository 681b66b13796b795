//===- ExecutorParts.h - The executor's resolved steps --------------------===//
#ifndef MLC_RUNTIME_EXEC_EXECUTORPARTS_H
#define MLC_RUNTIME_EXEC_EXECUTORPARTS_H

#include "runtime/exec/Executor.h"
#include "runtime/exec/Sums.h"

#include <array>

namespace mlrt {

/// Where the steps of a program are: the iteration of every loop around them,
/// the outermost first, and the number of the micro-batch in the rings.
struct Position {
  std::array<int64_t, kMaxLoopDepth> iterations{};
  int depth = 0;
  uint64_t number = 0;
};

/// base + strides * iterations + the micro-batch's slot of an input's ring.
struct Address {
  std::byte *base = nullptr;
  std::array<int64_t, kMaxLoopDepth> strides{};
  uint64_t slotStride = 0;
  uint32_t slots = 1;
  bool moves = false; ///< with an iteration

  bool isFixed() const { return !moves && slots == 1; }
  std::byte *at(const Position &position) const {
    std::byte *place = base + position.number % slots * slotStride;
    for (int d = 0; moves && d < position.depth; ++d)
      place += strides[static_cast<size_t>(d)] *
               position.iterations[static_cast<size_t>(d)];
    return place;
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
  std::byte *seedScalar = nullptr;                         // i64
  std::byte *rowNumbers = nullptr;                         // i64 [rows]
  const RunArguments *run = nullptr;
  Position position;
};

} // namespace mlrt

#endif // MLC_RUNTIME_EXEC_EXECUTORPARTS_H
