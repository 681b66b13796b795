//===- LossKernel.cpp - Softmax cross-entropy, value and gradient ---------===//
//
// A row at a time, the lanes along the classes: maximum, exponentials and their
// sum are computed once for the loss and its gradient. A row of a few vectors
// stays in registers; a longer one is read three times, and its exponentials
// are computed twice.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Lowering.h"
#include "codegen/cpu/MathKernels.h"

using namespace mlir;

namespace mlc::cpu {

namespace {

using graph::ReductionKind;

// Vectors of one row that are kept in registers.
constexpr int64_t kHeldVectors = 4;

struct LossRows {
  Lowering &l;
  graph::SoftmaxCrossEntropyOp loss;
  graph::SoftmaxCrossEntropyGradOp gradient;
  SmallVector<unsigned> lossResults, gradientResults;
  Value logits, labels;
  unsigned lanes;
  int64_t classes;

  RankedTensorType type() { return cast<RankedTensorType>(logits.getType()); }
  Type element() { return type().getElementType(); }
  int64_t vectors() { return (classes + lanes - 1) / lanes; }
  bool isHeld() { return vectors() <= kHeldVectors; }

  // Some classes of one row.
  struct Part {
    Value row, column;
    unsigned active;
    Index index(unsigned width) const {
      return {{0, 1, Coord::scalar(row)}, {1, 1, Coord::lane(column, width)}};
    }
  };

  // Lanes without a class have -infinity, and so no share of the sum.
  Value load(const Part &part) {
    KernelBuilder &k = l.k;
    Evaluator e = l.evaluator(lanes);
    e.active = part.active;
    Value x = e.evaluate(logits, part.index(lanes));
    if (part.active >= lanes)
      return x;
    Value lowest = emitNeutral(k, ReductionKind::max, x.getType(), element());
    return k.select(k.prefixMask(lanes, part.active), x, lowest);
  }

  // Folds over the parts of a row, in order.
  Value fold(Value row, Value start,
             function_ref<Value(const Part &, int64_t number, Value)> step) {
    KernelBuilder &k = l.k;
    int64_t tail = classes % lanes, full = classes - tail;
    if (isHeld()) {
      for (int64_t v = 0; v < vectors(); ++v)
        start = step({row, k.index(v * lanes),
                      unsigned(std::min<int64_t>(lanes, classes - v * lanes))},
                     v, start);
      return start;
    }
    Value sum =
        k.loop(k.index(0), k.index(full), lanes, start,
               [&](Value column, ValueRange carried) -> SmallVector<Value> {
                 return {step({row, column, lanes}, -1, carried[0])};
               })[0];
    return tail ? step({row, k.index(full), unsigned(tail)}, -1, sum) : sum;
  }

  void emitRow(Value row) {
    KernelBuilder &k = l.k;
    Type vector = k.vec(heldType(k, element()), lanes);
    Value label = checkedLabel(row);
    SmallVector<Value> held(isHeld() ? vectors() : 0);
    Value top =
        fold(row, emitNeutral(k, ReductionKind::max, vector, element()),
             [&](const Part &part, int64_t number, Value best) {
               Value x = load(part);
               if (number >= 0)
                 held[number] = x;
               return emitCombine(k, ReductionKind::max, best, x, element());
             });
    top = emitCombineLanes(k, ReductionKind::max, top, element());
    Value topEverywhere = k.splat(top, lanes);
    auto exponential = [&](const Part &part, int64_t number) {
      Value x = number >= 0 ? held[number] : load(part);
      return emitExp(k, k.fsub(x, topEverywhere));
    };
    Value sum = fold(row, k.zero(vector),
                     [&](const Part &part, int64_t number, Value total) {
                       Value power = exponential(part, number);
                       if (number >= 0)
                         held[number] = power;
                       return k.fadd(total, power);
                     });
    sum = emitCombineLanes(k, ReductionKind::sum, sum, element());
    if (loss)
      storeLoss(row, label, top, sum);
    if (!gradient)
      return;
    Value sumEverywhere = k.splat(sum, lanes);
    fold(row, sum, [&](const Part &part, int64_t number, Value same) {
      Value power = number >= 0 ? held[number] : exponential(part, number);
      storeGradient(part, label, k.fdiv(power, sumEverywhere));
      return same;
    });
  }

  // The label of a row, 0 where it is out of range: the error stops the run.
  Value checkedLabel(Value row) {
    KernelBuilder &k = l.k;
    Evaluator e = l.evaluator(1);
    Type labelType = cast<RankedTensorType>(labels.getType()).getElementType();
    Value label = e.evaluate(labels, {{0, 1, Coord::scalar(row)}});
    emitLabelCheck(e, label, labelType, classes, Coord::scalar(row));
    Value wide = labelType.isInteger(64)         ? label
                 : labelType.isUnsignedInteger() ? k.zext(label, k.i64())
                                                 : k.sext(label, k.i64());
    Value outside = k.icmp(IPred::uge, wide, k.index(classes));
    return k.select(outside, k.index(0), wide);
  }

  void storeLoss(Value row, Value label, Value top, Value sum) {
    KernelBuilder &k = l.k;
    Evaluator e = l.evaluator(1);
    Value chosen = e.evaluate(
        logits, {{0, 1, Coord::scalar(row)}, {1, 1, Coord::scalar(label)}});
    Value value = k.fadd(emitLog(k, sum), k.fsub(top, chosen));
    e.known[loss.getLoss()] = roundTo(k, value, element());
    store(e, loss.getLoss(), {{0, 1, Coord::scalar(row)}}, lossResults);
  }

  void storeGradient(const Part &part, Value label, Value share) {
    KernelBuilder &k = l.k;
    Evaluator e = l.evaluator(lanes), narrow = l.evaluator(1);
    e.active = part.active;
    // Which lane the label is; another number where it is in no lane.
    Value place = k.splat(k.trunc(k.sub(label, part.column), k.i32()), lanes);
    Value isLabel = k.icmp(IPred::eq, place, k.laneIndices(k.i32(), lanes));
    Value rest =
        k.select(isLabel, k.fsub(share, k.cf(share.getType(), 1.0)), share);
    Value scale =
        narrow.evaluate(gradient.getDloss(), {{0, 1, Coord::scalar(part.row)}});
    e.known[gradient.getDlogits()] =
        roundTo(k, k.fmul(rest, k.splat(scale, lanes)), element());
    store(e, gradient.getDlogits(), part.index(lanes), gradientResults);
  }

  void store(Evaluator &e, Value anchor, const Index &at,
             ArrayRef<unsigned> which) {
    ArrayRef<int64_t> shape =
        cast<RankedTensorType>(anchor.getType()).getShape();
    for (unsigned i : which) {
      auto to = cast<RankedTensorType>(l.results[i].getType());
      Index index = reshapedIndex(e, at, shape, to.getShape());
      e.store(e.evaluate(l.results[i], index), l.resultPointers[i], to, index);
    }
  }
};

} // namespace

bool lowerLoss(Lowering &l, graph::SoftmaxCrossEntropyOp loss,
               graph::SoftmaxCrossEntropyGradOp gradient,
               ArrayRef<unsigned> which) {
  Value logits = loss ? loss.getLogits() : gradient.getLogits();
  Value labels = loss ? loss.getLabels() : gradient.getLabels();
  ArrayRef<int64_t> shape = cast<RankedTensorType>(logits.getType()).getShape();
  int64_t rows = shape[0], classes = shape[1];
  Type element = cast<RankedTensorType>(logits.getType()).getElementType();
  unsigned lanes = l.k.target.lanes / (element.isF64() ? 2 : 1);
  // For a few classes, lanes along the rows waste less.
  if (classes < lanes / 4)
    return false;
  LossRows kernel{l, loss, gradient, {}, {}, logits, labels, lanes, classes};
  for (unsigned i : which)
    (loss && followsElementwise(l.results[i], loss.getLoss())
         ? kernel.lossResults
         : kernel.gradientResults)
        .push_back(i);
  int64_t rowsPerTask =
      std::clamp<int64_t>(kTaskElements / 8 / classes, 1, rows);
  int64_t tasks = (rows + rowsPerTask - 1) / rowsPerTask;
  l.addPhase(tasks, which, [=, &l](Value task) mutable {
    KernelBuilder &k = l.k;
    Value begin = k.mul(task, k.index(rowsPerTask));
    Value end = k.smin(k.add(begin, k.index(rowsPerTask)), k.index(rows));
    k.loop(begin, end, 1, [&](Value row) { kernel.emitRow(row); });
  });
  return true;
}

} // namespace mlc::cpu
