//===- Bounds.cpp - How far a correct result may be off -------------------===//

#include "ir/graph/GraphAttentionOps.h"
#include "ir/graph/GraphWindowOps.h"
#include "test/random/OpBounds.h"

#include "ir/graph/GraphIndexOps.h"
#include "ir/graph/GraphRandomOps.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mlc::graph;

namespace mlc::randomgraph {

constexpr EvalOptions kF64{/*f64=*/true};

RankedTensorType f64Like(ArrayRef<int64_t> shape, MLIRContext *context) {
  return RankedTensorType::get(shape, Float64Type::get(context));
}

Literal asF64(RankedTensorType type, std::vector<double> values) {
  Literal literal(f64Like(type.getShape(), type.getContext()));
  literal.floats = std::move(values);
  return literal;
}

Type accumulatorOf(Type element) {
  return isa<FloatType>(element) && !element.isF64()
             ? Float32Type::get(element.getContext())
             : element;
}

double unitOf(Type element) {
  return element.isF64() ? 2 * roundingUnit(element) : roundingUnit(element);
}

static double orUnknown(double error) {
  return std::isnan(error) ? kUnknown : error;
}

static const llvm::fltSemantics &semanticsOf(Type element) {
  return cast<FloatType>(element).getFloatSemantics();
}

static double toDouble(APFloat value) {
  bool lossy;
  value.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &lossy);
  return value.convertToDouble();
}

double smallestKept(Type element) {
  const llvm::fltSemantics &semantics = semanticsOf(element);
  return toDouble(element.isF16() ? APFloat::getSmallest(semantics)
                                  : APFloat::getSmallestNormalized(semantics));
}

//===----------------------------------------------------------------------===//
// Any op
//===----------------------------------------------------------------------===//

FailureOr<Bounded> OpBounds::run() {
  auto type = cast<RankedTensorType>(op->getResult(number).getType());
  auto value = evaluate(values, type);
  if (failed(value))
    return failure();
  result = Bounded(std::move(*value));
  result.summed = llvm::any_of(
      operands, [](const Bounded *operand) { return operand->summed; });
  element = result.value.getElementType();
  const OpRow *row = findRow(op->getName().getStringRef());
  if (!row)
    return op->emitError("has no row in the table of the tester");
  if (failed(addErrors(*row)))
    return failure();
  for (auto [i, error] : llvm::enumerate(result.error))
    error = settle(result.value.at(static_cast<int64_t>(i)), error);
  return std::move(result);
}

FailureOr<Literal> OpBounds::evaluate(ArrayRef<const Literal *> inputs,
                                      RankedTensorType type) {
  std::vector<Literal> results;
  for (OpResult each : op->getResults())
    results.emplace_back(each.getResultNumber() == number
                             ? type
                             : cast<RankedTensorType>(each.getType()));
  if (failed(cast<ReferenceOpInterface>(op).evaluate(inputs, results, kF64)))
    return failure();
  return std::move(results[number]);
}

LogicalResult OpBounds::addErrors(const OpRow &row) {
  if (op->hasTrait<Elementwise>())
    return elementwise(row.ulps);
  if (isa<BroadcastOp, ReshapeOp, TransposeOp, ConcatOp, SliceOp>(op))
    return move();
  if (isa<ConstantOp>(op))
    return success();
  if (isa<IotaOp, RandomUniformOp, DropoutMaskOp>(op)) {
    addRounding(row.ulps);
    return success();
  }
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getKind() == ReductionKind::sum ? sum() : corners();
  if (auto arg = dyn_cast<ArgReduceOp>(op))
    return argReduce(arg);
  if (isa<DotOp>(op))
    return dot();
  if (isa<ConvOp, ConvKernelGradOp, SumPoolOp>(op))
    return window();
  if (isa<MaxPoolOp, MaxPoolGradOp>(op))
    return maxPool();
  if (isa<SoftmaxCrossEntropyOp>(op))
    return loss();
  if (isa<SoftmaxCrossEntropyGradOp>(op))
    return lossGradient();
  if (isa<GatherOp>(op))
    return gather();
  if (isa<ScatterAddOp>(op))
    return scatterAdd();
  if (auto whole = dyn_cast<AttentionOp>(op))
    return attention(whole);
  if (auto gradient = dyn_cast<AttentionGradOp>(op))
    return attentionGradient(gradient);
  return op->emitError("has no rule in Bounds.cpp");
}

double OpBounds::settle(double value, double error) {
  error = orUnknown(error);
  if (element.isInteger(1))
    return std::min(error, 1.0);
  if (!isa<FloatType>(element))
    return error;
  double largest = toDouble(APFloat::getLargest(semanticsOf(element)));
  return std::isfinite(value) && std::fabs(value) + error < largest ? error
                                                                    : kUnknown;
}

void OpBounds::addRounding(double ulps) {
  if (!isa<FloatType>(element))
    return;
  double unit = 2 * ulps * unitOf(element);
  Type f32 = Float32Type::get(op->getContext());
  double tiny = 2 * ulps * smallestKept(element);
  for (int64_t i = 0; i < result.value.size(); ++i) {
    // Of f64 the reference is rounded itself: then exact is what f32 holds.
    double value = result.value.floats[i];
    bool exact =
        ulps <= 0.5 && result.error[i] == 0 &&
        roundFloat(element.isF64() ? f32 : element, value, {}) == value;
    if (!exact)
      result.error[i] += unit * std::fabs(value) + tiny;
  }
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

/// The largest deviation is at an end of the operands' intervals where the op
/// is monotone in each operand. Where it is not, and the intervals are too wide
/// for it to be nearly so, the deviation is not known; 0 elsewhere.
static double deviationInside(Operation *op, ArrayRef<const Bounded *> operands,
                              int64_t i) {
  auto value = [&](int k) { return operands[k]->value.at(i); };
  auto error = [&](int k) { return operands[k]->error[i]; };
  if (auto compare = dyn_cast<CompareOp>(op)) {
    auto predicate = compare.getPredicate();
    bool equality =
        predicate == ComparePredicate::eq || predicate == ComparePredicate::ne;
    double errors = error(0) + error(1);
    return equality && errors != 0 && !(std::fabs(value(0) - value(1)) > errors)
               ? 1
               : 0;
  }
  if (isa<CosOp, SinOp>(op))
    return std::min(2.0, error(0));
  if (!isa<DivOp, ModOp, PowOp>(op) || (error(0) == 0 && error(1) == 0))
    return 0;
  double own = isa<PowOp>(op) ? value(0) : std::fabs(value(1));
  if (own <= error(isa<PowOp>(op) ? 0 : 1)) // a pole, or no real value
    return kUnknown;
  if (!isa<ModOp>(op))
    return 0;
  // Where the quotient may cross a whole number, anything up to the divisor.
  double quotient = value(0) / value(1);
  double off = (error(0) + std::fabs(quotient) * error(1)) / (own - error(1));
  return std::floor(quotient - off) == std::floor(quotient + off)
             ? 0
             : own + error(1);
}

/// One end of the interval of every element; bools flip.
static Literal endOf(const Bounded &operand, bool upper) {
  Literal end = operand.value;
  for (int64_t i = 0; i < end.size(); ++i) {
    if (operand.error[i] == 0)
      continue;
    if (end.isFloat())
      end.floats[i] += upper ? operand.error[i] : -operand.error[i];
    else if (end.getElementType().isInteger(1))
      end.ints[i] = upper;
  }
  return end;
}

/// The largest deviation over all ends of the operands' intervals.
LogicalResult OpBounds::corners() {
  SmallVector<size_t> inexact;
  for (auto [i, operand] : llvm::enumerate(operands))
    if (!operand->isExact())
      inexact.push_back(i);
  for (unsigned corner = 0; corner < (1u << inexact.size()) && !inexact.empty();
       ++corner) {
    SmallVector<Literal> ends;
    SmallVector<const Literal *> inputs(values);
    for (auto [bit, i] : llvm::enumerate(inexact))
      ends.push_back(endOf(*operands[i], corner >> bit & 1));
    for (auto [end, i] : llvm::zip_equal(ends, inexact))
      inputs[i] = &end;
    auto there = evaluate(inputs, result.value.getType());
    if (failed(there))
      return failure();
    for (int64_t i = 0; i < there->size(); ++i) {
      double deviation =
          orUnknown(std::fabs(there->at(i) - result.value.at(i)));
      result.error[i] = std::max(result.error[i], deviation);
    }
  }
  return success();
}

/// What integers with an error give is not known: most ops on them jump.
void OpBounds::markUnknownWhere(const Bounded &operand) {
  for (auto [own, other] : llvm::zip(result.error, operand.error))
    if (other != 0)
      own = kUnknown;
}

/// Is this `x == max(x)`, the mask in the gradient of a reduction, with nothing
/// but the extremum near the extremum. Its two sides have the same error.
bool OpBounds::isCertainExtremum() {
  auto compare = dyn_cast<CompareOp>(op);
  if (!compare || compare.getPredicate() != ComparePredicate::eq)
    return false;
  Value other = compare.getRhs();
  while (other.getDefiningOp<BroadcastOp>() || other.getDefiningOp<ReshapeOp>())
    other = other.getDefiningOp()->getOperand(0);
  auto reduce = other.getDefiningOp<ReduceOp>();
  if (!reduce || reduce.getOperand() != compare.getLhs())
    return false;
  for (int64_t i = 0; i < result.value.size(); ++i)
    if (result.value.ints[i] == 0 && result.error[i] != 0)
      return false;
  return true;
}

LogicalResult OpBounds::elementwise(double ulps) {
  if (failed(corners()))
    return failure();
  for (int64_t i = 0; i < result.value.size(); ++i)
    result.error[i] =
        std::max(result.error[i], deviationInside(op, operands, i));
  for (const Bounded *operand : operands)
    if (!operand->value.isFloat() &&
        !operand->value.getElementType().isInteger(1))
      markUnknownWhere(*operand);
  if (isCertainExtremum())
    std::fill(result.error.begin(), result.error.end(), 0.0);
  auto cast = dyn_cast<CastOp>(op);
  bool widens = cast && operands[0]->value.isFloat() &&
                result.value.isFloat() &&
                roundingUnit(element) <=
                    roundingUnit(operands[0]->value.getElementType());
  if (widens)
    return success();
  // A sum that is cast in parts is rounded in parts: their magnitude is at most
  // the sum's error over its unit.
  if (cast && operands[0]->value.isFloat() && result.value.isFloat() &&
      operands[0]->summed)
    for (auto [own, before] : llvm::zip_equal(result.error, operands[0]->error))
      own += before /
             roundingUnit(accumulatorOf(operands[0]->value.getElementType())) *
             roundingUnit(element);
  addRounding(ulps);
  return success();
}

//===----------------------------------------------------------------------===//
// Interface
//===----------------------------------------------------------------------===//

bool Bounded::isExact() const {
  return llvm::all_of(error, [](double e) { return e == 0; });
}

double roundingUnit(Type element) {
  return std::ldexp(1.0, -static_cast<int>(APFloat::semanticsPrecision(
                             semanticsOf(element))));
}

FailureOr<std::vector<Bounded>>
evaluateBounded(Operation *op, ArrayRef<const Bounded *> operands,
                int64_t parts) {
  if (auto scan = dyn_cast<ScanOp>(op))
    return evaluateLoop(scan, operands, parts);
  // An op from nothing may have operands of its own, which are constants.
  std::vector<Bounded> constants;
  SmallVector<const Bounded *> all(operands);
  for (Value operand : op->getOperands().drop_front(operands.size()))
    constants.emplace_back(Literal::fromAttr(cast<DenseElementsAttr>(
        operand.getDefiningOp<ConstantOp>().getValue())));
  for (const Bounded &constant : constants)
    all.push_back(&constant);
  std::vector<Bounded> results;
  for (unsigned number = 0; number < op->getNumResults(); ++number) {
    auto result = OpBounds(op, all, parts, number).run();
    if (failed(result))
      return failure();
    results.push_back(std::move(*result));
  }
  return results;
}

LogicalResult evaluateBlock(Block &block, llvm::DenseMap<Value, Bounded> &known,
                            int64_t parts) {
  for (Operation &op : block.without_terminator()) {
    SmallVector<const Bounded *> operands;
    for (Value operand : op.getOperands())
      operands.push_back(&known[operand]);
    auto results = evaluateBounded(&op, operands, parts);
    if (failed(results))
      return failure();
    for (auto [result, bounded] : llvm::zip_equal(op.getResults(), *results))
      known[result] = std::move(bounded);
  }
  return success();
}

FailureOr<std::vector<Bounded>> evaluateBounded(func::FuncOp function,
                                                std::vector<Bounded> arguments,
                                                int64_t parts) {
  llvm::DenseMap<Value, Bounded> known;
  Block &body = function.getBody().front();
  for (auto [argument, bounded] :
       llvm::zip_equal(body.getArguments(), arguments))
    known[argument] = std::move(bounded);
  if (failed(evaluateBlock(body, known, parts)))
    return failure();
  std::vector<Bounded> results;
  for (Value value : body.getTerminator()->getOperands())
    results.push_back(known[value]);
  return results;
}

} // namespace mlc::randomgraph
