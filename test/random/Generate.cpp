//===- Generate.cpp - Random graphs ---------------------------------------===//
//
// Rows of the table are drawn by weight, then operands for them; an op that is
// not valid, or whose value is not well conditioned, is thrown away.
//
//===----------------------------------------------------------------------===//

#include "test/random/Generate.h"

#include "test/random/Generator.h"

#include "ir/graph/Program.h"
#include "mlir/Pass/PassManager.h"
#include "passes/Passes.h"
#include "llvm/ADT/STLExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;
using namespace mlc::graph;

namespace mlc::randomgraph {

constexpr double kLargest = 10000;

Generator::Generator(MLIRContext &context, uint64_t seed)
    : context(context), draw(seed), builder(&context) {
  scratch = ModuleOp::create(builder.getUnknownLoc());
  builder.setInsertionPointToEnd(scratch->getBody());
  auto function =
      func::FuncOp::create(builder, builder.getUnknownLoc(), "scratch",
                           builder.getFunctionType({}, {}));
  block = function.addEntryBlock();
  builder.setInsertionPointToEnd(block);
}

//===----------------------------------------------------------------------===//
// Nodes
//===----------------------------------------------------------------------===//

bool Generator::isAcceptable(const Bounded &value) const {
  double largest = 0, error = 0;
  for (int64_t i = 0; i < value.value.size(); ++i) {
    largest = std::max(largest, std::fabs(value.value.at(i)));
    error = std::max(error, value.error[i]);
  }
  if (!std::isfinite(largest) || largest > kLargest)
    return false;
  if (!value.value.isFloat())
    return error == 0;
  // Too much cancellation, or too near a jump.
  double unit = roundingUnit(value.value.getElementType());
  return error <= std::max(1e-3, 16 * unit) * std::max(largest, 0.01);
}

std::optional<int> Generator::tryAdd(Node node) {
  SmallVector<Built> operands;
  SmallVector<const Bounded *> bounds;
  for (int operand : node.operands) {
    operands.push_back(built[operand]);
    bounds.push_back(&values[operand]);
  }
  std::optional<Built> result = buildOp(builder, node, operands, graph.rows());
  if (!result)
    return std::nullopt;
  Operation *op = result->value.getDefiningOp();
  auto type = cast<RankedTensorType>(result->value.getType());
  unsigned number = cast<OpResult>(result->value).getResultNumber();
  ScopedDiagnosticHandler quiet(&context,
                                [](Diagnostic &) { return success(); });
  if (type.getNumElements() <= maxElements && type.getRank() <= 4)
    if (auto bounded = evaluateBounded(op, bounds, graph.microbatches);
        succeeded(bounded) && isAcceptable((*bounded)[number])) {
      for (int operand : node.operands)
        ++uses[operand];
      graph.nodes.push_back(std::move(node));
      built.push_back(*result);
      values.push_back(std::move((*bounded)[number]));
      uses.push_back(0);
      return static_cast<int>(graph.nodes.size()) - 1;
    }
  op->erase();
  return std::nullopt;
}

int Generator::addLeaf(Node node) {
  node.draw = draw.next();
  graph.nodes.push_back(node);
  int index = static_cast<int>(graph.nodes.size()) - 1;
  Literal data = leafData(context, graph, index);
  built.push_back({block->addArgument(data.getType(), builder.getUnknownLoc()),
                   node.shape});
  values.emplace_back(std::move(data));
  uses.push_back(0);
  return index;
}

//===----------------------------------------------------------------------===//
// The whole graph
//===----------------------------------------------------------------------===//

void Generator::chooseSizes() {
  constexpr int64_t kBatches[] = {1, 2, 3, 4, 5, 7, 8, 9, 16, 17};
  constexpr int64_t kCounts[] = {1, 1, 2, 3, 4};
  constexpr int64_t kExtents[] = {1,  2,  3,  4,  5,  6,  7,  8,  9,
                                  12, 15, 16, 17, 31, 32, 33, 64, 65};
  graph.microbatch = draw.pick(ArrayRef(kBatches));
  graph.microbatches = draw.pick(ArrayRef(kCounts));
  if (draw.chance(0.4))
    graph.padding = draw.below(graph.microbatch);
  graph.elastic = draw.chance(0.3);
  for (int i = 0; i < 4; ++i)
    extents.push_back(draw.pick(ArrayRef(kExtents)));
  if (draw.chance(0.3)) {
    constexpr Element kOthers[] = {Element::f64, Element::f64, Element::f16,
                                   Element::bf16};
    mainFloat = draw.pick(ArrayRef(kOthers));
  }
  graph.wideLoss = mainFloat == Element::f64 && draw.chance(0.7);
  if (draw.chance(0.03)) { // several tasks of a kernel
    maxElements = 50000;
    extents.push_back(257);
    extents.push_back(130);
  }
}

void Generator::grow(int64_t ops) {
  double total = 0;
  for (const OpRow &row : opTable())
    total += row.weight;
  for (int attempt = 0; graph.countOps() < ops && attempt < 60 * ops;
       ++attempt) {
    double at = draw.uniform() * total;
    const OpRow *row = opTable().begin();
    while (at >= row->weight && row + 1 != opTable().end())
      at -= (row++)->weight;
    size_t before = graph.nodes.size();
    std::optional<Node> node = drawNode(*row);
    if (!node || !tryAdd(std::move(*node)))
      cutTo(before); // the operands that were made for it
  }
}

void Generator::cutTo(size_t count) {
  while (graph.nodes.size() > count) {
    for (int operand : graph.nodes.back().operands)
      --uses[operand];
    Value value = built.back().value;
    if (Operation *op = value.getDefiningOp())
      op->erase();
    else
      block->eraseArgument(cast<BlockArgument>(value).getArgNumber());
    graph.nodes.pop_back();
    built.pop_back();
    values.pop_back();
    uses.pop_back();
  }
}

/// Looks at every value that nobody reads, and at some others.
void Generator::observe() {
  using Kind = Observation::Kind;
  auto add = [&](Kind kind, int node, int state = -1) {
    graph.observations.push_back({kind, node, draw.next(), state});
  };
  SmallVector<int> floats, whole;
  for (int i = 0, e = static_cast<int>(graph.nodes.size()); i != e; ++i) {
    if (graph.nodes[i].kind != Node::Kind::Op)
      continue;
    bool isFloat = values[i].value.isFloat(), rows = built[i].batchDim() >= 0;
    bool isOutput = rows && shapeOf(i)[0] == -1;
    if (isFloat)
      floats.push_back(i);
    if (!rows)
      whole.push_back(i);
    if (uses[i] > 0 && !draw.chance(0.15))
      continue;
    if (isOutput && draw.chance(0.8))
      add(Kind::Output, i);
    if (!isOutput || draw.chance(0.3))
      add(Kind::Metric, i);
    if (isFloat && draw.chance(0.7))
      add(Kind::Loss, i);
  }
  bool hasLoss = llvm::any_of(graph.observations, [](const Observation &seen) {
    return seen.kind == Kind::Loss;
  });
  if (!hasLoss && !floats.empty())
    add(Kind::Loss, floats.back());
  // States take whole values of their type, each other's too.
  for (int i = 0, e = static_cast<int>(graph.nodes.size()); i != e; ++i) {
    if (graph.nodes[i].kind != Node::Kind::State ||
        graph.nodes[i].range == Range::Labels)
      continue;
    SmallVector<int> fitting;
    for (int value = 0; value != e; ++value)
      if (value != i &&
          built[value].value.getType() == built[i].value.getType() &&
          built[value].batchDim() < 0)
        fitting.push_back(value);
    if (!fitting.empty() && draw.chance(0.7))
      add(Kind::Update, draw.pick(fitting), i);
  }
}

/// Without Lion, whose update jumps where a gradient is near 0.
void Generator::chooseOptimizer() {
  constexpr const char *kOptimizers[] = {
      "sgd",  "sgd",   "sgd",     "sgd",     "momentum", "nesterov",
      "adam", "adamw", "rmsprop", "adagrad", "lamb"};
  graph.optimizer = draw.pick(ArrayRef(kOptimizers));
  if (draw.chance(0.15))
    graph.clipNorm = 0.5;
}

/// The power of two with which the largest update is about 1/16: then a
/// parameter's new value shows its gradient, and the next step is as well
/// conditioned as the first.
void Generator::chooseLearningRate() {
  StringRef kind = graph.optimizer;
  if (kind == "sgd" || kind == "momentum" || kind == "nesterov") {
    double largest = 0;
    OwningOpRef<ModuleOp> module = buildModule(context, graph);
    PassManager manager(&context);
    manager.addPass(createGraphAutodiff());
    if (!module || failed(manager.run(*module)))
      return;
    auto function = module->lookupSymbol<func::FuncOp>("train");
    auto results = interpreter::evaluate(
        function, bindArguments(function, makeInputs(context, graph), 0),
        {/*f64=*/true, 1});
    if (failed(results))
      return;
    for (auto [index, literal] : llvm::enumerate(*results))
      if (function.getResultAttr(index, kGradientAttr))
        for (double value : literal.floats)
          if (std::isfinite(value))
            largest = std::max(largest, std::fabs(value));
    if (largest > 0)
      graph.learningRate = std::clamp(
          std::exp2(std::floor(std::log2(1 / (16 * largest)))), 0x1p-8, 0x1p12);
    return;
  }
  graph.learningRate = 0x1p-4;
}

Graph Generator::run() {
  chooseSizes();
  // Something to begin with: rows, and a parameter.
  newLeaf(mainFloat, drawShape(/*rows=*/true, 2), Range::Any);
  Node parameter;
  parameter.kind = Node::Kind::Parameter;
  parameter.element = mainFloat;
  parameter.shape = drawShape(/*rows=*/false, 1 + draw.below(2));
  addLeaf(parameter);
  grow(5 + draw.below(36));
  observe();
  chooseOptimizer();
  chooseLearningRate();
  return graph;
}

Graph generate(MLIRContext &context, uint64_t seed) {
  return Generator(context, seed).run();
}

} // namespace mlc::randomgraph
