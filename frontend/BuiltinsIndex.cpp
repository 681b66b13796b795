//===- BuiltinsIndex.cpp - Functions whose indices are values -------------===//

#include "frontend/Elaborator.h"

namespace mlc::frontend {

Node *Elaborator::requireIndices(const Actual &actual) {
  Node *node = requireTensor(actual.value, actual.span, "the indices");
  if (!node || isInteger(node->type.dtype))
    return node;
  context
      .error(Code::WrongElementType, actual.span,
             "indices are integers, found " + actual.value.describe())
      .help("convert them: `i32(x)`");
  return nullptr;
}

std::optional<int64_t> Elaborator::requireExtent(const Actual &actual) {
  std::optional<Dim> dim = toDim(actual.value, actual.span);
  if (!dim || !dim->isBatch)
    return dim ? std::optional(dim->size) : std::nullopt;
  isOperand(actual.value, actual.span); // the batch is no number
  return std::nullopt;
}

Node *Elaborator::gatherAlong(Node *x, Node *indices, int64_t axis, Span span) {
  if (x->type.shape[axis].isBatch) {
    context.error(Code::BatchMixed, span,
                  "indices into the batch would mix examples");
    return nullptr;
  }
  Shape shape = x->type.shape;
  shape.erase(shape.begin() + axis);
  shape.insert(shape.begin() + axis, indices->type.shape.begin(),
               indices->type.shape.end());
  return hasOneBatch(shape, span) ? build.gather(x, indices, axis) : nullptr;
}

Value Elaborator::builtinGather(CallSite &site) {
  Node *x = requireTensor(site.args[0].value, site.args[0].span, "`gather`");
  Node *indices = x ? requireIndices(site.args[1]) : nullptr;
  if (!indices)
    return {};
  if (x->type.rank() == 0) {
    context.error(Code::RankMismatch, site.args[0].span,
                  "a scalar has no axis to take from");
    return {};
  }
  int64_t axis = 0;
  if (site.args[2].given) {
    auto axes = toAxes(site.args[2], x->type.rank(), site.args[0].span);
    if (!axes)
      return {};
    if (axes->size() != 1) {
      context.error(Code::BadAxis, site.args[2].span,
                    "`gather` takes one axis");
      return {};
    }
    axis = (*axes)[0];
  }
  Node *result = gatherAlong(x, indices, axis, site.call.span);
  return result ? Value::tensor(result) : Value();
}

// scatter_add and segment_sum: they differ in their names alone.
Value Elaborator::builtinScatterAdd(CallSite &site) {
  const std::string &name = site.call.callee.text;
  Node *x = requireTensor(site.args[0].value, site.args[0].span,
                          ("`" + name + "`").c_str());
  Node *indices = x ? requireIndices(site.args[1]) : nullptr;
  std::optional<int64_t> count =
      indices ? requireExtent(site.args[2]) : std::nullopt;
  if (!count)
    return {};
  if (x->type.dtype == DType::Bool) {
    context
        .error(Code::WrongElementType, site.args[0].span,
               "`" + name + "` adds numbers, found " +
                   site.args[0].value.describe())
        .help("convert it first: `float(x)`");
    return {};
  }
  size_t rank = indices->type.shape.size();
  Shape leading = x->type.shape;
  leading.resize(std::min(leading.size(), rank), Dim::of(1));
  if (leading != indices->type.shape) {
    context
        .error(Code::ShapeMismatch, site.call.span,
               "`" + spell(x->type) + "` has no index for each row in `" +
                   spell(indices->type) + "`")
        .help("the indices have the first dimensions of what is added");
    return {};
  }
  return Value::tensor(build.scatterAdd(x, indices, *count));
}

Value Elaborator::builtinOneHot(CallSite &site) {
  Node *x = requireIndices(site.args[0]);
  std::optional<int64_t> classes =
      x ? requireExtent(site.args[1]) : std::nullopt;
  if (!classes)
    return {};
  Shape column = x->type.shape, shape = column;
  column.push_back(Dim::of(1));
  shape.push_back(Dim::of(*classes));
  // In i64, since a u8 does not count to every number of classes.
  Node *own =
      build.broadcast(build.reshape(build.cast(x, DType::I64), column), shape);
  Node *number =
      build.iota(DType::I64, shape, static_cast<int64_t>(shape.size()) - 1);
  return Value::tensor(
      build.cast(build.compare("eq", own, number), context.compute));
}

} // namespace mlc::frontend
