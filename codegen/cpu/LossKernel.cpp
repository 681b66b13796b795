//===- LossKernel.cpp - Softmax cross-entropy, value and gradient ---------===//
//
// The lanes run along the classes of a row: maximum, exponentials and their sum
// are computed once for the loss and its gradient. A row of a few vectors stays
// in registers; a longer one is read three times, and its exponentials are
// computed twice.
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
  };
  Index rowIndex(Value row) {
    return wholeIndex(type().getRank() - 1, Coord::scalar(row));
  }
  Index index(Value row, const Coord &column) {
    Index index = rowIndex(row);
    index.push_back({type().getRank() - 1, 1, column});
    return index;
  }
  Index indexOf(const Part &part) {
    return index(part.row, Coord::lane(part.column, lanes));
  }

  // Lanes without a class have -infinity, which is no maximum.
  Value load(const Part &part) {
    KernelBuilder &k = l.k;
    Evaluator e = l.evaluator(lanes);
    e.active = part.active;
    Value x = e.evaluate(logits, indexOf(part));
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

  // What is known of a row before anything is written.
  struct Row {
    Value number, label, chosen, top, sum;
    SmallVector<Value> held; ///< exponentials, if they are kept
  };

  // 0 in lanes without a class. They do not go through exp: a result that
  // underflows takes the processor some hundred cycles.
  Value exponential(const Row &row, const Part &part, int64_t number) {
    KernelBuilder &k = l.k;
    Value x = number >= 0 ? row.held[number] : load(part);
    Value offset = k.fsub(x, k.splat(row.top, lanes));
    if (part.active >= lanes)
      return emitExp(k, offset);
    Value mask = k.prefixMask(lanes, part.active);
    Value zero = k.zero(offset.getType());
    return k.select(mask, emitExp(k, k.select(mask, offset, zero)), zero);
  }

  Row readRow(Value number) {
    KernelBuilder &k = l.k;
    Type vector = k.vec(heldType(k, element()), lanes);
    Row row{number, checkedLabel(number), {}, {}, {}, {}};
    row.held.resize(isHeld() ? vectors() : 0);
    if (loss)
      row.chosen = l.evaluator(1).evaluate(
          logits, index(number, Coord::scalar(row.label)));
    Value top =
        fold(number, emitNeutral(k, ReductionKind::max, vector, element()),
             [&](const Part &part, int64_t v, Value best) {
               Value x = load(part);
               if (v >= 0)
                 row.held[v] = x;
               return emitCombine(k, ReductionKind::max, best, x, element());
             });
    row.top = emitCombineLanes(k, ReductionKind::max, top, element());
    Value sum = fold(number, k.zero(vector),
                     [&](const Part &part, int64_t v, Value total) {
                       Value power = exponential(row, part, v);
                       if (v >= 0)
                         row.held[v] = power;
                       return k.fadd(total, power);
                     });
    row.sum = emitCombineLanes(k, ReductionKind::sum, sum, element());
    return row;
  }

  void writeRow(const Row &row) {
    if (loss)
      storeLoss(row);
    if (!gradient)
      return;
    Value sum = l.k.splat(row.sum, lanes);
    fold(row.number, row.sum, [&](const Part &part, int64_t v, Value same) {
      Value power = v >= 0 ? row.held[v] : exponential(row, part, v);
      storeGradient(part, row.label, l.k.fdiv(power, sum));
      return same;
    });
  }

  // The label of a row, 0 where it is out of range.
  Value checkedLabel(Value row) {
    Evaluator e = l.evaluator(1);
    Value label = e.evaluate(labels, rowIndex(row));
    return emitRangeCheck(e, labels, label, classes, Coord::scalar(row),
                          mlrt::KernelError::kLabelOutOfRange);
  }

  void storeLoss(const Row &row) {
    KernelBuilder &k = l.k;
    Evaluator e = l.evaluator(1);
    Value value = k.fadd(emitLog(k, row.sum), k.fsub(row.top, row.chosen));
    e.known[loss.getLoss()] = roundTo(k, value, element());
    store(e, loss.getLoss(), rowIndex(row.number), lossResults);
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
    Value scale = narrow.evaluate(gradient.getDloss(), rowIndex(part.row));
    e.known[gradient.getDlogits()] =
        roundTo(k, k.fmul(rest, k.splat(scale, lanes)), element());
    store(e, gradient.getDlogits(), indexOf(part), gradientResults);
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
  int64_t rows = countElements(shape.drop_back()), classes = shape.back();
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
    k.loop(begin, end, 1,
           [&](Value row) { kernel.writeRow(kernel.readRow(row)); });
  });
  return true;
}

} // namespace mlc::cpu
