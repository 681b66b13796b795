//===- ElaborateStatements.cpp - Statements of models and layers ----------===//

#include "frontend/Elaborator.h"

#include <algorithm>

namespace mlc::frontend {

bool Elaborator::bind(Body &body, const ast::Name &name, Value value,
                      bool carried) {
  if (Binding *other = lookup(body, name.text)) {
    if (!name.text.empty() && body.layer && body.scopes.size() == 1 &&
        other->value.isPoison() && body.dry)
      return true;
    context
        .error(Code::DuplicateName, name.span,
               "`" + name.text + "` is defined already")
        .note(other->span, "the first definition is here")
        .help("give this one another name");
    return false;
  }
  body.scopes.back()[name.text] = {std::move(value), name.span, carried};
  return true;
}

void Elaborator::runBlock(const ast::Block &block, Body &body) {
  for (const ast::StmtPtr &statement : block.statements) {
    if (context.failed() || (body.returned && !body.dry))
      return;
    runStatement(*statement, body);
  }
}

void Elaborator::runStatement(const ast::Stmt &stmt, Body &body) {
  auto misplaced = [&](const char *what, const char *where) {
    context.error(Code::MisplacedStatement, stmt.span,
                  std::string("`") + what + "` stands in a " + where + " only");
  };
  using Kind = ast::StmtKind;
  bool inModel = !body.layer;
  if (!body.loops.empty())
    switch (stmt.kind) {
    case Kind::Input:
    case Kind::Output:
    case Kind::Loss:
    case Kind::Metric:
    case Kind::Param:
    case Kind::State:
    case Kind::Update:
    case Kind::OverDataset:
    case Kind::Return:
      context
          .error(Code::MisplacedStatement, stmt.span,
                 "only `let`, assignments, `if` and loops stand in a loop")
          .help(stmt.kind == Kind::Param
                    ? "a layer that the loop calls may have parameters"
                    : "it belongs after the loop");
      return;
    default:
      break;
    }
  switch (stmt.kind) {
  case Kind::Input:
    return inModel ? runInput(*llvm::cast<ast::InputStmt>(&stmt), body)
                   : misplaced("input", "model");
  case Kind::Output:
    return inModel ? runOutput(*llvm::cast<ast::OutputStmt>(&stmt), body)
                   : misplaced("output", "model");
  case Kind::Loss:
    return inModel ? runLoss(*llvm::cast<ast::LossStmt>(&stmt), body)
                   : misplaced("loss", "model");
  case Kind::Metric:
    return inModel ? runMetric(*llvm::cast<ast::MetricStmt>(&stmt), body)
                   : misplaced("metric", "model");
  case Kind::Let:
    return runLet(*llvm::cast<ast::LetStmt>(&stmt), body);
  case Kind::Assign:
    return runAssign(*llvm::cast<ast::AssignStmt>(&stmt), body);
  case Kind::Param: {
    const auto &param = *llvm::cast<ast::ParamStmt>(&stmt);
    return declareParameter(
        {param.name, param.type, param.init.get(), /*trained=*/true}, body);
  }
  case Kind::State: {
    const auto &state = *llvm::cast<ast::StateStmt>(&stmt);
    return declareParameter(
        {state.name, state.type, state.init.get(), /*trained=*/false}, body);
  }
  case Kind::Update:
    return runUpdate(*llvm::cast<ast::UpdateStmt>(&stmt), body);
  case Kind::OverDataset:
    context.notYet(stmt.span, "`over dataset`");
    body.scopes.emplace_back();
    runBlock(llvm::cast<ast::OverDatasetStmt>(&stmt)->body, body);
    body.scopes.pop_back();
    return;
  case Kind::Repeat:
    return runRepeat(*llvm::cast<ast::RepeatStmt>(&stmt), body);
  case Kind::If:
    return runIf(*llvm::cast<ast::IfStmt>(&stmt), body);
  case Kind::Return:
    if (inModel)
      return misplaced("return", "layer");
    body.result = eval(*llvm::cast<ast::ReturnStmt>(&stmt)->value, body);
    body.resultExpr = llvm::cast<ast::ReturnStmt>(&stmt)->value.get();
    body.resultSpan = body.resultExpr->span;
    body.returned = true;
    return;
  case Kind::Yield:
    return runYield(*llvm::cast<ast::YieldStmt>(&stmt), body);
  }
}

void Elaborator::runLet(const ast::LetStmt &stmt, Body &body) {
  Value value = eval(*stmt.value, body);
  if (context.failed())
    return;
  if (!stmt.tuple) {
    if (value.is(Value::Kind::Batch))
      isOperand(value, stmt.value->span);
    else
      bind(body, stmt.names[0], value, true);
    return;
  }
  if (!value.isPoison() && (!value.is(Value::Kind::Tuple) ||
                            value.elements.size() != stmt.names.size())) {
    context.error(Code::TupleCount, stmt.value->span,
                  std::to_string(stmt.names.size()) +
                      " names take as many values, found " + value.describe());
    return;
  }
  for (size_t i = 0; i < stmt.names.size(); ++i)
    if (!bind(body, stmt.names[i],
              value.isPoison() ? Value() : value.elements[i], true))
      return;
}

void Elaborator::runAssign(const ast::AssignStmt &stmt, Body &body) {
  Value value = eval(*stmt.value, body);
  if (context.failed())
    return;
  if (stmt.tuple && !value.isPoison() &&
      (!value.is(Value::Kind::Tuple) ||
       value.elements.size() != stmt.names.size())) {
    context.error(Code::TupleCount, stmt.value->span,
                  std::to_string(stmt.names.size()) +
                      " names take as many values, found " + value.describe());
    return;
  }
  for (size_t i = 0; i < stmt.names.size(); ++i) {
    const ast::Name &name = stmt.names[i];
    Value own = stmt.tuple && !value.isPoison() ? value.elements[i] : value;
    Binding *binding = lookup(body, name.text);
    if (!binding) {
      context
          .error(Code::UnknownName, name.span,
                 "no value named `" + name.text + "` to assign to")
          .suggest(suggestName(name.text, namesInScope(body)))
          .help("`let " + name.text + " = ...` makes a new one");
      return;
    }
    bool isOuter = false;
    for (size_t scope = 0;
         !body.loops.empty() && scope < body.loops.back().scope; ++scope)
      isOuter |= body.scopes[scope].count(name.text) != 0;
    if (!isOuter || !binding->carried) {
      context
          .error(Code::BadAssignment, name.span,
                 "only `repeat` and `scan` give an outer value a new one")
          .note(binding->span, "`" + name.text + "` is defined here")
          .help("use `let` with another name");
      return;
    }
    if (own.isPoison() || binding->value.isPoison()) {
      binding->value = {};
      continue;
    }
    if (own.isNumber() && binding->value.is(Value::Kind::Tensor) &&
        binding->value.node->type.rank() == 0) {
      if (!fitsType(own, binding->value.node->type.dtype, stmt.value->span))
        return;
      own = Value::tensor(toTensor(own, binding->value.node->type.dtype));
    }
    if (!own.is(Value::Kind::Tensor) ||
        own.node->type != binding->value.node->type) {
      context
          .error(Code::ResultMismatch, stmt.value->span,
                 "`" + name.text + "` is a `" +
                     spell(binding->value.node->type) + "` and becomes " +
                     own.describe())
          .note(binding->span, "it is defined here");
      return;
    }
    binding->value = own;
  }
}

void Elaborator::runIf(const ast::IfStmt &stmt, Body &body) {
  Value condition = eval(*stmt.condition, body);
  if (context.failed())
    return;
  auto run = [&](const ast::Block &block) {
    body.scopes.emplace_back();
    runBlock(block, body);
    body.scopes.pop_back();
  };
  if (condition.isPoison()) {
    run(stmt.then);
    if (stmt.otherwise)
      run(*stmt.otherwise);
    return;
  }
  if (!condition.is(Value::Kind::Bool)) {
    context
        .error(Code::ConditionNotConstant, stmt.condition->span,
               "`if` is decided at compile time, and this is " +
                   condition.describe())
        .help("`where(c, a, b)` chooses per element");
    return;
  }
  if (condition.truth)
    run(stmt.then);
  else if (stmt.otherwise)
    run(*stmt.otherwise);
}

void Elaborator::runInput(const ast::InputStmt &stmt, Body &body) {
  for (const ast::ExprPtr &dim : stmt.type.dims)
    if (llvm::isa<ast::EllipsisExpr>(dim.get())) {
      context.error(Code::UnboundDimension, dim->span,
                    "an input has all its dimensions");
      return;
    }
  std::optional<TensorType> type = evalType(stmt.type, body);
  if (!type) {
    if (!context.failed())
      bind(body, stmt.name, {});
    return;
  }
  if (type->shape.empty() || !type->shape[0].isBatch) {
    context
        .error(Code::InputWithoutBatch, stmt.type.span,
               "the first dimension of an input is the batch `B`, and this is "
               "a `" +
                   spell(*type) + "`")
        .help("write `" + std::string(spell(type->dtype)) + "[B, ...]`");
    return;
  }
  if (type->dtype == DType::F16 || type->dtype == DType::BF16 ||
      type->dtype == DType::Bool)
    context.notYet(stmt.type.span, "an input of type `" +
                                       std::string(spell(type->dtype)) + "`");
  Node *node = build.leaf("input", stmt.name.text, *type);
  node->span = stmt.name.span;
  if (!bind(body, stmt.name, Value::tensor(node)))
    return;
  for (const InputInfo &input : context.model.inputs)
    if (input.name == stmt.name.text)
      return; // of another mode
  context.model.inputs.push_back({stmt.name.text, *type, 0, stmt.name.span});
}

void Elaborator::runOutput(const ast::OutputStmt &stmt, Body &body) {
  Value value;
  Span span = stmt.name.span;
  if (stmt.value) {
    value = eval(*stmt.value, body);
    span = stmt.value->span;
  } else {
    ast::NameExpr name;
    name.name = stmt.name.text;
    name.span = span;
    value = evalName(name, body);
  }
  if (context.failed())
    return;
  for (const NamedNode &other : graph.outputs)
    if (other.name == stmt.name.text) {
      context
          .error(Code::DuplicateName, stmt.name.span,
                 "two outputs are named `" + other.name + "`")
          .note(other.span, "the first is here");
      return;
    }
  if (value.isPoison())
    return;
  Node *node = requireTensor(value, span, "an output");
  if (!node)
    return;
  if (node->type.batchDim() != 0) {
    context
        .error(Code::OutputWithoutBatch, span,
               "the first dimension of an output is the batch `B`, and this "
               "is a `" +
                   spell(node->type) + "`")
        .help(node->type.batchDim() > 0
                  ? "move it to the front with `transpose`"
                  : "a number about the whole batch is a `metric`");
    return;
  }
  if (isNarrow(context.compute) && node->type.dtype == context.compute)
    node = build.cast(node, DType::F32); // NumPy's files have no bf16
  graph.outputs.push_back({stmt.name.text, node, stmt.name.span});
}

void Elaborator::runLoss(const ast::LossStmt &stmt, Body &body) {
  Value value = eval(*stmt.value, body);
  if (context.failed())
    return;
  if (graph.lossSpan.valid()) {
    context.error(Code::SecondLoss, stmt.span, "a model has one loss")
        .note(graph.lossSpan, "the first is here")
        .help("add them up: `loss a + b`");
    return;
  }
  graph.lossSpan = stmt.span;
  if (value.isPoison())
    return;
  Node *node = requireTensor(value, stmt.value->span, "a loss");
  if (!node)
    return;
  if (!isFloat(node->type.dtype) || node->type.rank() != 0) {
    context
        .error(Code::LossNotScalar, stmt.value->span,
               "a loss is a scalar float, and this is a `" + spell(node->type) +
                   "`")
        .help(isFloat(node->type.dtype)
                  ? "take the mean over the batch: `mean(...)`"
                  : "convert it first: `float(...)`");
    return;
  }
  // mlrun adds losses up; half of the digits are too few for that.
  if (isNarrow(context.compute))
    node = build.widen(node, context.compute);
  node = build.cast(node, wideType(node->type.dtype));
  graph.loss = node;
  checkLoss();
}

void Elaborator::runMetric(const ast::MetricStmt &stmt, Body &body) {
  Value value = eval(*stmt.value, body);
  if (context.failed())
    return;
  // docs/schema/log.schema.json
  for (const char *field : {"schema_version", "step", "epoch", "split", "loss",
                            "examples_per_second"})
    if (stmt.name.text == field) {
      context
          .error(Code::DuplicateName, stmt.name.span,
                 "every line of the log has a field `" + stmt.name.text +
                     "` already")
          .help("give the metric another name: `mean_" + stmt.name.text + "`");
      return;
    }
  for (const NamedNode &other : graph.metrics)
    if (other.name == stmt.name.text) {
      context
          .error(Code::DuplicateName, stmt.name.span,
                 "two metrics are named `" + other.name + "`")
          .note(other.span, "the first is here");
      return;
    }
  if (value.isPoison())
    return;
  Node *node = requireTensor(value, stmt.value->span, "a metric");
  if (!node)
    return;
  if (node->type.batchDim() >= 0) {
    context
        .error(Code::MetricNotScalar, stmt.value->span,
               "a metric is one number for the batch, and this is a `" +
                   spell(node->type) + "`")
        .help("take the mean over the batch: `mean(...)`");
    return;
  }
  constexpr int64_t kLargestTable = int64_t{1} << 20; // every line has it
  int64_t elements = 1;
  for (const Dim &dim : node->type.shape)
    elements = std::min(elements, kLargestTable + 1) * dim.size;
  if (elements > kLargestTable) {
    context
        .error(Code::MetricNotScalar, stmt.value->span,
               "a metric is a number or a table of at most " +
                   std::to_string(kLargestTable) + " numbers, and this is a `" +
                   spell(node->type) + "`")
        .help("an `output` may be as large as it likes");
    return;
  }
  if (isNarrow(context.compute))
    node = build.widen(node, context.compute);
  if (!isFloat(node->type.dtype)) // counts stay exact
    node = build.cast(node, DType::F64);
  graph.metrics.push_back({stmt.name.text, node, stmt.name.span});
}

} // namespace mlc::frontend
