//===- ElaborateShapes.cpp - Dimensions, axes, indices, results -----------===//

#include "frontend/Elaborator.h"

#include <algorithm>

namespace mlc::frontend {

std::optional<Dim> Elaborator::toDim(const Value &value, Span span) {
  if (value.is(Value::Kind::Batch))
    return Dim::batch();
  if (value.is(Value::Kind::Int) && value.integer >= 1)
    return Dim::of(value.integer);
  if (!value.isPoison())
    context.error(Code::BadDimension, span,
                  "a dimension is an integer of at least 1, found " +
                      value.describe());
  return std::nullopt;
}

std::optional<Dim> Elaborator::evalDim(const ast::Expr &expr, Body &body) {
  Value value = eval(expr, body);
  if (context.failed())
    return std::nullopt;
  return toDim(value, expr.span);
}

std::optional<TensorType> Elaborator::evalType(const ast::Type &type,
                                               Body &body, const Value *of) {
  std::optional<DType> dtype = parseDType(type.element.text, context.compute);
  if (!dtype) {
    std::vector<std::string> names = {"float", "f32", "bf16", "f16", "f64",
                                      "i32",   "i64", "u8",   "bool"};
    context
        .error(Code::UnknownType, type.element.span,
               "no element type named `" + type.element.text + "`")
        .suggest(suggestName(type.element.text, names));
    return std::nullopt;
  }
  if (!type.brackets) {
    context
        .error(Code::UnknownType, type.span,
               "a tensor's type has a shape in brackets")
        .help("a scalar is `" + type.element.text + "[]`");
    return std::nullopt;
  }
  TensorType result{*dtype, {}};
  bool poison = false;
  for (const ast::ExprPtr &dim : type.dims) {
    if (llvm::isa<ast::EllipsisExpr>(dim.get())) {
      Binding *lead = lookup(body, "...");
      if (!lead) {
        context.error(Code::UnboundDimension, dim->span,
                      "`...` is not bound by a parameter here");
        return std::nullopt;
      }
      poison |= lead->value.isPoison();
      for (const Value &each : lead->value.elements)
        result.shape.push_back(
            each.is(Value::Kind::Batch) ? Dim::batch() : Dim::of(each.integer));
      continue;
    }
    if (of && llvm::isa<ast::WildcardExpr>(dim.get())) {
      size_t i = result.shape.size();
      bool known =
          of->is(Value::Kind::Tensor) && i < of->node->type.shape.size();
      result.shape.push_back(known ? of->node->type.shape[i] : Dim::of(1));
      continue;
    }
    std::optional<Dim> size = evalDim(*dim, body);
    if (context.failed())
      return std::nullopt;
    poison |= !size;
    result.shape.push_back(size.value_or(Dim()));
  }
  if (poison)
    return std::nullopt;
  if (!hasOneBatch(result.shape, type.span) || !fitsMemory(result, type.span))
    return std::nullopt;
  return result;
}

bool Elaborator::hasOneBatch(const Shape &shape, Span span) {
  if (std::count_if(shape.begin(), shape.end(),
                    [](const Dim &dim) { return dim.isBatch; }) <= 1)
    return true;
  context.error(Code::BatchMixed, span,
                "the batch stands twice in the shape `" + spell(shape) + "`");
  return false;
}

std::optional<Shape> Elaborator::toShape(const Value &value, Span span) {
  if (value.isPoison())
    return std::nullopt;
  Shape shape;
  if (value.is(Value::Kind::Int) || value.is(Value::Kind::Batch)) {
    std::optional<Dim> dim = toDim(value, span);
    return dim ? std::optional<Shape>(Shape{*dim}) : std::nullopt;
  }
  if (!value.is(Value::Kind::List) && !value.is(Value::Kind::Tuple)) {
    context.error(Code::BadDimension, span,
                  "a shape is a list such as `[B, 28]`, found " +
                      value.describe());
    return std::nullopt;
  }
  for (const Value &element : value.elements) {
    std::optional<Dim> dim = toDim(element, span);
    if (!dim)
      return std::nullopt;
    shape.push_back(*dim);
  }
  if (!hasOneBatch(shape, span))
    return std::nullopt;
  if (!fitsMemory({DType::U8, shape}, span))
    return std::nullopt;
  return shape;
}

std::optional<std::vector<int64_t>>
Elaborator::toAxes(const Actual &axis, int64_t rank, Span span) {
  std::vector<int64_t> axes;
  if (!axis.given) {
    for (int64_t i = 0; i < rank; ++i)
      axes.push_back(i);
    return axes;
  }
  if (axis.value.isPoison())
    return std::nullopt;
  std::vector<Value> values = {axis.value};
  if (axis.value.is(Value::Kind::List) || axis.value.is(Value::Kind::Tuple))
    values = axis.value.elements;
  for (const Value &value : values) {
    int64_t at = value.integer < 0 ? value.integer + rank : value.integer;
    if (!value.is(Value::Kind::Int) || at < 0 || at >= rank) {
      auto error = context.error(Code::BadAxis, axis.span,
                                 value.is(Value::Kind::Int)
                                     ? "axis " + std::to_string(value.integer) +
                                           " is outside a "
                                           "tensor of rank " +
                                           std::to_string(rank)
                                     : "an axis is an integer, found " +
                                           value.describe());
      if (span.valid())
        error.note(span, "the tensor is here");
      return std::nullopt;
    }
    if (std::find(axes.begin(), axes.end(), at) != axes.end()) {
      context.error(Code::BadAxis, axis.span,
                    "axis " + std::to_string(value.integer) +
                        " is named twice");
      return std::nullopt;
    }
    axes.push_back(at);
  }
  return axes;
}

std::optional<int64_t> Elaborator::toInt(const Actual &actual,
                                         const char *what) {
  if (actual.value.isPoison())
    return std::nullopt;
  if (actual.value.is(Value::Kind::Int))
    return actual.value.integer;
  context.error(Code::ExpectedConstant, actual.span,
                std::string("`") + what +
                    "` is an integer known at compile time, found " +
                    actual.value.describe());
  return std::nullopt;
}

Value Elaborator::checkResult(const ast::LayerDecl &layer, Body &inner,
                              Span callSpan) {
  if (!inner.returned) {
    if (!inner.dry && !context.hasNotYet())
      context
          .error(Code::MissingReturn, layer.name.span,
                 "layer `" + layer.name.text + "` returns nothing")
          .note(callSpan, "it is called here")
          .help("end it with `return ...`");
    return {};
  }
  if (inner.result.isPoison())
    return {};
  if (layer.results.size() == 1)
    return matchResult(layer.results[0], inner.result, inner, inner.resultSpan);
  if (!inner.result.is(Value::Kind::Tuple) ||
      inner.result.elements.size() != layer.results.size()) {
    context
        .error(Code::ResultMismatch, inner.resultSpan,
               "`" + layer.name.text + "` returns " +
                   std::to_string(layer.results.size()) + " values, found " +
                   inner.result.describe())
        .note(layer.name.span, "it is declared here");
    return {};
  }
  for (size_t i = 0; i < layer.results.size(); ++i)
    inner.result.elements[i] = matchResult(
        layer.results[i], inner.result.elements[i], inner, inner.resultSpan);
  return inner.result;
}

Value Elaborator::matchResult(const ast::Type &type, Value value, Body &inner,
                              Span span) {
  if (value.isPoison())
    return {};
  std::optional<TensorType> want = evalType(type, inner, &value);
  if (!want)
    return {};
  if ((value.is(Value::Kind::Int) ||
       (value.is(Value::Kind::Float) && isFloat(want->dtype))) &&
      want->shape.empty()) {
    if (!fitsType(value, want->dtype, span))
      return {};
    value = Value::tensor(toTensor(value, want->dtype));
  }
  if (!requireTensor(value, span, "the result"))
    return {};
  Node *node = value.node;
  if (type.element.text == "float" && isFloat(node->type.dtype))
    node = build.cast(node, want->dtype);
  if (node->type == *want)
    return Value::tensor(node);
  context
      .error(Code::ResultMismatch, span,
             "this is a `" + spell(value.node->type) +
                 "`, and the layer "
                 "returns a `" +
                 spell(*want) + "`")
      .note(type.span, "the result is declared here");
  return {};
}

Value Elaborator::evalIndex(const ast::IndexExpr &expr, Body &body) {
  Value base = eval(*expr.base, body);
  if (base.isPoison())
    return {};
  if (base.is(Value::Kind::List) || base.is(Value::Kind::Tuple)) {
    Value index = eval(*expr.items[0], body);
    int64_t count = static_cast<int64_t>(base.elements.size());
    if (index.is(Value::Kind::Int) && expr.items.size() == 1 &&
        index.integer < count && index.integer >= -count)
      return base
          .elements[index.integer < 0 ? index.integer + count : index.integer];
    context.error(Code::BadIndex, expr.span,
                  "no such element of " + base.describe());
    return {};
  }
  Node *x = requireTensor(base, expr.base->span, "an index");
  if (!x)
    return {};
  int64_t used = 0;
  const ast::Expr *ellipsis = nullptr;
  for (const ast::ExprPtr &item : expr.items) {
    used += !llvm::isa<ast::NoneExpr, ast::EllipsisExpr>(item.get());
    if (!llvm::isa<ast::EllipsisExpr>(item.get()))
      continue;
    if (ellipsis) {
      context
          .error(Code::BadIndex, item->span,
                 "an index has one `...`, which stands for all dimensions that "
                 "are left")
          .note(ellipsis->span, "the first is here");
      return {};
    }
    ellipsis = item.get();
  }
  if (used > x->type.rank()) {
    context
        .error(Code::BadIndex, expr.span,
               std::to_string(used) + " indices into a tensor of rank " +
                   std::to_string(x->type.rank()))
        .note(expr.base->span, "this is a `" + spell(x->type) + "`");
    return {};
  }
  std::vector<int64_t> starts, limits, strides;
  Shape shape;
  Node *indices = nullptr; // an index that is a tensor
  int64_t indexedAxis = 0; // of `shape`
  Span indicesSpan;
  auto keep = [&](Dim dim) {
    starts.push_back(0);
    limits.push_back(dim.isBatch ? kBatchExtent : dim.size);
    strides.push_back(1);
    shape.push_back(dim);
  };
  auto next = [&] { return x->type.shape[starts.size()]; };
  for (const ast::ExprPtr &item : expr.items) {
    if (llvm::isa<ast::NoneExpr>(item.get())) {
      shape.push_back(Dim::of(1));
      continue;
    }
    if (llvm::isa<ast::EllipsisExpr>(item.get())) {
      for (int64_t n = x->type.rank() - used; n > 0; --n)
        keep(next());
      continue;
    }
    Dim dim = next();
    const auto *slice = llvm::dyn_cast<ast::SliceExpr>(item.get());
    if (slice && !slice->start && !slice->stop && !slice->step) {
      keep(dim);
      continue;
    }
    if (dim.isBatch) {
      context
          .error(Code::BatchMixed, item->span,
                 "an index into the batch would depend on how it is split")
          .help("take all of it: `:`");
      return {};
    }
    Node *tensor = nullptr;
    auto number = [&](const ast::Expr *part, int64_t fallback) {
      if (!part)
        return std::optional<int64_t>(fallback);
      Value value = eval(*part, body);
      bool isTensor = !slice && value.is(Value::Kind::Tensor) &&
                      isInteger(value.node->type.dtype);
      if (isTensor)
        tensor = value.node;
      else if (!value.is(Value::Kind::Int) && !value.isPoison())
        context.error(Code::BadIndex, part->span,
                      "an index is an integer, found " + value.describe());
      return value.is(Value::Kind::Int) ? std::optional<int64_t>(value.integer)
                                        : std::nullopt;
    };
    if (slice) {
      auto from = number(slice->start.get(), 0);
      auto to = number(slice->stop.get(), dim.size);
      auto by = number(slice->step.get(), 1);
      if (!from || !to || !by)
        return {};
      int64_t start = std::clamp<int64_t>(*from < 0 ? *from + dim.size : *from,
                                          0, dim.size);
      int64_t stop =
          std::clamp<int64_t>(*to < 0 ? *to + dim.size : *to, 0, dim.size);
      if (*by < 1) {
        context.error(Code::BadIndex, item->span,
                      "the step of a slice is at least 1, found " +
                          std::to_string(*by));
        return {};
      }
      if (start >= stop) {
        context.error(Code::BadIndex, item->span,
                      "the slice of a dimension of " + spell(dim) +
                          " is empty, and a tensor has at least one element");
        return {};
      }
      int64_t count = (stop - start - 1) / *by + 1;
      bool one = count == 1; // without a next, however far the step
      starts.push_back(start);
      limits.push_back(one ? start + 1 : stop);
      strides.push_back(one ? 1 : *by);
      shape.push_back(Dim::of(count));
      continue;
    }
    auto at = number(item.get(), 0);
    if (tensor) {
      if (indices) {
        context
            .error(Code::BadIndex, item->span, "at most one index is a tensor")
            .note(indicesSpan, "the other one is here")
            .help("take from one axis after the other");
        return {};
      }
      indices = tensor;
      indicesSpan = item->span;
      indexedAxis = static_cast<int64_t>(shape.size());
      keep(dim);
      continue;
    }
    if (!at)
      return {};
    int64_t index = *at < 0 ? *at + dim.size : *at;
    if (index < 0 || index >= dim.size) {
      context
          .error(Code::BadIndex, item->span,
                 "index " + std::to_string(*at) +
                     " is outside a dimension of " + spell(dim))
          .note(expr.base->span, "this is a `" + spell(x->type) + "`");
      return {};
    }
    starts.push_back(index);
    limits.push_back(index + 1);
    strides.push_back(1);
  }
  while (static_cast<int64_t>(starts.size()) < x->type.rank())
    keep(next());
  build.span = expr.span;
  Node *part = build.reshape(build.slice(x, starts, limits, strides), shape);
  if (indices)
    part = gatherAlong(part, indices, indexedAxis, indicesSpan);
  return part ? finish(part, expr.span) : Value();
}

} // namespace mlc::frontend
