//===- GraphBatchNormOps.cpp - What is known about batch norm -------------===//
//
// After Ioffe and Szegedy, "Batch normalization", ICML 2015.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphBatchNormOps.h"
#include "ir/graph/Literal.h"
#include "ir/graph/OpFactory.h"

#include <cmath>

using namespace mlir;

#define GET_OP_CLASSES
#include "ir/graph/GraphBatchNormOps.cpp.inc"

namespace mlc::graph {

static RankedTensorType typeOf(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// What batch norm of `element` computes in.
static Type wideOf(Type element) {
  return element.isF64() ? element
                         : Type(Float32Type::get(element.getContext()));
}

//===----------------------------------------------------------------------===//
// Constraints
//===----------------------------------------------------------------------===//

/// `channels` hold an element for each channel, `statistics` one for each
/// channel of each block.
static LogicalResult verifyNorm(Operation *op, RankedTensorType input,
                                ValueRange channels, ValueRange statistics,
                                Value mask, Value count, int64_t blocks,
                                double eps) {
  if (input.getRank() < 2) // (C1)
    return op->emitOpError("has an input of rank ")
           << input.getRank() << ", without channels";
  int64_t rows = input.getDimSize(0), width = input.getDimSize(1);
  auto hasShape = [&](Value value, ArrayRef<int64_t> shape) -> LogicalResult {
    if (typeOf(value).getShape() == shape)
      return success();
    InFlightDiagnostic diag = op->emitOpError("has a ");
    diag << value.getType() << " where the shape is [";
    llvm::interleaveComma(shape, diag);
    return diag << "]";
  };
  for (Value value : channels) // (C2)
    if (failed(hasShape(value, {width})))
      return failure();
  if (failed(hasShape(mask, {rows}))) // (C3)
    return failure();
  if (blocks < 1 || rows % blocks != 0) // (C4)
    return op->emitOpError("cannot cut ")
           << rows << " rows into " << blocks << " micro-batches";
  for (Value value : statistics) // (C5)
    if (failed(hasShape(value, {blocks, width})))
      return failure();
  if (failed(hasShape(count, {blocks}))) // (C5)
    return failure();
  Type wide = wideOf(input.getElementType());
  SmallVector<Value> others{mask, count};
  llvm::append_range(others, channels);
  llvm::append_range(others, statistics);
  for (Value value : others) // (C6)
    if (typeOf(value).getElementType() != wide)
      return op->emitOpError("computes in ")
             << wide << " but has a " << value.getType();
  if (!(eps > 0)) // (C7)
    return op->emitOpError("has the eps ") << eps << ", which is not above 0";
  return success();
}

LogicalResult BatchNormOp::verify() {
  return verifyNorm(*this, typeOf(getInput()), {getScale(), getShift()},
                    {getMean(), getVariance()}, getMask(), getCount(),
                    static_cast<int64_t>(getMicrobatches()),
                    getEps().convertToDouble());
}

LogicalResult BatchNormGradOp::verify() {
  return verifyNorm(*this, typeOf(getInput()), getScale(),
                    {getMean(), getVariance(), getDscale(), getDshift()},
                    getMask(), getCount(),
                    static_cast<int64_t>(getMicrobatches()),
                    getEps().convertToDouble());
}

void BatchNormOp::build(OpBuilder &builder, OperationState &state, Value input,
                        Value scale, Value shift, Value mask, double eps,
                        int64_t microbatches) {
  Type wide = typeOf(scale).getElementType();
  auto statistics =
      RankedTensorType::get({microbatches, typeOf(input).getDimSize(1)}, wide);
  auto count = RankedTensorType::get({microbatches}, wide);
  build(builder, state, input.getType(), statistics, statistics, count, input,
        scale, shift, mask, builder.getF64FloatAttr(eps),
        builder.getI64IntegerAttr(microbatches));
}

//===----------------------------------------------------------------------===//
// Layouts, cost, fusion
//===----------------------------------------------------------------------===//

// Rows and statistics are cut between blocks, channels anywhere. `channels`
// says which values are vectors of channels; other vectors have an element for
// each row or block.
static ShardingRule buildNormRule(Operation *op, int64_t blocks,
                                  int64_t channels,
                                  ArrayRef<Value> ofChannels) {
  ShardingRule rule;
  int64_t block = rule.addFactor(FactorKind::parallel, blocks);
  int64_t channel = rule.addFactor(FactorKind::parallel, channels);
  auto factorsOf = [&](Value value) {
    SmallVector<int64_t> factors(typeOf(value).getRank(),
                                 ShardingRule::kNoFactor);
    if (llvm::is_contained(ofChannels, value)) {
      factors[0] = channel;
      return factors;
    }
    factors[0] = block;
    if (factors.size() > 1)
      factors[1] = channel;
    return factors;
  };
  for (Value operand : op->getOperands())
    rule.operandFactors.push_back(factorsOf(operand));
  for (Value result : op->getResults())
    rule.resultFactors.push_back(factorsOf(result));
  return rule;
}

ShardingRule BatchNormOp::getShardingRule() {
  return buildNormRule(*this, getMicrobatches(),
                       typeOf(getInput()).getDimSize(1),
                       {getScale(), getShift()});
}

ShardingRule BatchNormGradOp::getShardingRule() {
  return buildNormRule(*this, getMicrobatches(),
                       typeOf(getInput()).getDimSize(1), {getScale()});
}

template <typename Op> static LogicalResult retype(Op op, TypeRange types) {
  for (auto [result, type] : llvm::zip_equal(op->getResults(), types))
    result.setType(type);
  op.setMicrobatches(cast<RankedTensorType>(types[1]).getDimSize(0));
  return success();
}

LogicalResult BatchNormOp::retypeResults(TypeRange types) {
  return retype(*this, types);
}
LogicalResult BatchNormGradOp::retypeResults(TypeRange types) {
  return retype(*this, types);
}

// Sum; difference, square, sum; difference, product, sum.
int64_t BatchNormOp::getFlops() {
  return 7 * typeOf(getInput()).getNumElements();
}
// xhat and two sums with a product; again, then what is left of dinput.
int64_t BatchNormGradOp::getFlops() {
  return 12 * typeOf(getInput()).getNumElements();
}

bool BatchNormOp::acceptsEpilogue() { return true; }
// It reads a channel twice, the second time from the cache: less than to store
// what is computed in front.
bool BatchNormGradOp::acceptsPrologue() { return true; }

//===----------------------------------------------------------------------===//
// Gradient
//===----------------------------------------------------------------------===//

LogicalResult
BatchNormOp::buildGradient(OpBuilder &builder, ValueRange resultCotangents,
                           SmallVectorImpl<Value> &operandCotangents) {
  for (Value cotangent : resultCotangents.drop_front())
    if (cotangent)
      return emitOpError("has no gradient with respect to its statistics, and "
                         "the loss depends on them");
  OpFactory ops{builder, getLoc()};
  auto statistics = getMean().getType();
  auto gradient = BatchNormGradOp::create(
      builder, getLoc(), getInput().getType(), statistics, statistics,
      resultCotangents[0], getInput(), getScale(), getMask(), getMean(),
      getVariance(), getCount(), getEpsAttr(), getMicrobatchesAttr());
  operandCotangents.assign({gradient.getDinput(),
                            ops.reduceSum(gradient.getDscale(), {0}),
                            ops.reduceSum(gradient.getDshift(), {0}), Value()});
  return success();
}

//===----------------------------------------------------------------------===//
// Reference evaluation
//===----------------------------------------------------------------------===//

namespace {
/// The extents of an input, and where its elements are.
struct Extents {
  int64_t blocks, rows, channels, inner; // rows of a block

  Extents(const Literal &input, int64_t blockCount)
      : blocks(blockCount), rows(input.getShape()[0] / blockCount),
        channels(input.getShape()[1]),
        inner(input.size() / (input.getShape()[0] * input.getShape()[1])) {}

  /// Calls `visit` with the row and the position of every element of a channel
  /// of a block.
  void forEach(int64_t block, int64_t channel,
               function_ref<void(int64_t, int64_t)> visit) const {
    for (int64_t row = block * rows; row < (block + 1) * rows; ++row)
      for (int64_t i = 0; i < inner; ++i)
        visit(row, (row * channels + channel) * inner + i);
  }
};
} // namespace

LogicalResult BatchNormOp::evaluate(ArrayRef<const Literal *> operands,
                                    MutableArrayRef<Literal> results,
                                    EvalOptions options) {
  const Literal &x = *operands[0], &mask = *operands[3];
  Type wide = results[1].getElementType();
  Extents extents(x, results[1].getShape()[0]);
  for (int64_t block = 0; block < extents.blocks; ++block)
    for (int64_t channel = 0; channel < extents.channels; ++channel) {
      auto sumReal = [&](function_ref<double(double)> term) {
        double sum = 0;
        extents.forEach(block, channel, [&](int64_t row, int64_t i) {
          if (mask.floats[row] != 0)
            sum += term(x.floats[i]);
        });
        return sum;
      };
      double count = sumReal([](double) { return 1; });
      double divisor = std::max(count, 1.0);
      double mean = roundFloat(
          wide, sumReal([](double v) { return v; }) / divisor, options);
      double variance = roundFloat(wide, sumReal([&](double v) {
                                           return (v - mean) * (v - mean);
                                         }) / divisor,
                                   options);
      int64_t at = block * extents.channels + channel;
      results[1].floats[at] = mean;
      results[2].floats[at] = variance;
      results[3].floats[block] = roundFloat(wide, count, options);
      double factor = operands[1]->floats[channel] /
                      std::sqrt(variance + getEps().convertToDouble());
      extents.forEach(block, channel, [&](int64_t, int64_t i) {
        results[0].floats[i] = roundFloat(x.getElementType(),
                                          (x.floats[i] - mean) * factor +
                                              operands[2]->floats[channel],
                                          options);
      });
    }
  return success();
}

LogicalResult BatchNormGradOp::evaluate(ArrayRef<const Literal *> operands,
                                        MutableArrayRef<Literal> results,
                                        EvalOptions options) {
  const Literal &dy = *operands[0], &x = *operands[1], &mask = *operands[3];
  Type wide = results[1].getElementType();
  Extents extents(x, results[1].getShape()[0]);
  for (int64_t block = 0; block < extents.blocks; ++block)
    for (int64_t channel = 0; channel < extents.channels; ++channel) {
      int64_t at = block * extents.channels + channel;
      double mean = operands[4]->floats[at];
      double inverse =
          1 / std::sqrt(operands[5]->floats[at] + getEps().convertToDouble());
      double dscale = 0, dshift = 0;
      extents.forEach(block, channel, [&](int64_t, int64_t i) {
        dshift += dy.floats[i];
        dscale += dy.floats[i] * ((x.floats[i] - mean) * inverse);
      });
      results[1].floats[at] = roundFloat(wide, dscale, options);
      results[2].floats[at] = roundFloat(wide, dshift, options);
      double divisor = std::max(operands[6]->floats[block], 1.0);
      extents.forEach(block, channel, [&](int64_t row, int64_t i) {
        double xhat = (x.floats[i] - mean) * inverse;
        double common =
            mask.floats[row] != 0 ? (dshift + xhat * dscale) / divisor : 0;
        results[0].floats[i] = roundFloat(x.getElementType(),
                                          operands[2]->floats[channel] *
                                              inverse * (dy.floats[i] - common),
                                          options);
      });
    }
  return success();
}

} // namespace mlc::graph
