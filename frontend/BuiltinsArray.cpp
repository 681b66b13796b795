//===- BuiltinsArray.cpp - Array functions made of others -----------------===//
//
// NumPy's, out of the ops that are there: each is a few nodes, which fuse.
//
//===----------------------------------------------------------------------===//

#include "frontend/Elaborator.h"

#include <algorithm>
#include <limits>
#include <map>

namespace mlc::frontend {

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

std::optional<Elaborator::Reduction>
Elaborator::reductionOf(CallSite &site, bool overBatch, const char *why) {
  const std::string &name = site.call.callee.text;
  Reduction result;
  result.x = requireTensor(site.args[0].value, site.args[0].span,
                           ("`" + name + "`").c_str());
  if (!result.x)
    return std::nullopt;
  auto axes = toAxes(site.args[1], result.x->type.rank(), site.args[0].span);
  if (!axes)
    return std::nullopt;
  if (site.args[2].given) {
    if (!site.args[2].value.is(Value::Kind::Bool)) {
      context.error(Code::ExpectedConstant, site.args[2].span,
                    "`keepdims` is `true` or `false`");
      return std::nullopt;
    }
    result.keep = site.args[2].value.truth;
  }
  std::sort(axes->begin(), axes->end());
  result.axes = *axes;
  result.kept = result.x->type.shape;
  for (int64_t axis : result.axes) {
    if (result.kept[axis].isBatch && !overBatch) {
      context
          .error(Code::BatchMixed,
                 site.args[1].given ? site.args[1].span : site.call.span,
                 "`" + name + "` over the batch needs it twice")
          .help(why);
      return std::nullopt;
    }
    result.kept[axis] = Dim::of(1);
  }
  return result;
}

Value Elaborator::finishReduction(const Reduction &how, Node *kept) {
  if (how.keep)
    return Value::tensor(build.reshape(kept, how.kept));
  Shape shape;
  for (int64_t i = 0; i < how.x->type.rank(); ++i)
    if (!std::binary_search(how.axes.begin(), how.axes.end(), i))
      shape.push_back(how.x->type.shape[i]);
  return Value::tensor(build.reshape(kept, shape));
}

Node *Elaborator::reduceKept(const std::string &kind, Node *x,
                             const Reduction &how) {
  return how.axes.empty()
             ? x
             : build.reshape(build.reduce(kind, x, how.axes), how.kept);
}

Node *Elaborator::requireFloats(Node *x, const Actual &actual,
                                const std::string &name) {
  if (x->type.dtype == DType::Bool) {
    context
        .error(Code::WrongElementType, actual.span,
               "`" + name + "` needs numbers, found " + actual.value.describe())
        .help("convert it first: `float(x)`");
    return nullptr;
  }
  return isFloat(x->type.dtype) ? x : build.cast(x, context.compute);
}

// A number near the maximum keeps the exponentials in range. Its floor does,
// and has no gradient, as the exact one need not have: the gradient is
// softmax(x).
Value Elaborator::builtinLogSumExp(CallSite &site) {
  auto how = reductionOf(site, false,
                         "take it of each example, or the `mean` of `exp`");
  Node *x = how ? requireFloats(how->x, site.args[0], "logsumexp") : nullptr;
  if (!x)
    return {};
  DType dtype = x->type.dtype;
  x = build.cast(x, wideType(dtype));
  Node *shift = build.unary("floor", reduceKept("max", x, *how));
  auto like = [&](double value) {
    return build.constant(shift->type.dtype, shift->type.shape, value);
  };
  // Infinities stay what they are without it.
  Node *finite = build.compare("lt", build.unary("abs", shift),
                               like(std::numeric_limits<double>::infinity()));
  shift = build.select(finite, shift, like(0));
  Node *spread = build.broadcast(shift, x->type.shape);
  Node *e = build.unary("exp", build.binary("sub", x, spread));
  Node *sum = build.unary("log", reduceKept("sum", e, *how));
  return finishReduction(*how,
                         build.cast(build.binary("add", sum, shift), dtype));
}

Value Elaborator::builtinVariance(CallSite &site) {
  const std::string &name = site.call.callee.text;
  auto how = reductionOf(
      site, false, "`mean(x ^ 2) - mean(x) ^ 2` needs it once, in a metric");
  Node *x = how ? requireFloats(how->x, site.args[0], name) : nullptr;
  if (!x)
    return {};
  int64_t correction = 0;
  if (site.args[3].given) {
    auto given = toInt(site.args[3], "correction");
    if (!given)
      return {};
    correction = *given;
  }
  int64_t count = 1;
  for (int64_t axis : how->axes)
    count *= x->type.shape[axis].size;
  if (correction < 0 || correction >= count) {
    context.error(Code::ShapeMismatch,
                  site.args[3].given ? site.args[3].span : site.call.span,
                  "`correction` is at least 0 and below the " +
                      std::to_string(count) + " elements of each `" + name +
                      "`");
    return {};
  }
  DType dtype = x->type.dtype;
  x = build.cast(x, wideType(dtype));
  Node *mean = build.broadcast(reduceKept("mean", x, *how), x->type.shape);
  Node *centred = build.binary("sub", x, mean);
  Node *sum = reduceKept("sum", build.binary("mul", centred, centred), *how);
  Node *divisor =
      build.constant(sum->type.dtype, sum->type.shape, count - correction);
  Node *result = build.binary("div", sum, divisor);
  if (name == "std")
    result = build.unary("sqrt", result);
  return finishReduction(*how, build.cast(result, dtype));
}

Value Elaborator::builtinAnyAll(CallSite &site) {
  auto how = reductionOf(site, true, "");
  if (!how)
    return {};
  const char *kind = site.call.callee.text == "any" ? "max" : "min";
  Node *truth = build.cast(how->x, DType::Bool);
  return finishReduction(*how, reduceKept(kind, truth, *how));
}

//===----------------------------------------------------------------------===//
// Choice and shape
//===----------------------------------------------------------------------===//

// Two choices, not a minimum of a maximum: at an end the gradient is 1, and NaN
// stays, as in PyTorch.
Value Elaborator::builtinClip(CallSite &site) {
  Actual &x = site.args[0], &low = site.args[1], &high = site.args[2];
  for (Actual *each : {&x, &low, &high})
    if (!isOperand(each->value, each->span))
      return {};
  if (x.value.isNumber() && low.value.isNumber() && high.value.isNumber()) {
    Value raised = foldBuiltin("maximum", x.value, low.value, site.call.span);
    return foldBuiltin("minimum", raised, high.value, site.call.span);
  }
  Node *tensor = requireTensor(x.value, x.span, "`clip`");
  Node *a = nullptr, *bottom = nullptr, *b = nullptr, *top = nullptr;
  if (!tensor || !unite(x.value, low.value, x.span, low.span, site.call.span,
                        false, false, a, bottom))
    return {};
  Value raised = Value::tensor(a);
  if (!unite(raised, high.value, x.span, high.span, site.call.span, false,
             false, b, top))
    return {};
  bottom = build.broadcast(build.cast(bottom, b->type.dtype), b->type.shape);
  Node *result = build.select(build.compare("lt", b, bottom), bottom, b);
  return Value::tensor(
      build.select(build.compare("gt", result, top), top, result));
}

Value Elaborator::builtinStack(CallSite &site) {
  const Value &list = site.args[0].value;
  if ((!list.is(Value::Kind::List) && !list.is(Value::Kind::Tuple)) ||
      list.elements.empty()) {
    context.error(Code::ExpectedTensor, site.args[0].span,
                  "`stack` takes a list of tensors, found " + list.describe());
    return {};
  }
  std::vector<Node *> parts;
  for (const Value &element : list.elements) {
    Node *part = requireTensor(element, site.args[0].span, "`stack`");
    if (!part)
      return {};
    if (!parts.empty() && part->type != parts[0]->type) {
      context.error(Code::ShapeMismatch, site.call.span,
                    "`" + spell(parts[0]->type) + "` and `" +
                        spell(part->type) + "` can't be stacked");
      return {};
    }
    parts.push_back(part);
  }
  int64_t axis = 0;
  if (site.args[1].given) {
    auto axes =
        toAxes(site.args[1], parts[0]->type.rank() + 1, site.args[0].span);
    if (!axes || axes->size() != 1)
      return {};
    axis = (*axes)[0];
  }
  Shape shape = parts[0]->type.shape;
  shape.insert(shape.begin() + axis, Dim::of(1));
  for (Node *&part : parts)
    part = build.reshape(part, shape);
  return Value::tensor(build.concat(parts, axis));
}

/// The numbers of NumPy's `pad_width`: one, a pair, or a pair for each
/// dimension.
std::optional<std::vector<std::pair<int64_t, int64_t>>>
Elaborator::toWidths(const Actual &widths, const TensorType &type) {
  auto isList = [](const Value &value) {
    return value.is(Value::Kind::List) || value.is(Value::Kind::Tuple);
  };
  auto isWidth = [](const Value &value) {
    return value.is(Value::Kind::Int) && value.integer >= 0 &&
           value.integer <= std::numeric_limits<int32_t>::max();
  };
  auto isPair = [&](const Value &value) {
    return isList(value) && value.elements.size() == 2 &&
           isWidth(value.elements[0]) && isWidth(value.elements[1]);
  };
  auto pairOf = [](const Value &value) {
    return std::make_pair(value.elements[0].integer, value.elements[1].integer);
  };
  const Value &value = widths.value;
  const auto rank = static_cast<size_t>(type.rank());
  std::vector<std::pair<int64_t, int64_t>> result;
  if (isWidth(value)) {
    result.assign(rank, {value.integer, value.integer});
  } else if (isPair(value)) {
    result.assign(rank, pairOf(value));
  } else if (isList(value) && value.elements.size() == rank &&
             std::all_of(value.elements.begin(), value.elements.end(),
                         isPair)) {
    for (const Value &element : value.elements)
      result.push_back(pairOf(element));
  } else {
    context
        .error(Code::ExpectedConstant, widths.span,
               "the widths of `pad` are a pair of whole numbers, at least 0, "
               "for each of the " +
                   std::to_string(rank) + " dimensions, found " +
                   value.describe())
        .help("`pad(x, ((0, 0), (1, 2)))` puts one element before the columns "
              "and two behind them");
    return std::nullopt;
  }
  return result;
}

Value Elaborator::builtinPad(CallSite &site) {
  Node *x = requireTensor(site.args[0].value, site.args[0].span, "`pad`");
  if (!x)
    return {};
  auto widths = toWidths(site.args[1], x->type);
  if (!widths)
    return {};
  Value fill = site.args[2].given ? site.args[2].value : Value::of(int64_t{0});
  Span fillSpan = site.args[2].given ? site.args[2].span : site.call.span;
  if (!fill.isNumber()) {
    context.error(Code::ExpectedConstant, fillSpan,
                  "the value of `pad` is a number known at compile time, "
                  "found " +
                      fill.describe());
    return {};
  }
  if (!fitsType(fill, x->type.dtype, fillSpan))
    return {};
  for (int64_t dim = 0; dim < x->type.rank(); ++dim) {
    auto [before, after] = (*widths)[dim];
    if (before + after == 0)
      continue;
    if (x->type.shape[dim].isBatch) {
      context.error(Code::BatchMixed, site.args[1].span,
                    "the batch can't be padded with rows that are no examples");
      return {};
    }
    std::vector<Node *> parts;
    auto addFilled = [&](int64_t count) {
      if (count == 0)
        return;
      Shape shape = x->type.shape;
      shape[dim] = Dim::of(count);
      parts.push_back(build.broadcast(toTensor(fill, x->type.dtype), shape));
    };
    addFilled(before);
    parts.push_back(x);
    addFilled(after);
    TensorType type = x->type;
    type.shape[dim].size += before + after;
    if (!fitsMemory(type, site.call.span))
      return {};
    x = build.concat(parts, dim);
  }
  return Value::tensor(x);
}

//===----------------------------------------------------------------------===//
// Einstein's sums
//===----------------------------------------------------------------------===//

namespace {
/// `bij,bjk->bik`, taken apart.
struct Equation {
  std::vector<std::string> inputs;
  std::string output;
  std::string mistake; ///< empty where it is right
};

Equation parseEquation(const std::string &text) {
  Equation result;
  std::string sides[2];
  int side = 0;
  result.inputs.emplace_back();
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == ' ')
      continue;
    std::string &word = side ? result.output : result.inputs.back();
    if (c == ',' && side == 0)
      result.inputs.emplace_back();
    else if (c == '-' && side == 0 && text.substr(i, 2) == "->")
      ++side, ++i;
    else if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
      result.mistake = std::string("`") + c + "` is no letter";
    else if (word.find(c) != std::string::npos)
      result.mistake =
          std::string("`") + c + "` stands twice in `" + word + c + "`";
    else
      word += c;
  }
  std::map<char, int> uses;
  for (const std::string &input : result.inputs)
    for (char c : input)
      ++uses[c];
  if (side == 0) // NumPy: what stands once, in the order of the alphabet
    for (auto [c, count] : uses)
      if (count == 1)
        result.output += c;
  for (char c : result.output)
    if (!uses.count(c))
      result.mistake = std::string("`") + c + "` stands in the result alone";
  return result;
}
} // namespace

Value Elaborator::builtinEinsum(CallSite &site) {
  const Value &text = site.args[0].value;
  auto bad = [&](Span span, const std::string &why) {
    context.error(Code::ShapeMismatch, span, "`einsum`: " + why)
        .help(
            "one letter for each dimension: `einsum(\"bij,bjk->bik\", a, b)`");
    return Value();
  };
  if (!text.is(Value::Kind::Text))
    return bad(site.args[0].span,
               "the equation is a text, found " + text.describe());
  Equation equation = parseEquation(text.text);
  if (!equation.mistake.empty())
    return bad(site.args[0].span, equation.mistake);
  size_t given = site.args[2].given ? 2 : 1;
  if (equation.inputs.size() != given)
    return bad(site.args[0].span,
               "the equation has " + std::to_string(equation.inputs.size()) +
                   " operands, the call " + std::to_string(given));
  std::vector<Node *> operands;
  std::map<char, Dim> extents;
  for (size_t i = 0; i < given; ++i) {
    Actual &actual = site.args[1 + i];
    Node *x = requireTensor(actual.value, actual.span, "`einsum`");
    if (!x)
      return {};
    const std::string &letters = equation.inputs[i];
    if (x->type.dtype == DType::Bool)
      return bad(actual.span,
                 "it needs numbers, found " + actual.value.describe());
    if (static_cast<int64_t>(letters.size()) != x->type.rank())
      return bad(actual.span,
                 "`" + letters + "` has " + std::to_string(letters.size()) +
                     " letters, and this is a `" + spell(x->type) + "`");
    for (size_t dim = 0; dim < letters.size(); ++dim) {
      auto [known, isNew] =
          extents.try_emplace(letters[dim], x->type.shape[dim]);
      if (!isNew && known->second != x->type.shape[dim])
        return bad(actual.span, std::string("`") + letters[dim] + "` is " +
                                    spell(known->second) + " and " +
                                    spell(x->type.shape[dim]));
    }
    operands.push_back(x);
  }
  Shape shape;
  for (char c : equation.output)
    shape.push_back(extents[c]);
  if (!hasOneBatch(shape, site.call.span))
    return {};
  return einsum(equation.inputs, operands, equation.output, site);
}

Value Elaborator::einsum(std::vector<std::string> letters,
                         std::vector<Node *> operands,
                         const std::string &output, CallSite &site) {
  auto has = [](const std::string &word, char c) {
    return word.find(c) != std::string::npos;
  };
  if (operands.size() == 2) {
    auto dtype = promote(operands[0]->type.dtype, operands[1]->type.dtype);
    if (!dtype) {
      context
          .error(Code::WrongElementType, site.call.span,
                 "`einsum` of a `" + spell(operands[0]->type) + "` and a `" +
                     spell(operands[1]->type) + "`")
          .help("different float types meet only through a cast");
      return {};
    }
    for (Node *&x : operands)
      x = build.cast(x, *dtype);
  }
  // What one operand alone has, and the result has not, is summed first.
  for (size_t i = 0; i < operands.size(); ++i) {
    std::vector<int64_t> sums;
    std::string left;
    for (size_t dim = 0; dim < letters[i].size(); ++dim) {
      char c = letters[i][dim];
      bool shared = operands.size() == 2 && has(letters[1 - i], c);
      if (shared || has(output, c))
        left += c;
      else
        sums.push_back(static_cast<int64_t>(dim));
    }
    if (!sums.empty())
      operands[i] = build.reduce("sum", operands[i], sums);
    letters[i] = left;
  }
  auto inOrder = [&](Node *x, const std::string &from) {
    std::vector<int64_t> perm;
    for (char c : output)
      perm.push_back(static_cast<int64_t>(from.find(c)));
    return Value::tensor(build.transpose(x, perm));
  };
  if (operands.size() == 1)
    return inOrder(operands[0], letters[0]);

  std::array<std::vector<int64_t>, 4> dims; // batch of both, contract of both
  std::string order;
  for (size_t dim = 0; dim < letters[0].size(); ++dim) {
    char c = letters[0][dim];
    size_t other = letters[1].find(c);
    if (other == std::string::npos)
      continue;
    bool isBatch = has(output, c);
    dims[isBatch ? 0 : 2].push_back(static_cast<int64_t>(dim));
    dims[isBatch ? 1 : 3].push_back(static_cast<int64_t>(other));
    if (isBatch)
      order += c;
  }
  for (int i = 0; i < 2; ++i)
    for (char c : letters[i])
      if (!has(letters[1 - i], c))
        order += c;
  if (!dims[2].empty())
    return inOrder(
        build.dot(operands[0], operands[1], dims[0], dims[1], dims[2], dims[3]),
        order);
  // Nothing is summed: a product, element by element.
  Shape shape;
  for (char c : order) {
    size_t at = letters[0].find(c);
    shape.push_back(at == std::string::npos
                        ? operands[1]->type.shape[letters[1].find(c)]
                        : operands[0]->type.shape[at]);
  }
  for (int i = 0; i < 2; ++i) {
    // Its dimensions in the order of the result.
    std::vector<int64_t> perm, places;
    for (size_t dim = 0; dim < order.size(); ++dim)
      if (size_t at = letters[i].find(order[dim]); at != std::string::npos) {
        perm.push_back(static_cast<int64_t>(at));
        places.push_back(static_cast<int64_t>(dim));
      }
    operands[i] =
        build.broadcast(build.transpose(operands[i], perm), shape, places);
  }
  return inOrder(build.binary("mul", operands[0], operands[1]), order);
}

} // namespace mlc::frontend
