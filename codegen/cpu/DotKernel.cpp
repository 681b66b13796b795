//===- DotKernel.cpp - Products in register blocks ------------------------===//
//
// A tile of rows x vectors of accumulators stays in registers while the
// contracting index runs. What is not packed is evaluated on load, so that
// views cost no pass of their own; the epilogue is applied to the accumulators
// before the store. Where the depth is cut, the sums of a unit wait in scratch
// memory for the next block. The order of a sum is that of the depth, however
// the work is cut.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Dot.h"

using namespace mlir;

namespace mlc::cpu {

namespace {

class DotEmitter {
public:
  explicit DotEmitter(Dot product) : dot(std::move(product)) {}

  void emitTask(Value task);

private:
  Dot dot;
  Lowering &l = dot.l;
  KernelBuilder &k = dot.l.k;
  DotPlan &plan = dot.plan;

  unsigned activeOf(const DotTile &tile, int64_t vector) {
    return vector == tile.vectors - 1 ? tile.active : plan.lanes;
  }
  Coord columnsAt(const DotTile &tile, int64_t vector) {
    Coord at = Coord::lane(tile.n, plan.width());
    at.offset = vector * plan.lanes;
    return at;
  }
  Coord rowAt(const DotTile &tile, int64_t row) {
    Coord at = Coord::scalar(tile.m);
    at.offset = row;
    return at;
  }
  Value element(Value base, Value row, int64_t stride, Value column) {
    Value at = k.add(k.mul(row, k.index(stride)), column);
    return k.gep(base, at, dot.held());
  }

  SmallVector<Value> loadRight(const DotTile &tile, Value step,
                               const Dot::Depth &depth);
  Value loadLeft(const DotTile &tile, int64_t row, Value step,
                 const Dot::Unit &unit, const Dot::Depth &depth);
  SmallVector<Value> accumulate(const DotTile &tile, const Dot::Unit &unit,
                                const Dot::Depth &depth, ArrayRef<Value> sums);
  void finish(const DotTile &tile, ArrayRef<Value> sums);

  // Sums that wait in scratch memory.
  Value sumAddress(const DotTile &tile, const Dot::Unit &unit);
  SmallVector<Value> loadSums(const DotTile &tile, const Dot::Unit &unit);
  void storeSums(const DotTile &tile, const Dot::Unit &unit,
                 ArrayRef<Value> sums);
  void clearSums();

  void forPanels(const Dot::Unit &unit, function_ref<void(DotTile)> emit);
  void forTiles(const Dot::Unit &unit, const DotTile &panel,
                function_ref<void(const DotTile &)> emit);
  void emitUnit(const Dot::Unit &unit);
  void emitDepth(const Dot::Unit &unit, const Dot::Depth &depth);
};

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

SmallVector<Value> DotEmitter::loadRight(const DotTile &tile, Value step,
                                         const Dot::Depth &depth) {
  SmallVector<Value> right;
  Evaluator e = l.evaluator(plan.lanes);
  for (int64_t v = 0; v < tile.vectors; ++v) {
    if (plan.packRhs) {
      Value address =
          element(dot.packedRhs, k.sub(step, depth.begin),
                  tile.vectors * plan.lanes, k.index(v * plan.lanes));
      right.push_back(k.load(dot.vector(), address));
      continue;
    }
    Evaluator::Scope scope(e);
    e.active = activeOf(tile, v);
    right.push_back(e.evaluate(
        dot.op.getRhs(), dot.operand(e.math, false, tile.batch,
                                     columnsAt(tile, v), Coord::scalar(step))));
  }
  return right;
}

Value DotEmitter::loadLeft(const DotTile &tile, int64_t row, Value step,
                           const Dot::Unit &unit, const Dot::Depth &depth) {
  Value value;
  if (plan.packLhs) {
    Value i = k.add(k.sub(tile.m, unit.rowBegin), k.index(row));
    value = k.load(dot.held(), element(dot.packedLhs, i, plan.lhsStride(),
                                       k.sub(step, depth.begin)));
  } else {
    Evaluator e = l.evaluator(1);
    value = e.evaluate(dot.op.getLhs(),
                       dot.operand(e.math, true, tile.batch, rowAt(tile, row),
                                   Coord::scalar(step)));
  }
  return k.splat(value, plan.lanes);
}

SmallVector<Value> DotEmitter::accumulate(const DotTile &tile,
                                          const Dot::Unit &unit,
                                          const Dot::Depth &depth,
                                          ArrayRef<Value> sums) {
  return k.loop(depth.begin, depth.end, 1, sums,
                [&](Value step, ValueRange carried) {
                  SmallVector<Value> right = loadRight(tile, step, depth), next;
                  for (int64_t i = 0; i < tile.rows; ++i) {
                    Value left = loadLeft(tile, i, step, unit, depth);
                    for (int64_t v = 0; v < tile.vectors; ++v)
                      next.push_back(
                          k.fma(left, right[v], carried[i * tile.vectors + v]));
                  }
                  return next;
                });
}

void DotEmitter::finish(const DotTile &tile, ArrayRef<Value> sums) {
  struct Store {
    Value value;
    unsigned result, active;
    Index index;
  };
  SmallVector<Store> stores;
  int64_t nb = dot.op.getLhsBatch().size(), nl = dot.op.getLhsFree().size();
  int64_t rank = dot.op.getType().getRank();
  Evaluator e = l.evaluator(plan.lanes);
  for (int64_t i = 0; i < tile.rows; ++i)
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Evaluator::Scope scope(e);
      e.active = activeOf(tile, v);
      Index at;
      if (nb > 0)
        at.push_back({0, nb, Coord::scalar(tile.batch)});
      if (nl > 0)
        at.push_back({nb, nl, rowAt(tile, i)});
      if (rank > nb + nl)
        at.push_back({nb + nl, rank - nb - nl, columnsAt(tile, v)});
      e.known[dot.op.getResult()] = roundTo(l.k, sums[i * tile.vectors + v],
                                            dot.op.getType().getElementType());
      for (unsigned r : dot.which) {
        RankedTensorType type = typeOf(l.results[r]);
        Index own =
            reshapedIndex(e, at, dot.op.getType().getShape(), type.getShape());
        stores.push_back({e.evaluate(l.results[r], own), r, e.active, own});
      }
    }
  for (const Store &store : stores) {
    e.active = store.active;
    e.store(store.value, l.resultPointers[store.result],
            typeOf(l.results[store.result]), store.index);
  }
}

//===----------------------------------------------------------------------===//
// Sums
//===----------------------------------------------------------------------===//

// [panel][row][column], where a panel has the width of a whole one.
Value DotEmitter::sumAddress(const DotTile &tile, const Dot::Unit &unit) {
  Value panel = k.sub(tile.n, k.mul(unit.panelBegin, k.index(plan.width())));
  Value row = k.mul(k.sub(tile.m, unit.rowBegin), k.index(plan.width()));
  return element(dot.sums, panel, plan.unitRows, row);
}

SmallVector<Value> DotEmitter::loadSums(const DotTile &tile,
                                        const Dot::Unit &unit) {
  Value base = sumAddress(tile, unit);
  SmallVector<Value> sums;
  for (int64_t i = 0; i < tile.rows; ++i)
    for (int64_t v = 0; v < tile.vectors; ++v)
      sums.push_back(k.load(
          dot.vector(),
          k.gep(base, k.index(i * plan.width() + v * plan.lanes), dot.held())));
  return sums;
}

void DotEmitter::storeSums(const DotTile &tile, const Dot::Unit &unit,
                           ArrayRef<Value> sums) {
  Value base = sumAddress(tile, unit);
  for (int64_t i = 0; i < tile.rows; ++i)
    for (int64_t v = 0; v < tile.vectors; ++v)
      k.store(
          sums[i * tile.vectors + v],
          k.gep(base, k.index(i * plan.width() + v * plan.lanes), dot.held()));
}

void DotEmitter::clearSums() {
  k.loop(k.index(0), k.index(plan.sumElements()), plan.lanes, [&](Value at) {
    k.store(k.zero(dot.vector()), k.gep(dot.sums, at, dot.held()));
  });
}

//===----------------------------------------------------------------------===//
// Units
//===----------------------------------------------------------------------===//

void DotEmitter::forPanels(const Dot::Unit &unit,
                           function_ref<void(DotTile)> emit) {
  int64_t full = plan.fullPanels();
  int64_t rest = plan.columns - full * plan.width();
  auto panelAt = [&](Value n, int64_t vectors, unsigned active) {
    emit({unit.batch, Value(), n, 0, vectors, active});
  };
  if (full)
    k.loop(unit.panelBegin, k.smin(unit.panelEnd, k.index(full)), 1,
           [&](Value panel) {
             panelAt(k.mul(panel, k.index(plan.width())), plan.blockVectors,
                     plan.lanes);
           });
  if (!rest)
    return;
  int64_t vectors = (rest + plan.lanes - 1) / plan.lanes;
  k.ifThen(k.icmp(IPred::eq, unit.panelEnd, k.index(plan.panels())), [&] {
    panelAt(k.index(full * plan.width()), vectors,
            rest - (vectors - 1) * plan.lanes);
  });
}

void DotEmitter::forTiles(const Dot::Unit &unit, const DotTile &panel,
                          function_ref<void(const DotTile &)> emit) {
  int64_t rest = plan.rows % plan.blockRows, full = plan.rows - rest;
  DotTile tile = panel;
  tile.rows = plan.blockRows;
  k.loop(unit.rowBegin, k.smin(unit.rowEnd, k.index(full)), plan.blockRows,
         [&](Value m) {
           tile.m = m;
           emit(tile);
         });
  if (!rest)
    return;
  k.ifThen(k.icmp(IPred::eq, unit.rowEnd, k.index(plan.rows)), [&] {
    tile.m = k.index(full);
    tile.rows = rest;
    emit(tile);
  });
}

void DotEmitter::emitDepth(const Dot::Unit &unit, const Dot::Depth &depth) {
  if (plan.packLhs)
    dot.packLhs(unit, depth);
  forPanels(unit, [&](const DotTile &panel) {
    if (plan.packRhs)
      dot.packRhs(panel, depth);
    forTiles(unit, panel, [&](const DotTile &tile) {
      if (plan.isDepthCut()) {
        storeSums(tile, unit,
                  accumulate(tile, unit, depth, loadSums(tile, unit)));
        return;
      }
      SmallVector<Value> zeros(tile.rows * tile.vectors, k.zero(dot.vector()));
      finish(tile, accumulate(tile, unit, depth, zeros));
    });
  });
}

void DotEmitter::emitUnit(const Dot::Unit &unit) {
  Value depth = k.index(plan.depth);
  if (!plan.isDepthCut())
    return emitDepth(unit, {k.index(0), depth});
  clearSums();
  k.loop(k.index(0), depth, plan.depthBlock, [&](Value begin) {
    Value end = k.add(begin, k.index(plan.depthBlock));
    emitDepth(unit, {begin, k.smin(end, depth)});
  });
  forPanels(unit, [&](const DotTile &panel) {
    forTiles(unit, panel,
             [&](const DotTile &tile) { finish(tile, loadSums(tile, unit)); });
  });
}

void DotEmitter::emitTask(Value task) {
  if (int64_t elements = plan.scratchElements()) {
    Value begin = k.mul(task, k.index(elements));
    auto part = [&](int64_t offset) {
      return k.gep(l.scratch(), k.add(begin, k.index(offset)), dot.held());
    };
    dot.packedLhs = part(0);
    dot.packedRhs = part(plan.lhsElements());
    dot.sums = part(plan.lhsElements() + plan.rhsElements());
  }
  auto share = [&](Value number) {
    return k.udiv(k.mul(number, k.index(plan.units())), k.index(plan.tasks()));
  };
  k.loop(share(task), share(k.add(task, k.index(1))), 1, [&](Value number) {
    auto split = [&](int64_t count) {
      Value part = k.urem(number, k.index(count));
      number = k.udiv(number, k.index(count));
      return part;
    };
    auto range = [&](Value block, int64_t size, int64_t all) {
      Value begin = k.mul(block, k.index(size));
      return std::pair(begin,
                       k.smin(k.add(begin, k.index(size)), k.index(all)));
    };
    auto [panelBegin, panelEnd] =
        range(split(plan.panelBlocks()), plan.unitPanels, plan.panels());
    auto [rowBegin, rowEnd] =
        range(split(plan.rowBlocks()), plan.unitRows, plan.rows);
    emitUnit({number, rowBegin, rowEnd, panelBegin, panelEnd});
  });
}

} // namespace

bool lowerDot(Lowering &l, graph::DotOp op, ArrayRef<unsigned> which) {
  Type element = op.getType().getElementType();
  // The lanes run along the free dimensions of rhs: there must be some.
  if (!isa<FloatType>(element) || op.getRhsFree().empty())
    return false;
  Dot dot(l, op, which);
  int64_t bytes = dot.held().getIntOrFloatBitWidth() / 8;
  l.scratchBytes = dot.plan.tasks() * dot.plan.scratchElements() * bytes;
  int64_t tasks = dot.plan.tasks();
  l.addPhase(tasks, which, [dot = std::move(dot)](Value task) {
    DotEmitter(dot).emitTask(task);
  });
  return true;
}

} // namespace mlc::cpu
