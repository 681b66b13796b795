//===- LayoutRules.cpp - Layouts that follow from sharding rules ----------===//
//
// Factors carry the axes from operand dimensions to result dimensions. A
// sharded reduction factor makes the results partial; partial operands pass
// through where the rule says so.
//
//===----------------------------------------------------------------------===//

#include "ir/dist/LayoutRules.h"

#include "mlir/IR/Matchers.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace mlc::dist {

using graph::FactorKind;
using graph::PartialRule;
using graph::ShardingRule;

namespace {

std::string joinAxes(ArrayAttr axes) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::interleaveComma(axes, stream);
  return text;
}

std::string describe(LayoutAttr layout) {
  if (layout.isReplicated())
    return "replicated";
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::ListSeparator separator(" and ");
  for (int64_t dim = 0; dim < layout.getRank(); ++dim)
    if (!layout.getAxes(dim).empty())
      stream << separator << "sharded over " << joinAxes(layout.getAxes(dim))
             << " on dimension " << dim;
  for (auto [kind, name] : {std::pair(ReductionKind::sum, "sum"),
                            std::pair(ReductionKind::max, "maximum"),
                            std::pair(ReductionKind::min, "minimum")})
    if (!layout.getPartial(kind).empty())
      stream << separator << "a partial " << name << " over "
             << joinAxes(layout.getPartial(kind));
  return text;
}

std::string operandName(size_t index) {
  return "operand #" + std::to_string(index);
}

/// Layouts of one op, while they are inferred.
class Inference {
public:
  Inference(const ShardingRule &rule, FlatSymbolRefAttr mesh,
            ArrayRef<LayoutAttr> operands, LayoutConflict &conflict)
      : rule(rule), mesh(mesh), operands(operands), conflict(conflict),
        none(ArrayAttr::get(mesh.getContext(), {})),
        factorAxes(rule.kinds.size(), none),
        factorOperand(rule.kinds.size(), -1) {}

  std::optional<SmallVector<LayoutAttr>> run(ArrayRef<LayoutAttr> hints) {
    if (!collectFactors() || !checkFactors() || !checkPartial())
      return std::nullopt;
    takeFreeFactors(hints);
    SmallVector<LayoutAttr> results;
    for (auto [index, factors] : llvm::enumerate(rule.resultFactors)) {
      LayoutAttr layout = buildResult(index, factors);
      if (!layout)
        return std::nullopt;
      results.push_back(layout);
    }
    return results;
  }

private:
  bool fail(std::string message, int64_t operand = -1, std::string note = "") {
    conflict = {std::move(message), operand, std::move(note)};
    return false;
  }

  /// Takes the axes of each factor from the operands.
  bool collectFactors() {
    for (auto [index, layout] : llvm::enumerate(operands)) {
      for (int64_t dim = 0; dim < layout.getRank(); ++dim) {
        ArrayAttr axes = layout.getAxes(dim);
        if (axes.empty())
          continue;
        int64_t factor = rule.operandFactors[index][dim];
        if (factor == ShardingRule::kNoFactor ||
            rule.kinds[factor] == FactorKind::whole)
          return fail("needs dimension " + std::to_string(dim) + " of " +
                          operandName(index) +
                          " whole, but it is sharded over " + joinAxes(axes),
                      index, operandName(index) + " comes from here");
        if (factorOperand[factor] < 0) {
          factorAxes[factor] = axes;
          factorOperand[factor] = index;
        } else if (factorAxes[factor] != axes) {
          return fail(operandName(index) + " is sharded over " +
                          joinAxes(axes) + " where " +
                          operandName(factorOperand[factor]) +
                          " is sharded over " + joinAxes(factorAxes[factor]),
                      index, operandName(index) + " comes from here");
        }
      }
    }
    return true;
  }

  /// Every operand with a sharded factor must be sharded there.
  bool checkFactors() {
    for (auto [index, layout] : llvm::enumerate(operands))
      for (int64_t dim = 0; dim < layout.getRank(); ++dim) {
        int64_t factor = rule.operandFactors[index][dim];
        if (factor == ShardingRule::kNoFactor ||
            factorAxes[factor] == layout.getAxes(dim))
          continue;
        return fail(operandName(index) + " is whole on dimension " +
                        std::to_string(dim) + ", which " +
                        operandName(factorOperand[factor]) +
                        " has sharded over " + joinAxes(factorAxes[factor]),
                    index, operandName(index) + " comes from here");
      }
    return true;
  }

  bool needsWhole(size_t index) {
    LayoutAttr layout = operands[index];
    return fail(operandName(index) + " is " + describe(layout) +
                    ", and this op needs its value whole",
                index, "an all_reduce of this value is missing");
  }

  bool checkPartial() {
    partialSum = none;
    for (auto [index, layout] : llvm::enumerate(operands)) {
      if (!layout.getPartialMax().empty() || !layout.getPartialMin().empty())
        return needsWhole(index);
      if (layout.getPartialSum().empty())
        continue;
      bool passes = false;
      switch (rule.partial) {
      case PartialRule::none:
        break;
      case PartialRule::linear:
        passes = !llvm::is_contained(rule.replicatedOperands, index);
        break;
      case PartialRule::bilinear:
        passes = partialOperand < 0;
        break;
      case PartialRule::numerator:
        passes = index == 0;
        break;
      }
      if (!passes)
        return needsWhole(index);
      if (partialOperand < 0) {
        partialOperand = index;
        partialSum = layout.getPartialSum();
      }
    }
    return rule.partial != PartialRule::linear || partialOperand < 0 ||
           checkLinear();
  }

  /// All value operands of a linear op are partial over the same axes.
  bool checkLinear() {
    for (auto [index, layout] : llvm::enumerate(operands)) {
      if (llvm::is_contained(rule.replicatedOperands, index) ||
          layout.getPartialSum() == partialSum)
        continue;
      return fail(operandName(partialOperand) + " is a partial sum over " +
                      joinAxes(partialSum) + ", but " + operandName(index) +
                      " is " + describe(layout),
                  partialOperand, "an all_reduce of this value is missing");
    }
    return true;
  }

  void takeFreeFactors(ArrayRef<LayoutAttr> hints) {
    llvm::SmallVector<bool> inOperands(rule.kinds.size(), false);
    for (const auto &factors : rule.operandFactors)
      for (int64_t factor : factors)
        if (factor != ShardingRule::kNoFactor)
          inOperands[factor] = true;
    for (auto [hint, factors] : llvm::zip_equal(hints, rule.resultFactors)) {
      if (!hint || hint.getRank() != static_cast<int64_t>(factors.size()))
        continue;
      for (auto [dim, factor] : llvm::enumerate(factors))
        if (factor != ShardingRule::kNoFactor && !inOperands[factor] &&
            rule.kinds[factor] != FactorKind::whole)
          factorAxes[factor] = hint.getAxes(dim);
    }
  }

  LayoutAttr buildResult(size_t index, ArrayRef<int64_t> factors) {
    llvm::SetVector<Attribute> used;
    bool twice = false;
    auto use = [&](ArrayAttr axes) {
      for (Attribute axis : axes)
        twice |= !used.insert(axis);
    };
    SmallVector<Attribute> dims;
    for (int64_t factor : factors) {
      dims.push_back(factor == ShardingRule::kNoFactor ? none
                                                       : factorAxes[factor]);
      use(cast<ArrayAttr>(dims.back()));
    }
    SmallVector<Attribute> sums(partialSum.begin(), partialSum.end());
    SmallVector<Attribute> maxima, minima;
    for (auto [factor, kind] : llvm::enumerate(rule.kinds)) {
      if (kind == FactorKind::parallel || kind == FactorKind::whole)
        continue;
      auto &target = kind == FactorKind::sum   ? sums
                     : kind == FactorKind::max ? maxima
                                               : minima;
      llvm::append_range(target, factorAxes[factor]);
    }
    MLIRContext *context = mesh.getContext();
    auto sumAxes = ArrayAttr::get(context, sums);
    auto maxAxes = ArrayAttr::get(context, maxima);
    auto minAxes = ArrayAttr::get(context, minima);
    use(sumAxes);
    use(maxAxes);
    use(minAxes);
    if (twice) {
      fail("would use an axis twice in the layout of result #" +
               std::to_string(index) +
               (partialOperand < 0
                    ? ""
                    : ": " + operandName(partialOperand) +
                          " is a partial sum over " + joinAxes(partialSum)),
           partialOperand,
           partialOperand < 0 ? "" : "an all_reduce of this value is missing");
      return {};
    }
    return LayoutAttr::get(context, mesh, ArrayAttr::get(context, dims),
                           sumAxes, maxAxes, minAxes);
  }

  const ShardingRule &rule;
  FlatSymbolRefAttr mesh;
  ArrayRef<LayoutAttr> operands;
  LayoutConflict &conflict;
  ArrayAttr none;
  SmallVector<ArrayAttr> factorAxes;
  SmallVector<int64_t> factorOperand;
  ArrayAttr partialSum;
  int64_t partialOperand = -1;
};

/// Which of the types has no layout although another has one.
LogicalResult takeLayouts(Operation *op, TypeRange types, StringRef what,
                          SmallVectorImpl<LayoutAttr> &layouts) {
  for (auto [index, type] : llvm::enumerate(types)) {
    LayoutAttr layout = LayoutAttr::of(type);
    if (!layout)
      return op->emitOpError()
             << what << " #" << index << " has no layout, but others have one";
    layouts.push_back(layout);
  }
  return success();
}

/// The result's layout is not what the rule gives.
LogicalResult emitMismatch(Operation *op, size_t index, LayoutAttr actual,
                           LayoutAttr expected) {
  InFlightDiagnostic diag = op->emitOpError();
  diag << "result #" << index << " is " << describe(expected)
       << " by the layouts of the operands, but its type says "
       << describe(actual);
  if (expected.isPartial() && !actual.isPartial())
    diag.attachNote(op->getLoc()) << "an all_reduce of this value is missing";
  return diag;
}

/// A zero is a sum of zeros, too.
bool isSumOfZeros(Value value, LayoutAttr layout) {
  bool isSum = !layout.getPartialSum().empty() &&
               layout.getPartialMax().empty() && layout.getPartialMin().empty();
  for (int64_t dim = 0; dim < layout.getRank(); ++dim)
    isSum &= layout.getAxes(dim).empty();
  return isSum && matchPattern(value, m_AnyZeroFloat());
}

} // namespace

std::optional<SmallVector<LayoutAttr>>
inferResultLayouts(const ShardingRule &rule, FlatSymbolRefAttr mesh,
                   ArrayRef<LayoutAttr> operands,
                   ArrayRef<LayoutAttr> resultHints, LayoutConflict &conflict) {
  return Inference(rule, mesh, operands, conflict).run(resultHints);
}

LogicalResult verifyLayouts(Operation *op, const ShardingRule &rule) {
  SmallVector<LayoutAttr> operands, results;
  if (failed(takeLayouts(op, op->getOperandTypes(), "operand", operands)) ||
      failed(takeLayouts(op, op->getResultTypes(), "result", results)))
    return failure();
  FlatSymbolRefAttr mesh =
      (operands.empty() ? results : operands).front().getMesh();
  for (LayoutAttr layout : llvm::concat<LayoutAttr>(operands, results))
    if (layout.getMesh() != mesh)
      return op->emitOpError("mixes the meshes ")
             << mesh << " and " << layout.getMesh();
  LayoutConflict conflict;
  auto inferred = inferResultLayouts(rule, mesh, operands, results, conflict);
  if (!inferred) {
    InFlightDiagnostic diag = op->emitOpError() << conflict.message;
    if (conflict.operand >= 0)
      diag.attachNote(op->getOperand(conflict.operand).getLoc())
          << conflict.note;
    return diag;
  }
  for (auto [index, actual] : llvm::enumerate(results))
    if ((*inferred)[index] != actual &&
        !isSumOfZeros(op->getResult(index), actual))
      return emitMismatch(op, index, actual, (*inferred)[index]);
  return success();
}

RankedTensorType withLayout(RankedTensorType type, LayoutAttr layout) {
  return RankedTensorType::get(type.getShape(), type.getElementType(), layout);
}

} // namespace mlc::dist
