//===- BoundsAttention.cpp - Bounds of attention and its gradient ---------===//
//
// Both are written out as sums over the scores. An error of a score, E at most
// in a row, changes every weight by a factor within exp(+-E), and its sum too.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphAttentionOps.h"
#include "test/random/OpBounds.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mlc::graph;

namespace mlc::randomgraph {

namespace {

/// A number and how far it may be off.
struct Off {
  double value = 0, error = 0;
};

Off at(const Bounded &operand, int64_t i) {
  return {operand.value.floats[i], operand.error[i]};
}

/// What `a * b` is off, without its rounding.
double errorOfProduct(const Off &a, const Off &b) {
  return std::fabs(a.value) * b.error + a.error * std::fabs(b.value) +
         a.error * b.error;
}

/// The extents, and the scores of a row.
struct Rows {
  const Bounded &query, &key, &value;
  const Bounded *mask;
  bool causal;
  double scale, unit;

  int64_t batch = query.value.getShape()[0], heads = query.value.getShape()[1],
          queries = query.value.getShape()[2],
          depth = query.value.getShape()[3], keyHeads = key.value.getShape()[1],
          keys = key.value.getShape()[2], width = value.value.getShape()[3];

  int64_t count() const { return batch * heads * queries; }
  int64_t keyRow(int64_t row, int64_t j) const {
    int64_t b = row / queries / heads, h = row / queries % heads;
    return (b * keyHeads + h / (heads / keyHeads)) * keys + j;
  }

  /// `unknown` where it is not certain that the query attends to the key.
  bool score(int64_t row, int64_t j, Off &score, bool &unknown) const {
    if (causal && j > row % queries)
      return false;
    double sum = 0, size = 0, error = 0;
    for (int64_t d = 0; d < depth; ++d) {
      Off q = at(query, row * depth + d);
      Off k = at(key, keyRow(row, j) * depth + d);
      sum += q.value * k.value;
      size += std::fabs(q.value * k.value);
      error += errorOfProduct(q, k);
    }
    double factor = std::fabs(scale);
    score.value = sum * scale;
    score.error = factor * (error + unit * double(depth + 4) * size);
    if (!mask)
      return true;
    ArrayRef<int64_t> shape = mask->value.getShape();
    int64_t index[] = {row / queries / heads, row / queries % heads,
                       row % queries, j};
    int64_t place = 0;
    for (int64_t dim = 0; dim < 4; ++dim)
      place = place * shape[dim] + (shape[dim] == 1 ? 0 : index[dim]);
    if (!mask->value.isFloat()) {
      unknown |= mask->error[place] != 0;
      return mask->value.ints[place] != 0;
    }
    Off more = at(*mask, place);
    score.value += more.value;
    score.error += more.error + unit * std::fabs(score.value);
    return true;
  }
};

} // namespace

LogicalResult OpBounds::attention(AttentionOp attention) {
  double unit = unitOf(accumulatorOf(values[0]->getElementType()));
  Rows rows{*operands[0],
            *operands[1],
            *operands[2],
            operands.size() > 3 ? operands[3] : nullptr,
            attention.getCausal(),
            attention.getScale().convertToDouble(),
            unit};
  std::vector<Off> scores(rows.keys);
  std::vector<bool> attends(rows.keys);
  for (int64_t row = 0; row < rows.count(); ++row) {
    bool unknown = false;
    double top = -kUnknown, low = kUnknown, own = 0, total = 0;
    for (int64_t j = 0; j < rows.keys; ++j) {
      attends[j] = rows.score(row, j, scores[j], unknown);
      if (!attends[j])
        continue;
      top = std::max(top, scores[j].value);
      low = std::min(low, scores[j].value);
      own = std::max(own, scores[j].error);
    }
    for (int64_t j = 0; j < rows.keys; ++j)
      total += attends[j] ? std::exp(scores[j].value - top) : 0;
    double rounding = unit * (double(rows.keys) + 16 + 4 * (top - low));
    if (number == 1) {
      double value = result.value.floats[row];
      result.error[row] =
          unknown ? kUnknown
                  : own + rounding +
                        unit * (5 * std::log(total) + 2 * std::fabs(top) +
                                2 * std::fabs(value));
      continue;
    }
    double off = std::expm1(2 * (own + rounding));
    for (int64_t d = 0; d < rows.width; ++d) {
      double size = 0, error = 0, largest = 0;
      for (int64_t j = 0; j < rows.keys; ++j) {
        if (!attends[j])
          continue;
        double weight = std::exp(scores[j].value - top) / total;
        Off v = at(rows.value, rows.keyRow(row, j) * rows.width + d);
        size += weight * std::fabs(v.value);
        error += weight * v.error;
        largest = std::max(largest, std::fabs(v.value) + v.error);
      }
      double tiny = smallestKept(accumulatorOf(element)) * (1 + largest) *
                    double(rows.keys);
      double whole =
          std::min(off * size + (1 + off) * error, 2 * largest) + tiny;
      result.error[row * rows.width + d] = unknown ? kUnknown : whole;
    }
  }
  if (number == 0)
    addRounding(0.5);
  return success();
}

LogicalResult OpBounds::attentionGradient(AttentionGradOp gradient) {
  double unit = unitOf(accumulatorOf(values[0]->getElementType()));
  Rows rows{*operands[0],
            *operands[1],
            *operands[2],
            operands.size() > 6 ? operands[6] : nullptr,
            gradient.getCausal(),
            gradient.getScale().convertToDouble(),
            unit};
  const Bounded &logsumexp = *operands[3], &cotangent = *operands[4];
  double tiny = smallestKept(accumulatorOf(element));
  int64_t extent = number == 2 ? rows.width : rows.depth;
  int64_t terms =
      number == 0 ? rows.keys : rows.queries * (rows.heads / rows.keyHeads);
  for (int64_t row = 0; row < rows.count(); ++row)
    for (int64_t j = 0; j < rows.keys; ++j) {
      Off score;
      bool unknown = false;
      bool attends = rows.score(row, j, score, unknown);
      int64_t keyRow = rows.keyRow(row, j);
      int64_t to = (number == 0 ? row : keyRow) * extent;
      if (unknown)
        std::fill_n(result.error.begin() + to, extent, kUnknown);
      if (!attends)
        continue;
      Off statistic = at(logsumexp, row), delta = at(*operands[5], row);
      double x = score.value - statistic.value;
      double off = std::expm1(score.error + statistic.error +
                              unit * (8 + 2 * std::fabs(x)));
      Off weight{std::exp(x), std::exp(x) * off + tiny};
      Off change{-delta.value, delta.error};
      double size = std::fabs(delta.value);
      for (int64_t d = 0; d < rows.width; ++d) {
        Off a = at(cotangent, row * rows.width + d);
        Off b = at(rows.value, keyRow * rows.width + d);
        change.value += a.value * b.value;
        size += std::fabs(a.value * b.value);
        change.error += errorOfProduct(a, b);
      }
      change.error += unit * double(rows.width + 4) * size;
      Off ds{weight.value * change.value * rows.scale, 0};
      ds.error = (errorOfProduct(weight, change) +
                  4 * unit * std::fabs(weight.value * change.value)) *
                     std::fabs(rows.scale) +
                 tiny;
      for (int64_t d = 0; d < extent; ++d) {
        Off left = number == 2 ? weight : ds;
        Off right = number == 0   ? at(rows.key, keyRow * extent + d)
                    : number == 1 ? at(rows.query, row * extent + d)
                                  : at(cotangent, row * extent + d);
        result.error[to + d] +=
            errorOfProduct(left, right) + tiny +
            unit * double(terms + 4) * std::fabs(left.value * right.value);
      }
    }
  addRounding(0.5);
  return success();
}

} // namespace mlc::randomgraph
