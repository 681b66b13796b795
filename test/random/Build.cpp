//===- Build.cpp - Nodes to ops, and data for the leaves ------------------===//
//===----------------------------------------------------------------------===//

#include "test/random/Build.h"

#include "ir/graph/GraphLoopOps.h"
#include "ir/graph/GraphOps.h"
#include "ir/graph/Program.h"

#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace mlc::graph;

namespace mlc::randomgraph {

//===----------------------------------------------------------------------===//
// One op
//===----------------------------------------------------------------------===//

/// Can `value` be made again in parts of the batch along `dim`: it comes from
/// splats and broadcasts only, as layout propagation asks.
static bool canMakeParts(Value value, int64_t dim) {
  auto op = dyn_cast_if_present<ShardingOpInterface>(value.getDefiningOp());
  if (!op)
    return false;
  ShardingRule rule = op.getShardingRule();
  int64_t factor = rule.resultFactors[0][dim];
  if (factor == ShardingRule::kNoFactor ||
      rule.kinds[factor] != FactorKind::parallel)
    return false;
  for (auto [operand, factors] :
       llvm::zip_equal(op->getOperands(), rule.operandFactors))
    for (auto [i, own] : llvm::enumerate(factors))
      if (own == factor && !canMakeParts(operand, static_cast<int64_t>(i)))
        return false;
  return true;
}

/// Does `op` work on rows of the batch one by one, as its sharding rule has it.
static bool keepsBatch(Operation *op, ArrayRef<Built> operands,
                       const Built &result, int64_t rows) {
  if (isa<ScanOp>(op)) // its row sees to it
    return true;
  ShardingRule rule = cast<ShardingOpInterface>(op).getShardingRule();
  int64_t factor = ShardingRule::kNoFactor;
  for (auto [operand, factors] : llvm::zip_equal(operands, rule.operandFactors))
    if (int64_t dim = operand.batchDim(); dim >= 0) {
      if (factors[dim] == ShardingRule::kNoFactor ||
          (factor != ShardingRule::kNoFactor && factor != factors[dim]))
        return false;
      factor = factors[dim];
    }
  if (factor == ShardingRule::kNoFactor)
    return true;
  int64_t dim = result.batchDim();
  if (dim < 0 || rule.resultFactors[0][dim] != factor ||
      rule.kinds[factor] != FactorKind::parallel ||
      rule.sizes[factor] % rows != 0)
    return false;
  for (auto [operand, factors] : llvm::zip_equal(operands, rule.operandFactors))
    for (auto [i, own] : llvm::enumerate(factors))
      if (own == factor && operand.batchDim() != static_cast<int64_t>(i) &&
          !canMakeParts(operand.value, static_cast<int64_t>(i)))
        return false;
  return true;
}

std::optional<Built> buildOp(OpBuilder &builder, const Node &node,
                             ArrayRef<Built> operands, int64_t rows) {
  const OpRow *row = findRow(node.op);
  auto sameType = [&](size_t a, size_t b) {
    return operands[a].shape == operands[b].shape &&
           operands[a].value.getType() == operands[b].value.getType();
  };
  if (row->operands == Operands::Same && operands.size() == 2 &&
      !sameType(0, 1))
    return std::nullopt;
  if (row->operands == Operands::Select &&
      (!sameType(1, 2) || operands[0].shape != operands[1].shape ||
       operands[0].element() != Element::i1))
    return std::nullopt;
  ScopedDiagnosticHandler quiet(builder.getContext(),
                                [](Diagnostic &) { return success(); });
  Built built = row->build(builder, operands, node, rows);
  if (!built.value)
    return std::nullopt;
  Operation *op = built.value.getDefiningOp();
  auto type = cast<RankedTensorType>(built.value.getType());
  if (succeeded(verify(op)) &&
      llvm::equal(type.getShape(), concreteShape(built.shape, rows)) &&
      llvm::count_if(built.shape, [](int64_t e) { return e < 0; }) <= 1 &&
      keepsBatch(op, operands, built, rows))
    return built;
  op->erase();
  return std::nullopt;
}

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

std::string leafName(const Graph &graph, int index) {
  switch (graph.nodes[index].kind) {
  case Node::Kind::Parameter:
    return "p" + std::to_string(index);
  case Node::Kind::State:
    return "s" + std::to_string(index);
  case Node::Kind::Input:
    return "x" + std::to_string(index);
  case Node::Kind::Op:
    break;
  }
  return "";
}

RankedTensorType leafType(MLIRContext &context, const Graph &graph, int index) {
  const Node &node = graph.nodes[index];
  return RankedTensorType::get(concreteShape(node.shape, graph.rows()),
                               elementType(&context, node.element));
}

Literal leafData(MLIRContext &context, const Graph &graph, int index) {
  const Node &node = graph.nodes[index];
  Literal literal(leafType(context, graph, index));
  Draw draw(node.draw);
  for (int64_t i = 0; i < literal.size(); ++i) {
    bool positive = node.range == Range::Positive;
    if (literal.isFloat())
      literal.floats[i] = roundFloat(
          literal.getElementType(),
          positive ? 0.5 + 2 * draw.uniform() : 4 * draw.uniform() - 2, {});
    else if (node.range == Range::Labels)
      literal.ints[i] = draw.below(std::max<int64_t>(1, node.limit));
    else if (node.element == Element::i1)
      literal.ints[i] = draw.below(2);
    else if (node.element == Element::u8)
      literal.ints[i] = draw.below(256);
    else
      literal.ints[i] = positive ? 1 + draw.below(9) : draw.below(19) - 9;
  }
  return literal;
}

std::vector<int> reachable(const Graph &graph, ArrayRef<int> roots) {
  std::vector<bool> needed(graph.nodes.size(), false);
  for (int root : roots)
    needed[root] = true;
  for (size_t i = graph.nodes.size(); i-- > 0;)
    if (needed[i])
      for (int operand : graph.nodes[i].operands)
        needed[operand] = true;
  std::vector<int> list;
  for (size_t i = 0; i < needed.size(); ++i)
    if (needed[i])
      list.push_back(static_cast<int>(i));
  return list;
}

std::vector<int> liveLeaves(const Graph &graph) {
  SmallVector<int> roots;
  for (const Observation &seen : graph.observations) {
    roots.push_back(seen.node);
    if (seen.kind == Observation::Kind::Update)
      roots.push_back(seen.state);
  }
  std::vector<int> leaves = reachable(graph, roots);
  llvm::erase_if(leaves, [&](int index) {
    return graph.nodes[index].kind == Node::Kind::Op;
  });
  return leaves;
}

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

Inputs makeInputs(MLIRContext &context, const Graph &graph) {
  Inputs inputs;
  for (int index : liveLeaves(graph)) {
    auto &list = graph.nodes[index].kind == Node::Kind::Input
                     ? inputs.batch.inputs
                     : inputs.parameters;
    list[leafName(graph, index)] = leafData(context, graph, index);
  }
  Literal mask(RankedTensorType::get(
      {graph.rows()},
      elementType(&context, graph.wideLoss ? Element::f64 : Element::f32)));
  for (int64_t i = 0; i < graph.rows(); ++i)
    mask.floats[i] = i < graph.rows() - graph.padding ? 1 : 0;
  inputs.batch.mask = mask;
  return inputs;
}

std::vector<Literal> bindArguments(func::FuncOp function, const Inputs &inputs,
                                   int64_t step) {
  std::vector<Literal> arguments;
  const Literal &mask = *inputs.batch.mask;
  for (BlockArgument argument : function.getArguments()) {
    unsigned index = argument.getArgNumber();
    auto type = cast<RankedTensorType>(argument.getType());
    Literal literal(type);
    if (FlatSymbolRefAttr path = parameterOf(function, index)) {
      auto found = inputs.parameters.find(path.getValue().str());
      if (found != inputs.parameters.end())
        literal = found->second;
    } else if (auto name =
                   function.getArgAttrOfType<StringAttr>(index, kInputAttr)) {
      literal = inputs.batch.inputs.at(name.str());
    } else if (function.getArgAttr(index, kMaskAttr)) {
      literal = mask;
    } else if (function.getArgAttr(index, kCountAttr)) {
      for (double real : mask.floats)
        literal.ints[0] += real != 0;
    } else if (function.getArgAttr(index, kStepAttr)) {
      literal.ints[0] = step;
    }
    arguments.push_back(std::move(literal));
  }
  return arguments;
}

} // namespace mlc::randomgraph
