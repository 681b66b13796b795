//===- Evaluator.cpp - Any value of a fusion group, element by element ----===//
#include "codegen/cpu/Evaluator.h"

#include "llvm/ADT/TypeSwitch.h"

#include <numeric>

using namespace mlir;

namespace mlc::cpu {

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value Evaluator::load(Value pointer, Type elementType, const Coord &at) {
  Type scalar = storageType(k, elementType);
  Type type = k.vec(scalar, lanes());
  if (at.perLane || (at.stride != 0 && at.stride != 1)) {
    if (lanes() > 1) {
      ++gathers;
      Coord offsets = at;
      if (!at.perLane) { // a scalar base keeps the lane offsets constant
        pointer = k.gep(pointer, math.start(at), scalar);
        offsets = Coord::constant(0);
        offsets.stride = at.stride;
      }
      return fromStorage(k,
                         k.gather(type, pointer, math.vector(offsets), active),
                         elementType);
    }
    Value address = k.gep(pointer, math.vector(at), scalar);
    return fromStorage(k, k.load(scalar, address), elementType);
  }
  Value address = k.gep(pointer, math.start(at), scalar);
  if (at.stride == 0 && lanes() > 1)
    return k.splat(fromStorage(k, k.load(scalar, address), elementType),
                   lanes());
  return fromStorage(k, k.load(type, address, active), elementType);
}

void Evaluator::store(Value held, Value pointer, RankedTensorType type,
                      const Index &index) {
  Type elementType = type.getElementType();
  Type scalar = storageType(k, elementType);
  Value stored = toStorage(k, held, elementType);
  Coord at = math.linearize(index, type.getShape());
  if (lanes() > 1 && (at.perLane || at.stride != 1)) {
    ++gathers;
    k.scatter(stored, pointer, math.vector(at), active);
    return;
  }
  k.store(
      stored,
      k.gep(pointer, lanes() == 1 ? math.vector(at) : math.start(at), scalar),
      active);
}

//===----------------------------------------------------------------------===//
// Ops that move elements
//===----------------------------------------------------------------------===//

Index Evaluator::throughReshape(const Index &index, ArrayRef<int64_t> from,
                                ArrayRef<int64_t> to) {
  // Cells: the finest ranges of dimensions with equal products on both sides
  // that no run of the index crosses.
  Index result;
  size_t run = 0, toDim = 0;
  while (run < index.size() || toDim < to.size()) {
    Index cell;
    int64_t fromCount = 1, toCount = 1;
    size_t toBegin = toDim;
    int64_t fromBegin = run < index.size() ? index[run].first : 0;
    do {
      bool takeFrom =
          run < index.size() && (fromCount <= toCount || toDim == to.size());
      if (takeFrom) {
        const Run &next = index[run++];
        cell.push_back({next.first - fromBegin, next.count, next.at});
        fromCount *= countElements(from.slice(next.first, next.count));
      } else {
        toCount *= to[toDim++];
      }
    } while (fromCount != toCount);
    // Extents of 1 that follow belong here, so that none is left over.
    while (toDim < to.size() && to[toDim] == 1)
      ++toDim;
    while (run < index.size() &&
           countElements(from.slice(index[run].first, index[run].count)) == 1) {
      cell.push_back(
          {index[run].first - fromBegin, index[run].count, Coord::constant(0)});
      ++run;
    }
    if (toDim == toBegin)
      continue; // only extents of 1, coordinate 0
    int64_t fromEnd = cell.empty()
                          ? fromBegin
                          : fromBegin + cell.back().first + cell.back().count;
    Coord at =
        cell.empty()
            ? Coord::constant(0)
            : math.linearize(cell, from.slice(fromBegin, fromEnd - fromBegin));
    result.push_back({int64_t(toBegin), int64_t(toDim - toBegin), at});
  }
  return result;
}

Index Evaluator::throughTranspose(const Index &index, graph::TransposeOp op) {
  ArrayRef<int64_t> perm = op.getPerm();
  ArrayRef<int64_t> shape = op.getType().getShape();
  SmallVector<int64_t> cuts; // where neighbours do not stay neighbours
  for (size_t i = 1; i < perm.size(); ++i)
    if (perm[i] != perm[i - 1] + 1)
      cuts.push_back(i);
  Index result;
  for (const Run &run : math.split(index, shape, cuts))
    result.push_back({perm[run.first], run.count, run.at});
  llvm::sort(result,
             [](const Run &x, const Run &y) { return x.first < y.first; });
  return result;
}

Index Evaluator::throughBroadcast(const Index &index, graph::BroadcastOp op) {
  ArrayRef<int64_t> dims = op.getDims();
  ArrayRef<int64_t> shape = op.getType().getShape();
  RankedTensorType from = op.getOperand().getType();
  // The operand dimension behind each result dimension, or -1.
  SmallVector<int64_t> source(shape.size(), -1);
  for (auto [i, dim] : llvm::enumerate(dims))
    if (from.getDimSize(i) == shape[dim])
      source[dim] = i;
  SmallVector<int64_t> cuts;
  for (size_t i = 1; i < shape.size(); ++i)
    if ((source[i] < 0) != (source[i - 1] < 0) ||
        (source[i] >= 0 && source[i] != source[i - 1] + 1))
      cuts.push_back(i);
  Index result;
  for (const Run &run : math.split(index, shape, cuts))
    if (source[run.first] >= 0)
      result.push_back({source[run.first], run.count, run.at});
  for (int64_t i = 0; i < from.getRank(); ++i)
    if (from.getDimSize(i) != shape[dims[i]])
      result.push_back({i, 1, Coord::constant(0)});
  llvm::sort(result,
             [](const Run &x, const Run &y) { return x.first < y.first; });
  return result;
}

Index Evaluator::throughSlice(const Index &index, graph::SliceOp op) {
  ArrayRef<int64_t> shape = op.getType().getShape();
  ArrayRef<int64_t> from = op.getOperand().getType().getShape();
  SmallVector<int64_t> cuts;
  for (int64_t i = 0; i < int64_t(shape.size()); ++i)
    if (shape[i] != from[i])
      cuts.append({i, i + 1});
  Index result;
  for (const Run &run : math.split(index, shape, cuts)) {
    Coord at = run.at;
    if (shape[run.first] != from[run.first])
      at = math.add(math.scale(at, op.getStrides()[run.first]),
                    Coord::constant(op.getStarts()[run.first]));
    result.push_back({run.first, run.count, at});
  }
  return result;
}

Value Evaluator::concat(graph::ConcatOp op, const Index &index) {
  int64_t dim = op.getDim();
  Index cut = math.split(index, op.getType().getShape(), {dim, dim + 1});
  auto run = llvm::find_if(cut, [&](const Run &r) { return r.first == dim; });
  Coord at = run->at;
  Value where = math.vector(at), result;
  int64_t offset = 0;
  for (Value operand : op.getOperands()) {
    int64_t extent = typeOf(operand).getDimSize(dim);
    run->at = math.clamp(math.add(at, Coord::constant(-offset)), 0, extent - 1);
    Value part = evaluate(operand, cut);
    Value here = k.icmp(IPred::sge, where, k.ci(where.getType(), offset));
    result = result ? k.select(here, part, result) : part;
    offset += extent;
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Values from nothing
//===----------------------------------------------------------------------===//

Value Evaluator::iota(graph::IotaOp op, const Index &index) {
  int64_t dim = op.getDim();
  Type element = op.getType().getElementType();
  Index cut = math.split(index, op.getType().getShape(), {dim, dim + 1});
  auto run = llvm::find_if(cut, [&](const Run &r) { return r.first == dim; });
  Value where = math.vector(run->at);
  Type from = KernelBuilder::element(where.getType());
  return emitCast(k, where, from, element);
}

static TypedAttr heldConstant(KernelBuilder &k, Attribute value, Type element) {
  if (isNarrowFloat(element)) {
    APFloat wide = cast<FloatAttr>(value).getValue();
    bool lost;
    wide.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &lost);
    return k.b.getFloatAttr(k.f32(), wide);
  }
  if (element.isUnsignedInteger(8))
    return k.b.getIntegerAttr(k.i8(), cast<IntegerAttr>(value).getValue());
  return cast<TypedAttr>(value);
}

Value emitConstantTable(KernelBuilder &k, DenseElementsAttr dense) {
  Type element = dense.getElementType();
  Type storage = storageType(k, element);
  SmallVector<APInt> bits;
  for (Attribute value : dense.getValues<Attribute>()) {
    APInt raw = isa<FloatAttr>(value)
                    ? cast<FloatAttr>(value).getValue().bitcastToAPInt()
                    : cast<IntegerAttr>(value).getValue();
    bits.push_back(raw.zextOrTrunc(storage.getIntOrFloatBitWidth()));
  }
  Type integer = k.b.getIntegerType(storage.getIntOrFloatBitWidth());
  int64_t count = dense.getNumElements();
  auto values =
      DenseElementsAttr::get(RankedTensorType::get({count}, integer), bits);

  Operation *function = k.b.getInsertionBlock()->getParentOp();
  auto module = function->getParentOfType<ModuleOp>();
  // Equal tables are one; names follow the order of creation.
  unsigned number = 0;
  LLVM::GlobalOp global;
  for (auto other : module.getOps<LLVM::GlobalOp>()) {
    ++number;
    if (other.getValueOrNull() == values)
      global = other;
  }
  if (!global) {
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPoint(function);
    auto type = LLVM::LLVMArrayType::get(integer, count);
    global = LLVM::GlobalOp::create(
        k.b, k.loc, type, /*isConstant=*/true, LLVM::Linkage::Internal,
        "table_" + std::to_string(number), values, /*alignment=*/64);
  }
  return LLVM::AddressOfOp::create(k.b, k.loc, global);
}

Value Evaluator::constant(graph::ConstantOp op, const Index &index) {
  auto dense = cast<DenseElementsAttr>(op.getValue());
  Type element = dense.getElementType();
  Type type = k.vec(heldType(k, element), lanes());
  if (dense.isSplat()) {
    TypedAttr scalar =
        heldConstant(k, dense.getSplatValue<Attribute>(), element);
    if (auto number = dyn_cast<FloatAttr>(scalar))
      return k.cf(type, number.getValueAsDouble());
    APInt bits = cast<IntegerAttr>(scalar).getValue();
    return k.ci(type, bits.getBitWidth() == 1 ? int64_t(bits.getZExtValue())
                                              : bits.getSExtValue());
  }
  return load(emitConstantTable(k, dense), element,
              math.linearize(index, op.getType().getShape()));
}

//===----------------------------------------------------------------------===//
// Dispatch
//===----------------------------------------------------------------------===//

Value Evaluator::compute(Operation *op, const Index &index) {
  if (op->hasTrait<graph::Elementwise>()) {
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(evaluate(operand, index));
    return emitElementwise(k, op, operands);
  }
  if (isRandom(op))
    return random(op, index);
  return llvm::TypeSwitch<Operation *, Value>(op)
      .Case([&](graph::ReshapeOp reshape) {
        return evaluate(
            reshape.getOperand(),
            throughReshape(index, reshape.getType().getShape(),
                           typeOf(reshape.getOperand()).getShape()));
      })
      .Case([&](graph::TransposeOp transpose) {
        return evaluate(transpose.getOperand(),
                        throughTranspose(index, transpose));
      })
      .Case([&](graph::BroadcastOp broadcast) {
        return evaluate(broadcast.getOperand(),
                        throughBroadcast(index, broadcast));
      })
      .Case([&](graph::SliceOp slice) {
        return evaluate(slice.getOperand(), throughSlice(index, slice));
      })
      .Case([&](graph::ConstantOp o) { return constant(o, index); })
      .Case([&](graph::IotaOp o) { return iota(o, index); })
      .Case([&](graph::ConcatOp o) { return concat(o, index); })
      .Case([&](graph::ReduceOp o) { return reduce(o, index); })
      .Case([&](graph::ArgReduceOp o) { return argReduce(o, index); })
      .Case([&](graph::DotOp o) { return dot(o, index); })
      .Case([&](graph::GatherOp o) { return gather(o, index); })
      .Case([&](graph::SoftmaxCrossEntropyOp o) { return loss(o, index); })
      .Case([&](graph::SoftmaxCrossEntropyGradOp o) {
        return lossGradient(o, index);
      })
      .Default([](Operation *) { return Value(); });
}

Value Evaluator::evaluate(Value value, const Index &index) {
  if (Value given = known.lookup(value))
    return given;
  auto &entries = memo[value];
  for (auto &[at, result] : entries)
    if (at == index)
      return result;

  Value result;
  if (auto pointer = pointers.find(value); pointer != pointers.end()) {
    Coord at = math.linearize(index, typeOf(value).getShape());
    result = load(pointer->second, typeOf(value).getElementType(), at);
  } else if (Operation *op = value.getDefiningOp()) {
    result = compute(op, index);
  }
  if (!result) { // `lowerKernels` has refused ops that are not known here
    Type held = heldType(k, typeOf(value).getElementType());
    result = LLVM::PoisonOp::create(k.b, k.loc, k.vec(held, lanes()));
  }
  memo[value].push_back({index, result});
  return result;
}

} // namespace mlc::cpu
