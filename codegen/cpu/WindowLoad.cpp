//===- WindowLoad.cpp - Elements under one tap of a window ----------------===//
#include "codegen/cpu/WindowLoad.h"

using namespace mlir;

namespace mlc::cpu {

Value emitMemoryOf(Lowering &l, Value value) {
  while (auto reshape = value.getDefiningOp<graph::ReshapeOp>())
    value = reshape.getOperand();
  if (Value pointer = l.pointers.lookup(value))
    return pointer;
  if (auto constant = value.getDefiningOp<graph::ConstantOp>())
    if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue()))
      return emitConstantTable(l.k, dense);
  return {};
}

Met emitMet(KernelBuilder &k, const graph::WindowDim &dim, Value place,
            Value tap) {
  Value at = k.add(k.mul(place, k.index(dim.stride)),
                   k.mul(tap, k.index(dim.windowDilation)));
  at = k.sub(at, k.index(dim.low));
  if (dim.inputDilation == 1) {
    bool always = dim.low <= 0 && dim.high <= 0;
    return {at, always ? Value() : k.icmp(IPred::ult, at, k.index(dim.input))};
  }
  // A negative `at` is a huge unsigned number, and so beyond the input.
  Value quotient = k.udiv(at, k.index(dim.inputDilation));
  Value exact =
      k.icmp(IPred::eq, k.mul(quotient, k.index(dim.inputDilation)), at);
  return {quotient,
          k.andi(exact, k.icmp(IPred::ult, quotient, k.index(dim.input)))};
}

RowLoader::Tap RowLoader::prepare(Value tap, Value place) {
  Tap result;
  Value at = k.add(k.mul(place, k.index(dim.stride)),
                   k.mul(tap, k.index(dim.windowDilation)));
  result.start = k.sub(at, k.index(dim.low));
  Type scalar = k.i32();
  Type type = k.vec(scalar, lanes);
  Value first = k.splat(k.trunc(result.start, scalar), lanes);
  Value limit = k.ci(type, dim.input);
  auto inside = [&](int64_t offset) {
    Value index = k.add(k.laneIndices(scalar, lanes), k.ci(type, offset));
    return k.icmp(IPred::ult, k.add(first, index), limit);
  };
  if (dim.inputDilation == 1 && dim.stride == 1) {
    result.masks = {inside(0)};
    return result;
  }
  if (isPair()) {
    result.masks = {inside(0), inside(lanes)};
    return result;
  }
  Value steps = k.mul(k.laneIndices(scalar, lanes), k.ci(type, dim.stride));
  Value position = k.add(first, steps);
  if (dim.inputDilation == 1) {
    result.offsets = position;
    result.masks = {k.icmp(IPred::ult, position, limit)};
    return result;
  }
  Value dilation = k.ci(type, dim.inputDilation);
  result.offsets = k.udiv(position, dilation);
  result.masks = {
      k.andi(k.icmp(IPred::eq, k.mul(result.offsets, dilation), position),
             k.icmp(IPred::ult, result.offsets, limit))};
  return result;
}

Value RowLoader::isMet(const Tap &tap, Value valid) {
  Value mask = tap.masks[0];
  if (isPair()) {
    SmallVector<int32_t> even;
    for (unsigned lane = 0; lane < lanes; ++lane)
      even.push_back(2 * static_cast<int32_t>(lane));
    mask = k.shuffle(tap.masks[0], tap.masks[1], even);
  }
  return valid ? k.andi(mask, k.splat(valid, lanes)) : mask;
}

Value RowLoader::load(const Tap &tap, Value row, Value valid, Value fill) {
  Type storage = storageType(k, element);
  Type type = k.vec(storage, lanes);
  auto masked = [&](size_t i) {
    return valid ? k.andi(tap.masks[i], k.splat(valid, lanes)) : tap.masks[i];
  };
  Value loaded;
  if (tap.offsets) {
    loaded = k.gatherWhere(type, row, tap.offsets, masked(0));
  } else if (isPair()) {
    Value low = k.loadWhere(type, k.gep(row, tap.start, storage), masked(0));
    Value behind = k.add(tap.start, k.index(lanes));
    Value high = k.loadWhere(type, k.gep(row, behind, storage), masked(1));
    SmallVector<int32_t> even;
    for (unsigned lane = 0; lane < lanes; ++lane)
      even.push_back(2 * static_cast<int32_t>(lane));
    loaded = k.shuffle(low, high, even);
  } else {
    loaded = k.loadWhere(type, k.gep(row, tap.start, storage), masked(0));
  }
  Value held = fromStorage(k, loaded, element);
  return fill ? k.select(isMet(tap, valid), held, fill) : held;
}

} // namespace mlc::cpu
