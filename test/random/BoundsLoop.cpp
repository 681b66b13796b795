//===- BoundsLoop.cpp - Errors through the iterations of a loop -----------===//

#include "test/random/OpBounds.h"

#include "ir/graph/GraphLoopOps.h"

#include "llvm/ADT/DenseMap.h"

using namespace mlir;
using namespace mlc::graph;

namespace mlc::randomgraph {

static Bounded sliceOf(const Bounded &sequence, int64_t index) {
  Bounded slice(sequence.value.sliceAt(index));
  auto from = sequence.error.begin() + index * slice.value.size();
  slice.error.assign(from, from + slice.value.size());
  slice.summed = sequence.summed;
  return slice;
}

static void setSlice(Bounded &stack, int64_t index, const Bounded &slice) {
  stack.value.setSlice(index, slice.value);
  llvm::copy(slice.error, stack.error.begin() + index * slice.value.size());
  stack.summed |= slice.summed;
}

FailureOr<std::vector<Bounded>>
evaluateLoop(ScanOp scan, ArrayRef<const Bounded *> operands, int64_t parts) {
  Block &body = scan.getBody().front();
  unsigned carries = scan.getNumCarries();
  llvm::DenseMap<Value, Bounded> known;
  for (auto [argument, operand] :
       llvm::zip_equal(body.getArguments(), operands))
    if (!llvm::is_contained(scan.getSliceArguments(), argument))
      known[argument] = *operand;
  std::vector<Bounded> results(carries);
  for (Value stacked : scan.getStacked())
    results.emplace_back(Literal(cast<RankedTensorType>(stacked.getType())));
  auto count = static_cast<int64_t>(scan.getCount());
  for (int64_t step = 0; step < count; ++step) {
    int64_t index = scan.getReverse() ? count - 1 - step : step;
    for (auto [argument, operand] :
         llvm::zip_equal(scan.getSliceArguments(),
                         operands.slice(carries, scan.getSequences().size())))
      known[argument] = sliceOf(*operand, index);
    if (failed(evaluateBlock(body, known, parts)))
      return failure();
    std::vector<Bounded> next;
    for (auto [k, value] : llvm::enumerate(scan.getYield().getValues())) {
      if (k < carries)
        next.push_back(known[value]);
      else
        setSlice(results[k], index, known[value]);
    }
    for (auto [argument, value] :
         llvm::zip_equal(scan.getCarryArguments(), next))
      known[argument] = std::move(value);
  }
  for (unsigned k = 0; k < carries; ++k)
    results[k] = known[body.getArgument(k)];
  return results;
}

} // namespace mlc::randomgraph
