//===- Driver.cpp - mlc, from the command line to the exit code -----------===//

#include "tools/mlc/Driver.h"

#include "codegen/PlanWriter.h"
#include "frontend/Diagnostics.h"
#include "frontend/Frontend.h"
#include "tools/mlc/Compilation.h"
#include "tools/mlc/Files.h"
#include "tools/mlc/Format.h"
#include "tools/mlc/HtmlReport.h"
#include "tools/mlc/Interpret.h"
#include "tools/mlc/MemoryReport.h"

#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace mlc::driver {

namespace {

/// Standard output that was cut short is an error too.
int putText(const std::string &text) {
  std::string error;
  if (writeOutput("-", text, error))
    return kDone;
  printError(error);
  return kModelError;
}

std::string defaultOutput(const std::string &input) {
  if (input == "-")
    return "model.plan";
  llvm::SmallString<128> path(input);
  llvm::sys::path::replace_extension(path, "plan");
  return path.str().str();
}

int emitAst(const Options &options) {
  std::string error;
  std::optional<std::string> text = readInput(options.input, error);
  if (!text) {
    printError(error);
    return kModelError;
  }
  frontend::CompileOptions input;
  input.fileName = options.input == "-" ? "<stdin>" : options.input;
  input.text = *text;
  input.isAstJson = options.compileFrom == Phase::Ast;
  input.color = wantsColor();
  frontend::TextResult result = frontend::emitAst(input);
  llvm::errs() << result.diagnostics;
  if (result.status != frontend::CompileStatus::Ok)
    return result.status == frontend::CompileStatus::UsageError ? kUsageError
                                                                : kModelError;
  return putText(result.text);
}

/// Prints one phase; nothing is written.
int emitPhase(Compilation &compilation, Phase phase) {
  bool llvm = phase == Phase::Llvm;
  if (int code = compilation.advanceTo(llvm ? Phase::Kernels : phase))
    return code;
  std::string text;
  if (llvm) {
    if (int code = compilation.printLlvm(text))
      return code;
  } else {
    text = compilation.print();
  }
  return putText(text);
}

/// The reports that were asked for, gathered on the way to the plan.
class Reports {
public:
  explicit Reports(const Options &options) : options(options) {}

  bool wants(StringRef what) const {
    return !options.reportHtml.empty() || options.report == "all" ||
           options.report == what;
  }

  void add(StringRef title, Report report) {
    text += (text.empty() ? "" : "\n") + report.text;
    html += htmlSection(title.str(), report.text);
    list.push_back(std::move(report.json));
  }

  int write(const std::string &model) {
    if (!options.report.empty()) {
      if (options.json) {
        llvm::json::Value value =
            list.size() == 1
                ? std::move(list[0])
                : llvm::json::Value(llvm::json::Object{
                      {"schema_version", 1},
                      {"report", "all"},
                      {"reports", llvm::json::Array(std::move(list))}});
        std::string json;
        llvm::raw_string_ostream(json) << llvm::formatv("{0:2}", value);
        text = json + "\n";
      }
      if (int code = putText(text))
        return code;
    }
    std::string error;
    if (!options.reportHtml.empty() &&
        !writeOutput(options.reportHtml, htmlPage(model, html), error)) {
      printError(error);
      return kModelError;
    }
    return kDone;
  }

private:
  const Options &options;
  std::string text, html;
  llvm::json::Array list;
};

int reportLocal(Compilation &compilation, const Options &options,
                Reports &reports) {
  bool needed = reports.wants("time") || !options.explain.empty();
  if (!needed)
    return kDone;
  if (compilation.getPhase() > Phase::Local) {
    printError("the report of time, and --explain, need the phase local or an "
               "earlier one");
    return kUsageError;
  }
  if (int code = compilation.advanceTo(Phase::Local))
    return code;
  if (!options.explain.empty()) {
    std::string suggestion;
    FailureOr<std::string> text =
        explainValue(compilation.getModule(), options.explain, suggestion);
    if (failed(text)) {
      printError(
          "no value \"" + options.explain + "\" in the model" +
          (suggestion.empty() ? "" : "; did you mean \"" + suggestion + "\"?"));
      return kUsageError;
    }
    if (int code = putText(*text))
      return code;
  }
  if (reports.wants("time"))
    reports.add("Time", reportTime(compilation.getModule()));
  return kDone;
}

int writePlanFile(Compilation &compilation, const Options &options) {
  FailureOr<std::string> bytes = writePlan(compilation.getModule());
  if (failed(bytes))
    return kInternalError;
  std::string error;
  std::string path =
      options.output.empty() ? defaultOutput(options.input) : options.output;
  if (writeOutput(path, *bytes, error))
    return kDone;
  printError(error);
  return kModelError;
}

int compile(const Options &options) {
  if (options.format)
    return formatModel(options);
  if (options.emit == Phase::Ast)
    return emitAst(options);
  Compilation compilation(options);
  if (int code = compilation.load())
    return code;
  if (options.checkGradients)
    return checkGradients(compilation);
  if (options.interpretSteps)
    return interpret(compilation, options);
  if (options.emit)
    return emitPhase(compilation, *options.emit);

  Reports reports(options);
  if (int code = reportLocal(compilation, options, reports))
    return code;
  if (int code = compilation.advanceTo(Phase::Schedule))
    return code;
  if (reports.wants("comm"))
    reports.add("Communication", reportCommunication(compilation.getModule()));
  if (reports.wants("memory"))
    reports.add("Memory", reportMemory(compilation.getModule()));
  if (int code = compilation.advanceTo(Phase::Plan))
    return code;
  std::string name =
      compilation.getModule().getSymName().value_or("model").str();
  if (int code = reports.write(name))
    return code;
  return writePlanFile(compilation, options);
}

} // namespace

int run(int argc, char **argv) {
  std::string error;
  std::optional<Options> options = parseOptions(argc, argv, error);
  if (!options) {
    printError(error);
    return kUsageError;
  }
  if (options->help)
    return putText(helpText());
  if (options->version)
    return putText("mlc " MLC_VERSION
                   " (plan format 1.0, LLVM " LLVM_VERSION_STRING
                   ", targets: cpu)\n");
  if (!options->explainCode.empty()) {
    if (auto text = frontend::explainCode(options->explainCode))
      return putText(*text + (StringRef(*text).ends_with("\n") ? "" : "\n"));
    printError("no error has the code " + options->explainCode +
               "; codes look like E0203");
    return kUsageError;
  }
  return compile(*options);
}

} // namespace mlc::driver
