//===- CheckGradients.cpp - mlc --check-gradients -------------------------===//
//
// On made-up data: inputs that are floats uniform in [0, 1), integers below
// their limit (256 where there is none), an eighth of the rows padding.
// Parameters have their initial values for seed 0; those that begin all alike
// are moved by up to 0.1, since gradients at zeros are often zeros, and relu
// has its kink there. All numbers are Philox's: every run has the same.
//
//===----------------------------------------------------------------------===//

#include "ir/graph/GraphGradientOps.h"
#include "ir/graph/Program.h"
#include "ir/graph/SourceLines.h"
#include "ir/interpreter/GradientCheck.h"
#include "runtime/core/Random.h"
#include "tools/mlc/Files.h"
#include "tools/mlc/Interpret.h"

#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Format.h"

#include <numeric>

using namespace mlir;
using mlc::graph::Literal;

namespace mlc::driver {

static constexpr uint64_t kSeed = 0;

static double uniform(StringRef name, int64_t index, double low = 0,
                      double high = 1) {
  return mlrt::initialElement({"uniform", low, high}, kSeed, name, index);
}

static Literal makeParameter(graph::ParameterOp parameter) {
  Literal literal(parameter.getTensorType());
  graph::InitAttr how = parameter.getInit();
  StringRef path = parameter.getSymName();
  StringRef kind = graph::stringifyInitKind(how.getKind());
  bool alike = kind == "zeros" || kind == "ones" || kind == "constant";
  std::string moved = (path + "#moved").str();
  if (!literal.isFloat())
    return literal;
  mlrt::Status filled = mlrt::fillInitial(
      {kind, how.getA(), how.getB()}, kSeed, path, mlrt::DType::f64,
      literal.floats.size(), literal.floats.data());
  (void)filled; // the op is verified
  if (alike && parameter.getRole() == graph::ParameterRole::trained)
    for (int64_t i = 0; i < literal.size(); ++i)
      literal.floats[i] += uniform(moved, i, -0.1, 0.1);
  return literal;
}

/// Integers of the input `name` are below this.
static int64_t limitOf(ModuleOp module, StringRef name, Type element) {
  if (element.isInteger(1))
    return 2;
  if (auto inputs = module->getAttrOfType<ArrayAttr>("mlc.inputs"))
    for (auto input : inputs.getAsRange<DictionaryAttr>())
      if (input.getAs<StringAttr>("name").getValue() == name)
        if (auto limit = input.getAs<IntegerAttr>("limit");
            limit && limit.getInt() > 0)
          return limit.getInt();
  return 256;
}

static Literal makeInput(ModuleOp module, StringRef name,
                         RankedTensorType type) {
  Literal literal(type);
  auto limit =
      static_cast<double>(limitOf(module, name, type.getElementType()));
  for (int64_t i = 0; i < literal.size(); ++i)
    if (literal.isFloat())
      literal.floats[i] = uniform(name, i);
    else
      literal.ints[i] = static_cast<int64_t>(uniform(name, i) * limit);
  return literal;
}

/// Rows that are no padding.
static int64_t realRows(int64_t rows) {
  return rows - (rows + 7) / 8 + (rows == 1);
}

/// The arguments of @train; a diagnostic where one is unknown.
static FailureOr<std::vector<Literal>> makeArguments(func::FuncOp function) {
  auto module = function->getParentOfType<ModuleOp>();
  int64_t rows = 1;
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (function.getArgAttr(i, graph::kInputAttr))
      rows = cast<RankedTensorType>(function.getArgument(i).getType())
                 .getDimSize(0);
  std::vector<Literal> arguments;
  for (auto [i, each] : llvm::enumerate(function.getArgumentTypes())) {
    auto type = cast<RankedTensorType>(each);
    Literal literal(type);
    if (FlatSymbolRefAttr symbol = graph::parameterOf(function, i)) {
      auto parameter = module.lookupSymbol<graph::ParameterOp>(symbol);
      if (!parameter)
        return function.emitError("reads the parameter ")
               << symbol << ", which is not declared";
      literal = makeParameter(parameter);
    } else if (auto name = function.getArgAttrOfType<StringAttr>(
                   i, graph::kInputAttr)) {
      literal = makeInput(module, name.getValue(), type);
    } else if (function.getArgAttr(i, graph::kMaskAttr)) {
      for (int64_t row = 0; row < realRows(rows); ++row)
        literal.floats[row] = 1;
    } else if (function.getArgAttr(i, graph::kCountAttr)) {
      literal.ints[0] = realRows(rows);
    } else if (function.getArgAttr(i, graph::kRowAttr)) {
      std::iota(literal.ints.begin(), literal.ints.end(), int64_t{0});
    } else if (function.getArgAttr(i, graph::kSeedAttr)) {
      literal.ints[0] = kSeed;
    }
    arguments.push_back(std::move(literal));
  }
  return arguments;
}

/// Parameters whose gradient goes through one that a layer gives itself, and
/// the place of that layer. Such a gradient need not be the derivative. All
/// that a loop reads counts as read by the layers in it.
static llvm::StringMap<std::string> findGiven(func::FuncOp function) {
  llvm::StringMap<std::string> given;
  Block &body = function.getBody().front();
  body.walk([&](Operation *op) {
    if (!op->hasTrait<graph::ReplacedByOperands>())
      return;
    SmallVector<mlir::FileLineColLoc> places = getSourceLines(op->getLoc());
    std::string place = places.empty() ? "" : mlc::toString(places[0]);
    Operation *outermost = body.findAncestorOpInBlock(*op);
    unsigned first = outermost == op ? op->getNumResults() : 0;
    SmallVector<Value> open(outermost->getOperands().drop_front(first));
    llvm::DenseSet<Value> seen;
    while (!open.empty()) {
      Value value = open.pop_back_val();
      if (!seen.insert(value).second)
        continue;
      if (Operation *from = value.getDefiningOp()) {
        llvm::append_range(open, from->getOperands());
        continue;
      }
      unsigned index = cast<BlockArgument>(value).getArgNumber();
      if (FlatSymbolRefAttr path = graph::parameterOf(function, index))
        given.try_emplace(path.getValue(), place);
    }
  });
  return given;
}

static std::string spell(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.9g", value);
  return text;
}

/// `hidden.w: 32 of 4096 elements, worst relative error 2e-09 at ...`.
static std::string lineOf(const interpreter::CheckedGradient &checked,
                          const llvm::StringMap<std::string> &given) {
  std::string text;
  llvm::raw_string_ostream line(text);
  line << checked.path << ": " << checked.checked << " of "
       << checked.type.getNumElements() << " elements";
  if (checked.kinks > 0)
    line << " (" << checked.kinks << " more at kinks of the loss)";
  if (checked.checked > 0)
    line << ", worst relative error " << llvm::format("%.1e", checked.error)
         << " at " << checked.place() << ": gradient "
         << spell(checked.gradient) << ", difference "
         << spell(checked.difference);
  if (auto found = given.find(checked.path); found != given.end())
    line << "; not counted: it goes through a layer's own gradient"
         << (found->second.empty() ? "" : " at ") << found->second;
  line << "\n";
  return text;
}

/// `worst: 2e-09 at ..., of 106 elements of 4 parameters`.
static std::string summaryOf(ArrayRef<interpreter::CheckedGradient> counted) {
  int64_t elements = 0;
  const interpreter::CheckedGradient *worst = &counted.front();
  for (const interpreter::CheckedGradient &checked : counted) {
    elements += checked.checked;
    // One that is no number is the worst of all.
    if (!(checked.error <= worst->error) || worst->checked == 0)
      worst = &checked;
  }
  std::string text;
  llvm::raw_string_ostream(text)
      << "worst: " << llvm::format("%.1e", worst->error) << " at "
      << worst->place() << ", of " << elements << " elements of "
      << counted.size() << (counted.size() == 1 ? " parameter" : " parameters")
      << "\n";
  return text;
}

static int report(ArrayRef<interpreter::CheckedGradient> all,
                  const llvm::StringMap<std::string> &given) {
  if (all.empty()) {
    printError("no trained parameter has a gradient to check");
    return kModelError;
  }
  std::string error, text;
  std::vector<interpreter::CheckedGradient> counted;
  for (const interpreter::CheckedGradient &checked : all) {
    text += lineOf(checked, given);
    if (!given.contains(checked.path))
      counted.push_back(checked);
  }
  if (!counted.empty())
    text += summaryOf(counted);
  if (!writeOutput("-", text, error)) {
    printError(error);
    return kModelError;
  }
  if (counted.empty()) {
    printError("every gradient goes through one that a layer gives itself: "
               "none could be checked");
    return kModelError;
  }
  for (const interpreter::CheckedGradient &checked : counted) {
    if (checked.checked == 0) {
      printError("no element of " + checked.path +
                 " could be checked: the loss has a kink at each");
      return kModelError;
    }
    if (checked.error > interpreter::kTolerance) {
      printError("the gradient of " + checked.path +
                 " is not the loss's derivative at " + checked.place() +
                 ": it is " + spell(checked.gradient) +
                 ", and central differences give " + spell(checked.difference));
      return kModelError;
    }
  }
  return kDone;
}

int checkGradients(Compilation &compilation) {
  if (compilation.getPhase() > Phase::Graph) {
    printError("--check-gradients needs the phase graph or ast, or a model "
               "file; the optimizer has taken the gradients of later ones");
    return kUsageError;
  }
  ModuleOp module = compilation.getModule();
  auto function = module.lookupSymbol<func::FuncOp>("train");
  if (!function) {
    printError("--check-gradients needs the program @train, and the model has "
               "none; give it a loss and a train block with an optimizer");
    return kModelError;
  }
  llvm::StringMap<std::string> given = findGiven(function);
  if (int code = compilation.addGradients())
    return code;
  FailureOr<std::vector<Literal>> arguments = makeArguments(function);
  if (failed(arguments))
    return kModelError;
  auto checked = interpreter::checkGradients(
      function, *arguments, [](StringRef path, int64_t i) {
        return uniform((path + "#element").str(), i);
      });
  return failed(checked) ? kModelError : report(*checked, given);
}

} // namespace mlc::driver
