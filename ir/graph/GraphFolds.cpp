//===- GraphFolds.cpp - Identities that always hold -----------------------===//

#include "ir/graph/GraphOps.h"
#include "mlir/IR/Matchers.h"

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
