//===- ConvKernel.cpp - Convolutions in register blocks -------------------===//
//
// A unit of work is a block of places of one image and group: its patches are
// packed, then tiles of output channels x vectors of places stay in registers
// while the depth runs. The kernel is read where it lies, one element at a
// time. The order of a sum is that of the depth.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Conv.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mlc::cpu {

namespace {

// Packed patches of a unit: a part of the L2 cache.
constexpr int64_t kPatchBytes = 256 * 1024;
// Tasks that have scratch memory of their own.
constexpr int64_t kScratchTasks = 8;

struct Tile {
  Value channel, place; ///< first: of the group, of the block
  int64_t channels, vectors;
  unsigned active; ///< lanes of the last vector
};

class ConvEmitter {
public:
  ConvEmitter(Lowering &lowering, graph::ConvOp convOp,
              ArrayRef<unsigned> results);

  int64_t tasks() const { return std::min(units(), kScratchTasks); }
  int64_t scratchBytes() const {
    return tasks() * dims.packedRows() * stride * heldBytes;
  }
  void emitTask(Value task);

private:
  Lowering &l;
  KernelBuilder &k = l.k;
  graph::ConvOp op;
  SmallVector<unsigned> which;
  ConvDims dims;
  Type element, held;
  unsigned lanes;
  int64_t heldBytes;
  int64_t blockRows; ///< of places in a unit
  int64_t stride;    ///< from one row of patches to the next
  int64_t tileChannels, tileVectors;
  Value kernel, patches;

  int64_t blocks() const { return dims.rows.places() / blockRows; }
  int64_t units() const { return dims.batch * dims.groups * blocks(); }
  int64_t blockPlaces() const { return blockRows * dims.columns.places(); }
  Type vector() { return k.vec(held, lanes); }

  void chooseTile();
  void emitUnit(const PatchBlock &block);
  void forTiles(function_ref<void(const Tile &)> emit);
  SmallVector<Value> accumulate(const PatchBlock &block, const Tile &tile);
  SmallVector<Value> addStep(const Tile &tile, Value column, Value row,
                             ValueRange sums);
  SmallVector<Value> loop(int64_t count, ValueRange carried,
                          KernelBuilder::LoopBody body);
  void finish(const PatchBlock &block, const Tile &tile, ArrayRef<Value> sums);
};

ConvEmitter::ConvEmitter(Lowering &lowering, graph::ConvOp convOp,
                         ArrayRef<unsigned> results)
    : l(lowering), op(convOp), which(results.begin(), results.end()),
      dims(op.getWindow(), op.getInput().getType().getDimSize(0),
           op.getInput().getType().getDimSize(1), op.getType().getDimSize(1),
           op.getGroups()),
      element(op.getType().getElementType()), held(heldType(k, element)) {
  lanes = element.isF64() ? k.target.lanes / 2 : k.target.lanes;
  heldBytes = held.getIntOrFloatBitWidth() / 8;
  blockRows = chooseRows(dims, kPatchBytes / heldBytes / dims.packedRows());
  stride = dims.packedStride(blockRows, lanes);
  chooseTile();
}

// The block of accumulators that takes the fewest cycles: two products, or two
// loads, in each.
void ConvEmitter::chooseTile() {
  int64_t vectors = llvm::divideCeil(blockPlaces(), lanes);
  int64_t channels = dims.toGroup(), registers = k.target.registers;
  auto cycles = [](int64_t c, int64_t v) {
    constexpr int64_t kLatency = 8; // twice a product's, in accumulators
    return c == 0 || v == 0 ? 0 : std::max({c * v, c + v, kLatency}) + 1;
  };
  auto cost = [&](int64_t c, int64_t v) {
    int64_t fullC = channels / c, restC = channels % c;
    int64_t fullV = vectors / v, restV = vectors % v;
    return fullC * fullV * cycles(c, v) + fullV * cycles(restC, v) +
           fullC * cycles(c, restV) + cycles(restC, restV);
  };
  int64_t best = -1;
  for (int64_t v = std::min<int64_t>(vectors, 4); v >= 1; --v)
    for (int64_t c = std::min<int64_t>(channels, 16); c >= 1; --c) {
      if (c * v + v + 1 > registers)
        continue;
      if (int64_t now = cost(c, v); best < 0 || now < best) {
        best = now;
        tileChannels = c;
        tileVectors = v;
      }
    }
}

void ConvEmitter::forTiles(function_ref<void(const Tile &)> emit) {
  int64_t places = blockPlaces(), width = tileVectors * lanes;
  int64_t full = places / width, rest = places % width;
  auto ofPlaces = [&](Tile tile) {
    int64_t whole = dims.toGroup() / tileChannels * tileChannels;
    tile.channels = tileChannels;
    k.loop(k.index(0), k.index(whole), tileChannels, [&](Value channel) {
      tile.channel = channel;
      emit(tile);
    });
    if (whole == dims.toGroup())
      return;
    tile.channel = k.index(whole);
    tile.channels = dims.toGroup() - whole;
    emit(tile);
  };
  k.loop(k.index(0), k.index(full * width), width, [&](Value place) {
    ofPlaces({Value(), place, 0, tileVectors, lanes});
  });
  if (rest == 0)
    return;
  int64_t vectors = llvm::divideCeil(rest, lanes);
  ofPlaces({Value(), k.index(full * width), 0, vectors,
            static_cast<unsigned>(rest - (vectors - 1) * lanes)});
}

// `column`: where the patches of a step lie, from the tile's first place on;
// `row`: the kernel's element of the tile's first channel.
SmallVector<Value> ConvEmitter::addStep(const Tile &tile, Value column,
                                        Value row, ValueRange sums) {
  Type storage = storageType(k, element);
  int64_t next = op.getTransposed() ? dims.taps() : dims.depth();
  SmallVector<Value> right, result;
  for (int64_t v = 0; v < tile.vectors; ++v)
    right.push_back(k.load(vector(), k.gep(column, k.index(v * lanes), held)));
  for (int64_t c = 0; c < tile.channels; ++c) {
    Value place = k.gep(row, k.index(c * next), storage);
    Value left =
        k.splat(fromStorage(k, k.load(storage, place), element), lanes);
    for (int64_t v = 0; v < tile.vectors; ++v)
      result.push_back(k.fma(left, right[v], sums[c * tile.vectors + v]));
  }
  return result;
}

// A loop, unless it has one iteration.
SmallVector<Value> ConvEmitter::loop(int64_t count, ValueRange carried,
                                     KernelBuilder::LoopBody body) {
  if (count == 1)
    return body(k.index(0), carried);
  return k.loop(k.index(0), k.index(count), 1, carried, body);
}

SmallVector<Value> ConvEmitter::accumulate(const PatchBlock &block,
                                           const Tile &tile) {
  Type storage = storageType(k, element);
  SmallVector<Value> sums(tile.channels * tile.vectors, k.zero(vector()));
  // Untransposed: [channels out][channels in of the group][taps].
  // Transposed: [channels in][channels out of the group][taps], backwards.
  bool transposed = op.getTransposed();
  int64_t taps = dims.taps(), width = dims.columns.window;
  int64_t sharedRows = dims.shared();
  Value out = tile.channel, base = k.index(transposed ? taps - 1 : 0);
  if (transposed)
    base = k.add(base, k.mul(block.group,
                             k.index(dims.ofGroup() * dims.toGroup() * taps)));
  else
    out = k.add(out, k.mul(block.group, k.index(dims.toGroup())));
  base = k.add(base, k.mul(out, k.index(transposed ? taps : dims.depth())));
  int64_t ofChannel = transposed ? dims.toGroup() * taps : taps;
  int64_t ofTap = transposed ? -1 : 1;
  Value first = k.gep(patches, tile.place, held);
  return loop(dims.ofGroup(), sums, [&](Value c, ValueRange ofC) {
    Value kernelC = k.add(base, k.mul(c, k.index(ofChannel)));
    Value rowsC = k.mul(c, k.index(taps / sharedRows));
    return loop(dims.rows.window, ofC, [&](Value i, ValueRange ofI) {
      Value kernelI = k.add(kernelC, k.mul(i, k.index(width * ofTap)));
      Value row =
          sharedRows == 1 ? k.add(rowsC, k.mul(i, k.index(width))) : rowsC;
      Value at = k.mul(row, k.index(stride));
      if (sharedRows != 1)
        at = k.add(at, k.mul(i, k.index(dims.sharedOffset())));
      return loop(width, ofI, [&](Value j, ValueRange ofJ) {
        Value column = k.add(at, k.mul(j, k.index(stride)));
        Value step = k.add(kernelI, k.mul(j, k.index(ofTap)));
        return addStep(tile, k.gep(first, column, held),
                       k.gep(kernel, step, storage), ofJ);
      });
    });
  });
}

void ConvEmitter::finish(const PatchBlock &block, const Tile &tile,
                         ArrayRef<Value> sums) {
  struct Store {
    Value value;
    unsigned result, active;
    Index index;
  };
  SmallVector<Store> stores;
  int64_t spatial = op.getType().getRank() - 2;
  Value first = k.mul(block.firstRow, k.index(dims.columns.places()));
  Value place = k.add(first, tile.place);
  Value channel =
      k.add(k.mul(block.group, k.index(dims.toGroup())), tile.channel);
  Evaluator e = l.evaluator(lanes);
  for (int64_t c = 0; c < tile.channels; ++c)
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Evaluator::Scope scope(e);
      e.active = v == tile.vectors - 1 ? tile.active : lanes;
      Coord out = Coord::scalar(channel), at = Coord::lane(place, 1);
      out.offset = c;
      at.offset = v * lanes;
      Index index = {
          {0, 1, Coord::scalar(block.image)}, {1, 1, out}, {2, spatial, at}};
      e.known[op.getResult()] = roundTo(k, sums[c * tile.vectors + v], element);
      for (unsigned r : which) {
        RankedTensorType type = typeOf(l.results[r]);
        Index own =
            reshapedIndex(e, index, op.getType().getShape(), type.getShape());
        stores.push_back({e.evaluate(l.results[r], own), r, e.active, own});
      }
    }
  for (const Store &store : stores) {
    e.active = store.active;
    e.store(store.value, l.resultPointers[store.result],
            typeOf(l.results[store.result]), store.index);
  }
}

void ConvEmitter::emitUnit(const PatchBlock &block) {
  PatchPacker packer(l, dims, emitMemoryOf(l, op.getInput()), element, lanes);
  packer.pack(block, k.index(0), k.index(dims.packedRows()), patches, stride);
  forTiles(
      [&](const Tile &tile) { finish(block, tile, accumulate(block, tile)); });
}

void ConvEmitter::emitTask(Value task) {
  kernel = emitMemoryOf(l, op.getKernel());
  patches = k.gep(l.scratch(), k.mul(task, k.index(dims.packedRows() * stride)),
                  held);
  auto share = [&](Value number) {
    return k.udiv(k.mul(number, k.index(units())), k.index(tasks()));
  };
  k.loop(share(task), share(k.add(task, k.index(1))), 1, [&](Value unit) {
    Value block = k.urem(unit, k.index(blocks()));
    Value rest = k.udiv(unit, k.index(blocks()));
    emitUnit({k.udiv(rest, k.index(dims.groups)),
              k.urem(rest, k.index(dims.groups)),
              k.mul(block, k.index(blockRows)), blockRows});
  });
}

} // namespace

bool lowerConv(Lowering &l, graph::ConvOp op, ArrayRef<unsigned> which) {
  auto emitter = std::make_shared<ConvEmitter>(l, op, which);
  l.scratchBytes = emitter->scratchBytes();
  l.addPhase(emitter->tasks(), which,
             [emitter](Value task) { emitter->emitTask(task); });
  return true;
}

} // namespace mlc::cpu
