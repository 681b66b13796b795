//===- ElaborateCalls.cpp - Layers and functions are called ---------------===//

#include "frontend/Elaborator.h"

#include <algorithm>

namespace mlc::frontend {

Elaborator::Callable Elaborator::findCallable(const std::string &name,
                                              const Body &body) const {
  Callable found;
  auto inFile = [&](const ast::Program &program, size_t file) {
    for (const auto *layer : program.files[file].all<ast::LayerDecl>())
      if (layer->name.text == name) {
        found.layer = layer;
        found.home = &program;
        found.file = file;
        return true;
      }
    return false;
  };
  if (inFile(*body.home, body.file))
    return found;
  for (size_t i = 0; i < body.home->files.size(); ++i)
    if (inFile(*body.home, i))
      return found;
  for (size_t i = 0; i < context.library.files.size(); ++i)
    if (inFile(context.library, i))
      return found;
  found.builtin = findBuiltin(name);
  const std::vector<std::string> &later = laterCallables();
  found.known = !found.builtin &&
                std::find(later.begin(), later.end(), name) != later.end();
  return found;
}

std::vector<std::string> Elaborator::callableNames(const Body &body) const {
  std::vector<std::string> names;
  for (const ast::Program *program : {body.home, &context.library})
    for (const ast::File &file : program->files)
      for (const auto *layer : file.all<ast::LayerDecl>())
        names.push_back(layer->name.text);
  for (std::string &name : builtinNames())
    names.push_back(std::move(name));
  return names;
}

Value Elaborator::evalCall(const ast::CallExpr &call, Body &body) {
  Callable what = findCallable(call.callee.text, body);
  if (what.layer)
    return callLayer(call, body, what);
  if (what.builtin)
    return callBuiltin(call, body, *what.builtin);
  if (!what.known) {
    auto error =
        context.error(Code::UnknownCallable, call.callee.span,
                      "no layer or function named `" + call.callee.text + "`");
    error.suggest(suggestName(call.callee.text, callableNames(body)));
    return {};
  }
  context.notYet(call.callee.span, "`" + call.callee.text + "`");
  for (const ast::Argument &argument : call.arguments)
    if (!llvm::isa<ast::NameExpr>(argument.value.get()))
      eval(*argument.value, body);
  if (call.instance)
    makeInstance(call, body);
  return {};
}

bool Elaborator::matchArguments(const ast::CallExpr &call, Body &body,
                                const std::vector<std::string> &names,
                                const std::vector<bool> &named, bool variadic,
                                CallSite &site, Span declared) {
  const std::string &callee = call.callee.text;
  site.args.assign(names.size(), {});
  size_t positional = 0;
  auto noteDeclared = [&](DiagnosticBuilder &error) {
    if (declared.valid())
      error.note(declared, "`" + callee + "` is defined here");
  };
  for (const ast::Argument &argument : call.arguments) {
    size_t index;
    if (argument.name) {
      index = static_cast<size_t>(
          std::find(names.begin(), names.end(), argument.name->text) -
          names.begin());
      if (index == names.size()) {
        auto error = context.error(Code::UnknownArgument, argument.name->span,
                                   "`" + callee + "` has no parameter named `" +
                                       argument.name->text + "`");
        error.suggest(suggestName(argument.name->text, names));
        noteDeclared(error);
        return false;
      }
      if (site.args[index].given) {
        auto error =
            context.error(Code::ArgumentTwice, argument.name->span,
                          "`" + argument.name->text + "` is given twice");
        error.note(site.args[index].span, "it is given here already");
        return false;
      }
    } else {
      while (positional < names.size() && named[positional])
        ++positional;
      if (variadic &&
          positional + 1 >=
              names.size() - std::count(named.begin(), named.end(), true)) {
        site.spread.push_back(
            {eval(*argument.value, body), argument.value->span, true});
        continue;
      }
      if (positional == names.size()) {
        size_t most =
            static_cast<size_t>(std::count(named.begin(), named.end(), false));
        auto error = context.error(
            Code::TooManyArguments, argument.span,
            "`" + callee + "` takes at most " + std::to_string(most) +
                (most == 1 ? " argument" : " arguments") + " without a name");
        auto isGiven = [&](const std::string &name) {
          return llvm::any_of(call.arguments, [&](const ast::Argument &other) {
            return other.name && other.name->text == name;
          });
        };
        for (size_t i = 0; i < names.size(); ++i)
          if (named[i] && !isGiven(names[i])) {
            error.help("`" + names[i] + "` is always named: `" + names[i] +
                       " = ...`");
            break;
          }
        if (call.piped)
          error.note(call.arguments[0].span,
                     "the value before `|>` is the first argument");
        noteDeclared(error);
        return false;
      }
      index = positional++;
    }
    site.args[index] = {eval(*argument.value, body), argument.value->span,
                        true};
    if (context.failed())
      return false;
  }
  return true;
}

/// Whether two instances of one parent, with these names and loops, have a path
/// in common: `h.0` and, of a `repeat` from 0 on, `h.*`.
static bool sharePath(llvm::StringRef a, llvm::ArrayRef<Loop *> loopsOfA,
                      llvm::StringRef b, llvm::ArrayRef<Loop *> loopsOfB) {
  using Range = std::pair<int64_t, int64_t>;
  auto take = [](llvm::StringRef part, llvm::ArrayRef<Loop *> &loops,
                 Range &range) {
    if (part != "*")
      return !part.getAsInteger(10, range.first) &&
             (range.second = range.first + 1, true);
    range = {loops[0]->first, loops[0]->first + loops[0]->count};
    loops = loops.drop_front();
    return true;
  };
  while (!a.empty() && !b.empty()) {
    auto [partOfA, restOfA] = a.split('.');
    auto [partOfB, restOfB] = b.split('.');
    if (Range rangeA, rangeB;
        take(partOfA, loopsOfA, rangeA) && take(partOfB, loopsOfB, rangeB)) {
      if (rangeA.first >= rangeB.second || rangeB.first >= rangeA.second)
        return false;
    } else if (partOfA != partOfB) {
      return false;
    }
    a = restOfA;
    b = restOfB;
  }
  return a.empty() && b.empty();
}

Instance *Elaborator::makeInstance(const ast::CallExpr &call, Body &body) {
  std::string name;
  Span span = call.callee.span;
  std::vector<Loop *> axes = body.self->axes;
  auto isIn = [&](const Loop *loop) {
    return std::find(axes.begin(), axes.end(), loop) != axes.end();
  };
  // The instance that has this name, or a path in common.
  auto findTaken = [&](const std::string &stem,
                       const std::string &wanted) -> Instance * {
    auto own = [&](const std::vector<Loop *> &loops) {
      return llvm::ArrayRef(loops).drop_front(body.self->axes.size());
    };
    auto &children = body.self->children;
    for (auto at = children.lower_bound(stem);
         at != children.end() && llvm::StringRef(at->first).starts_with(stem);
         ++at)
      if (at->first == wanted ||
          sharePath(wanted, own(axes), at->first, own(at->second->axes)))
        return at->second.get();
    return nullptr;
  };
  if (call.instance) {
    span = call.instance->span;
    name = call.instance->name.text;
    for (const ast::ExprPtr &index : call.instance->indices) {
      Value value = eval(*index, body);
      if (value.isPoison())
        return nullptr;
      auto loop = std::find_if(
          body.loops.begin(), body.loops.end(), [&](const BodyLoop &each) {
            return each.index && value.is(Value::Kind::Tensor) &&
                   value.node == each.index;
          });
      if (loop != body.loops.end() && !isIn(loop->loop)) {
        if (axes.size() > body.self->axes.size() &&
            std::none_of(body.loops.begin(), loop, [&](const BodyLoop &each) {
              return each.loop == axes.back();
            })) {
          context
              .error(Code::DuplicateInstance, index->span,
                     "the numbers of an instance stand in the order of the "
                     "`repeat`s, the outer one first")
              .note(loop->index->span, "this `repeat` is further out");
          return nullptr;
        }
        name += ".*";
        axes.push_back(loop->loop);
        continue;
      }
      if (!value.is(Value::Kind::Int)) {
        context.error(Code::ExpectedConstant, index->span,
                      "the index of an instance is an integer, found " +
                          value.describe());
        return nullptr;
      }
      name += "." + std::to_string(value.integer);
    }
    for (const BodyLoop &each : body.loops)
      if (each.isRepeat && each.loop && !isIn(each.loop)) {
        context
            .error(Code::DuplicateInstance, span,
                   "every iteration of `repeat` makes an instance named `" +
                       name + "`")
            .help("name it by the iteration: `" + call.instance->name.text +
                  "[i]`");
        return nullptr;
      }
    if (auto other = findTaken(call.instance->name.text, name)) {
      context
          .error(Code::DuplicateInstance, span,
                 "two instances are named `" + name + "`")
          .note(other->span, "the first is here")
          .help("give this one another name after `as`");
      return nullptr;
    }
  } else {
    std::string iterations;
    for (const BodyLoop &each : body.loops)
      if (each.isRepeat && each.loop) {
        iterations += ".*";
        axes.push_back(each.loop);
      }
    std::string stem;
    do {
      int number = body.numbering[call.callee.text]++;
      stem = call.callee.text + (number ? "_" + std::to_string(number) : "");
      name = stem + iterations;
    } while (findTaken(stem, name));
  }
  auto instance = std::make_unique<Instance>();
  instance->path =
      body.self->path.empty() ? name : body.self->path + "." + name;
  instance->layer = call.callee.text;
  instance->axes = std::move(axes);
  instance->span = span;
  instance->call = static_cast<uint32_t>(graph.calls.size());
  graph.calls.push_back(
      {instance->path, instance->layer, call.callee.span, body.self->call});
  Instance *result = instance.get();
  body.self->children[name] = std::move(instance);
  return result;
}

Value Elaborator::callLayer(const ast::CallExpr &call, Body &body,
                            const Callable &what) {
  const ast::LayerDecl &layer = *what.layer;
  if (std::find(stack.begin(), stack.end(), &layer) != stack.end()) {
    context
        .error(Code::RecursiveLayer, call.callee.span,
               "`" + layer.name.text + "` calls itself")
        .note(layer.name.span, "it is defined here")
        .help("repeat a layer with `repeat i in 0..n { ... }`");
    return {};
  }
  std::vector<std::string> names;
  for (const ast::Parameter &parameter : layer.parameters)
    names.push_back(parameter.name.text);
  CallSite site{call, body, {}, {}};
  if (!matchArguments(call, body, names, std::vector<bool>(names.size()), false,
                      site, layer.name.span))
    return {};
  for (size_t i = 0; i < names.size(); ++i)
    if (!site.args[i].given && !layer.parameters[i].init) {
      context
          .error(Code::MissingArgument, call.callee.span,
                 "`" + layer.name.text + "` needs the argument `" + names[i] +
                     "`")
          .note(layer.parameters[i].span, "the parameter is here")
          .help("write `" + layer.name.text + "(..., " + names[i] + " = ...)`");
      return {};
    }
  Instance *instance = makeInstance(call, body);
  std::unique_ptr<Instance> scratch;
  if (!instance) {
    if (context.failed())
      return {};
    scratch = std::make_unique<Instance>();
    instance = scratch.get();
  }
  Body inner;
  inner.layer = &layer;
  inner.home = what.home;
  inner.file = what.file;
  inner.self = instance;
  inner.dry = body.dry;
  std::vector<std::pair<const ast::Expr *, Dim>> later;
  std::vector<Span> laterSpans;
  for (size_t i = 0; i < names.size(); ++i)
    if (!layer.parameters[i].type.brackets &&
        !bindHyperparameter(layer.parameters[i], site.args[i], inner))
      return {};
  for (size_t i = 0; i < names.size(); ++i)
    if (layer.parameters[i].type.brackets &&
        !bindTensor(layer.parameters[i], site.args[i], inner, later,
                    laterSpans))
      return {};
  for (size_t i = 0; i < later.size(); ++i) {
    std::optional<Dim> dim = evalDim(*later[i].first, inner);
    if (!dim && context.failed())
      return {};
    if (dim && *dim != later[i].second) {
      context
          .error(Code::DimensionMismatch, laterSpans[i],
                 "dimension `" +
                     std::string(context.sources.text(later[i].first->span)) +
                     "` is " + spell(*dim) + ", and this argument has " +
                     spell(later[i].second))
          .note(later[i].first->span, "the dimension is declared here");
      return {};
    }
  }
  // Only training differentiates, and nothing inside of a gradient.
  std::optional<Body> before;
  if (layer.gradient && mode == Mode::Train && !gradientOf)
    before = inner;
  context.instantiated.insert(&layer);
  stack.push_back(&layer);
  context.diagnostics.enter(call.callee.span,
                            "in this call of `" + layer.name.text + "`");
  runBlock(layer.body, inner);
  context.diagnostics.leave();
  stack.pop_back();
  if (context.failed())
    return {};
  Value result = checkResult(layer, inner, call.span);
  if (before && !context.failed())
    result = giveGradient(layer, std::move(*before), result, call.callee.span);
  build.span = call.span;
  build.call = body.self ? body.self->call : 0;
  return result;
}

bool Elaborator::bindHyperparameter(const ast::Parameter &parameter,
                                    Actual &actual, Body &inner) {
  const std::string &kind = parameter.type.element.text;
  Value value = actual.given ? actual.value : eval(*parameter.init, inner);
  Span span = actual.given ? actual.span : parameter.init->span;
  if (context.failed())
    return false;
  if (kind != "int" && kind != "float" && kind != "bool" && kind != "pair") {
    context
        .error(Code::UnknownType, parameter.type.span,
               "`" + kind +
                   "` is no hyper-parameter; those are `int`, "
                   "`float`, `bool` and `pair`")
        .help("a scalar tensor is written `" + kind + "[]`");
    return false;
  }
  if (!value.isPoison()) {
    bool fits = kind == "int"     ? value.is(Value::Kind::Int)
                : kind == "float" ? value.isNumber()
                                  : value.is(Value::Kind::Bool);
    if (kind == "pair") { // two integers, or one for both
      if (value.is(Value::Kind::Int)) {
        Value both;
        both.kind = Value::Kind::Tuple;
        both.elements = {value, value};
        value = both;
      }
      fits = (value.is(Value::Kind::Tuple) || value.is(Value::Kind::List)) &&
             value.elements.size() == 2 &&
             llvm::all_of(value.elements, [](const Value &one) {
               return one.is(Value::Kind::Int);
             });
      value.kind = fits ? Value::Kind::Tuple : value.kind;
    }
    if (!fits) {
      auto error = context.error(
          value.is(Value::Kind::Tensor) ? Code::ExpectedConstant
                                        : Code::WrongHyperparameter,
          span,
          "`" + parameter.name.text + "` is a hyper-parameter of type `" +
              kind + "`, found " + value.describe());
      error.note(parameter.span, "the parameter is here");
      if (value.is(Value::Kind::Batch))
        error.help("the batch is no number in a model");
      return false;
    }
    if (kind == "float")
      value = Value::of(value.asDouble());
  }
  return bind(inner, parameter.name, value);
}

std::optional<Value> Elaborator::convertTo(const ast::Type &type,
                                           const Value &value, Span span) {
  const std::string &element = type.element.text;
  DType have = value.node->type.dtype;
  if (element == "int") {
    if (isInteger(have))
      return value;
    context.error(Code::WrongElementType, span,
                  "an integer tensor is needed here, found " +
                      value.describe());
    return std::nullopt;
  }
  std::optional<DType> want = parseDType(element, context.compute);
  if (!want) {
    std::vector<std::string> names = {"float", "f32", "bf16", "f16",  "f64",
                                      "i32",   "i64", "u8",   "bool", "int"};
    context
        .error(Code::UnknownType, type.element.span,
               "no element type named `" + element + "`")
        .suggest(suggestName(element, names));
    return std::nullopt;
  }
  if (have == *want)
    return value;
  if (element == "float" && isFloat(have))
    return Value::tensor(build.cast(value.node, *want));
  context
      .error(Code::ElementTypeMismatch, span,
             "a `" + element + "` is needed here, found " + value.describe())
      .note(type.span, "the type is declared here")
      .help("convert it: `" + element + "(...)`");
  return std::nullopt;
}

bool Elaborator::bindTensor(
    const ast::Parameter &parameter, Actual &actual, Body &inner,
    std::vector<std::pair<const ast::Expr *, Dim>> &later,
    std::vector<Span> &laterSpans) {
  const ast::Type &type = parameter.type;
  Value value = actual.given ? actual.value : eval(*parameter.init, inner);
  Span span = actual.given ? actual.span : parameter.init->span;
  if (context.failed())
    return false;
  if (value.isPoison()) {
    for (const ast::ExprPtr &dim : type.dims)
      if (const auto *name = llvm::dyn_cast<ast::NameExpr>(dim.get()))
        if (!lookup(inner, name->name))
          inner.scopes[0][name->name] = {Value(), name->span, false};
    inner.scopes[0].emplace("...", Binding{Value(), type.span, false});
    return bind(inner, parameter.name, value);
  }
  DType dtype =
      parseDType(type.element.text, context.compute).value_or(context.compute);
  if ((value.is(Value::Kind::Int) ||
       (value.is(Value::Kind::Float) && isFloat(dtype))) &&
      type.dims.empty()) {
    if (!fitsType(value, dtype, span))
      return false;
    value = Value::tensor(toTensor(value, dtype));
  }
  if (!requireTensor(value, span, ("`" + parameter.name.text + "`").c_str()))
    return false;
  std::optional<Value> converted = convertTo(type, value, span);
  if (!converted)
    return false;
  const Shape &shape = converted->node->type.shape;
  size_t count = type.dims.size();
  bool open = count && llvm::isa<ast::EllipsisExpr>(type.dims[0].get());
  if (open ? shape.size() < count - 1 : shape.size() != count) {
    context
        .error(Code::RankMismatch, span,
               "`" + parameter.name.text + "` has " +
                   (open ? "at least " + std::to_string(count - 1)
                         : std::to_string(count)) +
                   " dimensions, and this is a `" +
                   spell(converted->node->type) + "`")
        .note(parameter.span, "the parameter is here");
    return false;
  }
  size_t lead = open ? shape.size() - (count - 1) : 0;
  if (open) {
    Value list;
    list.kind = Value::Kind::List;
    for (size_t i = 0; i < lead; ++i)
      list.elements.push_back(Value::of(shape[i]));
    auto [entry, fresh] =
        inner.scopes[0].emplace("...", Binding{list, span, false});
    if (!fresh && entry->second.value.is(Value::Kind::List)) {
      Shape before;
      for (const Value &each : entry->second.value.elements)
        before.push_back(each.is(Value::Kind::Batch) ? Dim::batch()
                                                     : Dim::of(each.integer));
      Shape now(shape.begin(), shape.begin() + static_cast<long>(lead));
      if (before != now) {
        context
            .error(Code::DimensionMismatch, span,
                   "leading dimensions `...` are " + spell(now) +
                       " here and were " + spell(before))
            .note(entry->second.span, "they were bound here");
        return false;
      }
    }
  }
  for (size_t i = open; i < count; ++i) {
    const ast::Expr &dim = *type.dims[i];
    Dim have = shape[lead + i - open];
    if (const auto *name = llvm::dyn_cast<ast::NameExpr>(&dim)) {
      Binding *bound = lookup(inner, name->name);
      bool symbol =
          !name->name.empty() && name->name[0] >= 'A' && name->name[0] <= 'Z';
      if (!bound && symbol) {
        inner.scopes[0][name->name] = {Value::of(have), span, false};
        continue;
      }
      if (bound && bound->value.isPoison())
        continue;
      if (bound) {
        std::optional<Dim> was = toDim(bound->value, dim.span);
        if (!was)
          return false;
        if (*was != have) {
          context
              .error(Code::DimensionMismatch, span,
                     "dimension `" + name->name + "` of `" +
                         parameter.name.text + "` is " + spell(have) +
                         " here and was " + spell(*was))
              .note(bound->span, "it was bound here")
              .note(type.span, "the parameter's shape is here");
          return false;
        }
        continue;
      }
    }
    later.emplace_back(&dim, have);
    laterSpans.push_back(span);
  }
  return bind(inner, parameter.name, *converted);
}

} // namespace mlc::frontend
