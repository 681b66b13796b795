//===- IndexKernel.cpp - Slices taken and added at indices ----------------===//
//
// An index is read and checked once, then a whole slice is copied or added,
// with the lanes along it. A task of scatter_add owns some rows of the result
// and looks through all indices, so that every sum has one order and nothing is
// shared.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Lowering.h"
#include "runtime/schema/KernelAbi.h"

using namespace mlir;

namespace mlc::cpu {

namespace {

/// Dimensions before the indices, theirs, and those behind.
struct Parts {
  int64_t dim, count, rank; ///< `count` dimensions of indices from `dim` on
  int64_t outer, indices, inner;

  static Parts of(RankedTensorType taken, RankedTensorType indices,
                  int64_t dim) {
    ArrayRef<int64_t> shape = taken.getShape();
    int64_t count = indices.getRank();
    return {dim,
            count,
            taken.getRank(),
            countElements(shape.take_front(dim)),
            indices.getNumElements(),
            countElements(shape.drop_front(dim + count))};
  }
  Index at(Value o, Value n, const Coord &column) const {
    Index index;
    if (dim > 0)
      index.push_back({0, dim, Coord::scalar(o)});
    if (count > 0)
      index.push_back({dim, count, Coord::scalar(n)});
    if (dim + count < rank)
      index.push_back({dim + count, rank - dim - count, column});
    return index;
  }
};

/// Index number `n` as i64; 0, with an error, where it is out of range.
Value emitCheckedIndex(Lowering &l, Value indices, Value n, int64_t extent) {
  Evaluator e = l.evaluator(1);
  Coord at = Coord::scalar(n);
  Value index = e.evaluate(indices, wholeIndex(typeOf(indices).getRank(), at));
  return emitRangeCheck(e, indices, index, extent, at,
                        mlrt::KernelError::kIndexOutOfRange);
}

/// One range of the result's rows, `[low, high)` of every `extent`.
struct ScatterAdd {
  Lowering &l;
  graph::ScatterAddOp op;
  Parts parts;
  unsigned lanes;
  bool narrow; ///< accumulates in scratch memory
  int64_t extent() { return op.getType().getDimSize(op.getDim()); }
  Type element() { return op.getType().getElementType(); }
  Type held() { return heldType(l.k, element()); }

  /// Calls `emit` for vectors of [begin, begin + count), then single elements.
  void forVectors(Value begin, Value count,
                  function_ref<void(Value at, unsigned width)> emit) {
    KernelBuilder &k = l.k;
    unsigned width = k.target.lanes;
    Value whole = k.mul(k.udiv(count, k.index(width)), k.index(width));
    Value split = k.add(begin, whole), end = k.add(begin, count);
    k.loop(begin, split, width, [&](Value at) { emit(at, width); });
    k.loop(split, end, 1, [&](Value at) { emit(at, 1); });
  }

  void checkAll() {
    l.k.loop(l.k.index(0), l.k.index(parts.indices), 1, [&](Value n) {
      emitCheckedIndex(l, op.getIndices(), n, extent());
    });
  }

  /// Adds slice `n` to the row at `base`.
  void addSlice(Value o, Value n, Value memory, Value base) {
    KernelBuilder &k = l.k;
    auto add = [&](Value column, unsigned active) {
      Evaluator e = l.evaluator(lanes);
      e.active = active;
      Coord at =
          lanes == 1 ? Coord::scalar(column) : Coord::lane(column, lanes);
      Value update = e.evaluate(op.getUpdates(), parts.at(o, n, at));
      Value address = k.gep(memory, k.add(base, column), held());
      Value sum = k.load(k.vec(held(), lanes), address, active);
      sum = emitCombine(k, graph::ReductionKind::sum, sum, update, element());
      k.store(sum, address, active);
    };
    int64_t tail = parts.inner % lanes, full = parts.inner - tail;
    k.loop(k.index(0), k.index(full), lanes,
           [&](Value column) { add(column, lanes); });
    if (tail > 0)
      add(k.index(full), unsigned(tail));
  }

  void emit(Value o, Value low, Value high, Value result) {
    KernelBuilder &k = l.k;
    Value memory = narrow ? l.scratch() : result;
    Value outer = k.mul(o, k.index(extent()));
    Value begin = k.mul(k.add(outer, low), k.index(parts.inner));
    Value count = k.mul(k.sub(high, low), k.index(parts.inner));
    forVectors(begin, count, [&](Value at, unsigned width) {
      k.store(k.zero(k.vec(held(), width)), k.gep(memory, at, held()));
    });
    k.loop(k.index(0), k.index(parts.indices), 1, [&](Value n) {
      Evaluator e = l.evaluator(1);
      Value indices = op.getIndices();
      Value index =
          widenIndex(k,
                     e.evaluate(indices, wholeIndex(typeOf(indices).getRank(),
                                                    Coord::scalar(n))),
                     typeOf(indices).getElementType());
      // One comparison: what is below `low` is a large unsigned number.
      Value mine = k.icmp(IPred::ult, k.sub(index, low), k.sub(high, low));
      k.ifThen(mine, [&] {
        addSlice(o, n, memory,
                 k.mul(k.add(outer, index), k.index(parts.inner)));
      });
    });
    if (narrow)
      forVectors(begin, count, [&](Value at, unsigned width) {
        Value sum = k.load(k.vec(held(), width), k.gep(memory, at, held()));
        k.store(toStorage(k, roundTo(k, sum, element()), element()),
                k.gep(result, at, storageType(k, element())));
      });
  }
};

} // namespace

bool lowerGather(Lowering &l, graph::GatherOp op, ArrayRef<unsigned> which) {
  Parts parts = Parts::of(op.getType(), op.getIndices().getType(), op.getDim());
  unsigned lanes = l.k.target.lanes;
  // Slices shorter than a vector: lanes along the indices waste less.
  if (parts.inner < lanes)
    return false;
  int64_t extent = op.getOperand().getType().getDimSize(op.getDim());
  int64_t rows = parts.outer * parts.indices;
  int64_t rowsPerTask =
      std::clamp<int64_t>(kTaskElements / parts.inner, 1, rows);
  SmallVector<unsigned> mine(which);
  l.addPhase((rows + rowsPerTask - 1) / rowsPerTask, which,
             [=, &l](Value task) mutable {
               KernelBuilder &k = l.k;
               ArrayRef<int64_t> shape =
                   cast<RankedTensorType>(op.getType()).getShape();
               Value begin = k.mul(task, k.index(rowsPerTask));
               Value end =
                   k.smin(k.add(begin, k.index(rowsPerTask)), k.index(rows));
               k.loop(begin, end, 1, [&](Value row) {
                 Value o = k.index(0), n = row;
                 if (parts.outer > 1) {
                   o = k.udiv(row, k.index(parts.indices));
                   n = k.urem(row, k.index(parts.indices));
                 }
                 Value index = emitCheckedIndex(l, op.getIndices(), n, extent);
                 auto emit = [&](Value column, unsigned active) {
                   Evaluator e = l.evaluator(lanes);
                   e.active = active;
                   e.checkedIndex[op.getResult()] = index;
                   Index at = parts.at(o, n, Coord::lane(column, lanes));
                   SmallVector<std::pair<Value, Index>> values;
                   for (unsigned i : mine) {
                     Index to = reshapedIndex(e, at, shape,
                                              typeOf(l.results[i]).getShape());
                     values.push_back({e.evaluate(l.results[i], to), to});
                   }
                   for (auto [value, i] : llvm::zip_equal(values, mine))
                     e.store(value.first, l.resultPointers[i],
                             typeOf(l.results[i]), value.second);
                 };
                 int64_t tail = parts.inner % lanes, full = parts.inner - tail;
                 k.loop(k.index(0), k.index(full), lanes,
                        [&](Value column) { emit(column, lanes); });
                 if (tail > 0)
                   emit(k.index(full), unsigned(tail));
               });
             });
  return true;
}

bool lowerScatterAdd(Lowering &l, graph::ScatterAddOp op,
                     ArrayRef<unsigned> which) {
  Parts parts = Parts::of(op.getUpdates().getType(), op.getIndices().getType(),
                          op.getDim());
  RankedTensorType type = op.getType();
  bool narrow = isNarrowFloat(type.getElementType());
  ScatterAdd kernel{l, op, parts, parts.inner == 1 ? 1 : l.k.target.lanes,
                    narrow};
  int64_t extent = kernel.extent();
  if (narrow)
    l.scratchBytes =
        std::max<int64_t>(l.scratchBytes, type.getNumElements() * 4);
  // Each range looks through all indices: not too many of them.
  constexpr int64_t kMostRanges = 64;
  int64_t ranges = std::clamp<int64_t>(extent * parts.inner / kTaskElements, 1,
                                       std::min(kMostRanges, extent));
  int64_t rows = (extent + ranges - 1) / ranges;
  ranges = (extent + rows - 1) / rows;
  SmallVector<unsigned> mine(which);
  l.addPhase(parts.outer * ranges, which, [=, &l](Value task) mutable {
    KernelBuilder &k = l.k;
    Value o = k.index(0), range = task;
    if (parts.outer > 1) {
      o = k.udiv(task, k.index(ranges));
      range = k.urem(task, k.index(ranges));
    }
    k.ifThen(k.icmp(IPred::eq, task, k.index(0)), [&] { kernel.checkAll(); });
    Value low = k.mul(range, k.index(rows));
    Value high = k.smin(k.add(low, k.index(rows)), k.index(extent));
    for (unsigned i : mine)
      kernel.emit(o, low, high, l.resultPointers[i]);
  });
  return true;
}

Value Evaluator::gather(graph::GatherOp op, const Index &index) {
  int64_t dim = op.getDim();
  RankedTensorType indices = op.getIndices().getType();
  int64_t count = indices.getRank();
  int64_t extent = op.getOperand().getType().getDimSize(dim);
  Index from, mine, behind;
  for (const Run &run :
       math.split(index, op.getType().getShape(), {dim, dim + count})) {
    if (run.first < dim)
      from.push_back(run);
    else if (run.first < dim + count)
      mine.push_back({run.first - dim, run.count, run.at});
    else
      behind.push_back({run.first - count + 1, run.count, run.at});
  }
  Coord at;
  if (Value given = checkedIndex.lookup(op.getResult())) {
    at = Coord::scalar(given);
  } else {
    Value taken = evaluate(op.getIndices(), mine);
    bool uniform =
        llvm::all_of(mine, [](const Run &r) { return r.at.uniform(); });
    unsigned all = active;
    if (uniform) // one lane says it all
      active = 1;
    Value checked = emitRangeCheck(*this, op.getIndices(), taken, extent,
                                   math.linearize(mine, indices.getShape()),
                                   mlrt::KernelError::kIndexOutOfRange);
    active = all;
    if (lanes() == 1)
      at.base = checked;
    else if (uniform)
      at.base = k.extract(checked, 0);
    else
      at.perLane = math.isWide() ? checked : k.trunc(checked, k.i32());
  }
  from.push_back({dim, 1, at});
  from.append(behind);
  return evaluate(op.getOperand(), from);
}

} // namespace mlc::cpu
