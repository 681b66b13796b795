//===- Interpret.cpp - Trains with the reference interpreter --------------===//

#include "tools/mlc/Interpret.h"

#include "ir/dist/MeshConfig.h"
#include "ir/graph/GraphDialect.h"
#include "tools/mlc/Files.h"
#include "tools/mlc/TrainingData.h"

#include "llvm/Support/Path.h"

#include <charconv>
#include <cmath>

using namespace mlir;

namespace mlc::driver {

static void appendNumber(std::string &line, double value) {
  char text[32];
  line.append(text, std::to_chars(text, text + sizeof text, value).ptr);
}

/// A number, or nested lists of them; returns how many elements it took.
static int64_t appendValue(std::string &line, const graph::Literal &value,
                           ArrayRef<int64_t> shape, int64_t first = 0) {
  if (shape.empty()) {
    appendNumber(line, value.at(first));
    return 1;
  }
  int64_t taken = 0;
  line += '[';
  for (int64_t i = 0; i < shape[0]; ++i) {
    line += i > 0 ? ", " : "";
    taken += appendValue(line, value, shape.drop_front(), first + taken);
  }
  line += ']';
  return taken;
}

/// `step 1, epoch 1: loss 2.31, accuracy 0.125`.
static std::string lineOf(uint64_t step, uint64_t epoch,
                          const interpreter::StepResult &result) {
  std::string line =
      "step " + std::to_string(step) + ", epoch " + std::to_string(epoch) + ":";
  StringRef separator = " ";
  if (result.loss) {
    line += " loss ";
    appendNumber(line, *result.loss);
    separator = ", ";
  }
  for (const auto &[name, value] : result.metrics) {
    line += (separator + name + " ").str();
    appendValue(line, value, value.getShape());
    separator = ", ";
  }
  return line + "\n";
}

static int fail(const mlrt::Status &status) {
  printError(status.message());
  return mlrt::exitCode(status.code());
}

/// Devices of the mesh; one where its size is left to mlrun.
static int64_t devicesOf(ModuleOp module) {
  int64_t devices = 1;
  if (auto mesh = dist::readMesh(module); succeeded(mesh))
    for (const dist::MeshAxis &axis : *mesh)
      devices *= std::max<int64_t>(1, axis.size);
  return devices;
}

static int train(Compilation &compilation, const Options &options) {
  ModuleOp module = compilation.getModule();
  std::string folder = options.data.empty()
                           ? llvm::sys::path::parent_path(options.input).str()
                           : options.data;
  auto data = TrainingData::open(module, folder.empty() ? "." : folder);
  if (!data.ok())
    return fail(data.status());
  interpreter::Options how;
  how.devices = compilation.getPhase() >= Phase::Dist ? devicesOf(module) : 1;
  interpreter::ProgramRunner runner(module, how);
  runner.seed = static_cast<int64_t>((*data)->seed());
  if (mlrt::Status status =
          initializeParameters(module, (*data)->seed(), runner.parameters);
      !status.ok())
    return fail(status);
  for (long long step = 0; step < *options.interpretSteps; ++step) {
    auto result = runner.run("train", (*data)->next());
    if (failed(result))
      return kModelError;
    uint64_t epoch = step / (*data)->stepsPerEpoch() + 1;
    std::string error;
    bool readerGone = false;
    if (!writeOutput("-", lineOf(step + 1, epoch, *result), error,
                     &readerGone)) {
      printError(error);
      return kModelError;
    }
    if (readerGone)
      return kDone;
    if (result->loss && !std::isfinite(*result->loss)) {
      printError("the loss became " +
                 std::string(std::isnan(*result->loss) ? "nan" : "infinite") +
                 " at step " + std::to_string(step + 1));
      return kModelError;
    }
  }
  return kDone;
}

int interpret(Compilation &compilation, const Options &options) {
  if (compilation.getPhase() > Phase::Local) {
    printError("--interpret needs the phase local or an earlier one");
    return kUsageError;
  }
  if (!compilation.getModule().lookupSymbol("train")) {
    printError("--interpret trains, and the model has no program @train; give "
               "it a loss and a train block with an optimizer");
    return kModelError;
  }
  if (compilation.getPhase() < Phase::Grad)
    if (int code = compilation.advanceTo(Phase::Grad))
      return code;
  return train(compilation, options);
}

} // namespace mlc::driver
