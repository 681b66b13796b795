//===- BoundsTensor.cpp - Bounds of moves, sums, products and losses ------===//

#include "test/random/OpBounds.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mlc::graph;

namespace mlc::randomgraph {

LogicalResult OpBounds::move() {
  SmallVector<Literal> errors;
  SmallVector<const Literal *> inputs;
  for (const Bounded *operand : operands)
    errors.push_back(asF64(operand->value.getType(), operand->error));
  for (Literal &error : errors)
    inputs.push_back(&error);
  auto moved =
      evaluate(inputs, f64Like(result.value.getShape(), op->getContext()));
  if (failed(moved))
    return failure();
  result.error = std::move(moved->floats);
  return success();
}

static Literal magnitudes(const Literal &value) {
  std::vector<double> result(value.floats);
  for (double &number : result)
    number = std::fabs(number);
  return asF64(value.getType(), std::move(result));
}

double roundingOfSum(Type element, int64_t count, int64_t parts, double total) {
  Type wide = accumulatorOf(element);
  auto of = [&](Type type, double unit, int64_t times) {
    return double(times) * (unit * total + smallestKept(type));
  };
  double error = of(wide, unitOf(wide), count + parts);
  if (wide != element)
    error += of(element, roundingUnit(element), parts + 1);
  return error;
}

LogicalResult OpBounds::sum() {
  if (!result.value.isFloat())
    return operands[0]->isExact()
               ? success()
               : (std::fill(result.error.begin(), result.error.end(), kUnknown),
                  success());
  return linear(values[0]->size() / result.value.size());
}

LogicalResult OpBounds::linear(int64_t count) {
  RankedTensorType type = f64Like(result.value.getShape(), op->getContext());
  Literal errors = asF64(values[0]->getType(), operands[0]->error);
  Literal sizes = magnitudes(*values[0]);
  auto ofErrors = evaluate({&errors}, type), total = evaluate({&sizes}, type);
  if (failed(ofErrors) || failed(total))
    return failure();
  for (int64_t i = 0; i < result.value.size(); ++i)
    result.error[i] =
        ofErrors->floats[i] +
        (count == 1 ? 0
                    : roundingOfSum(element, count, parts, total->floats[i]));
  result.summed = true;
  return success();
}

LogicalResult OpBounds::dot() {
  if (!result.value.isFloat()) {
    if (!operands[0]->isExact() || !operands[1]->isExact())
      std::fill(result.error.begin(), result.error.end(), kUnknown);
    return success();
  }
  int64_t terms = 1;
  for (int64_t dim : cast<DotOp>(op).getLhsContract())
    terms *= values[0]->getShape()[dim];
  return bilinear(terms);
}

LogicalResult OpBounds::bilinear(int64_t terms) {
  RankedTensorType type = f64Like(result.value.getShape(), op->getContext());
  SmallVector<Literal> sizes, errors;
  for (int i : {0, 1}) {
    sizes.push_back(magnitudes(*values[i]));
    errors.push_back(asF64(values[i]->getType(), operands[i]->error));
  }
  auto total = evaluate({&sizes[0], &sizes[1]}, type);
  if (failed(total))
    return failure();
  for (int64_t i = 0; i < result.value.size(); ++i)
    result.error[i] =
        roundingOfSum(element, terms + 1, parts, total->floats[i]);
  auto add = [&](const Literal &a, const Literal &b) {
    auto part = evaluate({&a, &b}, type);
    if (failed(part))
      return failure();
    for (auto [own, more] : llvm::zip_equal(result.error, part->floats))
      own += more;
    return success();
  };
  bool exact[] = {operands[0]->isExact(), operands[1]->isExact()};
  if ((!exact[0] && failed(add(errors[0], sizes[1]))) ||
      (!exact[1] && failed(add(sizes[0], errors[1]))) ||
      (!exact[0] && !exact[1] && failed(add(errors[0], errors[1]))))
    return failure();
  result.summed = true;
  return success();
}

/// Certain where the winner is further from all others than their errors.
LogicalResult OpBounds::argReduce(ArgReduceOp arg) {
  const Literal &x = *values[0];
  int64_t dim = static_cast<int64_t>(arg.getDim()), extent = x.getShape()[dim];
  int64_t inner = stridesOf(x.getShape())[dim];
  double sign = arg.getKind() == ReductionKind::max ? 1 : -1;
  for (int64_t i = 0; i < result.value.size(); ++i) {
    int64_t base = i / inner * inner * extent + i % inner;
    int64_t best = base + result.value.ints[i] * inner;
    for (int64_t k = 0; k < extent; ++k) {
      int64_t at = base + k * inner;
      double errors = operands[0]->error[at] + operands[0]->error[best];
      if (at != best && errors != 0 &&
          !(sign * (x.at(best) - x.at(at)) > errors))
        result.error[i] = kUnknown;
    }
  }
  return success();
}

/// What the error of a softmax and of its logarithm is made of.
namespace {
struct RowError {
  double logits; ///< the largest error of a logit
  double rounding, logOfSum;
};
} // namespace

static RowError rowError(const Bounded &logits, int64_t row, Type element) {
  int64_t classes = logits.value.getShape().back();
  const double *x = logits.value.floats.data() + row * classes;
  const double *e = logits.error.data() + row * classes;
  double top = *std::max_element(x, x + classes);
  double low = *std::min_element(x, x + classes), total = 0;
  for (int64_t c = 0; c < classes; ++c)
    total += std::exp(x[c] - top);
  return {*std::max_element(e, e + classes),
          unitOf(accumulatorOf(element)) *
              (double(classes) + 8 + 2 * (top - low)),
          std::log(total)};
}

LogicalResult OpBounds::loss() {
  for (int64_t row = 0; row < result.value.size(); ++row) {
    RowError part = rowError(*operands[0], row, element);
    double unit = unitOf(accumulatorOf(element));
    result.error[row] =
        2 * part.logits + part.rounding +
        unit * (5 * part.logOfSum + std::fabs(result.value.floats[row]));
  }
  markUnknownWhere(*operands[1]);
  if (accumulatorOf(element) != element)
    addRounding(0.5);
  return success();
}

LogicalResult OpBounds::lossGradient() {
  const Literal &labels = *values[1], &cotangent = *values[2];
  int64_t classes = values[0]->getShape().back();
  for (int64_t i = 0; i < result.value.size(); ++i) {
    int64_t row = i / classes;
    RowError part = rowError(*operands[0], row, element);
    const double *x = values[0]->floats.data() + row * classes;
    double top = *std::max_element(x, x + classes);
    double share = std::exp(x[i % classes] - top - part.logOfSum);
    double target = i % classes == labels.ints[row] ? 1 : 0;
    double off = std::min(1.0, share * (2 * part.logits + part.rounding)) +
                 unitOf(accumulatorOf(element)) * std::fabs(share - target);
    result.error[i] =
        off * std::fabs(cotangent.floats[row]) +
        (std::fabs(share - target) + off) * operands[2]->error[row];
    if (operands[1]->error[row] != 0)
      result.error[i] = kUnknown;
  }
  addRounding(0.5);
  return success();
}

/// Errors go where the slices go.
LogicalResult OpBounds::gather() {
  Literal errors = asF64(values[0]->getType(), operands[0]->error);
  auto moved = evaluate({&errors, values[1]},
                        f64Like(result.value.getShape(), op->getContext()));
  if (failed(moved))
    return failure();
  result.error = std::move(moved->floats);
  if (!operands[1]->isExact())
    std::fill(result.error.begin(), result.error.end(), kUnknown);
  return success();
}

LogicalResult OpBounds::scatterAdd() {
  if (!operands[1]->isExact() ||
      (!result.value.isFloat() && !operands[0]->isExact()))
    std::fill(result.error.begin(), result.error.end(), kUnknown);
  if (!operands[1]->isExact() || !result.value.isFloat())
    return success();
  RankedTensorType type = f64Like(result.value.getShape(), op->getContext());
  Literal errors = asF64(values[0]->getType(), operands[0]->error);
  Literal sizes = magnitudes(*values[0]);
  auto ofErrors = evaluate({&errors, values[1]}, type),
       total = evaluate({&sizes, values[1]}, type);
  if (failed(ofErrors) || failed(total))
    return failure();
  int64_t count = values[1]->size();
  for (int64_t i = 0; i < result.value.size(); ++i)
    result.error[i] =
        ofErrors->floats[i] +
        (count == 1 ? 0
                    : roundingOfSum(element, count, parts, total->floats[i]));
  result.summed = true;
  return success();
}

} // namespace mlc::randomgraph
