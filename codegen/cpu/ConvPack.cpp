//===- ConvPack.cpp - The patches under the taps of a window --------------===//
#include "codegen/cpu/Conv.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace mlc::cpu {

// Where vectors of a row are prepared once for all rows.
constexpr int64_t kPreparedVectors = 4;

static bool isPointwise(const graph::WindowDim &dim) {
  return dim.window == 1 && dim.stride == 1 && dim.low == 0 && dim.high == 0 &&
         dim.inputDilation == 1;
}

ConvDims::ConvDims(const graph::Window &window, int64_t images,
                   int64_t channelsIn, int64_t channelsOut, int64_t groupCount)
    : batch(images), inChannels(channelsIn), outChannels(channelsOut),
      groups(groupCount), columns(window.back()) {
  if (window.size() > 1)
    rows = window[0];
  if (!isPointwise(rows) || !isPointwise(columns))
    return;
  // Any other shape with as many elements does as well: long rows.
  constexpr int64_t kLongRow = 64;
  int64_t size = inputSize();
  for (int64_t length = std::min(size, kLongRow); length <= size; ++length)
    if (size % length == 0) {
      columns.input = length;
      rows.input = size / length;
      return;
    }
}

int64_t chooseRows(const ConvDims &dims, int64_t limit) {
  int64_t rows = dims.rows.places(), most = limit / dims.columns.places();
  for (int64_t count = std::clamp<int64_t>(most, 1, rows); count > 1; --count)
    if (rows % count == 0)
      return count;
  return 1;
}

int64_t ConvDims::packedStride(int64_t count, int64_t lanes) const {
  int64_t elements =
      count * columns.places() + (shared() - 1) * sharedOffset() + lanes;
  return (llvm::divideCeil(elements, lanes) | 1) * lanes;
}

void PatchPacker::packRow(const PatchBlock &block, Value row, Value to) {
  KernelBuilder &k = l.k;
  Type storage = storageType(k, element), held = heldType(k, element);
  Type vector = k.vec(held, lanes);
  int64_t width = dims.columns.places(), stride = dims.rows.stride;
  int64_t vectors = llvm::divideCeil(width, lanes);
  int64_t count = block.rows + (dims.shared() - 1) * dims.rows.windowDilation;
  RowLoader loader(k, dims.columns, element, lanes);

  int64_t taps = dims.taps() / dims.shared();
  Value tap = k.urem(row, k.index(taps));
  Value tapRow = k.udiv(tap, k.index(dims.columns.window));
  Value tapColumn = k.urem(tap, k.index(dims.columns.window));
  Value channel = k.mul(block.image, k.index(dims.inChannels));
  channel = k.add(channel, k.mul(block.group, k.index(dims.ofGroup())));
  channel = k.add(channel, k.udiv(row, k.index(taps)));
  Value plane =
      k.gep(input, k.mul(channel, k.index(dims.inputSize())), storage);

  SmallVector<RowLoader::Tap> prepared;
  for (int64_t v = 0; vectors <= kPreparedVectors && v < vectors; ++v)
    prepared.push_back(loader.prepare(tapColumn, k.index(v * lanes)));
  auto copy = [&](Value r, Value y, Value valid) {
    Value from = k.gep(plane, k.mul(y, k.index(dims.columns.input)), storage);
    Value place = k.gep(to, k.mul(r, k.index(width)), held);
    for (auto [v, one] : llvm::enumerate(prepared))
      k.store(loader.load(one, from, valid),
              k.gep(place, k.index(int64_t(v * lanes)), held));
    if (prepared.empty())
      k.loop(k.index(0), k.index(width), lanes, [&](Value x) {
        k.store(loader.load(loader.prepare(tapColumn, x), from, valid),
                k.gep(place, x, held));
      });
  };
  auto clear = [&](Value begin, Value end) { // rows
    k.loop(k.mul(begin, k.index(width)), k.mul(end, k.index(width)), lanes,
           [&](Value at) { k.store(k.zero(vector), k.gep(to, at, held)); });
  };
  // Rows in order: a vector may reach into the next one, which is written then.
  if (dims.rows.inputDilation != 1) {
    k.loop(k.index(0), k.index(count), 1, [&](Value r) {
      auto [y, valid] = emitMet(k, dims.rows, k.add(block.firstRow, r), tapRow);
      copy(r, y, valid);
    });
  } else {
    // Row r meets y = r * stride + first.
    Value first = k.sub(k.add(k.mul(block.firstRow, k.index(stride)),
                              k.mul(tapRow, k.index(dims.rows.windowDilation))),
                        k.index(dims.rows.low));
    auto firstAt = [&](int64_t y) { // the first r that meets y or more
      Value least = k.sub(k.index(y), first);
      if (stride != 1) {
        constexpr int64_t kMany = int64_t{1} << 32; // keeps it positive
        least = k.add(least, k.index(stride - 1 + kMany * stride));
        least = k.sub(k.udiv(least, k.index(stride)), k.index(kMany));
      }
      Value zero = k.index(0);
      least = k.select(k.icmp(IPred::slt, least, zero), zero, least);
      return k.smin(least, k.index(count));
    };
    Value begin = firstAt(0), end = firstAt(dims.rows.input);
    clear(k.index(0), begin);
    k.loop(begin, end, 1, [&](Value r) {
      copy(r, k.add(k.mul(r, k.index(stride)), first), Value());
    });
    clear(end, k.index(count));
  }
  k.store(k.zero(vector), k.gep(to, k.index(count * width), held));
}

void PatchPacker::pack(const PatchBlock &block, Value begin, Value end,
                       Value to, int64_t stride) {
  KernelBuilder &k = l.k;
  k.loop(begin, end, 1, [&](Value row) {
    packRow(block, k.smin(row, k.index(dims.packedRows() - 1)),
            k.gep(to, k.mul(k.sub(row, begin), k.index(stride)),
                  heldType(k, element)));
  });
}

} // namespace mlc::cpu
