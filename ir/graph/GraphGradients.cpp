//===- GraphGradients.cpp - The gradient of every op ----------------------===//
//
// Vector-Jacobian products: from the cotangents of an op's results, those of
// its operands. A null result cotangent is zero; a null operand cotangent says
// that there is none (integers, labels, predicates). Ties of maximum, minimum
// and of reductions share the cotangent evenly, as in PyTorch.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/OpFactory.h"

#include "mlir/IR/IRMapping.h"

#include "llvm/ADT/SmallBitVector.h"

using namespace mlir;
using namespace mlc;
using namespace mlc::graph;

using Cotangents = SmallVectorImpl<Value>;

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

LogicalResult AddOp::buildGradient(OpBuilder &, ValueRange ct,
                                   Cotangents &out) {
  out.assign({ct[0], ct[0]});
  return success();
}

LogicalResult SubOp::buildGradient(OpBuilder &b, ValueRange ct,
                                   Cotangents &out) {
  OpFactory ops{b, getLoc()};
  out.assign({ct[0], ops.neg(ct[0])});
  return success();
}

LogicalResult MulOp::buildGradient(OpBuilder &b, ValueRange ct,
                                   Cotangents &out) {
  OpFactory ops{b, getLoc()};
  out.assign({ops.mul(ct[0], getRhs()), ops.mul(ct[0], getLhs())});
  return success();
}

LogicalResult DivOp::buildGradient(OpBuilder &b, ValueRange ct,
                                   Cotangents &out) {
  OpFactory ops{b, getLoc()};
  Value left = ops.div(ct[0], getRhs());
  out.assign({left, ops.neg(ops.mul(left, getResult()))});
  return success();
}

// d a^b = b a^(b-1) da + a^b log(a) db, with 0 where b = 0, and where a = 0
// and b >= 0.
LogicalResult PowOp::buildGradient(OpBuilder &b, ValueRange ct,
                                   Cotangents &out) {
  OpFactory ops{b, getLoc()};
  Value base = getLhs(), exponent = getRhs();
  Value zero = ops.zeroLike(base), one = ops.splatLike(base, 1.0);
  Value slope = ops.mul(
      exponent, PowOp::create(b, getLoc(), base, ops.sub(exponent, one)));
  Value toBase = ops.select(ops.compare(ComparePredicate::eq, exponent, zero),
                            zero, ops.mul(ct[0], slope));
  Value flat =
      AndOp::create(b, getLoc(), ops.compare(ComparePredicate::eq, base, zero),
                    ops.compare(ComparePredicate::ge, exponent, zero));
  Value log = LogOp::create(b, getLoc(), ops.select(flat, one, base));
  out.assign({toBase, ops.mul(ct[0], ops.mul(getResult(), log))});
  return success();
}

/// The cotangents of maximum (wins = gt) and minimum (wins = lt).
static void extremumGradient(OpFactory ops, ComparePredicate wins,
                             ComparePredicate loses, Value a, Value b, Value ct,
                             Cotangents &out) {
  Value zero = ops.zeroLike(ct);
  Value tie = ops.select(ops.compare(ComparePredicate::eq, a, b),
                         ops.mul(ct, ops.splatLike(ct, 0.5)), zero);
  out.assign({ops.select(ops.compare(wins, a, b), ct, tie),
              ops.select(ops.compare(loses, a, b), ct, tie)});
}

LogicalResult MaximumOp::buildGradient(OpBuilder &b, ValueRange ct,
                                       Cotangents &out) {
  extremumGradient({b, getLoc()}, ComparePredicate::gt, ComparePredicate::lt,
                   getLhs(), getRhs(), ct[0], out);
  return success();
}

LogicalResult MinimumOp::buildGradient(OpBuilder &b, ValueRange ct,
                                       Cotangents &out) {
  extremumGradient({b, getLoc()}, ComparePredicate::lt, ComparePredicate::gt,
                   getLhs(), getRhs(), ct[0], out);
  return success();
}

// d (a mod b) = da - floor(a / b) db.
LogicalResult ModOp::buildGradient(OpBuilder &b, ValueRange ct,
                                   Cotangents &out) {
  if (!isa<FloatType>(getElementTypeOrSelf(getType()))) {
    out.assign({Value(), Value()});
    return success();
  }
  OpFactory ops{b, getLoc()};
  Value whole = FloorOp::create(b, getLoc(), ops.div(getLhs(), getRhs()));
  out.assign({ct[0], ops.neg(ops.mul(ct[0], whole))});
  return success();
}

LogicalResult NegOp::buildGradient(OpBuilder &b, ValueRange ct,
                                   Cotangents &out) {
  out.assign({OpFactory{b, getLoc()}.neg(ct[0])});
  return success();
}

LogicalResult AbsOp::buildGradient(OpBuilder &b, ValueRange ct,
                                   Cotangents &out) {
  OpFactory ops{b, getLoc()};
  out.assign({ops.mul(ct[0], SignOp::create(b, getLoc(), getOperand()))});
  return success();
}

LogicalResult SignOp::buildGradient(OpBuilder &, ValueRange, Cotangents &out) {
  out.assign({Value()});
  return success();
}

LogicalResult FloorOp::buildGradient(OpBuilder &, ValueRange, Cotangents &out) {
  out.assign({Value()});
  return success();
}

LogicalResult RoundOp::buildGradient(OpBuilder &, ValueRange, Cotangents &out) {
  out.assign({Value()});
  return success();
}

LogicalResult ExpOp::buildGradient(OpBuilder &b, ValueRange ct,
                                   Cotangents &out) {
  out.assign({OpFactory{b, getLoc()}.mul(ct[0], getResult())});
  return success();
}

LogicalResult Expm1Op::buildGradient(OpBuilder &b, ValueRange ct,
                                     Cotangents &out) {
  OpFactory ops{b, getLoc()};
  Value more = ops.add(getResult(), ops.splatLike(getResult(), 1.0));
  out.assign({ops.mul(ct[0], more)});
  return success();
}

LogicalResult LogOp::buildGradient(OpBuilder &b, ValueRange ct,
                                   Cotangents &out) {
  out.assign({OpFactory{b, getLoc()}.div(ct[0], getOperand())});
  return success();
}

LogicalResult Log1pOp::buildGradient(OpBuilder &b, ValueRange ct,
                                     Cotangents &out) {
  OpFactory ops{b, getLoc()};
  Value more = ops.add(getOperand(), ops.splatLike(getOperand(), 1.0));
  out.assign({ops.div(ct[0], more)});
  return success();
}

LogicalResult SqrtOp::buildGradient(OpBuilder &b, ValueRange ct,
                                    Cotangents &out) {
  OpFactory ops{b, getLoc()};
  out.assign({ops.div(ct[0], ops.add(getResult(), getResult()))});
  return success();
}

LogicalResult TanhOp::buildGradient(OpBuilder &b, ValueRange ct,
                                    Cotangents &out) {
  OpFactory ops{b, getLoc()};
  Value square = ops.mul(getResult(), getResult());
  out.assign({ops.mul(ct[0], ops.sub(ops.splatLike(square, 1.0), square))});
  return success();
}

LogicalResult SigmoidOp::buildGradient(OpBuilder &b, ValueRange ct,
                                       Cotangents &out) {
  OpFactory ops{b, getLoc()};
  Value rest = ops.sub(ops.splatLike(getResult(), 1.0), getResult());
  out.assign({ops.mul(ct[0], ops.mul(getResult(), rest))});
  return success();
}

LogicalResult ReluOp::buildGradient(OpBuilder &b, ValueRange ct,
                                    Cotangents &out) {
  OpFactory ops{b, getLoc()};
  Value zero = ops.zeroLike(getResult());
  out.assign({ops.select(ops.compare(ComparePredicate::gt, getResult(), zero),
                         ct[0], zero)});
  return success();
}

// d erf(x) = 2 / sqrt(pi) * exp(-x^2) dx; at least in f32, since the factor
// itself would lose digits in a narrower type.
LogicalResult ErfOp::buildGradient(OpBuilder &b, ValueRange ct,
                                   Cotangents &out) {
  OpFactory ops{b, getLoc()};
  bool isNarrow = getType().getElementType().getIntOrFloatBitWidth() < 32;
  Type wide = isNarrow ? Type(withElementType(getType(), b.getF32Type()))
                       : Type(getType());
  Value x = ops.castTo(getOperand(), wide);
  Value decay = ExpOp::create(b, getLoc(), ops.neg(ops.mul(x, x)));
  Value slope = ops.mul(decay, ops.splatLike(decay, 1.1283791670955126));
  out.assign({ops.mul(ct[0], ops.castTo(slope, getType()))});
  return success();
}

LogicalResult SinOp::buildGradient(OpBuilder &b, ValueRange ct,
                                   Cotangents &out) {
  OpFactory ops{b, getLoc()};
  out.assign({ops.mul(ct[0], CosOp::create(b, getLoc(), getOperand()))});
  return success();
}

LogicalResult CosOp::buildGradient(OpBuilder &b, ValueRange ct,
                                   Cotangents &out) {
  OpFactory ops{b, getLoc()};
  Value sine = SinOp::create(b, getLoc(), getOperand());
  out.assign({ops.neg(ops.mul(ct[0], sine))});
  return success();
}

LogicalResult SelectOp::buildGradient(OpBuilder &b, ValueRange ct,
                                      Cotangents &out) {
  OpFactory ops{b, getLoc()};
  Value zero = ops.zeroLike(ct[0]);
  out.assign({Value(), ops.select(getCondition(), ct[0], zero),
              ops.select(getCondition(), zero, ct[0])});
  return success();
}

/// `value` in the wider type `element`, made of sums that are carried in it:
/// not rounded first and widened then. Null where no sum is found near.
static Value widenSum(OpBuilder &b, Value value, Type element, int depth = 8) {
  Operation *op = value.getDefiningOp();
  auto shardable = dyn_cast_or_null<ShardingOpInterface>(op);
  if (!shardable || op->getNumResults() != 1 || depth == 0)
    return {};
  ShardingRule rule = shardable.getShardingRule();
  if (rule.partial == PartialRule::none)
    return {};
  const bool isSum = llvm::is_contained(rule.kinds, FactorKind::sum);
  const Type narrow = getElementTypeOrSelf(value.getType());
  OpFactory ops{b, op->getLoc()};
  IRMapping operands;
  bool found = isSum;
  for (auto [index, operand] : llvm::enumerate(op->getOperands())) {
    auto type = cast<RankedTensorType>(operand.getType());
    if (llvm::is_contained(rule.replicatedOperands, index))
      continue;
    if (type.getElementType() != narrow)
      return {};
    Value wide = isSum ? Value() : widenSum(b, operand, element, depth - 1);
    found |= static_cast<bool>(wide);
    operands.map(operand,
                 wide ? wide
                      : ops.castTo(operand, withElementType(type, element)));
  }
  if (!found)
    return {};
  Operation *copy = b.clone(*op, operands);
  Value result = copy->getResult(0);
  result.setType(
      withElementType(cast<RankedTensorType>(value.getType()), element));
  return result;
}

// A gradient that sums in f16 or bf16, over the batch above all, is carried in
// the operand's type: micro-batches and ranks add it up in f32.
LogicalResult CastOp::buildGradient(OpBuilder &b, ValueRange ct,
                                    Cotangents &out) {
  auto type = cast<RankedTensorType>(getOperand().getType());
  auto element = dyn_cast<FloatType>(type.getElementType());
  auto from = dyn_cast<FloatType>(getElementTypeOrSelf(getType()));
  Value wide;
  if (element && from && element.getWidth() > from.getWidth() &&
      from.getWidth() == 16)
    wide = widenSum(b, ct[0], element);
  if (!wide && element)
    wide = OpFactory{b, getLoc()}.castTo(ct[0], type);
  out.assign({wide});
  return success();
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

LogicalResult BroadcastOp::buildGradient(OpBuilder &b, ValueRange ct,
                                         Cotangents &out) {
  OpFactory ops{b, getLoc()};
  ArrayRef<int64_t> from = shapeOf(getOperand()), to = shapeOf(getResult());
  llvm::SmallBitVector kept(to.size());
  SmallVector<int64_t> keptDims, summed; // of the operand; of the result
  for (auto [dim, target] : llvm::enumerate(getDims()))
    if (from[dim] == to[target]) {
      kept.set(target);
      keptDims.push_back(static_cast<int64_t>(dim));
    }
  for (int64_t dim = 0, rank = to.size(); dim < rank; ++dim)
    if (!kept.test(dim))
      summed.push_back(dim);
  auto left = llvm::to_vector(
      llvm::seq<int64_t>(0, static_cast<int64_t>(keptDims.size())));
  out.assign({ops.reshape(ops.reduceSum(ct[0], summed), from, left, keptDims)});
  return success();
}

LogicalResult ReshapeOp::buildGradient(OpBuilder &b, ValueRange ct,
                                       Cotangents &out) {
  out.assign({OpFactory{b, getLoc()}.reshape(ct[0], shapeOf(getOperand()),
                                             getKeepTo(), getKeepFrom())});
  return success();
}

LogicalResult TransposeOp::buildGradient(OpBuilder &b, ValueRange ct,
                                         Cotangents &out) {
  SmallVector<int64_t> inverse(getPerm().size());
  for (auto [to, from] : llvm::enumerate(getPerm()))
    inverse[from] = to;
  out.assign({OpFactory{b, getLoc()}.transpose(ct[0], inverse)});
  return success();
}

LogicalResult ConcatOp::buildGradient(OpBuilder &b, ValueRange ct,
                                      Cotangents &out) {
  ArrayRef<int64_t> shape = shapeOf(getResult());
  SmallVector<int64_t> starts(shape.size(), 0), limits(shape),
      strides(shape.size(), 1);
  int64_t dim = getDim(), begin = 0;
  for (Value operand : getOperands()) {
    starts[dim] = begin;
    limits[dim] = begin += shapeOf(operand)[dim];
    out.push_back(SliceOp::create(b, getLoc(), ct[0], starts, limits, strides));
  }
  return success();
}

/// `x` along `dim` with `before` zeros in front, then its elements `stride`
/// apart, then zeros up to `size` in all.
static Value scatterDim(OpFactory ops, Value x, int64_t dim, int64_t before,
                        int64_t stride, int64_t size) {
  auto type = cast<RankedTensorType>(x.getType());
  auto zeros = [&](SmallVector<int64_t> shape, int64_t at, int64_t count) {
    shape[at] = count;
    return ops.splat(RankedTensorType::get(shape, type.getElementType()), 0.0);
  };
  auto concat = [&](ArrayRef<Value> parts, int64_t at) -> Value {
    return parts.size() == 1
               ? parts[0]
               : ConcatOp::create(ops.builder, ops.loc, parts, at);
  };
  if (stride > 1) {
    SmallVector<int64_t> pairs(type.getShape()), merged(type.getShape());
    pairs.insert(pairs.begin() + dim + 1, 1);
    SmallVector<int64_t> others, inPairs; // dimensions that stay
    for (int64_t i = 0; i < type.getRank(); ++i)
      if (i != dim) {
        others.push_back(i);
        inPairs.push_back(i < dim ? i : i + 1);
      }
    Value column = ops.reshape(x, pairs, others, inPairs);
    merged[dim] *= stride;
    x = ops.reshape(
        concat({column, zeros(pairs, dim + 1, stride - 1)}, dim + 1), merged,
        inPairs, others);
  }
  SmallVector<int64_t> shape(shapeOf(x));
  if (int64_t excess = before + shape[dim] - size; excess > 0) {
    SmallVector<int64_t> starts(shape.size(), 0), limits(shape),
        ones(shape.size(), 1);
    shape[dim] = limits[dim] -= excess;
    x = SliceOp::create(ops.builder, ops.loc, x, starts, limits, ones);
  }
  SmallVector<Value> parts;
  if (before > 0)
    parts.push_back(zeros(shape, dim, before));
  parts.push_back(x);
  if (int64_t after = size - before - shape[dim]; after > 0)
    parts.push_back(zeros(shape, dim, after));
  return concat(parts, dim);
}

LogicalResult SliceOp::buildGradient(OpBuilder &b, ValueRange ct,
                                     Cotangents &out) {
  Value x = ct[0];
  for (auto [dim, size] : llvm::enumerate(shapeOf(getOperand())))
    x = scatterDim({b, getLoc()}, x, dim, getStarts()[dim], getStrides()[dim],
                   size);
  out.assign({x});
  return success();
}

//===----------------------------------------------------------------------===//
// Reductions and contractions
//===----------------------------------------------------------------------===//

LogicalResult ReduceOp::buildGradient(OpBuilder &b, ValueRange ct,
                                      Cotangents &out) {
  OpFactory ops{b, getLoc()};
  ArrayRef<int64_t> shape = shapeOf(getOperand());
  SmallVector<int64_t> kept;
  for (int64_t dim = 0, rank = shape.size(); dim < rank; ++dim)
    if (!llvm::is_contained(getDims(), dim))
      kept.push_back(dim);
  if (getKind() == ReductionKind::sum) {
    out.assign({ops.broadcast(ct[0], shape, kept)});
    return success();
  }
  // max, min: evenly over the elements that are the extremum.
  Value extremum = ops.broadcast(getResult(), shape, kept);
  Value hit = ops.compare(ComparePredicate::eq, getOperand(), extremum);
  Value mask = ops.select(hit, ops.splatLike(getOperand(), 1.0),
                          ops.zeroLike(getOperand()));
  Value share = ops.div(ct[0], ops.reduceSum(mask, llvm::to_vector(getDims())));
  out.assign({ops.mul(mask, ops.broadcast(share, shape, kept))});
  return success();
}

/// The dimensions of a tensor of `rank` that are neither in `batch` nor in
/// `contract`, ascending.
static SmallVector<int64_t> freeDims(int64_t rank, ArrayRef<int64_t> batch,
                                     ArrayRef<int64_t> contract) {
  SmallVector<int64_t> dims;
  for (int64_t dim = 0; dim < rank; ++dim)
    if (!llvm::is_contained(batch, dim) && !llvm::is_contained(contract, dim))
      dims.push_back(dim);
  return dims;
}

/// The cotangent of one operand of a dot: contracts the result's cotangent with
/// the other operand over that one's free dimensions, and restores the order.
///
/// \param ctFirst  the other operand's free dimensions come last in `ct`.
static Value dotOperandGradient(OpFactory ops, Value ct, Value operand,
                                Value other, ArrayRef<int64_t> batch,
                                ArrayRef<int64_t> contract,
                                ArrayRef<int64_t> otherBatch,
                                ArrayRef<int64_t> otherContract,
                                bool operandIsLhs) {
  int64_t rank = shapeOf(operand).size(), otherRank = shapeOf(other).size();
  SmallVector<int64_t> own = freeDims(rank, batch, contract);
  SmallVector<int64_t> others = freeDims(otherRank, otherBatch, otherContract);
  int64_t numBatch = batch.size();

  // ct has the dimensions batch, lhs free, rhs free.
  SmallVector<int64_t> ctBatch =
      llvm::to_vector(llvm::seq<int64_t>(0, numBatch));
  int64_t firstOther = numBatch + (operandIsLhs ? own.size() : 0);
  SmallVector<int64_t> ctContract = llvm::to_vector(
      llvm::seq<int64_t>(firstOther, firstOther + others.size()));

  // For the right operand the other one comes first, so that for matrices
  // the result needs no transpose: b' = a^T ct.
  SmallVector<int64_t> order(batch); // dims of `operand` in the result's order
  Value result;
  // What is left of `other` are its contracting dimensions, ascending there.
  auto contractByOther = llvm::to_vector(
      llvm::seq<int64_t>(0, static_cast<int64_t>(contract.size())));
  llvm::sort(contractByOther, [&](int64_t a, int64_t b) {
    return otherContract[a] < otherContract[b];
  });
  SmallVector<int64_t> contracted;
  for (int64_t index : contractByOther)
    contracted.push_back(contract[index]);
  if (operandIsLhs) {
    result = DotOp::create(ops.builder, ops.loc, ct, other, ctBatch, otherBatch,
                           ctContract, others);
    llvm::append_range(order, own);
    llvm::append_range(order, contracted);
  } else {
    result = DotOp::create(ops.builder, ops.loc, other, ct, otherBatch, ctBatch,
                           others, ctContract);
    llvm::append_range(order, contracted);
    llvm::append_range(order, own);
  }
  SmallVector<int64_t> perm(rank);
  for (auto [position, dim] : llvm::enumerate(order))
    perm[dim] = position;
  if (llvm::is_sorted(perm))
    return result;
  return ops.transpose(result, perm);
}

LogicalResult DotOp::buildGradient(OpBuilder &b, ValueRange ct,
                                   Cotangents &out) {
  OpFactory ops{b, getLoc()};
  ArrayRef<int64_t> lhsBatch = getLhsBatch(), rhsBatch = getRhsBatch();
  ArrayRef<int64_t> lhsContract = getLhsContract(),
                    rhsContract = getRhsContract();
  out.assign(
      {dotOperandGradient(ops, ct[0], getLhs(), getRhs(), lhsBatch, lhsContract,
                          rhsBatch, rhsContract, /*operandIsLhs=*/true),
       dotOperandGradient(ops, ct[0], getRhs(), getLhs(), rhsBatch, rhsContract,
                          lhsBatch, lhsContract, /*operandIsLhs=*/false)});
  return success();
}

LogicalResult SoftmaxCrossEntropyOp::buildGradient(OpBuilder &b, ValueRange ct,
                                                   Cotangents &out) {
  out.assign({SoftmaxCrossEntropyGradOp::create(b, getLoc(), getLogits(),
                                                getLabels(), ct[0]),
              Value()});
  return success();
}

// With s = softmax(x) and e = onehot(y), dlogits = (s - e) * dloss. So
// d dlogits / d dloss contracts the cotangent G with s - e, and that of x is
// dloss * s * (G - sum(G * s)).
LogicalResult SoftmaxCrossEntropyGradOp::buildGradient(OpBuilder &b,
                                                       ValueRange ct,
                                                       Cotangents &out) {
  OpFactory ops{b, getLoc()};
  ArrayRef<int64_t> shape = shapeOf(getLogits());
  int64_t last = static_cast<int64_t>(shape.size()) - 1;
  auto rowDims = llvm::to_vector(llvm::seq<int64_t>(0, last));
  auto columns = [&](Value rows) {
    return ops.broadcast(rows, shape, rowDims);
  };
  Value one = ops.splatLike(getDloss(), 1.0);
  Value difference = SoftmaxCrossEntropyGradOp::create(b, getLoc(), getLogits(),
                                                       getLabels(), one);
  auto indexType = RankedTensorType::get(shape, b.getI64Type());
  Value index = IotaOp::create(b, getLoc(), indexType, last);
  Value labels = ops.castTo(
      getLabels(), RankedTensorType::get(shape.drop_back(), b.getI64Type()));
  Value hit = ops.compare(ComparePredicate::eq, index, columns(labels));
  Value softmax =
      ops.add(difference, ops.select(hit, ops.splatLike(getLogits(), 1.0),
                                     ops.zeroLike(getLogits())));
  Value centre = columns(ops.reduceSum(ops.mul(ct[0], softmax), {last}));
  Value toLogits =
      ops.mul(ops.mul(columns(getDloss()), softmax), ops.sub(ct[0], centre));
  Value toLoss = ops.reduceSum(ops.mul(ct[0], difference), {last});
  out.assign({toLogits, Value(), toLoss});
  return success();
}
