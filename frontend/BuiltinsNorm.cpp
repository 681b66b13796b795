//===- BuiltinsNorm.cpp - Functions for batch norm ------------------------===//

#include "frontend/Elaborator.h"

namespace mlc::frontend {

Node *GraphBuilder::batchNorm(Node *x, Node *scale, Node *shift, double eps) {
  Node *node =
      add("batch_norm", {x, scale, shift, mask(scale->type.dtype)}, x->type);
  node->number = eps;
  return node;
}

Node *GraphBuilder::batchStatistic(Node *norm, std::string which) {
  Node *node = add("batch_statistic", {norm}, norm->operands[1]->type);
  node->word = std::move(which);
  node->reducesBatch = node->afterBatch = true;
  return node;
}

/// `[C]`, spread over the shape of `x`, whose dimension 1 are the channels.
static Node *ofChannels(GraphBuilder &build, Node *channels, Node *x) {
  return build.broadcast(channels, x->type.shape, {1});
}

Value Elaborator::builtinBatchNormalize(CallSite &site) {
  Actual &x = site.args[0], &epsilon = site.args[3];
  Node *node = requireTensor(x.value, x.span, "`batch_normalize`");
  if (!node)
    return {};
  if (!isFloat(node->type.dtype)) {
    context.error(Code::WrongElementType, x.span,
                  "`batch_normalize` needs floats, found " +
                      x.value.describe());
    return {};
  }
  if (node->type.rank() < 2 || !node->type.shape[0].isBatch) {
    context.error(Code::RankMismatch, x.span,
                  "`batch_normalize` takes a `[B, channels, ...]`, and this is "
                  "a `" +
                      spell(node->type) + "`");
    return {};
  }
  double eps = 1e-5;
  if (epsilon.given) {
    if (!epsilon.value.isNumber()) {
      context.error(Code::ExpectedConstant, epsilon.span,
                    "`eps` is a number known at compile time, found " +
                        epsilon.value.describe());
      return {};
    }
    eps = epsilon.value.asDouble();
    if (!(eps > 0)) {
      context.error(Code::ArgumentOutOfRange, epsilon.span,
                    "`eps` is above 0, found " + epsilon.value.describe());
      return {};
    }
  }
  const DType wide = wideType(node->type.dtype);
  const Shape channels{node->type.shape[1]};
  Node *vectors[4] = {}; // scale, shift, mean, variance
  for (size_t i : {1, 2, 4, 5}) {
    if (!site.args[i].given)
      continue;
    Node *vector = requireTensor(site.args[i].value, site.args[i].span,
                                 "`batch_normalize`");
    if (!vector)
      return {};
    if (!isFloat(vector->type.dtype) || vector->type.shape != channels) {
      context
          .error(Code::ShapeMismatch, site.args[i].span,
                 "this is a `" + spell(vector->type) +
                     "`, and there is a float for each of " +
                     spell(channels[0]) + " channels")
          .note(x.span, "the channels are dimension 1 of this `" +
                            spell(node->type) + "`");
      return {};
    }
    vectors[i < 3 ? i - 1 : i - 2] = build.cast(vector, wide);
  }
  if (site.args[4].given != site.args[5].given) {
    context.error(Code::MissingArgument, site.call.callee.span,
                  "`batch_normalize` takes `mean` and `variance` together, or "
                  "neither");
    return {};
  }
  auto [scale, shift, mean, variance] = vectors;
  if (mean) {
    Node *offset = build.constant(wide, channels, eps);
    Node *deviation =
        build.unary("sqrt", build.binary("add", variance, offset));
    Node *factor = build.binary("div", scale, deviation);
    Node *centred = build.binary("sub", build.cast(node, wide),
                                 ofChannels(build, mean, node));
    Node *scaled =
        build.binary("mul", centred, ofChannels(build, factor, node));
    Node *result = build.binary("add", scaled, ofChannels(build, shift, node));
    return Value::tensor(build.cast(result, node->type.dtype));
  }
  if (mode != Mode::Train) {
    context
        .error(Code::MisplacedStatement, site.call.callee.span,
               "the statistics of a micro-batch are for training alone: an "
               "example's output may depend on that example only")
        .help("write `if training { ... } else { ... }`, and give `mean` and "
              "`variance` in the second");
    return {};
  }
  if (build.loop) {
    context.notYet(site.call.callee.span, "`batch_normalize` in a loop");
    return {};
  }
  Node *norm = build.batchNorm(node, scale, shift, eps);
  Value result;
  result.kind = Value::Kind::Tuple;
  for (Node *part : {norm, build.batchStatistic(norm, "mean"),
                     build.batchStatistic(norm, "variance")})
    result.elements.push_back(Value::tensor(part));
  return result;
}

Value Elaborator::builtinSize(CallSite &site) {
  Actual &x = site.args[0];
  Node *node = requireTensor(x.value, x.span, "`size`");
  auto axes =
      node ? toAxes(site.args[1], node->type.rank(), x.span) : std::nullopt;
  if (!axes)
    return {};
  if (axes->size() != 1) {
    context.error(Code::BadAxis, site.args[1].span, "`size` takes one axis");
    return {};
  }
  return Value::of(node->type.shape[(*axes)[0]]);
}

} // namespace mlc::frontend
