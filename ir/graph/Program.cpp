//===- Program.cpp - What a program's arguments and results are -----------===//

#include "ir/graph/Program.h"

#include "ir/graph/GraphOps.h"

using namespace mlir;

namespace mlc::graph {

std::optional<unsigned> findArgument(func::FuncOp function, StringRef name) {
  for (unsigned index = 0; index < function.getNumArguments(); ++index)
    if (function.getArgAttr(index, name))
      return index;
  return std::nullopt;
}

std::optional<unsigned> findResult(func::FuncOp function, StringRef name) {
  for (unsigned index = 0; index < function.getNumResults(); ++index)
    if (function.getResultAttr(index, name))
      return index;
  return std::nullopt;
}

FlatSymbolRefAttr parameterOf(func::FuncOp function, unsigned index) {
  return function.getArgAttrOfType<FlatSymbolRefAttr>(index, kParamAttr);
}

int64_t iterationDims(StringRef path) { return path.count('*'); }

std::vector<std::string> iterationPaths(StringRef path, ArrayRef<int64_t> shape,
                                        ArrayRef<int64_t> first) {
  auto [before, after] = path.split('*');
  if (before.size() == path.size())
    return {path.str()};
  std::vector<std::string> inner = iterationPaths(
      after, shape.drop_front(), first.empty() ? first : first.drop_front());
  std::vector<std::string> paths; // the outermost iteration is the slowest
  for (int64_t i = 0; i < shape.front(); ++i) {
    int64_t number = i + (first.empty() ? 0 : first.front());
    for (const std::string &rest : inner)
      paths.push_back((before + Twine(number) + rest).str());
  }
  return paths;
}

std::vector<std::string> iterationPaths(ParameterOp parameter) {
  auto first = parameter->getAttrOfType<DenseI64ArrayAttr>(kFirstAttr);
  return iterationPaths(parameter.getSymName(),
                        parameter.getTensorType().getShape(),
                        first ? first.asArrayRef() : ArrayRef<int64_t>());
}

bool matchesPattern(StringRef pattern, StringRef path) {
  auto [head, rest] = pattern.split('*');
  if (head.size() == pattern.size())
    return pattern == path;
  if (!path.consume_front(head))
    return false;
  for (size_t skipped = 0; skipped <= path.size(); ++skipped)
    if (matchesPattern(rest, path.drop_front(skipped)))
      return true;
  return false;
}

/// Whether a group of the configuration freezes `path`; the last group that
/// says something about it wins.
static bool isFrozen(ModuleOp module, StringRef path) {
  auto train = module->getAttrOfType<DictionaryAttr>("mlc.train");
  auto groups = train ? train.getAs<ArrayAttr>("groups") : ArrayAttr();
  bool frozen = false;
  if (!groups)
    return frozen;
  for (auto group : groups.getAsRange<DictionaryAttr>())
    if (auto flag = group.getAs<BoolAttr>("frozen"))
      if (matchesPattern(group.getAs<StringAttr>("pattern").getValue(), path))
        frozen = flag.getValue();
  return frozen;
}

SmallVector<BlockArgument> trainedParameters(func::FuncOp function) {
  auto module = function->getParentOfType<ModuleOp>();
  SmallVector<BlockArgument> trained;
  for (BlockArgument argument : function.getArguments()) {
    FlatSymbolRefAttr symbol = parameterOf(function, argument.getArgNumber());
    if (!symbol)
      continue;
    auto parameter = module.lookupSymbol<ParameterOp>(symbol.getValue());
    if (parameter && parameter.getRole() == ParameterRole::trained &&
        !isFrozen(module, symbol.getValue()))
      trained.push_back(argument);
  }
  return trained;
}

BlockArgument appendArgument(func::FuncOp function, Type type, StringRef name,
                             Attribute value, Location loc) {
  unsigned index = function.getNumArguments();
  auto attributes = DictionaryAttr::get(
      function.getContext(),
      NamedAttribute(StringAttr::get(function.getContext(), name), value));
  (void)function.insertArgument(index, type, attributes, loc);
  return function.getArgument(index);
}

void appendResult(func::FuncOp function, Value value, StringRef name,
                  Attribute attribute) {
  auto attributes = DictionaryAttr::get(
      function.getContext(),
      NamedAttribute(StringAttr::get(function.getContext(), name), attribute));
  (void)function.insertResult(function.getNumResults(), value.getType(),
                              attributes);
  auto terminator =
      cast<func::ReturnOp>(function.getBody().front().getTerminator());
  terminator.getOperandsMutable().append(value);
}

} // namespace mlc::graph
