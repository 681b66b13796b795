//===- OpTableTensor.cpp - Rows of the ops that make, move and reduce -----===//
//
// The batch dimension stays one dimension: it is not sliced, concatenated or
// reduced here, and is reshaped only with dimensions behind it.
//
//===----------------------------------------------------------------------===//

#include "test/random/OpTable.h"

#include "ir/graph/GraphOps.h"

#include <algorithm>

using namespace mlir;
using namespace mlc::graph;

namespace mlc::randomgraph {

using namespace elements;

static RankedTensorType typeOf(const Built &x) {
  return cast<RankedTensorType>(x.value.getType());
}

static SmallVector<int64_t> wholeDims(const Built &x) {
  SmallVector<int64_t> dims;
  for (auto [dim, extent] : llvm::enumerate(x.shape))
    if (extent > 0)
      dims.push_back(static_cast<int64_t>(dim));
  return dims;
}

//===----------------------------------------------------------------------===//
// From nothing
//===----------------------------------------------------------------------===//

static Attribute drawAttribute(Type element, Draw &draw) {
  if (isa<FloatType>(element)) {
    APFloat value(draw.uniform() * 4 - 2);
    bool lossy;
    value.convert(cast<FloatType>(element).getFloatSemantics(),
                  APFloat::rmNearestTiesToEven, &lossy);
    return FloatAttr::get(element, value);
  }
  int64_t value = element.isInteger(1)          ? draw.below(2)
                  : element.isUnsignedInteger() ? draw.below(200)
                                                : draw.below(19) - 9;
  return IntegerAttr::get(element,
                          APInt(element.getIntOrFloatBitWidth(),
                                static_cast<uint64_t>(value), false, true));
}

/// A splat, or different values where the node says so.
static Built constant(OpBuilder &b, ArrayRef<Built>, const Node &node,
                      int64_t rows) {
  Type element = elementType(b.getContext(), node.element);
  auto type = RankedTensorType::get(concreteShape(node.shape, rows), element);
  bool dense = !node.ints.empty();
  Draw draw(node.draw);
  SmallVector<Attribute> values;
  int64_t count = dense ? type.getNumElements() : 1;
  for (int64_t i = 0; i < count; ++i) {
    Attribute value = drawAttribute(element, draw);
    if (auto number = dyn_cast<FloatAttr>(value);
        number && node.range == Range::Positive) {
      APFloat magnitude = llvm::abs(number.getValue());
      bool lossy;
      APFloat half(0.5);
      half.convert(magnitude.getSemantics(), APFloat::rmNearestTiesToEven,
                   &lossy);
      value = FloatAttr::get(element, magnitude + half);
    }
    values.push_back(value);
  }
  return {ConstantOp::create(b, b.getUnknownLoc(),
                             DenseElementsAttr::get(type, values)),
          node.shape};
}

static Built iota(OpBuilder &b, ArrayRef<Built>, const Node &node,
                  int64_t rows) {
  SmallVector<int64_t> dims;
  for (auto [dim, extent] : llvm::enumerate(node.shape))
    if (extent > 0)
      dims.push_back(static_cast<int64_t>(dim));
  if (dims.empty())
    return {};
  auto type = RankedTensorType::get(concreteShape(node.shape, rows),
                                    elementType(b.getContext(), node.element));
  int64_t dim = Draw(node.draw).pick(dims);
  return {IotaOp::create(b, b.getUnknownLoc(), type, dim), node.shape};
}

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

static void extendMaps(const Shape &from, const Shape &to,
                       SmallVector<int64_t> &map,
                       std::vector<SmallVector<int64_t>> &found) {
  size_t dim = map.size();
  if (dim == from.size()) {
    found.push_back(map);
    return;
  }
  for (int64_t target = map.empty() ? 0 : map.back() + 1,
               rank = static_cast<int64_t>(to.size());
       target < rank; ++target) {
    // A batch of one row is not told from a dimension of 1 that it stretches,
    // which the importer takes away first.
    if (from[dim] != to[target] && (from[dim] != 1 || to[target] < 0))
      continue;
    map.push_back(target);
    extendMaps(from, to, map, found);
    map.pop_back();
  }
}

std::vector<SmallVector<int64_t>> spreadMaps(const Shape &from,
                                             const Shape &to) {
  std::vector<SmallVector<int64_t>> found;
  SmallVector<int64_t> map;
  extendMaps(from, to, map, found);
  return found;
}

static Built broadcast(OpBuilder &b, ArrayRef<Built> x, const Node &node,
                       int64_t rows) {
  auto maps = spreadMaps(x[0].shape, node.shape);
  if (maps.empty())
    return {};
  SmallVector<int64_t> dims = Draw(node.draw).pick(maps);
  return {BroadcastOp::create(b, b.getUnknownLoc(), x[0].value,
                              concreteShape(node.shape, rows), dims),
          node.shape};
}

/// Every shape that one step makes of `shape`: two neighbours merged, one
/// split, an extent of 1 put in or left out, the dimensions behind the first
/// made one.
static std::vector<Shape> reshapes(const Shape &shape) {
  std::vector<Shape> found;
  auto add = [&](auto change) {
    Shape next(shape);
    change(next);
    found.push_back(next);
  };
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i + 1 < shape.size() && shape[i + 1] > 0)
      add([&](Shape &s) {
        s[i] *= s[i + 1];
        s.erase(s.begin() + i + 1);
      });
    for (int64_t factor : {2, 3, 4})
      if (std::abs(shape[i]) % factor == 0 && shape.size() < 4)
        add([&](Shape &s) {
          s[i] /= factor;
          s.insert(s.begin() + i + 1, factor);
        });
    if (shape[i] == 1)
      add([&](Shape &s) { s.erase(s.begin() + i); });
  }
  if (shape.size() < 4)
    for (size_t i = 0; i <= shape.size(); ++i)
      add([&](Shape &s) { s.insert(s.begin() + i, 1); });
  if (shape.size() > 2 && llvm::all_of(ArrayRef(shape).drop_front(),
                                       [](int64_t e) { return e > 0; }))
    add([&](Shape &s) {
      for (; s.size() > 2; s.pop_back())
        s[1] *= s[s.size() - 1];
    });
  return found;
}

static Built reshape(OpBuilder &b, ArrayRef<Built> x, const Node &node,
                     int64_t rows) {
  std::vector<Shape> shapes = reshapes(x[0].shape);
  if (shapes.empty())
    return {};
  Built result{{}, Draw(node.draw).pick(shapes)};
  int64_t from = x[0].batchDim(), to = result.batchDim();
  SmallVector<int64_t> keepFrom, keepTo;
  if (from >= 0 && x[0].shape[from] == result.shape[to]) {
    keepFrom.push_back(from);
    keepTo.push_back(to);
  }
  result.value =
      ReshapeOp::create(b, b.getUnknownLoc(), x[0].value,
                        concreteShape(result.shape, rows), keepFrom, keepTo);
  return result;
}

static Built transpose(OpBuilder &b, ArrayRef<Built> x, const Node &node,
                       int64_t) {
  SmallVector<int64_t> perm =
      llvm::to_vector(llvm::seq<int64_t>(0, x[0].shape.size()));
  Draw draw(node.draw);
  for (size_t i = perm.size(); i > 1; --i)
    std::swap(perm[i - 1], perm[draw.below(static_cast<int64_t>(i))]);
  Shape shape;
  for (int64_t dim : perm)
    shape.push_back(x[0].shape[dim]);
  return {TransposeOp::create(b, b.getUnknownLoc(), x[0].value, perm), shape};
}

/// Along a dimension that is not the batch.
static Built concat(OpBuilder &b, ArrayRef<Built> x, const Node &node,
                    int64_t) {
  int64_t dim = node.ints[0];
  if (dim >= static_cast<int64_t>(x[0].shape.size()) || x[0].shape[dim] < 0)
    return {};
  Shape shape(x[0].shape);
  SmallVector<Value> values;
  shape[dim] = 0;
  for (const Built &part : x) {
    Shape other(part.shape);
    if (other.size() != shape.size() || other[dim] < 0)
      return {};
    shape[dim] += other[dim];
    other[dim] = shape[dim];
    if (other != shape)
      return {};
    values.push_back(part.value);
  }
  return {ConcatOp::create(b, b.getUnknownLoc(), values, dim), shape};
}

static Built slice(OpBuilder &b, ArrayRef<Built> x, const Node &node,
                   int64_t rows) {
  Draw draw(node.draw);
  SmallVector<int64_t> starts, limits, strides;
  Shape shape;
  for (int64_t extent : x[0].shape) {
    bool whole = extent < 0 || draw.chance(0.3);
    int64_t size = extent < 0 ? -extent * rows : extent;
    starts.push_back(whole ? 0 : draw.below(size));
    limits.push_back(
        whole ? size : starts.back() + 1 + draw.below(size - starts.back()));
    strides.push_back(whole ? 1 : 1 + draw.below(3));
    shape.push_back(extent < 0
                        ? extent
                        : (limits.back() - starts.back() + strides.back() - 1) /
                              strides.back());
  }
  return {SliceOp::create(b, b.getUnknownLoc(), x[0].value, starts, limits,
                          strides),
          shape};
}

//===----------------------------------------------------------------------===//
// Reductions and products
//===----------------------------------------------------------------------===//

static Built reduce(OpBuilder &b, ArrayRef<Built> x, const Node &node,
                    int64_t) {
  Draw draw(node.draw);
  auto kind = static_cast<ReductionKind>(draw.below(3));
  if (x[0].element() == Element::i1 && kind == ReductionKind::sum)
    kind = ReductionKind::max;
  SmallVector<int64_t> dims;
  Shape shape;
  double share = draw.uniform();
  for (auto [dim, extent] : llvm::enumerate(x[0].shape))
    if (extent > 0 && draw.chance(share))
      dims.push_back(static_cast<int64_t>(dim));
    else
      shape.push_back(extent);
  return {ReduceOp::create(b, b.getUnknownLoc(), kind, x[0].value, dims),
          shape};
}

static Built argReduce(OpBuilder &b, ArrayRef<Built> x, const Node &node,
                       int64_t) {
  SmallVector<int64_t> dims = wholeDims(x[0]);
  if (dims.empty())
    return {};
  Draw draw(node.draw);
  auto kind = draw.chance(0.5) ? ReductionKind::max : ReductionKind::min;
  int64_t dim = draw.pick(dims);
  Shape shape(x[0].shape);
  shape.erase(shape.begin() + dim);
  return {ArgReduceOp::create(b, b.getUnknownLoc(), kind, x[0].value, dim),
          shape};
}

/// `ints`: the number of batch dimensions, theirs of lhs, theirs of rhs; then
/// the same for the contracting ones.
static Built dot(OpBuilder &b, ArrayRef<Built> x, const Node &node, int64_t) {
  SmallVector<int64_t> lists[4]; // batch of lhs, rhs, contracting of lhs, rhs
  size_t at = 0;
  for (int part : {0, 2}) {
    int64_t count = node.ints[at++];
    for (int side : {0, 1})
      for (int64_t i = 0; i < count; ++i)
        lists[part + side].push_back(node.ints[at++]);
  }
  Shape shape;
  for (int side : {0, 1}) {
    const Shape &own = x[side].shape;
    for (int part : {0, 2})
      for (int64_t dim : lists[part + side])
        if (dim >= static_cast<int64_t>(own.size()) ||
            (part == 2 && own[dim] < 0))
          return {};
    if (side == 0)
      for (int64_t dim : lists[0])
        shape.push_back(own[dim]);
    for (auto [dim, extent] : llvm::enumerate(own))
      if (!llvm::is_contained(lists[side], dim) &&
          !llvm::is_contained(lists[2 + side], dim))
        shape.push_back(extent);
  }
  for (int part : {0, 2})
    for (auto [l, r] : llvm::zip_equal(lists[part], lists[part + 1]))
      if (x[0].shape[l] != x[1].shape[r])
        return {};
  return {DotOp::create(b, b.getUnknownLoc(), x[0].value, x[1].value, lists[0],
                        lists[1], lists[2], lists[3]),
          shape};
}

/// Are `rows` what is left of `logits` without the classes.
static bool areRows(const Shape &logits, const Shape &rows) {
  return !logits.empty() && logits.back() > 0 &&
         ArrayRef(logits).drop_back() == ArrayRef(rows);
}

static Built loss(OpBuilder &b, ArrayRef<Built> x, const Node &, int64_t) {
  if (!areRows(x[0].shape, x[1].shape))
    return {};
  return {SoftmaxCrossEntropyOp::create(b, b.getUnknownLoc(), x[0].value,
                                        x[1].value),
          x[1].shape};
}

static Built lossGrad(OpBuilder &b, ArrayRef<Built> x, const Node &, int64_t) {
  if (!areRows(x[0].shape, x[1].shape) || x[2].shape != x[1].shape ||
      typeOf(x[2]).getElementType() != typeOf(x[0]).getElementType())
    return {};
  return {SoftmaxCrossEntropyGradOp::create(b, b.getUnknownLoc(), x[0].value,
                                            x[1].value, x[2].value),
          x[0].shape};
}

std::vector<OpRow> tensorRows() {
  using O = Operands;
  // Ulps of reductions, products and losses: Bounds.cpp counts their terms.
  return {
      {"graph.constant", O::None, 0, kAll, {}, 0.6, 0, constant},
      {"graph.iota", O::None, 0, kNumbers, {}, 0.5, 0.5, iota},
      {"graph.broadcast", O::Spread, 1, kAll, {}, 1.5, 0, broadcast},
      {"graph.reshape", O::One, 1, kAll, {}, 1.8, 0, reshape},
      {"graph.transpose", O::One, 1, kAll, {}, 1.8, 0, transpose},
      {"graph.concat", O::Concat, 0, kAll, {}, 1.3, 0, concat},
      {"graph.slice", O::One, 1, kAll, {}, 1.3, 0, slice},
      {"graph.reduce", O::One, 1, kAll, {}, 2.5, 0, reduce},
      {"graph.arg_reduce", O::One, 1, kNumbers, {}, 0.8, 0, argReduce},
      {"graph.dot", O::Dot, 2, kNumbers, {}, 3, 0, dot},
      {"graph.softmax_cross_entropy", O::Loss, 2, kFloats, {}, 1, 0, loss},
      {"graph.softmax_cross_entropy_grad",
       O::LossGrad,
       3,
       kFloats,
       {},
       0.5,
       0,
       lossGrad},
  };
}

} // namespace mlc::randomgraph
