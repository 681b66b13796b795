//===- OpTableLoop.cpp - The row of graph.scan ----------------------------===//
//
// The body is drawn from the node's number: ops on values of one type, the
// carried ones, slices, and values that stay the same; perhaps a product with a
// square matrix, a sum that is spread again, and a loop inside. The node is one
// of the loop's results. `ints` says what its operands are.
//
//===----------------------------------------------------------------------===//

#include "test/random/OpTable.h"

#include "ir/graph/GraphLoopOps.h"
#include "ir/graph/OpFactory.h"

using namespace mlir;
using namespace mlc::graph;

namespace mlc::randomgraph {

namespace {

/// The body of a loop, of which all values have the type of `like`.
class Body {
public:
  Body(OpBuilder &builder, Draw &draw, Built like, Value weight)
      : builder(builder), draw(draw), like(std::move(like)), weight(weight),
        ops{builder, builder.getUnknownLoc()} {}

  /// What the ops are applied to, the later ones more often.
  std::vector<Value> pool;

  void grow(int64_t count, int depth) {
    for (; count > 0; --count)
      pool.push_back(step(depth));
  }
  Value pick() {
    auto size = static_cast<int64_t>(pool.size());
    return pool[std::max(draw.below(size), draw.below(size))];
  }

private:
  template <typename Op> Value unary(Value x) {
    return Op::create(builder, ops.loc, x.getType(), x);
  }

  Value step(int depth) {
    Value a = pick(), b = pick();
    switch (draw.below(14)) {
    case 0:
    case 1:
      return ops.add(a, b);
    case 2:
      return ops.sub(a, b);
    case 3:
      return ops.mul(a, b);
    case 4:
      return unary<TanhOp>(a);
    case 5:
      return unary<SigmoidOp>(a);
    case 6:
      return unary<ReluOp>(a);
    case 7:
      return MaximumOp::create(builder, ops.loc, a, b);
    case 8:
      return ops.select(ops.compare(ComparePredicate::lt, a, b), a,
                        ops.zeroLike(a));
    case 9:
      return ops.mul(a, ops.splatLike(a, 0.5));
    case 10:
    case 11:
      return weight ? product(a) : unary<CosOp>(a);
    case 12:
      return spreadSum(a);
    default:
      return depth == 0 ? inner(a, b) : unary<NegOp>(a);
    }
  }

  Value product(Value a) {
    int64_t last = static_cast<int64_t>(like.shape.size()) - 1;
    Value x = draw.chance(0.5) ? a : unary<TanhOp>(a);
    return DotOp::create(builder, ops.loc, x, weight, ArrayRef<int64_t>{},
                         ArrayRef<int64_t>{}, ArrayRef<int64_t>{last},
                         ArrayRef<int64_t>{draw.below(2)});
  }

  /// A sum along a dimension that is not the batch, in its place again.
  Value spreadSum(Value a) {
    SmallVector<int64_t> whole, others;
    for (auto [dim, extent] : llvm::enumerate(like.shape))
      if (extent > 0)
        whole.push_back(static_cast<int64_t>(dim));
    if (whole.empty())
      return unary<NegOp>(a);
    int64_t dim = draw.pick(whole);
    auto type = cast<RankedTensorType>(a.getType());
    for (int64_t other = 0; other < type.getRank(); ++other)
      if (other != dim)
        others.push_back(other);
    Value sum = ops.reduceSum(a, {dim});
    sum = ops.mul(sum, ops.splatLike(sum, 1.0 / double(type.getDimSize(dim))));
    return ops.broadcast(sum, type.getShape(), others);
  }

  Value inner(Value a, Value b) {
    SmallVector<Value> same = {b};
    if (weight)
      same.push_back(weight);
    int64_t count = 1 + draw.below(3);
    bool remat = draw.chance(0.3), reverse = draw.chance(0.3);
    auto scan = ScanOp::create(builder, ops.loc, TypeRange{a.getType()},
                               static_cast<uint64_t>(count), reverse, remat,
                               ValueRange{a}, ValueRange{}, ValueRange(same));
    OpBuilder::InsertionGuard guard(builder);
    Block &block = scan.getBody().emplaceBlock();
    block.addArgument(a.getType(), ops.loc);
    for (Value value : same)
      block.addArgument(value.getType(), ops.loc);
    builder.setInsertionPointToStart(&block);
    Body body(builder, draw, like, weight ? block.getArgument(2) : Value());
    body.pool = {block.getArgument(0), block.getArgument(1)};
    body.grow(1 + draw.below(3), /*depth=*/1);
    YieldOp::create(builder, ops.loc, ValueRange{body.pick()});
    return scan.getResult(0);
  }

  OpBuilder &builder;
  Draw &draw;
  Built like;
  Value weight; ///< null, or a square matrix for the last dimension
  OpFactory ops;
};

} // namespace

/// `ints`: the number of iterations where there is no sequence, and how many
/// inits, sequences, values that stay the same, and matrices follow.
static Built scan(OpBuilder &b, ArrayRef<Built> x, const Node &node, int64_t) {
  auto carries = static_cast<size_t>(node.ints[1]);
  auto sequences = static_cast<size_t>(node.ints[2]);
  auto same = static_cast<size_t>(node.ints[3] + node.ints[4]);
  bool hasWeight = node.ints[4] != 0;
  Shape shape(x[0].shape), stacked(shape);
  auto type = cast<RankedTensorType>(x[0].value.getType());
  if (!isa<FloatType>(type.getElementType()))
    return {};
  int64_t count = node.ints[0];
  if (sequences != 0) {
    if (x[carries].shape.empty())
      return {};
    count = x[carries].shape[0];
  }
  if (count < 1)
    return {};
  stacked.insert(stacked.begin(), count);
  SmallVector<Value> values;
  for (auto [i, operand] : llvm::enumerate(x)) {
    bool isSequence = i >= carries && i < carries + sequences;
    bool isWeight = hasWeight && i + 1 == x.size();
    Shape wanted(isSequence ? stacked : shape);
    if (isWeight) {
      if (shape.empty() || shape.back() < 0)
        return {};
      wanted = {shape.back(), shape.back()};
    }
    if (operand.shape != wanted || operand.element() != x[0].element())
      return {};
    values.push_back(operand.value);
  }
  Draw draw(node.draw);
  bool reverse = draw.chance(0.3), remat = draw.chance(0.3);
  int64_t stacks = draw.below(3);
  auto all = static_cast<int64_t>(carries) + stacks;
  SmallVector<Type> results(carries, type);
  results.append(stacks, stackedType(type, count));
  ArrayRef<Value> list(values);
  auto loop = ScanOp::create(
      b, b.getUnknownLoc(), results, static_cast<uint64_t>(count), reverse,
      remat, list.take_front(carries), list.slice(carries, sequences),
      list.take_back(same));
  OpBuilder::InsertionGuard guard(b);
  Block &block = loop.getBody().emplaceBlock();
  for (auto [i, value] : llvm::enumerate(values))
    block.addArgument(i >= carries && i < carries + sequences
                          ? Type(sliceType(value.getType()))
                          : value.getType(),
                      b.getUnknownLoc());
  b.setInsertionPointToStart(&block);
  Body body(b, draw, {x[0].value, shape},
            hasWeight ? block.getArguments().back() : Value());
  for (BlockArgument argument : block.getArguments().drop_back(hasWeight))
    body.pool.push_back(argument);
  body.grow(1 + draw.below(6), /*depth=*/0);
  SmallVector<Value> yields;
  for (int64_t i = 0; i < all; ++i)
    yields.push_back(body.pick());
  YieldOp::create(b, b.getUnknownLoc(), yields);
  int64_t result = draw.below(all);
  return {loop.getResult(result),
          result < static_cast<int64_t>(carries) ? shape : stacked};
}

std::vector<OpRow> loopRows() {
  return {{"graph.scan", Operands::Loop, 0, elements::kFloats, {}, 2, 0, scan}};
}

} // namespace mlc::randomgraph
