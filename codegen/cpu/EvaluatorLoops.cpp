//===- EvaluatorLoops.cpp - Reductions and products at their place of use -===//
//
// Each output element, or vector of them, has a loop of its own over what is
// summed. With lanes along a kept dimension these are good kernels; the rest is
// for correctness.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Evaluator.h"
#include "codegen/cpu/MathKernels.h"
#include "runtime/schema/KernelAbi.h"

#include "llvm/ADT/DenseSet.h"

#include <cstddef>

using namespace mlir;

namespace mlc::cpu {

// The index of `dims` (kept, in order, taken from single-dimension runs) and of
// the others, which share the row-major coordinate `at`.
static Index mergeDims(IndexMath &math, ArrayRef<int64_t> shape,
                       ArrayRef<int64_t> dims, ArrayRef<Coord> kept, Coord at) {
  SmallVector<Coord> all(shape.size());
  SmallVector<bool> isKept(shape.size(), false);
  for (auto [dim, coord] : llvm::zip_equal(dims, kept)) {
    all[dim] = coord;
    isKept[dim] = true;
  }
  int64_t outermost = 0;
  while (outermost < int64_t(shape.size()) && isKept[outermost])
    ++outermost;
  for (int64_t dim = int64_t(shape.size()) - 1; dim >= 0; --dim) {
    if (isKept[dim])
      continue;
    if (dim == outermost) {
      all[dim] = at;
      break;
    }
    auto [rest, mine] = math.divide(at, shape[dim]);
    all[dim] = mine;
    at = rest;
  }
  Index index;
  for (auto [dim, coord] : llvm::enumerate(all))
    index.push_back({int64_t(dim), 1, coord});
  return index;
}

static SmallVector<Coord> coords(const Index &index) {
  SmallVector<Coord> result;
  for (const Run &run : index)
    result.push_back(run.at);
  return result;
}

static SmallVector<int64_t> otherDims(int64_t rank, ArrayRef<int64_t> dims) {
  SmallVector<int64_t> result;
  for (int64_t dim = 0; dim < rank; ++dim)
    if (!llvm::is_contained(dims, dim))
      result.push_back(dim);
  return result;
}

Value Evaluator::reduce(graph::ReduceOp op, const Index &index) {
  RankedTensorType from = op.getOperand().getType();
  Type element = from.getElementType();
  SmallVector<int64_t> keptDims = otherDims(from.getRank(), op.getDims());
  SmallVector<Coord> kept =
      coords(math.splitAll(index, op.getType().getShape()));
  int64_t count = from.getNumElements() / op.getType().getNumElements();
  Type held = k.vec(heldType(k, element), lanes());
  Value neutral = emitNeutral(k, op.getKind(), held, element);

  // Four accumulators hide the latency of the addition.
  constexpr int64_t kWays = 4;
  auto term = [&](Value i, int64_t offset) {
    Coord at = Coord::scalar(i);
    at.offset = offset;
    return evaluate(op.getOperand(),
                    mergeDims(math, from.getShape(), keptDims, kept, at));
  };
  int64_t ways = count >= 2 * kWays ? kWays : 1;
  int64_t main = count - count % ways;
  SmallVector<Value> sums(ways, neutral);
  sums = k.loop(k.index(0), k.index(main), ways, sums,
                [&](Value i, ValueRange carried) {
                  Scope scope(*this);
                  SmallVector<Value> next;
                  for (int64_t way = 0; way < ways; ++way)
                    next.push_back(emitCombine(k, op.getKind(), carried[way],
                                               term(i, way), element));
                  return next;
                });
  if (main != count)
    sums[0] = k.loop(k.index(main), k.index(count), 1, sums[0],
                     [&](Value i, ValueRange carried) -> SmallVector<Value> {
                       Scope scope(*this);
                       return {emitCombine(k, op.getKind(), carried[0],
                                           term(i, 0), element)};
                     })[0];
  for (int64_t width = ways; width > 1; width /= 2)
    for (int64_t way = 0; way < width / 2; ++way)
      sums[way] = emitCombine(k, op.getKind(), sums[way], sums[way + width / 2],
                              element);
  return roundTo(k, sums[0], element);
}

Value Evaluator::argReduce(graph::ArgReduceOp op, const Index &index) {
  RankedTensorType from = op.getOperand().getType();
  Type element = from.getElementType();
  bool isFloat = isa<FloatType>(element);
  bool largest = op.getKind() == graph::ReductionKind::max;
  SmallVector<int64_t> keptDims =
      otherDims(from.getRank(), {int64_t(op.getDim())});
  SmallVector<Coord> kept =
      coords(math.splitAll(index, op.getType().getShape()));
  auto at = [&](Coord i) {
    return evaluate(op.getOperand(),
                    mergeDims(math, from.getShape(), keptDims, kept, i));
  };
  SmallVector<Value> best;
  {
    Scope scope(*this);
    best = {at(Coord::constant(0)), k.ci(k.vec(k.i32(), lanes()), 0)};
  }
  int64_t count = from.getDimSize(op.getDim());
  return k.loop(
      k.index(1), k.index(count), 1, best,
      [&](Value i, ValueRange carried) -> SmallVector<Value> {
        Scope scope(*this);
        Value x = at(Coord::scalar(i)), wins;
        if (isFloat) { // the first NaN wins over every number
          wins = k.fcmp(largest ? FPred::ogt : FPred::olt, x, carried[0]);
          Value newNan = k.andi(k.fcmp(FPred::uno, x, x),
                                k.fcmp(FPred::ord, carried[0], carried[0]));
          wins = k.ori(wins, newNan);
        } else {
          bool u = element.isUnsignedInteger();
          wins = k.icmp(largest ? (u ? IPred::ugt : IPred::sgt)
                                : (u ? IPred::ult : IPred::slt),
                        x, carried[0]);
        }
        Value here = k.splat(k.trunc(i, k.i32()), lanes());
        return {k.select(wins, x, carried[0]),
                k.select(wins, here, carried[1])};
      })[1];
}

Value Evaluator::dot(graph::DotOp op, const Index &index) {
  Type element = op.getType().getElementType();
  RankedTensorType lhs = op.getLhs().getType(), rhs = op.getRhs().getType();
  SmallVector<Coord> at = coords(math.splitAll(index, op.getType().getShape()));
  size_t batch = op.getLhsBatch().size();
  SmallVector<int64_t> lhsFree = op.getLhsFree(), rhsFree = op.getRhsFree();
  int64_t count = 1;
  for (int64_t dim : op.getLhsContract())
    count *= lhs.getDimSize(dim);

  auto operandIndex = [&](RankedTensorType type, ArrayRef<int64_t> batchDims,
                          ArrayRef<int64_t> freeDims, size_t firstFree,
                          ArrayRef<int64_t> contractDims, Coord sum) {
    SmallVector<Coord> all(type.getRank());
    for (auto [i, dim] : llvm::enumerate(batchDims))
      all[dim] = at[i];
    for (auto [i, dim] : llvm::enumerate(freeDims))
      all[dim] = at[firstFree + i];
    for (size_t i = contractDims.size(); i-- > 0;) {
      auto [rest, mine] = math.divide(sum, type.getDimSize(contractDims[i]));
      all[contractDims[i]] = i == 0 ? sum : mine;
      sum = rest;
    }
    Index result;
    for (auto [dim, coord] : llvm::enumerate(all))
      result.push_back({int64_t(dim), 1, coord});
    return result;
  };
  Type held = k.vec(heldType(k, element), lanes());
  bool isFloat = isa<FloatType>(element);
  Value sum =
      k.loop(k.index(0), k.index(count), 1, k.zero(held),
             [&](Value i, ValueRange carried) -> SmallVector<Value> {
               Scope scope(*this);
               Coord step = Coord::scalar(i);
               Value x = evaluate(
                   op.getLhs(), operandIndex(lhs, op.getLhsBatch(), lhsFree,
                                             batch, op.getLhsContract(), step));
               Value y = evaluate(op.getRhs(),
                                  operandIndex(rhs, op.getRhsBatch(), rhsFree,
                                               batch + lhsFree.size(),
                                               op.getRhsContract(), step));
               return {isFloat ? k.fma(x, y, carried[0])
                               : k.add(carried[0], k.mul(x, y))};
             })[0];
  return roundTo(k, sum, element);
}

//===----------------------------------------------------------------------===//
// Softmax and cross-entropy
//===----------------------------------------------------------------------===//

namespace {

// Logits of one row (or of a vector of rows).
struct Row {
  Evaluator &e;
  Value logits;
  Index row; ///< of the dimensions before the classes

  Value at(Coord column) {
    Index index(row);
    index.push_back({typeOf(logits).getRank() - 1, 1, column});
    return e.evaluate(logits, index);
  }
  int64_t classes() { return typeOf(logits).getShape().back(); }
  Type element() { return typeOf(logits).getElementType(); }

  Value maximum() {
    KernelBuilder &k = e.k;
    Type held = k.vec(heldType(k, element()), e.lanes());
    Value lowest = emitNeutral(k, graph::ReductionKind::max, held, element());
    return k.loop(k.index(0), k.index(classes()), 1, lowest,
                  [&](Value i, ValueRange carried) -> SmallVector<Value> {
                    Evaluator::Scope scope(e);
                    return {emitCombine(k, graph::ReductionKind::max,
                                        carried[0], at(Coord::scalar(i)),
                                        element())};
                  })[0];
  }
  Value sumOfExp(Value top) {
    KernelBuilder &k = e.k;
    return k.loop(k.index(0), k.index(classes()), 1, k.zero(top.getType()),
                  [&](Value i, ValueRange carried) -> SmallVector<Value> {
                    Evaluator::Scope scope(e);
                    Value x = k.fsub(at(Coord::scalar(i)), top);
                    return {k.fadd(carried[0], emitExp(k, x))};
                  })[0];
  }
};

} // namespace

// The one argument of the kernel that `value` is made of; -1 for none or more.
static int32_t sourceArgument(Value value) {
  int32_t found = -1;
  llvm::DenseSet<Value> seen;
  SmallVector<Value> open = {value};
  while (!open.empty()) {
    Value next = open.pop_back_val();
    if (!seen.insert(next).second)
      continue;
    if (Operation *op = next.getDefiningOp())
      llvm::append_range(open, op->getOperands());
    else if (found >= 0)
      return -1;
    else
      found = cast<BlockArgument>(next).getArgNumber();
  }
  return found;
}

Value widenIndex(KernelBuilder &k, Value integers, Type element) {
  return element.isInteger(64)         ? integers
         : element.isUnsignedInteger() ? k.zext(integers, k.i64())
                                       : k.sext(integers, k.i64());
}

Value emitRangeCheck(Evaluator &e, Value source, Value integers, int64_t limit,
                     const Coord &places, mlrt::KernelError which) {
  KernelBuilder &k = e.k;
  Value wide = widenIndex(k, integers, getElementTypeOrSelf(source.getType()));
  Value outside = k.icmp(IPred::uge, wide, k.ci(wide.getType(), limit));
  for (unsigned lane = 0; lane < std::min(e.lanes(), e.active); ++lane) {
    Value bad = k.extract(outside, lane);
    k.ifThen(bad, [&] {
      Evaluator::Scope scope(e);
      Value error = k.load(k.i32(), e.context);
      Value first = k.icmp(IPred::eq, error, k.ci(k.i32(), 0));
      k.ifThen(first, [&] {
        Value place;
        if (places.perLane) {
          place = k.extract(e.math.vector(places), lane);
          if (place.getType() != k.i64())
            place = k.sext(place, k.i64());
        } else {
          place = k.add(places.base ? places.base : k.index(0),
                        k.index(places.offset + places.stride * lane));
        }
        auto put = [&](size_t offset, Value value) {
          k.store(value, k.gep(e.context, k.index(int64_t(offset)), k.i8()));
        };
        using Context = mlrt::KernelContext;
        put(offsetof(Context, argument), k.ci(k.i32(), sourceArgument(source)));
        put(offsetof(Context, value), k.extract(wide, lane));
        put(offsetof(Context, limit), k.index(limit));
        put(offsetof(Context, row), place);
        put(offsetof(Context, error), k.ci(k.i32(), int32_t(which)));
      });
    });
  }
  return k.select(outside, k.zero(wide.getType()), wide);
}

Value Evaluator::loss(graph::SoftmaxCrossEntropyOp op, const Index &index) {
  Row row{*this, op.getLogits(), index};
  Value label = emitRangeCheck(*this, op.getLabels(),
                               evaluate(op.getLabels(), index), row.classes(),
                               math.linearize(index, op.getType().getShape()),
                               mlrt::KernelError::kLabelOutOfRange);
  Value top = row.maximum();
  Value sum = row.sumOfExp(top);
  Coord column;
  column.perLane = lanes() == 1 ? label : k.trunc(label, k.i32());
  Value chosen;
  {
    Scope scope(*this);
    chosen = row.at(column);
  }
  Value result = k.fadd(emitLog(k, sum), k.fsub(top, chosen));
  return roundTo(k, result, row.element());
}

Value Evaluator::lossGradient(graph::SoftmaxCrossEntropyGradOp op,
                              const Index &index) {
  Type labelType = op.getLabels().getType().getElementType();
  ArrayRef<int64_t> shape = op.getType().getShape();
  Index rowIndex =
      math.split(index, shape, {static_cast<int64_t>(shape.size()) - 1});
  Coord place = rowIndex.pop_back_val().at;
  Row row{*this, op.getLogits(), rowIndex};
  Value labels = evaluate(op.getLabels(), rowIndex);
  emitRangeCheck(*this, op.getLabels(), labels, row.classes(),
                 math.linearize(rowIndex, shape.drop_back()),
                 mlrt::KernelError::kLabelOutOfRange);
  Value top = row.maximum();
  Value sum = row.sumOfExp(top);
  Value share = k.fdiv(emitExp(k, k.fsub(row.at(place), top)), sum);
  Value column = math.vector(place);
  Value wide =
      emitCast(k, labels, labelType, KernelBuilder::element(column.getType()));
  Value one = k.select(k.icmp(IPred::eq, wide, column),
                       k.cf(share.getType(), 1.0), k.zero(share.getType()));
  Value scale = evaluate(op.getDloss(), rowIndex);
  return roundTo(k, k.fmul(k.fsub(share, one), scale), row.element());
}

} // namespace mlc::cpu
