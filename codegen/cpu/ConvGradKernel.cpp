//===- ConvGradKernel.cpp - Gradients of kernels --------------------------===//
//
// dkernel[o, depth] is the sum over images and places of dresult[o, place] *
// patches[depth, place]. The lanes run along the places, in accumulators of
// their own, so that neither operand is turned around; their sum is made once,
// at the end. A unit of work is some rows of the depth over all images: the
// order of every sum is fixed, and no two units share one.
//
//===----------------------------------------------------------------------===//
#include "codegen/cpu/Conv.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mlc::cpu {

namespace {

constexpr int64_t kScratchTasks = 8;
// Places that are packed together: so many products a tile has between loading
// and storing its accumulators.
constexpr int64_t kPlaces = 1024;
constexpr int64_t kSumBytes = 256 * 1024, kPatchBytes = 256 * 1024;

class KernelGradEmitter {
public:
  KernelGradEmitter(Lowering &lowering, graph::ConvKernelGradOp gradOp,
                    ArrayRef<unsigned> results);

  int64_t tasks() const { return std::min(units(), kScratchTasks); }
  int64_t scratchBytes() const {
    return tasks() * (patchElements() + sumElements()) * heldBytes;
  }
  void emitTask(Value task);

private:
  Lowering &l;
  KernelBuilder &k = l.k;
  graph::ConvKernelGradOp op;
  SmallVector<unsigned> which;
  ConvDims dims;
  Type element, held;
  unsigned lanes;
  int64_t heldBytes;
  int64_t tileChannels, tileSteps; ///< accumulators in registers
  int64_t unitRows;                ///< packed rows in a unit
  int64_t pieceRows;               ///< rows of places packed in one go
  int64_t chunk;                   ///< pieces packed together
  Value dresult, patches, sums;

  Type vector() { return k.vec(held, lanes); }
  /// Steps of the depth in a unit, those that share a packed row side by side.
  int64_t unitSteps() const { return unitRows * dims.shared(); }
  int64_t unitTiles() const { return llvm::divideCeil(unitSteps(), tileSteps); }
  int64_t depthUnits() const {
    return llvm::divideCeil(dims.packedRows(), unitRows);
  }
  int64_t units() const { return dims.groups * depthUnits(); }
  int64_t channelTiles() const {
    return llvm::divideCeil(dims.toGroup(), tileChannels);
  }
  int64_t piecePlaces() const { return pieceRows * dims.columns.places(); }
  int64_t piecePitch() const { return dims.packedStride(pieceRows, lanes); }
  int64_t piecesOfImage() const { return dims.rows.places() / pieceRows; }
  int64_t pieces() const { return dims.batch * piecesOfImage(); }
  int64_t stride() const { return chunk * piecePitch(); }
  int64_t patchElements() const { return unitRows * stride(); }
  int64_t tileSums() const { return tileChannels * tileSteps * lanes; }
  int64_t sumElements() const {
    return unitTiles() * channelTiles() * tileSums();
  }

  void chooseTile();
  /// Calls `emit` for the tiles of channels: the first channel, how many.
  void forChannels(function_ref<void(Value tile, int64_t channels)> emit);
  Value sumAddress(Value depthTile, Value channelTile);
  /// The number in the unit of a step of a tile; behind the last, the last.
  Value unitStep(Value depthTile, int64_t step);
  /// Where it is in the packed rows of the unit.
  Value stepOffset(Value step);
  void addPieces(Value group, Value first, Value count);
  SmallVector<Value> addPiece(Value group, Value piece, Value index,
                              Value depthTile, Value channelTile,
                              int64_t channels, ValueRange sums);
  void finish(Value group, Value firstRow);
};

KernelGradEmitter::KernelGradEmitter(Lowering &lowering,
                                     graph::ConvKernelGradOp gradOp,
                                     ArrayRef<unsigned> results)
    : l(lowering), op(gradOp), which(results.begin(), results.end()),
      dims(op.getWindow(), op.getInput().getType().getDimSize(0),
           op.getInput().getType().getDimSize(1),
           op.getDresult().getType().getDimSize(1), op.getGroups()),
      element(op.getType().getElementType()), held(heldType(k, element)) {
  lanes = element.isF64() ? k.target.lanes / 2 : k.target.lanes;
  heldBytes = held.getIntOrFloatBitWidth() / 8;
  chooseTile();
  int64_t wanted =
      llvm::divideCeil(dims.packedRows() * dims.groups, kScratchTasks);
  int64_t ofRow = channelTiles() * tileChannels * dims.shared() * lanes;
  unitRows = std::clamp<int64_t>(kSumBytes / heldBytes / ofRow, 1,
                                 std::min(wanted, dims.packedRows()));
  pieceRows = chooseRows(dims, kPlaces);
  int64_t places = std::min(kPlaces, kPatchBytes / heldBytes / unitRows);
  chunk = std::clamp<int64_t>(places / piecePlaces(), 1, pieces());
}

void KernelGradEmitter::chooseTile() {
  int64_t channels = dims.toGroup(), depth = dims.depth();
  int64_t registers = k.target.registers, best = -1;
  auto cycles = [](int64_t c, int64_t s) {
    constexpr int64_t kLatency = 8;
    // The cotangent is read across cache lines.
    return c == 0 ? 0 : std::max({c * s, 2 * c + s, kLatency}) + 1;
  };
  for (int64_t s = std::min<int64_t>(depth, 6); s >= 1; --s)
    for (int64_t c = std::min<int64_t>(channels, 16); c >= 1; --c) {
      if (c * s + s + 1 > registers)
        continue;
      int64_t cost = llvm::divideCeil(depth, s) *
                     (channels / c * cycles(c, s) + cycles(channels % c, s));
      if (best < 0 || cost < best) {
        best = cost;
        tileChannels = c;
        tileSteps = s;
      }
    }
}

void KernelGradEmitter::forChannels(
    function_ref<void(Value tile, int64_t channels)> emit) {
  int64_t full = dims.toGroup() / tileChannels;
  k.loop(k.index(0), k.index(full), 1,
         [&](Value tile) { emit(tile, tileChannels); });
  if (int64_t rest = dims.toGroup() % tileChannels)
    emit(k.index(full), rest);
}

Value KernelGradEmitter::unitStep(Value depthTile, int64_t step) {
  Value number = k.add(k.mul(depthTile, k.index(tileSteps)), k.index(step));
  return k.smin(number, k.index(unitSteps() - 1));
}

Value KernelGradEmitter::stepOffset(Value step) {
  int64_t sharedRows = dims.shared();
  if (sharedRows == 1)
    return k.mul(step, k.index(stride()));
  return k.add(
      k.mul(k.udiv(step, k.index(sharedRows)), k.index(stride())),
      k.mul(k.urem(step, k.index(sharedRows)), k.index(dims.sharedOffset())));
}

Value KernelGradEmitter::sumAddress(Value depthTile, Value channelTile) {
  Value tile = k.add(k.mul(depthTile, k.index(channelTiles())), channelTile);
  return k.gep(sums, k.mul(tile, k.index(tileSums())), held);
}

// `index` numbers the pieces of the chunk.
SmallVector<Value> KernelGradEmitter::addPiece(Value group, Value piece,
                                               Value index, Value depthTile,
                                               Value channelTile,
                                               int64_t channels,
                                               ValueRange before) {
  Type storage = storageType(k, element);
  Value image = k.udiv(piece, k.index(piecesOfImage()));
  Value part = k.urem(piece, k.index(piecesOfImage()));
  Value channel = k.add(k.mul(image, k.index(dims.outChannels)),
                        k.mul(group, k.index(dims.toGroup())));
  channel = k.add(channel, k.mul(channelTile, k.index(tileChannels)));
  Value left = k.gep(dresult,
                     k.add(k.mul(channel, k.index(dims.places())),
                           k.mul(part, k.index(piecePlaces()))),
                     storage);
  Value right = k.gep(patches, k.mul(index, k.index(piecePitch())), held);
  SmallVector<Value> rows; // where the steps of the tile begin
  for (int64_t s = 0; s < tileSteps; ++s)
    rows.push_back(k.gep(right, stepOffset(unitStep(depthTile, s)), held));
  auto add = [&](Value place, unsigned active, ValueRange carried) {
    SmallVector<Value> columns, next;
    for (int64_t s = 0; s < tileSteps; ++s)
      columns.push_back(k.load(vector(), k.gep(rows[s], place, held)));
    for (int64_t c = 0; c < channels; ++c) {
      Value from =
          k.gep(left, k.add(place, k.index(c * dims.places())), storage);
      Value x =
          fromStorage(k, k.load(k.vec(storage, lanes), from, active), element);
      for (int64_t s = 0; s < tileSteps; ++s)
        next.push_back(k.fma(x, columns[s], carried[c * tileSteps + s]));
    }
    return next;
  };
  int64_t tail = piecePlaces() % lanes, full = piecePlaces() - tail;
  SmallVector<Value> result(before);
  if (full)
    result = k.loop(k.index(0), k.index(full), lanes, result,
                    [&](Value place, ValueRange carried) {
                      return add(place, lanes, carried);
                    });
  return tail ? add(k.index(full), tail, result) : result;
}

void KernelGradEmitter::addPieces(Value group, Value first, Value count) {
  k.loop(k.index(0), k.index(unitTiles()), 1, [&](Value depthTile) {
    forChannels([&](Value channelTile, int64_t channels) {
      Value address = sumAddress(depthTile, channelTile);
      SmallVector<Value> all;
      auto place = [&](int64_t i) {
        return k.gep(address, k.index(i * lanes), held);
      };
      for (int64_t i = 0; i < channels * tileSteps; ++i)
        all.push_back(k.load(vector(), place(i)));
      all = k.loop(k.index(0), count, 1, all,
                   [&](Value index, ValueRange carried) {
                     return addPiece(group, k.add(first, index), index,
                                     depthTile, channelTile, channels, carried);
                   });
      for (auto [i, sum] : llvm::enumerate(all))
        k.store(sum, place(static_cast<int64_t>(i)));
    });
  });
}

void KernelGradEmitter::finish(Value group, Value firstRow) {
  RankedTensorType type = op.getType();
  k.loop(k.index(0), k.index(unitTiles()), 1, [&](Value depthTile) {
    forChannels([&](Value channelTile, int64_t channels) {
      Value address = sumAddress(depthTile, channelTile);
      for (int64_t s = 0; s < tileSteps; ++s) {
        Value number = k.add(k.mul(depthTile, k.index(tileSteps)), k.index(s));
        Value row = k.add(firstRow, k.udiv(number, k.index(dims.shared())));
        Value inUnit = k.icmp(IPred::slt, number, k.index(unitSteps()));
        Value inDepth = k.icmp(IPred::slt, row, k.index(dims.packedRows()));
        Value step = row;
        if (dims.shared() != 1) { // of (c, tap column) and the tap row
          Value width = k.index(dims.columns.window);
          step = k.mul(k.udiv(row, width), k.index(dims.taps()));
          step = k.add(step, k.urem(row, width));
          Value tapRow = k.urem(number, k.index(dims.shared()));
          step = k.add(step, k.mul(tapRow, width));
        }
        k.ifThen(k.andi(inUnit, inDepth), [&] {
          for (int64_t c = 0; c < channels; ++c) {
            Value all = k.load(
                vector(),
                k.gep(address, k.index((c * tileSteps + s) * lanes), held));
            Value sum =
                emitCombineLanes(k, graph::ReductionKind::sum, all, element);
            Value channel = k.mul(channelTile, k.index(tileChannels));
            channel = k.add(channel, k.mul(group, k.index(dims.toGroup())));
            channel = k.add(channel, k.index(c));
            Value at = k.add(k.mul(channel, k.index(dims.depth())), step);
            Evaluator e = l.evaluator(1);
            e.known[op.getResult()] = roundTo(k, sum, element);
            for (unsigned r : which) {
              RankedTensorType own = typeOf(l.results[r]);
              Index index = reshapedIndex(
                  e, wholeIndex(type.getRank(), Coord::scalar(at)),
                  type.getShape(), own.getShape());
              e.store(e.evaluate(l.results[r], index), l.resultPointers[r], own,
                      index);
            }
          }
        });
      }
    });
  });
}

void KernelGradEmitter::emitTask(Value task) {
  dresult = emitMemoryOf(l, op.getDresult());
  PatchPacker packer(l, dims, emitMemoryOf(l, op.getInput()), element, lanes);
  Value mine = k.mul(task, k.index(patchElements() + sumElements()));
  patches = k.gep(l.scratch(), mine, held);
  sums = k.gep(patches, k.index(patchElements()), held);
  auto share = [&](Value number) {
    return k.udiv(k.mul(number, k.index(units())), k.index(tasks()));
  };
  k.loop(share(task), share(k.add(task, k.index(1))), 1, [&](Value unit) {
    Value group = k.udiv(unit, k.index(depthUnits()));
    Value firstRow =
        k.mul(k.urem(unit, k.index(depthUnits())), k.index(unitRows));
    Value endRow = k.add(firstRow, k.index(unitRows));
    k.loop(k.index(0), k.index(sumElements()), lanes,
           [&](Value at) { k.store(k.zero(vector()), k.gep(sums, at, held)); });
    k.loop(k.index(0), k.index(pieces()), chunk, [&](Value first) {
      Value count = k.smin(k.index(chunk), k.sub(k.index(pieces()), first));
      k.loop(k.index(0), count, 1, [&](Value index) {
        Value piece = k.add(first, index);
        PatchBlock block = {
            k.udiv(piece, k.index(piecesOfImage())), group,
            k.mul(k.urem(piece, k.index(piecesOfImage())), k.index(pieceRows)),
            pieceRows};
        packer.pack(block, firstRow, endRow,
                    k.gep(patches, k.mul(index, k.index(piecePitch())), held),
                    stride());
      });
      addPieces(group, first, count);
    });
    finish(group, firstRow);
  });
}

} // namespace

bool lowerConvKernelGrad(Lowering &l, graph::ConvKernelGradOp op,
                         ArrayRef<unsigned> which) {
  auto emitter = std::make_shared<KernelGradEmitter>(l, op, which);
  l.scratchBytes = emitter->scratchBytes();
  l.addPhase(emitter->tasks(), which,
             [emitter](Value task) { emitter->emitTask(task); });
  return true;
}

} // namespace mlc::cpu
