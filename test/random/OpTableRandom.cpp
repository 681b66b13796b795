//===- OpTableRandom.cpp - Rows of the ops that draw random numbers -------===//
//
// Seed, indices and numbers of rows are constants: the same numbers everywhere.
//
//===----------------------------------------------------------------------===//

#include "test/random/OpTable.h"

#include "ir/graph/GraphRandomOps.h"

using namespace mlir;
using namespace mlc::graph;

namespace mlc::randomgraph {

using namespace elements;

namespace {
struct Numbers {
  Value seed;
  SmallVector<Value> indices;
  Value rows;
  int64_t dim = 0, site = 0;
};
} // namespace

static Numbers drawNumbers(OpBuilder &b, const Node &node, Draw &draw) {
  Location loc = b.getUnknownLoc();
  auto integer = [&] { return static_cast<int64_t>(draw.next()); };
  auto scalar = [&]() -> Value {
    auto type = RankedTensorType::get({}, b.getI64Type());
    int64_t value = integer();
    return ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, ArrayRef<int64_t>(value)));
  };
  Numbers numbers;
  numbers.site = integer();
  numbers.seed = scalar();
  for (int64_t i = draw.below(3); i > 0; --i)
    numbers.indices.push_back(scalar());
  if (!node.shape.empty() && draw.chance(0.7)) {
    numbers.dim = draw.below(static_cast<int64_t>(node.shape.size()));
    SmallVector<int64_t> rows;
    for (int64_t i = 0; i < node.shape[numbers.dim]; ++i)
      rows.push_back(integer());
    auto type = RankedTensorType::get({static_cast<int64_t>(rows.size())},
                                      b.getI64Type());
    numbers.rows = ConstantOp::create(
        b, loc, DenseElementsAttr::get(type, ArrayRef<int64_t>(rows)));
  }
  return numbers;
}

static RankedTensorType resultType(OpBuilder &b, const Node &node,
                                   int64_t rows) {
  return RankedTensorType::get(concreteShape(node.shape, rows),
                               elementType(b.getContext(), node.element));
}

static Built uniform(OpBuilder &b, ArrayRef<Built>, const Node &node,
                     int64_t rows) {
  Draw draw(node.draw);
  Numbers n = drawNumbers(b, node, draw);
  return {RandomUniformOp::create(b, b.getUnknownLoc(),
                                  resultType(b, node, rows), n.seed, n.indices,
                                  n.rows, n.dim, n.site),
          node.shape};
}

static Built mask(OpBuilder &b, ArrayRef<Built>, const Node &node,
                  int64_t rows) {
  Draw draw(node.draw);
  Numbers n = drawNumbers(b, node, draw);
  double rate = static_cast<double>(draw.below(16)) / 16;
  return {DropoutMaskOp::create(b, b.getUnknownLoc(), resultType(b, node, rows),
                                n.seed, n.indices, n.rows, n.dim, n.site,
                                APFloat(rate)),
          node.shape};
}

std::vector<OpRow> randomRows() {
  using O = Operands;
  constexpr unsigned kDrawn = bit(Element::f32) | bit(Element::f64);
  return {
      {"graph.random_uniform", O::None, 0, kDrawn, {}, 0.5, 0, uniform},
      {"graph.dropout_mask", O::None, 0, kDrawn, {}, 0.5, 0.5, mask},
  };
}

} // namespace mlc::randomgraph
