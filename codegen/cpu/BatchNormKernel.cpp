//===- BatchNormKernel.cpp - Batch norm and its gradient ------------------===//
//
// A task has one channel of one micro-batch, [rows, inner] of [rows, channels,
// inner]: a few hundred KB, so that of its passes only the first reads from
// memory and the others from the cache. The lanes run along the inner
// dimensions or, where there are none, along the channels.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/BatchNorm.h"

#include <memory>
#include <numeric>

using namespace mlir;

namespace mlc::cpu {

namespace {

class NormEmitter {
public:
  NormEmitter(Lowering &lowering, RankedTensorType inputType, int64_t blocks,
              double epsilon)
      : l(lowering), k(lowering.k), type(inputType),
        blockRows(type.getDimSize(0) / blocks), channels(type.getDimSize(1)),
        inner(type.getNumElements() / (type.getDimSize(0) * channels)),
        blocks(blocks), eps(epsilon), alongChannels(inner == 1) {}

  /// Adds the phases; `emit` has the channels at `channel` of the block
  /// `block`.
  void addPhases(ArrayRef<unsigned> which, std::function<void()> emit) {
    int64_t vector = l.k.target.lanes;
    int64_t units = alongChannels ? channels / vector : channels;
    auto add = [&](int64_t count, int64_t first, int64_t step,
                   unsigned activeLanes) {
      l.addPhase(blocks * count, which, [=, this](Value task) {
        block = k.udiv(task, k.index(count));
        Value unit = k.urem(task, k.index(count));
        Value at = k.add(k.mul(unit, k.index(step)), k.index(first));
        active = activeLanes;
        channel = alongChannels ? Coord::lane(at, std::gcd(first, step))
                                : Coord::scalar(at);
        emit();
      });
    };
    if (units > 0)
      add(units, 0, alongChannels ? vector : 1, ~0u);
    if (int64_t tail = channels % vector; alongChannels && tail != 0)
      add(1, channels - tail, vector, static_cast<unsigned>(tail));
  }

  unsigned lanes() const { return l.k.target.lanes; }
  Index statisticIndex() {
    return {{0, 1, Coord::scalar(block)}, {1, 1, channel}};
  }
  Index channelIndex() { return {{0, 1, channel}}; }

  Evaluator evaluator() {
    Evaluator e = l.evaluator(lanes());
    e.active = alongChannels ? active : ~0u;
    return e;
  }

  /// Is the mask of a row not 0.
  Value isReal(Value mask, Value row) {
    Evaluator e = l.evaluator(1);
    Value flag = e.evaluate(mask, {{0, 1, Coord::scalar(row)}});
    return k.fcmp(FPred::une, flag, k.zero(flag.getType()));
  }

  Value firstRow() { return k.mul(block, k.index(blockRows)); }
  Value endRow() { return k.add(firstRow(), k.index(blockRows)); }

  /// Calls `body` for all vectors of a row, with the values that they carry.
  using VectorBody =
      function_ref<SmallVector<Value>(Evaluator &, const Index &, ValueRange)>;
  SmallVector<Value> forVectors(Value row, ValueRange carried,
                                VectorBody body) {
    Index index{{0, 1, Coord::scalar(row)}, {1, 1, channel}};
    if (alongChannels) {
      if (type.getRank() > 2)
        index.push_back({2, type.getRank() - 2, Coord::constant(0)});
      Evaluator e = evaluator();
      return body(e, index, carried);
    }
    auto at = [&](Value column, unsigned activeLanes, ValueRange values) {
      Evaluator e = l.evaluator(lanes());
      e.active = activeLanes;
      Index own = index;
      own.push_back({2, type.getRank() - 2, Coord::lane(column, lanes())});
      return body(e, own, values);
    };
    int64_t tail = inner % lanes(), full = inner - tail;
    SmallVector<Value> next(carried.begin(), carried.end());
    if (full > 0)
      next = k.loop(k.index(0), k.index(full), lanes(), next,
                    [&](Value column, ValueRange values) {
                      return at(column, ~0u, values);
                    });
    if (tail > 0)
      next = at(k.index(full), static_cast<unsigned>(tail), next);
    return next;
  }

  /// Sums over the rows of the block; `mask` null: all of them count. `terms`
  /// gives a vector for each of `count` sums.
  using Terms = function_ref<SmallVector<Value>(Evaluator &, const Index &)>;
  SmallVector<Value> sum(unsigned count, Type held, Value mask, Terms terms) {
    Value zero = k.zero(held);
    SmallVector<Value> zeros(count, zero);
    SmallVector<Value> sums = k.loop(
        firstRow(), endRow(), 1, zeros, [&](Value row, ValueRange carried) {
          SmallVector<Value> own = forVectors(
              row, zeros,
              [&](Evaluator &e, const Index &index, ValueRange values) {
                SmallVector<Value> next;
                for (auto [value, term] :
                     llvm::zip_equal(values, terms(e, index))) {
                  Value counted = term;
                  if (!alongChannels && e.active < lanes())
                    counted =
                        k.select(k.prefixMask(lanes(), e.active), term, zero);
                  next.push_back(k.fadd(value, counted));
                }
                return next;
              });
          SmallVector<Value> next;
          Value real = mask ? isReal(mask, row) : Value();
          for (auto [value, added] : llvm::zip_equal(carried, own))
            next.push_back(
                k.fadd(value, real ? k.select(real, added, zero) : added));
          return next;
        });
    if (!alongChannels)
      for (Value &value : sums)
        value = k.splat(emitCombineLanes(k, graph::ReductionKind::sum, value,
                                         KernelBuilder::element(held)),
                        lanes());
    return sums;
  }

  /// How many elements of a channel count, as a vector.
  Value countReal(Value mask, Type held) {
    Type scalar = KernelBuilder::element(held);
    Value one = k.cf(scalar, static_cast<double>(inner));
    Value count =
        k.loop(firstRow(), endRow(), 1, {k.zero(scalar)},
               [&](Value row, ValueRange carried) -> SmallVector<Value> {
                 Value added = k.select(isReal(mask, row), one, k.zero(scalar));
                 return {k.fadd(carried[0], added)};
               })[0];
    return k.splat(count, lanes());
  }

  Value atLeastOne(Value count) {
    Value one = k.cf(count.getType(), 1.0);
    return k.select(k.fcmp(FPred::ogt, count, one), count, one);
  }

  Value inverseDeviation(Value variance) {
    Value shifted = k.fadd(variance, k.cf(variance.getType(), eps));
    return k.fdiv(k.cf(variance.getType(), 1.0), k.fsqrt(shifted));
  }

  /// Stores one value of the task: a vector of channels, or lane 0.
  void storeStatistic(Value value, unsigned result) {
    RankedTensorType to = typeOf(l.results[result]);
    bool ofBlock = to.getRank() == 1;
    Evaluator e = alongChannels && !ofBlock ? evaluator() : l.evaluator(1);
    Value held = e.lanes() == 1 ? k.extract(value, 0) : value;
    Index index = statisticIndex();
    if (ofBlock)
      index = {{0, 1, Coord::scalar(block)}};
    e.store(held, l.resultPointers[result], to, index);
  }

  Lowering &l;
  KernelBuilder &k;
  RankedTensorType type;
  int64_t blockRows, channels, inner, blocks;
  double eps;
  bool alongChannels;
  // Of the task.
  Value block;
  Coord channel;
  unsigned active = ~0u;
};

} // namespace

bool lowerBatchNorm(Lowering &l, graph::BatchNormOp op,
                    ArrayRef<unsigned> which) {
  auto blocks = static_cast<int64_t>(op.getMicrobatches());
  auto emitter = std::make_shared<NormEmitter>(l, typeOf(op.getInput()), blocks,
                                               op.getEps().convertToDouble());
  SmallVector<unsigned> own(which.begin(), which.end());
  emitter->addPhases(which, [=, &l]() mutable {
    NormEmitter &n = *emitter;
    KernelBuilder &k = l.k;
    Type element = typeOf(op.getInput()).getElementType();
    Type held = k.vec(heldType(k, element), n.lanes());
    Value count = n.countReal(op.getMask(), held);
    Value divisor = n.atLeastOne(count);
    Value mean =
        n.sum(1, held, op.getMask(),
              [&](Evaluator &e, const Index &at) -> SmallVector<Value> {
                return {e.evaluate(op.getInput(), at)};
              })[0];
    mean = k.fdiv(mean, divisor);
    Value variance =
        n.sum(1, held, op.getMask(),
              [&](Evaluator &e, const Index &at) -> SmallVector<Value> {
                Value x = k.fsub(e.evaluate(op.getInput(), at), mean);
                return {k.fmul(x, x, Rounding::Contract)};
              })[0];
    variance = k.fdiv(variance, divisor);
    Evaluator e = n.evaluator();
    Value factor = k.fmul(n.inverseDeviation(variance),
                          e.evaluate(op.getScale(), n.channelIndex()));
    Value shift = e.evaluate(op.getShift(), n.channelIndex());
    const Value statistics[] = {mean, variance, count};
    SmallVector<unsigned> following;
    for (unsigned i : own) {
      auto result = dyn_cast<OpResult>(l.results[i]);
      unsigned number = result && result.getOwner() == op.getOperation()
                            ? result.getResultNumber()
                            : 0;
      if (number > 0)
        n.storeStatistic(statistics[number - 1], i);
      else
        following.push_back(i);
    }
    if (following.empty())
      return;
    ArrayRef<int64_t> shape = n.type.getShape();
    k.loop(n.firstRow(), n.endRow(), 1, [&](Value row) {
      n.forVectors(row, {},
                   [&](Evaluator &at, const Index &index,
                       ValueRange) -> SmallVector<Value> {
                     Value x = k.fsub(at.evaluate(op.getInput(), index), mean);
                     at.known[op.getResult()] =
                         roundTo(k, k.fma(x, factor, shift), element);
                     at.known[op.getMean()] = mean;
                     at.known[op.getVariance()] = variance;
                     SmallVector<std::pair<Value, Index>> values;
                     for (unsigned i : following) {
                       Index own = reshapedIndex(
                           at, index, shape, typeOf(l.results[i]).getShape());
                       values.push_back({at.evaluate(l.results[i], own), own});
                     }
                     for (auto [i, value] : llvm::zip_equal(following, values))
                       at.store(value.first, l.resultPointers[i],
                                typeOf(l.results[i]), value.second);
                     return {};
                   });
    });
  });
  return true;
}

bool lowerBatchNormGrad(Lowering &l, graph::BatchNormGradOp op,
                        ArrayRef<unsigned> which) {
  auto blocks = static_cast<int64_t>(op.getMicrobatches());
  auto emitter = std::make_shared<NormEmitter>(l, typeOf(op.getInput()), blocks,
                                               op.getEps().convertToDouble());
  SmallVector<unsigned> own(which.begin(), which.end());
  emitter->addPhases(which, [=, &l]() mutable {
    NormEmitter &n = *emitter;
    KernelBuilder &k = l.k;
    Type element = typeOf(op.getInput()).getElementType();
    Type held = k.vec(heldType(k, element), n.lanes());
    Evaluator e = n.evaluator();
    Value mean = e.evaluate(op.getMean(), n.statisticIndex());
    Value inverse =
        n.inverseDeviation(e.evaluate(op.getVariance(), n.statisticIndex()));
    Value count = e.evaluate(op.getCount(), {{0, 1, Coord::scalar(n.block)}});
    Value share = k.fdiv(k.cf(held, 1.0), n.atLeastOne(count));
    auto normal = [&](Evaluator &at, const Index &index) {
      Value x = k.fsub(at.evaluate(op.getInput(), index), mean);
      return k.fmul(x, inverse);
    };
    SmallVector<Value> sums =
        n.sum(2, held, Value(),
              [&](Evaluator &at, const Index &index) -> SmallVector<Value> {
                Value dy = at.evaluate(op.getDresult(), index);
                return {k.fmul(dy, normal(at, index), Rounding::Contract), dy};
              });
    Value dscale = sums[0], dshift = sums[1];
    bool wantsInput = false;
    for (unsigned i : own) {
      auto number = cast<OpResult>(l.results[i]).getResultNumber();
      if (number > 0)
        n.storeStatistic(number == 1 ? dscale : dshift, i);
      else
        wantsInput = true;
    }
    if (!wantsInput)
      return;
    Value factor = k.fmul(inverse, e.evaluate(op.getScale(), n.channelIndex()));
    Value along = k.fmul(dscale, share), common = k.fmul(dshift, share);
    k.loop(n.firstRow(), n.endRow(), 1, [&](Value row) {
      Value real = n.isReal(op.getMask(), row);
      n.forVectors(row, {},
                   [&](Evaluator &at, const Index &index,
                       ValueRange) -> SmallVector<Value> {
                     Value off = k.fma(normal(at, index), along, common);
                     off = k.select(real, off, k.zero(held));
                     Value dy = at.evaluate(op.getDresult(), index);
                     Value dx =
                         roundTo(k, k.fmul(factor, k.fsub(dy, off)), element);
                     for (unsigned i : own)
                       if (l.results[i] == op.getDinput())
                         at.store(dx, l.resultPointers[i], n.type, index);
                     return {};
                   });
    });
  });
  return true;
}

} // namespace mlc::cpu
