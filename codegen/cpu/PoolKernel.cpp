//===- PoolKernel.cpp - Sums and maxima over windows ----------------------===//
//
// Lanes run along the places of a row. A plane is one channel of one image; it
// is always within one task. The gradient of a maximum finds the winner of
// every window again and adds to a plane in scratch memory, padded so that no
// address needs a check; what is fused behind reads it from there.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Conv.h"

#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;

namespace mlc::cpu {

namespace {

constexpr int64_t kScratchTasks = 8;
// Windows with more taps are loops.
constexpr int64_t kUnrolledTaps = 16;

/// Planes, and the window over them.
struct Pool {
  Pool(Lowering &lowering, Operation *poolOp, const graph::Window &window,
       ArrayRef<unsigned> results)
      : l(lowering), op(poolOp), which(results.begin(), results.end()),
        columns(window.back()) {
    if (window.size() > 1)
      rows = window[0];
    auto type = typeOf(op->getOperand(0));
    planes = type.getDimSize(0) * type.getDimSize(1);
    element = type.getElementType();
    held = heldType(k, element);
    lanes = element.isF64() ? k.target.lanes / 2 : k.target.lanes;
  }

  Lowering &l;
  KernelBuilder &k = l.k;
  Operation *op;
  SmallVector<unsigned> which;
  graph::WindowDim rows, columns;
  int64_t planes;
  Type element, held;
  unsigned lanes;

  int64_t taps() const { return rows.window * columns.window; }
  int64_t inputSize() const { return rows.input * columns.input; }
  int64_t places() const { return rows.places() * columns.places(); }
  Type vector() { return k.vec(held, lanes); }

  Value plane(Value memory, Value number, int64_t size) {
    return k.gep(memory, k.mul(number, k.index(size)), storageType(k, element));
  }

  /// Vectors of a row of `width`, and how many lanes count.
  void forVectors(int64_t width, function_ref<void(Value, unsigned)> emit) {
    int64_t tail = width % lanes, full = width - tail;
    k.loop(k.index(0), k.index(full), lanes, [&](Value x) { emit(x, lanes); });
    if (tail)
      emit(k.index(full), tail);
  }

  using TapBody = function_ref<SmallVector<Value>(
      Value tapRow, Value tapColumn, Value tap, ValueRange carried)>;
  /// All taps in order.
  SmallVector<Value> forTaps(ValueRange initial, TapBody body) {
    if (taps() > kUnrolledTaps)
      return k.loop(k.index(0), k.index(taps()), 1, initial,
                    [&](Value tap, ValueRange carried) {
                      Value size = k.index(columns.window);
                      return body(k.udiv(tap, size), k.urem(tap, size), tap,
                                  carried);
                    });
    SmallVector<Value> carried(initial);
    for (int64_t tap = 0; tap < taps(); ++tap)
      carried = body(k.index(tap / columns.window),
                     k.index(tap % columns.window), k.index(tap), carried);
    return carried;
  }

  /// The elements of `memory`'s plane that a tap meets, and where it meets any.
  std::pair<Value, Value> load(Value plane, Value y, Value x, Value tapRow,
                               Value tapColumn, Value fill) {
    auto [row, valid] = emitMet(k, rows, y, tapRow);
    RowLoader loader(k, columns, element, lanes);
    RowLoader::Tap tap = loader.prepare(tapColumn, x);
    Value from = k.gep(plane, k.mul(row, k.index(columns.input)),
                       storageType(k, element));
    return {loader.load(tap, from, valid, fill), loader.isMet(tap, valid)};
  }

  /// Stores the results that follow `value` of the op, from place `at` of a
  /// plane on.
  void store(Value number, Value at, Value value, unsigned active) {
    Evaluator e = l.evaluator(lanes);
    e.active = active;
    auto type = typeOf(op->getResult(0));
    Index index = {{0, 2, Coord::scalar(number)},
                   {2, type.getRank() - 2, Coord::lane(at, 1)}};
    e.known[op->getResult(0)] = roundTo(k, value, element);
    SmallVector<std::pair<Value, Index>> stores;
    for (unsigned r : which) {
      Index own = reshapedIndex(e, index, type.getShape(),
                                typeOf(l.results[r]).getShape());
      stores.emplace_back(e.evaluate(l.results[r], own), own);
    }
    for (auto [r, each] : llvm::zip_equal(which, stores))
      e.store(each.first, l.resultPointers[r], typeOf(l.results[r]),
              each.second);
  }

  void addPhase(int64_t tasks, std::function<void(Value, Value)> emitPlane) {
    l.addPhase(
        tasks, which, [this, tasks, emit = std::move(emitPlane)](Value task) {
          auto share = [&](Value number) {
            return k.udiv(k.mul(number, k.index(planes)), k.index(tasks));
          };
          k.loop(share(task), share(k.add(task, k.index(1))), 1,
                 [&](Value number) { emit(task, number); });
        });
  }
  int64_t manyTasks() const {
    return std::clamp<int64_t>(planes * inputSize() / kTaskElements, 1, planes);
  }
};

Value isNan(KernelBuilder &k, Value x) { return k.fcmp(FPred::uno, x, x); }

// The largest key wins, the first of equals, the last NaN. `carried`: the key
// of the winner, whether there is one, and what belongs to the winner.
SmallVector<Value> contest(KernelBuilder &k, Value key, Value met, Value mine,
                           ValueRange carried) {
  Value wins = k.ori(k.fcmp(FPred::ogt, key, carried[0]), isNan(k, key));
  wins = k.andi(k.ori(wins, k.noti(carried[1])), met);
  return {k.select(wins, key, carried[0]), k.ori(carried[1], met),
          k.select(wins, mine, carried[2])};
}

Value lowest(KernelBuilder &k, Type type) {
  return k.cf(type, -std::numeric_limits<double>::infinity());
}

void emitMaxPlane(Pool &p, Value keys, Value values, Value number) {
  KernelBuilder &k = p.k;
  bool same = keys == values;
  keys = p.plane(keys, number, p.inputSize());
  values = p.plane(values, number, p.inputSize());
  Value none = lowest(k, p.vector());
  Value no = k.zero(k.vec(k.i1(), p.lanes));
  k.loop(k.index(0), k.index(p.rows.places()), 1, [&](Value y) {
    p.forVectors(p.columns.places(), [&](Value x, unsigned active) {
      SmallVector<Value> best = {none};
      if (!same)
        best.append({no, k.zero(p.vector())});
      best = p.forTaps(
          best,
          [&](Value tapRow, Value tapColumn, Value,
              ValueRange carried) -> SmallVector<Value> {
            auto [key, met] = p.load(keys, y, x, tapRow, tapColumn, none);
            if (same) {
              Value wins =
                  k.ori(k.fcmp(FPred::ogt, key, carried[0]), isNan(k, key));
              return {k.select(wins, key, carried[0])};
            }
            Value value =
                p.load(values, y, x, tapRow, tapColumn, Value()).first;
            return contest(k, key, met, value, carried);
          });
      Value at = k.add(k.mul(y, k.index(p.columns.places())), x);
      p.store(number, at, same ? best[0] : best[2], active);
    });
  });
}

void emitSumPlane(Pool &p, Value input, Value number) {
  KernelBuilder &k = p.k;
  input = p.plane(input, number, p.inputSize());
  k.loop(k.index(0), k.index(p.rows.places()), 1, [&](Value y) {
    p.forVectors(p.columns.places(), [&](Value x, unsigned active) {
      SmallVector<Value> sum =
          p.forTaps(k.zero(p.vector()),
                    [&](Value tapRow, Value tapColumn, Value,
                        ValueRange carried) -> SmallVector<Value> {
                      Value term =
                          p.load(input, y, x, tapRow, tapColumn, Value()).first;
                      return {k.fadd(carried[0], term)};
                    });
      Value at = k.add(k.mul(y, k.index(p.columns.places())), x);
      p.store(number, at, sum[0], active);
    });
  });
}

//===----------------------------------------------------------------------===//
// The gradient of a maximum
//===----------------------------------------------------------------------===//

class MaxGradEmitter {
public:
  MaxGradEmitter(Pool &pool, graph::MaxPoolGradOp op)
      : p(pool), keyValue(op.getKeys()), cotangentValue(op.getDresult()) {}

  /// Elements of the padded plane.
  int64_t scratchElements() const {
    return llvm::alignTo(extent(p.rows) * pitch(), p.lanes);
  }
  void emitPlane(Value task, Value number);

private:
  Pool &p;
  KernelBuilder &k = p.k;
  Value keyValue, cotangentValue;

  static int64_t origin(const graph::WindowDim &dim) {
    return std::max<int64_t>(dim.low, 0);
  }
  /// From element -origin to the last one, or the last that a window covers.
  static int64_t extent(const graph::WindowDim &dim) {
    int64_t covered = (dim.places() - 1) * dim.stride + dim.reach() - dim.low;
    return origin(dim) + std::max(dim.input, covered);
  }
  /// A vector of places reaches behind the last.
  int64_t pitch() const {
    return llvm::alignTo(extent(p.columns) + p.lanes * p.columns.stride,
                         p.lanes);
  }
  static bool isDisjoint(const graph::WindowDim &dim) {
    return dim.stride >= dim.window && dim.windowDilation == 1;
  }
  static bool covers(const graph::WindowDim &dim) {
    return dim.stride == dim.window && dim.windowDilation == 1 &&
           dim.low == 0 && dim.places() * dim.stride >= dim.input;
  }
  bool isDisjoint() const {
    return isDisjoint(p.rows) && isDisjoint(p.columns);
  }
  /// Windows side by side, two wide: their rows are written whole.
  bool isPair() const { return isDisjoint() && p.columns.stride == 2; }

  Value address(Value plane, Value y, Value x, Value tapRow, Value tapColumn);
  void addTo(Value plane, Value y, Value x, Value winner, Value cotangent);
  void interleave(Value plane, Value y, Value x, Value winner, Value cotangent);
  std::pair<Value, Value> zip(Value even, Value odd);
};

/// Where the element lies that a tap meets.
Value MaxGradEmitter::address(Value plane, Value y, Value x, Value tapRow,
                              Value tapColumn) {
  auto position = [&](const graph::WindowDim &dim, Value place, Value tap) {
    Value at = k.add(k.mul(place, k.index(dim.stride)),
                     k.mul(tap, k.index(dim.windowDilation)));
    return k.add(at, k.index(origin(dim) - dim.low));
  };
  Value at = k.add(k.mul(position(p.rows, y, tapRow), k.index(pitch())),
                   position(p.columns, x, tapColumn));
  return k.gep(plane, at, p.held);
}

/// e0 o0 e1 o1 ..., as two vectors.
std::pair<Value, Value> MaxGradEmitter::zip(Value even, Value odd) {
  int32_t lanes = p.lanes;
  SmallVector<int32_t> low, high;
  for (int32_t i = 0; i < lanes; ++i) {
    low.push_back(i / 2 + (i % 2) * lanes);
    high.push_back((i + lanes) / 2 + (i % 2) * lanes);
  }
  return {k.shuffle(even, odd, low), k.shuffle(even, odd, high)};
}

void MaxGradEmitter::interleave(Value plane, Value y, Value x, Value winner,
                                Value cotangent) {
  Value zero = k.zero(p.vector());
  for (int64_t row = 0; row < p.rows.window; ++row) {
    auto column = [&](int64_t tap) {
      if (tap >= p.columns.window)
        return zero;
      Value mine = k.ci(winner.getType(), row * p.columns.window + tap);
      return k.select(k.icmp(IPred::eq, winner, mine), cotangent, zero);
    };
    auto [low, high] = zip(column(0), column(1));
    Value to = address(plane, y, x, k.index(row), k.index(0));
    k.store(low, to);
    k.store(high, k.gep(to, k.index(p.lanes), p.held));
  }
}

void MaxGradEmitter::addTo(Value plane, Value y, Value x, Value winner,
                           Value cotangent) {
  Value zero = k.zero(p.vector());
  p.forTaps({}, [&](Value tapRow, Value tapColumn, Value tap, ValueRange) {
    Value mine = k.splat(k.trunc(tap, k.i32()), p.lanes);
    Value part = k.select(k.icmp(IPred::eq, winner, mine), cotangent, zero);
    Value to = address(plane, y, x, tapRow, tapColumn);
    auto add = [&](Value place, Value term) {
      k.store(k.fadd(k.load(p.vector(), place), term), place);
    };
    if (p.columns.stride == 1) {
      add(to, part);
    } else if (p.columns.stride == 2) {
      auto [low, high] = zip(part, zero);
      add(to, low);
      add(k.gep(to, k.index(p.lanes), p.held), high);
    } else {
      Value steps = k.mul(k.laneIndices(k.i32(), p.lanes),
                          k.ci(k.vec(k.i32(), p.lanes), p.columns.stride));
      Value sum = k.fadd(k.gather(p.vector(), to, steps), part);
      k.scatter(sum, to, steps);
    }
    return SmallVector<Value>();
  });
}

void MaxGradEmitter::emitPlane(Value task, Value number) {
  Value keys = p.plane(emitMemoryOf(p.l, keyValue), number, p.inputSize());
  Value cotangent =
      p.plane(emitMemoryOf(p.l, cotangentValue), number, p.places());
  Value plane =
      k.gep(p.l.scratch(), k.mul(task, k.index(scratchElements())), p.held);
  if (!isPair() || !covers(p.rows) || !covers(p.columns))
    k.loop(k.index(0), k.index(scratchElements()), p.lanes, [&](Value at) {
      k.store(k.zero(p.vector()), k.gep(plane, at, p.held));
    });
  Type storage = storageType(k, p.element);
  Value none = lowest(k, p.vector());
  Value no = k.zero(k.vec(k.i1(), p.lanes));
  k.loop(k.index(0), k.index(p.rows.places()), 1, [&](Value y) {
    p.forVectors(p.columns.places(), [&](Value x, unsigned active) {
      SmallVector<Value> best = {none, no, k.zero(k.vec(k.i32(), p.lanes))};
      best = p.forTaps(best, [&](Value tapRow, Value tapColumn, Value tap,
                                 ValueRange carried) {
        auto [key, met] = p.load(keys, y, x, tapRow, tapColumn, none);
        Value mine = k.splat(k.trunc(tap, k.i32()), p.lanes);
        return contest(k, key, met, mine, carried);
      });
      Value at = k.add(k.mul(y, k.index(p.columns.places())), x);
      Value dy = fromStorage(k,
                             k.load(k.vec(storage, p.lanes),
                                    k.gep(cotangent, at, storage), active),
                             p.element);
      if (isPair())
        interleave(plane, y, x, best[2], dy);
      else
        addTo(plane, y, x, best[2], dy);
    });
  });
  k.loop(k.index(0), k.index(p.rows.input), 1, [&](Value y) {
    Value row = k.mul(k.add(y, k.index(origin(p.rows))), k.index(pitch()));
    row = k.add(row, k.index(origin(p.columns)));
    p.forVectors(p.columns.input, [&](Value x, unsigned active) {
      Value value = k.load(p.vector(), k.gep(plane, k.add(row, x), p.held));
      Value at = k.add(k.mul(y, k.index(p.columns.input)), x);
      p.store(number, at, value, active);
    });
  });
}

} // namespace

bool lowerMaxPool(Lowering &l, graph::MaxPoolOp op, ArrayRef<unsigned> which) {
  auto pool = std::make_shared<Pool>(l, op, op.getWindow(), which);
  pool->addPhase(pool->manyTasks(), [pool, op](Value, Value number) mutable {
    emitMaxPlane(*pool, emitMemoryOf(pool->l, op.getKeys()),
                 emitMemoryOf(pool->l, op.getValues()), number);
  });
  return true;
}

bool lowerMaxPoolGrad(Lowering &l, graph::MaxPoolGradOp op,
                      ArrayRef<unsigned> which) {
  auto pool = std::make_shared<Pool>(l, op, op.getWindow(), which);
  auto emitter = std::make_shared<MaxGradEmitter>(*pool, op);
  int64_t tasks = std::min(pool->manyTasks(), kScratchTasks);
  l.scratchBytes = tasks * emitter->scratchElements() *
                   (pool->held.getIntOrFloatBitWidth() / 8);
  pool->addPhase(tasks, [pool, emitter](Value task, Value number) {
    emitter->emitPlane(task, number);
  });
  return true;
}

bool lowerSumPool(Lowering &l, graph::SumPoolOp op, ArrayRef<unsigned> which) {
  auto pool = std::make_shared<Pool>(l, op, op.getWindow(), which);
  pool->addPhase(pool->manyTasks(), [pool, op](Value, Value number) mutable {
    emitSumPlane(*pool, emitMemoryOf(pool->l, op.getInput()), number);
  });
  return true;
}

} // namespace mlc::cpu
