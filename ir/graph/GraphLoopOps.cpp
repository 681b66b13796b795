//===- GraphLoopOps.cpp - Text, verifiers and cost of loops ---------------===//

#include "ir/graph/GraphLoopOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;

namespace mlc::graph {

static LayoutAttrInterface layoutOf(RankedTensorType type) {
  return dyn_cast_or_null<LayoutAttrInterface>(type.getEncoding());
}

RankedTensorType sliceType(Type stacked) {
  auto type = cast<RankedTensorType>(stacked);
  if (type.getRank() == 0)
    return {};
  Attribute encoding;
  if (LayoutAttrInterface layout = layoutOf(type)) {
    encoding = layout.unstack();
    if (!encoding)
      return {};
  }
  return RankedTensorType::get(type.getShape().drop_front(),
                               type.getElementType(), encoding);
}

RankedTensorType stackedType(Type slice, int64_t count) {
  auto type = cast<RankedTensorType>(slice);
  SmallVector<int64_t> shape = {count};
  llvm::append_range(shape, type.getShape());
  LayoutAttrInterface layout = layoutOf(type);
  return RankedTensorType::get(shape, type.getElementType(),
                               layout ? layout.stack() : Attribute());
}

//===----------------------------------------------------------------------===//
// ScanOp
//===----------------------------------------------------------------------===//

YieldOp ScanOp::getYield() {
  return cast<YieldOp>(getBody().front().getTerminator());
}

Block::BlockArgListType ScanOp::getCarryArguments() {
  return getBody().getArguments().take_front(getNumCarries());
}

Block::BlockArgListType ScanOp::getSliceArguments() {
  return getBody().getArguments().slice(getNumCarries(), getSequences().size());
}

Block::BlockArgListType ScanOp::getSameArguments() {
  return getBody().getArguments().take_back(getSame().size());
}

OperandRange ScanOp::getYieldedSlices() {
  return getYield().getValues().drop_front(getNumCarries());
}

int64_t ScanOp::getFlops() {
  int64_t flops = 0;
  for (Operation &op : getBody().front())
    if (auto cost = dyn_cast<CostOpInterface>(op))
      flops += cost.getFlops();
  return flops * static_cast<int64_t>(getCount());
}

void ScanOp::getAsmBlockArgumentNames(Region &region,
                                      OpAsmSetValueNameFn setName) {
  for (auto [i, argument] : llvm::enumerate(region.getArguments()))
    setName(argument, i < getNumCarries()                           ? "carry"
                      : i < getNumCarries() + getSequences().size() ? "slice"
                                                                    : "same");
}

/// `keyword(%a = %x : T, ...)`, or nothing.
static ParseResult
parseBindings(OpAsmParser &parser, StringRef keyword,
              SmallVectorImpl<OpAsmParser::Argument> &arguments,
              SmallVectorImpl<OpAsmParser::UnresolvedOperand> &operands,
              SmallVectorImpl<Type> &types) {
  if (failed(parser.parseOptionalKeyword(keyword)))
    return success();
  return parser.parseCommaSeparatedList(
      AsmParser::Delimiter::Paren, [&]() -> ParseResult {
        return failure(parser.parseArgument(arguments.emplace_back()) ||
                       parser.parseEqual() ||
                       parser.parseOperand(operands.emplace_back()) ||
                       parser.parseColonType(types.emplace_back()));
      });
}

ParseResult ScanOp::parse(OpAsmParser &parser, OperationState &state) {
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SmallVector<Type> types;
  int64_t count = 0;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseInteger(count))
    return failure();
  Builder &builder = parser.getBuilder();
  Properties &properties = state.getOrAddProperties<Properties>();
  properties.setCount(builder.getI64IntegerAttr(count));
  if (succeeded(parser.parseOptionalKeyword("reverse")))
    properties.setReverse(builder.getUnitAttr());
  if (succeeded(parser.parseOptionalKeyword("remat")))
    properties.setRemat(builder.getUnitAttr());
  std::array<int32_t, 3> segments{};
  for (auto [i, keyword] :
       llvm::enumerate(std::array<StringRef, 3>{"carry", "over", "same"})) {
    size_t before = operands.size();
    if (parseBindings(parser, keyword, arguments, operands, types))
      return failure();
    segments[i] = static_cast<int32_t>(operands.size() - before);
  }
  properties.operandSegmentSizes = segments;
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    auto type = dyn_cast<RankedTensorType>(types[i]);
    bool isSlice = static_cast<int32_t>(i) >= segments[0] &&
                   static_cast<int32_t>(i) < segments[0] + segments[1];
    if (isSlice && type)
      type = sliceType(type);
    if (!type)
      return parser.emitError(loc, "has an operand without slices: ")
             << types[i];
    argument.type = type;
  }
  return failure(parser.parseOptionalAttrDictWithKeyword(state.attributes) ||
                 parser.parseRegion(*state.addRegion(), arguments) ||
                 parser.parseOptionalColonTypeList(state.types) ||
                 parser.resolveOperands(operands, types, loc, state.operands));
}

void ScanOp::print(OpAsmPrinter &printer) {
  printer << " " << getCount() << (getReverse() ? " reverse" : "")
          << (getRemat() ? " remat" : "");
  auto bindings = [&](StringRef keyword, ValueRange arguments,
                      ValueRange operands) {
    if (operands.empty())
      return;
    printer << " " << keyword << "(";
    llvm::interleaveComma(
        llvm::zip_equal(arguments, operands), printer, [&](auto pair) {
          printer << std::get<0>(pair) << " = " << std::get<1>(pair) << " : "
                  << std::get<1>(pair).getType();
        });
    printer << ")";
  };
  bindings("carry", getCarryArguments(), getInits());
  bindings("over", getSliceArguments(), getSequences());
  bindings("same", getSameArguments(), getSame());
  printer.printOptionalAttrDictWithKeyword(
      (*this)->getAttrs(),
      {"count", "reverse", "remat", "operandSegmentSizes"});
  printer << " ";
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
  if (getNumResults() != 0)
    printer << " : " << getResultTypes();
}

LogicalResult ScanOp::verify() {
  auto count = static_cast<int64_t>(getCount());
  if (count < 1) // (C1)
    return emitOpError("runs ") << count << " times";
  for (auto [i, sequence] : llvm::enumerate(getSequences())) {
    auto type = cast<RankedTensorType>(sequence.getType());
    if (type.getRank() == 0 || type.getDimSize(0) != count) // (C1)
      return emitOpError("runs ")
             << count << " times but sequence #" << i << " is " << type;
    if (!sliceType(type)) {
      InFlightDiagnostic diag =
          emitOpError("cannot run over rows of the batch: sequence #")
          << i << " is " << type;
      diag.attachNote(sequence.getLoc()) << "it comes from here";
      return diag;
    }
  }
  return success();
}

LogicalResult ScanOp::verifyRegions() {
  SmallVector<Type> wanted(getInits().getTypes());
  for (Type type : getSequences().getTypes())
    wanted.push_back(sliceType(type));
  llvm::append_range(wanted, getSame().getTypes());
  if (getBody().getNumArguments() != wanted.size()) // (C2)
    return emitOpError("has ") << wanted.size() << " operands but its body "
                               << getBody().getNumArguments() << " arguments";
  for (auto [i, argument] : llvm::enumerate(getBody().getArguments()))
    if (argument.getType() != wanted[i]) // (C2)
      return emitOpError("gives its body ")
             << wanted[i] << " as argument #" << i << ", which is "
             << argument.getType();
  auto yield = dyn_cast<YieldOp>(getBody().front().getTerminator());
  if (!yield || yield.getNumOperands() != getNumResults() ||
      getNumResults() < getNumCarries()) // (C3)
    return emitOpError("has ")
           << getNumCarries() << " carried values and " << getNumResults()
           << " results but yields " << (yield ? yield.getNumOperands() : 0)
           << " values";
  for (auto [i, value, result] :
       llvm::enumerate(yield.getValues(), getResults())) {
    if (i < getNumCarries() && value.getType() != wanted[i]) // (C3)
      return yield.emitOpError("gives ")
             << value.getType() << " for the carried value #" << i
             << ", which is " << wanted[i];
    Type type = i < getNumCarries()
                    ? value.getType()
                    : Type(stackedType(value.getType(),
                                       static_cast<int64_t>(getCount())));
    if (result.getType() != type) // (C4)
      return emitOpError("result #") << i << " is " << result.getType()
                                     << " but the body gives " << type;
  }
  return success();
}

} // namespace mlc::graph

#define GET_OP_CLASSES
#include "ir/graph/GraphLoopOps.cpp.inc"
