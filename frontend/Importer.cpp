//===- Importer.cpp - From a checked model to graph IR --------------------===//
//
// One function per mode, with the nodes that its results need, and only the
// arguments that these use. The batch becomes a number here.
//
//===----------------------------------------------------------------------===//

#include "frontend/Importer.h"

#include "frontend/ImporterConfig.h"
#include "ir/graph/GraphAttentionOps.h"
#include "ir/graph/GraphBatchNormOps.h"
#include "ir/graph/GraphDialect.h"
#include "ir/graph/GraphGradientOps.h"
#include "ir/graph/GraphLoopOps.h"
#include "ir/graph/GraphOps.h"
#include "ir/graph/GraphTypes.h"
#include "ir/graph/OpFactory.h"
#include "ir/graph/Program.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace mlc::frontend {

Type elementTypeOf(MLIRContext *context, DType dtype) {
  switch (dtype) {
  case DType::F16:
    return Float16Type::get(context);
  case DType::BF16:
    return BFloat16Type::get(context);
  case DType::F32:
    return Float32Type::get(context);
  case DType::F64:
    return Float64Type::get(context);
  case DType::I32:
    return IntegerType::get(context, 32);
  case DType::I64:
    return IntegerType::get(context, 64);
  case DType::U8:
    return IntegerType::get(context, 8, IntegerType::Unsigned);
  case DType::Bool:
    return IntegerType::get(context, 1);
  }
  return {};
}

namespace {

struct Root {
  const Node *node;
  StringRef attribute;
  Attribute value;
};

class FunctionImporter {
public:
  FunctionImporter(const CheckedModel &model, const SourceManager &sources,
                   OpBuilder &builder, const Graph &graph, int64_t rows,
                   int64_t microbatches)
      : model(model), sources(sources), builder(builder), graph(graph),
        rows(rows), microbatches(microbatches) {}

  void run(StringRef name, ArrayRef<Root> roots);

private:
  RankedTensorType typeOf(const TensorType &type) {
    SmallVector<int64_t> shape;
    for (const Dim &dim : type.shape)
      shape.push_back(dim.isBatch ? rows : dim.size);
    return RankedTensorType::get(
        shape, elementTypeOf(builder.getContext(), type.dtype));
  }
  mlir::Location locate(Span span, ArrayRef<LayerCall> calls = {}) {
    return locationOf(builder.getContext(), sources, span, calls);
  }
  Value emit(const Node &node);
  Value emitStatistic(const Node &node, mlir::Location location);
  graph::ScanOp emitLoop(const Node &node);
  graph::CustomGradientOp emitCustomGradient(const Node &node);
  /// The value of a node inside of `loop`, where one from outside is an
  /// argument of the body.
  Value valueOf(const Node *node, const Loop *loop);
  void collect(const Node *node);

  const CheckedModel &model;
  const SourceManager &sources;
  OpBuilder &builder;
  const Graph &graph;
  int64_t rows, microbatches;
  llvm::DenseSet<const Node *> needed;
  llvm::DenseMap<const Node *, Value> values;
  llvm::DenseMap<const Node *, Operation *> several; ///< results
  llvm::DenseMap<const Node *, graph::BatchNormOp> norms;
  /// What the body of a loop under construction needs from outside.
  struct OpenLoop {
    Block *body = nullptr;
    SmallVector<Value> same;
    llvm::DenseMap<const Node *, Value> arguments;
  };
  llvm::DenseMap<const Loop *, OpenLoop> openLoops;
  llvm::StringMap<Value> inputs, parameters;
  llvm::StringMap<Value> leaves; ///< mask, count, step, ... by the op
};

/// What a node needs, found without recursion.
void FunctionImporter::collect(const Node *node) {
  SmallVector<const Node *> open = {node};
  while (!open.empty()) {
    const Node *next = open.pop_back_val();
    if (!needed.insert(next).second)
      continue;
    if (next->given)
      open.append(next->given->cotangents.begin(),
                  next->given->cotangents.end());
    if (!next->body) {
      open.append(next->operands.begin(), next->operands.end());
      continue;
    }
    for (const Loop::Carry &carry : next->body->carries)
      open.append({carry.argument, carry.next});
    open.append(next->body->yields.begin(), next->body->yields.end());
  }
}

void FunctionImporter::run(StringRef name, ArrayRef<Root> roots) {
  for (const Root &root : roots)
    collect(root.node);
  llvm::StringSet<> usedInputs, usedParameters;
  llvm::StringSet<> used; // leaves of other kinds
  for (const Node &node : graph.nodes) {
    if (!needed.contains(&node))
      continue;
    if (node.op == "input")
      usedInputs.insert(node.word);
    if (node.op == "parameter")
      usedParameters.insert(node.word);
    if (node.operands.empty())
      used.insert(node.op);
  }
  // The mask says how many rows a micro-batch has where nothing else does.
  if (usedInputs.empty())
    used.insert("mask");
  MLIRContext *context = builder.getContext();
  Type computeType = elementTypeOf(context, wideType(model.compute));
  SmallVector<Type> types, results;
  SmallVector<NamedAttribute> attributes;
  SmallVector<mlir::Location> locations;
  auto add = [&](Type type, StringRef attribute, Attribute value,
                 mlir::Location location) {
    types.push_back(type);
    attributes.push_back(builder.getNamedAttr(attribute, value));
    locations.push_back(location);
  };
  for (const ParameterInfo &parameter : model.parameters)
    if (usedParameters.contains(parameter.path))
      add(typeOf(parameter.type), graph::kParamAttr,
          FlatSymbolRefAttr::get(context, parameter.path),
          locate(parameter.span, parameter.calls));
  for (const InputInfo &input : model.inputs)
    if (usedInputs.contains(input.name))
      add(typeOf(input.type), graph::kInputAttr,
          builder.getStringAttr(input.name), locate(input.span));
  Type i64 = builder.getI64Type();
  const std::tuple<StringRef, StringRef, Type> others[] = {
      {"mask", graph::kMaskAttr, RankedTensorType::get({rows}, computeType)},
      {"count", graph::kCountAttr, RankedTensorType::get({}, i64)},
      {"step", graph::kStepAttr, RankedTensorType::get({}, i64)},
      {"row", graph::kRowAttr, RankedTensorType::get({rows}, i64)},
      {"seed", graph::kSeedAttr, RankedTensorType::get({}, i64)}};
  for (const auto &[op, attribute, type] : others)
    if (used.contains(op))
      add(type, attribute, builder.getUnitAttr(), locate(model.span));
  for (const Root &root : roots)
    results.push_back(typeOf(root.node->type));
  auto function =
      func::FuncOp::create(builder, locate(model.span), name,
                           FunctionType::get(context, types, results));
  Block *block = builder.createBlock(&function.getBody(), {}, types, locations);
  for (auto [i, attribute] : llvm::enumerate(attributes)) {
    function.setArgAttr(i, attribute.getName(), attribute.getValue());
    Value argument = block->getArgument(i);
    if (attribute.getName() == graph::kParamAttr)
      parameters[cast<FlatSymbolRefAttr>(attribute.getValue()).getValue()] =
          argument;
    else if (attribute.getName() == graph::kInputAttr)
      inputs[cast<StringAttr>(attribute.getValue()).getValue()] = argument;
    for (const auto &[op, role, type] : others)
      if (attribute.getName() == role)
        leaves[op] = argument;
  }
  for (const Node &node : graph.nodes)
    if (!node.loop && !node.gradient && needed.contains(&node))
      values[&node] = emit(node);
  SmallVector<Value> returned;
  for (auto [i, root] : llvm::enumerate(roots)) {
    returned.push_back(values[root.node]);
    function.setResultAttr(i, root.attribute, root.value);
  }
  func::ReturnOp::create(builder, locate(model.span), returned);
  builder.setInsertionPointAfter(function);
}

Value FunctionImporter::valueOf(const Node *node, const Loop *loop) {
  if (node->loop == loop)
    return values.lookup(node);
  if (Value argument = openLoops[loop].arguments.lookup(node))
    return argument;
  if (node->op == "constant")
    return openLoops[loop].arguments[node] = emit(*node);
  Value outside = valueOf(node, loop->parent);
  OpenLoop &open = openLoops[loop];
  open.same.push_back(outside);
  return open.arguments[node] =
             open.body->addArgument(outside.getType(), outside.getLoc());
}

graph::ScanOp FunctionImporter::emitLoop(const Node &node) {
  Loop &loop = *node.body;
  mlir::Location location = locate(node.span, graph.chainOf(node.call));
  SmallVector<Value> inits, sequences;
  SmallVector<Type> results;
  Region region;
  Block *body = &region.emplaceBlock();
  openLoops[&loop].body = body;
  for (const Loop::Carry &carry : loop.carries) {
    inits.push_back(valueOf(carry.init, node.loop));
    results.push_back(inits.back().getType());
    values[carry.argument] =
        body->addArgument(inits.back().getType(), locate(node.span));
  }
  for (const Loop::Sequence &sequence : loop.sequences) {
    if (!needed.contains(sequence.argument))
      continue;
    sequences.push_back(valueOf(sequence.source, node.loop));
    values[sequence.argument] =
        body->addArgument(graph::sliceType(sequences.back().getType()),
                          locate(sequence.argument->span));
  }
  {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(body);
    for (const Node *inner : loop.nodes)
      if (inner->op != "argument" && needed.contains(inner))
        values[inner] = emit(*inner);
    SmallVector<Value> yields;
    for (const Loop::Carry &carry : loop.carries)
      yields.push_back(valueOf(carry.next, &loop));
    for (const Node *slice : loop.yields) {
      yields.push_back(valueOf(slice, &loop));
      results.push_back(
          graph::stackedType(yields.back().getType(), loop.count));
    }
    graph::YieldOp::create(builder, location, yields);
  }
  auto scan = graph::ScanOp::create(
      builder, location, results, static_cast<uint64_t>(loop.count),
      /*reverse=*/false, loop.remat, inits, sequences, openLoops[&loop].same);
  scan.getBody().takeBody(region);
  return scan;
}

/// The attributes of a convolution or pool.
void addWindow(OpBuilder &builder, OperationState &state, const Node &node) {
  using Dim = graph::WindowDim;
  auto add = [&](StringRef name, int64_t Dim::*field) {
    state.addAttribute(
        name, builder.getDenseI64ArrayAttr(llvm::map_to_vector(
                  node.window, [&](const Dim &dim) { return dim.*field; })));
  };
  add("strides", &Dim::stride);
  add("low", &Dim::low);
  add("high", &Dim::high);
  add("inputDilation", &Dim::inputDilation);
  add("windowDilation", &Dim::windowDilation);
  if (node.op != "conv")
    return add("extents", &Dim::window);
  state.addAttribute("groups", builder.getI64IntegerAttr(node.integer));
  if (node.word == "transposed")
    state.addAttribute("transposed", builder.getUnitAttr());
}

/// The mean over the micro-batches that have rows of their means, or of their
/// variances, unbiased.
Value FunctionImporter::emitStatistic(const Node &node,
                                      mlir::Location location) {
  graph::BatchNormOp norm = norms[node.operands[0]];
  graph::OpFactory ops{builder, location};
  Value count = norm.getCount();
  Value isThere =
      ops.compare(graph::ComparePredicate::gt, count, ops.zeroLike(count));
  Value there = ops.castTo(isThere, count.getType());
  Value value = norm.getMean();
  auto type = cast<RankedTensorType>(value.getType());
  auto spread = [&](Value ofBlock) {
    return ops.broadcast(ofBlock, type.getShape(), {0});
  };
  if (node.word == "variance") {
    Value one = ops.splatLike(count, 1.0);
    Value less =
        graph::MaximumOp::create(builder, location, ops.sub(count, one), one);
    value = ops.mul(norm.getVariance(), spread(ops.div(count, less)));
  }
  Value sum = ops.reduceSum(ops.mul(value, spread(there)), {0});
  Value number = ops.reduceSum(there, {0});
  auto shape = cast<RankedTensorType>(sum.getType()).getShape();
  return ops.div(sum, ops.broadcast(number, shape, {}));
}

Value FunctionImporter::emit(const Node &node) {
  mlir::Location location = locate(node.span, graph.chainOf(node.call));
  RankedTensorType type = typeOf(node.type);
  MLIRContext *context = builder.getContext();
  auto converted = [&](Value value) -> Value {
    if (value.getType() == type)
      return value;
    return graph::CastOp::create(builder, location, type, value);
  };
  if (node.op == "input")
    return inputs[node.word];
  if (node.op == "parameter")
    return parameters[node.word];
  if (auto leaf = leaves.find(node.op); leaf != leaves.end())
    return converted(leaf->second);
  if (node.op == "scan" || node.op == "custom_gradient") {
    several[&node] = node.body ? emitLoop(node).getOperation()
                               : emitCustomGradient(node).getOperation();
    return {};
  }
  if (node.op == "batch_norm") {
    SmallVector<Value> operands;
    for (const Node *operand : node.operands)
      operands.push_back(valueOf(operand, node.loop));
    auto norm = graph::BatchNormOp::create(
        builder, location, operands[0], operands[1], operands[2], operands[3],
        node.number, microbatches);
    norms[&node] = norm;
    return norm.getResult();
  }
  if (node.op == "batch_statistic")
    return emitStatistic(node, location);
  if (node.op == "result")
    return several[node.operands[0]]->getResult(node.integer);
  if (node.op == "constant")
    return graph::ConstantOp::create(builder, location,
                                     isFloat(node.type.dtype)
                                         ? graph::splatOf(type, node.number)
                                         : graph::splatOf(type, node.integer));
  if (node.op == "attention") {
    SmallVector<Value> operands;
    for (const Node *operand : node.operands)
      operands.push_back(valueOf(operand, node.loop));
    return graph::AttentionOp::create(
               builder, location, operands[0], operands[1], operands[2],
               operands.size() > 3 ? operands[3] : Value(), node.integer != 0,
               node.number)
        .getOutput();
  }
  OperationState state(location, (Twine("graph.") + StringRef(node.op)).str());
  for (const Node *operand : node.operands)
    state.addOperands(valueOf(operand, node.loop));
  state.addTypes(type);
  auto list = [&](StringRef name, size_t i) {
    SmallVector<int64_t> numbers;
    for (int64_t number : node.lists[i])
      numbers.push_back(number == kBatchExtent ? rows : number);
    state.addAttribute(name, builder.getDenseI64ArrayAttr(numbers));
  };
  auto kind = [&] {
    state.addAttribute("kind",
                       graph::ReductionKindAttr::get(
                           context, *graph::symbolizeReductionKind(node.word)));
  };
  if (node.op == "broadcast") {
    list("dims", 0);
  } else if (node.op == "reshape" && !node.lists[0].empty()) {
    list("keepFrom", 0);
    list("keepTo", 1);
  } else if (node.op == "transpose") {
    list("perm", 0);
  } else if (node.op == "compare") {
    state.addAttribute(
        "predicate",
        graph::ComparePredicateAttr::get(
            context, *graph::symbolizeComparePredicate(node.word)));
  } else if (node.op == "reduce") {
    kind();
    list("dims", 0);
  } else if (node.op == "arg_reduce") {
    kind();
    state.addAttribute("dim", builder.getI64IntegerAttr(node.lists[0][0]));
  } else if (node.op == "concat" || node.op == "iota" || node.op == "gather" ||
             node.op == "scatter_add") {
    state.addAttribute("dim", builder.getI64IntegerAttr(node.lists[0][0]));
  } else if (node.op == "dot") {
    list("lhsBatch", 0);
    list("rhsBatch", 1);
    list("lhsContract", 2);
    list("rhsContract", 3);
  } else if (node.op == "slice") {
    list("starts", 0);
    list("limits", 1);
    list("strides", 2);
  } else if (!node.window.empty()) {
    addWindow(builder, state, node);
  } else if (node.op == "random_uniform" || node.op == "dropout_mask") {
    auto indices = static_cast<int32_t>(node.lists[0][0]);
    auto others = static_cast<int32_t>(node.operands.size()) - 1 - indices;
    state.addAttribute("operandSegmentSizes",
                       builder.getDenseI32ArrayAttr({1, indices, others}));
    state.addAttribute("site", builder.getI64IntegerAttr(node.integer));
    if (others != 0)
      state.addAttribute("dim", builder.getI64IntegerAttr(node.lists[1][0]));
    if (node.op == "dropout_mask")
      state.addAttribute("rate", builder.getF64FloatAttr(node.number));
  }
  return builder.create(state)->getResult(0);
}

graph::CustomGradientOp FunctionImporter::emitCustomGradient(const Node &node) {
  mlir::Location location = locate(node.span, graph.chainOf(node.call));
  const GivenGradient &given = *node.given;
  SmallVector<Value> results, seen;
  for (auto [i, operand] : llvm::enumerate(node.operands))
    (i < given.results ? results : seen).push_back(valueOf(operand, node.loop));
  auto op = graph::CustomGradientOp::create(
      builder, location, ValueRange(results).getTypes(), results, seen);
  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&op.getGradient());
  for (Value value : llvm::concat<Value>(seen, results))
    body->addArgument(value.getType(), location);
  // The mask, the count, ... stand between the parameters and the cotangents.
  llvm::StringMap<Value> outer = leaves;
  for (size_t i = given.parameters; i < seen.size(); ++i)
    leaves[node.operands[given.results + i]->op] = body->getArgument(i);
  for (auto [i, argument] : llvm::enumerate(given.arguments))
    values[argument] = body->getArgument(
        i < given.parameters ? i : i - given.parameters + seen.size());
  for (const Node &inside : graph.nodes)
    if (!inside.loop && inside.gradient == &given && inside.op != "argument" &&
        needed.contains(&inside))
      values[&inside] = emit(inside);
  SmallVector<Value> cotangents;
  for (const Node *cotangent : given.cotangents)
    cotangents.push_back(values[cotangent]);
  graph::CotangentsOp::create(builder, location, cotangents);
  leaves = std::move(outer);
  return op;
}

graph::InitAttr initOf(MLIRContext *context, const ParameterInfo &parameter) {
  switch (parameter.init) {
  case InitKind::Zeros:
    return graph::InitAttr::get(context, graph::InitKind::zeros);
  case InitKind::Ones:
    return graph::InitAttr::get(context, graph::InitKind::ones);
  case InitKind::Constant:
    return graph::InitAttr::get(context, graph::InitKind::constant,
                                {parameter.a});
  case InitKind::Uniform:
    return graph::InitAttr::get(context, graph::InitKind::uniform,
                                {parameter.a, parameter.b});
  case InitKind::Normal:
    return graph::InitAttr::get(context, graph::InitKind::normal,
                                {parameter.a, parameter.b});
  case InitKind::TruncatedNormal:
    return graph::InitAttr::get(context, graph::InitKind::truncated_normal,
                                {parameter.a, parameter.b});
  case InitKind::Orthogonal:
    return graph::InitAttr::get(context, graph::InitKind::orthogonal,
                                {parameter.a, parameter.b});
  }
  return {};
}

} // namespace

mlir::Location locationOf(MLIRContext *context, const SourceManager &sources,
                          Span span, ArrayRef<LayerCall> calls) {
  if (!span.valid())
    return UnknownLoc::get(context);
  frontend::Location place = sources.locate(span);
  mlir::Location location = FileLineColLoc::get(
      context, llvm::sys::path::filename(StringRef(place.file)), place.line,
      place.column);
  if (calls.empty())
    return location;
  auto named = [&](StringRef name, mlir::Location inner) {
    return NameLoc::get(StringAttr::get(context, name), inner);
  };
  const LayerCall &call = calls.front();
  mlir::Location caller =
      locationOf(context, sources, call.span, calls.drop_front());
  return named(call.path,
               CallSiteLoc::get(named(call.layer, location), caller));
}

OwningOpRef<ModuleOp> importModel(MLIRContext &context,
                                  const CheckedModel &model,
                                  const SourceManager &sources,
                                  const std::string &sourceName) {
  context.loadDialect<graph::GraphDialect, func::FuncDialect>();
  mlir::Location location = locationOf(&context, sources, model.span);
  OwningOpRef<ModuleOp> module = ModuleOp::create(location, model.name);
  addConfiguration(*module, model, sourceName, sources);
  OpBuilder builder = OpBuilder::atBlockEnd(module->getBody());
  for (const ParameterInfo &parameter : model.parameters) {
    SmallVector<int64_t> shape;
    for (const Dim &dim : parameter.type.shape)
      shape.push_back(dim.size);
    auto type = RankedTensorType::get(
        shape, elementTypeOf(&context, parameter.type.dtype));
    auto op = graph::ParameterOp::create(
        builder, locationOf(&context, sources, parameter.span, parameter.calls),
        builder.getStringAttr(parameter.path), TypeAttr::get(type),
        initOf(&context, parameter),
        graph::ParameterRoleAttr::get(
            &context, parameter.trained ? graph::ParameterRole::trained
                                        : graph::ParameterRole::state));
    SmallVector<int64_t> first;
    for (const LoopAxis &axis : parameter.axes)
      first.push_back(axis.first);
    if (llvm::any_of(first, [](int64_t number) { return number != 0; }))
      op->setAttr(graph::kFirstAttr, builder.getDenseI64ArrayAttr(first));
  }
  auto roots = [&](const Graph &graph, bool outputs) {
    SmallVector<Root> list;
    if (outputs) {
      for (const NamedNode &output : graph.outputs)
        list.push_back({output.node, graph::kOutputAttr,
                        builder.getStringAttr(output.name)});
      return list;
    }
    if (graph.loss)
      list.push_back({graph.loss, graph::kLossAttr, builder.getUnitAttr()});
    for (const NamedNode &metric : graph.metrics)
      list.push_back({metric.node, graph::kMetricAttr,
                      builder.getStringAttr(metric.name)});
    if (&graph == &model.train)
      for (const NamedNode &update : graph.updates)
        list.push_back({update.node, graph::kUpdateAttr,
                        FlatSymbolRefAttr::get(&context, update.name)});
    return list;
  };
  const TrainInfo &training = model.training;
  auto import = [&](StringRef name, const Graph &graph, int64_t rows,
                    bool outputs) {
    SmallVector<Root> list = roots(graph, outputs);
    if (!list.empty())
      FunctionImporter(model, sources, builder, graph, rows,
                       &graph == &model.train ? training.microbatches : 1)
          .run(name, list);
  };
  if (!training.optimizer.kind.empty() && model.train.loss)
    import("train", model.train, training.microbatch * training.microbatches,
           false);
  import("eval", model.eval, training.batch, false);
  import("infer", model.infer, training.batch, true);
  return module;
}

} // namespace mlc::frontend
