//===- BuiltinsShape.cpp - Functions that make and move tensors -----------===//

#include "frontend/Elaborator.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

namespace mlc::frontend {

Node *Elaborator::reshapeTo(Node *x, const Shape &shape, Span span) {
  const Shape &from = x->type.shape;
  auto product = [](const Shape &s) {
    Shape numbers;
    for (const Dim &dim : s)
      if (!dim.isBatch)
        numbers.push_back(dim);
    return elementCount(numbers, 0, numbers.size());
  };
  auto batches = [](const Shape &s) {
    return std::count_if(s.begin(), s.end(),
                         [](const Dim &dim) { return dim.isBatch; });
  };
  if (batches(from) != batches(shape) || product(from) != product(shape)) {
    context.error(Code::BadReshape, span,
                  "`" + spell(from) + "` can't be read as `" + spell(shape) +
                      "`: the numbers of elements differ");
    return nullptr;
  }
  if (!keepsBatchApart(from, shape)) {
    context
        .error(Code::BatchMixed, span,
               "`" + spell(from) + "` as `" + spell(shape) +
                   "` would mix examples of the batch")
        .help("keep `B` where it is, or `transpose` first");
    return nullptr;
  }
  return build.reshape(x, shape);
}

Value Elaborator::builtinReshape(CallSite &site) {
  Node *x = requireTensor(site.args[0].value, site.args[0].span, "`reshape`");
  if (!x)
    return {};
  Value list = site.args[1].value;
  int64_t known = 1;
  Value *open = nullptr;
  bool batch = false, isHuge = false;
  for (Value &element : list.elements) {
    if (element.is(Value::Kind::Int) && element.integer == -1 && !open)
      open = &element;
    else if (element.is(Value::Kind::Int))
      isHuge |= llvm::MulOverflow(known, std::max<int64_t>(element.integer, 1),
                                  known);
    batch |= element.is(Value::Kind::Batch);
  }
  if (open) { // NumPy's -1: whatever is left
    Shape rest;
    for (const Dim &dim : x->type.shape)
      if (!dim.isBatch)
        rest.push_back(dim);
    int64_t all = elementCount(rest, 0, rest.size()).value_or(0);
    bool isBatch = !batch && x->type.batchDim() >= 0;
    int64_t left = isHuge ? 1 : std::max<int64_t>(all / known, 1);
    *open = isBatch ? Value::of(Dim::batch()) : Value::of(left);
  }
  std::optional<Shape> shape = toShape(list, site.args[1].span);
  return shape ? Value::tensor(reshapeTo(x, *shape, site.call.span)) : Value();
}

Value Elaborator::builtinFlatten(CallSite &site) {
  Node *x = requireTensor(site.args[0].value, site.args[0].span, "`flatten`");
  if (!x)
    return {};
  if (x->type.rank() == 0 || x->type.batchDim() > 0) {
    context.error(Code::RankMismatch, site.args[0].span,
                  "`flatten` keeps dimension 0, the batch, and this is a `" +
                      spell(x->type) + "`");
    return {};
  }
  std::optional<int64_t> rest =
      elementCount(x->type.shape, 1, x->type.shape.size());
  return Value::tensor(
      build.reshape(x, {x->type.shape[0], Dim::of(rest.value_or(1))}));
}

Value Elaborator::builtinTranspose(CallSite &site) {
  Node *x = requireTensor(site.args[0].value, site.args[0].span, "`transpose`");
  if (!x)
    return {};
  std::vector<int64_t> perm;
  if (site.args[1].given) {
    auto axes = toAxes(site.args[1], x->type.rank(), site.args[0].span);
    if (!axes)
      return {};
    perm = *axes;
    if (static_cast<int64_t>(perm.size()) != x->type.rank()) {
      context.error(Code::BadAxis, site.args[1].span,
                    "a permutation of " + std::to_string(x->type.rank()) +
                        " dimensions names each once");
      return {};
    }
  } else {
    for (int64_t i = x->type.rank(); i-- > 0;)
      perm.push_back(i);
  }
  return Value::tensor(build.transpose(x, perm));
}

Value Elaborator::builtinCast(CallSite &site) {
  const std::string &name = site.call.callee.text;
  DType dtype = name == "wide" ? wideType(context.compute)
                               : *parseDType(name, context.compute);
  const Actual &x = site.args[0];
  if (!isOperand(x.value, x.span) || !fitsType(x.value, dtype, x.span))
    return {};
  return Value::tensor(toTensor(x.value, dtype));
}

Value Elaborator::builtinFill(CallSite &site) {
  std::optional<Shape> shape = toShape(site.args[0].value, site.args[0].span);
  if (!shape)
    return {};
  return Value::tensor(build.constant(
      context.compute, *shape, int64_t{site.call.callee.text == "ones"}));
}

Value Elaborator::builtinFillLike(CallSite &site) {
  Node *x = requireTensor(site.args[0].value, site.args[0].span,
                          ("`" + site.call.callee.text + "`").c_str());
  if (!x)
    return {};
  return Value::tensor(
      build.constant(x->type.dtype, x->type.shape,
                     int64_t{site.call.callee.text == "ones_like"}));
}

Value Elaborator::builtinConcat(CallSite &site) {
  const Value &list = site.args[0].value;
  if ((!list.is(Value::Kind::List) && !list.is(Value::Kind::Tuple)) ||
      list.elements.empty()) {
    context.error(Code::ExpectedTensor, site.args[0].span,
                  "`concat` takes a list of tensors, found " + list.describe());
    return {};
  }
  std::vector<Node *> parts;
  for (const Value &element : list.elements) {
    Node *part = requireTensor(element, site.args[0].span, "`concat`");
    if (!part)
      return {};
    parts.push_back(part);
  }
  int64_t axis = 0;
  if (site.args[1].given) {
    auto axes = toAxes(site.args[1], parts[0]->type.rank(), site.args[0].span);
    if (!axes || axes->size() != 1)
      return {};
    axis = (*axes)[0];
  }
  for (const Node *part : parts) {
    TensorType a = parts[0]->type, b = part->type;
    bool fits = a.rank() == b.rank() && axis < a.rank();
    if (fits && (a.shape[axis].isBatch || b.shape[axis].isBatch)) {
      context.error(Code::BatchMixed, site.call.span,
                    "`concat` along the batch would mix examples");
      return {};
    }
    if (fits)
      a.shape[axis] = b.shape[axis];
    if (!fits || a != b) {
      context.error(Code::ShapeMismatch, site.call.span,
                    "`" + spell(parts[0]->type) + "` and `" +
                        spell(part->type) + "` can't be joined along axis " +
                        std::to_string(axis));
      return {};
    }
  }
  return Value::tensor(build.concat(parts, axis));
}

Value Elaborator::builtinSplit(CallSite &site) {
  Node *x = requireTensor(site.args[0].value, site.args[0].span, "`split`");
  std::optional<int64_t> n = x ? toInt(site.args[1], "parts") : std::nullopt;
  if (!n)
    return {};
  int64_t axis = 0;
  if (site.args[2].given) {
    auto axes = toAxes(site.args[2], x->type.rank(), site.args[0].span);
    if (!axes || axes->size() != 1)
      return {};
    axis = (*axes)[0];
  }
  if (x->type.rank() == 0 || x->type.shape[axis].isBatch || *n < 1 ||
      x->type.shape[axis].size % *n != 0) {
    context.error(Code::ShapeMismatch, site.args[1].span,
                  "axis " + std::to_string(axis) + " of a `" + spell(x->type) +
                      "` can't be split into " + std::to_string(*n) +
                      " equal parts");
    return {};
  }
  Value result;
  result.kind = Value::Kind::Tuple;
  int64_t part = x->type.shape[axis].size / *n;
  for (int64_t i = 0; i < *n; ++i) {
    std::vector<int64_t> starts, limits, strides(x->type.shape.size(), 1);
    for (const Dim &dim : x->type.shape) {
      starts.push_back(0);
      limits.push_back(dim.isBatch ? kBatchExtent : dim.size);
    }
    starts[axis] = i * part;
    limits[axis] = (i + 1) * part;
    result.elements.push_back(
        Value::tensor(build.slice(x, starts, limits, strides)));
  }
  return result;
}

Value Elaborator::builtinArange(CallSite &site) {
  std::optional<Dim> dim = toDim(site.args[0].value, site.args[0].span);
  if (!dim)
    return {};
  if (dim->isBatch) {
    isOperand(site.args[0].value, site.args[0].span);
    return {};
  }
  return Value::tensor(build.iota(DType::I32, {*dim}, 0));
}

} // namespace mlc::frontend
