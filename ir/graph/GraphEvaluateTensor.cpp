//===- GraphEvaluateTensor.cpp - The meaning of the other ops -------------===//
//
// Reductions and dot add one element after another, in row-major order, in f32
// (in double for f64 and in f64 mode).
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphOps.h"
#include "ir/graph/Literal.h"
#include <cmath>

using namespace mlir;

namespace mlc::graph {

using Operands = ArrayRef<const Literal *>;
using Results = MutableArrayRef<Literal>;

/// The position of an index in row-major order.
static int64_t offsetOf(ArrayRef<int64_t> index, ArrayRef<int64_t> strides) {
  int64_t offset = 0;
  for (auto [i, stride] : llvm::zip_equal(index, strides))
    offset += i * stride;
  return offset;
}

/// What sums of `element` accumulate in: f32 for f16 and bf16.
static Type accumulatorOf(Type element) {
  if (isa<FloatType>(element) && !element.isF64())
    return Float32Type::get(element.getContext());
  return element;
}

LogicalResult ConstantOp::evaluate(Operands, Results results, EvalOptions) {
  auto value = dyn_cast<DenseElementsAttr>(getValue());
  if (!value)
    return emitOpError("has a value that is not dense");
  if (value.isSplat()) {
    Literal whole = Literal::fromAttr(value.resizeSplat(results[0].getType()));
    results[0] = std::move(whole);
    return success();
  }
  if (value.getType().getShape() != results[0].getShape())
    return emitOpError("is not a splat, and cannot be sharded");
  results[0] = Literal::fromAttr(value);
  return success();
}

LogicalResult IotaOp::evaluate(Operands, Results results, EvalOptions options) {
  int64_t to = 0;
  Literal &result = results[0];
  forEachIndex(result.getShape(), [&](ArrayRef<int64_t> index) {
    int64_t value = index[getDim()];
    if (result.isFloat())
      result.floats[to++] = roundFloat(result.getElementType(),
                                       static_cast<double>(value), options);
    else
      result.ints[to++] = wrapInteger(result.getElementType(), value);
  });
  return success();
}

LogicalResult BroadcastOp::evaluate(Operands operands, Results results,
                                    EvalOptions) {
  const Literal &x = *operands[0];
  SmallVector<int64_t> strides = stridesOf(x.getShape());
  int64_t to = 0;
  forEachIndex(results[0].getShape(), [&](ArrayRef<int64_t> index) {
    int64_t from = 0;
    for (auto [i, dim] : llvm::enumerate(getDims()))
      if (x.getShape()[i] != 1)
        from += index[dim] * strides[i];
    results[0].copyElement(to++, x, from);
  });
  return success();
}

LogicalResult ReshapeOp::evaluate(Operands operands, Results results,
                                  EvalOptions) {
  results[0].floats = operands[0]->floats;
  results[0].ints = operands[0]->ints;
  return success();
}

LogicalResult TransposeOp::evaluate(Operands operands, Results results,
                                    EvalOptions) {
  const Literal &x = *operands[0];
  SmallVector<int64_t> strides = stridesOf(x.getShape());
  int64_t to = 0;
  forEachIndex(results[0].getShape(), [&](ArrayRef<int64_t> index) {
    int64_t from = 0;
    for (auto [i, dim] : llvm::enumerate(getPerm()))
      from += index[i] * strides[dim];
    results[0].copyElement(to++, x, from);
  });
  return success();
}

LogicalResult ConcatOp::evaluate(Operands operands, Results results,
                                 EvalOptions) {
  SmallVector<Literal> parts;
  for (const Literal *operand : operands)
    parts.push_back(*operand);
  results[0] = Literal::concat(parts, getDim());
  return success();
}

LogicalResult SliceOp::evaluate(Operands operands, Results results,
                                EvalOptions) {
  const Literal &x = *operands[0];
  SmallVector<int64_t> strides = stridesOf(x.getShape());
  int64_t to = 0;
  forEachIndex(results[0].getShape(), [&](ArrayRef<int64_t> index) {
    int64_t from = 0;
    for (auto [i, stride] : llvm::enumerate(strides))
      from += (getStarts()[i] + index[i] * getStrides()[i]) * stride;
    results[0].copyElement(to++, x, from);
  });
  return success();
}

LogicalResult ReduceOp::evaluate(Operands operands, Results results,
                                 EvalOptions options) {
  const Literal &x = *operands[0];
  Literal &result = results[0];
  Type accumulator = accumulatorOf(x.getElementType());
  SmallVector<int64_t> kept = otherDims(x.getRank(), getDims());
  SmallVector<int64_t> strides = stridesOf(result.getShape());
  std::vector<bool> started(result.size(), getKind() == ReductionKind::sum);
  int64_t from = 0;
  forEachIndex(x.getShape(), [&](ArrayRef<int64_t> index) {
    int64_t to = 0;
    for (auto [i, dim] : llvm::enumerate(kept))
      to += index[dim] * strides[i];
    if (!started[to])
      result.copyElement(to, x, from);
    else if (x.isFloat())
      result.floats[to] = combineFloat(
          getKind(), accumulator, result.floats[to], x.floats[from], options);
    else
      result.ints[to] =
          combineInteger(getKind(), accumulator, result.ints[to], x.ints[from]);
    started[to] = true;
    ++from;
  });
  for (double &value : result.floats)
    value = roundFloat(result.getElementType(), value, options);
  return success();
}

LogicalResult ArgReduceOp::evaluate(Operands operands, Results results,
                                    EvalOptions) {
  const Literal &x = *operands[0];
  int64_t dim = getDim(), extent = x.getShape()[dim];
  SmallVector<int64_t> strides = stridesOf(x.getShape());
  bool isMax = getKind() == ReductionKind::max;
  auto wins = [&](int64_t a, int64_t b) {
    if (!x.isFloat())
      return isMax ? x.ints[a] > x.ints[b] : x.ints[a] < x.ints[b];
    if (std::isnan(x.floats[b]))
      return false;
    return std::isnan(x.floats[a]) ||
           (isMax ? x.floats[a] > x.floats[b] : x.floats[a] < x.floats[b]);
  };
  int64_t to = 0;
  forEachIndex(results[0].getShape(), [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> first(index);
    first.insert(first.begin() + dim, 0);
    int64_t base = offsetOf(first, strides), best = 0;
    for (int64_t i = 1; i < extent; ++i)
      if (wins(base + i * strides[dim], base + best * strides[dim]))
        best = i;
    results[0].ints[to++] = best;
  });
  return success();
}

/// The offsets of every index over the dimensions `dims` of `x`.
static SmallVector<int64_t> offsetsOver(const Literal &x,
                                        ArrayRef<int64_t> dims) {
  SmallVector<int64_t> shape, strides, all = stridesOf(x.getShape());
  for (int64_t dim : dims) {
    shape.push_back(x.getShape()[dim]);
    strides.push_back(all[dim]);
  }
  SmallVector<int64_t> offsets;
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    offsets.push_back(offsetOf(index, strides));
  });
  return offsets;
}

LogicalResult DotOp::evaluate(Operands operands, Results results,
                              EvalOptions options) {
  const Literal &a = *operands[0], &b = *operands[1];
  Literal &result = results[0];
  Type element = result.getElementType(), sum = accumulatorOf(element);
  SmallVector<int64_t> aBatch = offsetsOver(a, getLhsBatch()),
                       bBatch = offsetsOver(b, getRhsBatch()),
                       aFree = offsetsOver(a, getLhsFree()),
                       bFree = offsetsOver(b, getRhsFree()),
                       aInner = offsetsOver(a, getLhsContract()),
                       bInner = offsetsOver(b, getRhsContract());
  // Whether every product and sum is rounded to f32 is the same for all.
  bool single = result.isFloat() && sum.isF32() && !options.f64;
  int64_t to = 0, inner = aInner.size();
  auto sumOf = [&](const auto *x, const auto *y, auto total) {
    using Number = decltype(total);
    for (int64_t k = 0; k < inner; ++k)
      total +=
          static_cast<Number>(x[aInner[k]]) * static_cast<Number>(y[bInner[k]]);
    return total;
  };
  auto evaluateOne = [&](int64_t i, int64_t j) {
    if (single)
      result.floats[to++] =
          roundFloat(element, sumOf(&a.floats[i], &b.floats[j], 0.0F), options);
    else if (result.isFloat())
      result.floats[to++] =
          roundFloat(element, sumOf(&a.floats[i], &b.floats[j], 0.0), options);
    else
      result.ints[to++] = wrapInteger(
          element,
          static_cast<int64_t>(sumOf(&a.ints[i], &b.ints[j], uint64_t{0})));
  };
  for (auto [aOuter, bOuter] : llvm::zip_equal(aBatch, bBatch))
    for (int64_t i : aFree)
      for (int64_t j : bFree)
        evaluateOne(aOuter + i, bOuter + j);
  return success();
}

/// The labels are in [0, classes).
static LogicalResult checkLabels(Operation *op, const Literal &labels,
                                 int64_t classes) {
  for (auto [row, label] : llvm::enumerate(labels.ints))
    if (label < 0 || label >= classes)
      return op->emitOpError("has label ")
             << label << " in row " << row << ", outside [0, " << classes
             << ")";
  return success();
}

/// The largest of a row, and the sum of exp(x - largest), in double.
static std::pair<double, double> normalizeRow(const Literal &logits,
                                              int64_t row) {
  int64_t classes = logits.getShape().back();
  const double *x = logits.floats.data() + row * classes;
  double largest = x[0], total = 0;
  for (int64_t c = 1; c < classes; ++c)
    largest = std::max(largest, x[c]);
  for (int64_t c = 0; c < classes; ++c)
    total += std::exp(x[c] - largest);
  return {largest, total};
}

LogicalResult SoftmaxCrossEntropyOp::evaluate(Operands operands,
                                              Results results,
                                              EvalOptions options) {
  const Literal &logits = *operands[0], &labels = *operands[1];
  int64_t classes = logits.getShape().back();
  if (failed(checkLabels(*this, labels, classes)))
    return failure();
  for (int64_t row = 0; row < results[0].size(); ++row) {
    auto [largest, total] = normalizeRow(logits, row);
    double own = logits.floats[row * classes + labels.ints[row]];
    results[0].floats[row] = roundFloat(
        logits.getElementType(), std::log(total) + (largest - own), options);
  }
  return success();
}

LogicalResult SoftmaxCrossEntropyGradOp::evaluate(Operands operands,
                                                  Results results,
                                                  EvalOptions options) {
  const Literal &logits = *operands[0], &labels = *operands[1];
  const Literal &cotangent = *operands[2];
  int64_t classes = logits.getShape().back();
  if (failed(checkLabels(*this, labels, classes)))
    return failure();
  for (int64_t i = 0; i < results[0].size(); ++i) {
    int64_t row = i / classes;
    auto [largest, total] = normalizeRow(logits, row);
    double probability = std::exp(logits.floats[i] - largest) / total;
    double target = i % classes == labels.ints[row] ? 1 : 0;
    results[0].floats[i] =
        roundFloat(logits.getElementType(),
                   (probability - target) * cotangent.floats[row], options);
  }
  return success();
}

} // namespace mlc::graph
