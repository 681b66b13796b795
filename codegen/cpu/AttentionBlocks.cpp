//===- AttentionBlocks.cpp - Copies, products and masks of attention ------===//
#include "codegen/cpu/Attention.h"

#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;

namespace mlc::cpu {

// Tasks that have scratch memory of their own.
static constexpr int64_t kScratchTasks = 16;
// Keys of a block: the scores of a tile stay in the L1 cache, and enough keys
// share the row's rescaling.
static constexpr int64_t kBlockKeys = 128;

AttentionBlocks::AttentionBlocks(Lowering &lowering, Value queryRows,
                                 Value keyRows, Value valueRows, Value maskOf,
                                 bool isCausal, double factor)
    : l(lowering), k(lowering.k), query(queryRows), key(keyRows),
      value(valueRows), mask(maskOf), causal(isCausal), scale(factor) {
  ArrayRef<int64_t> rows = typeOf(query).getShape();
  ArrayRef<int64_t> columns = typeOf(key).getShape();
  batches = rows[0];
  heads = rows[1];
  queries = rows[2];
  depth = rows[3];
  keyHeads = columns[1];
  keys = columns[2];
  width = typeOf(value).getShape()[3];
  held = heldType(k, typeOf(query).getElementType());
  lanes = k.target.lanes / (held.isF64() ? 2 : 1);
  tileRows = k.target.registers >= 32 ? 8 : 4;
  blockKeys = std::min<int64_t>(kBlockKeys, llvm::alignTo(keys, step()));
}

//===----------------------------------------------------------------------===//
// Scratch memory
//===----------------------------------------------------------------------===//

AttentionBuffer AttentionBlocks::take(int64_t rows, int64_t columns) {
  AttentionBuffer buffer{taken, rows, int64_t(llvm::alignTo(columns, lanes))};
  taken += llvm::alignTo(rows * buffer.stride, 16);
  return buffer;
}

void AttentionBlocks::addPhase(
    int64_t units, ArrayRef<unsigned> which,
    std::function<void(AttentionBlocks &, Value)> emit) {
  int64_t tasks = std::min(units, kScratchTasks);
  int64_t before = l.scratchBytes; // of another phase
  l.scratchBytes += tasks * taken * held.getIntOrFloatBitWidth() / 8;
  l.addPhase(tasks, which,
             [blocks = *this, before, tasks, units, emit](Value task) mutable {
               KernelBuilder &k = blocks.k;
               Value begin = k.gep(blocks.l.scratch(), k.index(before), k.i8());
               blocks.memory = k.gep(begin, k.mul(task, k.index(blocks.taken)),
                                     blocks.held);
               auto share = [&](Value number) {
                 return k.udiv(k.mul(number, k.index(units)), k.index(tasks));
               };
               k.loop(share(task), share(k.add(task, k.index(1))), 1,
                      [&](Value unit) { emit(blocks, unit); });
             });
}

Value AttentionBlocks::at(const AttentionBuffer &buffer, Value row,
                          Value column) {
  Value place = k.add(k.mul(row, k.index(buffer.stride)), column);
  return k.gep(memory, k.add(place, k.index(buffer.offset)), held);
}

Value AttentionBlocks::at(const AttentionBuffer &buffer, Value row,
                          int64_t column) {
  return at(buffer, row, k.index(column));
}

void AttentionBlocks::clear(const AttentionBuffer &buffer) {
  k.loop(k.index(0), k.index(buffer.rows * buffer.stride), lanes,
         [&](Value place) {
           k.store(k.zero(vector()), at(buffer, k.index(0), place));
         });
}

//===----------------------------------------------------------------------===//
// Rows of tensors
//===----------------------------------------------------------------------===//

static Index rowIndex(const AttentionBlocks::Head &head, Value row,
                      Coord column) {
  return {{0, 1, Coord::scalar(head.batch)},
          {1, 1, Coord::scalar(head.head)},
          {2, 1, Coord::scalar(row)},
          {3, 1, column}};
}

static Coord laneFrom(int64_t first) {
  Coord column = Coord::constant(first);
  column.stride = 1;
  return column;
}

static unsigned activeOf(int64_t extent, int64_t first, unsigned lanes) {
  return std::min<int64_t>(lanes, extent - first);
}

void AttentionBlocks::load(const AttentionBuffer &to, Value source,
                           const Head &head, Value first, double factor) {
  int64_t length = typeOf(source).getDimSize(2);
  int64_t extent = typeOf(source).getDimSize(3);
  Value rows = k.smin(k.index(to.rows), k.sub(k.index(length), first));
  k.loop(k.index(0), rows, 1, [&](Value row) {
    Evaluator e = l.evaluator(lanes);
    Value index = k.add(first, row);
    for (int64_t column = 0; column < to.stride; column += lanes) {
      Evaluator::Scope scope(e);
      e.active = activeOf(extent, column, lanes);
      Value x = e.evaluate(source, rowIndex(head, index, laneFrom(column)));
      if (factor != 1)
        x = k.fmul(x, k.cf(vector(), factor));
      k.store(x, at(to, row, column));
    }
  });
  if (length % to.rows == 0)
    return;
  k.loop(rows, k.index(to.rows), 1, [&](Value row) {
    for (int64_t column = 0; column < to.stride; column += lanes)
      k.store(k.zero(vector()), at(to, row, column));
  });
}

void AttentionBlocks::storeRow(Value result, const Head &head, Value index,
                               function_ref<Value(int64_t)> row) {
  RankedTensorType type = typeOf(result);
  auto place = llvm::find(l.results, result);
  if (place == l.results.end()) // nobody reads it
    return;
  Value pointer = l.resultPointers[place - l.results.begin()];
  bool whole = type.getRank() == 4;
  int64_t extent = whole ? type.getDimSize(3) : 1;
  Evaluator e = l.evaluator(whole ? lanes : 1);
  for (int64_t column = 0; column < extent; column += lanes) {
    e.active = whole ? activeOf(extent, column, lanes) : 1;
    Index to = rowIndex(head, index, laneFrom(column));
    if (!whole)
      to.pop_back();
    e.store(roundTo(k, row(column / lanes), type.getElementType()), pointer,
            type, to);
  }
}

Value AttentionBlocks::loadStatistic(Value source, const Head &head,
                                     Value index) {
  Evaluator e = l.evaluator(1);
  return e.evaluate(source, {{0, 1, Coord::scalar(head.batch)},
                             {1, 1, Coord::scalar(head.head)},
                             {2, 1, Coord::scalar(index)}});
}

// Squares of vectors, block by block: halves, then quarters, ...
void AttentionBlocks::transpose(const AttentionBuffer &from,
                                const AttentionBuffer &to) {
  int32_t count = lanes;
  k.loop(k.index(0), k.index(from.rows), lanes, [&](Value row) {
    for (int64_t column = 0; column < from.stride; column += lanes) {
      SmallVector<Value> rows;
      for (int32_t i = 0; i < count; ++i)
        rows.push_back(
            k.load(vector(), at(from, k.add(row, k.index(i)), column)));
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
      for (int32_t i = 0; i < count && column + i < to.rows; ++i)
        k.store(rows[i], at(to, k.index(column + i), row));
    }
  });
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

SmallVector<Value> AttentionBlocks::multiply(const Left &left, Value right,
                                             int64_t rightStride,
                                             int64_t vectors, Value begin,
                                             Value end, ArrayRef<Value> sums) {
  return k.loop(begin, end, 1, sums, [&](Value step, ValueRange carried) {
    SmallVector<Value> columns, next;
    Value place = k.mul(step, k.index(rightStride));
    for (int64_t v = 0; v < vectors; ++v)
      columns.push_back(k.load(
          vector(), k.gep(right, k.add(place, k.index(v * lanes)), held)));
    Value first = k.mul(step, k.index(left.stepStride));
    for (int64_t r = 0; r < tileRows; ++r) {
      Value from =
          k.gep(left.base, k.add(first, k.index(r * left.rowStride)), held);
      Value x = k.splat(k.load(held, from), lanes);
      for (int64_t v = 0; v < vectors; ++v)
        next.push_back(k.fma(x, columns[v], carried[r * vectors + v]));
    }
    return next;
  });
}

// Two vectors at a time: with the rows of a tile enough sums to hide the
// latency of a product, and two reads less than three.
void AttentionBlocks::forGroups(int64_t vectors,
                                function_ref<void(int64_t, int64_t)> emit) {
  bool many = k.target.registers >= 32;
  for (int64_t first = 0; first < vectors;) {
    int64_t rest = vectors - first;
    int64_t count = rest == 3 && many ? 3 : std::min<int64_t>(rest, 2);
    emit(first, count);
    first += count;
  }
}

void AttentionBlocks::accumulate(const AttentionBuffer &to, Value row,
                                 const Left &left, const AttentionBuffer &right,
                                 Value begin, Value end, Value factors) {
  forGroups(to.stride / lanes, [&](int64_t first, int64_t vectors) {
    auto place = [&](int64_t r, int64_t v) {
      return at(to, k.add(row, k.index(r)), (first + v) * lanes);
    };
    SmallVector<Value> sums;
    for (int64_t r = 0; r < tileRows; ++r) {
      Value factor;
      if (factors)
        factor = k.splat(k.load(held, k.gep(factors, k.index(r), held)), lanes);
      for (int64_t v = 0; v < vectors; ++v) {
        Value x = k.load(vector(), place(r, v));
        sums.push_back(factor ? k.fmul(x, factor) : x);
      }
    }
    sums = multiply(left, at(right, k.index(0), first * lanes), right.stride,
                    vectors, begin, end, sums);
    for (int64_t r = 0; r < tileRows; ++r)
      for (int64_t v = 0; v < vectors; ++v)
        k.store(sums[r * vectors + v], place(r, v));
  });
}

void AttentionBlocks::products(const AttentionBuffer &to, Value row,
                               const Left &left, const AttentionBuffer &right,
                               int64_t steps, Value count) {
  auto emit = [&](Value column, int64_t vectors) {
    SmallVector<Value> sums(tileRows * vectors, k.zero(vector()));
    sums = multiply(left, at(right, k.index(0), column), right.stride, vectors,
                    k.index(0), k.index(steps), sums);
    for (int64_t r = 0; r < tileRows; ++r)
      for (int64_t v = 0; v < vectors; ++v)
        k.store(sums[r * vectors + v], at(to, k.add(row, k.index(r)),
                                          k.add(column, k.index(v * lanes))));
  };
  Value pairs = k.andi(count, k.index(-step()));
  k.loop(k.index(0), pairs, step(), [&](Value column) { emit(column, 2); });
  if (causal || llvm::alignTo(keys, lanes) % step() != 0)
    k.ifThen(k.icmp(IPred::slt, pairs, count), [&] { emit(pairs, 1); });
}

//===----------------------------------------------------------------------===//
// Masks
//===----------------------------------------------------------------------===//

AttentionBlocks::Range AttentionBlocks::rangeOf(Value firstRow, Value begin) {
  auto upTo = [&](int64_t rows) { // of the keys that `rows` queries attend to
    Value all = k.index(keys);
    if (causal)
      all = k.smin(all, k.add(firstRow, k.index(rows)));
    return k.sub(all, begin);
  };
  Value end = k.smin(upTo(tileRows), k.index(blockKeys));
  Value count =
      k.andi(k.add(end, k.index(lanes - 1)), k.index(-int64_t(lanes)));
  Value open = k.smin(upTo(1), k.index(blockKeys));
  open = k.select(k.icmp(IPred::slt, open, k.index(0)), k.index(0), open);
  return {end, count, k.andi(open, k.index(-int64_t(lanes))), begin, firstRow};
}

void AttentionBlocks::loadMask(const AttentionBuffer &bias, const Head &head,
                               const Range &range) {
  if (!mask)
    return;
  RankedTensorType type = typeOf(mask);
  Value none = k.cf(vector(), -std::numeric_limits<double>::infinity());
  int64_t tail = keys % lanes, full = keys - tail;
  auto emit = [&](Value first, unsigned active) {
    Evaluator e = l.evaluator(lanes);
    e.active = active;
    for (int64_t r = 0; r < bias.rows; ++r) {
      Evaluator::Scope scope(e);
      Value row =
          k.smin(k.add(range.firstRow, k.index(r)), k.index(queries - 1));
      Index index = rowIndex(head, row, Coord::lane(first, lanes));
      for (int64_t dim = 0; dim < 3; ++dim)
        if (type.getDimSize(dim) == 1)
          index[dim].at = Coord::constant(0);
      Value x = e.evaluate(mask, index);
      if (type.getElementType().isInteger(1))
        x = k.select(x, k.zero(vector()), none);
      k.store(x, at(bias, k.index(r), k.sub(first, range.begin)));
    }
  };
  Value end = k.add(range.begin, range.count);
  if (full)
    k.loop(range.begin, k.smin(end, k.index(full)), lanes,
           [&](Value first) { emit(first, lanes); });
  if (tail)
    k.ifThen(k.icmp(IPred::sgt, end, k.index(full)),
             [&] { emit(k.index(full), tail); });
}

SmallVector<Value> AttentionBlocks::forVectors(const Range &range,
                                               const AttentionBuffer &bias,
                                               ValueRange carried, Body body) {
  Value none = k.cf(vector(), -std::numeric_limits<double>::infinity());
  auto emit = [&](Value begin, Value end, bool limited, ValueRange values) {
    return k.loop(
        begin, end, lanes, values, [&](Value column, ValueRange inside) {
          return body(column, inside, [&](int64_t r, Value score) {
            if (mask)
              score = k.fadd(
                  score,
                  k.load(vector(),
                         at(bias, k.index(bias.rows == 1 ? 0 : r), column)));
            if (!limited)
              return score;
            Value limit = k.index(keys);
            if (causal)
              limit = k.smin(limit, k.add(range.firstRow, k.index(r + 1)));
            Value left = k.sub(k.sub(limit, range.begin), column);
            Value lane = k.laneIndices(k.i32(), lanes);
            Value inRange = k.icmp(IPred::slt, lane,
                                   k.splat(k.trunc(left, k.i32()), lanes));
            return k.select(inRange, score, none);
          });
        });
  };
  if (!causal && keys % lanes == 0)
    return emit(k.index(0), range.count, false, carried);
  SmallVector<Value> open = emit(k.index(0), range.open, false, carried);
  return emit(range.open, range.count, true, open);
}

} // namespace mlc::cpu
