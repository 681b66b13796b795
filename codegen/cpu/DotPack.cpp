//===- DotPack.cpp - Operands of a product into scratch memory ------------===//
//
// Packed lhs: [row][depth], of which a tile reads single elements.
// Packed rhs: [depth][columns of the panel], of which it reads vectors.
//
// An operand that can be read as vectors only the other way is transposed in
// squares of vectors. Operands are evaluated here with everything fused into
// them, once a unit.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Dot.h"

using namespace mlir;

namespace mlc::cpu {

namespace {

// Gives `dims` of a tensor the one row-major coordinate `at`.
void assign(IndexMath &math, Index &index, RankedTensorType type,
            ArrayRef<int64_t> dims, Coord at) {
  bool neighbours = !dims.empty();
  for (size_t i = 1; i < dims.size(); ++i)
    neighbours &= dims[i] == dims[i - 1] + 1;
  if (neighbours) {
    index.push_back({dims[0], int64_t(dims.size()), at});
    return;
  }
  for (size_t i = dims.size(); i-- > 0;) {
    auto [rest, mine] = math.divide(at, type.getDimSize(dims[i]));
    index.push_back({dims[i], 1, i == 0 ? at : mine});
    at = rest;
  }
}

// A square of vectors with rows and columns exchanged, block by block: halves,
// then quarters, ...
void transpose(KernelBuilder &k, MutableArrayRef<Value> rows) {
  int32_t count = rows.size();
  for (int32_t size = count / 2; size > 0; size /= 2) {
    SmallVector<int32_t> upper, lower;
    for (int32_t lane = 0; lane < count; ++lane) {
      bool right = lane & size;
      upper.push_back(right ? count + lane - size : lane);
      lower.push_back(right ? count + lane : lane + size);
    }
    for (int32_t i = 0; i < count; ++i) {
      if (i & size)
        continue;
      Value x = rows[i], y = rows[i + size];
      rows[i] = k.shuffle(x, y, upper);
      rows[i + size] = k.shuffle(x, y, lower);
    }
  }
}

} // namespace

Index Dot::operand(IndexMath &math, bool isLhs, Value batch, const Coord &free,
                   const Coord &sum) {
  auto type =
      cast<RankedTensorType>((isLhs ? op.getLhs() : op.getRhs()).getType());
  Index index;
  assign(math, index, type, isLhs ? op.getLhsBatch() : op.getRhsBatch(),
         Coord::scalar(batch));
  assign(math, index, type, isLhs ? op.getLhsFree() : op.getRhsFree(), free);
  assign(math, index, type, isLhs ? op.getLhsContract() : op.getRhsContract(),
         sum);
  llvm::sort(index,
             [](const Run &x, const Run &y) { return x.first < y.first; });
  return index;
}

int64_t Dot::loadCost(bool isLhs, bool alongDepth) {
  return l.measure(
      [&](Evaluator &e) {
        Value start = l.k.load(l.k.i64(), l.context); // opaque
        Coord lane = Coord::lane(start, plan.lanes);
        Coord fixed = Coord::scalar(start);
        e.evaluate(isLhs ? op.getLhs() : op.getRhs(),
                   operand(e.math, isLhs, start, alongDepth ? fixed : lane,
                           alongDepth ? lane : fixed));
      },
      plan.lanes);
}

// Calls `emit` for vectors that begin in [begin, end), which is a multiple of
// the lanes long or ends with `all`.
static void forVectors(KernelBuilder &k, Value begin, Value end, int64_t all,
                       unsigned lanes,
                       function_ref<void(Value, unsigned active)> emit) {
  int64_t tail = all % lanes, full = all - tail;
  k.loop(begin, k.smin(end, k.index(full)), lanes,
         [&](Value at) { emit(at, lanes); });
  if (tail)
    k.ifThen(k.icmp(IPred::eq, end, k.index(all)),
             [&] { emit(k.index(full), tail); });
}

Value Dot::evaluate(Evaluator &e, bool isLhs, Value batch, const Coord &free,
                    const Coord &sum) {
  return e.evaluate(isLhs ? op.getLhs() : op.getRhs(),
                    operand(e.math, isLhs, batch, free, sum));
}

void Dot::packSquare(const Square &from, Value to, Value at, int64_t stride) {
  KernelBuilder &k = l.k;
  unsigned lanes = from.isLhs ? from.freeCount : from.sumCount;
  unsigned count = from.isLhs ? from.sumCount : from.freeCount;
  Evaluator e = l.evaluator(plan.lanes);
  e.active = lanes;
  SmallVector<Value> square(plan.lanes, k.zero(vector()));
  for (unsigned i = 0; i < count; ++i) {
    Coord lane = Coord::lane(from.isLhs ? from.free : from.sum, plan.lanes);
    Coord fixed = Coord::scalar(from.isLhs ? from.sum : from.free);
    fixed.offset = i;
    square[i] = evaluate(e, from.isLhs, from.batch, from.isLhs ? lane : fixed,
                         from.isLhs ? fixed : lane);
  }
  transpose(k, square);
  for (unsigned i = 0; i < lanes; ++i)
    k.store(square[i], k.gep(to, k.add(at, k.index(i * stride)), held()));
}

void Dot::packLhs(const Unit &unit, const Depth &depth) {
  KernelBuilder &k = l.k;
  int64_t stride = plan.lhsStride();
  auto place = [&](Value row, Value step) {
    Value i = k.mul(k.sub(row, unit.rowBegin), k.index(stride));
    return k.add(i, k.sub(step, depth.begin));
  };
  if (!plan.lhsAlongDepth) {
    forVectors(k, depth.begin, depth.end, plan.depth, plan.lanes,
               [&](Value step, unsigned steps) {
                 forVectors(k, unit.rowBegin, unit.rowEnd, plan.rows,
                            plan.lanes, [&](Value row, unsigned rows) {
                              packSquare(
                                  {true, unit.batch, row, step, rows, steps},
                                  packedLhs, place(row, step), stride);
                            });
               });
    return;
  }
  k.loop(unit.rowBegin, unit.rowEnd, 1, [&](Value row) {
    forVectors(k, depth.begin, depth.end, plan.depth, plan.lanes,
               [&](Value step, unsigned active) {
                 Evaluator e = l.evaluator(plan.lanes);
                 e.active = active;
                 Value value = evaluate(e, true, unit.batch, Coord::scalar(row),
                                        Coord::lane(step, plan.lanes));
                 k.store(value, k.gep(packedLhs, place(row, step), held()));
               });
  });
}

void Dot::packRhs(const DotTile &panel, const Depth &depth) {
  KernelBuilder &k = l.k;
  int64_t width = panel.vectors * plan.lanes;
  auto place = [&](Value step, Value column) {
    return k.add(k.mul(k.sub(step, depth.begin), k.index(width)), column);
  };
  if (plan.rhsAlongDepth) {
    auto emitColumns = [&](Value offset, unsigned columns) {
      forVectors(k, depth.begin, depth.end, plan.depth, plan.lanes,
                 [&](Value step, unsigned steps) {
                   packSquare({false, panel.batch, k.add(panel.n, offset), step,
                               columns, steps},
                              packedRhs, place(step, offset), width);
                 });
    };
    int64_t whole = panel.active == plan.lanes ? width : width - plan.lanes;
    k.loop(k.index(0), k.index(whole), plan.lanes,
           [&](Value offset) { emitColumns(offset, plan.lanes); });
    if (whole != width)
      emitColumns(k.index(whole), panel.active);
    return;
  }
  k.loop(depth.begin, depth.end, 1, [&](Value step) {
    Evaluator e = l.evaluator(plan.lanes);
    for (int64_t v = 0; v < panel.vectors; ++v) {
      Evaluator::Scope scope(e);
      e.active = v == panel.vectors - 1 ? panel.active : plan.lanes;
      Coord column = Coord::lane(panel.n, plan.lanes);
      column.offset = v * plan.lanes;
      Value value =
          evaluate(e, false, panel.batch, column, Coord::scalar(step));
      Value at = place(step, k.index(v * plan.lanes));
      k.store(value, k.gep(packedRhs, at, held()));
    }
  });
}

} // namespace mlc::cpu
