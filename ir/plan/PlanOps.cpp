//===- PlanOps.cpp - Arena, buffers, kernels and programs -----------------===//
//
// Verifiers, labelled as in PlanOps.td. The steps are in PlanSteps.cpp.
//
//===----------------------------------------------------------------------===//

#include "ir/plan/PlanOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace mlc::plan {

/// Refuses a tensor type that a kernel or buffer cannot have: dynamic, with an
/// encoding, or of elements that the plan does not know.
static LogicalResult verifyPlanType(Operation *op, Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (tensor && tensor.hasStaticShape() && !tensor.getEncoding() &&
      getElementBytes(tensor.getElementType()) > 0)
    return success();
  return op->emitOpError("needs static tensors of f32, bf16, f16, f64, i32, "
                         "i64, ui8 or i1 without encoding, not ")
         << type;
}

//===----------------------------------------------------------------------===//
// ArenaOp, BufferOp
//===----------------------------------------------------------------------===//

ArenaOp ArenaOp::of(Operation *inModule) {
  auto module = dyn_cast<ModuleOp>(inModule);
  if (!module)
    module = inModule->getParentOfType<ModuleOp>();
  if (!module)
    return {};
  auto arenas = module.getOps<ArenaOp>();
  return arenas.empty() ? ArenaOp() : *arenas.begin();
}

BufferOp ArenaOp::getBuffer(StringRef name) {
  return dyn_cast_or_null<BufferOp>(mlir::SymbolTable::lookupSymbolIn(
      getOperation(), StringAttr::get(getContext(), name)));
}

/// (A3) Buffers that keep their bytes share them with no other buffer.
static LogicalResult verifyNoOverlap(ArenaOp arena) {
  SmallVector<BufferOp> buffers(arena.getOps<BufferOp>());
  llvm::sort(buffers, [](BufferOp a, BufferOp b) {
    return *a.getOffset() < *b.getOffset();
  });
  // The buffers with the furthest ends so far: of any kind, and kept ones.
  BufferOp furthest, furthestKept;
  auto end = [](BufferOp b) { return *b.getOffset() + b.getTotalBytes(); };
  for (BufferOp buffer : buffers) {
    bool kept = buffer.getSection() != Section::Transient;
    BufferOp before = kept ? furthest : furthestKept;
    if (before && end(before) > *buffer.getOffset() &&
        buffer.getTotalBytes() > 0) {
      InFlightDiagnostic diag = buffer.emitOpError("begins at byte ")
                                << *buffer.getOffset() << ", inside \""
                                << before.getSymName()
                                << "\", and only transient buffers share bytes";
      diag.attachNote(before.getLoc()) << "which ends at byte " << end(before);
      return diag;
    }
    if (!furthest || end(buffer) > end(furthest))
      furthest = buffer;
    if (kept && (!furthestKept || end(buffer) > end(furthestKept)))
      furthestKept = buffer;
  }
  return success();
}

LogicalResult ArenaOp::verifyRegions() {
  for (ArenaOp other : (*this)->getParentOp()->getRegion(0).getOps<ArenaOp>()) {
    if (other == *this)
      break;
    return emitOpError("is the second arena of the module"); // (A4)
  }
  for (Operation &op : getBody().front()) {
    auto buffer = dyn_cast<BufferOp>(op);
    if (!buffer)
      return op.emitOpError("is in an arena, which holds buffers only");
    if (buffer.getOffset().has_value() != getBytes().has_value()) // (A1)
      return buffer.emitOpError(getBytes() ? "has no offset in a planned arena"
                                           : "has an offset in an arena whose "
                                             "bytes are not planned");
    if (!getBytes())
      continue;
    int64_t offset = *buffer.getOffset();
    if (offset % kAlignment != 0 ||
        offset + buffer.getTotalBytes() > static_cast<int64_t>(*getBytes()))
      return buffer.emitOpError("takes ") // (A2)
             << buffer.getTotalBytes() << " bytes from offset " << offset
             << ", not at a multiple of " << kAlignment
             << " inside an arena of " << *getBytes() << " bytes";
  }
  return getBytes() ? verifyNoOverlap(*this) : success();
}

int64_t BufferOp::getSlotBytes() { return getTensorBytes(getTensorType()); }

int64_t BufferOp::getSlotStride() { return alignToArena(getSlotBytes()); }

int64_t BufferOp::getTotalBytes() {
  int64_t slots = getSlots();
  return slots == 1 ? getSlotBytes() : slots * getSlotStride();
}

LogicalResult BufferOp::verify() {
  if (failed(verifyPlanType(*this, getType()))) // (B1)
    return failure();
  int64_t slots = getSlots();
  if (slots < 1 || (slots > 1 && getSection() != Section::Inputs)) // (B2)
    return emitOpError("has ")
           << slots << " slots; inputs have at least one, other buffers one";
  bool constant = getSection() == Section::Constants;
  if (getValue().has_value() != constant) // (B3)
    return emitOpError(constant ? "needs a value in the section constants"
                                : "has a value outside the section constants");
  if (constant && getValue()->getShapedType() != getTensorType())
    return emitOpError("has a value of type ")
           << getValue()->getShapedType() << " but type " << getType();
  if (getOffset() && static_cast<int64_t>(*getOffset()) < 0) // (B4)
    return emitOpError("has the negative offset ")
           << static_cast<int64_t>(*getOffset());
  return success();
}

//===----------------------------------------------------------------------===//
// KernelOp, BinaryOp
//===----------------------------------------------------------------------===//

void KernelOp::build(OpBuilder &builder, OperationState &state, StringRef name,
                     FunctionType type) {
  state.addAttribute(getSymNameAttrName(state.name),
                     builder.getStringAttr(name));
  state.addAttribute(getFunctionTypeAttrName(state.name), TypeAttr::get(type));
  state.addRegion();
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  auto buildType = [](Builder &builder, ArrayRef<Type> arguments,
                      ArrayRef<Type> results,
                      function_interface_impl::VariadicFlag, std::string &) {
    return builder.getFunctionType(arguments, results);
  };
  return function_interface_impl::parseFunctionOp(
      parser, result, /*allowVariadic=*/false,
      getFunctionTypeAttrName(result.name), buildType,
      getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void KernelOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(
      printer, *this, /*isVariadic=*/false, getFunctionTypeAttrName(),
      getArgAttrsAttrName(), getResAttrsAttrName());
}

int64_t KernelOp::getNumPointers() {
  return getFunctionType().getNumInputs() + getFunctionType().getNumResults() +
         (getScratchBytes() > 0 ? 1 : 0);
}

int64_t KernelOp::getPointerBytes(int64_t i) {
  FunctionType type = getFunctionType();
  int64_t inputs = type.getNumInputs(), results = type.getNumResults();
  if (i < inputs)
    return getTensorBytes(type.getInput(i));
  if (i < inputs + results)
    return getTensorBytes(type.getResult(i - inputs));
  return getScratchBytes();
}

int64_t KernelOp::getInPlaceArgument(int64_t i) {
  return getInPlace() ? (*getInPlace())[i] : -1;
}

LogicalResult KernelOp::verify() {
  FunctionType type = getFunctionType();
  for (Type t : llvm::concat<const Type>(type.getInputs(), type.getResults()))
    if (failed(verifyPlanType(*this, t))) // (K1)
      return failure();
  if (auto inPlace = getInPlace()) { // (K2)
    if (inPlace->size() != type.getNumResults())
      return emitOpError("has ") << type.getNumResults() << " results but "
                                 << inPlace->size() << " entries of in_place";
    llvm::SmallDenseSet<int64_t> seen;
    for (auto [i, argument] : llvm::enumerate(*inPlace)) {
      if (argument == -1)
        continue;
      if (argument < 0 || argument >= type.getNumInputs() ||
          type.getInput(argument) != type.getResult(i))
        return emitOpError("lets result #")
               << i << " share the memory of argument #" << argument
               << ", which has another type or does not exist";
      if (!seen.insert(argument).second)
        return emitOpError("lets two results share the memory of argument #")
               << argument;
    }
  }
  if (static_cast<int64_t>(getTasks()) < 1 ||
      static_cast<int64_t>(getScratchBytes()) < 0) // (K3)
    return emitOpError("has ")
           << static_cast<int64_t>(getTasks()) << " tasks and "
           << static_cast<int64_t>(getScratchBytes())
           << " bytes of scratch memory; it needs at least 1 and 0";
  if (isExternal())
    return success();
  auto results = // (K4)
      getBody().hasOneBlock()
          ? dyn_cast_or_null<ReturnOp>(
                getBody().front().empty() ? nullptr : &getBody().front().back())
          : ReturnOp();
  if (!results)
    return emitOpError("needs a body of one block that ends with plan.return");
  if (!llvm::equal(results.getOperandTypes(), type.getResults()))
    return results.emitOpError("returns other types than the kernel @")
           << getSymName() << " declares";
  return success();
}

LogicalResult BinaryOp::verify() {
  if (getCode().size() % 2 == 0 && llvm::all_of(getCode(), llvm::isHexDigit))
    return success();
  return emitOpError("needs an even number of hexadecimal digits"); // (X1)
}

// The text form of places, used by the generated parsers; in PlanSteps.cpp.
ParseResult parseRef(OpAsmParser &parser, RefAttr &ref);
void printRef(OpAsmPrinter &printer, Operation *op, RefAttr ref);
ParseResult parseRefs(OpAsmParser &parser, ArrayAttr &refs);
void printRefs(OpAsmPrinter &printer, Operation *op, ArrayAttr refs);

} // namespace mlc::plan

using namespace mlc::plan;
#define GET_OP_CLASSES
#include "ir/plan/PlanOps.cpp.inc"
