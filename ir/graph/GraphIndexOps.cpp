//===- GraphIndexOps.cpp - Ops whose indices are values -------------------===//
//
// All that is known about these ops. Their tensors have three parts: dimensions
// before the indexed one, those of the indices (or the indexed one), and those
// behind.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphIndexOps.h"

#include "ir/graph/Literal.h"
#include "ir/graph/OpFactory.h"

using namespace mlir;

namespace mlc::graph {

using Operands = ArrayRef<const Literal *>;
using Results = MutableArrayRef<Literal>;
using Cotangents = SmallVectorImpl<Value>;

static int64_t countElements(ArrayRef<int64_t> shape) {
  return ShapedType::getNumElements(shape);
}

static std::string shapeToString(ArrayRef<int64_t> shape) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '[';
  llvm::interleaveComma(shape, os);
  os << ']';
  return text;
}

/// `shape` with `replacement` in the place of `count` dimensions from `dim` on.
static SmallVector<int64_t> replaceDims(ArrayRef<int64_t> shape, size_t dim,
                                        size_t count,
                                        ArrayRef<int64_t> replacement) {
  SmallVector<int64_t> result(shape.take_front(dim));
  llvm::append_range(result, replacement);
  llvm::append_range(result, shape.drop_front(dim + count));
  return result;
}

RankedTensorType gatheredType(Type operand, Type indices, int64_t dim) {
  auto from = cast<RankedTensorType>(operand);
  if (dim < 0 || dim >= from.getRank())
    return from;
  ArrayRef<int64_t> shape = cast<RankedTensorType>(indices).getShape();
  return RankedTensorType::get(replaceDims(from.getShape(), dim, 1, shape),
                               from.getElementType());
}

//===----------------------------------------------------------------------===//
// Constraints
//===----------------------------------------------------------------------===//

LogicalResult GatherOp::verify() {
  RankedTensorType from = getOperand().getType();
  int64_t dim = getDim();
  if (dim < 0 || dim >= from.getRank()) // (C1)
    return emitOpError("has dim ")
           << dim << " but the rank is " << from.getRank();
  RankedTensorType expected = gatheredType(from, getIndices().getType(), dim);
  if (getType().getShape() != expected.getShape()) // (C2)
    return emitOpError("has a result of shape ")
           << shapeToString(getType().getShape()) << " but gives "
           << shapeToString(expected.getShape());
  return success();
}

LogicalResult ScatterAddOp::verify() {
  ArrayRef<int64_t> updates = getUpdates().getType().getShape();
  ArrayRef<int64_t> indices = getIndices().getType().getShape();
  ArrayRef<int64_t> result = getType().getShape();
  auto rank = static_cast<int64_t>(updates.size());
  auto count = static_cast<int64_t>(indices.size());
  int64_t dim = getDim();
  if (dim < 0 || dim > rank - count) // (C1)
    return emitOpError("has dim ") << dim << " for updates of rank " << rank
                                   << " and indices of rank " << count;
  if (updates.slice(dim, count) != indices) { // (C2)
    InFlightDiagnostic diag =
        emitOpError("has updates of shape ")
        << shapeToString(updates) << " but indices of shape "
        << shapeToString(indices) << " from dimension " << dim << " on";
    diag.attachNote(getIndices().getLoc()) << "indices come from here";
    return diag;
  }
  int64_t extent = dim < static_cast<int64_t>(result.size()) ? result[dim] : 1;
  SmallVector<int64_t> expected = replaceDims(updates, dim, count, {extent});
  if (result != ArrayRef(expected)) // (C3)
    return emitOpError("has a result of shape ")
           << shapeToString(result) << " but gives " << shapeToString(expected);
  return success();
}

//===----------------------------------------------------------------------===//
// Sharding
//===----------------------------------------------------------------------===//

/// Shares factors between `whole`, which has one dimension where the indices
/// point to, and `taken`, which has theirs there; that one has no factor.
static ShardingRule buildRule(RankedTensorType taken, RankedTensorType indices,
                              int64_t dim, int64_t wholeRank,
                              FactorKind ofIndices,
                              SmallVector<int64_t> &takenFactors,
                              SmallVector<int64_t> &indexFactors,
                              SmallVector<int64_t> &wholeFactors) {
  ShardingRule rule;
  rule.partial = PartialRule::linear;
  rule.replicatedOperands = {1};
  wholeFactors.assign(wholeRank, ShardingRule::kNoFactor);
  int64_t count = indices.getRank();
  for (int64_t i = 0; i < taken.getRank(); ++i) {
    bool isIndex = i >= dim && i < dim + count;
    int64_t factor = rule.addFactor(isIndex ? ofIndices : FactorKind::parallel,
                                    taken.getDimSize(i));
    takenFactors.push_back(factor);
    if (isIndex)
      indexFactors.push_back(factor);
    else
      wholeFactors[i < dim ? i : i - count + 1] = factor;
  }
  return rule;
}

ShardingRule GatherOp::getShardingRule() {
  SmallVector<int64_t> taken, indices, whole;
  ShardingRule rule = buildRule(getType(), getIndices().getType(), getDim(),
                                getOperand().getType().getRank(),
                                FactorKind::parallel, taken, indices, whole);
  rule.operandFactors = {whole, indices};
  rule.resultFactors = {taken};
  return rule;
}

ShardingRule ScatterAddOp::getShardingRule() {
  SmallVector<int64_t> taken, indices, whole;
  ShardingRule rule =
      buildRule(getUpdates().getType(), getIndices().getType(), getDim(),
                getType().getRank(), FactorKind::sum, taken, indices, whole);
  rule.operandFactors = {taken, indices};
  rule.resultFactors = {whole};
  return rule;
}

//===----------------------------------------------------------------------===//
// Gradients
//===----------------------------------------------------------------------===//

LogicalResult GatherOp::buildGradient(OpBuilder &b, ValueRange ct,
                                      Cotangents &out) {
  out.assign({ScatterAddOp::create(b, getLoc(), getOperand().getType(), ct[0],
                                   getIndices(), getDim()),
              Value()});
  return success();
}

LogicalResult ScatterAddOp::buildGradient(OpBuilder &b, ValueRange ct,
                                          Cotangents &out) {
  out.assign(
      {GatherOp::create(b, getLoc(), ct[0], getIndices(), getDim()), Value()});
  return success();
}

//===----------------------------------------------------------------------===//
// Cost and fusion
//===----------------------------------------------------------------------===//

int64_t GatherOp::getFlops() { return 0; } // data that only moves
int64_t ScatterAddOp::getFlops() {
  return getUpdates().getType().getNumElements();
}

bool GatherOp::acceptsEpilogue() { return true; }
// Each update is read once.
bool ScatterAddOp::acceptsPrologue() { return true; }

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

static LogicalResult checkIndices(Operation *op, const Literal &indices,
                                  int64_t extent) {
  for (auto [place, index] : llvm::enumerate(indices.ints))
    if (index < 0 || index >= extent)
      return op->emitOpError("has index ") << index << " in element " << place
                                           << ", outside [0, " << extent << ")";
  return success();
}

/// Calls `visit` with the offsets of every element of `taken` and of the one of
/// `whole` that its index says, in row-major order of `taken`.
static void
forEachPair(ArrayRef<int64_t> whole, const Literal &indices, int64_t dim,
            function_ref<void(int64_t taken, int64_t whole)> visit) {
  int64_t outer = countElements(whole.take_front(dim));
  int64_t inner = countElements(whole.drop_front(dim + 1));
  int64_t taken = 0;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t index : indices.ints)
      for (int64_t i = 0; i < inner; ++i)
        visit(taken++, (o * whole[dim] + index) * inner + i);
}

LogicalResult GatherOp::evaluate(Operands operands, Results results,
                                 EvalOptions) {
  const Literal &x = *operands[0], &indices = *operands[1];
  int64_t dim = getDim();
  if (failed(checkIndices(*this, indices, x.getShape()[dim])))
    return failure();
  forEachPair(x.getShape(), indices, dim, [&](int64_t to, int64_t from) {
    results[0].copyElement(to, x, from);
  });
  return success();
}

LogicalResult ScatterAddOp::evaluate(Operands operands, Results results,
                                     EvalOptions options) {
  const Literal &x = *operands[0], &indices = *operands[1];
  Literal &result = results[0];
  int64_t dim = getDim();
  if (failed(checkIndices(*this, indices, result.getShape()[dim])))
    return failure();
  Type element = x.getElementType();
  bool narrow = isa<FloatType>(element) && !element.isF64();
  Type wide = narrow ? Float32Type::get(getContext()) : element;
  forEachPair(result.getShape(), indices, dim, [&](int64_t from, int64_t to) {
    if (x.isFloat())
      result.floats[to] = combineFloat(
          ReductionKind::sum, wide, result.floats[to], x.floats[from], options);
    else
      result.ints[to] = combineInteger(ReductionKind::sum, wide,
                                       result.ints[to], x.ints[from]);
  });
  for (double &value : result.floats)
    value = roundFloat(element, value, options);
  return success();
}

} // namespace mlc::graph

#define GET_OP_CLASSES
#include "ir/graph/GraphIndexOps.cpp.inc"
