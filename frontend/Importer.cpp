//===- Importer.cpp - Checked model -> graph IR ---------------------------===//
//
// One function per mode. Only what its results need is emitted, in the order of
// the source. Locations: file (base name), line and column, under the name of
// the instance that the op belongs to.
//
//===----------------------------------------------------------------------===//
#include "frontend/Importer.h"

#include "frontend/ImporterConfig.h"
#include "frontend/Source.h"
#include "ir/graph/GraphOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace mlc::frontend {

Type elementTypeOf(MLIRContext &context, DType dtype) {
  Builder builder(&context);
  switch (dtype) {
  case DType::F16:
    return builder.getF16Type();
  case DType::BF16:
    return builder.getBF16Type();
  case DType::F32:
    return builder.getF32Type();
  case DType::F64:
    return builder.getF64Type();
  case DType::I32:
    return builder.getI32Type();
  case DType::I64:
    return builder.getI64Type();
  case DType::U8:
    return builder.getIntegerType(8, /*isSigned=*/false);
  case DType::Bool:
    return builder.getI1Type();
  }
  llvm_unreachable("every element type is above");
}

namespace {

/// What a function gives back, and under which attribute.
struct Result {
  const Node *node;
  StringRef attribute;
  Attribute value;
};

class FunctionImporter {
public:
  FunctionImporter(const CheckedModel &model, const SourceManager &sources,
                   const Graph &graph, int64_t rows, OpBuilder &builder)
      : model(model), sources(sources), graph(graph), rows(rows),
        builder(builder) {}

  void run(StringRef name, ArrayRef<Result> results) {
    for (const Result &result : results)
      mark(result.node);
    auto function = func::FuncOp::create(builder, placeOf(model.span), name,
                                         builder.getFunctionType({}, {}));
    Block *body = function.addEntryBlock();
    OpBuilder::InsertionGuard guard(builder);
    addArguments(function, body);
    builder.setInsertionPointToStart(body);
    for (const Node &node : graph.nodes)
      if (needed.contains(&node))
        values[&node] = emit(node);
    finish(function, results);
  }

private:
  /// Marks what `root` depends on. A worklist: graphs are deep.
  void mark(const Node *root) {
    SmallVector<const Node *> work{root};
    while (!work.empty()) {
      const Node *node = work.pop_back_val();
      if (needed.insert(node).second)
        work.append(node->operands.begin(), node->operands.end());
    }
  }

  mlir::Location placeOf(Span span, uint32_t path = 0) {
    MLIRContext *context = builder.getContext();
    if (!span.valid())
      return builder.getUnknownLoc();
    frontend::Location place = sources.locate(span);
    StringRef file = llvm::sys::path::filename(StringRef(place.file));
    mlir::Location loc =
        FileLineColLoc::get(context, file, place.line, place.column);
    return path ? NameLoc::get(builder.getStringAttr(graph.paths[path]), loc)
                : loc;
  }

  RankedTensorType typeOf(const TensorType &type) {
    SmallVector<int64_t> shape;
    for (const Dim &dim : type.shape)
      shape.push_back(dim.isBatch ? rows : dim.size);
    return RankedTensorType::get(
        shape, elementTypeOf(*builder.getContext(), type.dtype));
  }

  bool uses(StringRef op, StringRef word = "") const {
    return llvm::any_of(graph.nodes, [&](const Node &node) {
      return StringRef(node.op) == op && (word.empty() || node.word == word) &&
             needed.contains(&node);
    });
  }

  void addArgument(func::FuncOp function, StringRef key, StringRef attribute,
                   Attribute value, RankedTensorType type, mlir::Location loc) {
    unsigned index = function.getNumArguments();
    (void)function.insertArgument(
        index, type,
        builder.getDictionaryAttr(builder.getNamedAttr(attribute, value)), loc);
    arguments[key] = function.getArgument(index);
  }

  void addArguments(func::FuncOp function, Block *) {
    MLIRContext *context = builder.getContext();
    for (const ParameterInfo &parameter : model.parameters)
      if (uses("parameter", parameter.path))
        addArgument(function, "parameter " + parameter.path, graph::kParamAttr,
                    FlatSymbolRefAttr::get(context, parameter.path),
                    typeOf(parameter.type), placeOf(parameter.span));
    for (const InputInfo &input : model.inputs)
      if (uses("input", input.name))
        addArgument(function, "input " + input.name, graph::kInputAttr,
                    builder.getStringAttr(input.name), typeOf(input.type),
                    placeOf(input.span));
    if (uses("mask"))
      addArgument(function, "mask", graph::kMaskAttr, builder.getUnitAttr(),
                  typeOf({model.compute, {Dim::batch()}}), placeOf(model.span));
    if (uses("count"))
      addArgument(function, "count", graph::kCountAttr, builder.getUnitAttr(),
                  typeOf({DType::I64, {}}), placeOf(model.span));
  }

  Value argument(const std::string &key) {
    Value value = arguments.lookup(key);
    assert(value && "the checker declared every leaf");
    return value;
  }

  Value emit(const Node &node) {
    auto loc = placeOf(node.span, node.path);
    RankedTensorType type = typeOf(node.type);
    StringRef op = node.op;
    if (op == "parameter" || op == "input")
      return argument((op + " " + node.word).str());
    if (op == "mask" || op == "count") {
      Value value = argument(op.str());
      return value.getType() == type
                 ? value
                 : graph::CastOp::create(builder, loc, type, value).getResult();
    }
    if (op == "constant")
      return graph::ConstantOp::create(builder, loc, type, node.number);
    OperationState state(loc, ("graph." + op).str());
    state.addTypes(type);
    for (const Node *operand : node.operands)
      state.addOperands(values.lookup(operand));
    addAttributes(node, state);
    return builder.create(state)->getResult(0);
  }

  void addList(OperationState &state, StringRef name,
               const std::vector<int64_t> &list) {
    SmallVector<int64_t> numbers;
    for (int64_t number : list)
      numbers.push_back(number == kBatchExtent ? rows : number);
    state.addAttribute(name, builder.getDenseI64ArrayAttr(numbers));
  }

  void addAttributes(const Node &node, OperationState &state) {
    MLIRContext *context = builder.getContext();
    StringRef op = node.op;
    const auto &lists = node.lists;
    if (op == "reduce" || op == "arg_reduce")
      state.addAttribute(
          "kind", graph::ReductionKindAttr::get(
                      context, *graph::symbolizeReductionKind(node.word)));
    if (op == "compare")
      state.addAttribute(
          "predicate",
          graph::ComparePredicateAttr::get(
              context, *graph::symbolizeComparePredicate(node.word)));
    if (op == "broadcast" || op == "reduce")
      addList(state, "dims", lists[0]);
    if (op == "transpose")
      addList(state, "perm", lists[0]);
    if (op == "arg_reduce" || op == "concat" || op == "iota")
      state.addAttribute("dim", builder.getI64IntegerAttr(lists[0][0]));
    if (op == "dot") {
      addList(state, "lhsBatch", lists[0]);
      addList(state, "rhsBatch", lists[1]);
      addList(state, "lhsContract", lists[2]);
      addList(state, "rhsContract", lists[3]);
    }
    if (op == "slice") {
      addList(state, "starts", lists[0]);
      addList(state, "limits", lists[1]);
      addList(state, "strides", lists[2]);
    }
  }

  void finish(func::FuncOp function, ArrayRef<Result> results) {
    SmallVector<Value> returned;
    SmallVector<DictionaryAttr> attributes;
    for (const Result &result : results) {
      returned.push_back(values.lookup(result.node));
      attributes.push_back(builder.getDictionaryAttr(
          builder.getNamedAttr(result.attribute, result.value)));
    }
    func::ReturnOp::create(builder, placeOf(model.span), returned);
    function.setFunctionType(builder.getFunctionType(
        function.getArgumentTypes(), ValueRange(returned).getTypes()));
    for (auto [index, attribute] : llvm::enumerate(attributes))
      function.setResultAttrs(index, attribute);
  }

  const CheckedModel &model;
  const SourceManager &sources;
  const Graph &graph;
  int64_t rows;
  OpBuilder &builder;
  llvm::DenseSet<const Node *> needed;
  llvm::DenseMap<const Node *, Value> values;
  llvm::StringMap<Value> arguments;
};

void declareParameters(const CheckedModel &model, const SourceManager &sources,
                       OpBuilder &builder) {
  MLIRContext *context = builder.getContext();
  for (const ParameterInfo &parameter : model.parameters) {
    SmallVector<int64_t> shape;
    for (const Dim &dim : parameter.type.shape)
      shape.push_back(dim.size);
    auto type = RankedTensorType::get(
        shape, elementTypeOf(*context, parameter.type.dtype));
    SmallVector<double> numbers;
    if (parameter.init == InitKind::Constant)
      numbers = {parameter.a};
    else if (parameter.init != InitKind::Zeros &&
             parameter.init != InitKind::Ones)
      numbers = {parameter.a, parameter.b};
    mlir::Location loc = builder.getUnknownLoc();
    if (parameter.span.valid()) {
      Location place = sources.locate(parameter.span);
      loc = FileLineColLoc::get(
          context, llvm::sys::path::filename(StringRef(place.file)), place.line,
          place.column);
    }
    OperationState state(loc, graph::ParameterOp::getOperationName());
    state.addAttribute("sym_name", builder.getStringAttr(parameter.path));
    state.addAttribute("type", TypeAttr::get(type));
    state.addAttribute("init", graph::InitAttr::get(
                                   context,
                                   static_cast<graph::InitKind>(parameter.init),
                                   DenseF64ArrayAttr::get(context, numbers)));
    state.addAttribute("role", graph::ParameterRoleAttr::get(
                                   context, parameter.trained
                                                ? graph::ParameterRole::trained
                                                : graph::ParameterRole::state));
    builder.create(state);
  }
}

/// The loss and the metrics of a graph.
SmallVector<Result> lossAndMetrics(const Graph &graph, Builder &builder) {
  SmallVector<Result> results;
  if (graph.loss)
    results.push_back({graph.loss, graph::kLossAttr, builder.getUnitAttr()});
  for (const NamedNode &metric : graph.metrics)
    results.push_back(
        {metric.node, graph::kMetricAttr, builder.getStringAttr(metric.name)});
  return results;
}

} // namespace

OwningOpRef<ModuleOp> importModel(MLIRContext &context,
                                  const CheckedModel &model,
                                  const SourceManager &sources) {
  context.loadDialect<graph::GraphDialect, func::FuncDialect>();
  OpBuilder builder(&context);
  OwningOpRef<ModuleOp> module =
      ModuleOp::create(builder, builder.getUnknownLoc(), model.name);
  setConfiguration(*module, model, sources);
  builder.setInsertionPointToEnd(module->getBody());
  declareParameters(model, sources, builder);

  const TrainInfo &training = model.training;
  SmallVector<Result> train = lossAndMetrics(model.train, builder);
  if (model.train.loss)
    FunctionImporter(model, sources, model.train,
                     training.microbatch * training.microbatches, builder)
        .run("train", train);
  SmallVector<Result> eval = lossAndMetrics(model.eval, builder);
  if (!eval.empty())
    FunctionImporter(model, sources, model.eval, training.batch, builder)
        .run("eval", eval);
  SmallVector<Result> infer;
  for (const NamedNode &output : model.infer.outputs)
    infer.push_back(
        {output.node, graph::kOutputAttr, builder.getStringAttr(output.name)});
  if (!infer.empty())
    FunctionImporter(model, sources, model.infer, training.batch, builder)
        .run("infer", infer);
  return module;
}

} // namespace mlc::frontend
