//===- Check.cpp - Compiled against interpreted ---------------------------===//

#include "test/random/Check.h"

#include "codegen/cpu/CpuCodegen.h"
#include "ir/dist/DistDialect.h"
#include "ir/graph/GraphOps.h"
#include "ir/plan/PlanOps.h"
#include "passes/Pipelines.h"
#include "test/random/Bounds.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>
#include <cstring>

using namespace mlir;
using mlc::graph::Literal;

namespace mlc::randomgraph {

void Report::add(const Report &other) {
  plans += other.plans;
  judged += other.judged;
  unjudged += other.unjudged;
  gradients += other.gradients;
  kinks += other.kinks;
}

std::string Failure::signature() const {
  if (kind != "run" && kind != "rejected")
    return kind;
  // "fusion=all ...: the reason"; words with digits or quotes are names.
  std::string text = kind;
  SmallVector<StringRef> words;
  StringRef(message).split(": ").second.split(words, ' ');
  for (StringRef word : words)
    if (word.find_first_of("0123456789'\"<>%") == StringRef::npos)
      text += " " + word.str();
  return text;
}

DialectRegistry makeRegistry() {
  DialectRegistry registry;
  registry.insert<func::FuncDialect, graph::GraphDialect, dist::DistDialect,
                  plan::PlanDialect>();
  registerCpuCodegenDialects(registry);
  return registry;
}

namespace {

using Expected = std::map<std::string, Bounded>;
using Values = std::map<std::string, Literal>;

/// "p3", "loss", "m2", "o4": the name of a function's result.
std::string resultName(func::FuncOp function, unsigned index) {
  if (auto path = function.getResultAttrOfType<FlatSymbolRefAttr>(
          index, graph::kUpdateAttr))
    return path.getValue().str();
  for (StringRef attribute : {graph::kMetricAttr, graph::kOutputAttr})
    if (auto name = function.getResultAttrOfType<StringAttr>(index, attribute))
      return name.str();
  return "loss";
}

class Checker {
public:
  Checker(MLIRContext &context, const Graph &graph, const CheckOptions &options)
      : context(context), graph(graph), options(options),
        handler(&context, [this](Diagnostic &diagnostic) {
          errors += diagnostic.str() + "\n";
        }) {}

  Report run() {
    OwningOpRef<ModuleOp> module = buildModule(context, graph);
    if (!module) {
      fail("invalid", "the graph cannot be built: " + errors);
      return report;
    }
    inputs = makeInputs(context, graph);
    OwningOpRef<ModuleOp> grad = module->clone();
    if (!lower(*grad, "grad", buildGradPipeline) || !expect(*grad))
      return report;
    judge("interpreter", "at phase grad", interpret(*grad, {}));
    judge("fold", "at phase graph",
          interpret(*module, {/*f64=*/true, 1}, /*updates=*/false),
          /*updates=*/false);
    if (options.gradients && !report.failure &&
        failed(checkGradients(*module, inputs, report)))
      fail("gradient", "cannot be checked: " + errors);
    OwningOpRef<ModuleOp> local = std::move(grad);
    if (report.failure || !lower(*local, "dist", buildDistPipeline) ||
        !lower(*local, "local", buildLocalPipeline))
      return report;
    judge("passes", "at phase local", interpret(*local, {}));
    if (graph.elastic && graph.microbatches > 1)
      judge("passes", "at phase local, 2 devices",
            interpret(*local, {/*f64=*/false, 2}));
    for (const Setting &setting : options.settings)
      if (!report.failure)
        checkPlan(*local, setting);
    return report;
  }

private:
  void fail(StringRef kind, const Twine &message) {
    if (!report.failure)
      report.failure = Failure{kind.str(), message.str()};
  }

  bool lower(ModuleOp module, StringRef phase,
             llvm::function_ref<void(OpPassManager &)> pipeline) {
    PassManager manager(&context);
    pipeline(manager);
    if (succeeded(manager.run(module)))
      return true;
    fail("rejected", "on the way to phase " + phase + ": " + errors);
    return false;
  }

  /// Fills `expected` from a module of the phase grad.
  bool expect(ModuleOp grad) {
    for (auto &[path, literal] : inputs.parameters)
      state[path] = Bounded(literal);
    if (auto infer = grad.lookupSymbol<func::FuncOp>("infer"))
      if (!expectRun(infer, "infer ", 0))
        return false;
    auto train = grad.lookupSymbol<func::FuncOp>("train");
    return expectRun(train, "step1 ", 0) && expectRun(train, "step2 ", 1);
  }

  bool expectRun(func::FuncOp function, const std::string &prefix,
                 int64_t step) {
    std::vector<Bounded> arguments;
    for (auto [index, literal] :
         llvm::enumerate(bindArguments(function, inputs, step))) {
      arguments.emplace_back(literal);
      if (auto path = function.getArgAttrOfType<FlatSymbolRefAttr>(
              index, graph::kParamAttr))
        if (auto found = state.find(path.getValue().str());
            found != state.end())
          arguments.back() = found->second;
    }
    auto results =
        evaluateBounded(function, std::move(arguments), graph.microbatches);
    if (failed(results)) {
      fail("interpreter", "cannot evaluate: " + errors);
      return false;
    }
    for (auto [index, result] : llvm::enumerate(*results)) {
      if (function.getResultAttr(index, graph::kUpdateAttr))
        state[resultName(function, index)] = result;
      else
        expected[prefix + resultName(function, index)] = result;
    }
    if (function.getName() == "train")
      for (auto &[path, value] : state)
        expected[prefix + path] = value;
    return true;
  }

  std::optional<Values> interpret(ModuleOp module, interpreter::Options how,
                                  bool updates = true) {
    interpreter::ProgramRunner runner(module, how);
    runner.parameters = inputs.parameters;
    Values values;
    auto take = [&](const std::string &prefix,
                    const interpreter::StepResult &result) {
      if (result.loss)
        values[prefix + "loss"] =
            Literal::scalar(Float64Type::get(&context), *result.loss);
      for (auto *list : {&result.metrics, &result.outputs})
        for (auto &[name, literal] : *list)
          values[prefix + name] = literal;
      for (auto &[path, literal] : runner.parameters)
        if (updates && prefix != "infer ")
          values[prefix + path] = literal;
    };
    if (module.lookupSymbol("infer")) {
      auto result = runner.run("infer", inputs.batch);
      if (failed(result))
        return std::nullopt;
      take("infer ", *result);
    }
    for (const char *prefix : {"step1 ", "step2 "}) {
      auto result = runner.run("train", inputs.batch);
      if (failed(result))
        return std::nullopt;
      take(prefix, *result);
      if (!updates)
        break; // parameters do not move
    }
    return values;
  }

  /// How many results a run has; without updates, of one step and its results
  /// alone.
  size_t countExpected(bool updates) const {
    if (updates)
      return expected.size();
    return llvm::count_if(expected, [&](const auto &each) {
      StringRef name = each.first;
      if (name.consume_front("step2 "))
        return false;
      return !name.consume_front("step1 ") || !state.count(name.str());
    });
  }

  /// Compares values with what is expected: each, and all of them.
  void judge(StringRef kind, const Twine &where,
             const std::optional<Values> &values, bool updates = true) {
    if (report.failure)
      return;
    if (!values)
      return fail(kind, where + " fails: " + errors);
    for (auto &[name, value] : *values) {
      auto found = expected.find(name);
      if (found == expected.end())
        return fail(kind, where + ": nothing is expected of " + name);
      if (std::string difference = compare(found->second, value);
          !difference.empty())
        return fail(kind, where + ": " + name + difference);
    }
    if (values->size() != countExpected(updates))
      fail(kind, where + " does not give every result");
  }

  /// Empty, or the elements that are too far off.
  std::string compare(const Bounded &want, const Literal &have) {
    int64_t bad = 0, first = -1;
    for (int64_t i = 0; i < want.value.size(); ++i) {
      double error = want.error[i];
      if (!(error < kUnknown)) {
        ++report.unjudged;
        continue;
      }
      ++report.judged;
      if (std::fabs(have.at(i) - want.value.at(i)) <= error)
        continue;
      if (bad++ == 0)
        first = i;
    }
    if (bad == 0)
      return "";
    return llvm::formatv(": {0} of {1} elements are wrong; element {2} is "
                         "{3:e12}, but should be {4:e12} within {5:e3}",
                         bad, want.value.size(), first, have.at(first),
                         want.value.at(first), want.error[first])
        .str();
  }

  void checkPlan(ModuleOp local, const Setting &setting) {
    OwningOpRef<ModuleOp> module = local.clone();
    if (options.fault)
      options.fault(*module);
    std::string where = setting.text();
    FailureOr<std::string> plan = compileToPlan(*module, setting, codes);
    if (failed(plan))
      return fail("rejected", where + ": " + errors);
    ++report.plans;
    std::string error;
    std::optional<RawResults> raw = runPlan(*plan, graph, inputs, 1, error);
    if (!raw)
      return fail("run", where + ": " + error);
    Values values;
    for (auto &[name, bytes] : *raw) {
      auto found = expected.find(name);
      if (found == expected.end())
        return fail("value", where + ": nothing is expected of " + name);
      RankedTensorType type = found->second.value.getType();
      if (name.ends_with(" loss"))
        type = RankedTensorType::get({}, Float64Type::get(&context));
      values[name] = fromBytes(type, bytes);
    }
    judge("value", where, values);
    std::optional<RawResults> threaded =
        runPlan(*plan, graph, inputs, 3, error);
    if (!threaded)
      return fail("run", where + ", 3 threads: " + error);
    if (std::string name = difference(*raw, *threaded); !name.empty())
      return fail("threads", where + ": " + name +
                                 " has other bits on 3 threads than on 1");
    auto [other, fresh] =
        byKernels.try_emplace(setting.fusion + setting.cpu, *raw);
    if (std::string name = difference(*raw, other->second); !name.empty())
      fail("reuse", where + ": " + name +
                        " has other bits than with the other reuse of memory");
  }

  static std::string difference(const RawResults &a, const RawResults &b) {
    for (auto &[name, bytes] : a)
      if (auto found = b.find(name); found == b.end() || found->second != bytes)
        return name;
    return "";
  }

  MLIRContext &context;
  const Graph &graph;
  const CheckOptions &options;
  Report report;
  std::string errors;
  ScopedDiagnosticHandler handler;
  Inputs inputs;
  std::map<std::string, Bounded> state; ///< parameters between steps
  Expected expected;
  std::map<std::string, RawResults> byKernels;
  CodeCache codes;
};

} // namespace

Report check(MLIRContext &context, const Graph &graph,
             const CheckOptions &options) {
  return Checker(context, graph, options).run();
}

} // namespace mlc::randomgraph
