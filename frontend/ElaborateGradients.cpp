//===- ElaborateGradients.cpp - A layer's own gradient --------------------===//
//
// The body of a `gradient` sees what the layer is called with: its dimensions,
// hyper-parameters and tensor parameters, and the cotangents of its results. It
// gives one cotangent for each tensor parameter of a float type. Its nodes are
// a graph of their own, which the node `custom_gradient` holds.
//
//===----------------------------------------------------------------------===//

#include "frontend/Elaborator.h"

#include <algorithm>
#include <utility>

namespace mlc::frontend {

/// Whether a parameter or result of this type has a cotangent.
static bool hasCotangent(const ast::Type &type) {
  std::optional<DType> dtype = parseDType(type.element.text, DType::F32);
  return type.brackets && dtype && isFloat(*dtype);
}

static std::string countOf(size_t count, const std::string &what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::vector<const ast::Parameter *>
Elaborator::differentiated(const ast::LayerDecl &layer) {
  std::vector<const ast::Parameter *> found;
  for (const ast::Parameter &parameter : layer.parameters)
    if (hasCotangent(parameter.type))
      found.push_back(&parameter);
  return found;
}

bool Elaborator::checkGradientHead(const ast::LayerDecl &layer) {
  const ast::Gradient &gradient = *layer.gradient;
  if (differentiated(layer).empty()) {
    context
        .error(Code::GradientMismatch, gradient.span,
               "`" + layer.name.text +
                   "` has no tensor parameter of a float type that a gradient "
                   "could be given to")
        .note(layer.name.span, "it is declared here");
    return false;
  }
  auto results = static_cast<size_t>(
      std::count_if(layer.results.begin(), layer.results.end(), hasCotangent));
  if (gradient.cotangents.size() == results)
    return true;
  context
      .error(Code::GradientMismatch, gradient.cotangents.back().span,
             "`" + layer.name.text + "` has " + countOf(results, "result") +
                 " of a float type, and its "
                 "gradient takes " +
                 countOf(gradient.cotangents.size(), "cotangent"))
      .note(join(layer.results.front().span, layer.results.back().span),
            "the results are here");
  return false;
}

/// `value` as the cotangent of the parameter, or null after an error.
Node *Elaborator::matchCotangent(const ast::Parameter &parameter,
                                 const TensorType &want, Value value,
                                 Span span) {
  if (value.isNumber() && want.shape.empty())
    value = Value::tensor(toTensor(value, want.dtype));
  Node *node = requireTensor(value, span, "a cotangent");
  if (!node)
    return nullptr;
  if (parameter.type.element.text == "float" && isFloat(node->type.dtype))
    node = build.cast(node, want.dtype);
  if (node->type == want)
    return node;
  context
      .error(Code::GradientMismatch, span,
             "the cotangent of `" + parameter.name.text + "` is a `" +
                 spell(want) + "`, and this is a `" + spell(node->type) + "`")
      .note(parameter.span, "the parameter is here");
  return nullptr;
}

std::vector<Node *>
Elaborator::matchCotangents(const ast::LayerDecl &layer, const Body &body,
                            const std::vector<Node *> &parameters,
                            std::span<Node *const> cotangentsIn) {
  std::vector<const ast::Parameter *> wanted = differentiated(layer);
  std::vector<Value> given = {body.result};
  std::vector<Span> spans = {body.resultSpan};
  if (body.result.is(Value::Kind::Tuple)) {
    given = body.result.elements;
    spans.assign(given.size(), body.resultSpan);
    const auto *tuple = llvm::dyn_cast_or_null<ast::TupleExpr>(body.resultExpr);
    for (size_t i = 0; tuple && i < spans.size(); ++i)
      spans[i] = tuple->elements[i].span;
  }
  if (given.size() != wanted.size()) {
    auto error = context.error(
        Code::GradientMismatch, body.resultSpan,
        "the gradient of `" + layer.name.text + "` gives " +
            countOf(given.size(), "cotangent") + ", and the layer has " +
            countOf(wanted.size(), "tensor parameter") + " of a float type");
    error.note(wanted[std::min(given.size(), wanted.size() - 1)]->span,
               given.size() < wanted.size() ? "this one gets none"
                                            : "this is the last of them");
    return {};
  }
  std::vector<Node *> cotangents;
  for (size_t i = 0; i < wanted.size(); ++i) {
    build.span = spans[i];
    Node *node =
        matchCotangent(*wanted[i], parameters[i]->type, given[i], spans[i]);
    if (!node)
      return {};
    // A row of padding counts nothing, whatever the gradient makes of it; the
    // cotangents that came in are 0 there already.
    bool cameIn = std::find(cotangentsIn.begin(), cotangentsIn.end(), node) !=
                  cotangentsIn.end();
    if (node->type.batchDim() >= 0 && !cameIn)
      node = build.maskPadding(node);
    cotangents.push_back(node);
  }
  return cotangents;
}

/// Runs the body of the gradient; false where it has no value.
bool Elaborator::runGradient(const ast::LayerDecl &layer, Body &body,
                             Span callSpan) {
  Instance scratch; // calls in it have no parameters, so no paths
  scratch.path = body.self->path;
  scratch.call = body.self->call;
  Instance *self = std::exchange(body.self, &scratch);
  const ast::LayerDecl *outer = std::exchange(gradientOf, &layer);
  if (!body.dry)
    context.diagnostics.enter(callSpan,
                              "in this call of `" + layer.name.text + "`");
  runBlock(layer.gradient->body, body);
  if (!body.dry)
    context.diagnostics.leave();
  gradientOf = outer;
  body.self = self;
  if (!context.failed() && !body.returned && !body.dry && !context.hasNotYet())
    context
        .error(Code::MissingReturn, layer.gradient->span,
               "the gradient of `" + layer.name.text + "` returns nothing")
        .help("end it with `return ...`");
  return !context.failed() && !body.result.isPoison();
}

/// What stands for the layer's parameters, floats first, in its gradient.
/// Returns what they are outside; nothing where one is unknown.
std::optional<std::vector<Node *>>
Elaborator::openGradient(const ast::LayerDecl &layer, Body &body) {
  std::vector<Node *> parameters;
  for (bool floats : {true, false})
    for (const ast::Parameter &parameter : layer.parameters) {
      if (!parameter.type.brackets || hasCotangent(parameter.type) != floats)
        continue;
      Value &bound = body.scopes[0][parameter.name.text].value;
      if (!bound.is(Value::Kind::Tensor))
        return std::nullopt;
      parameters.push_back(bound.node);
      build.span = parameter.name.span;
      bound = Value::tensor(
          build.leaf("argument", parameter.name.text, bound.node->type));
      build.gradient->arguments.push_back(bound.node);
    }
  build.gradient->parameters = parameters.size();
  return parameters;
}

/// Makes the graph of the gradient, for `results` of the layer. Returns what it
/// reads from outside; nothing after an error, or where a value is unknown.
std::optional<std::vector<Node *>>
Elaborator::makeGradient(const ast::LayerDecl &layer, Body &body,
                         const std::vector<Node *> &results, Span callSpan) {
  GivenGradient &given = *build.gradient;
  size_t firstNode = graph.nodes.size();
  auto parameters = openGradient(layer, body);
  bool known = parameters && !results.empty();
  const std::vector<ast::Name> &names = layer.gradient->cotangents;
  for (size_t i = 0; i < names.size(); ++i) {
    Value cotangent;
    if (known) {
      build.span = names[i].span;
      cotangent = Value::tensor(
          build.leaf("argument", names[i].text, results[i]->type));
      given.arguments.push_back(cotangent.node);
    }
    if (!bind(body, names[i], cotangent))
      return std::nullopt;
  }
  if (!runGradient(layer, body, callSpan) || !known)
    return std::nullopt;
  given.results = results.size();
  given.cotangents =
      matchCotangents(layer, body, *parameters,
                      std::span(given.arguments).subspan(given.parameters));
  for (const Node *cotangent : given.cotangents)
    if (!context.failed())
      checkLinear(cotangent, "the gradient");
  if (context.failed())
    return std::nullopt;
  auto uses = [&](std::string_view op) {
    return std::any_of(graph.nodes.begin() + static_cast<long>(firstNode),
                       graph.nodes.end(),
                       [&](const Node &node) { return node.op == op; });
  };
  const std::pair<std::string_view, TensorType> leaves[] = {
      {"mask", {DType::F32, {Dim::batch()}}},
      {"count", {DType::I64, {}}},
      {"step", {DType::I64, {}}},
      {"row", {DType::I64, {Dim::batch()}}},
      {"seed", {DType::I64, {}}}};
  std::vector<bool> used;
  for (const auto &[op, type] : leaves)
    used.push_back(uses(op));
  build.gradient = nullptr; // these are outside
  for (size_t i = 0; i < used.size(); ++i)
    if (used[i])
      parameters->push_back(build.leaf(leaves[i].first, "", leaves[i].second));
  return parameters;
}

Value Elaborator::giveGradient(const ast::LayerDecl &layer, Body body,
                               Value value, Span callSpan) {
  if (!checkGradientHead(layer))
    return {};
  std::vector<Value> all =
      value.is(Value::Kind::Tuple) ? value.elements : std::vector<Value>{value};
  bool known = true;
  std::vector<Node *> results;
  for (const Value &each : all) {
    known &= each.is(Value::Kind::Tensor);
    if (each.is(Value::Kind::Tensor) && isFloat(each.node->type.dtype))
      results.push_back(each.node);
  }
  if (!known)
    results.clear();
  // A graph of its own, in no loop: what it needs comes in.
  Loop *loop = std::exchange(build.loop, nullptr);
  build.gradient = &graph.gradients.emplace_back();
  GivenGradient &given = *build.gradient;
  auto operands = makeGradient(layer, body, results, callSpan);
  build.gradient = nullptr;
  build.loop = loop;
  if (context.failed())
    return {};
  if (!operands)
    return value;
  build.span = callSpan;
  build.call = body.self->call;
  std::vector<Node *> wrapped = build.customGradient(results, *operands, given);
  size_t next = 0;
  for (Value &each : all)
    if (isFloat(each.node->type.dtype))
      each = Value::tensor(wrapped[next++]);
  if (!value.is(Value::Kind::Tuple))
    return all[0];
  value.elements = all;
  return value;
}

/// A parameter in a layer whose gradient is given would have none.
bool Elaborator::mayDeclareParameter(const ast::Name &name, const Body &body) {
  const ast::LayerDecl *found = gradientOf;
  if (!found && body.layer && body.layer->gradient)
    found = body.layer;
  for (const ast::LayerDecl *layer : stack)
    if (!found && layer->gradient)
      found = layer;
  if (!found)
    return true;
  context
      .error(Code::ParameterWithoutGradient, name.span,
             "the layer `" + found->name.text +
                 "` gives its own gradient, and nothing gives that of `" +
                 name.text + "` inside it")
      .note(found->gradient->span, "the gradient is here")
      .help("declare it outside, and hand it to `" + found->name.text +
            "` as a tensor parameter");
  return false;
}

} // namespace mlc::frontend
