//===- OpTableAttention.cpp - Attention and its gradient ------------------===//

#include "ir/graph/GraphAttentionOps.h"
#include "test/random/OpTable.h"

using namespace mlir;
using namespace mlc::graph;

namespace mlc::randomgraph {

using namespace elements;

static bool isOf(const Built &x, std::initializer_list<int64_t> shape,
                 Element element) {
  return ArrayRef(x.shape) == ArrayRef(shape) && x.element() == element;
}

/// The shapes of query, key and value fit, and those of a mask at `mask`.
static bool fits(ArrayRef<Built> x, size_t mask) {
  for (const Built &each : x.take_front(3))
    if (each.shape.size() != 4)
      return false;
  const Shape &q = x[0].shape, &k = x[1].shape, &v = x[2].shape;
  for (const Shape *shape : {&q, &k, &v})
    for (int64_t extent : ArrayRef(*shape).drop_front())
      if (extent < 0)
        return false;
  Element element = x[0].element();
  if (!isOf(x[1], {q[0], k[1], k[2], q[3]}, element) ||
      !isOf(x[2], {q[0], k[1], k[2], v[3]}, element) || q[1] % k[1] != 0)
    return false;
  if (x.size() == mask)
    return true;
  const Shape &m = x[mask].shape;
  return m.size() == 4 && (m[0] == q[0] || m[0] == 1) &&
         (m[1] == q[1] || m[1] == 1) && (m[2] == q[2] || m[2] == 1) &&
         m[3] == k[2] &&
         (x[mask].element() == Element::i1 || x[mask].element() == element);
}

static double drawScale(Draw &draw) {
  constexpr double kScales[] = {0.25, 0.5, 1, -0.5};
  return draw.pick(ArrayRef(kScales));
}

/// One of the results.
static Built attention(OpBuilder &b, ArrayRef<Built> x, const Node &node,
                       int64_t) {
  if (!fits(x, 3))
    return {};
  Draw draw(node.draw);
  auto op = AttentionOp::create(b, b.getUnknownLoc(), x[0].value, x[1].value,
                                x[2].value, x.size() > 3 ? x[3].value : Value(),
                                draw.chance(0.5), drawScale(draw));
  Shape shape(x[0].shape);
  shape.back() = x[2].shape.back();
  if (draw.chance(0.7))
    return {op.getOutput(), shape};
  shape.pop_back();
  return {op.getLogsumexp(), shape};
}

static Built attentionGrad(OpBuilder &b, ArrayRef<Built> x, const Node &node,
                           int64_t) {
  if (!fits(x, 6))
    return {};
  const Shape &q = x[0].shape;
  Element element = x[0].element();
  Element wide = element == Element::f64 ? Element::f64 : Element::f32;
  if (!isOf(x[3], {q[0], q[1], q[2]}, wide) ||
      !isOf(x[4], {q[0], q[1], q[2], x[2].shape[3]}, element) ||
      !isOf(x[5], {q[0], q[1], q[2]}, wide))
    return {};
  Draw draw(node.draw);
  auto op = AttentionGradOp::create(
      b, b.getUnknownLoc(), x[0].value, x[1].value, x[2].value, x[3].value,
      x[4].value, x[5].value, x.size() > 6 ? x[6].value : Value(),
      draw.chance(0.5), drawScale(draw));
  int64_t which = draw.below(3);
  return {op->getResult(which), x[which].shape};
}

std::vector<OpRow> attentionRows() {
  using O = Operands;
  // Ulps: BoundsAttention.cpp counts the terms.
  return {
      {"graph.attention", O::Attention, 3, kFloats, {}, 0.8, 0, attention},
      {"graph.attention_grad",
       O::AttentionGrad,
       6,
       kFloats,
       {},
       0.3,
       0,
       attentionGrad},
  };
}

} // namespace mlc::randomgraph
