//===- OpTable.cpp - Rows of the elementwise ops --------------------------===//

#include "test/random/OpTable.h"

#include "ir/graph/GraphOps.h"

using namespace mlir;
using namespace mlc::graph;

namespace mlc::randomgraph {

using namespace elements;

Element Built::element() const {
  return elementOf(cast<RankedTensorType>(value.getType()).getElementType());
}

int64_t Built::batchDim() const {
  for (auto [dim, extent] : llvm::enumerate(shape))
    if (extent < 0)
      return static_cast<int64_t>(dim);
  return -1;
}

Shape concreteShape(const Shape &shape, int64_t rows) {
  Shape result(shape);
  for (int64_t &extent : result)
    if (extent < 0)
      extent *= -rows;
  return result;
}

template <typename Op>
static Built unary(OpBuilder &b, ArrayRef<Built> x, const Node &, int64_t) {
  Value value =
      Op::create(b, b.getUnknownLoc(), x[0].value.getType(), x[0].value);
  return {value, x[0].shape};
}

template <typename Op>
static Built binary(OpBuilder &b, ArrayRef<Built> x, const Node &, int64_t) {
  Value value = Op::create(b, b.getUnknownLoc(), x[0].value, x[1].value);
  return {value, x[0].shape};
}

static Built compare(OpBuilder &b, ArrayRef<Built> x, const Node &node,
                     int64_t) {
  auto predicate = static_cast<ComparePredicate>(Draw(node.draw).below(6));
  Value value = CompareOp::create(b, b.getUnknownLoc(), predicate, x[0].value,
                                  x[1].value);
  return {value, x[0].shape};
}

static Built select(OpBuilder &b, ArrayRef<Built> x, const Node &, int64_t) {
  Value value = SelectOp::create(b, b.getUnknownLoc(), x[0].value, x[1].value,
                                 x[2].value);
  return {value, x[1].shape};
}

/// To the node's element type.
static Built castTo(OpBuilder &b, ArrayRef<Built> x, const Node &node,
                    int64_t) {
  if (x[0].element() == node.element)
    return {};
  Value value = CastOp::create(b, b.getUnknownLoc(), x[0].value,
                               elementType(b.getContext(), node.element));
  return {value, x[0].shape};
}

std::vector<OpRow> elementwiseRows() {
  using O = Operands;
  using D = Domain;
  return {
      // name, operands, arity, elements, domains, weight, ulps, build
      {"graph.add", O::Same, 2, kNumbers, {}, 3, 0.5, binary<AddOp>},
      {"graph.sub", O::Same, 2, kNumbers, {}, 2, 0.5, binary<SubOp>},
      {"graph.mul", O::Same, 2, kNumbers, {}, 3, 0.5, binary<MulOp>},
      {"graph.div",
       O::Same,
       2,
       kFloats,
       {D::Any, D::NonZero},
       1.5,
       0.5,
       binary<DivOp>},
      {"graph.pow",
       O::Same,
       2,
       kFloats,
       {D::Positive, D::Small},
       0.7,
       2,
       binary<PowOp>},
      {"graph.maximum", O::Same, 2, kNumbers, {}, 1, 0, binary<MaximumOp>},
      {"graph.minimum", O::Same, 2, kNumbers, {}, 1, 0, binary<MinimumOp>},
      {"graph.idiv", O::Same, 2, kInts, {}, 0.7, 0, binary<IDivOp>},
      {"graph.mod",
       O::Same,
       2,
       kNumbers,
       {D::Any, D::NonZero},
       0.7,
       0.5,
       binary<ModOp>},
      {"graph.neg", O::One, 1, kFloats | kSignedInts, {}, 0.7, 0, unary<NegOp>},
      {"graph.abs", O::One, 1, kFloats | kSignedInts, {}, 0.7, 0, unary<AbsOp>},
      {"graph.sign",
       O::One,
       1,
       kFloats | kSignedInts,
       {},
       0.4,
       0,
       unary<SignOp>},
      {"graph.exp",
       O::One,
       1,
       kFloats,
       {D::Small, D::Any},
       0.8,
       2,
       unary<ExpOp>},
      {"graph.log",
       O::One,
       1,
       kFloats,
       {D::Positive, D::Any},
       0.8,
       2,
       unary<LogOp>},
      {"graph.log1p",
       O::One,
       1,
       kFloats,
       {D::Positive, D::Any},
       0.6,
       2,
       unary<Log1pOp>},
      {"graph.sqrt",
       O::One,
       1,
       kFloats,
       {D::Positive, D::Any},
       0.8,
       0.5,
       unary<SqrtOp>},
      {"graph.tanh", O::One, 1, kFloats, {}, 1, 2, unary<TanhOp>},
      {"graph.sigmoid", O::One, 1, kFloats, {}, 1, 3, unary<SigmoidOp>},
      {"graph.relu", O::One, 1, kFloats | kSignedInts, {}, 1, 0, unary<ReluOp>},
      {"graph.expm1",
       O::One,
       1,
       kFloats,
       {D::Small, D::Any},
       0.6,
       2,
       unary<Expm1Op>},
      {"graph.erf", O::One, 1, kFloats, {}, 0.7, 2, unary<ErfOp>},
      {"graph.sin", O::One, 1, kFloats, {}, 0.7, 2, unary<SinOp>},
      {"graph.round", O::One, 1, kFloats, {}, 0.4, 0, unary<RoundOp>},
      {"graph.cos", O::One, 1, kFloats, {}, 0.7, 2, unary<CosOp>},
      {"graph.floor", O::One, 1, kFloats, {}, 0.4, 0, unary<FloorOp>},
      {"graph.compare", O::Same, 2, kAll, {}, 1.2, 0, compare},
      {"graph.and", O::Same, 2, kBool, {}, 0.6, 0, binary<AndOp>},
      {"graph.or", O::Same, 2, kBool, {}, 0.6, 0, binary<OrOp>},
      {"graph.not", O::One, 1, kBool, {}, 0.4, 0, unary<NotOp>},
      {"graph.select", O::Select, 3, kAll, {}, 1.5, 0, select},
      {"graph.cast", O::One, 1, kAll, {}, 1.5, 0.5, castTo},
  };
}

ArrayRef<OpRow> opTable() {
  static const std::vector<OpRow> rows = [] {
    std::vector<OpRow> all = elementwiseRows();
    llvm::append_range(all, tensorRows());
    llvm::append_range(all, indexRows());
    llvm::append_range(all, loopRows());
    llvm::append_range(all, attentionRows());
    llvm::append_range(all, windowRows());
    llvm::append_range(all, randomRows());
    return all;
  }();
  return rows;
}

const OpRow *findRow(StringRef name) {
  for (const OpRow &row : opTable())
    if (row.name == name)
      return &row;
  return nullptr;
}

ArrayRef<Exception> exceptions() {
  static const Exception list[] = {
      {"graph.custom_gradient",
       "gone after graph-autodiff, whose tests have it"},
      {"graph.cotangents", "ends the region of a custom_gradient"},
      {"graph.parameter", "declares a leaf: Node::Kind::Parameter and State"},
      {"graph.batch_norm", "has several results: test/ir/graph, test/e2e/"
                           "batch_norm.py and KernelTest have it"},
      {"graph.batch_norm_grad", "the same"},
      {"graph.yield", "ends the body of a loop"},
  };
  return list;
}

} // namespace mlc::randomgraph
