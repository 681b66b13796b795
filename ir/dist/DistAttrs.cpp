//===- DistAttrs.cpp - The layout of a tensor -----------------------------===//

#include "ir/dist/DistDialect.h"
#include "ir/dist/LayoutRules.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

#include "ir/dist/DistEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "ir/dist/DistAttrs.cpp.inc"

namespace mlc::dist {

void DistDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "ir/dist/DistAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/dist/DistOps.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// Text: <@mesh, [{"data"}, {}], partial = ["data"]>
//===----------------------------------------------------------------------===//

static ParseResult parseAxes(AsmParser &parser, AsmParser::Delimiter delimiter,
                             ArrayAttr &axes) {
  SmallVector<Attribute> names;
  if (parser.parseCommaSeparatedList(delimiter, [&] {
        std::string name;
        if (parser.parseString(&name))
          return failure();
        names.push_back(parser.getBuilder().getStringAttr(name));
        return success();
      }))
    return failure();
  axes = parser.getBuilder().getArrayAttr(names);
  return success();
}

Attribute LayoutAttr::parse(AsmParser &parser, Type) {
  FlatSymbolRefAttr mesh;
  SmallVector<Attribute> dims;
  llvm::SMLoc loc = parser.getCurrentLocation();
  auto parseDim = [&]() -> ParseResult {
    ArrayAttr axes;
    if (parseAxes(parser, AsmParser::Delimiter::Braces, axes))
      return failure();
    dims.push_back(axes);
    return success();
  };
  if (parser.parseLess() || parser.parseAttribute(mesh) ||
      parser.parseComma() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseDim))
    return {};
  Builder &builder = parser.getBuilder();
  ArrayAttr sums = builder.getArrayAttr({}), maxima = sums, minima = sums;
  while (succeeded(parser.parseOptionalComma())) {
    StringRef key;
    ArrayAttr axes;
    llvm::SMLoc keyLoc = parser.getCurrentLocation();
    if (parser.parseKeyword(&key) || parser.parseEqual() ||
        parseAxes(parser, AsmParser::Delimiter::Square, axes))
      return {};
    if (key == "partial")
      sums = axes;
    else if (key == "partial_max")
      maxima = axes;
    else if (key == "partial_min")
      minima = axes;
    else
      return parser.emitError(keyLoc, "expected partial, partial_max or "
                                      "partial_min"),
             Attribute();
  }
  if (parser.parseGreater())
    return {};
  return LayoutAttr::getChecked(
      [&] { return parser.emitError(loc); }, parser.getContext(), mesh,
      builder.getArrayAttr(dims), sums, maxima, minima);
}

void LayoutAttr::print(AsmPrinter &printer) const {
  printer << "<" << getMesh() << ", [";
  llvm::interleaveComma(getDims(), printer, [&](Attribute dim) {
    printer << "{";
    llvm::interleaveComma(cast<ArrayAttr>(dim), printer);
    printer << "}";
  });
  printer << "]";
  if (!getPartialSum().empty())
    printer << ", partial = " << getPartialSum();
  if (!getPartialMax().empty())
    printer << ", partial_max = " << getPartialMax();
  if (!getPartialMin().empty())
    printer << ", partial_min = " << getPartialMin();
  printer << ">";
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 FlatSymbolRefAttr mesh, ArrayAttr dims,
                                 ArrayAttr partialSum, ArrayAttr partialMax,
                                 ArrayAttr partialMin) {
  llvm::SetVector<Attribute> used;
  auto check = [&](ArrayAttr axes) -> LogicalResult { // (L1)
    for (Attribute axis : axes)
      if (!used.insert(axis))
        return emitError() << "names the axis " << axis << " of " << mesh
                           << " twice";
    return success();
  };
  for (Attribute dim : dims)
    if (failed(check(cast<ArrayAttr>(dim))))
      return failure();
  return success(succeeded(check(partialSum)) && succeeded(check(partialMax)) &&
                 succeeded(check(partialMin)));
}

LogicalResult
LayoutAttr::verifyShape(ArrayRef<int64_t> shape,
                        function_ref<InFlightDiagnostic()> emitError) const {
  if (static_cast<int64_t>(shape.size()) == getRank()) // (L2)
    return success();
  return emitError() << "layout has " << getRank()
                     << " dimensions but the tensor has " << shape.size();
}

LogicalResult
LayoutAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                           function_ref<InFlightDiagnostic()> emitError) const {
  return verifyShape(shape, emitError);
}

LogicalResult LayoutAttr::verifyOp(Operation *op,
                                   const graph::ShardingRule &rule) const {
  return verifyLayouts(op, rule);
}

bool LayoutAttr::isDimSharded(int64_t dim) const {
  return !getAxes(dim).empty();
}

Attribute LayoutAttr::stack() const {
  SmallVector<Attribute> dims = {ArrayAttr::get(getContext(), {})};
  llvm::append_range(dims, getDims());
  return get(getContext(), getMesh(), ArrayAttr::get(getContext(), dims),
             getPartialSum(), getPartialMax(), getPartialMin());
}

Attribute LayoutAttr::unstack() const {
  if (getRank() == 0 || !getAxes(0).empty())
    return {};
  return get(getContext(), getMesh(),
             ArrayAttr::get(getContext(), getDims().getValue().drop_front()),
             getPartialSum(), getPartialMax(), getPartialMin());
}

//===----------------------------------------------------------------------===//
// Questions
//===----------------------------------------------------------------------===//

LayoutAttr LayoutAttr::getReplicated(FlatSymbolRefAttr mesh, int64_t rank) {
  MLIRContext *context = mesh.getContext();
  auto none = ArrayAttr::get(context, {});
  SmallVector<Attribute> dims(rank, none);
  return get(context, mesh, ArrayAttr::get(context, dims), none, none, none);
}

LayoutAttr LayoutAttr::of(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? dyn_cast_if_present<LayoutAttr>(tensor.getEncoding())
                : LayoutAttr();
}

LayoutAttr LayoutAttr::of(Value value) { return of(value.getType()); }

ArrayAttr LayoutAttr::getAxes(int64_t dim) const {
  return cast<ArrayAttr>(getDims()[dim]);
}

ArrayAttr LayoutAttr::getPartial(ReductionKind kind) const {
  switch (kind) {
  case ReductionKind::sum:
    return getPartialSum();
  case ReductionKind::max:
    return getPartialMax();
  case ReductionKind::min:
    return getPartialMin();
  }
  llvm_unreachable("a reduction kind");
}

std::optional<int64_t> LayoutAttr::getShardedDim(StringAttr axis) const {
  for (int64_t dim = 0; dim < getRank(); ++dim)
    if (llvm::is_contained(getAxes(dim), axis))
      return dim;
  return std::nullopt;
}

std::optional<ReductionKind> LayoutAttr::getPartialKind(StringAttr axis) const {
  for (ReductionKind kind :
       {ReductionKind::sum, ReductionKind::max, ReductionKind::min})
    if (llvm::is_contained(getPartial(kind), axis))
      return kind;
  return std::nullopt;
}

bool LayoutAttr::isSharded() const {
  return llvm::any_of(
      getDims(), [](Attribute dim) { return !cast<ArrayAttr>(dim).empty(); });
}

bool LayoutAttr::isPartial() const {
  return !getPartialSum().empty() || !getPartialMax().empty() ||
         !getPartialMin().empty();
}

LayoutAttr LayoutAttr::dropPartial(ArrayAttr axes) const {
  auto without = [&](ArrayAttr from) {
    SmallVector<Attribute> kept;
    for (Attribute axis : from)
      if (!llvm::is_contained(axes, axis))
        kept.push_back(axis);
    return ArrayAttr::get(getContext(), kept);
  };
  return get(getContext(), getMesh(), getDims(), without(getPartialSum()),
             without(getPartialMax()), without(getPartialMin()));
}

SmallVector<StringAttr> LayoutAttr::getNamedAxes() const {
  SmallVector<StringAttr> names;
  auto add = [&](ArrayAttr axes) {
    for (Attribute axis : axes)
      names.push_back(cast<StringAttr>(axis));
  };
  for (int64_t dim = 0; dim < getRank(); ++dim)
    add(getAxes(dim));
  add(getPartialSum());
  add(getPartialMax());
  add(getPartialMin());
  return names;
}

} // namespace mlc::dist
