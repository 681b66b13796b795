//===- DotKernel.cpp - Products in register blocks ------------------------===//
//
// A tile of `rows` x `vectors` accumulators stays in registers while the
// contracting index runs; operands are evaluated on load, so that views and a
// prologue cost no pass of their own, and the epilogue is applied to the
// accumulators before the store. The block shapes follow measurements: 6 rows
// of 4 vectors (32 registers) or of 2 (16 registers), more rows for fewer
// vectors, so that at least 8 accumulators hide the latency of the product.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Lowering.h"

using namespace mlir;

namespace mlc::cpu {

namespace {

RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

int64_t countDims(RankedTensorType type, ArrayRef<int64_t> dims) {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= type.getDimSize(dim);
  return count;
}

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

struct Tile {
  Value batch, m, n; ///< first element
  int64_t rows, vectors;
  unsigned active; ///< lanes of the last vector
};

struct Dot {
  Lowering &l;
  graph::DotOp op;
  SmallVector<unsigned> which;
  unsigned lanes;
  int64_t batches, rows, columns, depth;

  Index operand(IndexMath &math, bool isLhs, Value batch, const Coord &free,
                const Coord &sum) {
    RankedTensorType type = typeOf(isLhs ? op.getLhs() : op.getRhs());
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

  Coord columnsAt(const Tile &tile, int64_t vector) {
    Coord at = Coord::lane(tile.n, lanes);
    at.offset = vector * lanes;
    return at;
  }
  unsigned activeOf(const Tile &tile, int64_t vector) {
    return vector == tile.vectors - 1 ? tile.active : lanes;
  }

  SmallVector<Value> accumulate(const Tile &tile) {
    KernelBuilder &k = l.k;
    Type type = k.vec(heldType(k, op.getType().getElementType()), lanes);
    SmallVector<Value> sums(tile.rows * tile.vectors, k.zero(type));
    return k.loop(
        k.index(0), k.index(depth), 1, sums,
        [&](Value step, ValueRange carried) {
          Evaluator wide = l.evaluator(lanes), narrow = l.evaluator(1);
          Coord sum = Coord::scalar(step);
          SmallVector<Value> right, next;
          for (int64_t v = 0; v < tile.vectors; ++v) {
            Evaluator::Scope scope(wide);
            wide.active = activeOf(tile, v);
            right.push_back(
                wide.evaluate(op.getRhs(), operand(wide.math, false, tile.batch,
                                                   columnsAt(tile, v), sum)));
          }
          for (int64_t i = 0; i < tile.rows; ++i) {
            Coord row = Coord::scalar(tile.m);
            row.offset = i;
            Value left = k.splat(
                narrow.evaluate(op.getLhs(), operand(narrow.math, true,
                                                     tile.batch, row, sum)),
                lanes);
            for (int64_t v = 0; v < tile.vectors; ++v)
              next.push_back(
                  k.fma(left, right[v], carried[i * tile.vectors + v]));
          }
          return next;
        });
  }

  void finish(const Tile &tile, ArrayRef<Value> sums) {
    struct Store {
      Value value;
      unsigned result, active;
      Index index;
    };
    SmallVector<Store> stores;
    int64_t nb = op.getLhsBatch().size(), nl = op.getLhsFree().size();
    int64_t rank = op.getType().getRank();
    Evaluator e = l.evaluator(lanes);
    for (int64_t i = 0; i < tile.rows; ++i)
      for (int64_t v = 0; v < tile.vectors; ++v) {
        Evaluator::Scope scope(e);
        e.active = activeOf(tile, v);
        Coord row = Coord::scalar(tile.m);
        row.offset = i;
        Index at;
        if (nb > 0)
          at.push_back({0, nb, Coord::scalar(tile.batch)});
        if (nl > 0)
          at.push_back({nb, nl, row});
        if (rank > nb + nl)
          at.push_back({nb + nl, rank - nb - nl, columnsAt(tile, v)});
        e.known[op.getResult()] = roundTo(l.k, sums[i * tile.vectors + v],
                                          op.getType().getElementType());
        for (unsigned r : which) {
          RankedTensorType type = typeOf(l.results[r]);
          Index own =
              reshapedIndex(e, at, op.getType().getShape(), type.getShape());
          stores.push_back({e.evaluate(l.results[r], own), r, e.active, own});
        }
      }
    for (const Store &store : stores) {
      e.active = store.active;
      e.store(store.value, l.resultPointers[store.result],
              typeOf(l.results[store.result]), store.index);
    }
  }

  void emitTile(const Tile &tile) { finish(tile, accumulate(tile)); }
};

struct Block {
  int64_t rows, vectors;
};

Block chooseBlock(const CpuTarget &target, int64_t rows, int64_t vectors) {
  bool many = target.registers >= 32;
  Block block;
  block.vectors = std::min<int64_t>(vectors, many ? 4 : 2);
  constexpr int64_t kRowsOf32[] = {16, 12, 8, 6}, kRowsOf16[] = {8, 6};
  block.rows =
      many ? kRowsOf32[block.vectors - 1] : kRowsOf16[block.vectors - 1];
  block.rows = std::min(block.rows, rows);
  return block;
}

} // namespace

bool lowerDot(Lowering &l, graph::DotOp op, ArrayRef<unsigned> which) {
  Type element = op.getType().getElementType();
  // The lanes run along the free dimensions of rhs: there must be some.
  if (!isa<FloatType>(element) || op.getRhsFree().empty())
    return false;
  RankedTensorType lhs = typeOf(op.getLhs()), rhs = typeOf(op.getRhs());
  unsigned lanes = element.isF64() ? l.k.target.lanes / 2 : l.k.target.lanes;
  Dot dot{l,
          op,
          SmallVector<unsigned>(which.begin(), which.end()),
          lanes,
          countDims(lhs, op.getLhsBatch()),
          countDims(lhs, op.getLhsFree()),
          countDims(rhs, op.getRhsFree()),
          countDims(lhs, op.getLhsContract())};

  int64_t allVectors = (dot.columns + lanes - 1) / lanes;
  Block block = chooseBlock(l.k.target, dot.rows, allVectors);
  int64_t width = block.vectors * lanes;
  int64_t fullPanels = dot.columns / width;
  int64_t rest = dot.columns - fullPanels * width;
  int64_t panels = fullPanels + (rest ? 1 : 0);
  int64_t restVectors = (rest + lanes - 1) / lanes;
  unsigned restActive = rest - (restVectors - 1) * lanes;

  // About a million operations in a task.
  int64_t tileFlops = 2 * block.rows * width * dot.depth;
  int64_t tiles = (dot.rows + block.rows - 1) / block.rows;
  int64_t tilesPerTask = std::clamp<int64_t>(1000000 / tileFlops, 1, tiles);
  int64_t rowsPerTask = tilesPerTask * block.rows;
  int64_t blocks = (dot.rows + rowsPerTask - 1) / rowsPerTask;
  int64_t fullRows = dot.rows - dot.rows % block.rows;

  l.addPhase(dot.batches * blocks * panels, which, [=, &l](Value task) mutable {
    KernelBuilder &k = l.k;
    Value panel = k.urem(task, k.index(panels));
    Value outer = k.udiv(task, k.index(panels));
    Value rowBlock = k.urem(outer, k.index(blocks));
    Value batch = k.udiv(outer, k.index(blocks));
    Value n = k.mul(panel, k.index(width));
    Value begin = k.mul(rowBlock, k.index(rowsPerTask));
    Value end = k.smin(k.add(begin, k.index(rowsPerTask)), k.index(fullRows));
    auto emitPanel = [&](int64_t vectors, unsigned active) {
      k.loop(begin, end, block.rows, [&](Value m) {
        dot.emitTile({batch, m, n, block.rows, vectors, active});
      });
      if (fullRows != dot.rows)
        k.ifThen(k.icmp(IPred::eq, rowBlock, k.index(blocks - 1)), [&] {
          dot.emitTile({batch, k.index(fullRows), n, dot.rows - fullRows,
                        vectors, active});
        });
    };
    if (fullPanels)
      k.ifThen(k.icmp(IPred::slt, panel, k.index(fullPanels)),
               [&] { emitPanel(block.vectors, lanes); });
    if (rest)
      k.ifThen(k.icmp(IPred::eq, panel, k.index(fullPanels)),
               [&] { emitPanel(restVectors, restActive); });
  });
  return true;
}

} // namespace mlc::cpu
