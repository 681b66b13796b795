//===- BuildModule.cpp - From a random graph to a module ------------------===//
//
// The parts around the nodes are those of the importer: a reduction over the
// batch selects the rows that count, and the loss divides once by their number.
//
//===----------------------------------------------------------------------===//

#include "test/random/Build.h"

#include "ir/graph/OpFactory.h"
#include "ir/graph/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace mlc::graph;

namespace mlc::randomgraph {

namespace {

using Kind = Observation::Kind;

class FunctionBuilder {
public:
  FunctionBuilder(ModuleOp module, const Graph &graph, bool train)
      : graph(graph), train(train), builder(module.getContext()),
        ops{builder, builder.getUnknownLoc()}, built(graph.nodes.size()) {
    builder.setInsertionPointToEnd(module.getBody());
    function = func::FuncOp::create(builder, ops.loc, train ? "train" : "infer",
                                    builder.getFunctionType({}, {}));
    builder.setInsertionPointToStart(function.addEntryBlock());
    func::ReturnOp::create(builder, ops.loc);
  }

  /// False where a node is not valid.
  bool build() {
    SmallVector<int> roots;
    for (const Observation &seen : graph.observations)
      if (belongs(seen))
        roots.push_back(seen.node);
    std::vector<int> live = reachable(graph, roots);
    for (const Observation &seen : graph.observations)
      if (belongs(seen) && seen.kind == Kind::Update)
        live.push_back(seen.state); // read, so that it is an argument
    llvm::sort(live);
    live.erase(std::unique(live.begin(), live.end()), live.end());
    for (int index : live)
      if (graph.nodes[index].kind != Node::Kind::Op)
        addLeaf(index);
    addBatch(live);
    builder.setInsertionPoint(function.getBody().front().getTerminator());
    for (int index : live)
      if (!addOp(index))
        return false;
    for (auto [number, seen] : llvm::enumerate(graph.observations))
      if (belongs(seen) && !observe(seen, static_cast<int>(number)))
        return false;
    if (lossTerm)
      appendResult(function, lossTerm, kLossAttr, builder.getUnitAttr());
    return true;
  }

private:
  bool belongs(const Observation &seen) const {
    return (seen.kind != Kind::Output) == train;
  }

  void addLeaf(int index) {
    const Node &node = graph.nodes[index];
    std::string name = leafName(graph, index);
    Type type = leafType(*builder.getContext(), graph, index);
    bool input = node.kind == Node::Kind::Input;
    Attribute value = input
                          ? Attribute(builder.getStringAttr(name))
                          : FlatSymbolRefAttr::get(builder.getContext(), name);
    built[index] = {appendArgument(function, type,
                                   input ? kInputAttr : kParamAttr, value,
                                   ops.loc),
                    node.shape};
  }

  void addBatch(ArrayRef<int> live) {
    bool hasInput = llvm::any_of(live, [&](int index) {
      return graph.nodes[index].kind == Node::Kind::Input;
    });
    Type compute = lossElement();
    if (train || !hasInput) // it gives the program its rows
      mask = appendArgument(function,
                            RankedTensorType::get({graph.rows()}, compute),
                            kMaskAttr, builder.getUnitAttr(), ops.loc);
    if (train)
      count = appendArgument(function,
                             RankedTensorType::get({}, builder.getI64Type()),
                             kCountAttr, builder.getUnitAttr(), ops.loc);
  }

  bool addOp(int index) {
    const Node &node = graph.nodes[index];
    if (node.kind != Node::Kind::Op)
      return true;
    SmallVector<Built> operands;
    for (int operand : node.operands)
      operands.push_back(built[operand]);
    std::optional<Built> result =
        buildOp(builder, node, operands, graph.rows());
    if (result)
      built[index] = *result;
    return result.has_value();
  }

  Type lossElement() {
    return graph.wideLoss ? Type(builder.getF64Type())
                          : Type(builder.getF32Type());
  }

  bool observe(const Observation &seen, int number) {
    const Built &value = built[seen.node];
    switch (seen.kind) {
    case Kind::Output:
      if (value.batchDim() != 0 || value.shape[0] != -1)
        return false;
      appendResult(function, value.value, kOutputAttr,
                   builder.getStringAttr("o" + std::to_string(number)));
      return true;
    case Kind::Metric:
      appendResult(
          function,
          value.batchDim() < 0 ? value.value : reduceBatch(value, seen.draw),
          kMetricAttr, builder.getStringAttr("m" + std::to_string(number)));
      return true;
    case Kind::Update: {
      if (value.batchDim() >= 0 ||
          value.value.getType() != built[seen.state].value.getType())
        return false;
      appendResult(function, value.value, kUpdateAttr,
                   FlatSymbolRefAttr::get(builder.getContext(),
                                          leafName(graph, seen.state)));
      return true;
    }
    case Kind::Loss:
      return addLossTerm(value);
    }
    llvm_unreachable("covered above");
  }

  /// `value` with `neutral` in the rows that do not count.
  Value masked(const Built &value, double neutral) {
    if (graph.padding == 0)
      return value.value;
    int64_t dim = value.batchDim(), times = -value.shape[dim];
    Value real = ops.compare(ComparePredicate::ne, mask, ops.zeroLike(mask));
    if (times > 1)
      real = ops.reshape(ops.broadcast(real, {graph.rows(), times}, {0}),
                         {graph.rows() * times});
    real = ops.broadcast(real, concreteShape(value.shape, graph.rows()), {dim});
    return ops.select(real, value.value, ops.splatLike(value.value, neutral));
  }

  Value reduceBatch(const Built &value, uint64_t seed) {
    Draw draw(seed);
    auto kind = static_cast<ReductionKind>(draw.below(3));
    Element element = value.element();
    if (element == Element::i1 && kind == ReductionKind::sum)
      kind = ReductionKind::max;
    // The generator keeps values within 10000.
    double lowest =
        element == Element::i1 || element == Element::u8 ? 0 : -20000;
    double highest = element == Element::i1   ? 1
                     : element == Element::u8 ? 255
                                              : 20000;
    Value rows = masked(value, kind == ReductionKind::sum   ? 0
                               : kind == ReductionKind::max ? lowest
                                                            : highest);
    SmallVector<int64_t> dims;
    for (auto [dim, extent] : llvm::enumerate(value.shape))
      if (extent < 0 || draw.chance(0.3))
        dims.push_back(static_cast<int64_t>(dim));
    return ReduceOp::create(builder, ops.loc, kind, rows, dims);
  }

  /// The mean of all elements of a whole value, or of the rows that count.
  bool addLossTerm(const Built &value) {
    auto type = cast<RankedTensorType>(value.value.getType());
    if (!isa<FloatType>(type.getElementType()))
      return false;
    auto scalar = RankedTensorType::get({}, lossElement());
    bool rows = value.batchDim() >= 0;
    Value all =
        ops.reduceSum(rows ? masked(value, 0) : value.value,
                      llvm::to_vector(llvm::seq<int64_t>(0, type.getRank())));
    Value term = ops.castTo(all, scalar);
    int64_t elements = type.getNumElements() / (rows ? graph.rows() : 1);
    if (elements > 1)
      term = ops.mul(term, ops.splat(scalar, 1.0 / double(elements)));
    if (rows)
      term = ops.div(term, ops.castTo(count, scalar));
    lossTerm = lossTerm ? ops.add(lossTerm, term) : term;
    return true;
  }

  const Graph &graph;
  bool train;
  OpBuilder builder;
  OpFactory ops;
  func::FuncOp function;
  std::vector<Built> built;
  Value mask, count, lossTerm;
};

//===----------------------------------------------------------------------===//
// Module
//===----------------------------------------------------------------------===//

NamedAttribute named(OpBuilder &b, StringRef name, Attribute value) {
  return b.getNamedAttr(name, value);
}

DictionaryAttr optimizerOf(OpBuilder &b, const Graph &graph) {
  auto number = [&](StringRef name, double value) {
    return named(b, name, b.getF64FloatAttr(value));
  };
  SmallVector<NamedAttribute> fields;
  StringRef kind = graph.optimizer;
  bool sgd = kind == "sgd" || kind == "momentum" || kind == "nesterov";
  fields.push_back(named(b, "kind", b.getStringAttr(sgd ? "sgd" : kind)));
  if (kind == "momentum" || kind == "nesterov") {
    fields.push_back(number("momentum", 0.75));
    fields.push_back(number("weight_decay", 0.125));
    fields.push_back(named(b, "nesterov", b.getBoolAttr(kind == "nesterov")));
  }
  if (!sgd) {
    fields.push_back(number("beta1", 0.875));
    fields.push_back(number("beta2", 0.9375));
    fields.push_back(number("alpha", 0.875));
    fields.push_back(number("eps", 1e-3));
  }
  fields.push_back(
      named(b, "lr",
            b.getDictionaryAttr({named(b, "kind", b.getStringAttr("constant")),
                                 number("value", graph.learningRate)})));
  return b.getDictionaryAttr(fields);
}

void setConfiguration(ModuleOp module, const Graph &graph,
                      ArrayRef<int> leaves) {
  OpBuilder b(module.getContext());
  auto integer = [&](StringRef name, int64_t value) {
    return named(b, name, b.getI64IntegerAttr(value));
  };
  module->setAttr("mlc.source", b.getStringAttr("random.mlg"));
  module->setAttr(
      "mlc.train",
      b.getDictionaryAttr(
          {integer("batch", graph.rows() - graph.padding),
           integer("microbatch", graph.microbatch),
           integer("microbatches", graph.microbatches), integer("epochs", 1),
           integer("steps", 0), integer("seed", 0),
           named(b, "precision",
                 b.getStringAttr(graph.wideLoss ? "f64" : "f32")),
           named(b, "sum", b.getStringAttr("tree")),
           named(b, "clip_norm", b.getF64FloatAttr(graph.clipNorm)),
           named(b, "optimizer", optimizerOf(b, graph)),
           named(b, "groups", b.getArrayAttr({}))}));
  module->setAttr("mlc.mesh", b.getArrayAttr(b.getDictionaryAttr(
                                  {named(b, "name", b.getStringAttr("data")),
                                   integer("size", graph.elastic ? -1 : 1)})));
  SmallVector<Attribute> inputs;
  for (int index : leaves)
    if (const Node &node = graph.nodes[index]; node.kind == Node::Kind::Input) {
      auto row =
          RankedTensorType::get(ArrayRef(node.shape).drop_front(),
                                elementType(b.getContext(), node.element));
      inputs.push_back(b.getDictionaryAttr(
          {named(b, "name", b.getStringAttr(leafName(graph, index))),
           named(b, "type", TypeAttr::get(row)),
           integer("limit", node.range == Range::Labels ? node.limit : 0)}));
    }
  module->setAttr("mlc.inputs", b.getArrayAttr(inputs));
}

} // namespace

OwningOpRef<ModuleOp> buildModule(MLIRContext &context, const Graph &graph) {
  OpBuilder builder(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(builder.getUnknownLoc());
  std::vector<int> leaves = liveLeaves(graph);
  setConfiguration(*module, graph, leaves);
  builder.setInsertionPointToEnd(module->getBody());
  for (int index : leaves) {
    const Node &node = graph.nodes[index];
    if (node.kind == Node::Kind::Input)
      continue;
    ParameterOp::create(builder, builder.getUnknownLoc(),
                        leafName(graph, index), leafType(context, graph, index),
                        InitAttr::get(&context, InitKind::zeros),
                        node.kind == Node::Kind::Parameter
                            ? ParameterRole::trained
                            : ParameterRole::state);
  }
  bool infer = llvm::any_of(graph.observations, [](const Observation &seen) {
    return seen.kind == Kind::Output;
  });
  if (!FunctionBuilder(*module, graph, /*train=*/true).build() ||
      (infer && !FunctionBuilder(*module, graph, /*train=*/false).build()))
    return {};
  if (failed(verify(*module)))
    return {};
  return module;
}

} // namespace mlc::randomgraph
