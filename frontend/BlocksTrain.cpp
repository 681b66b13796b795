//===- BlocksTrain.cpp - The train block ----------------------------------===//

#include "frontend/Blocks.h"
#include "ir/graph/Program.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mlc::frontend {

const std::vector<std::string> &BlockChecker::trainFields() {
  static const std::vector<std::string> kFields = {
      "batch",     "microbatch", "epochs", "steps", "optimizer",
      "clip_norm", "precision",  "seed",   "sum"};
  return kFields;
}

const std::vector<std::string> &BlockChecker::groupFields() {
  static const std::vector<std::string> kFields = {"weight_decay", "frozen"};
  return kFields;
}

const std::vector<std::string> &BlockChecker::optimizerNames() {
  static const std::vector<std::string> kKinds = {"sgd", "adam", "adamw"};
  return kKinds;
}

const std::vector<std::string> &BlockChecker::scheduleNames() {
  static const std::vector<std::string> kKinds = {"constant", "step", "linear",
                                                  "cosine"};
  return kKinds;
}

std::optional<int64_t> BlockChecker::whole(const ast::Expr &expr,
                                           const std::string &name,
                                           int64_t least) {
  Value value = model.evalInModel(expr);
  if (value.isPoison())
    return std::nullopt;
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  if (value.is(Value::Kind::Int) && value.integer > kMost && name != "seed") {
    context.error(Code::WrongFieldValue, expr.span,
                  "`" + name + "` is at most " + std::to_string(kMost) +
                      ", found " + value.describe());
    return std::nullopt;
  }
  if (value.is(Value::Kind::Int) && value.integer >= least)
    return value.integer;
  context.error(Code::WrongFieldValue, expr.span,
                "`" + name + "` is an integer of at least " +
                    std::to_string(least) + ", found " + value.describe());
  return std::nullopt;
}

std::optional<int64_t> BlockChecker::integer(const Field *field,
                                             const char *name, int64_t least) {
  return field ? whole(*field->value, name, least) : std::nullopt;
}

std::optional<double> BlockChecker::number(const ast::Expr &expr,
                                           const std::string &name,
                                           double least) {
  Value value = model.evalInModel(expr);
  if (value.isPoison())
    return std::nullopt;
  if (value.isNumber() && value.asDouble() >= least)
    return value.asDouble();
  char bound[32];
  snprintf(bound, sizeof bound, "%g", least);
  context.error(Code::WrongFieldValue, expr.span,
                "`" + name + "` is a number of at least " + bound + ", found " +
                    value.describe());
  return std::nullopt;
}

std::optional<std::string>
BlockChecker::word(const ast::Expr &expr, const char *what,
                   const std::vector<std::string> &known) {
  const auto *name = llvm::dyn_cast<ast::NameExpr>(&expr);
  if (name && std::find(known.begin(), known.end(), name->name) != known.end())
    return name->name;
  std::string list;
  for (const std::string &each : known)
    list += (list.empty() ? "`" : ", `") + each + "`";
  auto error = context.error(Code::WrongFieldValue, expr.span,
                             "`" + std::string(what) + "` is one of " + list);
  if (name)
    error.suggest(suggestName(name->name, known));
  return std::nullopt;
}

DType BlockChecker::readPrecision(CheckContext &context, const Field *field,
                                  std::string &spelling) {
  spelling = "f32";
  if (!field)
    return DType::F32;
  const auto *name = llvm::dyn_cast<ast::NameExpr>(field->value);
  std::string text = name ? name->name : "";
  if (text == "bf16" || text == "f16") {
    context.notYet(field->value->span, "`precision = " + text + "`");
    return DType::F32;
  }
  if (text != "f32" && text != "f64") {
    context
        .error(Code::WrongFieldValue, field->value->span,
               "`precision` is one of `f32`, `f64`, `bf16`, `f16`")
        .suggest(suggestName(text, {"f32", "f64", "bf16", "f16"}));
    return DType::F32;
  }
  spelling = text;
  return text == "f64" ? DType::F64 : DType::F32;
}

bool BlockChecker::checkSchedule(const ast::Expr &expr, Schedule &schedule) {
  const auto *call = llvm::dyn_cast<ast::CallExpr>(&expr);
  const std::vector<std::string> &kinds = scheduleNames();
  if (!call ||
      std::find(kinds.begin(), kinds.end(), call->callee.text) == kinds.end()) {
    if (call &&
        std::none_of(call->callee.text.begin(), call->callee.text.end(),
                     ::isdigit) &&
        !Elaborator::findBuiltin(call->callee.text)) {
      auto error = context.error(Code::UnknownSchedule, call->callee.span,
                                 "no learning-rate schedule named `" +
                                     call->callee.text + "`");
      offer(error, call->callee.text, kinds);
      return false;
    }
    auto value = number(expr, "lr", 0);
    if (value)
      schedule.numbers = {{"value", *value}};
    return value.has_value();
  }
  schedule.kind = call->callee.text;
  std::vector<std::string> names =
      schedule.kind == "constant" ? std::vector<std::string>{"value"}
      : schedule.kind == "step"
          ? std::vector<std::string>{"value", "every", "gamma", "warmup"}
          : std::vector<std::string>{"peak", "warmup", "floor", "total"};
  size_t positional = 0;
  std::map<std::string, Span> given;
  for (const ast::Argument &argument : call->arguments) {
    std::string name = argument.name               ? argument.name->text
                       : positional < names.size() ? names[positional++]
                                                   : "";
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      auto error = context.error(Code::UnknownArgument, argument.span,
                                 "`" + schedule.kind +
                                     "` has no parameter named `" + name + "`");
      offer(error, name, names);
      return false;
    }
    if (!isFirst(argument, name, given))
      return false;
    if (name == "every" || name == "warmup" || name == "total") {
      auto value = whole(*argument.value, name, name == "warmup" ? 0 : 1);
      if (!value)
        return false;
      schedule.counts.emplace_back(name, *value);
    } else {
      auto value = number(*argument.value, name, 0);
      if (!value)
        return false;
      schedule.numbers.emplace_back(name, *value);
    }
  }
  names.resize(schedule.kind == "step" ? 2 : 1); // those without a default
  for (const std::string &name : names)
    if (!given.count(name)) {
      context.error(Code::MissingArgument, call->callee.span,
                    "`" + schedule.kind + "` needs the argument `" + name +
                        "`");
      return false;
    }
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
  const std::vector<std::string> &kinds = optimizerNames();
  Optimizer &optimizer = context.model.training.optimizer;
  optimizer.span = expr.span;
  std::string kind = call ? call->callee.text : "";
  if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) {
    auto error = context.error(
        Code::UnknownOptimizer, call ? call->callee.span : expr.span,
        call ? "no optimizer named `" + kind + "`"
             : "an optimizer is a call such as `adam(lr = 1e-3)`");
    if (call)
      offer(error, kind, kinds);
    return;
  }
  optimizer.kind = kind;
  bool sgd = kind == "sgd";
  optimizer.lr.numbers = {{"value", 1e-3}}; // PyTorch's default for all three
  if (sgd)
    optimizer.numbers = {
        {"momentum", 0}, {"dampening", 0}, {"weight_decay", 0}};
  else
    optimizer.numbers = {{"beta1", 0.9},
                         {"beta2", 0.999},
                         {"eps", 1e-8},
                         {"weight_decay", kind == "adamw" ? 1e-2 : 0}};
  if (sgd)
    optimizer.flags = {{"nesterov", false}};
  std::vector<std::string> names = {"lr"};
  for (const auto &[name, value] : optimizer.numbers)
    names.push_back(name);
  for (const auto &[name, value] : optimizer.flags)
    names.push_back(name);
  size_t positional = 0;
  std::map<std::string, Span> given;
  for (const ast::Argument &argument : call->arguments) {
    if (context.failed())
      return;
    std::string name = argument.name    ? argument.name->text
                       : positional < 1 ? names[positional++]
                                        : "";
    if (!name.empty() && !isFirst(argument, name, given))
      return;
    if (name == "lr") {
      optimizer.lr = {};
      checkSchedule(*argument.value, optimizer.lr);
      continue;
    }
    bool known = false;
    for (auto &[field, value] : optimizer.numbers)
      if (field == name) {
        known = true;
        if (auto parsed = number(*argument.value, name, 0))
          value = *parsed;
        if (!context.failed() && name.starts_with("beta") && value >= 1)
          context.error(Code::WrongFieldValue, argument.value->span,
                        "`" + name + "` is below 1");
      }
    for (auto &[field, value] : optimizer.flags)
      if (field == name) {
        known = true;
        Value flag = model.evalInModel(*argument.value);
        if (!flag.is(Value::Kind::Bool) && !flag.isPoison())
          context.error(Code::WrongFieldValue, argument.value->span,
                        "`" + name + "` is `true` or `false`");
        value = flag.truth;
      }
    if (!known) {
      auto error = context.error(
          name.empty() ? Code::TooManyArguments : Code::UnknownArgument,
          argument.name ? argument.name->span : argument.span,
          name.empty()
              ? "arguments after `lr` are named"
              : "`" + kind + "` has no parameter named `" + name + "`");
      offer(error, name, names);
    }
  }
  if (!context.failed())
    checkNesterov(optimizer, given);
}

/// PyTorch's rule: without momentum there is nothing to look ahead with.
void BlockChecker::checkNesterov(const Optimizer &optimizer,
                                 const std::map<std::string, Span> &given) {
  auto valueOf = [&](const auto &list, std::string_view name) {
    for (const auto &[field, value] : list)
      if (field == name)
        return static_cast<double>(value);
    return 0.0;
  };
  if (valueOf(optimizer.flags, "nesterov") == 0 ||
      (valueOf(optimizer.numbers, "momentum") > 0 &&
       valueOf(optimizer.numbers, "dampening") == 0))
    return;
  context
      .error(Code::WrongFieldValue, given.at("nesterov"),
             "`nesterov` needs a `momentum` above 0, and no `dampening`")
      .help("`sgd(lr = 0.1, momentum = 0.9, nesterov = true)`");
}

void BlockChecker::checkGroup(const ast::Group &group) {
  GroupInfo info;
  info.pattern = group.pattern;
  bool any = context.hasNotYet();
  std::vector<std::string> paths;
  for (const ParameterInfo &parameter : context.model.parameters) {
    any |= graph::matchesPattern(group.pattern, parameter.path);
    paths.push_back(parameter.path);
  }
  if (!any) {
    context
        .error(Code::UnmatchedGroup, group.patternSpan,
               "the pattern `" + group.pattern + "` matches no parameter")
        .suggest(suggestName(group.pattern, paths))
        .help("`*` stands for any characters, dots included");
    return;
  }
  for (const ast::Setting &setting : group.settings) {
    if (setting.name.text == "weight_decay") {
      if (auto value = number(*setting.value, "weight_decay", 0))
        info.numbers.emplace_back("weight_decay", *value);
    } else if (setting.name.text == "frozen") {
      Value value = model.evalInModel(*setting.value);
      if (!value.is(Value::Kind::Bool) && !value.isPoison())
        context.error(Code::WrongFieldValue, setting.value->span,
                      "`frozen` is `true` or `false`");
      info.frozen = value.truth;
    } else {
      auto error = context.error(Code::UnknownField, setting.name.span,
                                 "a `group` has no field named `" +
                                     setting.name.text + "`");
      offer(error, setting.name.text, groupFields());
    }
    if (context.failed())
      return;
  }
  context.model.training.groups.push_back(std::move(info));
}

void BlockChecker::checkTrain(const ast::TrainDecl *train,
                              const std::map<std::string, Field> &fields) {
  TrainInfo &info = context.model.training;
  info.present = train || !fields.empty();
  auto get = [&](const char *name) {
    auto found = fields.find(name);
    return found == fields.end() ? nullptr : &found->second;
  };
  if (auto value = integer(get("batch"), "batch", 1))
    info.batch = *value;
  if (auto value = integer(get("epochs"), "epochs", 1))
    info.epochs = *value;
  if (auto value = integer(get("steps"), "steps", 1))
    info.steps = *value;
  if (auto value = integer(get("seed"), "seed", 0))
    info.seed = *value;
  if (const Field *field = get("clip_norm"))
    if (auto value = number(*field->value, "clip_norm", 0)) {
      if (*value == 0)
        context
            .error(Code::WrongFieldValue, field->value->span,
                   "`clip_norm = 0` would make every gradient 0")
            .help("leave `clip_norm` out to clip nothing");
      info.clipNorm = *value;
    }
  if (const Field *field = get("sum"))
    if (auto value = word(*field->value, "sum", {"tree", "fast"}))
      info.sum = *value;
  if (context.failed())
    return;
  if (const Field *field = get("optimizer"))
    checkOptimizer(*field->value);
  if (context.failed())
    return;
  if (get("epochs") && get("steps")) {
    context
        .error(Code::EpochsOrSteps, get("steps")->name,
               "`epochs` and `steps` are both given")
        .note(get("epochs")->name, "the other is here");
    return;
  }
  const AxisInfo *data = nullptr;
  for (const AxisInfo &axis : context.model.mesh)
    if (axis.name == "data")
      data = &axis;
  int64_t ranks = data ? data->size : 1;
  if (auto value = integer(get("microbatch"), "microbatch", 1)) {
    info.microbatch = *value;
    if (info.batch % info.microbatch != 0) {
      auto error =
          context.error(Code::MicrobatchDivides, get("microbatch")->value->span,
                        "`microbatch` divides `batch`, and " +
                            std::to_string(info.microbatch) +
                            " doesn't divide " + std::to_string(info.batch));
      if (get("batch"))
        error.note(get("batch")->name, "the batch is here");
      int64_t near = std::min(info.microbatch, info.batch);
      while (near > 1 && info.batch % near != 0)
        --near;
      error.help("`microbatch = " + std::to_string(near) + "` does");
      return;
    }
  } else if (ranks < 0) {
    context
        .error(Code::ElasticNeedsMicrobatch,
               get("batch") ? get("batch")->name : context.model.span,
               "an elastic mesh, `data=*`, needs `train.microbatch`")
        .help("add `microbatch = ...`, or `--set train.microbatch=8`");
    return;
  } else {
    info.microbatch = (info.batch + ranks - 1) / ranks;
  }
  info.microbatches = (info.batch + info.microbatch - 1) / info.microbatch;
  // 32 rows over 24 devices: 2 each for the first 16, none for the others.
  if (!get("microbatch") && ranks <= info.batch)
    info.microbatches = std::max(info.microbatches, ranks);
  if (ranks > info.microbatches) {
    std::string count = std::to_string(info.microbatches);
    const Field *microbatch = get("microbatch"), *batch = get("batch");
    auto error = context.error(
        Code::BadMesh,
        microbatch ? microbatch->value->span
        : batch    ? batch->name
                   : context.model.span,
        "the mesh has data=" + std::to_string(ranks) + ", but a batch of " +
            std::to_string(info.batch) + " makes " + count +
            " micro-batches of " + std::to_string(info.microbatch));
    error.help("every device needs one: data=" + count + " at most, or " +
               (microbatch ? "a smaller `microbatch`" : "a larger `batch`"));
    return;
  }
  const Graph &graph = context.model.train;
  if (!info.optimizer.kind.empty() && !graph.lossSpan.valid()) {
    context
        .error(Code::OptimizerWithoutLoss, info.optimizer.span,
               "an optimizer needs a loss, and the model has none")
        .note(context.model.span, "the model is here")
        .help("add `loss ...` to the model");
    return;
  }
  if (train && graph.lossSpan.valid() && info.optimizer.kind.empty()) {
    context
        .error(Code::LossWithoutOptimizer, graph.lossSpan,
               "a loss needs an optimizer, and `train` has none")
        .note(train->span, "the block is here")
        .help("add `optimizer = adam(lr = 1e-3)`");
    return;
  }
  if (!info.optimizer.kind.empty() && !get("epochs") && !get("steps")) {
    context
        .error(Code::EpochsOrSteps, info.optimizer.span,
               "`train` says neither `epochs` nor `steps`")
        .help("add `epochs = 10`");
    return;
  }
  Schedule &lr = info.optimizer.lr;
  bool hasTotal = false;
  for (const auto &[name, value] : lr.counts)
    hasTotal |= name == "total";
  if ((lr.kind == "linear" || lr.kind == "cosine") && !hasTotal) {
    int64_t total = info.steps;
    for (const SplitInfo &split : context.model.splits)
      if (!total && split.name == "train" && split.lastRow > split.firstRow)
        total =
            info.epochs *
            ((split.lastRow - split.firstRow + info.batch - 1) / info.batch);
    if (!total && !context.hasNotYet()) {
      context
          .error(Code::MissingArgument, info.optimizer.span,
                 "`" + lr.kind +
                     "` needs the argument `total`: how many steps "
                     "there are is not known before the data is read")
          .help("give `total`, or `steps` in place of `epochs`");
      return;
    }
    lr.counts.emplace_back("total", total);
  }
  if (train)
    for (const ast::Group &group : train->groups)
      if (!context.failed())
        checkGroup(group);
}

} // namespace mlc::frontend
