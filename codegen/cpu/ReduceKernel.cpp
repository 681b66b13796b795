//===- ReduceKernel.cpp - Reductions over the innermost dimensions --------===//
//
// The lanes run along what is reduced, in four vectors that hide the latency of
// an addition; at the end the vectors and then their lanes are combined in a
// fixed tree. A reduction over other dimensions has lanes along what is kept,
// and is no business of this file.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Lowering.h"

using namespace mlir;

namespace mlc::cpu {

namespace {

struct RowReduction {
  Lowering &l;
  graph::ReduceOp op;
  SmallVector<unsigned> which;
  unsigned lanes;
  int64_t keptDims, length;

  Type element() { return op.getOperand().getType().getElementType(); }

  /// Vectors that are added apart.
  int64_t ways() {
    constexpr int64_t kWays = 4;
    return length / lanes >= kWays ? kWays : 1;
  }

  Index rowIndex(Value row) { return wholeIndex(keptDims, Coord::scalar(row)); }

  // `lanes` elements of the row, `offset` behind `column`; lanes that are not
  // active have the neutral value.
  Value term(Value row, Value column, int64_t offset, unsigned active) {
    KernelBuilder &k = l.k;
    Evaluator e = l.evaluator(lanes);
    e.active = active;
    Index index = rowIndex(row);
    Coord at = Coord::lane(column, ways() * lanes);
    at.offset = offset;
    int64_t rank = op.getOperand().getType().getRank();
    index.push_back({keptDims, rank - keptDims, at});
    Value value = e.evaluate(op.getOperand(), index);
    if (active >= lanes)
      return value;
    Value neutral = emitNeutral(k, op.getKind(), value.getType(), element());
    return k.select(k.prefixMask(lanes, active), value, neutral);
  }

  Value reduce(Value row) {
    KernelBuilder &k = l.k;
    Type type = k.vec(heldType(k, element()), lanes);
    auto combine = [&](Value x, Value y) {
      return emitCombine(k, op.getKind(), x, y, element());
    };
    int64_t vectors = length / lanes, tail = length % lanes;
    const int64_t ways = this->ways();
    int64_t main = vectors - vectors % ways;
    SmallVector<Value> sums(ways,
                            emitNeutral(k, op.getKind(), type, element()));
    sums = k.loop(k.index(0), k.index(main * lanes), ways * lanes, sums,
                  [&](Value column, ValueRange carried) {
                    SmallVector<Value> next;
                    for (int64_t way = 0; way < ways; ++way)
                      next.push_back(combine(
                          carried[way], term(row, column, way * lanes, lanes)));
                    return next;
                  });
    Value behind = k.index(main * lanes); // fewer than `ways` vectors
    for (int64_t v = 0; v < vectors - main; ++v)
      sums[v] = combine(sums[v], term(row, behind, v * lanes, lanes));
    if (tail > 0)
      sums[0] =
          combine(sums[0], term(row, behind, (vectors - main) * lanes, tail));
    for (int64_t width = ways; width > 1; width /= 2)
      for (int64_t way = 0; way < width / 2; ++way)
        sums[way] = combine(sums[way], sums[way + width / 2]);
    return roundTo(k, emitCombineLanes(k, op.getKind(), sums[0], element()),
                   element());
  }

  void emitRow(Value row) {
    Evaluator e = l.evaluator(1);
    e.known[op.getResult()] = reduce(row);
    ArrayRef<int64_t> shape = op.getType().getShape();
    for (unsigned i : which) {
      auto type = cast<RankedTensorType>(l.results[i].getType());
      Index index = reshapedIndex(e, rowIndex(row), shape, type.getShape());
      e.store(e.evaluate(l.results[i], index), l.resultPointers[i], type,
              index);
    }
  }
};

} // namespace

bool lowerReduce(Lowering &l, graph::ReduceOp op, ArrayRef<unsigned> which) {
  RankedTensorType from = op.getOperand().getType();
  int64_t kept = from.getRank() - int64_t(op.getDims().size());
  for (auto [i, dim] : llvm::enumerate(op.getDims()))
    if (dim != kept + int64_t(i))
      return false;
  int64_t rows = op.getType().getNumElements();
  int64_t length = from.getNumElements() / rows;
  // Rows shorter than a vector: lanes along the rows waste less.
  if (length < l.k.target.lanes || from.getElementType().isInteger(1))
    return false;
  RowReduction reduction{l,
                         op,
                         SmallVector<unsigned>(which.begin(), which.end()),
                         l.k.target.lanes,
                         kept,
                         length};
  int64_t rowsPerTask = std::clamp<int64_t>(kTaskElements / length, 1, rows);
  int64_t tasks = (rows + rowsPerTask - 1) / rowsPerTask;
  l.addPhase(tasks, which, [=, &l](Value task) mutable {
    KernelBuilder &k = l.k;
    Value begin = k.mul(task, k.index(rowsPerTask));
    Value end = k.smin(k.add(begin, k.index(rowsPerTask)), k.index(rows));
    k.loop(begin, end, 1, [&](Value row) { reduction.emitRow(row); });
  });
  return true;
}

} // namespace mlc::cpu
