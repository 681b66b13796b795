//===- GraphAttentionOps.cpp - Constraints and meaning of attention -------===//
//
// What is known of the ops except their gradients: verifiers, sharding rules,
// cost, reference evaluation.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphAttentionOps.h"
#include "ir/graph/Literal.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace mlc::graph {

static RankedTensorType tensorType(Value value) {
  return cast<RankedTensorType>(value.getType());
}

/// What the sums of `element` are held in: f32 for f16 and bf16.
static Type accumulatorOf(Type element) {
  return element.isF64() ? element : Float32Type::get(element.getContext());
}

void AttentionOp::build(OpBuilder &builder, OperationState &state, Value query,
                        Value key, Value value, Value mask, bool causal,
                        double scale) {
  SmallVector<int64_t> shape(tensorType(query).getShape());
  Type element = tensorType(query).getElementType();
  if (!shape.empty() && !tensorType(value).getShape().empty())
    shape.back() = tensorType(value).getShape().back();
  RankedTensorType output = withShape(query.getType(), shape);
  RankedTensorType row =
      withElementType(withoutInnermostDim(output), accumulatorOf(element));
  build(builder, state, output, row, query, key, value, mask,
        causal ? builder.getUnitAttr() : UnitAttr(),
        builder.getF64FloatAttr(scale));
}

//===----------------------------------------------------------------------===//
// Constraints
//===----------------------------------------------------------------------===//

static std::string shapeToString(Value value) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << '[';
  llvm::interleaveComma(tensorType(value).getShape(), os);
  os << ']';
  return text;
}

template <typename Op> static LogicalResult verifyShapes(Op op) {
  for (auto [name, value] : {std::pair("query", op.getQuery()),
                             {"key", op.getKey()},
                             {"value", op.getValue()}})
    if (value.getType().getRank() != 4) // (C2)
      return op.emitOpError("has a ")
             << name << " of rank " << value.getType().getRank()
             << "; it has batch, heads, length and depth";
  auto q = op.getQuery().getType().getShape();
  auto k = op.getKey().getType().getShape();
  auto v = op.getValue().getType().getShape();
  if (k[0] != q[0] || k[3] != q[3] || v[0] != q[0] || v[1] != k[1] ||
      v[2] != k[2]) { // (C3)
    InFlightDiagnostic diag = op.emitOpError("has query ")
                              << shapeToString(op.getQuery()) << ", key "
                              << shapeToString(op.getKey()) << " and value "
                              << shapeToString(op.getValue())
                              << ", which do not fit together";
    diag.attachNote(op.getKey().getLoc()) << "key comes from here";
    return diag;
  }
  if (q[1] % k[1] != 0) // (C4)
    return op.emitOpError("has ")
           << q[1] << " heads of the query, no multiple of " << k[1]
           << " of the key";
  return success();
}

template <typename Op> static LogicalResult verifyMask(Op op) {
  if (!op.getMask())
    return success();
  RankedTensorType mask = tensorType(op.getMask());
  Type element = mask.getElementType();
  Type own = op.getQuery().getType().getElementType();
  if (!element.isInteger(1) && element != own) // (C5)
    return op.emitOpError("has a mask of ")
           << element << "; it is i1 or " << own << ", as the query";
  ArrayRef<int64_t> q = op.getQuery().getType().getShape();
  int64_t scores[] = {q[0], q[1], q[2], op.getKey().getType().getDimSize(2)};
  bool fits = mask.getRank() == 4 && mask.getDimSize(3) == scores[3];
  for (int64_t dim = 0; fits && dim < 3; ++dim)
    fits = mask.getDimSize(dim) == 1 || mask.getDimSize(dim) == scores[dim];
  if (fits)
    return success();
  InFlightDiagnostic diag = op.emitOpError("has a mask of shape ") // (C6)
                            << shapeToString(op.getMask())
                            << " for scores of shape [";
  llvm::interleaveComma(scores, diag);
  diag << ']';
  diag.attachNote(op.getMask().getLoc()) << "mask comes from here";
  return diag;
}

/// `what` is [batch, heads, length] of the query, and `depth` where that is
/// given.
template <typename Op>
static LogicalResult verifyRows(Op op, const char *what, Value value,
                                std::optional<int64_t> depth = {}) {
  SmallVector<int64_t> expected(op.getQuery().getType().getShape().drop_back());
  if (depth)
    expected.push_back(*depth);
  if (tensorType(value).getShape() == ArrayRef(expected))
    return success();
  InFlightDiagnostic diag = op.emitOpError("has ")
                            << what << " of shape " << shapeToString(value)
                            << " but needs [";
  llvm::interleaveComma(expected, diag);
  diag << ']';
  return diag;
}

template <typename Op> static LogicalResult verifyStatistic(Op op) {
  Type element = op.getLogsumexp().getType().getElementType();
  Type expected = accumulatorOf(op.getQuery().getType().getElementType());
  if (element != expected)
    return op.emitOpError("has logsumexp of ")
           << element << " but needs " << expected;
  return verifyRows(op, "logsumexp", op.getLogsumexp());
}

LogicalResult AttentionOp::verify() {
  if (failed(verifyShapes(*this)) || failed(verifyMask(*this)) ||
      failed(verifyRows(*this, "output", getOutput(),
                        getValue().getType().getDimSize(3)))) // (C2) to (C7)
    return failure();
  return verifyStatistic(*this); // (C8)
}

LogicalResult AttentionGradOp::verify() {
  if (failed(verifyShapes(*this)) || failed(verifyMask(*this)) ||
      failed(verifyRows(*this, "doutput", getDoutput(),
                        getValue().getType().getDimSize(3)))) // (C2) to (C7)
    return failure();
  if (failed(verifyStatistic(*this)) ||
      failed(verifyRows(*this, "delta", getDelta()))) // (C8)
    return failure();
  for (auto [operand, result] : {std::pair(getQuery(), getDquery()),
                                 {getKey(), getDkey()},
                                 {getValue(), getDvalue()}})
    if (operand.getType().getShape() != result.getType().getShape()) // (C9)
      return emitOpError("has a gradient of shape ")
             << shapeToString(result) << " for an operand of shape "
             << shapeToString(operand);
  return success();
}

//===----------------------------------------------------------------------===//
// Sharding and cost
//===----------------------------------------------------------------------===//

/// Is dimension `dim` of the mask one of the scores', which are cut with it.
/// One of extent 1 repeats, unless it is a batch of one row, as its layout
/// says.
static bool isMaskDimCut(RankedTensorType mask, int64_t dim, int64_t extent) {
  auto layout = dyn_cast_if_present<LayoutAttrInterface>(mask.getEncoding());
  return mask.getDimSize(dim) == extent &&
         (extent > 1 || (layout && layout.isDimSharded(dim)));
}

/// Batch and heads are independent, groups of heads that share a key together.
template <typename Op> static ShardingRule buildRule(Op op) {
  ShardingRule rule;
  ArrayRef<int64_t> k = op.getKey().getType().getShape();
  int64_t batch = rule.addFactor(FactorKind::parallel, k[0]);
  int64_t heads = rule.addFactor(FactorKind::parallel, k[1]);
  auto factorsOf = [&](Value value) {
    SmallVector<int64_t> factors(tensorType(value).getRank(),
                                 ShardingRule::kNoFactor);
    factors[0] = batch;
    factors[1] = heads;
    return factors;
  };
  for (Value operand : op->getOperands())
    rule.operandFactors.push_back(factorsOf(operand));
  for (Value result : op->getResults())
    rule.resultFactors.push_back(factorsOf(result));
  if (op.getMask()) {
    ArrayRef<int64_t> q = op.getQuery().getType().getShape();
    for (int64_t dim : {0, 1})
      if (!isMaskDimCut(tensorType(op.getMask()), dim, q[dim]))
        rule.operandFactors.back()[dim] = ShardingRule::kNoFactor;
  }
  return rule;
}

ShardingRule AttentionOp::getShardingRule() { return buildRule(*this); }
ShardingRule AttentionGradOp::getShardingRule() { return buildRule(*this); }

/// Pairs of a query and a key that it may attend to.
template <typename Op> static int64_t countScores(Op op) {
  ArrayRef<int64_t> q = op.getQuery().getType().getShape();
  int64_t queries = q[2], keys = op.getKey().getType().getDimSize(2);
  int64_t pairs = queries * keys;
  if (op.getCausal()) {
    int64_t corner = std::min(queries, keys);
    pairs = corner * (corner + 1) / 2 + (queries - corner) * keys;
  }
  return q[0] * q[1] * pairs;
}

// Per score: its products, and maximum, difference, exp, sum.
int64_t AttentionOp::getFlops() {
  int64_t depth = getKey().getType().getDimSize(3);
  int64_t width = getValue().getType().getDimSize(3);
  return countScores(*this) * (2 * depth + 2 * width + 3 + kFunctionFlops);
}

// Per score: five products, and two differences, exp, product.
int64_t AttentionGradOp::getFlops() {
  int64_t depth = getKey().getType().getDimSize(3);
  int64_t width = getValue().getType().getDimSize(3);
  return countScores(*this) * (6 * depth + 4 * width + 3 + kFunctionFlops);
}

//===----------------------------------------------------------------------===//
// Reference evaluation
//===----------------------------------------------------------------------===//

namespace {

/// The scores of one query after another, in double. Extents are those of the
/// values, which may be parts of the op's own.
struct Scores {
  const Literal &query, &key, &value;
  const Literal *mask;
  bool causal;
  double scale;

  int64_t batch = query.getShape()[0], heads = query.getShape()[1],
          queries = query.getShape()[2], depth = query.getShape()[3],
          keyHeads = key.getShape()[1], keys = key.getShape()[2],
          width = value.getShape()[3];

  int64_t rows() const { return batch * heads * queries; }
  /// The first element of `query` that row `row` of the scores belongs to.
  const double *queryOf(int64_t row) const {
    return query.floats.data() + row * depth;
  }
  /// The row of the keys and values that key `j` of the row is.
  int64_t keyRow(int64_t row, int64_t j) const {
    int64_t b = row / queries / heads, h = row / queries % heads;
    return (b * keyHeads + h / (heads / keyHeads)) * keys + j;
  }
  const double *keyOf(int64_t row, int64_t j) const {
    return key.floats.data() + keyRow(row, j) * depth;
  }
  const double *valueOf(int64_t row, int64_t j) const {
    return value.floats.data() + keyRow(row, j) * width;
  }

  /// -infinity where the query does not attend.
  double score(int64_t row, int64_t j) const {
    constexpr double kNone = -std::numeric_limits<double>::infinity();
    int64_t i = row % queries;
    if (causal && j > i)
      return kNone;
    double sum = 0;
    for (int64_t d = 0; d < depth; ++d)
      sum += queryOf(row)[d] * keyOf(row, j)[d];
    sum *= scale;
    if (!mask)
      return sum;
    ArrayRef<int64_t> shape = mask->getShape();
    int64_t index[] = {row / queries / heads, row / queries % heads, i, j};
    int64_t at = 0;
    for (int64_t dim = 0; dim < 4; ++dim)
      at = at * shape[dim] + (shape[dim] == 1 ? 0 : index[dim]);
    if (!mask->isFloat())
      return mask->ints[at] ? sum : kNone;
    return sum + mask->floats[at];
  }
};

} // namespace

LogicalResult AttentionOp::evaluate(ArrayRef<const Literal *> operands,
                                    MutableArrayRef<Literal> results,
                                    EvalOptions options) {
  Scores s{*operands[0], *operands[1],
           *operands[2], operands.size() > 3 ? operands[3] : nullptr,
           getCausal(),  getScale().convertToDouble()};
  Type element = results[0].getElementType();
  Type wide = results[1].getElementType();
  std::vector<double> weights(s.keys), sums(s.width);
  for (int64_t row = 0; row < s.rows(); ++row) {
    double top = -std::numeric_limits<double>::infinity(), total = 0;
    for (int64_t j = 0; j < s.keys; ++j) {
      weights[j] = s.score(row, j);
      top = std::isnan(weights[j]) ? weights[j] : std::max(top, weights[j]);
    }
    if (std::isinf(top) && top < 0) { // nothing to attend to
      results[1].floats[row] = std::numeric_limits<double>::infinity();
      continue;
    }
    std::fill(sums.begin(), sums.end(), 0.0);
    for (int64_t j = 0; j < s.keys; ++j) {
      double weight = std::exp(weights[j] - top);
      if (weight == 0)
        continue;
      total += weight;
      for (int64_t d = 0; d < s.width; ++d)
        sums[d] += weight * s.valueOf(row, j)[d];
    }
    for (int64_t d = 0; d < s.width; ++d)
      results[0].floats[row * s.width + d] =
          roundFloat(element, sums[d] / total, options);
    results[1].floats[row] = roundFloat(wide, top + std::log(total), options);
  }
  return success();
}

LogicalResult AttentionGradOp::evaluate(ArrayRef<const Literal *> operands,
                                        MutableArrayRef<Literal> results,
                                        EvalOptions options) {
  Scores s{*operands[0], *operands[1],
           *operands[2], operands.size() > 6 ? operands[6] : nullptr,
           getCausal(),  getScale().convertToDouble()};
  const Literal &logsumexp = *operands[3], &cotangent = *operands[4];
  const Literal &delta = *operands[5];
  for (int64_t row = 0; row < s.rows(); ++row)
    for (int64_t j = 0; j < s.keys; ++j) {
      double p = std::exp(s.score(row, j) - logsumexp.floats[row]);
      if (p == 0)
        continue;
      const double *dout = cotangent.floats.data() + row * s.width;
      int64_t keyRow = s.keyRow(row, j);
      double dp = 0;
      for (int64_t d = 0; d < s.width; ++d) {
        dp += dout[d] * s.valueOf(row, j)[d];
        results[2].floats[keyRow * s.width + d] += p * dout[d];
      }
      double ds = p * (dp - delta.floats[row]) * s.scale;
      for (int64_t d = 0; d < s.depth; ++d) {
        results[0].floats[row * s.depth + d] += ds * s.keyOf(row, j)[d];
        results[1].floats[keyRow * s.depth + d] += ds * s.queryOf(row)[d];
      }
    }
  for (Literal &result : results)
    for (double &number : result.floats)
      number = roundFloat(result.getElementType(), number, options);
  return success();
}

} // namespace mlc::graph

#define GET_OP_CLASSES
#include "ir/graph/GraphAttentionOps.cpp.inc"
