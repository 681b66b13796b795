//===- BuiltinsAttention.cpp - attention(q, k, v) -------------------------===//

#include "frontend/Elaborator.h"

#include <cmath>

namespace mlc::frontend {

/// The value of an optional argument that is `true` or `false`.
static std::optional<bool> readFlag(CheckContext &context, const char *name,
                                    const Value &value, Span span, bool given) {
  if (!given)
    return false;
  if (value.is(Value::Kind::Bool))
    return value.truth;
  context.error(Code::ExpectedConstant, span,
                "`" + std::string(name) + "` is `true` or `false`, found " +
                    value.describe());
  return std::nullopt;
}

// Tensors are [..., length, depth] with the same leading dimensions, but that
// of the heads, the last of them: the query's is a multiple of the others'.
bool Elaborator::checkAttention(CallSite &site, Node *q, Node *k, Node *v) {
  for (auto [node, i] : {std::pair{q, 0}, {k, 1}, {v, 2}}) {
    const Actual &actual = site.args[i];
    if (!isFloat(node->type.dtype) || node->type.dtype != q->type.dtype) {
      context.error(
          Code::WrongElementType, actual.span,
          "`attention` takes three tensors of one float type, found " +
              actual.value.describe());
      return false;
    }
    int64_t rank = node->type.rank();
    if ((rank != 3 && rank != 4) || rank != q->type.rank()) {
      context
          .error(Code::ShapeMismatch, actual.span,
                 "`attention` takes three tensors of rank 3 or 4, found " +
                     actual.value.describe())
          .help("they are `[B, length, depth]` or `[B, heads, length, depth]`");
      return false;
    }
    for (int64_t dim = 1; dim < rank; ++dim)
      if (node->type.shape[dim].isBatch) {
        context
            .error(Code::BatchMixed, actual.span,
                   "`attention` over the batch would mix its examples")
            .help("`transpose` the batch to the front");
        return false;
      }
  }
  const Shape &a = q->type.shape, &b = k->type.shape, &c = v->type.shape;
  size_t rank = a.size();
  bool fits = a[0] == b[0] && b[0] == c[0] && b[rank - 2] == c[rank - 2] &&
              a[rank - 1] == b[rank - 1];
  if (rank == 4)
    fits &= b[1] == c[1] && a[1].size % b[1].size == 0;
  if (fits)
    return true;
  context
      .error(Code::ShapeMismatch, site.call.span,
             "query `" + spell(a) + "`, key `" + spell(b) + "` and value `" +
                 spell(c) + "` don't fit together")
      .help("they are `[B, H, T, D]`, `[B, G, S, D]` and `[B, G, S, E]`, where "
            "`H` is a multiple of `G`");
  return false;
}

/// The mask in rank 4 and as long as the keys; other dimensions may be 1.
Node *Elaborator::attentionMask(CallSite &site, Node *q, Node *k) {
  Actual &actual = site.args[3];
  Node *mask = requireTensor(actual.value, actual.span, "the mask");
  if (!mask)
    return nullptr;
  if (mask->type.dtype != DType::Bool && mask->type.dtype != q->type.dtype) {
    context
        .error(Code::WrongElementType, actual.span,
               "a mask is a bool, true where a query attends to a key, or a "
               "number that is added to the score, found " +
                   actual.value.describe())
        .help("compare first: `mask != 0`");
    return nullptr;
  }
  Shape scores = q->type.shape;
  scores.back() = k->type.shape[scores.size() - 2];
  auto common = broadcastShapes(mask->type.shape, scores);
  if (!common || *common != scores) {
    context
        .error(Code::ShapeMismatch, actual.span,
               "the mask `" + spell(mask->type.shape) +
                   "` does not stretch to the scores `" + spell(scores) + "`")
        .note(site.args[0].span,
              "the query is " + site.args[0].value.describe());
    return nullptr;
  }
  Shape shape(scores.size() - mask->type.shape.size(), Dim::of(1));
  shape.insert(shape.end(), mask->type.shape.begin(), mask->type.shape.end());
  mask = build.reshape(mask, shape);
  shape.back() = scores.back();
  mask = build.broadcast(mask, shape);
  if (shape.size() == 3) {
    shape.insert(shape.begin() + 1, Dim::of(1));
    mask = build.reshape(mask, shape);
  }
  return mask;
}

Value Elaborator::builtinAttention(CallSite &site) {
  Node *nodes[3];
  const char *const kNames[] = {"the query", "the key", "the value"};
  for (int i = 0; i < 3; ++i) {
    nodes[i] = requireTensor(site.args[i].value, site.args[i].span, kNames[i]);
    if (!nodes[i])
      return {};
  }
  auto &[q, k, v] = nodes;
  if (!checkAttention(site, q, k, v))
    return {};
  Node *mask = nullptr;
  if (site.args[3].given && !site.args[3].value.is(Value::Kind::None)) {
    mask = attentionMask(site, q, k);
    if (!mask)
      return {};
  }
  const Actual &flag = site.args[4], &factor = site.args[5];
  auto causal = readFlag(context, "causal", flag.value, flag.span, flag.given);
  if (!causal)
    return {};
  double scale = 1 / std::sqrt(static_cast<double>(q->type.shape.back().size));
  if (factor.given && !factor.value.isNumber()) {
    context.error(Code::ExpectedConstant, factor.span,
                  "`scale` is a number, found " + factor.value.describe());
    return {};
  }
  if (factor.given)
    scale = factor.value.asDouble();
  Shape result = q->type.shape;
  result.back() = v->type.shape.back();
  if (result.size() == 3) // one head
    for (Node *&node : nodes) {
      Shape shape = node->type.shape;
      shape.insert(shape.begin() + 1, Dim::of(1));
      node = build.reshape(node, shape);
    }
  Node *output = build.attention(q, k, v, mask, *causal, scale);
  return Value::tensor(build.reshape(output, result));
}

} // namespace mlc::frontend
