//===- GraphSharding.cpp - The sharding rules of the graph ops ------------===//
//
// See ShardingRule.h for what a rule says.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphOps.h"
#include <numeric>

using namespace mlir;

namespace mlc::graph {

static constexpr int64_t kNoFactor = ShardingRule::kNoFactor;

static RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// A rule in which no dimension has a factor yet.
static ShardingRule emptyRule(Operation *op, PartialRule partial) {
  ShardingRule rule;
  rule.partial = partial;
  for (Value operand : op->getOperands())
    rule.operandFactors.emplace_back(tensorType(operand).getRank(), kNoFactor);
  for (Value result : op->getResults())
    rule.resultFactors.emplace_back(tensorType(result).getRank(), kNoFactor);
  return rule;
}

ShardingRule buildElementwiseRule(Operation *op, PartialRule partial) {
  ShardingRule rule = emptyRule(op, partial);
  RankedTensorType type = tensorType(op->getResult(0));
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    int64_t factor = rule.addFactor(FactorKind::parallel, type.getDimSize(dim));
    for (auto &factors : rule.operandFactors)
      factors[dim] = factor;
    rule.resultFactors[0][dim] = factor;
  }
  return rule;
}

// Every device can make its part of a splat; other values stay whole.
ShardingRule ConstantOp::getShardingRule() {
  auto elements = dyn_cast<DenseElementsAttr>(getValue());
  if (elements && elements.isSplat())
    return buildElementwiseRule(*this, PartialRule::none);
  return emptyRule(*this, PartialRule::none);
}

LogicalResult ConstantOp::retypeResults(TypeRange types) {
  auto type = cast<RankedTensorType>(types.front());
  auto elements = dyn_cast<DenseElementsAttr>(getValue());
  if (!elements)
    return failure();
  if (elements.isSplat())
    setValueAttr(elements.resizeSplat(type));
  else if (elements.getType().getShape() == type.getShape())
    setValueAttr(elements.reshape(type));
  else
    return failure();
  getResult().setType(type);
  return success();
}

// A device's part along `dim` would have to start at its own index.
ShardingRule IotaOp::getShardingRule() {
  ShardingRule rule = buildElementwiseRule(*this, PartialRule::none);
  rule.kinds[getDim()] = FactorKind::whole;
  return rule;
}

ShardingRule SelectOp::getShardingRule() {
  ShardingRule rule = buildElementwiseRule(*this, PartialRule::linear);
  rule.replicatedOperands.push_back(0);
  return rule;
}

// Factors of the result; an operand's dimension of extent 1 that repeats has
// none, since every device needs it.
ShardingRule BroadcastOp::getShardingRule() {
  ShardingRule rule = emptyRule(*this, PartialRule::linear);
  for (int64_t dim = 0; dim < getType().getRank(); ++dim)
    rule.resultFactors[0][dim] =
        rule.addFactor(FactorKind::parallel, getType().getDimSize(dim));
  for (auto [i, dim] : llvm::enumerate(getDims()))
    if (getOperand().getType().getDimSize(i) == getType().getDimSize(dim))
      rule.operandFactors[0][i] = rule.resultFactors[0][dim];
  return rule;
}

/// Splits two shapes of equally many elements into the smallest groups of
/// dimensions with equally many elements, [64, 28, 28] and [64, 784] into {64,
/// 64} and {28 x 28, 784}; calls `visit` with the first dimension of each group
/// on both sides whose extent is not 1. Groups without one are skipped.
static void
forEachReshapeGroup(ArrayRef<int64_t> from, ArrayRef<int64_t> to,
                    function_ref<void(int64_t from, int64_t to)> visit) {
  size_t i = 0, j = 0;
  while (true) {
    while (i < from.size() && from[i] == 1)
      ++i;
    while (j < to.size() && to[j] == 1)
      ++j;
    if (i == from.size() || j == to.size())
      return;
    visit(static_cast<int64_t>(i), static_cast<int64_t>(j));
    int64_t fromCount = from[i++], toCount = to[j++];
    while (fromCount != toCount) {
      if (fromCount < toCount)
        fromCount *= from[i++];
      else
        toCount *= to[j++];
    }
  }
}

/// The only sharded dimension of a tensor; -1 where there is none or another.
static int64_t findShardedDim(RankedTensorType type) {
  auto layout = dyn_cast_if_present<LayoutAttrInterface>(type.getEncoding());
  int64_t found = -1;
  for (int64_t dim = 0; layout && dim < type.getRank(); ++dim) {
    if (!layout.isDimSharded(dim))
      continue;
    if (found >= 0)
      return -1;
    found = dim;
  }
  return found;
}

/// Where both sides have layouts: at the shapes of one micro-batch the batch
/// may be one row, and extents alone do not say which dimension that is. Two
/// dimensions are cut alike if what stands before them has equally many
/// elements.
static bool addShardedFactor(ReshapeOp op, ShardingRule &rule) {
  RankedTensorType from = op.getOperand().getType(), to = op.getType();
  int64_t i = findShardedDim(from), j = findShardedDim(to);
  auto countBefore = [](RankedTensorType type, int64_t dim) {
    return std::accumulate(type.getShape().begin(),
                           type.getShape().begin() + dim, int64_t(1),
                           std::multiplies<>());
  };
  if (i < 0 || j < 0 || countBefore(from, i) != countBefore(to, j))
    return false;
  rule.operandFactors[0][i] = rule.resultFactors[0][j] = rule.addFactor(
      FactorKind::parallel, std::gcd(from.getDimSize(i), to.getDimSize(j)));
  return true;
}

/// The rule where no dimension is kept.
static ShardingRule guessReshapeRule(ReshapeOp op) {
  ShardingRule rule = emptyRule(op, PartialRule::linear);
  ArrayRef<int64_t> from = op.getOperand().getType().getShape();
  ArrayRef<int64_t> to = op.getType().getShape();
  // A batch of one row.
  if (!addShardedFactor(op, rule) && !from.empty() && !to.empty() &&
      from[0] == 1 && to[0] == 1)
    rule.operandFactors[0][0] = rule.resultFactors[0][0] =
        rule.addFactor(FactorKind::parallel, 1);
  forEachReshapeGroup(from, to, [&](int64_t i, int64_t j) {
    int64_t size = std::gcd(from[i], to[j]);
    if (size == 1 || rule.operandFactors[0][i] != kNoFactor ||
        rule.resultFactors[0][j] != kNoFactor)
      return;
    int64_t factor = rule.addFactor(FactorKind::parallel, size);
    rule.operandFactors[0][i] = factor;
    rule.resultFactors[0][j] = factor;
  });
  return rule;
}

// A kept dimension may be cut as it is. A group of dimensions between two of
// them may be cut along its outermost one on both sides, into as many parts as
// divide both extents: then a part is contiguous in both.
ShardingRule ReshapeOp::getShardingRule() {
  if (getKeepFrom().empty())
    return guessReshapeRule(*this);
  ShardingRule rule = emptyRule(*this, PartialRule::linear);
  ArrayRef<int64_t> from = getOperand().getType().getShape();
  ArrayRef<int64_t> to = getType().getShape();
  auto share = [&](int64_t i, int64_t j, int64_t size) {
    int64_t factor = rule.addFactor(FactorKind::parallel, size);
    rule.operandFactors[0][i] = factor;
    rule.resultFactors[0][j] = factor;
  };
  int64_t firstFrom = 0, firstTo = 0; // behind the last kept dimension
  auto shareGroups = [&](int64_t endFrom, int64_t endTo) {
    forEachReshapeGroup(
        from.slice(firstFrom, endFrom - firstFrom),
        to.slice(firstTo, endTo - firstTo), [&](int64_t i, int64_t j) {
          int64_t size = std::gcd(from[firstFrom + i], to[firstTo + j]);
          if (size != 1)
            share(firstFrom + i, firstTo + j, size);
        });
  };
  for (auto [i, j] : llvm::zip_equal(getKeepFrom(), getKeepTo())) {
    shareGroups(i, j);
    share(i, j, from[i]);
    firstFrom = i + 1;
    firstTo = j + 1;
  }
  shareGroups(from.size(), to.size());
  return rule;
}

ShardingRule TransposeOp::getShardingRule() {
  ShardingRule rule = emptyRule(*this, PartialRule::linear);
  for (auto [i, dim] : llvm::enumerate(getPerm())) {
    int64_t factor =
        rule.addFactor(FactorKind::parallel, getType().getDimSize(i));
    rule.resultFactors[0][i] = factor;
    rule.operandFactors[0][dim] = factor;
  }
  return rule;
}

ShardingRule ConcatOp::getShardingRule() {
  ShardingRule rule = emptyRule(*this, PartialRule::linear);
  for (int64_t dim = 0; dim < getType().getRank(); ++dim) {
    if (dim == static_cast<int64_t>(getDim()))
      continue;
    int64_t factor =
        rule.addFactor(FactorKind::parallel, getType().getDimSize(dim));
    for (auto &factors : rule.operandFactors)
      factors[dim] = factor;
    rule.resultFactors[0][dim] = factor;
  }
  return rule;
}

// Dimensions that are taken whole may be sharded.
ShardingRule SliceOp::getShardingRule() {
  ShardingRule rule = emptyRule(*this, PartialRule::linear);
  for (int64_t dim = 0; dim < getType().getRank(); ++dim) {
    int64_t extent = getType().getDimSize(dim);
    if (extent != getOperand().getType().getDimSize(dim))
      continue;
    int64_t factor = rule.addFactor(FactorKind::parallel, extent);
    rule.operandFactors[0][dim] = factor;
    rule.resultFactors[0][dim] = factor;
  }
  return rule;
}

LogicalResult SliceOp::retypeResults(TypeRange types) {
  auto type = cast<RankedTensorType>(types.front());
  SmallVector<int64_t> limits(getLimits());
  for (int64_t dim = 0; dim < type.getRank(); ++dim)
    if (type.getDimSize(dim) != getType().getDimSize(dim))
      limits[dim] = type.getDimSize(dim); // taken whole, from 0 by 1
  setLimits(limits);
  getResult().setType(type);
  return success();
}

static FactorKind factorKind(ReductionKind kind) {
  switch (kind) {
  case ReductionKind::sum:
    return FactorKind::sum;
  case ReductionKind::max:
    return FactorKind::max;
  case ReductionKind::min:
    return FactorKind::min;
  }
  llvm_unreachable("covered above");
}

ShardingRule ReduceOp::getShardingRule() {
  ShardingRule rule =
      emptyRule(*this, getKind() == ReductionKind::sum ? PartialRule::linear
                                                       : PartialRule::none);
  RankedTensorType from = getOperand().getType();
  int64_t next = 0;
  for (int64_t dim = 0; dim < from.getRank(); ++dim) {
    bool reduced = llvm::is_contained(getDims(), dim);
    int64_t factor =
        rule.addFactor(reduced ? factorKind(getKind()) : FactorKind::parallel,
                       from.getDimSize(dim));
    rule.operandFactors[0][dim] = factor;
    if (!reduced)
      rule.resultFactors[0][next++] = factor;
  }
  return rule;
}

ShardingRule ArgReduceOp::getShardingRule() {
  ShardingRule rule = emptyRule(*this, PartialRule::none);
  RankedTensorType from = getOperand().getType();
  int64_t next = 0;
  for (int64_t dim = 0; dim < from.getRank(); ++dim) {
    bool reduced = dim == static_cast<int64_t>(getDim());
    int64_t factor =
        rule.addFactor(reduced ? FactorKind::whole : FactorKind::parallel,
                       from.getDimSize(dim));
    rule.operandFactors[0][dim] = factor;
    if (!reduced)
      rule.resultFactors[0][next++] = factor;
  }
  return rule;
}

ShardingRule DotOp::getShardingRule() {
  ShardingRule rule = emptyRule(*this, PartialRule::bilinear);
  RankedTensorType lhs = getLhs().getType(), rhs = getRhs().getType();
  int64_t next = 0;
  for (auto [l, r] : llvm::zip(getLhsBatch(), getRhsBatch())) {
    int64_t factor = rule.addFactor(FactorKind::parallel, lhs.getDimSize(l));
    rule.operandFactors[0][l] = rule.operandFactors[1][r] = factor;
    rule.resultFactors[0][next++] = factor;
  }
  for (int64_t dim : getLhsFree())
    rule.resultFactors[0][next++] = rule.operandFactors[0][dim] =
        rule.addFactor(FactorKind::parallel, lhs.getDimSize(dim));
  for (int64_t dim : getRhsFree())
    rule.resultFactors[0][next++] = rule.operandFactors[1][dim] =
        rule.addFactor(FactorKind::parallel, rhs.getDimSize(dim));
  for (auto [l, r] : llvm::zip(getLhsContract(), getRhsContract()))
    rule.operandFactors[0][l] = rule.operandFactors[1][r] =
        rule.addFactor(FactorKind::sum, lhs.getDimSize(l));
  return rule;
}

/// Rows are independent, and a row stays whole.
static ShardingRule buildRowRule(Operation *op, RankedTensorType logits) {
  ShardingRule rule = emptyRule(op, PartialRule::none);
  for (int64_t dim = 0, rank = logits.getRank(); dim < rank; ++dim) {
    int64_t factor = rule.addFactor(dim + 1 == rank ? FactorKind::whole
                                                    : FactorKind::parallel,
                                    logits.getDimSize(dim));
    for (auto *list : {&rule.operandFactors, &rule.resultFactors})
      for (auto &factors : *list)
        if (dim < static_cast<int64_t>(factors.size()))
          factors[dim] = factor;
  }
  return rule;
}

ShardingRule SoftmaxCrossEntropyOp::getShardingRule() {
  return buildRowRule(*this, getLogits().getType());
}

ShardingRule SoftmaxCrossEntropyGradOp::getShardingRule() {
  return buildRowRule(*this, getLogits().getType());
}

} // namespace mlc::graph
