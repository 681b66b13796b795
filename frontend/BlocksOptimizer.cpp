//===- BlocksOptimizer.cpp - Optimizers, schedules and groups -------------===//
//
// What there is, and with which hyper-parameters, is in the tables of
// ir/graph/Optimizers.cpp and Schedules.cpp.
//
//===----------------------------------------------------------------------===//

#include "frontend/Blocks.h"
#include "ir/graph/Optimizers.h"
#include "ir/graph/Program.h"

#include <algorithm>

namespace mlc::frontend {

namespace {

using Kind = graph::Hyperparameter::Kind;

constexpr graph::Hyperparameter kScale = {"lr_scale", Kind::number, 1.0};
constexpr graph::Hyperparameter kFrozen = {"frozen", Kind::flag, 0.0};

template <class Kinds> std::vector<std::string> namesOf(const Kinds &kinds) {
  std::vector<std::string> names;
  for (const auto &kind : kinds)
    names.push_back(kind.name.str());
  return names;
}

bool contains(const std::vector<std::string> &names, const std::string &name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// What a group may set: anything of `kind`, of every optimizer if it is null.
std::vector<graph::Hyperparameter>
groupTable(const graph::OptimizerKind *kind) {
  std::vector<graph::Hyperparameter> table = {kFrozen, kScale};
  for (const graph::OptimizerKind &each : graph::optimizerKinds())
    if (!kind || kind == &each)
      for (const graph::Hyperparameter &field : each.hyperparameters)
        if (std::none_of(table.begin(), table.end(), [&](const auto &other) {
              return other.name == field.name;
            }))
          table.push_back(field);
  return table;
}

/// Sets `name` in a list of pairs.
template <class T>
void assign(std::vector<std::pair<std::string, T>> &list, llvm::StringRef name,
            T value) {
  for (auto &[field, old] : list)
    if (field == name) {
      old = value;
      return;
    }
  list.emplace_back(name.str(), value);
}

void apply(const Hyperparameters &from, graph::HyperparameterValues &to) {
  for (const auto &[name, value] : from.numbers)
    to.set(name, value);
  for (const auto &[name, value] : from.flags)
    to.set(name, value ? 1.0 : 0.0);
}

} // namespace

const std::vector<std::string> &BlockChecker::optimizerNames() {
  static const std::vector<std::string> kNames =
      namesOf(graph::optimizerKinds());
  return kNames;
}

const std::vector<std::string> &BlockChecker::scheduleNames() {
  static const std::vector<std::string> kNames =
      namesOf(graph::scheduleKinds());
  return kNames;
}

const std::vector<std::string> &BlockChecker::groupFields() {
  static const std::vector<std::string> kNames = {kFrozen.name.str(),
                                                  kScale.name.str()};
  return kNames;
}

std::optional<double> BlockChecker::bounded(const graph::Hyperparameter &which,
                                            const ast::Expr &expr) {
  std::string name = which.name.str();
  std::optional<double> value = number(expr, name, which.least);
  if (!value || (which.below ? *value < which.most : *value <= which.most))
    return value;
  char bound[32];
  snprintf(bound, sizeof bound, "%g", which.most);
  context.error(Code::WrongFieldValue, expr.span,
                "`" + name + "` is " + (which.below ? "below " : "at most ") +
                    bound);
  return std::nullopt;
}

void BlockChecker::setHyperparameter(const graph::Hyperparameter &which,
                                     const ast::Expr &expr,
                                     Hyperparameters &values) {
  std::string name = which.name.str();
  if (which.kind == Kind::rate) {
    values.lr.emplace();
    checkSchedule(expr, *values.lr);
  } else if (which.kind == Kind::flag) {
    Value flag = model.evalInModel(expr);
    if (!flag.is(Value::Kind::Bool) && !flag.isPoison())
      context.error(Code::WrongFieldValue, expr.span,
                    "`" + name + "` is `true` or `false`");
    assign(values.flags, name, flag.truth);
  } else if (std::optional<double> value = bounded(which, expr)) {
    assign(values.numbers, name, *value);
  }
}

bool BlockChecker::checkSchedule(const ast::Expr &expr, Schedule &schedule) {
  const auto *call = llvm::dyn_cast<ast::CallExpr>(&expr);
  const graph::ScheduleKind *kind =
      call ? graph::findSchedule(call->callee.text) : nullptr;
  if (!kind) {
    if (call &&
        std::none_of(call->callee.text.begin(), call->callee.text.end(),
                     ::isdigit) &&
        !Elaborator::findBuiltin(call->callee.text)) {
      auto error = context.error(Code::UnknownSchedule, call->callee.span,
                                 "no learning-rate schedule named `" +
                                     call->callee.text + "`");
      offer(error, call->callee.text, scheduleNames());
      return false;
    }
    auto value = number(expr, "lr", 0);
    if (value)
      schedule.numbers = {{"value", *value}};
    return value.has_value();
  }
  schedule.kind = kind->name.str();
  std::vector<std::string> names = namesOf(kind->hyperparameters);
  size_t positional = 0;
  std::map<std::string, Span> given;
  for (const ast::Argument &argument : call->arguments) {
    std::string name = argument.name               ? argument.name->text
                       : positional < names.size() ? names[positional++]
                                                   : "";
    const graph::Hyperparameter *which = kind->find(name);
    if (!which) {
      auto error = context.error(Code::UnknownArgument, argument.span,
                                 "`" + schedule.kind +
                                     "` has no parameter named `" + name + "`");
      offer(error, name, names);
      return false;
    }
    if (!isFirst(argument, name, given))
      return false;
    if (which->kind == Kind::count || which->kind == Kind::total) {
      auto value =
          whole(*argument.value, name, static_cast<int64_t>(which->least));
      if (!value)
        return false;
      schedule.counts.emplace_back(name, *value);
    } else {
      auto value = bounded(*which, *argument.value);
      if (!value)
        return false;
      schedule.numbers.emplace_back(name, *value);
    }
  }
  for (const graph::Hyperparameter &each : kind->hyperparameters)
    if (!each.standard && each.kind != Kind::total &&
        !given.count(each.name.str())) {
      context.error(Code::MissingArgument, call->callee.span,
                    "`" + schedule.kind + "` needs the argument `" +
                        each.name.str() + "`");
      return false;
    }
  return true;
}

bool BlockChecker::completeTotal(Schedule &schedule, Span span) {
  const graph::Hyperparameter *field =
      graph::findSchedule(schedule.kind)->find("total");
  for (const auto &[name, value] : schedule.counts)
    if (name == "total")
      return true;
  if (!field)
    return true;
  const TrainInfo &info = context.model.training;
  int64_t total = info.steps;
  for (const SplitInfo &split : context.model.splits)
    if (!total && split.name == "train" && split.lastRow > split.firstRow)
      total = info.epochs *
              ((split.lastRow - split.firstRow + info.batch - 1) / info.batch);
  if (!total && !context.hasNotYet()) {
    context
        .error(Code::MissingArgument, span,
               "`" + schedule.kind +
                   "` needs the argument `total`: how many steps "
                   "there are is not known before the data is read")
        .help("give `total`, or `steps` in place of `epochs`");
    return false;
  }
  schedule.counts.emplace_back("total", total);
  return true;
}

bool BlockChecker::isFirst(const ast::Argument &argument,
                           const std::string &name,
                           std::map<std::string, Span> &given) {
  auto [entry, fresh] = given.emplace(name, argument.span);
  if (!fresh)
    context
        .error(Code::ArgumentTwice,
               argument.name ? argument.name->span : argument.span,
               "`" + name + "` is given twice")
        .note(entry->second, "it is given here already");
  return fresh;
}

void BlockChecker::checkOptimizer(const ast::Expr &expr) {
  const auto *call = llvm::dyn_cast<ast::CallExpr>(&expr);
  Optimizer &optimizer = context.model.training.optimizer;
  optimizer.span = expr.span;
  std::string name = call ? call->callee.text : "";
  const graph::OptimizerKind *kind = graph::findOptimizer(name);
  if (!kind) {
    auto error = context.error(
        Code::UnknownOptimizer, call ? call->callee.span : expr.span,
        call ? "no optimizer named `" + name + "`"
             : "an optimizer is a call such as `adam(lr = 1e-3)`");
    if (call)
      offer(error, name, optimizerNames());
    return;
  }
  optimizer.kind = name;
  for (const graph::Hyperparameter &each : kind->hyperparameters)
    if (each.kind == Kind::rate)
      optimizer.lr.emplace().numbers = {{"value", *each.standard}};
    else if (each.kind == Kind::flag)
      optimizer.flags.emplace_back(each.name.str(), *each.standard != 0);
    else
      optimizer.numbers.emplace_back(each.name.str(), *each.standard);
  std::vector<std::string> names = namesOf(kind->hyperparameters);
  size_t positional = 0;
  std::map<std::string, Span> given;
  for (const ast::Argument &argument : call->arguments) {
    if (context.failed())
      return;
    std::string field = argument.name    ? argument.name->text
                        : positional < 1 ? names[positional++]
                                         : "";
    if (!field.empty() && !isFirst(argument, field, given))
      return;
    if (const graph::Hyperparameter *which = kind->find(field)) {
      setHyperparameter(*which, *argument.value, optimizer);
      continue;
    }
    auto error = context.error(
        field.empty() ? Code::TooManyArguments : Code::UnknownArgument,
        argument.name ? argument.name->span : argument.span,
        field.empty() ? "arguments after `lr` are named"
                      : "`" + optimizer.kind + "` has no parameter named `" +
                            field + "`");
    offer(error, field, names);
  }
}

void BlockChecker::checkGroup(const ast::Group &group) {
  TrainInfo &training = context.model.training;
  GroupInfo info;
  info.pattern = group.pattern;
  info.patternSpan = group.patternSpan;
  bool any = context.hasNotYet();
  std::vector<std::string> paths;
  for (const ParameterInfo &parameter : context.model.parameters) {
    bool whole = graph::matchesPattern(group.pattern, parameter.path);
    any |= whole;
    std::vector<int64_t> counts, first;
    for (const LoopAxis &axis : parameter.axes) {
      counts.push_back(axis.count);
      first.push_back(axis.first);
    }
    for (const std::string &path :
         graph::iterationPaths(parameter.path, counts, first)) {
      paths.push_back(path);
      if (whole || !graph::matchesPattern(group.pattern, path))
        continue;
      context
          .error(Code::UnmatchedGroup, group.patternSpan,
                 "the pattern `" + group.pattern + "` matches `" + path +
                     "`, but not every iteration of the `repeat`")
          .note(parameter.span, "the parameter is here")
          .help("all iterations are trained alike: `" + parameter.path + "`");
      return;
    }
  }
  if (!any) {
    context
        .error(Code::UnmatchedGroup, group.patternSpan,
               "the pattern `" + group.pattern + "` matches no parameter")
        .suggest(suggestName(group.pattern, paths))
        .help("`*` stands for any characters, dots included");
    return;
  }
  std::vector<graph::Hyperparameter> table =
      groupTable(graph::findOptimizer(training.optimizer.kind));
  for (const ast::Setting &setting : group.settings) {
    auto which =
        std::find_if(table.begin(), table.end(), [&](const auto &field) {
          return field.name == setting.name.text;
        });
    if (which == table.end()) {
      bool others = contains(namesOf(groupTable(nullptr)), setting.name.text);
      auto error = context.error(
          Code::UnknownField, setting.name.span,
          others
              ? "`" + training.optimizer.kind +
                    "` has no hyper-parameter named `" + setting.name.text + "`"
              : "a `group` has no field named `" + setting.name.text + "`");
      offer(error, setting.name.text, namesOf(table));
    } else {
      setHyperparameter(*which, *setting.value, info);
      if (!context.failed() && which->kind == Kind::rate)
        completeTotal(*info.lr, setting.value->span);
    }
    if (context.failed())
      return;
  }
  training.groups.push_back(std::move(info));
}

void BlockChecker::checkConflicts() {
  const TrainInfo &training = context.model.training;
  const graph::OptimizerKind *kind =
      graph::findOptimizer(training.optimizer.kind);
  if (!kind || !kind->conflict)
    return;
  graph::HyperparameterValues common(kind->hyperparameters);
  apply(training.optimizer, common);
  if (llvm::StringRef why = kind->conflict(common); !why.empty()) {
    context.error(Code::WrongFieldValue, training.optimizer.span, why.str());
    return;
  }
  for (const ParameterInfo &parameter : context.model.parameters) {
    graph::HyperparameterValues own = common;
    Span last = training.optimizer.span;
    for (const GroupInfo &group : training.groups)
      if (graph::matchesPattern(group.pattern, parameter.path)) {
        apply(group, own);
        last = group.patternSpan;
      }
    if (llvm::StringRef why = kind->conflict(own); !why.empty()) {
      context.error(Code::WrongFieldValue, last,
                    "for `" + parameter.path + "`: " + why.str());
      return;
    }
  }
}

} // namespace mlc::frontend
