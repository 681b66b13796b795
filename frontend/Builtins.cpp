//===- Builtins.cpp - Functions of the language ---------------------------===//

#include "frontend/Elaborator.h"
#include "frontend/Printer.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mlc::frontend {

namespace {
using E = Elaborator;

struct Parameters {
  std::vector<std::string> names;
  std::vector<bool> named, optional;
  bool variadic = false;
};

Parameters readParameters(const char *text) {
  Parameters result;
  bool named = false;
  std::string word;
  for (const char *c = text;; ++c) {
    if (*c && *c != ' ') {
      word += *c;
      continue;
    }
    if (!word.empty() && word[0] == '|') {
      named = true;
      word.erase(0, 1);
    }
    bool optional = !word.empty() && word.back() == '?';
    if (optional)
      word.pop_back();
    if (!word.empty()) {
      result.names.push_back(word);
      result.named.push_back(named);
      result.optional.push_back(optional);
    }
    word.clear();
    if (!*c)
      return result;
  }
}

/// `concat(x, y, axis = 1)`: its tensors stand in one list. Not
/// `concat((x, y), 1)`, whose axis lacks its name.
bool reportLooseParts(CheckContext &context, const ast::CallExpr &call) {
  std::string list, rest;
  size_t parts = 0;
  for (const ast::Argument &argument : call.arguments) {
    const ast::Expr *value = argument.value.get();
    const auto *negative = llvm::dyn_cast<ast::UnaryExpr>(value);
    if (!argument.name &&
        (llvm::isa<ast::TupleExpr, ast::ListExpr, ast::IntExpr>(value) ||
         (negative && llvm::isa<ast::IntExpr>(negative->operand.get()))))
      return false;
    std::string text = printSource(*value);
    if (argument.name) {
      rest += ", " + argument.name->text + " = " + text;
    } else {
      list += (parts ? ", " : "") + text;
      ++parts;
    }
  }
  if (parts < 2)
    return false;
  context
      .error(Code::TooManyArguments, call.arguments[1].span,
             "`concat` takes its tensors in one list")
      .help("write `concat((" + list + ")" + rest + ")`");
  return true;
}
} // namespace

std::string Elaborator::signatureOf(const BuiltinSpec &spec) {
  Parameters parameters = readParameters(spec.parameters);
  std::string text;
  for (size_t i = 0; i < parameters.names.size(); ++i) {
    std::string word = parameters.names[i] + (parameters.named[i] ? " =" : "");
    text += (text.empty() ? "" : ", ") +
            (parameters.optional[i] ? "[" + word + "]" : word);
  }
  return std::string(spec.name) + "(" + text + ")";
}

Value Elaborator::callBuiltin(const ast::CallExpr &call, Body &body,
                              const BuiltinSpec &spec) {
  Parameters parameters = readParameters(spec.parameters);
  CallSite site{call, body, {}, {}};
  if (call.callee.text == "concat" && reportLooseParts(context, call))
    return {};
  if (!matchArguments(call, body, parameters.names, parameters.named, false,
                      site, Span()))
    return {};
  bool poison = false;
  for (size_t i = 0; i < site.args.size(); ++i) {
    if (!site.args[i].given && !parameters.optional[i]) {
      context
          .error(Code::MissingArgument, call.callee.span,
                 "`" + call.callee.text + "` needs the argument `" +
                     parameters.names[i] + "`")
          .help("write `" + signatureOf(spec) + "`");
      return {};
    }
    poison |= site.args[i].given && site.args[i].value.isPoison();
  }
  if (call.instance && !makeInstance(call, body) && context.failed())
    return {};
  if (poison)
    return {};
  // A chain of `|>` may begin lines before this call.
  build.span = call.piped ? call.callee.span : call.span;
  Value result = (this->*spec.run)(site);
  return result.is(Value::Kind::Tensor) ? finish(result.node, call.span)
                                        : result;
}

Value Elaborator::builtinUnary(CallSite &site) {
  const std::string &name = site.call.callee.text;
  Actual &x = site.args[0];
  if (!isOperand(x.value, x.span))
    return {};
  bool keepsIntegers = name == "abs" || name == "sign" || name == "relu";
  if (x.value.isNumber()) {
    double v = x.value.asDouble(), r = 0;
    if (name == "relu" || name == "abs") {
      int64_t integer = x.value.integer;
      bool isInt = x.value.is(Value::Kind::Int);
      if (isInt && name == "relu")
        return Value::of(std::max<int64_t>(integer, 0));
      if (isInt && integer == std::numeric_limits<int64_t>::min()) {
        context.error(Code::CompileTimeArithmetic, site.call.span,
                      "the absolute value overflows i64");
        return {};
      }
      if (isInt)
        return Value::of(std::abs(integer));
      r = name == "abs" ? std::abs(v) : std::max(v, 0.0);
    } else if (name == "sign") {
      r = v > 0 ? 1 : v < 0 ? -1 : 0;
    } else if (name == "exp") {
      r = std::exp(v);
    } else if (name == "expm1") {
      r = std::expm1(v);
    } else if (name == "log") {
      r = std::log(v);
    } else if (name == "log1p") {
      r = std::log1p(v);
    } else if (name == "sqrt") {
      r = std::sqrt(v);
    } else if (name == "tanh") {
      r = std::tanh(v);
    } else if (name == "sigmoid") {
      r = 1 / (1 + std::exp(-v));
    } else if (name == "erf") {
      r = std::erf(v);
    } else if (name == "sin") {
      r = std::sin(v);
    } else if (name == "round") {
      r = std::nearbyint(v);
    } else if (name == "cos") {
      r = std::cos(v);
    } else {
      r = std::floor(v);
    }
    if (std::isfinite(r))
      return Value::of(r);
    context.error(Code::CompileTimeArithmetic, site.call.span,
                  "`" + name + "` of " + x.value.describe() + " is not finite");
    return {};
  }
  Node *node = requireTensor(x.value, x.span, ("`" + name + "`").c_str());
  if (!node)
    return {};
  DType dtype = node->type.dtype;
  if (dtype == DType::Bool || (dtype == DType::U8 && keepsIntegers)) {
    context
        .error(Code::WrongElementType, x.span,
               "`" + name + "` has no meaning for " + x.value.describe())
        .help("convert it first: `float(x)`");
    return {};
  }
  if (!isFloat(dtype) && !keepsIntegers)
    node = build.cast(node, context.compute);
  static const char *const kOps[] = {
      "exp", "expm1", "log",   "log1p", "sqrt", "tanh", "sigmoid", "erf",
      "sin", "cos",   "floor", "round", "abs",  "sign", "relu"};
  for (const char *op : kOps)
    if (name == op)
      return Value::tensor(build.unary(op, node));
  return {};
}

Value Elaborator::foldBuiltin(const std::string &name, const Value &a,
                              const Value &b, Span span) {
  bool ints = a.is(Value::Kind::Int) && b.is(Value::Kind::Int);
  if (name != "div") {
    if (ints)
      return Value::of(name == "maximum" ? std::max(a.integer, b.integer)
                                         : std::min(a.integer, b.integer));
    double x = a.asDouble(), y = b.asDouble();
    return Value::of(name == "maximum" ? std::max(x, y) : std::min(x, y));
  }
  int64_t x = a.integer, y = b.integer;
  if (!ints)
    context
        .error(Code::WrongElementType, span,
               "`div` divides integers, and these are " + a.describe() +
                   " and " + b.describe())
        .help("`/` divides floats");
  else if (y == 0)
    context.error(Code::CompileTimeArithmetic, span, "division by zero");
  else if (y == -1 && x == std::numeric_limits<int64_t>::min())
    context.error(Code::CompileTimeArithmetic, span,
                  "the quotient overflows i64");
  else
    return Value::of(x / y - (x % y != 0 && (x < 0) != (y < 0)));
  return {};
}

Value Elaborator::builtinBinary(CallSite &site) {
  const std::string &name = site.call.callee.text;
  Actual &a = site.args[0], &b = site.args[1];
  if (!isOperand(a.value, a.span) || !isOperand(b.value, b.span))
    return {};
  if (a.value.isNumber() && b.value.isNumber())
    return foldBuiltin(name, a.value, b.value, site.call.span);
  if (!a.value.is(Value::Kind::Tensor) && !b.value.is(Value::Kind::Tensor)) {
    requireTensor(a.value, a.span, ("`" + name + "`").c_str());
    return {};
  }
  Node *x = nullptr, *y = nullptr;
  if (!unite(a.value, b.value, a.span, b.span, site.call.span, false, false, x,
             y))
    return {};
  if (name == "div" && !isInteger(x->type.dtype)) {
    context
        .error(Code::WrongElementType, site.call.span,
               "`div` divides integers, and these are `" +
                   std::string(spell(x->type.dtype)) + "`")
        .help("`/` divides floats");
    return {};
  }
  return Value::tensor(build.binary(name == "div"       ? "idiv"
                                    : name == "maximum" ? "maximum"
                                                        : "minimum",
                                    x, y));
}

Value Elaborator::builtinWhere(CallSite &site) {
  Actual &c = site.args[0], &a = site.args[1], &b = site.args[2];
  Node *condition = requireTensor(c.value, c.span, "the condition of `where`");
  if (!condition)
    return {};
  if (condition->type.dtype != DType::Bool) {
    context
        .error(Code::WrongElementType, c.span,
               "the condition of `where` is a bool, found " +
                   c.value.describe())
        .help("compare first: `x != 0`");
    return {};
  }
  if (!isOperand(a.value, a.span) || !isOperand(b.value, b.span))
    return {};
  Node *x = nullptr, *y = nullptr;
  if (a.value.isNumber() && b.value.isNumber()) {
    bool ints = a.value.is(Value::Kind::Int) && b.value.is(Value::Kind::Int);
    x = toTensor(a.value, ints ? DType::I32 : context.compute);
    y = toTensor(b.value, x->type.dtype);
  } else if (!a.value.is(Value::Kind::Tensor) &&
             !b.value.is(Value::Kind::Tensor)) {
    requireTensor(a.value, a.span, "`where`");
    return {};
  } else if (!unite(a.value, b.value, a.span, b.span, site.call.span, false,
                    true, x, y)) {
    return {};
  }
  if (!stretch(x, condition, a.span, c.span, site.call.span))
    return {};
  y = build.broadcast(y, x->type.shape);
  return Value::tensor(build.select(condition, x, y));
}

Value Elaborator::builtinReduce(CallSite &site) {
  const std::string &name = site.call.callee.text;
  Actual &x = site.args[0];
  auto how = reductionOf(site, /*overBatch=*/true, "");
  if (!how)
    return {};
  Node *node = how->x;
  DType dtype = node->type.dtype;
  if (name == "mean" && !isFloat(dtype)) {
    if (dtype == DType::Bool) {
      context
          .error(Code::WrongElementType, x.span,
                 "`mean` needs numbers, found " + x.value.describe())
          .help("convert it first: `float(x)`");
      return {};
    }
    node = build.cast(node, context.compute);
  }
  if (name == "sum" && dtype == DType::Bool) {
    context
        .error(Code::WrongElementType, x.span,
               "`sum` needs numbers, found " + x.value.describe())
        .help("convert it first: `i32(x)` or `float(x)`");
    return {};
  }
  if (name == "sum" && isInteger(dtype)) // NumPy's: 64 bits hold it
    node = build.cast(node, DType::I64);
  Node *result = how->axes.empty() ? node : build.reduce(name, node, how->axes);
  return Value::tensor(how->keep ? build.reshape(result, how->kept) : result);
}

Value Elaborator::builtinArgReduce(CallSite &site) {
  const std::string &name = site.call.callee.text;
  Actual &x = site.args[0];
  Node *node = requireTensor(x.value, x.span, ("`" + name + "`").c_str());
  if (!node)
    return {};
  auto axes = toAxes(site.args[1], node->type.rank(), x.span);
  if (!axes)
    return {};
  if (axes->size() != 1) {
    context.error(Code::BadAxis, site.args[1].span,
                  "`" + name + "` takes one axis");
    return {};
  }
  if (node->type.shape[(*axes)[0]].isBatch) {
    context.error(Code::BatchMixed, site.args[1].span,
                  "`" + name +
                      "` over the batch would depend on how it is "
                      "split");
    return {};
  }
  if (node->type.dtype == DType::Bool) {
    context.error(Code::WrongElementType, x.span,
                  "`" + name + "` needs numbers, found " + x.value.describe());
    return {};
  }
  return Value::tensor(
      build.argReduce(name == "argmax" ? "max" : "min", node, (*axes)[0]));
}

Value Elaborator::builtinCrossEntropy(CallSite &site) {
  Actual &x = site.args[0], &y = site.args[1];
  Node *logits = requireTensor(x.value, x.span, "the logits");
  Node *labels =
      logits ? requireTensor(y.value, y.span, "the labels") : nullptr;
  if (!labels)
    return {};
  if (!isFloat(logits->type.dtype) || !isInteger(labels->type.dtype)) {
    bool badLogits = !isFloat(logits->type.dtype);
    context.error(Code::WrongElementType, badLogits ? x.span : y.span,
                  badLogits
                      ? "logits are floats, found " + x.value.describe()
                      : "labels are integers, found " + y.value.describe());
    return {};
  }
  Shape leading = logits->type.shape;
  bool isScalar = leading.empty();
  if (!isScalar)
    leading.pop_back();
  if (isScalar || leading != labels->type.shape ||
      logits->type.shape.back().isBatch) {
    context
        .error(Code::ShapeMismatch, site.call.span,
               "logits `" + spell(logits->type) + "` and labels `" +
                   spell(labels->type) + "` don't fit together")
        .help("logits are `[..., classes]`, labels `[...]`");
    return {};
  }
  return Value::tensor(build.softmaxCrossEntropy(logits, labels));
}

namespace {
const BuiltinSpec kBuiltins[] = {
#define MLC_UNARY(NAME) {NAME, "x", &E::builtinUnary},
#include "frontend/Builtins.def"
};
} // namespace

const BuiltinSpec *Elaborator::findBuiltin(const std::string &name) {
  for (const BuiltinSpec &spec : kBuiltins)
    if (name == spec.name)
      return &spec;
  return nullptr;
}

std::vector<std::string> Elaborator::builtinNames() {
  std::vector<std::string> names;
  for (const BuiltinSpec &spec : kBuiltins)
    names.push_back(spec.name);
  return names;
}

const std::vector<std::string> &Elaborator::laterCallables() {
  static const std::vector<std::string> kLater = {
      "standardize", "auc", "cumsum", "sort", "topk", "scatter"};
  return kLater;
}

} // namespace mlc::frontend
