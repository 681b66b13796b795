//===- AttentionKernel.cpp - Attention with a running softmax -------------===//
//
// A unit is some queries of one head, which go through the keys block by block.
// What is known of a query so far (its largest score, the sum of the
// exponentials below it, the weighted sum of values) is corrected when a larger
// score comes up, after Milakov and Gimelshein, "Online normalizer calculation
// for softmax", 2018, and Dao, "FlashAttention-2", 2023. The scores of a tile
// are the only ones in memory. The order of a sum is that of the keys.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Attention.h"
#include "codegen/cpu/MathKernels.h"

#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;

namespace mlc::cpu {

namespace {

// Queries of a unit: they share the copies of a block of keys.
constexpr int64_t kUnitRows = 128;

struct Forward {
  graph::AttentionOp op;
  int64_t unitRows, chunks;
  AttentionBuffer rows, natural, columns, values, scores, sums, tops, totals,
      factors, bias;

  Forward(AttentionBlocks &b, graph::AttentionOp attention) : op(attention) {
    int64_t padded = llvm::alignTo(b.queries, b.tileRows);
    chunks = llvm::divideCeil(padded, kUnitRows);
    unitRows = llvm::alignTo(llvm::divideCeil(padded, chunks), b.tileRows);
    chunks = llvm::divideCeil(padded, unitRows);
    rows = b.take(unitRows, b.depth);
    natural = b.take(b.blockKeys, b.depth);
    columns = b.take(b.depth, b.blockKeys);
    values = b.take(b.blockKeys, b.width);
    scores = b.take(b.tileRows, b.blockKeys);
    sums = b.take(unitRows, b.width);
    tops = b.take(1, unitRows);
    totals = b.take(unitRows, b.lanes);
    factors = b.take(1, b.tileRows);
    if (b.mask)
      bias = b.take(typeOf(b.mask).getDimSize(2) > 1 ? b.tileRows : 1,
                    b.blockKeys);
  }

  void emitUnit(AttentionBlocks &b, Value unit);
  void emitTile(AttentionBlocks &b, const AttentionBlocks::Head &head,
                Value first, Value row, Value begin);
  void finish(AttentionBlocks &b, const AttentionBlocks::Head &head,
              Value first);
};

Value larger(KernelBuilder &k, Value x, Value y) {
  return k.select(k.fcmp(FPred::ogt, x, y), x, y);
}

void Forward::emitTile(AttentionBlocks &b, const AttentionBlocks::Head &head,
                       Value first, Value row, Value begin) {
  KernelBuilder &k = b.k;
  Value none = k.index(0);
  AttentionBlocks::Range range = b.rangeOf(k.add(first, row), begin);
  b.products(scores, none, {b.at(rows, row), rows.stride, 1}, columns, b.depth,
             range.count);
  b.loadMask(bias, head, range);

  // The largest score of each row.
  Type rowType = typeOf(op.getLogsumexp()).getElementType();
  double lowest = b.held.isF64() ? std::numeric_limits<double>::lowest()
                                 : std::numeric_limits<float>::lowest();
  SmallVector<Value> largest(b.tileRows, k.cf(b.vector(), lowest));
  largest = b.forVectors(
      range, bias, largest,
      [&](Value column, ValueRange carried, AttentionBlocks::Score score) {
        SmallVector<Value> next;
        for (int64_t r = 0; r < b.tileRows; ++r) {
          Value place = b.at(scores, k.index(r), column);
          Value x = score(r, k.load(b.vector(), place));
          if (b.changesScores())
            k.store(x, place);
          next.push_back(larger(k, x, carried[r]));
        }
        return next;
      });
  Type few = k.vec(b.held, b.tileRows);
  Value place = b.at(tops, none, row);
  Value before = k.load(few, place), now = before;
  for (int64_t r = 0; r < b.tileRows; ++r)
    now = k.insert(
        emitCombineLanes(k, graph::ReductionKind::max, largest[r], rowType),
        now, r);
  now = larger(k, now, before);
  k.store(now, place);
  Value factor = emitExp(k, k.fsub(before, now));
  k.store(factor, b.at(factors, none));

  // Their exponentials, and the sums of those.
  SmallVector<Value> total, top;
  for (int64_t r = 0; r < b.tileRows; ++r) {
    Value sum = k.load(b.vector(), b.at(totals, k.add(row, k.index(r))));
    total.push_back(k.fmul(sum, k.splat(k.extract(factor, r), b.lanes)));
    top.push_back(k.splat(k.extract(now, r), b.lanes));
  }
  total = k.loop(
      none, range.count, b.lanes, total, [&](Value column, ValueRange carried) {
        SmallVector<Value> next;
        for (int64_t r = 0; r < b.tileRows; ++r) {
          Value at = b.at(scores, k.index(r), column);
          Value power = emitExp(k, k.fsub(k.load(b.vector(), at), top[r]));
          k.store(power, at);
          next.push_back(k.fadd(carried[r], power));
        }
        return next;
      });
  for (int64_t r = 0; r < b.tileRows; ++r)
    k.store(total[r], b.at(totals, k.add(row, k.index(r))));

  b.accumulate(sums, row, {b.at(scores, none), scores.stride, 1}, values, none,
               range.end, b.at(factors, none));
}

void Forward::finish(AttentionBlocks &b, const AttentionBlocks::Head &head,
                     Value first) {
  KernelBuilder &k = b.k;
  Type rowType = typeOf(op.getLogsumexp()).getElementType();
  Value count = k.smin(k.index(unitRows), k.sub(k.index(b.queries), first));
  k.loop(k.index(0), count, 1, [&](Value row) {
    Value total =
        emitCombineLanes(k, graph::ReductionKind::sum,
                         k.load(b.vector(), b.at(totals, row)), rowType);
    Value empty = k.fcmp(FPred::oeq, total, k.zero(b.held));
    Value divisor = k.splat(k.select(empty, k.cf(b.held, 1.0), total), b.lanes);
    Value index = k.add(first, row);
    b.storeRow(op.getOutput(), head, index, [&](int64_t v) {
      return k.fdiv(k.load(b.vector(), b.at(sums, row, v * b.lanes)), divisor);
    });
    Value top = k.load(b.held, b.at(tops, k.index(0), row));
    Value statistic = k.fadd(top, emitLog(k, total));
    Value infinity = k.cf(b.held, std::numeric_limits<double>::infinity());
    b.storeRow(op.getLogsumexp(), head, index,
               [&](int64_t) { return k.select(empty, infinity, statistic); });
  });
}

void Forward::emitUnit(AttentionBlocks &b, Value unit) {
  KernelBuilder &k = b.k;
  Value first = k.mul(k.urem(unit, k.index(chunks)), k.index(unitRows));
  unit = k.udiv(unit, k.index(chunks));
  AttentionBlocks::Head head{k.udiv(unit, k.index(b.heads)),
                             k.urem(unit, k.index(b.heads))};
  AttentionBlocks::Head keyHead{head.batch,
                                k.udiv(head.head, k.index(b.group()))};
  b.load(rows, b.query, head, first, b.scale);
  b.clear(sums);
  b.clear(totals);
  double lowest = b.held.isF64() ? std::numeric_limits<double>::lowest()
                                 : std::numeric_limits<float>::lowest();
  k.loop(k.index(0), k.index(tops.stride), b.lanes, [&](Value row) {
    k.store(k.cf(b.vector(), lowest), b.at(tops, k.index(0), row));
  });
  Value rowEnd = k.smin(k.index(unitRows), k.sub(k.index(b.queries), first));
  Value end = k.index(b.keys);
  if (b.causal) // the last query sees the most
    end = k.smin(end, k.add(first, rowEnd));
  k.loop(k.index(0), end, b.blockKeys, [&](Value begin) {
    b.load(natural, b.key, keyHead, begin);
    b.transpose(natural, columns);
    b.load(values, b.value, keyHead, begin);
    Value row = k.index(0);
    if (b.causal) { // tiles above the block see none of it
      row = k.sub(begin, first);
      row = k.select(k.icmp(IPred::slt, row, k.index(0)), k.index(0), row);
      row = k.andi(row, k.index(-b.tileRows));
    }
    k.loop(row, rowEnd, b.tileRows,
           [&](Value tile) { emitTile(b, head, first, tile, begin); });
  });
  finish(b, head, first);
}

} // namespace

bool lowerAttention(Lowering &l, graph::AttentionOp op,
                    ArrayRef<unsigned> which) {
  AttentionBlocks b(l, op.getQuery(), op.getKey(), op.getValue(), op.getMask(),
                    op.getCausal(), op.getScale().convertToDouble());
  Forward forward(b, op);
  b.addPhase(b.batches * b.heads * forward.chunks, which,
             [forward](AttentionBlocks &blocks, Value unit) mutable {
               forward.emitUnit(blocks, unit);
             });
  return true;
}

} // namespace mlc::cpu
