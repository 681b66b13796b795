//===- ElaborateExprs.cpp - Values of expressions -------------------------===//

#include "frontend/Elaborator.h"

#include <cmath>

namespace mlc::frontend {

Value Value::tensor(Node *node) {
  Value value;
  value.kind = node ? Kind::Tensor : Kind::Poison;
  value.node = node;
  return value;
}
Value Value::of(int64_t integer) {
  Value value;
  value.kind = Kind::Int;
  value.integer = integer;
  return value;
}
Value Value::of(double number) {
  Value value;
  value.kind = Kind::Float;
  value.number = number;
  return value;
}
Value Value::of(bool truth) {
  Value value;
  value.kind = Kind::Bool;
  value.truth = truth;
  return value;
}
Value Value::of(const Dim &dim) {
  if (!dim.isBatch)
    return of(dim.size);
  Value value;
  value.kind = Kind::Batch;
  return value;
}

std::string Value::describe() const {
  switch (kind) {
  case Kind::Poison:
    return "nothing";
  case Kind::Tensor:
    return "a `" + spell(node->type) + "`";
  case Kind::Int:
    return "the integer " + std::to_string(integer);
  case Kind::Float: {
    char spelling[32];
    snprintf(spelling, sizeof spelling, "%g", number);
    return std::string("the number ") + spelling;
  }
  case Kind::Bool:
    return truth ? "`true`" : "`false`";
  case Kind::Batch:
    return "the batch `B`";
  case Kind::Text:
    return "a text";
  case Kind::None:
    return "`None`";
  case Kind::Range:
    return "a range";
  case Kind::List:
    return "a list of " + std::to_string(elements.size());
  case Kind::Tuple:
    return "a tuple of " + std::to_string(elements.size());
  }
  return "nothing";
}

void offer(DiagnosticBuilder &error, const std::string &name,
           const std::vector<std::string> &known) {
  if (std::optional<std::string> near = suggestName(name, known)) {
    error.suggest(near);
    return;
  }
  std::string list;
  for (const std::string &each : known)
    list += (list.empty() ? "`" : ", `") + each + "`";
  error.help("there " + std::string(known.size() == 1 ? "is " : "are ") + list);
}

void CheckContext::notYet(Span span, std::string what) {
  bool inLibrary = span.file != program.files[0].id && !unsupported.empty();
  if (inLibrary)
    return;
  bool first =
      unsupported.empty() || span.file < unsupportedSpan.file ||
      (span.file == unsupportedSpan.file && span.begin < unsupportedSpan.begin);
  if (!first)
    return;
  unsupportedSpan = span;
  unsupported = std::move(what);
}

void CheckContext::reportNotYet() {
  if (hasNotYet() && !failed())
    error(Code::NotSupportedYet, unsupportedSpan,
          unsupported + " is not supported yet")
        .note("everything else that could be checked is right");
}

Value Elaborator::eval(const ast::Expr &expr, Body &body) {
  if (context.failed())
    return {};
  build.span = expr.span;
  build.call = body.self ? body.self->call : 0;
  Value value = evalKind(expr, body);
  return value.is(Value::Kind::Tensor) &&
                 !fitsMemory(value.node->type, expr.span)
             ? Value()
             : value;
}

bool Elaborator::fitsMemory(const TensorType &type, Span span) {
  constexpr int64_t kMostElements = int64_t(1) << 40; // of one example
  Shape row;
  for (const Dim &dim : type.shape)
    if (!dim.isBatch)
      row.push_back(dim);
  if (elementCount(row, 0, row.size()).value_or(kMostElements + 1) <=
      kMostElements)
    return true;
  context
      .error(Code::BadDimension, span,
             "a tensor of shape `" + spell(type.shape) +
                 "` has more than 2^40 elements")
      .help("is a dimension misspelt?");
  return false;
}

Value Elaborator::evalKind(const ast::Expr &expr, Body &body) {
  switch (expr.kind) {
  case ast::ExprKind::Int:
    return Value::of(llvm::cast<ast::IntExpr>(&expr)->value);
  case ast::ExprKind::Float:
    return Value::of(llvm::cast<ast::FloatExpr>(&expr)->value);
  case ast::ExprKind::Bool:
    return Value::of(llvm::cast<ast::BoolExpr>(&expr)->value);
  case ast::ExprKind::String: {
    Value value;
    value.kind = Value::Kind::Text;
    value.text = llvm::cast<ast::StringExpr>(&expr)->value;
    return value;
  }
  case ast::ExprKind::None: {
    Value value;
    value.kind = Value::Kind::None;
    return value;
  }
  case ast::ExprKind::Name:
    return evalName(*llvm::cast<ast::NameExpr>(&expr), body);
  case ast::ExprKind::Unary:
    return evalUnary(*llvm::cast<ast::UnaryExpr>(&expr), body);
  case ast::ExprKind::Binary:
    return evalBinary(*llvm::cast<ast::BinaryExpr>(&expr), body);
  case ast::ExprKind::Call:
    return evalCall(*llvm::cast<ast::CallExpr>(&expr), body);
  case ast::ExprKind::Member:
    return evalMember(*llvm::cast<ast::MemberExpr>(&expr), body);
  case ast::ExprKind::Index:
    return evalIndex(*llvm::cast<ast::IndexExpr>(&expr), body);
  case ast::ExprKind::Scan:
    return evalScan(*llvm::cast<ast::ScanExpr>(&expr), body);
  case ast::ExprKind::Range: {
    const auto &range = *llvm::cast<ast::RangeExpr>(&expr);
    Value value;
    value.kind = Value::Kind::Range;
    value.elements = {eval(*range.first, body), eval(*range.last, body)};
    if (value.elements[0].isPoison() || value.elements[1].isPoison())
      return {};
    return value;
  }
  case ast::ExprKind::List:
  case ast::ExprKind::Tuple: {
    Value value;
    bool poison = false;
    auto add = [&](const ast::Expr &element) {
      value.elements.push_back(eval(element, body));
      poison |= value.elements.back().isPoison();
    };
    if (const auto *list = llvm::dyn_cast<ast::ListExpr>(&expr)) {
      value.kind = Value::Kind::List;
      for (const ast::ExprPtr &element : list->elements)
        add(*element);
    } else {
      value.kind = Value::Kind::Tuple;
      for (const ast::Argument &element :
           llvm::cast<ast::TupleExpr>(&expr)->elements)
        add(*element.value);
    }
    return poison && value.kind == Value::Kind::List ? Value() : value;
  }
  case ast::ExprKind::Ellipsis:
  case ast::ExprKind::Wildcard:
  case ast::ExprKind::Slice:
    context.error(Code::ExpectedTensor, expr.span, "this is not a value");
    return {};
  }
  return {};
}

Binding *Elaborator::lookup(Body &body, const std::string &name) {
  for (size_t i = body.scopes.size(); i-- > 0;) {
    auto found = body.scopes[i].find(name);
    if (found != body.scopes[i].end())
      return &found->second;
  }
  return nullptr;
}

std::vector<std::string> Elaborator::namesInScope(const Body &body) const {
  std::vector<std::string> names;
  for (const auto &scope : body.scopes)
    for (const auto &[name, binding] : scope)
      if (name != "...")
        names.push_back(name);
  return names;
}

Value Elaborator::evalName(const ast::NameExpr &expr, Body &body) {
  if (Binding *binding = lookup(body, expr.name))
    return binding->value;
  if (!body.layer && expr.name == "B")
    return Value::of(Dim::batch());
  if (expr.name == "training")
    return Value::of(mode == Mode::Train);
  auto error = context.error(Code::UnknownName, expr.span,
                             "no value named `" + expr.name + "` here");
  std::vector<std::string> names = namesInScope(body);
  names.push_back("training");
  error.suggest(suggestName(expr.name, names));
  if (body.self && body.self->children.count(expr.name))
    error.help("`" + expr.name + "` names an instance; its parameters are `" +
               expr.name + ".w` and so on");
  else if (findCallable(expr.name, body).layer ||
           findCallable(expr.name, body).builtin)
    error.help("`" + expr.name + "` is a function: call it, `" + expr.name +
               "(x)` or `x |> " + expr.name + "`");
  return {};
}

Value Elaborator::evalInModel(const ast::Expr &expr) {
  return eval(expr, *modelBody);
}

bool Elaborator::isOperand(const Value &value, Span span) {
  switch (value.kind) {
  case Value::Kind::Tensor:
  case Value::Kind::Int:
  case Value::Kind::Float:
  case Value::Kind::Bool:
    return true;
  case Value::Kind::Poison:
    return false;
  case Value::Kind::Batch:
    context
        .error(Code::BatchAsValue, span,
               "`B` stands in shapes only, and this is a value")
        .help("`mean` divides by the number of examples");
    return false;
  default:
    context.error(Code::ExpectedTensor, span,
                  "expected a tensor or a number, found " + value.describe());
    return false;
  }
}

Node *Elaborator::requireTensor(const Value &value, Span span,
                                const char *what) {
  if (!isOperand(value, span))
    return nullptr;
  if (value.is(Value::Kind::Tensor))
    return value.node;
  context.error(Code::ExpectedTensor, span,
                std::string(what) + " needs a tensor, found " +
                    value.describe());
  return nullptr;
}

Node *Elaborator::toTensor(const Value &value, DType dtype) {
  switch (value.kind) {
  case Value::Kind::Tensor:
    return build.cast(value.node, dtype);
  case Value::Kind::Bool:
    return build.constant(dtype, {}, int64_t{value.truth});
  case Value::Kind::Int:
    return build.constant(dtype, {}, value.integer);
  default:
    return build.constant(dtype, {}, value.number);
  }
}

bool Elaborator::fitsType(const Value &literal, DType dtype, Span span) {
  if (!isInteger(dtype) || !literal.isNumber())
    return true;
  auto [lowest, highest] = integerRange(dtype);
  double whole = std::trunc(literal.number);
  bool fits = literal.is(Value::Kind::Int)
                  ? literal.integer >= lowest && literal.integer <= highest
                  : whole >= static_cast<double>(lowest) &&
                        whole < static_cast<double>(highest) + 1;
  if (!fits)
    context
        .error(Code::LiteralOutOfRange, span,
               literal.describe() + " is outside the range of `" +
                   std::string(spell(dtype)) + "`")
        .help("`" + std::string(spell(dtype)) + "` holds " +
              std::to_string(lowest) + " to " + std::to_string(highest));
  return fits;
}

Value Elaborator::finish(Node *node, Span span) {
  if (!node || !node->afterBatch || node->type.batchDim() < 0)
    return Value::tensor(node);
  const Node *cause = node;
  while (!cause->reducesBatch)
    for (const Node *operand : cause->operands)
      if (operand->afterBatch) {
        cause = operand;
        break;
      }
  context
      .error(Code::BatchFeedback, span,
             "a value of every example meets a reduction over the whole batch")
      .note(cause->span, "the batch is reduced here")
      .help("what follows a reduction over the batch is evaluated once, after "
            "all examples");
  return {};
}

/// The child `name` with numbers `indices`; those of a `repeat` have a `*` in
/// their place, and are the same instance.
Elaborator::FoundInstance
Elaborator::findChild(FoundInstance in, std::string name,
                      const std::vector<Value> &indices, Span span) {
  std::string exact = name;
  for (const Value &index : indices)
    exact += "." + (index.is(Value::Kind::Int) ? std::to_string(index.integer)
                                               : std::string("*"));
  auto &children = in.instance->children;
  if (auto found = children.find(exact);
      found != children.end() && exact.find('*') == std::string::npos)
    return {found->second.get(), in.indices};
  for (size_t i = 0; i < indices.size(); ++i)
    name += ".*";
  size_t outer = in.instance->axes.size();
  auto found = children.find(name);
  if (!indices.empty() && found != children.end() &&
      found->second->axes.size() == outer + indices.size()) {
    FoundInstance result{found->second.get(), in.indices};
    for (size_t i = 0; i < indices.size(); ++i) {
      const Loop &loop = *result.instance->axes[outer + i];
      if (indices[i].node) { // of the iteration that runs
        if (indices[i].node == loop.index)
          continue;
        context
            .error(Code::UnknownInstance, span,
                   "the instance is of another `repeat` than this index")
            .note(result.instance->span, "it is made here");
        return {};
      }
      if (indices[i].integer < loop.first ||
          indices[i].integer >= loop.first + loop.count) {
        context
            .error(Code::UnknownInstance, span,
                   "`repeat` makes no instance number " +
                       std::to_string(indices[i].integer))
            .note(result.instance->span,
                  "it makes " + std::to_string(loop.first) + " up to " +
                      std::to_string(loop.first + loop.count - 1));
        return {};
      }
      result.indices.push_back(indices[i].integer - loop.first);
    }
    return result;
  }
  std::vector<std::string> names;
  for (const auto &[child, unused] : children)
    names.push_back(child);
  context
      .error(Code::UnknownInstance, span,
             "no instance named `" + exact + "`" +
                 (in.instance->path.empty()
                      ? ""
                      : " in `" + in.instance->path + "`"))
      .suggest(suggestName(exact, names));
  return {};
}

Elaborator::FoundInstance Elaborator::findInstance(const ast::Expr &expr,
                                                   Body &body) {
  if (!body.self)
    return {}; // a body that is only checked makes none
  if (const auto *name = llvm::dyn_cast<ast::NameExpr>(&expr))
    return findChild({body.self, {}}, name->name, {}, name->span);
  if (const auto *member = llvm::dyn_cast<ast::MemberExpr>(&expr)) {
    FoundInstance base = findInstance(*member->base, body);
    return base.instance
               ? findChild(base, member->member.text, {}, member->member.span)
               : base;
  }
  if (const auto *index = llvm::dyn_cast<ast::IndexExpr>(&expr)) {
    const ast::Expr *base = index->base.get();
    FoundInstance in{body.self, {}};
    std::string name;
    if (const auto *member = llvm::dyn_cast<ast::MemberExpr>(base)) {
      in = findInstance(*member->base, body);
      name = member->member.text;
    } else if (const auto *plain = llvm::dyn_cast<ast::NameExpr>(base)) {
      name = plain->name;
    }
    if (!in.instance || name.empty())
      return {};
    std::vector<Value> indices;
    for (const ast::ExprPtr &item : index->items) {
      indices.push_back(eval(*item, body));
      const Value &last = indices.back();
      if (last.isPoison())
        return {};
      bool isIteration = llvm::any_of(body.loops, [&](const BodyLoop &each) {
        return each.index && each.index == last.node;
      });
      if (!last.is(Value::Kind::Int) && !isIteration) {
        context.error(Code::ExpectedConstant, item->span,
                      "the index of an instance is an integer, found " +
                          last.describe());
        return {};
      }
    }
    return findChild(in, name, indices, expr.span);
  }
  context.error(Code::UnknownInstance, expr.span, "this names no instance");
  return {};
}

Value Elaborator::evalMember(const ast::MemberExpr &expr, Body &body) {
  if (body.dry || context.hasNotYet())
    if (!llvm::isa<ast::NameExpr>(expr.base.get()) || body.dry)
      return {};
  FoundInstance place = findInstance(*expr.base, body);
  Instance *instance = place.instance;
  if (!instance)
    return {};
  auto found = instance->parameters.find(expr.member.text);
  if (found != instance->parameters.end()) {
    const InstanceParameter &parameter = found->second;
    if (place.indices.size() == instance->axes.size())
      return Value::tensor(
          place.indices.empty()
              ? parameter.node
              : ofIterations(parameter.whole, place.indices, expr.span));
    auto isAround = [&](const Loop *axis) {
      const Loop *at = build.loop;
      while (at && at != axis)
        at = at->parent;
      return at != nullptr;
    };
    if (place.indices.empty() && llvm::all_of(instance->axes, isAround))
      return Value::tensor(parameter.node);
    context
        .error(Code::UnknownInstance, expr.span,
               "`" + instance->path +
                   "` is made in every iteration of a "
                   "`repeat`")
        .note(instance->span, "it is made here")
        .help("say of which one: `h[0].w`");
    return {};
  }
  if (context.hasNotYet())
    return {};
  std::vector<std::string> names;
  for (const auto &[name, node] : instance->parameters)
    names.push_back(name);
  context
      .error(Code::UnknownInstance, expr.member.span,
             "`" + instance->path + "`, a `" + instance->layer +
                 "`, has no parameter named `" + expr.member.text + "`")
      .note(instance->span, "the instance is made here")
      .suggest(suggestName(expr.member.text, names));
  return {};
}

} // namespace mlc::frontend
