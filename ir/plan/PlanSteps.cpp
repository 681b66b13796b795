//===- PlanSteps.cpp - Programs and their steps ---------------------------===//
//
// Verifiers of what refers to buffers and kernels, labelled as in PlanOps.td,
// and the text form of places.
//
//===----------------------------------------------------------------------===//

#include "ir/plan/PlanOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <limits>

using namespace mlir;

namespace mlc::plan {

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

ParseResult parseRef(OpAsmParser &parser, RefAttr &ref);
void printRef(OpAsmPrinter &printer, Operation *op, RefAttr ref);
ParseResult parseRefs(OpAsmParser &parser, ArrayAttr &refs);
void printRefs(OpAsmPrinter &printer, Operation *op, ArrayAttr refs);

ParseResult parseRef(OpAsmParser &parser, RefAttr &ref) {
  FlatSymbolRefAttr buffer;
  int64_t offset = 0;
  SmallVector<int64_t> strides;
  if (parser.parseAttribute(buffer) ||
      (succeeded(parser.parseOptionalPlus()) && parser.parseInteger(offset)) ||
      (succeeded(parser.parseOptionalKeyword("strides")) &&
       parser.parseCommaSeparatedList(
           AsmParser::Delimiter::Square, [&]() -> ParseResult {
             return parser.parseInteger(strides.emplace_back());
           })))
    return failure();
  ref = RefAttr::get(parser.getContext(), buffer, offset, strides);
  return success();
}

void printRef(OpAsmPrinter &printer, Operation *, RefAttr ref) {
  printer << ref.getBuffer();
  if (ref.getOffset() != 0)
    printer << " + " << ref.getOffset();
  if (!ref.getStrides().empty()) {
    printer << " strides [";
    llvm::interleaveComma(ref.getStrides(), printer);
    printer << "]";
  }
}

ParseResult parseRefs(OpAsmParser &parser, ArrayAttr &refs) {
  SmallVector<Attribute> list;
  if (parser.parseCommaSeparatedList([&]() -> ParseResult {
        RefAttr ref;
        if (parseRef(parser, ref))
          return failure();
        list.push_back(ref);
        return success();
      }))
    return failure();
  refs = parser.getBuilder().getArrayAttr(list);
  return success();
}

void printRefs(OpAsmPrinter &printer, Operation *op, ArrayAttr refs) {
  llvm::interleaveComma(refs, printer, [&](Attribute ref) {
    printRef(printer, op, cast<RefAttr>(ref));
  });
}

/// Finds buffers for verifiers, each table read once.
namespace {
class Buffers {
public:
  Buffers(Operation *op, SymbolTableCollection &tables)
      : op(op), tables(tables), arena(ArenaOp::of(op)) {}

  /// The buffer of that name, or null after an error.
  BufferOp find(FlatSymbolRefAttr name) {
    if (!arena) {
      op->emitOpError("refers to @")
          << name.getValue() << " in a module without plan.arena";
      return {};
    }
    if (Operation *found = tables.lookupSymbolIn(arena, name.getAttr()))
      return dyn_cast<BufferOp>(found);
    InFlightDiagnostic diag = op->emitOpError("refers to the unknown buffer @")
                              << name.getValue();
    diag.attachNote(arena.getLoc()) << "the arena is here";
    return {};
  }

  /// Checks that `bytes` bytes at `ref` lie inside a slot of the buffer in
  /// every iteration of the loops around `within`.
  LogicalResult verifyPlace(RefAttr ref, int64_t bytes, const Twine &what,
                            Operation *within = nullptr) {
    BufferOp buffer = find(ref.getBuffer());
    if (!buffer)
      return failure();
    SmallVector<LoopOp> loops; // the outermost first
    for (Operation *at = within ? within : op->getParentOp(); at;
         at = at->getParentOp())
      if (auto loop = dyn_cast<LoopOp>(at))
        loops.insert(loops.begin(), loop);
    if (ref.getStrides().size() > loops.size())
      return op->emitOpError("has ")
             << ref.getStrides().size() << " strides for " << what << " inside "
             << loops.size() << " loops";
    __int128 first = ref.getOffset(), last = first;
    for (auto [stride, loop] : llvm::zip(ref.getStrides(), loops)) {
      int64_t count = loop.getCount();
      if (stride != 0 && count == 0)
        return op->emitOpError("moves ")
               << what << " with a loop over the micro-batches";
      (stride < 0 ? first : last) +=
          static_cast<__int128>(stride) * std::max<int64_t>(count - 1, 0);
    }
    if (first >= 0 && bytes >= 0 && last <= buffer.getSlotBytes() &&
        bytes <= buffer.getSlotBytes() - last)
      return success();
    __int128 bound = std::numeric_limits<int64_t>::max();
    auto offset = static_cast<int64_t>(
        std::clamp(first < 0 ? first : last, -bound, bound));
    InFlightDiagnostic diag =
        op->emitOpError("needs ")
        << bytes << " bytes at offset " << offset << " for " << what
        << ", but @" << buffer.getSymName() << " has " << buffer.getSlotBytes();
    diag.attachNote(buffer.getLoc()) << "the buffer is here";
    return diag;
  }

private:
  Operation *op;
  SymbolTableCollection &tables;
  ArenaOp arena;
};
} // namespace

/// Whether two places in one buffer share a byte.
static bool overlap(RefAttr a, int64_t aBytes, RefAttr b, int64_t bBytes) {
  return a.getBuffer() == b.getBuffer() && aBytes > 0 && bBytes > 0 &&
         a.getOffset() < b.getOffset() + bBytes &&
         b.getOffset() < a.getOffset() + aBytes;
}

//===----------------------------------------------------------------------===//
// ProgramOp
//===----------------------------------------------------------------------===//

LogicalResult ProgramOp::verify() {
  AllReduceOp last;
  WalkResult walked = walk([&](AllReduceOp op) {
    if (last && op.getId() <= last.getId()) { // (R3)
      op.emitOpError("has the id ")
          << op.getId() << " after id " << last.getId()
          << "; ids increase in the order of issue";
      return WalkResult::interrupt();
    }
    last = op;
    return WalkResult::advance();
  });
  return failure(walked.wasInterrupted());
}

LogicalResult ProgramOp::verifySymbolUses(SymbolTableCollection &tables) {
  Buffers buffers(*this, tables);
  int64_t rows = getRows();
  auto hasRows = [&](Attribute binding) -> LogicalResult { // (P1) (P2)
    auto name = cast<BindingAttr>(binding);
    BufferOp buffer = buffers.find(name.getBuffer());
    if (!buffer)
      return failure();
    RankedTensorType type = buffer.getTensorType();
    if (type.getRank() > 0 && type.getDimSize(0) == rows)
      return success();
    return emitOpError("has ")
           << rows << " rows but binds \"" << name.getName().getValue()
           << "\" to a buffer of type " << type;
  };
  for (Attribute binding : llvm::concat<const Attribute>(
           getInputs().getValue(), getOutputs().getValue()))
    if (failed(hasRows(binding)))
      return failure();
  auto is = [&](std::optional<StringRef> name, StringRef role,
                function_ref<bool(RankedTensorType)> matches,
                StringRef expected) -> LogicalResult { // (P1)
    if (!name)
      return success();
    BufferOp buffer = buffers.find(FlatSymbolRefAttr::get(getContext(), *name));
    if (!buffer)
      return failure();
    if (matches(buffer.getTensorType()))
      return success();
    return emitOpError("has a ") << role << " of type " << buffer.getType()
                                 << "; it must be " << expected;
  };
  auto isI64 = [](RankedTensorType t) {
    return t.getRank() == 0 && t.getElementType().isSignlessInteger(64);
  };
  auto isFloat = [](RankedTensorType t) {
    return t.getRank() == 0 && isa<FloatType>(t.getElementType());
  };
  auto isMask = [&](RankedTensorType t) {
    return t.getRank() == 1 && t.getDimSize(0) == rows &&
           isa<FloatType>(t.getElementType());
  };
  auto isRow = [&](RankedTensorType t) {
    return t.getRank() == 1 && t.getDimSize(0) == rows &&
           t.getElementType().isSignlessInteger(64);
  };
  if (failed(is(getMask(), "mask", isMask, "a float vector of the rows")) ||
      failed(is(getCount(), "count", isI64, "an i64 scalar")) ||
      failed(is(getStep(), "step", isI64, "an i64 scalar")) ||
      failed(is(getRow(), "row", isRow, "an i64 vector of the rows")) ||
      failed(is(getSeed(), "seed", isI64, "an i64 scalar")) ||
      failed(is(getLoss(), "loss", isFloat, "a float scalar")))
    return failure();
  for (Attribute metric : getMetrics())
    if (!buffers.find(cast<BindingAttr>(metric).getBuffer()))
      return failure();
  return success();
}

//===----------------------------------------------------------------------===//
// Steps
//===----------------------------------------------------------------------===//

KernelOp CallOp::getKernelOp() {
  return SymbolTable::lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
}

LogicalResult CallOp::verifySymbolUses(SymbolTableCollection &tables) {
  auto kernel =
      tables.lookupNearestSymbolFrom<KernelOp>(*this, getKernelAttr());
  if (!kernel) // (C1)
    return emitOpError("calls the unknown kernel @") << getKernel();
  int64_t pointers = kernel.getNumPointers();
  // Scratch memory comes with the offsets.
  ArenaOp arena = ArenaOp::of(*this);
  if (arena && !arena.getBytes() && kernel.getScratchBytes() > 0 &&
      pointers == static_cast<int64_t>(getArgs().size()) + 1)
    --pointers;
  if (pointers != static_cast<int64_t>(getArgs().size())) {
    InFlightDiagnostic diag = emitOpError("passes ")
                              << getArgs().size() << " pointers but @"
                              << getKernel() << " takes " << pointers;
    diag.attachNote(kernel.getLoc()) << "the kernel is here";
    return diag;
  }
  Buffers buffers(*this, tables);
  int64_t inputs = kernel.getNumArguments();
  for (int64_t i = 0; i < pointers; ++i) {
    int64_t bytes = kernel.getPointerBytes(i);
    if (failed(buffers.verifyPlace(getArg(i), bytes, // (C2)
                                   "pointer #" + Twine(i))))
      return failure();
    if (!kernel.isPointerWritten(i))
      continue;
    BufferOp buffer = buffers.find(getArg(i).getBuffer());
    if (buffer.getSection() == Section::Constants) // (C3)
      return emitOpError("writes to the constant @") << buffer.getSymName();
    int64_t allowed = i < inputs + kernel.getNumResults()
                          ? kernel.getInPlaceArgument(i - inputs)
                          : -1;
    for (int64_t j = 0; j < i; ++j) {
      if (!overlap(getArg(i), bytes, getArg(j), kernel.getPointerBytes(j)) ||
          (j == allowed && getArg(i) == getArg(j)))
        continue;
      return emitOpError("writes pointer #")
             << i << " over pointer #" << j
             << ", which the kernel's in_place does not allow";
    }
  }
  return success();
}

LogicalResult LoopOp::verify() {
  if (auto count = static_cast<int64_t>(getCount()); count < 0) // (L3)
    return emitOpError("runs ") << count << " times";
  for (Operation &op : getBody().front()) { // (L1)
    auto inner = dyn_cast<LoopOp>(op);
    if (isa<AllReduceOp>(op) || (inner && inner.getCount() == 0))
      return op.emitOpError("is inside a loop");
  }
  return success();
}

LogicalResult LoopOp::verifySymbolUses(SymbolTableCollection &tables) {
  Buffers buffers(*this, tables);
  for (Attribute attr : getSums()) { // (L2)
    auto sum = cast<LoopSumAttr>(attr);
    int64_t bytes = getTensorBytes(sum.getType());
    if (failed(buffers.verifyPlace(sum.getSource(), bytes, "a sum's source",
                                   *this)) ||
        failed(buffers.verifyPlace(sum.getResult(), bytes, "a sum's result")))
      return failure();
    if (!getInPlaceSums() &&
        overlap(sum.getSource(), bytes, sum.getResult(), bytes))
      return emitOpError("sums @") << sum.getSource().getBuffer().getValue()
                                   << " onto itself without in_place_sums";
  }
  return success();
}

LogicalResult AllReduceOp::verifySymbolUses(SymbolTableCollection &tables) {
  Buffers buffers(*this, tables);
  if (failed(buffers.verifyPlace(getData(), getTensorBytes(getType()), // (R1)
                                 "the reduction")))
    return failure();
  auto module = (*this)->getParentOfType<ModuleOp>();
  auto mesh = module->getAttrOfType<ArrayAttr>("mlc.mesh");
  SmallVector<StringRef> names;
  for (Attribute axis : mesh ? mesh.getValue() : ArrayRef<Attribute>())
    if (auto dict = dyn_cast<DictionaryAttr>(axis))
      if (auto name = dict.getAs<StringAttr>("name"))
        names.push_back(name.getValue());
  if (getAxes().empty())
    return emitOpError("reduces over no axis");                  // (R2)
  for (StringRef axis : getAxes().getAsValueRange<StringAttr>()) // (R2)
    if (!llvm::is_contained(names, axis))
      return emitOpError("reduces over \"")
             << axis << "\", which is no axis of the module's mlc.mesh";
  return success();
}

LogicalResult CopyOp::verifySymbolUses(SymbolTableCollection &tables) {
  Buffers buffers(*this, tables);
  int64_t bytes = getBytes();
  if (failed(buffers.verifyPlace(getSource(), bytes, "the source")) || // (Y1)
      failed(buffers.verifyPlace(getTarget(), bytes, "the target")))
    return failure();
  if (overlap(getSource(), bytes, getTarget(), bytes))
    return emitOpError("copies between places that overlap");
  return success();
}

LogicalResult FillOp::verifySymbolUses(SymbolTableCollection &tables) {
  Buffers buffers(*this, tables);
  if (getValue() > 255) // (F1)
    return emitOpError("fills with ")
           << static_cast<int64_t>(getValue()) << ", which is no byte";
  return buffers.verifyPlace(getTarget(), getBytes(), "the target");
}

} // namespace mlc::plan
