//===- ElaborateLoops.cpp - `repeat` and `scan` ---------------------------===//
//
// The body of a loop is expanded once. What it reads from outside and gives a
// new value is carried; parameters of the layers that a `repeat` calls are
// slices of one parameter with the iterations as its first dimension.
//
//===----------------------------------------------------------------------===//

#include "frontend/Elaborator.h"

namespace mlc::frontend {

namespace {

/// The names that the statements of a block assign to, those of inner loops
/// included.
struct AssignedNames {
  std::vector<std::string> names;

  void operator()(const char *, const ast::ExprPtr &expr) { walk(*expr); }
  void operator()(const char *, const ast::ExprPtr &expr, ast::OptionalChild) {
    if (expr)
      walk(*expr);
  }
  void operator()(const char *, const ast::StmtPtr &stmt) {
    if (const auto *assign = llvm::dyn_cast<ast::AssignStmt>(stmt.get()))
      for (const ast::Name &name : assign->names)
        names.push_back(name.text);
    ast::visit(*stmt, [&](const auto &node) { node.fields(node, *this); });
  }
  template <class T> void operator()(const char *, const std::optional<T> &t) {
    if (t)
      (*this)("", *t);
  }
  template <class T> void operator()(const char *, const std::vector<T> &list) {
    for (const T &item : list)
      (*this)("", item);
  }
  template <class T> void operator()(const char *, const T &node) {
    if constexpr (requires { T::fields(node, *this); })
      T::fields(node, *this);
  }

private:
  void walk(const ast::Expr &expr) {
    ast::visit(expr, [&](const auto &node) { node.fields(node, *this); });
  }
};

} // namespace

std::vector<std::string> Elaborator::carriedNames(const ast::Block &block,
                                                  Body &body) {
  AssignedNames assigned;
  assigned("", block);
  std::vector<std::string> carried;
  for (const std::string &name : assigned.names)
    if (Binding *binding = lookup(body, name);
        binding && binding->carried &&
        std::find(carried.begin(), carried.end(), name) == carried.end())
      carried.push_back(name);
  return carried;
}

/// The iterations of a loop, of all loops around it together, that mlrun runs.
constexpr int64_t kMaxIterations = int64_t{1} << 20;

/// Begins the body of a loop, whose carried values get their values there.
bool Elaborator::openLoop(Loop loop, const std::vector<std::string> &carried,
                          Body &body, Span span) {
  int64_t most = kMaxIterations;
  for (const Loop *outer = build.loop; outer; outer = outer->parent)
    most /= outer->count;
  if (loop.count > most) {
    context.error(Code::BadRange, span,
                  "a loop has at most " + std::to_string(kMaxIterations) +
                      " iterations, those of the loops around it counted in, "
                      "and this one runs " +
                      std::to_string(loop.count) + " times");
    return false;
  }
  for (const std::string &name : carried) {
    Binding *binding = lookup(body, name);
    if (binding->value.is(Value::Kind::Float))
      binding->value = Value::tensor(toTensor(binding->value, context.compute));
    if (binding->value.is(Value::Kind::Int)) {
      context
          .error(Code::ExpectedTensor, binding->span,
                 "a loop gives `" + name + "` new values, and " +
                     std::to_string(binding->value.integer) +
                     " has no element type yet")
          .help("say which: `i32(" + std::to_string(binding->value.integer) +
                ")`, or `" + std::to_string(binding->value.integer) +
                ".0` for a float");
      return false;
    }
    if (!requireTensor(binding->value, binding->span, "a loop's value"))
      return false;
  }
  loop.parent = build.loop;
  build.loop = &graph.loops.emplace_back(std::move(loop));
  for (const std::string &name : carried) {
    Binding *binding = lookup(body, name);
    binding->value = Value::tensor(build.addCarry(binding->value.node));
  }
  return true;
}

/// Ends the loop, after which the carried values have their last values.
/// Returns the stacked yields.
std::vector<Node *>
Elaborator::closeLoop(const std::vector<std::string> &carried, Body &body,
                      Span span) {
  Loop &loop = *build.loop;
  for (const Node *node : loop.nodes)
    if (node->reducesBatch) {
      context
          .error(Code::BatchMixed, node->span,
                 "a loop reduces over the batch, which is known only after "
                 "the last example")
          .help("yield the values of every example, and reduce after the loop");
      return {};
    }
  for (size_t i = 0; i < carried.size(); ++i)
    loop.carries[i].next = lookup(body, carried[i])->value.node;
  build.span = span;
  build.call = body.self ? body.self->call : 0;
  std::vector<Node *> results = build.finishLoop();
  for (size_t i = 0; i < carried.size(); ++i)
    lookup(body, carried[i])->value = Value::tensor(results[i]);
  results.erase(results.begin(),
                results.begin() + static_cast<long>(carried.size()));
  return results;
}

void Elaborator::runRepeat(const ast::RepeatStmt &stmt, Body &body) {
  Value range = eval(*stmt.range, body);
  if (context.failed())
    return;
  if (!range.isPoison() && (!range.is(Value::Kind::Range) ||
                            !range.elements[0].is(Value::Kind::Int) ||
                            !range.elements[1].is(Value::Kind::Int))) {
    context.error(Code::BadRange, stmt.range->span,
                  "`repeat` runs over a range of integers such as `0..4`, "
                  "found " +
                      range.describe());
    return;
  }
  std::vector<std::string> carried = carriedNames(stmt.body, body);
  bool unknown = range.isPoison() || body.dry || context.hasNotYet();
  for (const std::string &name : carried)
    unknown |= lookup(body, name)->value.isPoison();
  Value number;
  Loop loop;
  if (!unknown) {
    loop.first = range.elements[0].integer;
    loop.count = range.elements[1].integer - loop.first;
    loop.remat = stmt.remat;
    if (loop.count == 0)
      return;
    if (loop.first < 0 || loop.count < 0 || loop.first > INT32_MAX ||
        loop.count > INT32_MAX - loop.first) {
      context.error(Code::BadRange, stmt.range->span,
                    "`repeat` counts from 0 on up, and this is " +
                        std::to_string(loop.first) + ".." +
                        std::to_string(range.elements[1].integer));
      return;
    }
    build.span = stmt.variable.span;
    Node *numbers = build.iota(DType::I32, {Dim::of(loop.count)}, 0);
    if (loop.first > 0)
      numbers = build.binary(
          "add", numbers,
          build.constant(DType::I32, numbers->type.shape, loop.first));
    if (!openLoop(std::move(loop), carried, body, stmt.range->span))
      return;
    number = Value::tensor(build.addSequence(numbers));
    build.loop->index = number.node;
  } else {
    for (const std::string &name : carried)
      lookup(body, name)->value = {};
  }
  body.loops.push_back({unknown ? nullptr : build.loop, body.scopes.size(),
                        true, number.node, std::nullopt});
  body.scopes.emplace_back();
  if (bind(body, stmt.variable, number))
    runBlock(stmt.body, body);
  body.scopes.pop_back();
  body.loops.pop_back();
  if (context.failed())
    return;
  bool lost = false;
  for (const std::string &name : carried)
    lost |= lookup(body, name)->value.isPoison();
  if (unknown || lost) {
    if (!unknown)
      build.loop = build.loop->parent;
    for (const std::string &name : carried)
      lookup(body, name)->value = {};
    return;
  }
  closeLoop(carried, body, stmt.span);
}

Value Elaborator::evalScan(const ast::ScanExpr &expr, Body &body) {
  Value source = eval(*expr.source, body);
  if (context.failed())
    return {};
  std::vector<Value> sources = {source};
  if (source.is(Value::Kind::Tuple) && expr.tuple)
    sources = source.elements;
  bool unknown = body.dry || context.hasNotYet();
  for (const Value &each : sources)
    unknown |= each.isPoison();
  if (!unknown && sources.size() != expr.variables.size()) {
    context.error(Code::TupleCount, expr.source->span,
                  std::to_string(expr.variables.size()) +
                      " names take as many sequences, found " +
                      source.describe());
    return {};
  }
  Loop loop;
  for (size_t i = 0; !unknown && i < sources.size(); ++i) {
    Node *node = requireTensor(sources[i], expr.source->span, "`scan`");
    if (!node)
      return {};
    if (node->type.rank() == 0 || node->type.shape[0].isBatch) {
      auto error = context.error(
          Code::RankMismatch, expr.source->span,
          "`scan` runs over the leading dimension, and this is a `" +
              spell(node->type) + "`");
      if (node->type.rank() > 1)
        error.help("move the batch behind the steps with `transpose`: every "
                   "example is a sequence of its own");
      return {};
    }
    if (i > 0 && node->type.shape[0].size != loop.count) {
      context.error(Code::DimensionMismatch, expr.source->span,
                    "the sequences of a `scan` have one length, and these "
                    "have " +
                        std::to_string(loop.count) + " and " +
                        spell(node->type.shape[0]));
      return {};
    }
    loop.count = node->type.shape[0].size;
  }
  // Carries live outside of the body, so that it may assign to them.
  body.scopes.emplace_back();
  for (const ast::Carry &carry : expr.carries) {
    Value init = eval(*carry.init, body);
    if (context.failed() || !bind(body, carry.name, init, true))
      return {};
    unknown |= init.isPoison();
  }
  std::vector<std::string> carried = carriedNames(expr.body, body);
  for (const std::string &name : carried)
    unknown |= lookup(body, name)->value.isPoison();
  if (!unknown && !openLoop(std::move(loop), carried, body, expr.source->span))
    return {};
  body.loops.push_back({unknown ? nullptr : build.loop, body.scopes.size(),
                        false, nullptr, std::nullopt});
  body.scopes.emplace_back();
  for (size_t i = 0; i < expr.variables.size(); ++i)
    if (!bind(body, expr.variables[i],
              unknown ? Value()
                      : Value::tensor(build.addSequence(sources[i].node))))
      return {};
  runBlock(expr.body, body);
  body.scopes.pop_back();
  std::optional<Value> yielded = std::move(body.loops.back().yielded);
  body.loops.pop_back();
  if (context.failed())
    return {};
  if (!yielded) {
    context
        .error(Code::MisplacedStatement, expr.span,
               "a `scan` gives what its body yields, and this one yields "
               "nothing")
        .help("write `yield h` at the end of its body");
    return {};
  }
  std::vector<Value> slices = {*yielded};
  if (yielded->is(Value::Kind::Tuple))
    slices = yielded->elements;
  bool lost = false;
  for (const Value &slice : slices)
    lost |= slice.isPoison();
  for (const std::string &name : carried)
    lost |= lookup(body, name)->value.isPoison();
  Value result;
  if (unknown || lost) {
    if (!unknown)
      build.loop = build.loop->parent;
    for (const std::string &name : carried)
      lookup(body, name)->value = {};
  } else {
    for (const Value &slice : slices) {
      Node *node = requireTensor(slice, expr.span, "`yield`");
      if (!node)
        return {};
      build.loop->yields.push_back(node);
    }
    std::vector<Node *> stacked = closeLoop(carried, body, expr.span);
    if (context.failed())
      return {};
    if (yielded->is(Value::Kind::Tuple)) {
      result.kind = Value::Kind::Tuple;
      for (Node *node : stacked)
        result.elements.push_back(Value::tensor(node));
    } else {
      result = Value::tensor(stacked[0]);
    }
  }
  body.scopes.pop_back();
  return result;
}

void Elaborator::runYield(const ast::YieldStmt &stmt, Body &body) {
  if (body.loops.empty() || body.loops.back().isRepeat) {
    context.error(Code::MisplacedStatement, stmt.span,
                  "`yield` stands in a scan only");
    return;
  }
  Value value = eval(*stmt.value, body);
  if (context.failed())
    return;
  if (body.loops.back().yielded) {
    context
        .error(Code::MisplacedStatement, stmt.span,
               "a `scan` yields once in each iteration")
        .help("yield several values as a tuple: `yield (a, b)`");
    return;
  }
  body.loops.back().yielded = std::move(value);
}

Node *Elaborator::sliceParameter(Node *parameter, const Instance &instance) {
  std::vector<Loop *> enclosing;
  for (Loop *loop = build.loop; loop; loop = loop->parent)
    enclosing.insert(enclosing.begin(), loop);
  Node *node = parameter;
  for (Loop *loop : enclosing)
    if (std::find(instance.axes.begin(), instance.axes.end(), loop) !=
        instance.axes.end())
      node = build.addSequence(*loop, node);
  return node;
}

Node *Elaborator::ofIterations(Node *whole,
                               const std::vector<int64_t> &iterations,
                               Span span) {
  const Shape &shape = whole->type.shape;
  std::vector<int64_t> starts(shape.size(), 0), limits,
      strides(shape.size(), 1);
  for (const Dim &dim : shape)
    limits.push_back(dim.size);
  for (size_t i = 0; i < iterations.size(); ++i) {
    starts[i] = iterations[i];
    limits[i] = iterations[i] + 1;
  }
  Node *slice = build.slice(whole, std::move(starts), std::move(limits),
                            std::move(strides));
  return reshapeTo(
      slice,
      Shape(shape.begin() + static_cast<long>(iterations.size()), shape.end()),
      span);
}

} // namespace mlc::frontend
