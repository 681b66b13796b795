//===- BlocksTrain.cpp - The train block ----------------------------------===//

#include "frontend/Blocks.h"

#include <algorithm>
#include <limits>

namespace mlc::frontend {

/// What a step keeps of the running averages.
static constexpr graph::Hyperparameter kAverage = {
    "ema", graph::Hyperparameter::Kind::number, {}, 0.0, 1.0, true};

const std::vector<std::string> &BlockChecker::trainFields() {
  static const std::vector<std::string> kFields = {
      "batch",     "microbatch", "epochs", "steps", "optimizer", "clip_norm",
      "precision", "seed",       "sum",    "ema",   "best",      "patience"};
  return kFields;
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
  if (text != "f32" && text != "f64" && text != "bf16" && text != "f16") {
    context
        .error(Code::WrongFieldValue, field->value->span,
               "`precision` is one of `f32`, `f64`, `bf16`, `f16`")
        .suggest(suggestName(text, {"f32", "f64", "bf16", "f16"}));
    return DType::F32;
  }
  spelling = text;
  return *parseDType(text, DType::F32);
}

/// `best = accuracy`, `best = min(perplexity)`, `best = loss`, whose best is
/// the lowest.
void BlockChecker::checkBest(const Field &field) {
  const auto *call = llvm::dyn_cast<ast::CallExpr>(field.value);
  bool ordered = call && call->arguments.size() == 1 &&
                 !call->arguments[0].name &&
                 (call->callee.text == "min" || call->callee.text == "max");
  const auto *name = llvm::dyn_cast<ast::NameExpr>(
      ordered ? call->arguments[0].value.get() : field.value);
  if (!name) {
    context
        .error(Code::WrongFieldValue, field.value->span,
               "`best` is the name of a metric, or `loss`")
        .help("`best = accuracy`, or where the lowest is best, "
              "`best = min(perplexity)`");
    return;
  }
  const Graph &graph = context.model.eval;
  std::vector<std::string> known;
  if (graph.lossSpan.valid())
    known.push_back("loss");
  bool isTable = false;
  for (const NamedNode &metric : graph.metrics)
    if (metric.node->type.rank() == 0)
      known.push_back(metric.name);
    else
      isTable |= metric.name == name->name;
  if (context.hasNotYet()) // some metrics may be missing
    known.push_back(name->name);
  if (std::find(known.begin(), known.end(), name->name) == known.end()) {
    auto error = context.error(
        Code::WrongFieldValue, name->span,
        isTable
            ? "the metric `" + name->name + "` is a table, and `best` a number"
            : "the model has no metric named `" + name->name + "`");
    offer(error, name->name, known);
    return;
  }
  const std::vector<SplitInfo> &splits = context.model.splits;
  if (!splits.empty() &&
      std::none_of(splits.begin(), splits.end(),
                   [](const SplitInfo &split) { return split.name == "test"; }))
    context
        .error(Code::WrongFieldValue, field.value->span,
               "`best` compares evaluations on the split `test`, and `data` "
               "has none")
        .help("add `test = ...` to `data`");
  TrainInfo &info = context.model.training;
  info.best = name->name;
  info.bestIsLowest =
      ordered ? call->callee.text == "min" : name->name == "loss";
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
  if (const Field *field = get("ema"))
    if (auto value = bounded(kAverage, *field->value))
      info.ema = *value;
  if (const Field *field = get("sum"))
    if (auto value = word(*field->value, "sum", {"tree", "fast"}))
      info.sum = *value;
  if (context.failed())
    return;
  if (const Field *field = get("best"))
    checkBest(*field);
  if (auto value = integer(get("patience"), "patience", 1))
    info.patience = *value;
  if (get("patience") && !get("best") && !context.failed())
    context
        .error(Code::WrongFieldValue, get("patience")->name,
               "`patience` waits for a better `best`, and there is none")
        .help("add `best = loss`, or the name of a metric");
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
  if (info.optimizer.lr &&
      !completeTotal(*info.optimizer.lr, info.optimizer.span))
    return;
  if (train)
    for (const ast::Group &group : train->groups)
      if (!context.failed())
        checkGroup(group);
  if (!context.failed())
    checkConflicts();
}

} // namespace mlc::frontend
