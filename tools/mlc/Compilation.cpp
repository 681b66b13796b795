//===- Compilation.cpp - A module on its way through the phases -----------===//

#include "tools/mlc/Compilation.h"

#include "codegen/cpu/CpuCodegen.h"
#include "frontend/Frontend.h"
#include "ir/dist/DistDialect.h"
#include "ir/graph/GraphDialect.h"
#include "ir/graph/SourceLines.h"
#include "ir/plan/PlanOps.h"
#include "passes/Pipelines.h"
#include "passes/analysis/Reports.h"
#include "tools/mlc/Files.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;

namespace mlc::driver {

void printError(const std::string &message) {
  llvm::errs() << (wantsColor() ? "\033[1;31merror:\033[0m " : "error: ")
               << message << "\n";
}

static DialectRegistry makeRegistry() {
  DialectRegistry registry;
  registry.insert<func::FuncDialect, graph::GraphDialect, dist::DistDialect,
                  plan::PlanDialect>();
  registerCpuCodegenDialects(registry);
  return registry;
}

Compilation::Compilation(const Options &given)
    : options(given),
      context(makeRegistry(), MLIRContext::Threading::DISABLED) {
  context.loadDialect<func::FuncDialect, graph::GraphDialect, dist::DistDialect,
                      plan::PlanDialect>();
  context.printOpOnDiagnostic(false);
  context.getDiagEngine().registerHandler(
      [this](Diagnostic &diagnostic) { report(diagnostic); });
}

//===----------------------------------------------------------------------===//
// Diagnostics
//===----------------------------------------------------------------------===//

/// The line of `text` with this number, from 1.
static StringRef lineOf(StringRef text, unsigned number) {
  for (; number > 1 && !text.empty(); --number)
    text = text.split('\n').second;
  return text.split('\n').first;
}

/// The line of the input with a caret; nothing where the place is elsewhere.
void Compilation::showLine(FileLineColLoc place) {
  StringRef file = llvm::sys::path::filename(place.getFilename().getValue());
  StringRef line = lineOf(source, place.getLine());
  if (file != llvm::sys::path::filename(options.input) || line.empty())
    return;
  std::string number = std::to_string(place.getLine());
  std::string margin(number.size(), ' ');
  llvm::errs() << margin << " |\n"
               << number << " | " << line << "\n"
               << margin << " | "
               << std::string(std::max(1u, place.getColumn()) - 1, ' ')
               << "^\n";
}

void Compilation::report(Diagnostic &diagnostic) {
  auto show = [&](Diagnostic &d, StringRef word) {
    llvm::errs() << word << ": " << d.str() << "\n";
    auto places = getSourceLines(d.getLocation());
    if (places.empty())
      return;
    FileLineColLoc place = places.front();
    llvm::errs() << " --> " << mlc::toString(place) << "\n";
    showLine(place);
    if (std::string layer = getLayerText(d.getLocation()); !layer.empty())
      llvm::errs() << " = " << layer << "\n";
  };
  bool isError = diagnostic.getSeverity() == DiagnosticSeverity::Error;
  errors += isError;
  if (isError && errors > 1)
    return; // what follows from the first
  show(diagnostic, isError ? "error" : "warning");
  for (Diagnostic &note : diagnostic.getNotes())
    show(note, "note");
}

//===----------------------------------------------------------------------===//
// Loading
//===----------------------------------------------------------------------===//

int Compilation::load() {
  std::string error;
  std::optional<std::string> text = readInput(options.input, error);
  if (!text) {
    printError(error);
    return kModelError;
  }
  source = std::move(*text);
  bool model = !options.compileFrom || *options.compileFrom == Phase::Ast;
  return model ? loadModel() : loadPhase();
}

int Compilation::loadModel() {
  frontend::CompileOptions input;
  input.fileName = options.input == "-" ? "<stdin>" : options.input;
  input.text = source;
  input.isAstJson = options.compileFrom == Phase::Ast;
  input.overrides = options.overrides;
  input.mesh = options.mesh;
  std::string error;
  input.library = installedLibrary(error);
  if (!error.empty()) {
    printError(error);
    return kModelError;
  }
  input.color = wantsColor();
  frontend::CompileResult result = frontend::compile(context, input);
  llvm::errs() << result.diagnostics;
  if (result.status == frontend::CompileStatus::UsageError)
    return kUsageError;
  if (result.status != frontend::CompileStatus::Ok || !result.module)
    return kModelError;
  module = std::move(result.module);
  phase = Phase::Graph;
  addModelDigest();
  return verifyReached();
}

int Compilation::loadPhase() {
  module = parseSourceString<ModuleOp>(
      source, ParserConfig(&context), llvm::sys::path::filename(options.input));
  if (!module)
    return kModelError;
  phase = *options.compileFrom;
  if (phase == Phase::Graph)
    addModelDigest();
  return verifyReached();
}

/// Hashes what training computes, so that a checkpoint of another model can be
/// refused: everything but where the data lies, the mesh, and how long to
/// train.
void Compilation::addModelDigest() {
  constexpr StringLiteral kDigest = "mlc.model_digest";
  Operation *op = *module;
  if (op->hasAttr(kDigest))
    return;
  DictionaryAttr attributes = op->getAttrDictionary();
  for (StringRef name : {"mlc.mesh", "mlc.splits", "mlc.source"})
    op->removeAttr(name);
  if (auto train = op->getAttrOfType<DictionaryAttr>("mlc.train")) {
    NamedAttrList fields(train);
    for (StringRef name :
         {"epochs", "steps", "best", "best_is_lowest", "patience"})
      fields.erase(name);
    op->setAttr("mlc.train", fields.getDictionary(&context));
  }
  std::string text;
  llvm::raw_string_ostream stream(text);
  op->print(stream, OpPrintingFlags().useLocalScope());
  op->setAttrs(attributes);
  op->setAttr(kDigest,
              IntegerAttr::get(IntegerType::get(&context, 64),
                               static_cast<int64_t>(llvm::xxh3_64bits(text))));
}

//===----------------------------------------------------------------------===//
// Phases
//===----------------------------------------------------------------------===//

int Compilation::advanceTo(Phase to) {
  while (phase < to)
    if (int code = step(); code != kDone)
      return code;
  return kDone;
}

int Compilation::step() {
  switch (phase) {
  case Phase::Schedule:
    return lowerToKernels();
  case Phase::Kernels:
    return linkKernels();
  default:
    return runPasses(static_cast<Phase>(static_cast<int>(phase) + 1));
  }
}

int Compilation::runPipeline(PassManager &manager, const char *name) {
  if (succeeded(manager.run(*module)))
    return kDone;
  if (errors > 0)
    return kModelError;
  printError(std::string("the phase ") + name +
             " failed without a reason; this is a bug of mlc");
  return kInternalError;
}

int Compilation::verifyReached() {
  PassManager manager(&context);
  verifyPhase(manager, toString(phase));
  return runPipeline(manager, toString(phase));
}

int Compilation::addGradients() {
  PassManager manager(&context);
  buildGradientsOnlyPipeline(manager);
  return runPipeline(manager, toString(Phase::Grad));
}

int Compilation::runPasses(Phase to) {
  PassManager manager(&context);
  ScheduleOptions schedule;
  schedule.fusion = options.fusion;
  schedule.reuse = options.reuse;
  switch (to) {
  case Phase::Grad:
    buildGradPipeline(manager);
    break;
  case Phase::Dist:
    buildDistPipeline(manager);
    break;
  case Phase::Local:
    buildLocalPipeline(manager);
    break;
  default:
    // The code says how much scratch memory its kernels need.
    if (int code = resolveTarget(); code != kDone)
      return code;
    recordTarget();
    context.getOrLoadDialect("llvm");
    schedule.prepareKernels = [this](ModuleOp scheduled) {
      return setScratchBytes(scheduled, *target);
    };
    buildSchedulePipeline(manager, schedule);
    break;
  }
  if (int code = runPipeline(manager, toString(to)))
    return code;
  phase = to;
  if (phase == Phase::Local) {
    // What the plan predicts; the schedule has no graph to predict it from.
    (*module)->setAttr("mlc.predicted_step_seconds",
                       FloatAttr::get(Float64Type::get(&context),
                                      predictStepSeconds(*module)));
  }
  return kDone;
}

int Compilation::resolveTarget() {
  if (target)
    return kDone;
  if (options.target != "cpu") {
    printError("--target " + options.target +
               ": this mlc has no code generator for CUDA; use --target cpu");
    return kTargetError;
  }
  std::string error;
  target = CpuTarget::resolve(options.cpu, error);
  // The text of a later phase knows the processor that it was made for.
  auto recorded = (*module)->getAttrOfType<StringAttr>("mlc.cpu");
  if (target && recorded && options.cpu == "native" &&
      recorded.getValue() != target->cpu)
    target = CpuTarget::resolve(recorded.str(), error);
  if (target)
    return kDone;
  printError(error);
  return kTargetError;
}

/// The text of this phase and of later ones knows its processor.
void Compilation::recordTarget() {
  (*module)->setAttr("mlc.cpu", StringAttr::get(&context, target->cpu));
}

int Compilation::lowerToKernels() {
  if (int code = resolveTarget(); code != kDone)
    return code;
  recordTarget(); // a schedule's may be another
  if (failed(lowerKernels(*module, *target)) || failed(verify(*module))) {
    if (errors == 0)
      printError("lowering a kernel failed without a reason; this is a bug of "
                 "mlc");
    return kInternalError;
  }
  phase = Phase::Kernels;
  return verifyReached();
}

int Compilation::linkKernels() {
  if (int code = resolveTarget(); code != kDone)
    return code;
  if (failed(mlc::linkKernels(*module, *target))) {
    if (errors == 0)
      printError("linking the kernels failed without a reason; this is a bug "
                 "of mlc");
    return kInternalError;
  }
  phase = Phase::Plan;
  return verifyReached();
}

std::string Compilation::print() {
  std::string text;
  llvm::raw_string_ostream stream(text);
  module->print(stream, OpPrintingFlags().enableDebugInfo(true, false));
  return text;
}

int Compilation::printLlvm(std::string &text) {
  if (int code = resolveTarget(); code != kDone)
    return code;
  llvm::raw_string_ostream stream(text);
  if (succeeded(mlc::printLlvm(*module, *target, stream)))
    return kDone;
  return kInternalError;
}

} // namespace mlc::driver
