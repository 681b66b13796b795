//===- DistOps.cpp - Meshes, collectives, the micro-batch loop ------------===//

#include "ir/dist/DistDialect.h"
#include "ir/dist/LayoutRules.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;

#include "ir/dist/DistDialect.cpp.inc"

#define GET_OP_CLASSES
#include "ir/dist/DistOps.cpp.inc"

namespace mlc::dist {

//===----------------------------------------------------------------------===//
// MeshOp
//===----------------------------------------------------------------------===//

LogicalResult MeshOp::verify() {
  ArrayRef<int64_t> sizes = getSizes();
  if (getAxes().empty())
    return emitOpError("has no axis"); // (M1)
  if (getAxes().size() != sizes.size())
    return emitOpError("has ") << getAxes().size() << " axes but "
                               << sizes.size() << " sizes"; // (M1)
  llvm::StringSet<> names;
  for (Attribute axis : getAxes()) {
    StringRef name = cast<StringAttr>(axis).getValue();
    if (name.empty())
      return emitOpError("has an axis without a name"); // (M2)
    if (!names.insert(name).second)
      return emitOpError("has two axes named ") << axis; // (M2)
  }
  for (auto [axis, size] : llvm::zip_equal(getAxes(), sizes))
    if (size < 1 && size != kElastic) // (M3)
      return emitOpError("axis ")
             << axis << " has size " << size << "; expected at least 1, or -1";
  if (llvm::count(sizes, kElastic) > 1)
    return emitOpError("has more than one elastic axis"); // (M4)
  return success();
}

std::optional<int64_t> MeshOp::getAxisSize(StringRef axis) {
  for (auto [name, size] : llvm::zip_equal(getAxes(), getSizes()))
    if (cast<StringAttr>(name).getValue() == axis)
      return size;
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// AllReduceOp
//===----------------------------------------------------------------------===//

/// What an all-reduce makes of its operand's type.
static Type dropPartialAxes(Type type, ArrayAttr axes) {
  LayoutAttr layout = LayoutAttr::of(type);
  if (!layout)
    return type;
  return withLayout(cast<RankedTensorType>(type), layout.dropPartial(axes));
}

void AllReduceOp::build(OpBuilder &builder, OperationState &state,
                        ReductionKind kind, ValueRange operands,
                        ArrayAttr axes) {
  state.addOperands(operands);
  state.addAttribute(getKindAttrName(state.name),
                     ReductionKindAttr::get(builder.getContext(), kind));
  state.addAttribute(getAxesAttrName(state.name), axes);
  for (Type type : operands.getTypes())
    state.addTypes(dropPartialAxes(type, axes));
}

ParseResult AllReduceOp::parse(OpAsmParser &parser, OperationState &state) {
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SmallVector<Type> types;
  ArrayAttr axes;
  StringRef keyword;
  llvm::SMLoc kindLoc = parser.getCurrentLocation();
  if (parser.parseKeyword(&keyword))
    return failure();
  std::optional<ReductionKind> kind = symbolizeReductionKind(keyword);
  if (!kind)
    return parser.emitError(kindLoc, "expected sum, max or min");
  state.addAttribute(getKindAttrName(state.name),
                     ReductionKindAttr::get(parser.getContext(), *kind));
  llvm::SMLoc loc = parser.getCurrentLocation();
  if (parser.parseOperandList(operands) || parser.parseKeyword("over") ||
      parser.parseAttribute(axes, getAxesAttrName(state.name),
                            state.attributes) ||
      parser.parseOptionalAttrDict(state.attributes) ||
      parser.parseColonTypeList(types) ||
      parser.resolveOperands(operands, types, loc, state.operands))
    return failure();
  for (Type type : types)
    state.addTypes(dropPartialAxes(type, axes));
  return success();
}

void AllReduceOp::print(OpAsmPrinter &printer) {
  printer << " " << stringifyReductionKind(getKind()) << " " << getOperands()
          << " over " << getAxes();
  printer.printOptionalAttrDict((*this)->getAttrs(),
                                {getKindAttrName(), getAxesAttrName()});
  printer << " : " << getOperandTypes();
}

/// One operand of an all-reduce is partial over one axis. (R2)
static LogicalResult verifyReduces(AllReduceOp op, unsigned index,
                                   StringAttr axis) {
  Value operand = op.getOperand(index);
  LayoutAttr layout = LayoutAttr::of(operand);
  if (!layout)
    return op.emitOpError("operand #") << index << " has no layout";
  std::optional<ReductionKind> kind = layout.getPartialKind(axis);
  if (kind == op.getKind())
    return success();
  if (kind)
    return op.emitOpError("combines with ")
           << stringifyReductionKind(op.getKind()) << " over " << axis
           << " but operand #" << index << " is partial with "
           << stringifyReductionKind(*kind);
  if (layout.getShardedDim(axis))
    return op.emitOpError("reduces over ")
           << axis << " but operand #" << index << " is sharded over " << axis;
  InFlightDiagnostic diag = op.emitOpError("reduces over ")
                            << axis << " but operand #" << index
                            << " is already replicated over " << axis;
  diag.attachNote(operand.getLoc())
      << "operand #" << index
      << " comes from here; use it without this all_reduce";
  return diag;
}

LogicalResult AllReduceOp::verify() {
  if (getOperands().empty())
    return emitOpError("has no operand"); // (R1)
  if (getAxes().empty())
    return emitOpError("has no axis"); // (R1)
  for (auto [index, axis] : llvm::enumerate(getAxes()))
    if (llvm::is_contained(getAxes().getValue().take_front(index), axis))
      return emitOpError("names the axis ") << axis << " twice"; // (R1)
  for (unsigned index = 0; index < getNumOperands(); ++index)
    for (Attribute axis : getAxes())
      if (failed(verifyReduces(*this, index, cast<StringAttr>(axis)))) // (R2)
        return failure();
  if (getNumResults() != getNumOperands())
    return emitOpError("has ") << getNumOperands() << " operands but "
                               << getNumResults() << " results"; // (R3)
  for (auto [index, operand, result] :
       llvm::enumerate(getOperandTypes(), getResultTypes())) {
    Type expected = dropPartialAxes(operand, getAxes());
    if (result != expected) // (R3)
      return emitOpError("result #")
             << index << " is " << result << " but operand #" << index
             << " gives " << expected;
  }
  return success();
}

LogicalResult AllReduceOp::verifySymbolUses(SymbolTableCollection &symbols) {
  FlatSymbolRefAttr mesh = LayoutAttr::of(getOperand(0)).getMesh();
  for (auto [index, operand] : llvm::enumerate(getOperands()))
    if (LayoutAttr::of(operand).getMesh() != mesh) // (R4)
      return emitOpError("operand #0 lies on ")
             << mesh << " but operand #" << index << " on "
             << LayoutAttr::of(operand).getMesh();
  auto module = (*this)->getParentOfType<ModuleOp>();
  auto op = module ? symbols.lookupSymbolIn<MeshOp>(module, mesh) : nullptr;
  if (!op)
    return emitOpError("needs a dist.mesh named ") << mesh; // (R4)
  for (Attribute axis : getAxes())
    if (!op.getAxisSize(cast<StringAttr>(axis).getValue())) { // (R4)
      InFlightDiagnostic diag = emitOpError("reduces over ")
                                << axis << ", which " << mesh << " has not";
      diag.attachNote(op.getLoc()) << "the mesh is here";
      return diag;
    }
  return success();
}

int64_t AllReduceOp::getPayloadBytes() {
  int64_t bytes = 0;
  for (Type type : getOperandTypes()) {
    auto tensor = cast<RankedTensorType>(type);
    bytes += tensor.getNumElements() *
             llvm::divideCeil(tensor.getElementTypeBitWidth(), 8);
  }
  return bytes;
}

//===----------------------------------------------------------------------===//
// ReshardOp
//===----------------------------------------------------------------------===//

LogicalResult ReshardOp::verify() {
  auto from = cast<RankedTensorType>(getInput().getType());
  auto to = cast<RankedTensorType>(getResult().getType());
  if (from.getShape() != to.getShape() ||
      from.getElementType() != to.getElementType()) // (S1)
    return emitOpError("changes more than the layout: ")
           << from << " to " << to;
  LayoutAttr source = LayoutAttr::of(from), target = LayoutAttr::of(to);
  if (!source || !target || source.getMesh() != target.getMesh() ||
      source == target) // (S2)
    return emitOpError("needs two different layouts over one mesh");
  for (StringAttr axis : target.getNamedAxes())
    if (target.getPartialKind(axis) &&
        target.getPartialKind(axis) != source.getPartialKind(axis)) // (S3)
      return emitOpError("makes the value partial over ") << axis;
  return success();
}

//===----------------------------------------------------------------------===//
// MicrobatchLoopOp
//===----------------------------------------------------------------------===//

void MicrobatchLoopOp::build(OpBuilder &builder, OperationState &state,
                             TypeRange results, ValueRange inputs) {
  OpBuilder::InsertionGuard guard(builder);
  state.addOperands(inputs);
  state.addTypes(results);
  Block *body = builder.createBlock(state.addRegion());
  for (Value input : inputs)
    body->addArgument(input.getType(), input.getLoc());
}

ParseResult MicrobatchLoopOp::parse(OpAsmParser &parser,
                                    OperationState &state) {
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<OpAsmParser::UnresolvedOperand> inputs;
  SmallVector<Type> types;
  llvm::SMLoc loc = parser.getCurrentLocation();
  auto parseInput = [&]() -> ParseResult {
    if (parser.parseArgument(arguments.emplace_back()) || parser.parseEqual() ||
        parser.parseOperand(inputs.emplace_back()) ||
        parser.parseColonType(types.emplace_back()))
      return failure();
    arguments.back().type = types.back();
    return success();
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, parseInput) ||
      parser.parseOptionalAttrDictWithKeyword(state.attributes) ||
      parser.parseRegion(*state.addRegion(), arguments) ||
      parser.parseOptionalColonTypeList(state.types))
    return failure();
  ensureTerminator(*state.regions.front(), parser.getBuilder(), state.location);
  return parser.resolveOperands(inputs, types, loc, state.operands);
}

void MicrobatchLoopOp::print(OpAsmPrinter &printer) {
  printer << " (";
  llvm::interleaveComma(llvm::zip_equal(getBody().getArguments(), getInputs()),
                        printer, [&](auto pair) {
                          printer << std::get<0>(pair) << " = "
                                  << std::get<1>(pair) << " : "
                                  << std::get<1>(pair).getType();
                        });
  printer << ")";
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs());
  printer << " ";
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
  if (getNumResults() != 0)
    printer << " : " << getResultTypes();
}

void MicrobatchLoopOp::getAsmBlockArgumentNames(Region &region,
                                                OpAsmSetValueNameFn setName) {
  for (BlockArgument argument : region.getArguments())
    setName(argument, "rows");
}

LogicalResult MicrobatchLoopOp::verify() {
  if (getBody().getNumArguments() != getNumOperands())
    return emitOpError("has ")
           << getNumOperands() << " inputs but its body "
           << getBody().getNumArguments() << " arguments"; // (B1)
  for (auto [index, input, argument] :
       llvm::enumerate(getInputs(), getBody().getArguments())) {
    if (input.getType() != argument.getType()) // (B1)
      return emitOpError("input #")
             << index << " is " << input.getType()
             << " but the body's argument is " << argument.getType();
    LayoutAttr layout = LayoutAttr::of(input);
    if (!layout || layout.getRank() == 0 || layout.getAxes(0).empty())
      return emitOpError("input #")
             << index << " is not sharded on dimension 0"; // (B2)
    auto rowsOf = [](Value value) {
      return cast<RankedTensorType>(value.getType()).getDimSize(0);
    };
    if (rowsOf(input) != rowsOf(getInputs().front())) // (B2)
      return emitOpError("input #")
             << index << " has " << rowsOf(input) << " rows but input #0 has "
             << rowsOf(getInputs().front());
  }
  for (OpResult result : getResults()) {
    LayoutAttr layout = LayoutAttr::of(result);
    if (!layout || !layout.isPartial() || layout.isSharded()) // (B4)
      return emitOpError("result #")
             << result.getResultNumber()
             << " is not partial: a loop gives sums over micro-batches";
    for (Operation *user : result.getUsers())
      if (!isa<AllReduceOp>(user)) { // (B7)
        InFlightDiagnostic diag = emitOpError("result #")
                                  << result.getResultNumber()
                                  << " is used by something else than an "
                                     "all_reduce";
        diag.attachNote(user->getLoc()) << "used here";
        return diag;
      }
  }
  return success();
}

LogicalResult MicrobatchLoopOp::verifyRegions() {
  auto yield = cast<YieldOp>(getBody().front().getTerminator());
  if (yield.getNumOperands() != getNumResults()) // (B3)
    return emitOpError("has ") << getNumResults() << " results but yields "
                               << yield.getNumOperands() << " values";
  for (auto [index, value, result] :
       llvm::enumerate(yield.getOperandTypes(), getResultTypes()))
    if (value != result) // (B3)
      return emitOpError("result #")
             << index << " is " << result << " but the body yields " << value;
  WalkResult walk = getBody().walk([&](Operation *op) -> WalkResult {
    if (isa<AllReduceOp, ReshardOp, MicrobatchLoopOp>(op)) { // (B5)
      InFlightDiagnostic diag =
          op->emitOpError("cannot be inside a microbatch_loop");
      diag.attachNote(getLoc())
          << "ranks may have different numbers of micro-batches here";
      return diag;
    }
    for (Value operand : op->getOperands()) {
      if (getBody().isAncestor(operand.getParentRegion()))
        continue;
      LayoutAttr layout = LayoutAttr::of(operand);
      if (layout && layout.isReplicated())
        continue;
      InFlightDiagnostic diag = op->emitOpError( // (B6)
          "uses a value from above the microbatch_loop that is not replicated");
      diag.attachNote(operand.getLoc()) << "the value comes from here";
      return diag;
    }
    return WalkResult::advance();
  });
  return failure(walk.wasInterrupted());
}

} // namespace mlc::dist
