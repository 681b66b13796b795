//===- OpTableIndex.cpp - Rows of the ops whose indices are values --------===//
//
// `ints`: the indexed dimension; for scatter_add its extent, too.
//
//===----------------------------------------------------------------------===//

#include "test/random/OpTable.h"

#include "ir/graph/GraphIndexOps.h"

using namespace mlir;
using namespace mlc::graph;

namespace mlc::randomgraph {

using namespace elements;

static int64_t countBatches(const Shape &shape) {
  return llvm::count_if(shape, [](int64_t extent) { return extent < 0; });
}

static Built gather(OpBuilder &b, ArrayRef<Built> x, const Node &node,
                    int64_t) {
  int64_t dim = node.ints[0];
  Shape shape(x[0].shape);
  if (dim >= static_cast<int64_t>(shape.size()) || shape[dim] < 0)
    return {};
  shape.erase(shape.begin() + dim);
  shape.insert(shape.begin() + dim, x[1].shape.begin(), x[1].shape.end());
  if (countBatches(shape) > 1)
    return {};
  return {GatherOp::create(b, b.getUnknownLoc(), x[0].value, x[1].value, dim),
          shape};
}

static Built scatterAdd(OpBuilder &b, ArrayRef<Built> x, const Node &node,
                        int64_t rows) {
  size_t dim = static_cast<size_t>(node.ints[0]), count = x[1].shape.size();
  Shape shape(x[0].shape);
  if (dim + count > shape.size() || countBatches(x[1].shape) > 0 ||
      ArrayRef(shape).slice(dim, count) != ArrayRef(x[1].shape))
    return {};
  shape.erase(shape.begin() + dim, shape.begin() + dim + count);
  shape.insert(shape.begin() + dim, node.ints[1]);
  auto type = RankedTensorType::get(
      concreteShape(shape, rows),
      cast<RankedTensorType>(x[0].value.getType()).getElementType());
  return {ScatterAddOp::create(b, b.getUnknownLoc(), type, x[0].value,
                               x[1].value, dim),
          shape};
}

std::vector<OpRow> indexRows() {
  using O = Operands;
  return {
      {"graph.gather", O::Gather, 2, kAll, {}, 1.2, 0, gather},
      {"graph.scatter_add", O::Scatter, 2, kNumbers, {}, 1, 0, scatterAdd},
  };
}

} // namespace mlc::randomgraph
