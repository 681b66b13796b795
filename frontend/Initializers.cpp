//===- Initializers.cpp - First values of parameters ----------------------===//
//
// Schemes that scale with a fan are resolved to numbers here. Fans, of PyTorch:
// [in, out] for a matrix; in/groups * kh * kw and out * kh * kw for a kernel
// [out, in/groups, kh, kw]. Glorot and Bengio, AISTATS 2010; He et al., ICCV
// 2015; LeCun et al., 1998.
// `orthogonal` takes a kernel [out, ...] as a matrix of `out` rows.
//
//===----------------------------------------------------------------------===//

#include "frontend/Elaborator.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mlc::frontend {

std::vector<std::string> initializerNames() {
  return {"zeros",          "ones",          "constant",
          "uniform",        "normal",        "truncated_normal",
          "glorot_uniform", "glorot_normal", "he_uniform",
          "he_normal",      "lecun_uniform", "lecun_normal",
          "orthogonal",     "sample"};
}

bool Elaborator::initialize(const Declaration &stmt, Body &body,
                            ParameterInfo &info) {
  if (!stmt.init) {
    context
        .error(Code::MissingInitializer, stmt.name.span,
               std::string(stmt.trained ? "parameter" : "state") + " `" +
                   stmt.name.text + "` has no initializer")
        .help("add one: `= zeros`, `= normal(std = 0.02)`, `= glorot_uniform`");
    return false;
  }
  const auto *call = llvm::dyn_cast<ast::CallExpr>(stmt.init);
  const auto *plain = llvm::dyn_cast<ast::NameExpr>(stmt.init);
  std::string name = call ? call->callee.text : plain ? plain->name : "";
  Span span = call ? call->callee.span : stmt.init->span;
  std::vector<std::string> names;
  if (name == "constant")
    names = {"value"};
  else if (name == "uniform")
    names = {"low", "high"};
  else if (name == "normal" || name == "truncated_normal")
    names = {"mean", "std"};
  else if (name == "orthogonal")
    names = {"gain"};
  std::vector<std::string> known = initializerNames();
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    auto error =
        context.error(Code::UnknownInitializer, span,
                      name.empty() ? "an initializer has a name"
                                   : "no initializer named `" + name + "`");
    offer(error, name, known);
    return false;
  }
  if (name == "sample") {
    context.notYet(span, "the initializer `" + name + "`");
    return true;
  }
  std::vector<double> numbers;
  if (name == "uniform")
    numbers = {0, 1};
  else if (name == "constant")
    numbers = {0};
  else if (name == "orthogonal")
    numbers = {1};
  else if (!names.empty())
    numbers = {0, 1};
  if (call) {
    CallSite site{*call, body, {}, {}};
    if (!matchArguments(*call, body, names, std::vector<bool>(names.size()),
                        false, site, Span()))
      return false;
    for (size_t i = 0; i < names.size(); ++i) {
      if (!site.args[i].given)
        continue;
      const Value &value = site.args[i].value;
      if (value.isPoison())
        return true;
      if (!value.isNumber()) {
        context.error(Code::ExpectedConstant, site.args[i].span,
                      "`" + names[i] +
                          "` is a number known at compile time, "
                          "found " +
                          value.describe());
        return false;
      }
      numbers[i] = value.asDouble();
    }
  }
  auto bad = [&](std::string why) {
    context.error(Code::BadInitializer, stmt.init->span, std::move(why));
    return false;
  };
  if (name == "zeros" || name == "ones") {
    info.init = name == "zeros" ? InitKind::Zeros : InitKind::Ones;
    return true;
  }
  const Shape &shape = info.type.shape;
  auto needsMatrix = [&] {
    return bad("`" + name + "` needs at least two dimensions, and this is a `" +
               spell(info.type) + "`");
  };
  if (name == "orthogonal") {
    if (shape.size() < 2)
      return needsMatrix();
    info.init = InitKind::Orthogonal;
    info.a = numbers[0];
    info.b =
        static_cast<double>(elementCount(shape, 1, shape.size()).value_or(1));
    return true;
  }
  if (!names.empty()) {
    info.init = name == "constant"  ? InitKind::Constant
                : name == "uniform" ? InitKind::Uniform
                : name == "normal"  ? InitKind::Normal
                                    : InitKind::TruncatedNormal;
    info.a = numbers[0];
    info.b = numbers.size() > 1 ? numbers[1] : 0;
    if (name == "uniform" && !(info.a < info.b))
      return bad("`uniform` needs `low` below `high`");
    if ((name == "normal" || name == "truncated_normal") && info.b < 0)
      return bad("a standard deviation is at least 0");
    return true;
  }
  if (shape.size() < 2)
    return needsMatrix();
  double in, out;
  if (shape.size() == 2) {
    in = static_cast<double>(shape[0].size);
    out = static_cast<double>(shape[1].size);
  } else {
    double kernel =
        static_cast<double>(elementCount(shape, 2, shape.size()).value_or(1));
    in = static_cast<double>(shape[1].size) * kernel;
    out = static_cast<double>(shape[0].size) * kernel;
  }
  bool glorot = name.starts_with("glorot");
  double variance = glorot                   ? 2 / (in + out)
                    : name.starts_with("he") ? 2 / in
                                             : 1 / in;
  if (name.ends_with("uniform")) {
    info.init = InitKind::Uniform;
    info.b = std::sqrt(3 * variance);
    info.a = -info.b;
  } else if (name == "lecun_normal") {
    // PyTorch has none, and Keras cuts it two deviations from 0, which leaves
    // 0.88 of the deviation; that is made up for.
    info.init = InitKind::TruncatedNormal;
    info.b = std::sqrt(variance) / 0.87962566103423978;
  } else {
    info.init = InitKind::Normal;
    info.b = std::sqrt(variance);
  }
  return true;
}

void Elaborator::declareParameter(const Declaration &stmt, Body &body) {
  if (stmt.trained && !mayDeclareParameter(stmt.name, body))
    return;
  std::optional<TensorType> type = evalType(stmt.type, body);
  if (context.failed())
    return;
  ParameterInfo info;
  if (type)
    info.type = *type;
  // In mixed precision what is trained is kept in f32, and read in `float`; a
  // state is f32 throughout.
  const bool isMaster =
      type && stmt.type.element.text == "float" && isNarrow(type->dtype);
  if (isMaster)
    info.type.dtype = DType::F32;
  info.path =
      (body.self->path.empty() ? "" : body.self->path + ".") + stmt.name.text;
  info.trained = stmt.trained;
  info.span = stmt.name.span;
  info.calls = graph.chainOf(body.self->call);
  if (type && type->batchDim() >= 0) {
    context.error(Code::BatchMixed, stmt.type.span,
                  std::string(stmt.trained ? "a parameter" : "a state") +
                      " has no batch dimension");
    return;
  }
  if (type && stmt.trained && !isFloat(type->dtype)) {
    context
        .error(Code::WrongElementType, stmt.type.span,
               "a trained parameter is a float, and this is a `" +
                   spell(*type) + "`")
        .help("`state` holds what is not trained");
    return;
  }
  if (!type) {
    bind(body, stmt.name, {});
    return;
  }
  if (!initialize(stmt, body, info))
    return;
  for (const Loop *loop : llvm::reverse(body.self->axes))
    info.type.shape.insert(info.type.shape.begin(), Dim::of(loop->count));
  for (const Loop *loop : body.self->axes)
    info.axes.push_back({loop->first, loop->count});
  Node *whole = build.leaf("parameter", info.path, info.type);
  whole->span = stmt.name.span;
  Node *node = sliceParameter(whole, *body.self);
  if (isMaster &&
      stmt.trained) { // once where it is the same in every iteration
    Loop *current = std::exchange(build.loop, node->loop);
    node = build.cast(node, type->dtype);
    build.loop = nullptr;
    whole = build.cast(whole, type->dtype);
    build.loop = current;
  }
  if (!bind(body, stmt.name, Value::tensor(node)))
    return;
  body.self->parameters[stmt.name.text] = {node, whole};
  if (!stmt.trained)
    body.self->states[stmt.name.text] = {info.path, info.type, info.span};
  for (const ParameterInfo &other : context.model.parameters)
    if (other.path == info.path)
      return; // of another mode
  context.model.parameters.push_back(std::move(info));
}

void Elaborator::runUpdate(const ast::UpdateStmt &stmt, Body &body) {
  Binding *binding = lookup(body, stmt.name.text);
  if (!binding) {
    context
        .error(Code::UnknownName, stmt.name.span,
               "no state named `" + stmt.name.text + "` here")
        .suggest(suggestName(stmt.name.text, namesInScope(body)))
        .help("`state " + stmt.name.text + ": ... = ...` declares one");
    return;
  }
  auto state = body.self->states.find(stmt.name.text);
  bool isKnown = state != body.self->states.end();
  if (!isKnown && !binding->value.isPoison()) {
    context
        .error(Code::BadAssignment, stmt.name.span,
               "only a `state` is updated, and `" + stmt.name.text +
                   "` is none")
        .note(binding->span, "`" + stmt.name.text + "` is defined here");
    return;
  }
  Value value = eval(*stmt.value, body);
  if (context.failed() || value.isPoison() || !isKnown)
    return;
  if (build.loop)
    return context.notYet(stmt.span, "`update` in a loop");
  const TensorType &want = state->second.type;
  if (value.isNumber() && want.shape.empty()) {
    if (!fitsType(value, want.dtype, stmt.value->span))
      return;
    value = Value::tensor(toTensor(value, want.dtype));
  }
  Node *node = requireTensor(value, stmt.value->span, "an update");
  if (!node)
    return;
  if (isFloat(node->type.dtype) && isFloat(want.dtype))
    node = build.cast(node, want.dtype);
  if (node->type != want) {
    context
        .error(Code::ResultMismatch, stmt.value->span,
               "`" + stmt.name.text + "` is a `" + spell(want) +
                   "`, and its update is a `" + spell(node->type) + "`")
        .note(binding->span, "it is declared here");
    return;
  }
  for (const NamedNode &other : graph.updates)
    if (other.name == state->second.path) {
      context
          .error(Code::DuplicateName, stmt.name.span,
                 "`" + stmt.name.text + "` is updated twice")
          .note(other.span, "the first update is here");
      return;
    }
  graph.updates.push_back({state->second.path, node, stmt.name.span});
}

} // namespace mlc::frontend
