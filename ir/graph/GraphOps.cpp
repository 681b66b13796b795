//===- GraphOps.cpp - How the graph ops are written -----------------------===//
//
// The short forms of types: where layouts agree, one type says it all.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;

namespace mlc::graph {

/// Parses `T` or `(T, U, ...) -> V`. In the first case `operands` is empty.
static ParseResult parseShortOrFunction(OpAsmParser &parser,
                                        SmallVectorImpl<Type> &operands,
                                        size_t count, Type &result) {
  SMLoc loc = parser.getCurrentLocation();
  if (failed(parser.parseOptionalLParen())) {
    RankedTensorType tensor;
    if (parser.parseType(tensor))
      return failure();
    result = tensor;
    return success();
  }
  if (parser.parseTypeList(operands) || parser.parseRParen() ||
      parser.parseArrow() || parser.parseType(result))
    return failure();
  if (operands.size() != count)
    return parser.emitError(loc)
           << "expected " << count << " operand types but found "
           << operands.size();
  return success();
}

static ParseResult parseSameTypes(OpAsmParser &parser, Type &lhs, Type &rhs,
                                  Type &result) {
  SmallVector<Type> operands;
  if (parseShortOrFunction(parser, operands, 2, result))
    return failure();
  lhs = operands.empty() ? result : operands[0];
  rhs = operands.empty() ? result : operands[1];
  return success();
}

static void printSameTypes(OpAsmPrinter &printer, Operation *op, Type lhs,
                           Type rhs, Type result) {
  if (lhs == result && rhs == result)
    printer << result;
  else
    printer.printFunctionalType(op);
}

static ParseResult parseCompareTypes(OpAsmParser &parser, Type &lhs, Type &rhs,
                                     Type &result) {
  SmallVector<Type> operands;
  if (parseShortOrFunction(parser, operands, 2, result))
    return failure();
  lhs = operands.empty() ? result : operands[0];
  rhs = operands.empty() ? result : operands[1];
  if (operands.empty())
    result = boolLike(result);
  return success();
}

static void printCompareTypes(OpAsmPrinter &printer, Operation *op, Type lhs,
                              Type rhs, Type result) {
  if (lhs == rhs && result == boolLike(lhs))
    printer << lhs;
  else
    printer.printFunctionalType(op);
}

static ParseResult parseSelectTypes(OpAsmParser &parser, Type &condition,
                                    Type &onTrue, Type &onFalse, Type &result) {
  SmallVector<Type> operands;
  if (parseShortOrFunction(parser, operands, 3, result))
    return failure();
  condition = operands.empty() ? boolLike(result) : operands[0];
  onTrue = operands.empty() ? result : operands[1];
  onFalse = operands.empty() ? result : operands[2];
  return success();
}

static void printSelectTypes(OpAsmPrinter &printer, Operation *op,
                             Type condition, Type onTrue, Type onFalse,
                             Type result) {
  if (condition == boolLike(result) && onTrue == result && onFalse == result)
    printer << result;
  else
    printer.printFunctionalType(op);
}

/// `logits, labels` and, where the loss is not a column of the logits without
/// a layout, `to loss`.
static ParseResult parseLossTypes(OpAsmParser &parser, Type &logits,
                                  Type &labels, Type &loss) {
  RankedTensorType tensor;
  if (parser.parseType(tensor) || parser.parseComma() ||
      parser.parseType(labels))
    return failure();
  logits = tensor;
  if (succeeded(parser.parseOptionalKeyword("to")))
    return parser.parseType(loss);
  loss = withoutInnermostDim(logits);
  return success();
}

static void printLossTypes(OpAsmPrinter &printer, Operation *, Type logits,
                           Type labels, Type loss) {
  printer << logits << ", " << labels;
  if (loss != withoutInnermostDim(logits))
    printer << " to " << loss;
}

} // namespace mlc::graph

#define GET_OP_CLASSES
#include "ir/graph/GraphOps.cpp.inc"
