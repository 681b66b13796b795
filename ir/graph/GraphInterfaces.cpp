//===- GraphInterfaces.cpp - Checks that every graph op shares ------------===//

#include "ir/graph/GraphInterfaces.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;

#include "ir/graph/GraphAttrInterfaces.cpp.inc"
#include "ir/graph/GraphOpInterfaces.cpp.inc"

namespace mlc::graph {

static LayoutAttrInterface getLayout(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? dyn_cast_or_null<LayoutAttrInterface>(tensor.getEncoding())
                : LayoutAttrInterface();
}

LogicalResult detail::verifyLayouts(Operation *op) {
  LayoutAttrInterface first;
  auto verifyType = [&](Type type) -> LogicalResult {
    LayoutAttrInterface layout = getLayout(type);
    if (!layout)
      return success();
    if (!first)
      first = layout;
    return layout.verifyShape(cast<RankedTensorType>(type).getShape(),
                              [&] { return op->emitOpError(); });
  };
  for (Type type : op->getOperandTypes())
    if (failed(verifyType(type)))
      return failure();
  for (Type type : op->getResultTypes())
    if (failed(verifyType(type)))
      return failure();
  if (!first)
    return success();
  return first.verifyOp(op, cast<ShardingOpInterface>(op).getShardingRule());
}

LogicalResult detail::verifyElementwise(Operation *op) {
  auto shape = cast<ShapedType>(op->getResult(0).getType()).getShape();
  for (auto [index, operand] : llvm::enumerate(op->getOperands())) {
    auto own = cast<ShapedType>(operand.getType()).getShape();
    if (own == shape)
      continue;
    auto print = [](InFlightDiagnostic &diag, ArrayRef<int64_t> extents) {
      diag << '[';
      llvm::interleaveComma(extents, diag);
      diag << ']';
    };
    InFlightDiagnostic diag = op->emitOpError("has a result of shape ");
    print(diag, shape);
    diag << " but operand #" << index << " of shape ";
    print(diag, own);
    diag.attachNote(operand.getLoc())
        << "operand #" << index << " comes from here";
    return diag;
  }
  return success();
}

} // namespace mlc::graph
