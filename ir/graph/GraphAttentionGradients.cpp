//===- GraphAttentionGradients.cpp - The gradients of attention -----------===//
//
// That of query, key and value is an op of its own. Those that are asked for
// seldom (of a float mask that is trained, and second derivatives) are composed
// of other ops, and so have the scores in memory.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphAttentionOps.h"
#include "ir/graph/OpFactory.h"

using namespace mlir;

namespace mlc::graph {

static ArrayRef<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape();
}

namespace {

/// Attention and its gradient as maths on the whole scores [B, H, Tq, Tk], all
/// in the type that sums are held in.
class Composed {
public:
  Composed(OpBuilder &builder, Location loc, AttentionGradOp op)
      : ops{builder, loc}, element(getElementTypeOrSelf(op.getLogsumexp())),
        q(wide(op.getQuery())), k(wide(op.getKey())), v(wide(op.getValue())),
        dout(wide(op.getDoutput())), scale(op.getScale().convertToDouble()) {
    Value score = scaled(times(q, k));
    if (op.getMask() && !getElementTypeOrSelf(op.getMask()).isInteger(1))
      score = ops.add(score, spread(wide(op.getMask())));
    Value power =
        ExpOp::create(builder, loc, ops.sub(score, columns(op.getLogsumexp())));
    p = onlyAttended(op, power);
    fromValues = ops.sub(times(dout, v), columns(op.getDelta()));
    ds = ops.mul(p, fromValues);
  }

  OpFactory ops;
  Type element;
  Value q, k, v, dout;
  double scale;
  Value p, ds;      ///< as in the description of graph.attention_grad
  Value fromValues; ///< ds / p

  Value wide(Value x) {
    return ops.castTo(x, withElementType(x.getType(), element));
  }
  Value scaled(Value x) { return ops.mul(x, ops.splatLike(x, scale)); }
  /// [B, H, Tq] to the shape of the scores.
  Value columns(Value rows) { return ops.broadcast(rows, scores(), {0, 1, 2}); }
  Value sumOfRows(Value x) { return ops.reduceSum(x, {3}); }

  /// rows[i] . keys[j]: a number per score.
  Value times(Value rows, Value keys) {
    return ungrouped(DotOp::create(
        ops.builder, ops.loc, grouped(rows), keys, ArrayRef<int64_t>{0, 1},
        ArrayRef<int64_t>{0, 1}, ArrayRef<int64_t>{4}, ArrayRef<int64_t>{3}));
  }
  /// sum over j of x[i, j] * keys[j].
  Value overKeys(Value x, Value keys) {
    return ungrouped(DotOp::create(
        ops.builder, ops.loc, grouped(x), keys, ArrayRef<int64_t>{0, 1},
        ArrayRef<int64_t>{0, 1}, ArrayRef<int64_t>{4}, ArrayRef<int64_t>{2}));
  }
  /// sum over i, and the heads that share a key, of x[i, j] * rows[i].
  Value overQueries(Value x, Value rows) {
    return DotOp::create(ops.builder, ops.loc, grouped(x), grouped(rows),
                         ArrayRef<int64_t>{0, 1}, ArrayRef<int64_t>{0, 1},
                         ArrayRef<int64_t>{2, 3}, ArrayRef<int64_t>{2, 3});
  }
  /// The cotangent of a mask from that of the scores.
  Value ofMask(Value x, RankedTensorType mask) {
    SmallVector<int64_t> summed, kept;
    for (int64_t dim = 0; dim < 4; ++dim)
      (mask.getDimSize(dim) == shapeOf(x)[dim] ? kept : summed).push_back(dim);
    auto places = llvm::to_vector(
        llvm::seq<int64_t>(0, static_cast<int64_t>(kept.size())));
    Value sum =
        ops.reshape(ops.reduceSum(x, summed), mask.getShape(), places, kept);
    return ops.castTo(sum,
                      withElementType(sum.getType(), mask.getElementType()));
  }

private:
  SmallVector<int64_t> scores() const {
    return {shapeOf(q)[0], shapeOf(q)[1], shapeOf(q)[2], shapeOf(k)[2]};
  }
  /// [B, H, T, X] with the heads that share a key in a dimension of their own.
  Value grouped(Value x) {
    ArrayRef<int64_t> shape = shapeOf(x);
    int64_t keyHeads = shapeOf(k)[1];
    return ops.reshape(
        x, {shape[0], keyHeads, shape[1] / keyHeads, shape[2], shape[3]},
        {0, 2, 3}, {0, 3, 4});
  }
  Value ungrouped(Value x) {
    ArrayRef<int64_t> shape = shapeOf(x);
    return ops.reshape(x, {shape[0], shape[1] * shape[2], shape[3], shape[4]},
                       {0, 3, 4}, {0, 2, 3});
  }
  Value spread(Value mask) {
    return ops.broadcast(mask, scores(), {0, 1, 2, 3});
  }
  Value onlyAttended(AttentionGradOp op, Value power) {
    Value zero = ops.zeroLike(power);
    if (op.getCausal()) {
      auto type = RankedTensorType::get(scores(), ops.builder.getI32Type());
      Value i = IotaOp::create(ops.builder, ops.loc, type, 2);
      Value j = IotaOp::create(ops.builder, ops.loc, type, 3);
      power = ops.select(ops.compare(ComparePredicate::ge, i, j), power, zero);
    }
    if (op.getMask() && getElementTypeOrSelf(op.getMask()).isInteger(1))
      power = ops.select(spread(op.getMask()), power, zero);
    return power;
  }
};

} // namespace

LogicalResult AttentionOp::buildGradient(OpBuilder &b, ValueRange ct,
                                         SmallVectorImpl<Value> &out) {
  OpFactory ops{b, getLoc()};
  Value dout = ct[0] ? ct[0] : ops.zeroLike(getOutput());
  auto row = cast<RankedTensorType>(getLogsumexp().getType());
  auto wide = [&](Value x) {
    return ops.castTo(x, withElementType(x.getType(), row.getElementType()));
  };
  Value delta = ops.reduceSum(ops.mul(wide(dout), wide(getOutput())), {3});
  if (ct[1])
    delta = ops.sub(delta, ct[1]);
  auto gradient = AttentionGradOp::create(
      b, getLoc(), getQuery(), getKey(), getValue(), getLogsumexp(), dout,
      delta, getMask(), getCausal(), getScale().convertToDouble());
  out.assign({gradient.getDquery(), gradient.getDkey(), gradient.getDvalue()});
  if (!getMask())
    return success();
  auto mask = cast<RankedTensorType>(getMask().getType());
  if (mask.getElementType().isInteger(1)) {
    out.push_back(Value());
    return success();
  }
  // Erased again where nobody trains the mask.
  Composed whole(b, getLoc(), gradient);
  out.push_back(whole.ofMask(whole.ds, mask));
  return success();
}

// From the cotangents gq, gk, gv of the results, those of ds, then of p and of
// the scores, by the product rule.
LogicalResult AttentionGradOp::buildGradient(OpBuilder &b, ValueRange ct,
                                             SmallVectorImpl<Value> &out) {
  Composed c(b, getLoc(), *this);
  OpFactory &ops = c.ops;
  auto given = [&](Value cotangent, Value like) {
    return cotangent ? c.wide(cotangent) : ops.zeroLike(like);
  };
  Value gq = given(ct[0], c.q), gk = given(ct[1], c.k), gv = given(ct[2], c.v);
  Value toDs = c.scaled(ops.add(c.times(gq, c.k), c.times(c.q, gk)));
  Value toDp = ops.mul(toDs, c.p);
  Value toScores =
      ops.mul(c.p, ops.add(c.times(c.dout, gv), ops.mul(toDs, c.fromValues)));
  auto narrow = [&](Value x, Value like) {
    return ops.castTo(x, like.getType());
  };
  Value toQuery =
      c.scaled(ops.add(c.overKeys(toScores, c.k), c.overKeys(c.ds, gk)));
  Value toKey =
      c.scaled(ops.add(c.overQueries(toScores, c.q), c.overQueries(c.ds, gq)));
  Value toOutput = ops.add(c.overKeys(c.p, gv), c.overKeys(toDp, c.v));
  out.assign({narrow(toQuery, getQuery()), narrow(toKey, getKey()),
              narrow(c.overQueries(toDp, c.dout), getValue()),
              ops.neg(c.sumOfRows(toScores)), narrow(toOutput, getDoutput()),
              ops.neg(c.sumOfRows(toDp))});
  if (getMask()) {
    auto mask = cast<RankedTensorType>(getMask().getType());
    out.push_back(mask.getElementType().isInteger(1)
                      ? Value()
                      : c.ofMask(toScores, mask));
  }
  return success();
}

} // namespace mlc::graph
