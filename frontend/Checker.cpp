//===- Checker.cpp - From trees to a checked model ------------------------===//
//
// Overrides, then the mesh, the model in its modes, the layers nobody calls,
// data, train, parallel. What is not there yet is reported last.
//
//===----------------------------------------------------------------------===//

#include "frontend/Checker.h"

#include "frontend/Blocks.h"
#include "frontend/Parser.h"

#include <algorithm>
#include <set>

namespace mlc::frontend {

namespace {

constexpr int64_t kLargestAxis = 1'000'000;

class ProgramChecker {
public:
  ProgramChecker(CheckContext &context, SourceManager &sources,
                 const CompileOptions &options)
      : context(context), sources(sources), options(options),
        file(context.program.files[0]) {}

  bool run(bool needModel);

private:
  void readOverrides();
  void readMesh(const ast::ParallelDecl *parallel);
  void readDeclaredMesh(const ast::Setting &setting);
  void readMeshOption(Span span);
  AxisInfo *findAxis(const std::string &name);
  void findLimits(const Graph &graph);
  void usage(Code code, Span span, std::string message,
             const std::vector<std::string> &known, const std::string &name) {
    context.error(code, span, std::move(message))
        .suggest(suggestName(name, known));
  }

  CheckContext &context;
  SourceManager &sources;
  const CompileOptions &options;
  const ast::File &file;
  std::vector<ast::ExprPtr> parsed;
  std::map<std::string, Actual> hyperparameters;
  std::map<std::string, Field> trainFields;
};

void ProgramChecker::readOverrides() {
  const auto *model = file.find<ast::ModelDecl>();
  const auto *train = file.find<ast::TrainDecl>();
  const std::vector<std::string> &fields = BlockChecker::trainFields();
  if (train)
    for (const ast::Setting &setting : train->settings) {
      if (std::find(fields.begin(), fields.end(), setting.name.text) ==
          fields.end()) {
        auto error = context.error(Code::UnknownField, setting.name.span,
                                   "`train` has no field named `" +
                                       setting.name.text + "`");
        offer(error, setting.name.text, fields);
        return;
      }
      trainFields[setting.name.text] = {setting.value.get(), setting.name.span};
    }
  std::vector<std::string> known;
  if (model)
    for (const ast::Parameter &parameter : model->parameters)
      known.push_back(parameter.name.text);
  for (const std::string &field : fields)
    known.push_back("train." + field);
  for (const auto &[name, text] : options.overrides) {
    FileId id = sources.add("--set " + name, text);
    Span span{id, 0, static_cast<uint32_t>(text.size())};
    if (std::find(known.begin(), known.end(), name) == known.end())
      return usage(Code::UnknownOverride, span,
                   "`--set " + name +
                       "`: no hyper-parameter or field of that "
                       "name",
                   known, name);
    ast::ExprPtr value = parseExpression(sources, id, context.diagnostics);
    if (!value)
      return;
    if (name.starts_with("train.")) {
      std::string field = name.substr(6);
      trainFields[field] = {value.get(), span};
      if (field == "steps" || field == "epochs") // the other one gives way
        trainFields.erase(field == "steps" ? "epochs" : "steps");
    } else {
      Graph scratch;
      Elaborator elaborator(context, scratch, Mode::Train);
      Body body;
      body.home = &context.program;
      Value given = elaborator.eval(*value, body);
      if (context.failed())
        return;
      if (!given.isNumber() && !given.is(Value::Kind::Bool)) {
        context.error(Code::BadOverride, value->span,
                      "`--set " + name +
                          "` takes a number, `true` or `false`, found " +
                          given.describe());
        return;
      }
      hyperparameters[name] = {given, span, true};
    }
    parsed.push_back(std::move(value));
  }
}

/// The axes that the file declares.
void ProgramChecker::readDeclaredMesh(const ast::Setting &setting) {
  std::vector<AxisInfo> &mesh = context.model.mesh;
  const auto *tuple = llvm::dyn_cast<ast::TupleExpr>(setting.value.get());
  if (!tuple) {
    context.error(Code::BadMesh, setting.value->span,
                  "a mesh names its axes: `(data = 2, model = 2)`");
    return;
  }
  for (const ast::Argument &axis : tuple->elements) {
    const auto *size = llvm::dyn_cast<ast::IntExpr>(axis.value.get());
    if (!axis.name || !size || size->value < 1 || size->value > kLargestAxis) {
      context.error(Code::BadMesh, axis.span,
                    "an axis has a name and a size from 1 to " +
                        std::to_string(kLargestAxis));
      return;
    }
    mesh.push_back({axis.name->text, size->value});
  }
}

/// `--mesh`, which replaces sizes and adds axes.
void ProgramChecker::readMeshOption(Span span) {
  std::set<std::string> given;
  std::string text = *options.mesh + ",";
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find(',', begin);
    std::string part = text.substr(begin, end - begin);
    begin = end + 1;
    size_t equals = part.find('=');
    std::string name = part.substr(0, equals);
    std::string size =
        equals == std::string::npos ? "" : part.substr(equals + 1);
    bool digits = !size.empty() && size.size() < 8 &&
                  std::all_of(size.begin(), size.end(), ::isdigit);
    int64_t value = size == "*" ? -1 : digits ? std::stoll(size) : 0;
    if (name.empty() || value == 0 || value > kLargestAxis ||
        (value < 0 && name != "data"))
      return usage(Code::BadMesh, span,
                   "`--mesh` is a list such as `data=2,model=2`; only `data` "
                   "may be `*`",
                   {}, "");
    if (!given.insert(name).second)
      return usage(Code::BadMesh, span,
                   "`--mesh` gives the axis `" + name + "` twice", {}, "");
    if (AxisInfo *axis = findAxis(name))
      axis->size = value;
    else
      context.model.mesh.push_back({name, value});
  }
}

AxisInfo *ProgramChecker::findAxis(const std::string &name) {
  for (AxisInfo &axis : context.model.mesh)
    if (axis.name == name)
      return &axis;
  return nullptr;
}

void ProgramChecker::readMesh(const ast::ParallelDecl *parallel) {
  const ast::Setting *setting = nullptr;
  if (parallel)
    for (const ast::Setting &each : parallel->settings)
      if (each.name.text == "mesh")
        setting = &each;
  if (setting)
    readDeclaredMesh(*setting);
  size_t declared = context.model.mesh.size();
  Span option;
  if (options.mesh && !context.failed()) {
    option = {sources.add("--mesh", *options.mesh), 0,
              static_cast<uint32_t>(options.mesh->size())};
    readMeshOption(option);
  }
  if (context.failed())
    return;
  std::vector<AxisInfo> &mesh = context.model.mesh;
  for (size_t i = 0; i < mesh.size(); ++i)
    if (mesh[i].name != "data" && mesh[i].size != 1)
      context.notYet(setting && i < declared ? setting->span : option,
                     "the mesh axis `" + mesh[i].name + "`");
  if (!findAxis("data"))
    mesh.insert(mesh.begin(), {"data", 1});
}

void ProgramChecker::findLimits(const Graph &graph) {
  static const std::set<std::string_view> kMoves = {"cast", "reshape",
                                                    "transpose", "broadcast"};
  for (const Node &node : graph.nodes) {
    int64_t limit;
    if (node.op == "softmax_cross_entropy")
      limit = node.operands[0]->type.shape.back().size;
    else if (node.op == "gather")
      limit = node.operands[0]->type.shape[node.lists[0][0]].size;
    else if (node.op == "scatter_add")
      limit = node.type.shape[0].size;
    else
      continue;
    const Node *integers = node.operands[1];
    while (kMoves.count(integers->op))
      integers = integers->operands[0];
    if (integers->op == "input" && isInteger(integers->type.dtype))
      for (InputInfo &input : context.model.inputs)
        if (input.name == integers->word)
          input.limit = input.limit ? std::min(input.limit, limit) : limit;
  }
}

bool ProgramChecker::run(bool needModel) {
  const auto *model = file.find<ast::ModelDecl>();
  if (!model && needModel) {
    context.error(Code::NoModel, Span{file.id, 0, 0}, "the file has no model")
        .help("a library of layers is imported: `import \"...\"`");
    return false;
  }
  readOverrides();
  if (context.failed())
    return false;
  auto precision = trainFields.find("precision");
  context.compute = BlockChecker::readPrecision(
      context, precision == trainFields.end() ? nullptr : &precision->second,
      context.model.training.precision);
  context.model.compute = context.compute;
  readMesh(file.find<ast::ParallelDecl>());
  if (context.failed())
    return false;
  std::optional<Elaborator> train;
  if (model) {
    context.model.name = model->name.text;
    context.model.span = model->name.span;
    train.emplace(context, context.model.train, Mode::Train);
    train->runModel(*model, hyperparameters);
    for (auto [graph, mode] : {std::pair(&context.model.eval, Mode::Eval),
                               std::pair(&context.model.infer, Mode::Infer)})
      if (!context.failed())
        Elaborator(context, *graph, mode).runModel(*model, hyperparameters);
    if (context.failed())
      return false;
  }
  for (size_t i = 0; i < context.program.files.size(); ++i)
    for (const auto *layer : context.program.files[i].all<ast::LayerDecl>()) {
      if (context.failed() || context.instantiated.count(layer))
        continue;
      Graph scratch;
      Elaborator(context, scratch, Mode::Train)
          .runLayerDry(*layer, context.program, i);
    }
  if (context.failed() || !model)
    return !context.failed();
  findLimits(context.model.train);
  BlockChecker blocks(context, *train);
  blocks.checkData(file.find<ast::DataDecl>());
  if (!context.failed())
    blocks.checkTrain(file.find<ast::TrainDecl>(), trainFields);
  if (!context.failed())
    blocks.checkParallel(file.find<ast::ParallelDecl>(), options.mesh);
  context.reportNotYet();
  return !context.failed();
}

} // namespace

void Elaborator::runModel(const ast::ModelDecl &model,
                          const std::map<std::string, Actual> &given) {
  modelBody = std::make_unique<Body>();
  modelBody->home = &context.program;
  modelBody->self = rootInstance.get();
  for (const ast::Parameter &parameter : model.parameters) {
    Actual actual;
    auto found = given.find(parameter.name.text);
    if (found != given.end())
      actual = found->second;
    if (!actual.given && !parameter.init) {
      context
          .error(Code::MissingArgument, parameter.span,
                 "the hyper-parameter `" + parameter.name.text +
                     "` has no value")
          .help("give it a default, or `--set " + parameter.name.text +
                "=...`");
      return;
    }
    if (!bindHyperparameter(parameter, actual, *modelBody))
      return;
  }
  runBlock(model.body, *modelBody);
  checkOutputs();
}

/// Some output says how many rows `infer` has.
void Elaborator::checkOutputs() {
  if (graph.outputs.empty() || context.failed() || context.hasNotYet())
    return;
  std::vector<const Node *> open;
  for (const NamedNode &output : graph.outputs)
    open.push_back(output.node);
  std::set<const Node *> seen;
  while (!open.empty()) {
    const Node *node = open.back();
    open.pop_back();
    if (node->op == "input")
      return;
    if (seen.insert(node).second)
      open.insert(open.end(), node->operands.begin(), node->operands.end());
  }
  const NamedNode &first = graph.outputs.front();
  context
      .error(Code::OutputWithoutBatch, first.span,
             "the output `" + first.name +
                 "` depends on no input: nothing says how many rows it has")
      .help("`x * 0 + ...` is as long as `x`");
}

void Elaborator::runLayerDry(const ast::LayerDecl &layer,
                             const ast::Program &home, size_t file) {
  Body body;
  body.layer = &layer;
  body.home = &home;
  body.file = file;
  body.dry = true;
  body.self = rootInstance.get();
  body.scopes[0]["..."] = {Value(), layer.span, false};
  for (const ast::Parameter &parameter : layer.parameters) {
    for (const ast::ExprPtr &dim : parameter.type.dims)
      if (const auto *name = llvm::dyn_cast<ast::NameExpr>(dim.get()))
        body.scopes[0].emplace(name->name, Binding{Value(), name->span, false});
    body.scopes[0][parameter.name.text] = {Value(), parameter.name.span, false};
  }
  Body before = body;
  runBlock(layer.body, body);
  if (layer.gradient && !context.failed())
    giveGradient(layer, std::move(before), {}, layer.name.span);
}

void Elaborator::checkLoss() { checkLinear(graph.loss, "the loss"); }

void Elaborator::checkLinear(const Node *root, const std::string &what) {
  std::vector<const Node *> open = {root};
  std::set<const Node *> seen;
  static const std::set<std::string_view> kLinear = {
      "add",
      "sub",
      "neg",
      "reshape",
      "transpose",
      "broadcast",
      "concat",
      "slice",
      "scatter_add",
      "result", // what is nonlinear in a layer stands before its own gradient
      "custom_gradient"};
  while (!open.empty()) {
    const Node *node = open.back();
    open.pop_back();
    if (!node->afterBatch || !seen.insert(node).second)
      continue;
    bool isMax = node->op == "reduce" && node->word != "sum";
    if (node->reducesBatch && !isMax)
      continue;
    auto after = [&](size_t i) { return node->operands[i]->afterBatch; };
    bool linear =
        kLinear.count(node->op) || (node->op == "reduce" && !isMax) ||
        (node->op == "cast" && isFloat(node->operands[0]->type.dtype)) ||
        ((node->op == "mul" || node->op == "dot") && after(0) != after(1)) ||
        (node->op == "gather" && !after(1)) ||
        (node->op == "div" && !after(1)) || (node->op == "select" && !after(0));
    if (!linear) {
      const Node *cause = node;
      while (!cause->reducesBatch)
        for (const Node *operand : cause->operands)
          if (operand->afterBatch) {
            cause = operand;
            break;
          }
      context
          .error(Code::NonlinearBatch, node->span,
                 what + " uses a reduction over the batch nonlinearly")
          .note(cause->span, "the batch is reduced here")
          .help("apply it to each example, and take the mean of that; a "
                "`metric` may be nonlinear");
      return;
    }
    for (const Node *operand : node->operands)
      open.push_back(operand);
  }
}

std::optional<CheckedModel>
checkProgram(const ast::Program &program, const ast::Program &library,
             SourceManager &sources, DiagnosticEngine &diagnostics,
             const CompileOptions &options, bool needModel, bool &usageError) {
  CheckContext context(sources, diagnostics, program, library);
  ProgramChecker checker(context, sources, options);
  bool fine = checker.run(needModel);
  // What an option says is a file of its own, named after the option.
  for (const Diagnostic &error : diagnostics.errors())
    usageError |= error.span.valid() &&
                  sources.file(error.span.file).name().starts_with("--");
  if (!fine)
    return std::nullopt;
  return std::move(context.model);
}

} // namespace mlc::frontend
