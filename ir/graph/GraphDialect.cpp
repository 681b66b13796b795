//===- GraphDialect.cpp - The dialect and its attributes ------------------===//

#include "ir/graph/GraphDialect.h"
#include "ir/graph/GraphAttentionOps.h"
#include "ir/graph/GraphBatchNormOps.h"
#include "ir/graph/GraphGradientOps.h"
#include "ir/graph/GraphIndexOps.h"
#include "ir/graph/GraphLoopOps.h"
#include "ir/graph/GraphOps.h"
#include "ir/graph/GraphRandomOps.h"
#include "ir/graph/GraphWindowOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;

#include "ir/graph/GraphDialect.cpp.inc"
#include "ir/graph/GraphEnums.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "ir/graph/GraphAttrs.cpp.inc"

namespace mlc::graph {

void GraphDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "ir/graph/GraphAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/graph/GraphOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/graph/GraphGradientOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/graph/GraphIndexOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/graph/GraphAttentionOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/graph/GraphLoopOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/graph/GraphWindowOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/graph/GraphRandomOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "ir/graph/GraphBatchNormOps.cpp.inc"
      >();
}

Operation *GraphDialect::materializeConstant(OpBuilder &builder,
                                             Attribute value, Type type,
                                             Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || elements.getShapedType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, elements);
}

/// How many numbers an initializer of this kind has.
static size_t countNumbers(InitKind kind) {
  switch (kind) {
  case InitKind::zeros:
  case InitKind::ones:
    return 0;
  case InitKind::constant:
    return 1;
  case InitKind::uniform:
  case InitKind::normal:
  case InitKind::truncated_normal:
  case InitKind::orthogonal:
    return 2;
  }
  llvm_unreachable("covered above");
}

LogicalResult InitAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               InitKind kind, DenseF64ArrayAttr numbers) {
  ArrayRef<double> values = numbers.asArrayRef();
  if (values.size() != countNumbers(kind)) // (C1)
    return emitError() << "initializer '" << stringifyInitKind(kind) << "' has "
                       << values.size() << " numbers but needs "
                       << countNumbers(kind);
  for (double value : values) // (C1)
    if (!std::isfinite(value))
      return emitError() << "initializer '" << stringifyInitKind(kind)
                         << "' has a number that is not finite";
  if (kind == InitKind::uniform && !(values[0] < values[1])) // (C2)
    return emitError() << "initializer 'uniform' has an empty range ["
                       << values[0] << ", " << values[1] << ")";
  if ((kind == InitKind::normal || kind == InitKind::truncated_normal) &&
      values[1] < 0) // (C2)
    return emitError() << "initializer '" << stringifyInitKind(kind)
                       << "' has the negative standard deviation " << values[1];
  if (kind == InitKind::orthogonal &&
      (values[1] < 1 || values[1] != std::floor(values[1]))) // (C2)
    return emitError() << "initializer 'orthogonal' has " << values[1]
                       << " columns";
  return success();
}

Attribute InitAttr::parse(AsmParser &parser, Type) {
  StringRef keyword;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseKeyword(&keyword))
    return {};
  std::optional<InitKind> kind = symbolizeInitKind(keyword);
  if (!kind) {
    parser.emitError(loc) << "unknown initializer '" << keyword << "'";
    return {};
  }
  SmallVector<double> numbers;
  while (succeeded(parser.parseOptionalComma()))
    if (parser.parseFloat(numbers.emplace_back()))
      return {};
  if (parser.parseGreater())
    return {};
  MLIRContext *context = parser.getContext();
  return getChecked([&] { return parser.emitError(loc); }, context, *kind,
                    DenseF64ArrayAttr::get(context, numbers));
}

void InitAttr::print(AsmPrinter &printer) const {
  printer << '<' << stringifyInitKind(getKind());
  for (double number : getNumbers().asArrayRef()) {
    printer << ", ";
    printer.printFloat(llvm::APFloat(number));
  }
  printer << '>';
}

} // namespace mlc::graph
