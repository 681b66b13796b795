//===- AttentionGradKernel.cpp - The gradient of attention ----------------===//
//
// A unit is one head of keys with all heads of queries that share it, so that
// every sum has one order and no two tasks add to one place. For a block of
// keys and a block of queries the weights are computed again from the
// logsumexp; the two gradients of the keys wait for all queries, those of the
// queries for all keys. After Dao, "FlashAttention-2", 2023, algorithm 2.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Attention.h"
#include "codegen/cpu/MathKernels.h"

#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;

namespace mlc::cpu {

namespace {

// Queries of a block: the weights of a block, and their gradients, stay near.
constexpr int64_t kBlockRows = 64;

// Fewer heads than this are cut into blocks.
constexpr int64_t kFewUnits = 8;

/// What a unit of work computes.
enum class Part { Head, KeyBlock, QueryBlock };

struct Backward {
  graph::AttentionGradOp op;
  Part part;
  int64_t blockRows, rowBlocks, keyBlocks;
  AttentionBuffer rows, cotangents; ///< of a block of queries
  AttentionBuffer keys, keyColumns, values, valueColumns, dkeys, dvalues;
  AttentionBuffer weights, dscores; ///< [query][key] of a pair of blocks
  AttentionBuffer statistics, deltas, bias;
  AttentionBuffer dqueries; ///< of a block, or of all heads of the unit

  Backward(AttentionBlocks &b, graph::AttentionGradOp gradient, Part of)
      : op(gradient), part(of) {
    int64_t padded = llvm::alignTo(b.queries, b.tileRows);
    blockRows = std::min(kBlockRows, padded);
    rowBlocks = llvm::divideCeil(padded, blockRows);
    keyBlocks = llvm::divideCeil(b.keys, b.blockKeys);
    rows = b.take(blockRows, b.depth);
    cotangents = b.take(blockRows, b.width);
    keys = b.take(b.blockKeys, b.depth);
    keyColumns = b.take(b.depth, b.blockKeys);
    values = b.take(b.blockKeys, b.width);
    valueColumns = b.take(b.width, b.blockKeys);
    weights = b.take(blockRows, b.blockKeys);
    dscores = b.take(blockRows, b.blockKeys);
    statistics = b.take(1, blockRows);
    deltas = b.take(1, blockRows);
    if (b.mask)
      bias = b.take(typeOf(b.mask).getDimSize(2) > 1 ? b.tileRows : 1,
                    b.blockKeys);
    if (part != Part::QueryBlock) {
      dkeys = b.take(b.blockKeys, b.depth);
      dvalues = b.take(b.blockKeys, b.width);
    }
    if (part == Part::Head)
      dqueries = b.take(b.group() * rowBlocks * blockRows, b.depth);
    else if (part == Part::QueryBlock)
      dqueries = b.take(blockRows, b.depth);
  }

  int64_t units(const AttentionBlocks &b) const {
    switch (part) {
    case Part::Head:
      return b.batches * b.keyHeads;
    case Part::KeyBlock:
      return b.batches * b.keyHeads * keyBlocks;
    case Part::QueryBlock:
      return b.batches * b.heads * rowBlocks;
    }
    llvm_unreachable("covered above");
  }

  using Head = AttentionBlocks::Head;
  void emitUnit(AttentionBlocks &b, Value unit);
  void emitQueryBlock(AttentionBlocks &b, const Head &head, Value first);
  void emitKeyBlock(AttentionBlocks &b, const Head &keyHead, Value begin);
  void loadKeys(AttentionBlocks &b, const Head &keyHead, Value begin);
  void loadRows(AttentionBlocks &b, const Head &head, Value first);
  void emitTiles(AttentionBlocks &b, const Head &head, Value first, Value begin,
                 Value place);
  void emitTile(AttentionBlocks &b, const Head &head, Value first, Value row,
                Value begin, Value place);
  void addToKeys(AttentionBlocks &b, Value first, Value begin);
  void store(AttentionBlocks &b, Value result, const AttentionBuffer &from,
             const Head &head, Value first, Value place, double factor);
};

/// The first row of the block from `first` on that attends to `key`, or is in a
/// tile with it.
Value firstRow(AttentionBlocks &b, Value key, Value first) {
  KernelBuilder &k = b.k;
  if (!b.causal)
    return k.index(0);
  Value row = k.sub(key, first);
  row = k.select(k.icmp(IPred::slt, row, k.index(0)), k.index(0), row);
  return k.andi(row, k.index(-b.tileRows));
}

void Backward::loadKeys(AttentionBlocks &b, const Head &keyHead, Value begin) {
  b.load(keys, b.key, keyHead, begin);
  b.load(values, b.value, keyHead, begin);
  b.transpose(keys, keyColumns);
  b.transpose(values, valueColumns);
}

// Rows behind the last query have the weight 0.
void Backward::loadRows(AttentionBlocks &b, const Head &head, Value first) {
  KernelBuilder &k = b.k;
  b.load(rows, b.query, head, first, b.scale);
  b.load(cotangents, op.getDoutput(), head, first);
  Value infinity = k.cf(b.held, std::numeric_limits<double>::infinity());
  Value count = k.smin(k.index(blockRows), k.sub(k.index(b.queries), first));
  k.loop(k.index(0), count, 1, [&](Value row) {
    Value index = k.add(first, row);
    k.store(b.loadStatistic(op.getLogsumexp(), head, index),
            b.at(statistics, k.index(0), row));
    k.store(b.loadStatistic(op.getDelta(), head, index),
            b.at(deltas, k.index(0), row));
  });
  k.loop(count, k.index(blockRows), 1, [&](Value row) {
    k.store(infinity, b.at(statistics, k.index(0), row));
    k.store(k.zero(b.held), b.at(deltas, k.index(0), row));
  });
}

void Backward::emitTile(AttentionBlocks &b, const Head &head, Value first,
                        Value row, Value begin, Value place) {
  KernelBuilder &k = b.k;
  AttentionBlocks::Range range = b.rangeOf(k.add(first, row), begin);
  b.products(weights, row, {b.at(rows, row), rows.stride, 1}, keyColumns,
             b.depth, range.count);
  b.products(dscores, row, {b.at(cotangents, row), cotangents.stride, 1},
             valueColumns, b.width, range.count);
  b.loadMask(bias, head, range);
  SmallVector<Value> statistic, delta;
  for (int64_t r = 0; r < b.tileRows; ++r) {
    Value at = k.add(row, k.index(r));
    auto spread = [&](const AttentionBuffer &from) {
      return k.splat(k.load(b.held, b.at(from, k.index(0), at)), b.lanes);
    };
    statistic.push_back(spread(statistics));
    delta.push_back(spread(deltas));
  }
  b.forVectors(range, bias, {},
               [&](Value column, ValueRange, AttentionBlocks::Score score) {
                 for (int64_t r = 0; r < b.tileRows; ++r) {
                   Value at = k.add(row, k.index(r));
                   Value toWeight = b.at(weights, at, column);
                   Value toScore = b.at(dscores, at, column);
                   Value x = score(r, k.load(b.vector(), toWeight));
                   Value weight = emitExp(k, k.fsub(x, statistic[r]));
                   Value change = k.fsub(k.load(b.vector(), toScore), delta[r]);
                   k.store(weight, toWeight);
                   k.store(k.fmul(weight, change), toScore);
                 }
                 return SmallVector<Value>();
               });
  if (part == Part::KeyBlock)
    return;
  b.accumulate(dqueries, k.add(place, row),
               {b.at(dscores, row), dscores.stride, 1}, keys, k.index(0),
               range.end);
}

void Backward::emitTiles(AttentionBlocks &b, const Head &head, Value first,
                         Value begin, Value place) {
  KernelBuilder &k = b.k;
  k.loop(firstRow(b, begin, first), k.index(blockRows), b.tileRows,
         [&](Value row) { emitTile(b, head, first, row, begin, place); });
}

void Backward::addToKeys(AttentionBlocks &b, Value first, Value begin) {
  KernelBuilder &k = b.k;
  Value end = k.smin(k.index(b.blockKeys), k.sub(k.index(b.keys), begin));
  if (b.causal)
    end = k.smin(end, k.sub(k.add(first, k.index(blockRows)), begin));
  k.loop(k.index(0), end, b.tileRows, [&](Value key) {
    Value from = firstRow(b, k.add(begin, key), first);
    auto left = [&](const AttentionBuffer &scores) {
      return AttentionBlocks::Left{b.at(scores, k.index(0), key), 1,
                                   scores.stride};
    };
    b.accumulate(dvalues, key, left(weights), cotangents, from,
                 k.index(blockRows));
    b.accumulate(dkeys, key, left(dscores), rows, from, k.index(blockRows));
  });
}

void Backward::store(AttentionBlocks &b, Value result,
                     const AttentionBuffer &from, const Head &head, Value first,
                     Value place, double factor) {
  KernelBuilder &k = b.k;
  Value length = k.index(typeOf(result).getDimSize(2));
  Value count = k.smin(k.index(from.rows), k.sub(length, first));
  k.loop(k.index(0), count, 1, [&](Value row) {
    b.storeRow(result, head, k.add(first, row), [&](int64_t v) {
      Value x = k.load(b.vector(), b.at(from, k.add(place, row), v * b.lanes));
      return factor == 1 ? x : k.fmul(x, k.cf(b.vector(), factor));
    });
  });
}

/// The gradients of a block of keys and values, and in a unit of a whole head
/// what it adds to those of the queries.
void Backward::emitKeyBlock(AttentionBlocks &b, const Head &keyHead,
                            Value begin) {
  KernelBuilder &k = b.k;
  loadKeys(b, keyHead, begin);
  b.clear(dkeys);
  b.clear(dvalues);
  k.loop(k.index(0), k.index(b.group()), 1, [&](Value member) {
    Head head{keyHead.batch,
              k.add(k.mul(keyHead.head, k.index(b.group())), member)};
    Value block = k.index(0);
    if (b.causal)
      block = k.udiv(begin, k.index(blockRows));
    k.loop(block, k.index(rowBlocks), 1, [&](Value number) {
      Value first = k.mul(number, k.index(blockRows));
      Value place = k.mul(k.add(k.mul(member, k.index(rowBlocks)), number),
                          k.index(blockRows));
      loadRows(b, head, first);
      emitTiles(b, head, first, begin, place);
      addToKeys(b, first, begin);
    });
  });
  store(b, op.getDkey(), dkeys, keyHead, begin, k.index(0), 1);
  store(b, op.getDvalue(), dvalues, keyHead, begin, k.index(0), 1);
}

void Backward::emitQueryBlock(AttentionBlocks &b, const Head &head,
                              Value first) {
  KernelBuilder &k = b.k;
  Head keyHead{head.batch, k.udiv(head.head, k.index(b.group()))};
  loadRows(b, head, first);
  b.clear(dqueries);
  Value end = k.index(b.keys);
  if (b.causal)
    end = k.smin(end, k.add(first, k.index(blockRows)));
  k.loop(k.index(0), end, b.blockKeys, [&](Value begin) {
    loadKeys(b, keyHead, begin);
    emitTiles(b, head, first, begin, k.index(0));
  });
  store(b, op.getDquery(), dqueries, head, first, k.index(0), b.scale);
}

void Backward::emitUnit(AttentionBlocks &b, Value unit) {
  KernelBuilder &k = b.k;
  auto split = [&](int64_t count) {
    Value rest = k.urem(unit, k.index(count));
    unit = k.udiv(unit, k.index(count));
    return rest;
  };
  if (part == Part::QueryBlock) {
    Value first = k.mul(split(rowBlocks), k.index(blockRows));
    Value number = split(b.heads);
    return emitQueryBlock(b, {unit, number}, first);
  }
  if (part == Part::KeyBlock) {
    Value begin = k.mul(split(keyBlocks), k.index(b.blockKeys));
    Value number = split(b.keyHeads);
    return emitKeyBlock(b, {unit, number}, begin);
  }
  Value number = split(b.keyHeads);
  Head keyHead{unit, number};
  b.clear(dqueries);
  k.loop(k.index(0), k.index(b.keys), b.blockKeys,
         [&](Value begin) { emitKeyBlock(b, keyHead, begin); });
  k.loop(k.index(0), k.index(b.group()), 1, [&](Value member) {
    Head head{keyHead.batch,
              k.add(k.mul(keyHead.head, k.index(b.group())), member)};
    Value rowsBefore = k.mul(member, k.index(rowBlocks * blockRows));
    store(b, op.getDquery(), dqueries, head, k.index(0), rowsBefore, b.scale);
  });
}

void addBackwardPhase(Lowering &l, graph::AttentionGradOp op,
                      ArrayRef<unsigned> which, Part part) {
  AttentionBlocks b(l, op.getQuery(), op.getKey(), op.getValue(), op.getMask(),
                    op.getCausal(), op.getScale().convertToDouble());
  Backward backward(b, op, part);
  b.addPhase(backward.units(b), which,
             [backward](AttentionBlocks &blocks, Value unit) mutable {
               backward.emitUnit(blocks, unit);
             });
}

} // namespace

bool lowerAttentionGrad(Lowering &l, graph::AttentionGradOp op,
                        ArrayRef<unsigned> which) {
  ArrayRef<int64_t> key = typeOf(op.getKey()).getShape();
  int64_t queries = typeOf(op.getQuery()).getDimSize(2);
  if (key[0] * key[1] >= kFewUnits || queries * key[2] <= 128 * 128) {
    addBackwardPhase(l, op, which, Part::Head);
    return true;
  }
  addBackwardPhase(l, op, which, Part::KeyBlock);
  addBackwardPhase(l, op, which, Part::QueryBlock);
  return true;
}

} // namespace mlc::cpu
