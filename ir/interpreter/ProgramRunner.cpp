//===- ProgramRunner.cpp - Runs a program step by step --------------------===//

#include "ir/interpreter/ProgramRunner.h"
#include "ir/graph/GraphOps.h"
#include "ir/graph/Program.h"

using namespace mlir;
using mlc::graph::Literal;

namespace mlc::interpreter {

FailureOr<Literal> ProgramRunner::findParameter(func::FuncOp function,
                                                StringRef path) {
  auto found = parameters.find(path.str());
  if (found != parameters.end())
    return found->second;
  auto parameter = module.lookupSymbol<graph::ParameterOp>(path);
  if (!parameter)
    return function.emitError("reads the parameter @")
           << path << ", which is not declared";
  RankedTensorType type = parameter.getTensorType();
  double value = 0;
  switch (parameter.getInit().getKind()) {
  case graph::InitKind::zeros:
    break;
  case graph::InitKind::ones:
    value = 1;
    break;
  case graph::InitKind::constant:
    value = parameter.getInit().getA();
    break;
  default:
    return parameter.emitOpError(
        "has a random initial value, and nobody gave it one");
  }
  Literal literal = Literal::fromAttr(graph::splatOf(type, value));
  if (options.f64 && literal.isFloat())
    literal.floats.assign(literal.size(), value);
  return literal;
}

/// A tensor of `type` with the given rows and every element `value`.
static Literal filled(RankedTensorType type, int64_t rows, double value) {
  SmallVector<int64_t> shape(type.getShape());
  if (!shape.empty())
    shape[0] = rows;
  Literal literal(RankedTensorType::get(shape, type.getElementType()));
  if (literal.isFloat())
    literal.floats.assign(literal.size(), value);
  else
    literal.ints.assign(literal.size(), static_cast<int64_t>(value));
  return literal;
}

/// An integer scalar: all 64 bits of it.
static Literal scalarOf(RankedTensorType type, int64_t value) {
  Literal literal(RankedTensorType::get({}, type.getElementType()));
  literal.ints[0] = value;
  return literal;
}

static int64_t countRows(const Batch &batch, RankedTensorType fallback) {
  if (batch.inputs.empty())
    return fallback.getRank() == 0 ? 1 : fallback.getDimSize(0);
  return batch.inputs.begin()->second.getShape()[0];
}

FailureOr<Literal> ProgramRunner::bind(func::FuncOp function, unsigned index,
                                       const Batch &batch) {
  auto type = cast<RankedTensorType>(function.getArgument(index).getType());
  if (FlatSymbolRefAttr symbol = graph::parameterOf(function, index))
    return findParameter(function, symbol.getValue());
  if (auto name =
          function.getArgAttrOfType<StringAttr>(index, graph::kInputAttr)) {
    auto found = batch.inputs.find(name.str());
    if (found == batch.inputs.end())
      return function.emitError("needs the input ")
             << name << ", which the batch has not";
    return found->second;
  }
  if (function.getArgAttr(index, graph::kMaskAttr))
    return batch.mask ? *batch.mask : filled(type, countRows(batch, type), 1);
  if (function.getArgAttr(index, graph::kCountAttr)) {
    if (batch.count)
      return filled(type, 0, static_cast<double>(*batch.count));
    double rows = static_cast<double>(countRows(batch, type));
    if (batch.mask) {
      rows = 0;
      for (int64_t i = 0; i < batch.mask->size(); ++i)
        rows += batch.mask->at(i);
    }
    return filled(type, 0, rows);
  }
  if (function.getArgAttr(index, graph::kStepAttr))
    return filled(type, 0, static_cast<double>(step));
  if (function.getArgAttr(index, graph::kSeedAttr))
    return scalarOf(type, seed);
  if (function.getArgAttr(index, graph::kRowAttr)) {
    Literal rows = filled(type, countRows(batch, type), 0);
    for (int64_t row = 0; row < rows.size(); ++row)
      rows.ints[row] = batch.firstRow + row;
    return rows;
  }
  return function.emitError("argument #")
         << index << " does not say what it is; it needs graph.param, "
         << "graph.input, graph.mask, graph.count, graph.step, graph.row or "
         << "graph.seed";
}

FailureOr<StepResult> ProgramRunner::run(StringRef name, const Batch &batch) {
  auto function = module.lookupSymbol<func::FuncOp>(name);
  if (!function)
    return module.emitError("has no program @") << name;
  std::vector<Literal> arguments;
  for (unsigned index = 0; index < function.getNumArguments(); ++index) {
    FailureOr<Literal> argument = bind(function, index, batch);
    if (failed(argument))
      return failure();
    arguments.push_back(std::move(*argument));
  }
  auto results = evaluate(function, arguments, options);
  if (failed(results))
    return failure();
  StepResult done;
  for (auto [index, literal] : llvm::enumerate(*results)) {
    if (function.getResultAttr(index, graph::kLossAttr))
      done.loss = literal.at(0);
    if (auto metric =
            function.getResultAttrOfType<StringAttr>(index, graph::kMetricAttr))
      done.metrics[metric.str()] = literal;
    if (auto output =
            function.getResultAttrOfType<StringAttr>(index, graph::kOutputAttr))
      done.outputs[output.str()] = literal;
    if (auto update = function.getResultAttrOfType<FlatSymbolRefAttr>(
            index, graph::kUpdateAttr))
      parameters[update.getValue().str()] = literal;
  }
  if (name == "train")
    ++step;
  return done;
}

} // namespace mlc::interpreter
