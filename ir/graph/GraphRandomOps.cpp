//===- GraphRandomOps.cpp - What is known about random numbers ------------===//

#include "ir/graph/GraphRandomOps.h"
#include "ir/graph/Literal.h"
#include "runtime/schema/Philox.h"

#include <limits>

using namespace mlir;

#define GET_OP_CLASSES
#include "ir/graph/GraphRandomOps.cpp.inc"

namespace mlc::graph {

//===----------------------------------------------------------------------===//
// Constraints
//===----------------------------------------------------------------------===//

template <typename Op> static LogicalResult verifyDraw(Op op) {
  auto isScalar = [](Value value) {
    return cast<RankedTensorType>(value.getType()).getRank() == 0;
  };
  if (!isScalar(op.getSeed()) ||
      !llvm::all_of(op.getIndices(), isScalar)) // (C1)
    return op.emitOpError("has a seed or an index that is no scalar");
  RankedTensorType type = op.getType();
  int64_t perRow = type.getNumElements();
  if (Value rows = op.getRows()) { // (C2)
    auto rowsType = cast<RankedTensorType>(rows.getType());
    auto dim = static_cast<int64_t>(op.getDim());
    if (dim < 0 || dim >= type.getRank())
      return op.emitOpError("has dim ")
             << dim << " but the rank is " << type.getRank();
    if (rowsType.getRank() != 1 ||
        rowsType.getDimSize(0) != type.getDimSize(dim))
      return op.emitOpError("has ")
             << type.getDimSize(dim) << " rows along dimension " << dim
             << " but their numbers are a " << rowsType;
    perRow /= type.getDimSize(dim);
  }
  if (perRow > std::numeric_limits<uint32_t>::max()) // (C3)
    return op.emitOpError("has ") << perRow << " elements in a row";
  return success();
}

LogicalResult RandomUniformOp::verify() { return verifyDraw(*this); }

LogicalResult DropoutMaskOp::verify() {
  double rate = getRate().convertToDouble();
  if (!(rate >= 0 && rate < 1)) // (C4)
    return emitOpError("drops with the rate ")
           << rate << ", which is not in [0, 1)";
  return verifyDraw(*this);
}

//===----------------------------------------------------------------------===//
// Layouts, cost, fusion
//===----------------------------------------------------------------------===//

// Rows bring their numbers along; within a row a device would have to know
// where its part begins.
template <typename Op> static ShardingRule buildDrawRule(Op op) {
  ShardingRule rule;
  for (Value operand : op->getOperands())
    rule.operandFactors.emplace_back(
        cast<RankedTensorType>(operand.getType()).getRank(),
        ShardingRule::kNoFactor);
  RankedTensorType type = op.getType();
  auto &result = rule.resultFactors.emplace_back();
  for (auto [dim, extent] : llvm::enumerate(type.getShape())) {
    bool isRows = op.getRows() && dim == op.getDim();
    result.push_back(rule.addFactor(
        isRows ? FactorKind::parallel : FactorKind::whole, extent));
    if (isRows)
      rule.operandFactors.back()[0] = result.back();
  }
  return rule;
}

ShardingRule RandomUniformOp::getShardingRule() { return buildDrawRule(*this); }
ShardingRule DropoutMaskOp::getShardingRule() { return buildDrawRule(*this); }

// Ten rounds of two products and four differences give four numbers.
static constexpr int64_t kDrawFlops = 15;

int64_t RandomUniformOp::getFlops() {
  return kDrawFlops * getType().getNumElements();
}
int64_t DropoutMaskOp::getFlops() {
  return kDrawFlops * getType().getNumElements();
}

// So forward and backward pass draw the same numbers again, which is cheaper
// than to store and load them.
FusionRole RandomUniformOp::getFusionRole() { return FusionRole::Copied; }
FusionRole DropoutMaskOp::getFusionRole() { return FusionRole::Copied; }

//===----------------------------------------------------------------------===//
// Reference evaluation
//===----------------------------------------------------------------------===//

/// Calls `store` with the word of every element.
template <typename Op>
static void draw(Op op, ArrayRef<const Literal *> operands, Literal &result,
                 function_ref<void(int64_t, uint32_t)> store) {
  mlrt::PhiloxKey key = mlrt::splitKey(
      static_cast<uint64_t>(operands[0]->ints[0]) ^ op.getSite());
  size_t indices = op.getIndices().size();
  for (const Literal *index : operands.slice(1, indices))
    key = mlrt::foldIn(key, static_cast<uint64_t>(index->ints[0]));
  const Literal *rows = op.getRows() ? operands[1 + indices] : nullptr;
  int64_t to = 0;
  forEachIndex(result.getShape(), [&](ArrayRef<int64_t> index) {
    uint64_t row = 0, position = 0;
    for (auto [dim, at] : llvm::enumerate(index))
      if (rows && dim == op.getDim())
        row = static_cast<uint64_t>(rows->ints[at]);
      else
        position = position * result.getShape()[dim] + at;
    store(to++, mlrt::randomWord(key, row, static_cast<uint32_t>(position)));
  });
}

LogicalResult RandomUniformOp::evaluate(ArrayRef<const Literal *> operands,
                                        MutableArrayRef<Literal> results,
                                        EvalOptions) {
  draw(*this, operands, results[0], [&](int64_t i, uint32_t word) {
    results[0].floats[i] = mlrt::toUniform(word);
  });
  return success();
}

LogicalResult DropoutMaskOp::evaluate(ArrayRef<const Literal *> operands,
                                      MutableArrayRef<Literal> results,
                                      EvalOptions options) {
  double rate = getRate().convertToDouble();
  double kept = roundFloat(getType().getElementType(), 1 / (1 - rate), options);
  draw(*this, operands, results[0], [&](int64_t i, uint32_t word) {
    results[0].floats[i] = mlrt::toUniform(word) >= rate ? kept : 0;
  });
  return success();
}

} // namespace mlc::graph
