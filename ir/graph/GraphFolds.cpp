//===- GraphFolds.cpp - Identities that always hold -----------------------===//

#include "ir/graph/GraphOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;

namespace mlc::graph {

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

static bool isSplat(Attribute attr, double value) {
  auto elements = dyn_cast_or_null<DenseElementsAttr>(attr);
  return elements && elements.isSplat() &&
         elements == splatOf(cast<RankedTensorType>(elements.getType()), value);
}

// x + 0 is x, except that -0 + 0 is 0: for floats, x + (-0) is x.
OpFoldResult AddOp::fold(FoldAdaptor adaptor) {
  bool isFloat = isa<FloatType>(getType().getElementType());
  if (isSplat(adaptor.getRhs(), isFloat ? -0.0 : 0.0) &&
      getLhs().getType() == getType())
    return getLhs();
  return {};
}

namespace {

/// Elements [begin, end) along the dimension of a concat that are not zeros.
struct Segment {
  int64_t begin, end;
  Value value;
};

void addSegments(ConcatOp concat, SmallVectorImpl<Segment> &segments) {
  int64_t begin = 0;
  for (Value part : concat.getOperands()) {
    int64_t end =
        begin +
        cast<RankedTensorType>(part.getType()).getDimSize(concat.getDim());
    DenseElementsAttr constant;
    bool isZero = matchPattern(part, m_Constant(&constant)) &&
                  (isSplat(constant, 0.0) || isSplat(constant, -0.0));
    if (!isZero)
      segments.push_back({begin, end, part});
    begin = end;
  }
}

/// concat(a, 0) + concat(0, b) -> concat(a, b): the gradient of a split.
struct AddOfDisjointConcats : OpRewritePattern<AddOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(AddOp add,
                                PatternRewriter &rewriter) const override {
    auto lhs = add.getLhs().getDefiningOp<ConcatOp>();
    auto rhs = add.getRhs().getDefiningOp<ConcatOp>();
    if (!lhs || !rhs || lhs.getDim() != rhs.getDim() ||
        lhs.getType() != add.getType() || rhs.getType() != add.getType())
      return failure();
    SmallVector<Segment> segments;
    addSegments(lhs, segments);
    addSegments(rhs, segments);
    llvm::sort(segments, [](const Segment &a, const Segment &b) {
      return a.begin < b.begin;
    });
    for (size_t i = 1; i < segments.size(); ++i)
      if (segments[i].begin < segments[i - 1].end)
        return failure();

    SmallVector<int64_t> shape(add.getType().getShape());
    int64_t extent = shape[lhs.getDim()], end = 0;
    SmallVector<Value> parts;
    auto fillUpTo = [&](int64_t begin) {
      if (begin == end)
        return;
      shape[lhs.getDim()] = begin - end;
      parts.push_back(ConstantOp::create(rewriter, add.getLoc(),
                                         withShape(add.getType(), shape), 0.0));
    };
    for (const Segment &segment : segments) {
      fillUpTo(segment.begin);
      parts.push_back(segment.value);
      end = segment.end;
    }
    fillUpTo(extent);
    rewriter.replaceOpWithNewOp<ConcatOp>(add, add.getType(), parts,
                                          lhs.getDim());
    return success();
  }
};

} // namespace

void AddOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                        MLIRContext *context) {
  patterns.add<AddOfDisjointConcats>(context);
}

OpFoldResult SubOp::fold(FoldAdaptor adaptor) {
  if (isSplat(adaptor.getRhs(), 0.0) && getLhs().getType() == getType())
    return getLhs();
  return {};
}

OpFoldResult MulOp::fold(FoldAdaptor adaptor) {
  if (isSplat(adaptor.getRhs(), 1.0) && getLhs().getType() == getType())
    return getLhs();
  return {};
}

OpFoldResult DivOp::fold(FoldAdaptor adaptor) {
  if (isSplat(adaptor.getRhs(), 1.0) && getLhs().getType() == getType())
    return getLhs();
  return {};
}

OpFoldResult NegOp::fold(FoldAdaptor) {
  if (auto inner = getOperand().getDefiningOp<NegOp>())
    return inner.getOperand();
  return {};
}

OpFoldResult NotOp::fold(FoldAdaptor) {
  if (auto inner = getOperand().getDefiningOp<NotOp>())
    return inner.getOperand();
  return {};
}

OpFoldResult SelectOp::fold(FoldAdaptor adaptor) {
  if (isSplat(adaptor.getCondition(), 1.0) &&
      getOnTrue().getType() == getType())
    return getOnTrue();
  if (isSplat(adaptor.getCondition(), 0.0) &&
      getOnFalse().getType() == getType())
    return getOnFalse();
  if (getOnTrue() == getOnFalse() && getOnTrue().getType() == getType())
    return getOnTrue();
  return {};
}

OpFoldResult CastOp::fold(FoldAdaptor) {
  return getOperand().getType() == getType() ? getOperand() : Value();
}

OpFoldResult BroadcastOp::fold(FoldAdaptor) {
  return getOperand().getType() == getType() ? getOperand() : Value();
}

// Also a reshape back to the type that an earlier reshape came from. Both only
// if every dimension that is kept is where it was.
OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getOperand().getType() == getType() && getKeepFrom() == getKeepTo())
    return getOperand();
  auto inner = getOperand().getDefiningOp<ReshapeOp>();
  if (inner && inner.getOperand().getType() == getType() &&
      inner.getKeepFrom() == getKeepTo() && inner.getKeepTo() == getKeepFrom())
    return inner.getOperand();
  return {};
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  bool isIdentity = llvm::all_of(llvm::enumerate(getPerm()), [](auto entry) {
    return static_cast<int64_t>(entry.index()) == entry.value();
  });
  if (isIdentity && getOperand().getType() == getType())
    return getOperand();
  auto inner = getOperand().getDefiningOp<TransposeOp>();
  if (!inner || inner.getOperand().getType() != getType())
    return {};
  for (auto [i, dim] : llvm::enumerate(getPerm()))
    if (inner.getPerm()[dim] != static_cast<int64_t>(i))
      return {};
  return inner.getOperand();
}

OpFoldResult ConcatOp::fold(FoldAdaptor) {
  if (getOperands().size() == 1 && getOperands()[0].getType() == getType())
    return getOperands()[0];
  return {};
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  // The same shape takes all of it: every start is 0 and every stride 1.
  return getOperand().getType() == getType() ? getOperand() : Value();
}

OpFoldResult ReduceOp::fold(FoldAdaptor) {
  return getDims().empty() && getOperand().getType() == getType() ? getOperand()
                                                                  : Value();
}

} // namespace mlc::graph
