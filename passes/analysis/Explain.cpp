//===- Explain.cpp - Where a value lies, and why --------------------------===//
//
// With data parallelism alone there are three reasons: a value has rows of the
// batch, it is a sum over them, or it does not depend on which rows a device
// has.
//
//===----------------------------------------------------------------------===//

#include "passes/analysis/Reports.h"

#include "ir/dist/DistDialect.h"
#include "ir/graph/GraphDialect.h"
#include "ir/graph/SourceLines.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace mlc {

namespace {

/// The path that an attribute of an argument or result gives it.
StringRef getPath(Attribute attribute) {
  if (auto symbol = dyn_cast_if_present<FlatSymbolRefAttr>(attribute))
    return symbol.getValue();
  if (auto name = dyn_cast_if_present<StringAttr>(attribute))
    return name.getValue();
  return {};
}

class Explanation {
public:
  Explanation(ModuleOp module, StringRef path) : module(module), path(path) {}

  bool run() {
    for (auto func : module.getOps<func::FuncOp>()) {
      for (BlockArgument argument : func.getArguments())
        explainArgument(func, argument);
      auto *terminator = func.getBody().front().getTerminator();
      for (OpOperand &operand : terminator->getOpOperands())
        explainResult(func, operand);
    }
    explainCollectives();
    return found;
  }

  std::string text;
  std::string nearest;

private:
  void consider(StringRef name) {
    if (name.empty())
      return;
    unsigned distance = name.edit_distance(path);
    if (distance < nearestDistance) {
      nearestDistance = distance;
      nearest = name.str();
    }
  }

  void explainArgument(func::FuncOp func, BlockArgument argument) {
    for (StringRef key : {graph::kParamAttr, graph::kInputAttr}) {
      StringRef name = getPath(func.getArgAttr(argument.getArgNumber(), key));
      consider(name);
      if (name != path || name.empty())
        continue;
      if (found && key == graph::kParamAttr)
        return; // the same in every program
      found = true;
      if (key == graph::kInputAttr)
        return describe(func, "input", argument,
                        "an input has the rows of the batch, which the axis "
                        "\"data\" splits");
      Operation *symbol = module.lookupSymbol(path);
      return describe(func, "parameter", argument,
                      "no layout is written for it in `parallel`, so every "
                      "device has all of it",
                      symbol ? symbol->getLoc() : argument.getLoc());
    }
  }

  void explainResult(func::FuncOp func, OpOperand &operand) {
    unsigned index = operand.getOperandNumber();
    for (auto [key, what, reason] :
         {std::tuple(graph::kMetricAttr, "metric",
                     "it is needed whole, after the batch reduction"),
          std::tuple(graph::kOutputAttr, "output",
                     "its rows follow the rows of the inputs")}) {
      StringRef name = getPath(func.getResultAttr(index, key));
      consider(name);
      if (name != path || name.empty())
        continue;
      found = true;
      describe(func, what, operand.get(), reason);
    }
    if (func.getResultAttr(index, graph::kLossAttr)) {
      consider("loss");
      if (path == "loss") {
        found = true;
        describe(func, "loss", operand.get(),
                 "it is needed whole, after the batch reduction");
      }
    }
  }

  void describe(func::FuncOp func, StringRef what, Value value,
                StringRef reason, std::optional<Location> declared = {}) {
    llvm::raw_string_ostream os(text);
    auto type = cast<RankedTensorType>(value.getType());
    os << path << ": " << what << " of @" << func.getName() << ", ["
       << llvm::join(llvm::map_range(
                         type.getShape(),
                         [](int64_t extent) { return std::to_string(extent); }),
                     ", ")
       << "] " << type.getElementType() << " on one device\n";
    dist::LayoutAttr layout = dist::LayoutAttr::of(type);
    if (layout && layout.isSharded()) {
      for (int64_t dim = 0; dim < layout.getRank(); ++dim)
        if (!layout.getAxes(dim).empty())
          os << "  dimension " << dim << " is sharded over "
             << layout.getAxes(dim) << ": " << reason << "\n";
    } else {
      os << "  replicated: " << reason << "\n";
    }
    for (FileLineColLoc loc : getSourceLines(declared.value_or(value.getLoc())))
      os << "  decided at " << toString(loc) << "\n";
  }

  void explainCollectives() {
    if (!found)
      return;
    llvm::raw_string_ostream os(text);
    bool any = false;
    for (auto func : module.getOps<func::FuncOp>())
      for (auto op : func.getOps<dist::AllReduceOp>()) {
        SmallVector<StringRef> names;
        op.getLabel().value_or("").split(names, ", ");
        if (!llvm::is_contained(names, path))
          continue;
        any = true;
        os << "  in @" << func.getName() << ", all_reduce "
           << dist::stringifyReductionKind(op.getKind());
        if (op.getId())
          os << " #" << *op.getId();
        os << " over " << op.getAxes() << " of " << op.getPayloadBytes()
           << " bytes (" << *op.getLabel() << ")\n";
      }
    if (!any)
      os << "  no collective\n";
  }

  ModuleOp module;
  StringRef path;
  bool found = false;
  unsigned nearestDistance = ~0u;
};

} // namespace

FailureOr<std::string> explainValue(ModuleOp module, StringRef path,
                                    std::string &suggestion) {
  Explanation explanation(module, path);
  if (explanation.run())
    return explanation.text;
  suggestion = explanation.nearest;
  return failure();
}

} // namespace mlc
