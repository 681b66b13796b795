//===- BoundsWindow.cpp - Bounds of convolutions and pools ----------------===//

#include "ir/graph/GraphWindowOps.h"
#include "test/random/OpBounds.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mlc::graph;

namespace mlc::randomgraph {

/// The most terms that one element of the result is the sum of.
static int64_t countTerms(Operation *op) {
  auto taps = [](const Window &window) {
    int64_t count = 1;
    for (const WindowDim &dim : window)
      count *= dim.window;
    return count;
  };
  auto places = [](const Window &window) {
    int64_t count = 1;
    for (const WindowDim &dim : window)
      count *= dim.places();
    return count;
  };
  if (auto conv = dyn_cast<ConvOp>(op))
    return taps(conv.getWindow()) * conv.getInput().getType().getDimSize(1);
  if (auto gradient = dyn_cast<ConvKernelGradOp>(op))
    return places(gradient.getWindow()) *
           gradient.getInput().getType().getDimSize(0);
  if (auto pool = dyn_cast<SumPoolOp>(op))
    return taps(pool.getWindow());
  return taps(cast<MaxPoolGradOp>(op).getWindow());
}

/// Linear in one operand or in each of two, which the reference evaluates for
/// magnitudes and errors.
LogicalResult OpBounds::window() {
  int64_t terms = countTerms(op);
  if (isa<SumPoolOp>(op))
    return linear(terms);
  return bilinear(terms);
}

/// Where the winner is not certain, nothing is known.
LogicalResult OpBounds::maxPool() {
  const Literal &keys = *values[0];
  auto gradient = dyn_cast<MaxPoolGradOp>(op);
  Window window =
      gradient ? gradient.getWindow() : cast<MaxPoolOp>(op).getWindow();
  if (gradient) {
    std::vector<double> magnitudes(values[1]->floats);
    for (double &value : magnitudes)
      value = std::fabs(value);
    Literal sizes = asF64(values[1]->getType(), std::move(magnitudes));
    Literal errors = asF64(values[1]->getType(), operands[1]->error);
    RankedTensorType type = f64Like(result.value.getShape(), op->getContext());
    auto total = evaluate({values[0], &sizes}, type);
    auto passed = evaluate({values[0], &errors}, type);
    if (failed(total) || failed(passed))
      return failure();
    int64_t terms = countTerms(op);
    for (int64_t i = 0; i < result.value.size(); ++i)
      result.error[i] =
          passed->floats[i] +
          (terms == 1 ? 0 : roundingOfSum(element, terms, 1, total->floats[i]));
  }
  SmallVector<int64_t> places, extents;
  for (const WindowDim &dim : window) {
    places.push_back(dim.places());
    extents.push_back(dim.window);
  }
  int64_t size = ShapedType::getNumElements(keys.getShape().drop_front(2));
  int64_t count = ShapedType::getNumElements(places);
  int64_t planes = keys.size() / size;
  SmallVector<int64_t> inputStrides = stridesOf(keys.getShape().drop_front(2));
  for (int64_t plane = 0; plane < planes; ++plane) {
    int64_t place = plane * count;
    forEachIndex(places, [&](ArrayRef<int64_t> y) {
      SmallVector<int64_t> met;
      int64_t best = -1;
      forEachIndex(extents, [&](ArrayRef<int64_t> tap) {
        int64_t at = plane * size;
        for (size_t i = 0; i < window.size(); ++i) {
          auto element = window[i].elementAt(y[i], tap[i]);
          if (!element)
            return;
          at += *element * inputStrides[i];
        }
        met.push_back(at);
        if (best < 0 || keys.floats[at] > keys.floats[best])
          best = at;
      });
      bool certain = llvm::all_of(met, [&](int64_t at) {
        double errors = operands[0]->error[at] + operands[0]->error[best];
        return at == best || errors == 0 ||
               keys.floats[best] - keys.floats[at] > errors;
      });
      if (gradient && !certain)
        for (int64_t at : met)
          result.error[at] = kUnknown;
      if (!gradient)
        result.error[place] = certain ? operands[1]->error[best] : kUnknown;
      // The maximum itself is near, whoever wins.
      if (!gradient && !certain && op->getOperand(0) == op->getOperand(1)) {
        double most = 0;
        for (int64_t at : met)
          most = std::max(most, operands[0]->error[at]);
        result.error[place] = most;
      }
      ++place;
    });
  }
  return success();
}

} // namespace mlc::randomgraph
