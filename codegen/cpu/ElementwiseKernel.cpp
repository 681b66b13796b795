//===- ElementwiseKernel.cpp - Loops over the elements of the results -----===//
//
// Results of one shape share a loop. The loop runs over rows (the dimensions
// before a split) and vectors of the collapsed dimensions behind it; the split
// is the one whose code is cheapest: collapsing everything is best until a
// broadcast or a transpose would need a gather.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Lowering.h"
#include "runtime/schema/Philox.h"

using namespace mlir;

namespace mlc::cpu {

namespace {

struct Space {
  int64_t split; ///< dimensions [0, split) are rows
  int64_t rows, inner, rank;

  /// `divisor` is one of `column`; the elements lie `offset` behind it.
  Index at(Value row, Value column, unsigned lanes, int64_t divisor,
           int64_t offset = 0) const {
    Index index;
    if (split > 0)
      index.push_back({0, split, Coord::scalar(row)});
    Coord behind = Coord::scalar(column, divisor);
    behind.stride = lanes == 1 ? 0 : 1;
    behind.offset = offset;
    if (split < rank)
      index.push_back({split, rank - split, behind});
    return index;
  }
};

Space makeSpace(ArrayRef<int64_t> shape, int64_t split) {
  return {split, countElements(shape.take_front(split)),
          countElements(shape.drop_front(split)), int64_t(shape.size())};
}

// Evaluates all results before the first store: a result may lie where an
// argument lies.
void emitElements(Lowering &l, Evaluator &e, ArrayRef<unsigned> which,
                  ArrayRef<Index> indices) {
  Evaluator::Scope scope(e);
  SmallVector<Value> values;
  for (const Index &index : indices)
    for (unsigned i : which)
      values.push_back(e.evaluate(l.results[i], index));
  const Value *value = values.begin();
  for (const Index &index : indices)
    for (unsigned i : which)
      e.store(*value++, l.resultPointers[i], typeOf(l.results[i]), index);
}

Space chooseSpace(Lowering &l, ArrayRef<unsigned> which, unsigned lanes) {
  ArrayRef<int64_t> shape = typeOf(l.results[which[0]]).getShape();
  Space best = makeSpace(shape, 0);
  int64_t bestCost = -1;
  for (int64_t split = 0; split < int64_t(shape.size()); ++split) {
    Space space = makeSpace(shape, split);
    int64_t cost = l.measure(
        [&](Evaluator &e) {
          // An opaque start, so that nothing folds.
          Value zero = l.k.load(l.k.i64(), l.context);
          emitElements(l, e, which, {space.at(zero, zero, lanes, lanes)});
        },
        lanes);
    cost *= space.rows * ((space.inner + lanes - 1) / lanes);
    if (bestCost < 0 || cost < bestCost) {
      best = space;
      bestCost = cost;
    }
  }
  return best;
}

} // namespace

static void lowerOneShape(Lowering &l, SmallVector<unsigned> which) {
  KernelBuilder &k = l.k;
  RankedTensorType type = typeOf(l.results[which[0]]);
  unsigned lanes = type.getNumElements() == 1 ? 1 : k.target.lanes;
  Space space =
      lanes == 1 ? makeSpace(type.getShape(), 0) : chooseSpace(l, which, lanes);
  int64_t tail = space.inner % lanes, full = space.inner - tail;

  // One row from `begin` to `end`, which is before the tail; `begin` is a
  // multiple of kTaskElements.
  int64_t atOnce = l.kernel.getBody()
                           .walk([](Operation *op) {
                             return isRandom(op) ? WalkResult::interrupt()
                                                 : WalkResult::advance();
                           })
                           .wasInterrupted()
                       ? std::max<int64_t>(mlrt::kRandomGroup, lanes)
                       : lanes;
  auto emitRow = [=, &l](Value row, Value begin, Value end) {
    KernelBuilder &k = l.k;
    if (atOnce > lanes) { // they share random blocks
      Value length = k.sub(end, begin);
      Value rest = k.andi(length, k.index(atOnce - 1));
      Value middle = k.sub(end, rest);
      k.loop(begin, middle, atOnce, [&](Value column) {
        SmallVector<Index> at;
        for (int64_t offset = 0; offset < atOnce; offset += lanes)
          at.push_back(space.at(row, column, lanes, atOnce, offset));
        Evaluator e = l.evaluator(lanes);
        emitElements(l, e, which, at);
      });
      begin = middle;
    }
    k.loop(begin, end, lanes, [&](Value column) {
      Evaluator e = l.evaluator(lanes);
      emitElements(l, e, which, {space.at(row, column, lanes, lanes)});
    });
  };
  auto emitTail = [=, &l](Value row) {
    if (tail == 0)
      return;
    Evaluator e = l.evaluator(lanes);
    e.active = tail;
    emitElements(l, e, which, {space.at(row, l.k.index(full), lanes, lanes)});
  };

  if (space.rows == 1) {
    int64_t tasks =
        std::max<int64_t>(1, (space.inner + kTaskElements - 1) / kTaskElements);
    l.addPhase(tasks, which, [=, &l](Value task) {
      KernelBuilder &k = l.k;
      Value begin = k.mul(task, k.index(kTaskElements));
      Value end = k.smin(k.add(begin, k.index(kTaskElements)), k.index(full));
      emitRow(k.index(0), begin, end);
      if (tail != 0)
        k.ifThen(k.icmp(IPred::eq, task, k.index(tasks - 1)),
                 [&] { emitTail(k.index(0)); });
    });
    return;
  }
  int64_t rowsPerTask = std::max<int64_t>(1, kTaskElements / space.inner);
  int64_t tasks = (space.rows + rowsPerTask - 1) / rowsPerTask;
  l.addPhase(tasks, which, [=, &l](Value task) {
    KernelBuilder &k = l.k;
    Value begin = k.mul(task, k.index(rowsPerTask));
    Value end = k.smin(k.add(begin, k.index(rowsPerTask)), k.index(space.rows));
    k.loop(begin, end, 1, [&](Value row) {
      emitRow(row, k.index(0), k.index(full));
      emitTail(row);
    });
  });
}

void lowerElementwise(Lowering &l, ArrayRef<unsigned> which) {
  SmallVector<unsigned> rest(which.begin(), which.end());
  while (!rest.empty()) {
    ArrayRef<int64_t> shape = typeOf(l.results[rest[0]]).getShape();
    SmallVector<unsigned> same, others;
    for (unsigned i : rest)
      (typeOf(l.results[i]).getShape() == shape ? same : others).push_back(i);
    lowerOneShape(l, same);
    rest = others;
  }
}

} // namespace mlc::cpu
